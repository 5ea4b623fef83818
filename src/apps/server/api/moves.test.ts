/** Levels at which VMs are moved, and what people want of moves. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { parseHostId } from '../../../terms/ids.ts'
import { readSettings } from '../site-settings.ts'
import { type Answered, ApiBench } from './builders.ts'
import { FakeAnswers } from './fakes/builders.ts'

const answers = new FakeAnswers()
const bench = new ApiBench({ answers })
const tokens = { viewer: '', operator: '', admin: '' }
const SITE = { hosts: [{ id: 'kvm-1', uri: 'qemu+tls://kvm-1/system' }] }

before(async () => {
  await bench.start()
  for (const role of ['viewer', 'operator', 'admin'] as const) tokens[role] = await bench.token(role)
  await bench.store.hosts.put({ hostId: parseHostId('kvm-1'), changedAt: bench.now })
})
after(() => bench.stop())

/** `token admin (e4fb88f2586f3ebc)` by its name. */
function nameIn(who: unknown): string {
  return /^token (\w+) \([0-9a-f]{16}\)$/.exec(String(who))?.[1] ?? String(who)
}

function put(path: string, token: string, body: object): Promise<Answered> {
  return bench.ask({ method: 'PUT', path, token, body })
}

test('without a driver nobody raises automation to where VMs are moved', async () => {
  const body = { level: 'partial', confirm: 'partial' }
  const { status, json } = await put('/v1/automation', tokens.admin, body)
  assert.deepEqual([status, json['error']['code']], [409, 'no-driver'])
  assert.match(json['error']['remedy'], /ethos libvirt set FILE/)
})

test('a password in the address of a libvirt is refused, and is told to nobody', async () => {
  const site = { hosts: [{ id: 'kvm-1', uri: 'qemu+tls://ann:canary-8401@kvm-1/system' }] }
  const { status, text } = await put('/v1/libvirt', tokens.admin, { site })
  assert.equal(status, 400)
  assert.ok(!text.includes('canary-8401'))
  assert.ok(!bench.said.join('\n').includes('canary-8401'))
  assert.ok(!JSON.stringify(await bench.store.audit.last(100)).includes('canary-8401'))
})

test('raising needs the level by its name, from an admin, and is audited and in the journal; lowering needs nothing', async () => {
  assert.equal((await put('/v1/libvirt', tokens.admin, { site: SITE })).status, 200)
  const unsaid = await put('/v1/automation', tokens.admin, { level: 'full' })
  assert.equal(unsaid.status, 400)
  assert.match(unsaid.json['error']['remedy'], /"confirm":"full"/)
  assert.equal((await put('/v1/automation', tokens.admin, { level: 'full', confirm: 'partial' })).status, 400)
  assert.equal((await put('/v1/automation', tokens.operator, { level: 'full', confirm: 'full' })).status, 403)
  assert.equal((await put('/v1/automation', tokens.admin, { level: 'full', confirm: 'full' })).status, 200)
  const [line] = (await bench.store.journal.last(1)).map((kept) => JSON.parse(kept.line) as object)
  assert.deepEqual(
    { ...line, who: nameIn((line as { who: string }).who) },
    {
      kind: 'automation',
      what: 'automation raised',
      who: 'admin',
      from: 'shadow',
      to: 'full',
      isPaused: false,
      areGuestsTrusted: false,
    },
  )
  assert.equal((await bench.store.audit.last(1))[0].what, 'automation raised')
  assert.equal((await put('/v1/automation', tokens.operator, { level: 'advisory' })).status, 200)
})

test('the end of a pause at full is as deliberate as the level', async () => {
  await put('/v1/automation', tokens.admin, { level: 'full', confirm: 'full' })
  const heeded = answers.moves.heeded
  assert.equal((await put('/v1/automation', tokens.operator, { isPaused: true })).status, 200)
  // The controller was told before the answer came.
  assert.equal(answers.moves.heeded, heeded + 1)
  assert.equal((await put('/v1/automation', tokens.admin, { isPaused: false })).status, 400)
  assert.equal((await put('/v1/automation', tokens.operator, { isPaused: false, confirm: 'full' })).status, 403)
  assert.equal((await put('/v1/automation', tokens.admin, { isPaused: false, confirm: 'full' })).status, 200)
})

test('while VMs are moved the last libvirt is not taken away', async () => {
  assert.equal((await put('/v1/libvirt', tokens.admin, { site: { hosts: [] } })).status, 409)
  await put('/v1/automation', tokens.admin, { level: 'shadow' })
  assert.equal((await put('/v1/libvirt', tokens.admin, { site: { hosts: [] } })).status, 200)
})

test('VMs are left alone and hosts emptied one by one, by two people at once, and each is heeded', async () => {
  const heeded = answers.moves.heeded
  const reason = 'licence is bound to kvm-2'
  const [one, other] = await Promise.all([
    put('/v1/vms/web-1/opt-out', tokens.operator, { reason }),
    put('/v1/vms/web-2/opt-out', tokens.admin, { reason }),
  ])
  assert.deepEqual([one.status, other.status], [204, 204])
  const { json } = await bench.ask({ path: '/v1/opt-outs', token: tokens.viewer })
  assert.deepEqual((json['vms'] as { vm: string; who: string }[]).map(({ vm, who }) => `${vm} ${nameIn(who)}`).sort(), [
    'web-1 operator',
    'web-2 admin',
  ])
  const path = '/v1/hosts/kvm-1/maintenance'
  assert.equal((await put('/v1/hosts/kvm-7/maintenance', tokens.operator, { reason })).status, 404)
  assert.equal((await put(path, tokens.operator, { reason: 'new disks', isForced: true })).status, 204)
  const hosts = (await bench.ask({ path: '/v1/maintenance', token: tokens.viewer })).json['hosts'] as object[]
  const wish = { at: bench.now, reason: 'new disks', isForced: true }
  assert.deepEqual(
    hosts.map((host) => ({ ...host, who: nameIn((host as { who: string }).who) })),
    [{ host: 'kvm-1', who: 'operator', ...wish }],
  )
  assert.equal((await bench.ask({ method: 'DELETE', path, token: tokens.operator })).status, 204)
  assert.equal((await bench.ask({ method: 'DELETE', path, token: tokens.operator })).status, 404)
  assert.equal(answers.moves.heeded, heeded + 4)
})

