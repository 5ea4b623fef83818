import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aBench } from '../../../tools/server/desk-bench.ts'
import type { OrderId, VmId } from '../../terms/ids.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { StoreError } from '../../world/errors.ts'
import { AUTOMATION_SETTING, readSettings } from './site-settings.ts'
import { MAINTENANCE_SETTING, OPT_OUTS_SETTING } from './wishes.ts'

test('where moves are real no policy goes without its limits of safety; in shadow it is as it was set', async () => {
  const bench = await aBench('partial')
  assert.ok((await readSettings(bench.store)).policy.safety !== undefined)
  await bench.level('shadow')
  assert.equal((await readSettings(bench.store)).policy.safety, undefined)
})

test('what the policy decides leaves at full alone, with the policy as its cause, and after it is on record', async () => {
  for (const level of ['shadow', 'advisory', 'partial'] as const) {
    const bench = await aBench(level)
    for (let turn = 0; turn < 4; turn++) await bench.step()
    assert.ok(bench.orders.length > 0)
    assert.deepEqual(bench.driver.calls, [], level)
    assert.ok(bench.view().proposals.length > 0)
  }
  const bench = await aBench('full')
  await bench.stepUntil(() => bench.driver.calls.length > 0)
  const [{ intent, fence }] = bench.driver.calls
  assert.deepEqual([intent.cause, fence], [{ kind: 'policy' }, bench.token])
  const lines = (await bench.store.journal.last(100)).map(({ line }) => line)
  const turnAt = lines.findIndex((line) => line.startsWith('{"kind":"turn"') && line.includes(intent.order.id))
  const intentAt = lines.findIndex((line) => line.startsWith('{"kind":"move","step":"intent"'))
  assert.ok(turnAt >= 0 && turnAt < intentAt)
  // Nobody moves it again before it has arrived.
  const moving = bench.view().open.map(({ vm }) => vm)
  assert.equal(new Set(bench.driver.calls.map(({ intent: { order } }) => order.vmId)).size, bench.driver.calls.length)
  await bench.arrive()
  const { open, ended } = bench.view()
  assert.deepEqual([open, ended.map(({ state }) => state)], [[], moving.map(() => 'done')])
  // What was promised stands beside what came.
  assert.deepEqual(Object.keys(ended[0].promise ?? {}), ['totalMs', 'downtimeMs', 'copiedBytes', 'pConverge'])
  assert.deepEqual(ended[0].figures, { totalMs: 12_000, downtimeMs: 80, copiedBytes: 1e9 })
})

test('a person approves one proposal, and that one leaves once, at that word', async () => {
  const bench = await aBench('partial')
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  const [{ id, vm }] = bench.view().proposals
  const ask = { what: 'approve', orderId: id as OrderId, who: 'ann' } as const
  const answers = await Promise.all([bench.desk.answer(ask), bench.desk.answer(ask)])
  assert.deepEqual(answers.map(({ kind }) => kind).sort(), ['done', 'refused'])
  assert.deepEqual((await bench.desk.answer(ask)).kind, 'unknown')
  assert.equal(bench.driver.calls.length, 1)
  assert.deepEqual(bench.driver.calls[0].intent.cause, { kind: 'operator', who: 'ann' })
  assert.deepEqual(bench.driver.calls[0].intent.order.vmId, vm)
})

test('a proposal is judged anew when it is approved: a VM that was opted out, and a level that was lowered, stay', async () => {
  const bench = await aBench('partial')
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  const [{ id, vm }] = bench.view().proposals
  const ask = { what: 'approve', orderId: id as OrderId, who: 'ann' } as const
  await bench.set(OPT_OUTS_SETTING, { [vm]: { who: 'bob', at: 0, reason: 'licence' } })
  const optedOut = await bench.desk.answer(ask)
  assert.match(optedOut.kind === 'refused' ? optedOut.reason : '', /bob wants .* left alone: licence/)
  await bench.set(OPT_OUTS_SETTING, {})
  await bench.level('advisory')
  const lowered = await bench.desk.answer(ask)
  assert.match(lowered.kind === 'refused' ? lowered.reason : '', /Automation is advisory: nothing is moved/)
  assert.deepEqual(bench.driver.calls, [])
})

