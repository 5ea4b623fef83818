/** Reliability test 45: rules that contradict each other are refused when they are set, with a reason, and nothing moves. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { aHost, aVm } from '../../../../tools/builders.ts'
import { parseHostId, parseVmId } from '../../../terms/ids.ts'
import { MINUTE_MS } from '../../../terms/units.ts'
import type { Vm } from '../../../terms/vm.ts'
import { StoreError } from '../../../world/errors.ts'
import { readSettings } from '../site-settings.ts'
import { type Answered, ApiBench } from './builders.ts'
import { FakeAnswers, FakeStore } from './fakes/builders.ts'

const answers = new FakeAnswers()
const bench = new ApiBench({ answers })
const db = { antiAffinityGroup: 'db' }
/** What runs on each host. */
const SITE: Readonly<Record<string, readonly (readonly [string, Partial<Vm>])[]>> = {
  'kvm-1': [
    ['web-1', {}],
    ['db-1', db],
  ],
  'kvm-2': [
    ['licence-1', { isPinned: true }],
    ['db-2', db],
  ],
  'kvm-3': [],
}
let operator = ''

before(async () => {
  await bench.start()
  operator = await bench.token('operator')
  const { store, now } = bench
  for (const [name, vms] of Object.entries(SITE)) {
    const { id: hostId, ...characteristics } = aHost({ id: parseHostId(name) })
    await store.hosts.put({ hostId, corrections: JSON.stringify(characteristics), changedAt: now })
    const told = vms.map(([vm, changes]) => {
      return { vm: aVm({ id: parseVmId(vm), ...changes }), state: 'running', mean: { cpu: 1 }, max: {} } as const
    })
    const report = { hostId, windowEnd: now, windowMs: MINUTE_MS, state: 'on', arrivedAt: now, vms: told } as const
    await store.hosts.report([report])
  }
})
after(() => bench.stop())

function ask(method: 'PUT' | 'DELETE', path: string, isForced?: boolean): Promise<Answered> {
  const body = { reason: 'new disks', ...(isForced === undefined ? {} : { isForced }) }
  return bench.ask({ method, path, token: operator, ...(method === 'PUT' ? { body } : {}) })
}

const maintenance = (host: string): string => `/v1/hosts/${host}/maintenance`
const optOut = (vm: string): string => `/v1/vms/${vm}/opt-out`

test('a host with a pinned VM is not to be emptied, unless somebody means it all the same', async () => {
  const heeded = answers.moves.heeded
  const { status, json } = await ask('PUT', maintenance('kvm-2'))
  assert.deepEqual([status, json['error']['code']], [409, 'conflict'])
  assert.match(
    json['error']['message'],
    /^That contradicts what is set already\. kvm-2 is to be emptied, and licence-1 on it may not be moved\.$/,
  )
  assert.match(json['error']['remedy'], /^Take the pin or the opt-out back, .* ask with `isForced`\.$/)
  assert.deepEqual([(await readSettings(bench.store)).maintenances.size, answers.moves.heeded], [0, heeded])
  assert.equal((await ask('PUT', maintenance('kvm-2'), true)).status, 204)
  assert.equal((await ask('DELETE', maintenance('kvm-2'))).status, 204)
})

test('a second maintenance that leaves a group fewer hosts than VMs is refused, and so is that of all hosts', async () => {
  assert.equal((await ask('PUT', maintenance('kvm-1'))).status, 204)
  const second = await ask('PUT', maintenance('kvm-3'))
  assert.equal(second.status, 409)
  assert.match(second.json['error']['message'], /The group "db" keeps 2 VMs apart, and only 1 hosts/)
  // What was forced before is not held against the next.
  assert.equal((await ask('PUT', maintenance('kvm-3'), true)).status, 204)
  const last = await ask('PUT', maintenance('kvm-2'))
  assert.match(last.json['error']['message'], /licence-1 on it may not be moved\. All 3 hosts are in maintenance/)
  for (const host of ['kvm-1', 'kvm-3']) assert.equal((await ask('DELETE', maintenance(host))).status, 204)
})

test('a VM on a host that is being emptied is not opted out in passing', async () => {
  assert.equal((await ask('PUT', maintenance('kvm-1'))).status, 204)
  const { status, json } = await ask('PUT', optOut('web-1'))
  assert.equal(status, 409)
  assert.match(json['error']['message'], /kvm-1 is to be emptied, and web-1 on it may not be moved/)
  assert.equal((await ask('PUT', optOut('db-2'))).status, 204)
  assert.equal((await ask('PUT', optOut('web-1'), true)).status, 204)
  assert.equal((await ask('DELETE', maintenance('kvm-1'))).status, 204)
})

test('what can not be checked is not set, but by force', async () => {
  const { hosts } = bench.store
  const reports = hosts.reports.bind(hosts)
  const set = async (): Promise<readonly string[]> => [...(await readSettings(bench.store)).maintenances.keys()]
  hosts.reports = () => Promise.reject(new StoreError('io', 'The disk does not answer.'))
  try {
    const heeded = answers.moves.heeded
    const { status, json } = await ask('PUT', maintenance('kvm-3'))
    assert.deepEqual([status, json['error']['code']], [503, 'unavailable'])
    assert.match(json['error']['message'], /^Whether that can be kept beside the rules there are can't be told: /)
    assert.match(json['error']['remedy'], /ask with `isForced`\.$/)
    assert.deepEqual([await set(), answers.moves.heeded], [[], heeded])
    assert.equal((await ask('PUT', maintenance('kvm-3'), true)).status, 204)
    assert.deepEqual(await set(), ['kvm-3'])
  } finally {
    hosts.reports = reports
  }
  assert.equal((await ask('DELETE', maintenance('kvm-3'))).status, 204)
  assert.equal((await ask('PUT', maintenance('kvm-3'))).status, 204)
})

test('hosts and VMs are looked at by the ranker, and where it does not answer a wish is held against them all the same', async () => {
  const { hosts } = bench.store
  const reports = hosts.reports.bind(hosts)
  const { site } = answers
  let reads = 0
  hosts.reports = () => {
    reads++
    return reports()
  }
  const seenByRanker = Object.assign(new FakeStore(), { ...bench.store, hosts: { ...hosts, reports } })
  answers.site = { store: seenByRanker, clock: { now: () => bench.now } }
  try {
    assert.equal((await ask('PUT', maintenance('kvm-1'))).status, 409)
    assert.equal(reads, 0)
    answers.site = undefined
    const check = await bench.ask({ method: 'POST', path: '/v1/policy/check', token: operator, body: {} })
    assert.deepEqual(check.json, {
      isGood: false,
      problems: [],
      conflicts: [],
      unchecked: 'Nobody looks at the site.',
    })
    assert.equal(reads, 0)
    const refused = await ask('PUT', maintenance('kvm-1'))
    assert.equal(refused.status, 409)
    assert.match(refused.json['error']['message'], /kvm-1 is to be emptied, and web-1 on it may not be moved/)
    assert.equal((await ask('PUT', optOut('licence-1'))).status, 204)
    assert.equal(reads, 2)
  } finally {
    hosts.reports = reports
    answers.site = site
  }
})