test('times for moves are kept as they were told, with what they mean now', async () => {
  const blackouts = [{ from: bench.now - 1, to: bench.now + 60_000, reason: 'year’s end' }]
  const windows = [{ days: ['mon', 'fri'], from: '22:00', to: '06:00' }]
  const body = { timeZone: 'Europe/Berlin', windows, blackouts }
  const { status, json } = await put('/v1/move-times', tokens.operator, body)
  assert.equal(status, 200)
  assert.deepEqual([json['windows'], json['blackouts']], [windows, blackouts])
  assert.match(json['now'], /A blackout lasts until .*: year’s end\./)
  const nowhere = await put('/v1/move-times', tokens.operator, { ...body, timeZone: 'Europe/Nowhere' })
  assert.match(nowhere.json['error']['message'], /no such time zone/)
  assert.equal((await put('/v1/move-times', tokens.operator, { ...body, replaces: 7 })).status, 409)
})

test('approvals and cancels go to the controller with who asked, and its “no” is told', async () => {
  answers.asked.length = 0
  const path = '/v1/proposals/ethos-12-0/approval'
  const done = await bench.ask({ method: 'POST', path, token: tokens.operator })
  assert.deepEqual([done.status, done.json['text']], [200, 'done'])
  await bench.ask({ method: 'DELETE', path: '/v1/vms/web-1/migration', token: tokens.operator })
  await put('/v1/hosts/kvm-1/vouch', tokens.admin, { isOff: true })
  const asked = (answers.asked as string[][]).map(([what, about, who]) => [what, about, nameIn(who)])
  assert.deepEqual(asked, [
    ['approve', 'ethos-12-0', 'operator'],
    ['cancel', 'web-1', 'operator'],
    ['vouch', 'kvm-1', 'admin'],
  ])
  answers.moves.result = { kind: 'refused', reason: 'Automation is shadow: nothing is moved.' }
  const refused = await bench.ask({ method: 'POST', path, token: tokens.operator })
  assert.deepEqual([refused.status, refused.json['error']['message']], [409, 'Automation is shadow: nothing is moved.'])
  answers.moves.result = undefined
  assert.equal((await bench.ask({ method: 'POST', path, token: tokens.operator })).status, 503)
  answers.moves.result = { kind: 'unknown' }
  assert.equal((await bench.ask({ method: 'POST', path, token: tokens.operator })).status, 404)
})

test('moves that end are counted by how, and those that have not are told', async () => {
  answers.tell('migration', JSON.stringify({ isEnd: true, state: 'done' }))
  answers.tell('migration', JSON.stringify({ isEnd: false, state: 'accepted' }))
  answers.tell('migration', JSON.stringify({ isEnd: true, state: 'lost-by-fault' }))
  const { text } = await bench.ask({ path: '/metrics', token: tokens.viewer })
  for (const line of [
    'ethos_moves_total{end="done"} 1',
    'ethos_moves_total{end="lost-by-fault"} 1',
    'ethos_moves_total{end="failed"} 0',
    'ethos_moves_open 2',
    'ethos_moves_frozen 1',
    'ethos_move_promise_error{figure="total"} 0.04',
    'ethos_move_promise_coverage{figure="total"} 0.8',
  ])
    assert.ok(text.includes(line), line)
})

test('a warning of preflights is accepted by an admin alone, in its own words, audited, and can be taken back', async () => {
  const warning = 'Whether kvm-1 reaches kvm-2 can not be told from here.'
  const body = { warning, reason: 'it does' }
  assert.equal((await put('/v1/accepted-warnings', tokens.operator, body)).status, 403)
  const heeded = answers.moves.heeded
  assert.equal((await put('/v1/accepted-warnings', tokens.admin, body)).status, 204)
  assert.equal(answers.moves.heeded, heeded + 1)
  const [audited] = await bench.store.audit.last(1)
  assert.deepEqual([audited.what, audited.about, audited.reason], ['warning accepted', warning, 'it does'])
  const list = async (): Promise<readonly { readonly warning: string }[]> =>
    (await bench.ask({ path: '/v1/accepted-warnings', token: tokens.viewer })).json['accepted']
  assert.deepEqual(
    (await list()).map((one) => one.warning),
    [warning],
  )
  const { acceptedWarnings, problems } = await readSettings(bench.store)
  assert.deepEqual([acceptedWarnings.get(warning)?.reason, problems], ['it does', []])
  assert.equal((await put('/v1/accepted-warnings', tokens.admin, { warning, isAccepted: false })).status, 204)
  assert.deepEqual(await list(), [])
  assert.equal((await put('/v1/accepted-warnings', tokens.admin, { warning, isAccepted: false })).status, 404)
})