test('a host is emptied at a person’s word, what can not leave is told, and nothing new goes there', async () => {
  const bench = await aBench('partial')
  const host = bench.site.hosts[1].id
  const here = bench.site.vms.filter((_, v) => bench.site.hostOf[v] === 1)
  const pinned = here[0].id
  await bench.set(OPT_OUTS_SETTING, { [pinned]: { who: 'bob', at: 0, reason: 'licence' } })
  await bench.set(MAINTENANCE_SETTING, { [host]: { who: 'ann', at: bench.now, reason: 'new disks' } })
  for (let turn = 0; turn < 20 && bench.driver.calls.length < here.length - 1; turn++) {
    await bench.step()
    await bench.arrive()
  }
  await bench.step()
  const causes = new Set(bench.driver.calls.map(({ intent: { cause } }) => JSON.stringify(cause)))
  assert.deepEqual([...causes], [JSON.stringify({ kind: 'evacuation', hostId: host, who: 'ann' })])
  assert.ok(bench.driver.calls.every(({ intent: { order } }) => order.from === host && order.to !== host))
  const [evacuation] = bench.view().evacuations
  assert.deepEqual([evacuation.vms, evacuation.leaving], [1, 0])
  assert.deepEqual((JSON.parse(bench.told) as ReturnType<typeof bench.view>).evacuations, bench.view().evacuations)
  assert.deepEqual(
    evacuation.stuck.map(({ vm }) => vm),
    [pinned],
  )
  // Taken back, and nothing more leaves; below partial nothing would have.
  assert.equal(bench.driver.calls.length, here.length - 1)
})

test('below partial a host in maintenance is left as it is', async () => {
  const bench = await aBench('advisory')
  await bench.set(MAINTENANCE_SETTING, { [bench.site.hosts[1].id]: { who: 'ann', at: bench.now, reason: 'disks' } })
  for (let turn = 0; turn < 3; turn++) await bench.step()
  assert.deepEqual(bench.driver.calls, [])
  assert.ok(bench.orders.every(({ class: kind }) => kind !== 'evacuation'))
})

test('once a pause is heeded no call leaves, however many wait just before theirs', async () => {
  const bench = await aBench('partial')
  const open = Promise.withResolvers<void>()
  bench.driver.gate = open.promise
  await bench.set(MAINTENANCE_SETTING, { [bench.site.hosts[1].id]: { who: 'ann', at: bench.now, reason: 'disks' } })
  const turn = bench.step()
  await bench.untilAsked()
  // The setting alone, as another server's API would set it; then what this one's controller is told.
  await bench.level('partial', true)
  open.resolve()
  await turn
  assert.ok(bench.driver.asked > 0)
  assert.deepEqual(bench.driver.calls, [])
  await bench.level('partial')
  await bench.step()
  assert.ok(bench.driver.calls.length > 0)
})

test('a pause that this process was not told of is seen by the look at the setting before each call', async () => {
  const { bench, open, turn } = await amidEvacuation()
  const paused = JSON.stringify({ level: 'partial', isPaused: true })
  await bench.store.settings.set(AUTOMATION_SETTING, paused, { who: 'elsewhere', at: bench.now })
  open.resolve()
  await turn
  assert.deepEqual(bench.driver.calls, [])
})

