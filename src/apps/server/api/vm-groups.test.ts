/** VMs that never share a host: told of each VM, with whom, as hosts report it. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Check } from 'typebox/value'
import { aVm } from '../../../../tools/builders.ts'
import { parseHostId, parseVmId } from '../../../terms/ids.ts'
import { MINUTE_MS } from '../../../terms/units.ts'
import { GROUP_MATES_MAX, VmsView, VmView } from '../views/vms.ts'
import { ApiBench } from './builders.ts'
import { FakeAnswers } from './fakes/builders.ts'

const bench = new ApiBench({ answers: new FakeAnswers() })
const HOSTILE = '<img src=x onerror=alert(1)>'
const many = Array.from({ length: GROUP_MATES_MAX + 3 }, (_, i) => [`big-${1000 + i}`, 'big'] as const)
/** What runs on each host, and in which group. */
const SITE: Readonly<Record<string, readonly (readonly [string, string | undefined])[]>> = {
  'kvm-1': [['db-2', HOSTILE], ['free-1', undefined], ['lone-1', 'lone'], ...many],
  'kvm-2': [
    ['db-1', HOSTILE],
    ['db-3', HOSTILE],
  ],
}
let token = ''

before(async () => {
  await bench.start()
  token = await bench.token('viewer')
  const { store, now } = bench
  for (const [name, vms] of Object.entries(SITE)) {
    const told = vms.map(([vm, group]) => {
      const one = aVm({ id: parseVmId(vm), ...(group === undefined ? {} : { antiAffinityGroup: group }) })
      return { vm: one, state: 'running', mean: { cpu: 1 }, max: {} } as const
    })
    const report = { hostId: parseHostId(name), windowEnd: now, windowMs: MINUTE_MS, state: 'on' } as const
    await store.hosts.report([{ ...report, arrivedAt: now, vms: told }])
  }
})
after(() => bench.stop())

async function vmOf(vm: string): Promise<VmView> {
  const { json } = await bench.ask({ path: `/v1/vms/${vm}`, token })
  assert.ok(Check(VmView, json))
  return json
}

test('a VM is told with its group and with whom it never shares a host, on whichever host those are', async () => {
  const { antiAffinityGroup, groupMates, groupMatesLeftOut } = await vmOf('db-2')
  assert.deepEqual([antiAffinityGroup, groupMates, groupMatesLeftOut], [HOSTILE, ['db-1', 'db-3'], undefined])
  assert.deepEqual((await vmOf('lone-1')).groupMates, [])
})

test('a VM of no group has none', async () => {
  const told = await vmOf('free-1')
  assert.ok(!('antiAffinityGroup' in told || 'groupMates' in told || 'groupMatesLeftOut' in told))
})

test('of a large group a hundred are named, and how many are not is told', async () => {
  const { groupMates = [], groupMatesLeftOut } = await vmOf('big-1000')
  assert.equal(groupMates.length, GROUP_MATES_MAX)
  assert.deepEqual([groupMates[0], groupMates.at(-1)], ['big-1001', `big-${1000 + GROUP_MATES_MAX}`])
  assert.equal(groupMatesLeftOut, 2)
})

test('in the list each VM has its group, and not the others of it', async () => {
  const { json } = await bench.ask({ path: '/v1/vms?limit=1000', token })
  assert.ok(Check(VmsView, json))
  const grouped = json.vms.filter(({ vm }) => !vm.startsWith('big-'))
  assert.deepEqual(
    grouped.map(({ vm, antiAffinityGroup }) => [vm, antiAffinityGroup]),
    [
      ['db-1', HOSTILE],
      ['db-2', HOSTILE],
      ['db-3', HOSTILE],
      ['free-1', undefined],
      ['lone-1', 'lone'],
    ],
  )
  assert.ok(json.vms.every((one) => !('groupMates' in one)))
})