test('... and by the one when the driver is ready: a pause that is written while it connects is seen', async () => {
  const { bench, open, turn } = await amidEvacuation()
  const connected = Promise.withResolvers<void>()
  bench.driver.connecting = connected.promise
  open.resolve()
  for (let tick = 0; tick < 100_000 && bench.driver.begun === 0; tick++) await new Promise(setImmediate)
  assert.ok(bench.driver.begun > 0)
  const paused = JSON.stringify({ level: 'partial', isPaused: true })
  await bench.store.settings.set(AUTOMATION_SETTING, paused, { who: 'elsewhere', at: bench.now })
  connected.resolve()
  await turn
  assert.deepEqual(bench.driver.calls, [])
})

test('who lost the lease sends nothing, also not what was handed in before', async () => {
  const { bench, open, turn } = await amidEvacuation()
  bench.isHolding = false
  bench.desk.close()
  open.resolve()
  await turn
  assert.deepEqual(bench.driver.calls, [])
})

test('a new process takes over what is under way before any turn, and sends none of it again', async () => {
  const bench = await aBench('full')
  await bench.stepUntil(() => bench.driver.calls.length > 0)
  const sent = bench.driver.calls.length
  bench.desk.close()
  await bench.newDesk().open()
  assert.deepEqual(
    bench.view().open.map(({ id }) => id),
    bench.driver.calls.map(({ intent }) => intent.order.id),
  )
  await bench.turn()
  assert.equal(bench.driver.calls.length, sent)
  await bench.arrive()
  assert.deepEqual(
    bench.view().ended.map(({ state }) => state),
    bench.driver.calls.map(() => 'done'),
  )
})

test('a migration under way is cancelled at any level, and what is not under way is nobody’s', async () => {
  const bench = await aBench('full')
  await bench.stepUntil(() => bench.driver.calls.length > 0)
  const { vmId } = bench.driver.calls[0].intent.order
  await bench.level('off', true)
  assert.equal((await bench.desk.answer({ what: 'cancel', vmId, who: 'ann' })).kind, 'done')
  assert.deepEqual(bench.driver.cancelled, [vmId])
  assert.equal((await bench.desk.answer({ what: 'cancel', vmId: 'nobody' as VmId, who: 'ann' })).kind, 'unknown')
})

test('a VM that says on its platform that it is to be left alone is pinned in the turn, and not ordered anywhere', async () => {
  const bench = await aBench('partial')
  const host = bench.site.hosts[1].id
  const first = bench.site.vms[bench.site.hostOf.indexOf(1)]
  bench.driver.optOuts.set(first.id, 'ethos:opt-out in its metadata')
  await bench.set(MAINTENANCE_SETTING, { [host]: { who: 'ann', at: bench.now, reason: 'new disks' } })
  const { observation } = await bench.step()
  assert.deepEqual(
    observation.inventory.vms.filter(({ isPinned }) => isPinned === true).map(({ id }) => id),
    [first.id],
  )
  assert.ok(bench.orders.every(({ vmId }) => vmId !== first.id))
  assert.ok(bench.view().evacuations[0].stuck.some(({ vm }) => vm === first.id))
})

test('a pause survives the process that heard it', async () => {
  const bench = await aBench('partial')
  await bench.set(MAINTENANCE_SETTING, { [bench.site.hosts[1].id]: { who: 'ann', at: bench.now, reason: 'disks' } })
  await bench.level('partial', true)
  bench.desk.close()
  await bench.newDesk().open()
  for (let turn = 0; turn < 4; turn++) await bench.step()
  assert.deepEqual(bench.driver.calls, [])
})

test('an approval that the platform refused is no proposal any more, and is not told as on its way the second time', async () => {
  const bench = await aBench('partial')
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  const [{ id }] = bench.view().proposals
  const ask = { what: 'approve', orderId: id as OrderId, who: 'ann' } as const
  bench.driver.preflight = () =>
    Promise.resolve({
      refusals: [{ kind: 'refused', lacking: 'network', shortBy: 1, reason: 'No such bridge.' }],
      warnings: [],
    })
  assert.deepEqual(await bench.desk.answer(ask), { kind: 'refused', reason: 'No such bridge.' })
  assert.deepEqual(await bench.desk.answer(ask), { kind: 'unknown' })
  assert.deepEqual(bench.driver.calls, [])
})

test('a process whose clock was set a month forward takes over what is under way all the same', async () => {
  const bench = await aBench('full')
  await bench.stepUntil(() => bench.driver.calls.length > 0)
  bench.desk.close()
  bench.now += 30 * DAY_MS
  await bench.newDesk().open()
  assert.deepEqual(
    bench.view().open.map(({ id }) => id),
    bench.driver.calls.map(({ intent }) => intent.order.id),
  )
})

test('a process that noticed its clock being set a month forward leaves all that is under way to the next', async () => {
  const bench = await aBench('full')
  await bench.stepUntil(() => bench.driver.calls.length > 0)
  bench.now += 30 * DAY_MS
  bench.desk.clockStepped(30 * DAY_MS)
  await bench.desk.tick()
  const before = bench.view().open
  assert.ok(before.length > 0)
  // A journal lets go of old lines by the same clock: what is open stands in it anew.
  bench.now += 2 * MINUTE_MS
  await bench.desk.tick()
  const intents = (await bench.store.journal.last(100)).filter(({ line }) => line.includes('"step":"intent"'))
  assert.equal(intents.length, 2 * before.length)
  assert.ok(intents.slice(before.length).every(({ at }) => at === bench.now))
  bench.desk.close()
  await bench.newDesk().open()
  assert.deepEqual(bench.view().open, before)
})

test('advice of a turn that never came on record is not proposed with the next', async () => {
  const bench = await aBench('full')
  await bench.stepUntil(() => bench.driver.calls.length > 0)
  const [{ intent }] = bench.driver.calls
  const order = { ...intent.order, id: 'ethos-never' as OrderId, vmId: 'vm-never' as VmId }
  bench.desk.advise([order], ['an invariant broke'])
  await bench.turn()
  assert.ok(bench.view().proposals.every(({ id }) => id !== order.id))
})

test('an approval while what hosts report can not be read is refused, and ends nothing', async () => {
  const bench = await aBench('partial')
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  const [{ id }] = bench.view().proposals
  bench.store.hosts.reports = () => Promise.reject(new StoreError('io', 'disk I/O error'))
  const told = await bench.desk.answer({ what: 'approve', orderId: id as OrderId, who: 'ann' })
  assert.ok(told.kind === 'refused' && /disk I\/O error/.test(told.reason), JSON.stringify(told))
  assert.ok(bench.view().proposals.some((proposal) => proposal.id === id))
})

test('what a VM said of itself is forgotten with the VM, and kept while a host can not be asked', async () => {
  const bench = await aBench('full')
  const { id } = bench.site.vms[0]
  const named = async (): Promise<readonly VmId[]> => {
    bench.now += HOUR_MS
    return [...(await bench.desk.owners.beside(new Map())).keys()]
  }
  bench.driver.optOuts.set(id, 'licensed by host')
  assert.deepEqual(await named(), [id])
  bench.driver.hostOf.delete(id)
  const list = bench.driver.list.bind(bench.driver)
  bench.driver.list = async () => [
    ...(await list()),
    { kind: 'unreachable', hostId: bench.site.hosts[0].id, reason: '' },
  ]
  assert.deepEqual(await named(), [id])
  bench.driver.list = list
  assert.deepEqual(await named(), [])
})

/** A host is being emptied, and the driver has been asked for the first move and waits. */
async function amidEvacuation() {
  const bench = await aBench('partial')
  await bench.set(MAINTENANCE_SETTING, { [bench.site.hosts[1].id]: { who: 'ann', at: bench.now, reason: 'disks' } })
  const open = Promise.withResolvers<void>()
  bench.driver.gate = open.promise
  const turn = bench.step()
  await bench.untilAsked()
  return { bench, open, turn }
}
