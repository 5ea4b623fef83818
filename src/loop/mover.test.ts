import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aRig, endsOf, kindOf, reasonOf } from '../../tools/moves/mover-rig.ts'
import { Rig } from '../../tools/moves/rig.ts'
import type { MigrationIntent } from '../terms/intent.ts'
import { encodeMoveLine } from '../terms/move-record.ts'
import { DAY_MS, GiB, HOUR_MS, MINUTE_MS, SECOND_MS } from '../terms/units.ts'
import type { MigrationDriver } from '../world/migration-driver.ts'

const FIGURES = { totalMs: 12_000, downtimeMs: -1, copiedBytes: GiB }
const STEPS_OF_A_MOVE = ['intent', 'sending', 'accepted', 'call-ended', 'seen', 'closed']

test('a move is on record step by step, and done when it was seen twice at its destination', async () => {
  const rig = aRig()
  const intent = rig.intent(rig.vms[0], rig.hosts[1])
  assert.equal(kindOf(await rig.submit(intent)), 'started')
  await rig.pass(MINUTE_MS)
  assert.deepEqual(rig.monitor.stepsOf(intent.order.id), STEPS_OF_A_MOVE)
  assert.deepEqual(endsOf(rig), ['done'])
  assert.equal(rig.whereIs(rig.vms[0]), rig.hosts[1])
  assert.deepEqual(rig.mover.view().ended[0].closed?.figures, { totalMs: 12_100, downtimeMs: 100, copiedBytes: GiB })
  assert.deepEqual(rig.monitor.violations, [])
})

test('an order of one id is sent once, however often it is handed in, also to the next process', async () => {
  const rig = aRig()
  const intent = rig.intent(rig.vms[0], rig.hosts[1])
  const both = [rig.mover.submit(intent), rig.mover.submit(intent)]
  await rig.pass(MINUTE_MS)
  assert.deepEqual((await Promise.all(both)).map(kindOf), ['started', 'known'])
  rig.kill()
  await rig.restart()
  assert.equal(kindOf(await rig.submit(intent)), 'known')
  assert.equal(rig.platform.calls.get(intent.order.id), 1)
})

test('who takes a move over was not told what it took: the host that it arrived at still has that', async () => {
  const rig = new Rig({ seed: 1, breakage: { wrapDriver: remembering } })
  await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))
  await rig.pass(5 * SECOND_MS)
  rig.kill()
  await rig.pass(MINUTE_MS)
  await rig.restart()
  await rig.pass(MINUTE_MS)
  assert.deepEqual(endsOf(rig), ['done'])
  // A figure that can't be is none.
  assert.deepEqual(rig.mover.view().ended[0].closed?.figures, { totalMs: 12_000, copiedBytes: GiB })
})

test('what can not be recorded is not done, and nothing more is started until a line is taken again', async () => {
  const rig = aRig()
  rig.isJournalBroken = true
  assert.match(reasonOf(await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))), /journal takes no line/)
  assert.match(reasonOf(await rig.submit(rig.intent(rig.vms[1], rig.hosts[2]))), /the journal took no line: no room/)
  assert.equal(rig.platform.calls.size, 0)
  assert.deepEqual(
    rig.mover.view().holds.map(({ name }) => name),
    ['journal'],
  )
})

test('a hold for the journal ends with the first line that is durable again', async () => {
  const rig = aRig()
  await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))
  rig.isJournalBroken = true
  await rig.pass(20 * SECOND_MS)
  assert.equal(rig.mover.view().holds.length, 1)
  rig.isJournalBroken = false
  await rig.pass(MINUTE_MS)
  assert.deepEqual(rig.mover.view().holds, [])
  assert.deepEqual(endsOf(rig), ['done'])
})

test('a journal that failed with nothing under way is tried again, so that the hold does not last for ever', async () => {
  const rig = aRig()
  rig.isJournalBroken = true
  await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))
  rig.isJournalBroken = false
  await rig.pass(5 * SECOND_MS)
  assert.equal(kindOf(await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))), 'started')
})

test('the kill switch stops what is about to start, and what is under way is followed to its end', async () => {
  const rig = aRig()
  await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))
  const ways = [
    [1, 2],
    [2, 3],
    [3, 2],
  ] as const
  const waiting = ways.map(([vm, to]) => rig.mover.submit(rig.intent(rig.vms[vm], rig.hosts[to])))
  rig.setPaused(true)
  await rig.pass(MINUTE_MS)
  for (const told of await Promise.all(waiting)) assert.match(reasonOf(told), /kill switch/)
  assert.equal(rig.platform.calls.size, 1)
  assert.deepEqual(endsOf(rig), ['not-started', 'not-started', 'not-started', 'done'].sort())
  rig.setPaused(false)
  assert.equal(kindOf(await rig.submit(rig.intent(rig.vms[1], rig.hosts[0]))), 'started')
})

test('a pause and a cancel are heeded while the driver prepares its call', async () => {
  for (const isPause of [true, false]) {
    const rig = aRig()
    const told = rig.mover.submit(rig.intent(rig.vms[0], rig.hosts[1]))
    for (let i = 0; i < 1000 && rig.platform.verbs.get('migrate') === undefined; i++) await rig.clock.pass(1)
    if (isPause) rig.setPaused(true)
    else void rig.mover.cancel(rig.vms[0], 'ann')
    await rig.pass(MINUTE_MS)
    assert.match(reasonOf(await told), isPause ? /kill switch/ : /was cancelled before it began/)
    assert.equal(rig.whereIs(rig.vms[0]), rig.hosts[0])
  }
})

test('a move that stays frozen for weeks is still known to who reads only the newest lines of the journal', async () => {
  const forgotten = { lines: 0 }
  const rig = new Rig({ seed: 5, breakage: { linesFor: (lines) => lines.slice(forgotten.lines) } })
  const intent = rig.intent(rig.vms[0], rig.hosts[1])
  await rig.submit(intent)
  await rig.pass(4 * SECOND_MS)
  rig.platform.killHost(rig.hosts[0])
  await rig.pass(MINUTE_MS)
  const [{ record: before }] = rig.mover.view().open
  forgotten.lines = rig.lines.length
  await rig.pass(3 * DAY_MS, 6 * HOUR_MS)
  assert.ok(rig.lines.length - forgotten.lines < 40, `${rig.lines.length - forgotten.lines} lines`)
  rig.kill()
  await rig.restart()
  const [{ record: after }] = rig.mover.view().open
  assert.deepEqual(after, before)
  assert.equal(kindOf(await rig.submit(intent)), 'known')
  assert.match(
    reasonOf(await rig.submit(rig.intent(rig.vms[0], rig.hosts[2], { from: rig.hosts[0] }))),
    /has not ended/,
  )
})

test('what has nothing to write proves nothing of the journal, and a lease that is back ends its hold', async () => {
  const rig = aRig()
  await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))
  rig.isJournalBroken = true
  void rig.mover.cancel(rig.vms[0], 'ann')
  await rig.clock.pass(SECOND_MS)
  void rig.mover.submit(rig.intent(rig.vms[1], rig.hosts[2]))
  void rig.mover.cancel(rig.vms[1], 'ann')
  await rig.clock.pass(100)
  assert.deepEqual(
    rig.mover.view().holds.map(({ name }) => name),
    ['journal'],
  )
  rig.isJournalBroken = false
  rig.mover.hold('lease', 'a line was written while it was another’s')
  await rig.pass(MINUTE_MS)
  assert.deepEqual(rig.mover.view().holds, [])
})

test('a move takes room from the moment it was handed in, before it is on record', async () => {
  const rig = aRig()
  const told = rig.mover.submit(rig.intent(rig.vms[0], rig.hosts[1]))
  assert.deepEqual(
    rig.mover.inFlight.map(({ vmId, to }) => [vmId, to]),
    [[rig.vms[0], rig.hosts[1]]],
  )
  assert.deepEqual(rig.mover.view().open, [])
  await rig.pass(MINUTE_MS)
  assert.equal(kindOf(await told), 'started')
  assert.deepEqual(rig.mover.inFlight, [])
})

test('a VM that is left alone is left alone by the next process as well, and for no longer', async () => {
  const rig = aRig()
  void rig.mover.leaveAlone(rig.vms[0], rig.clock.now() + HOUR_MS)
  await rig.pass(SECOND_MS)
  rig.kill()
  await rig.restart()
  assert.match(reasonOf(await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))), /left to whoever moves it back/)
  await rig.pass(HOUR_MS, MINUTE_MS)
  assert.equal(kindOf(await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))), 'started')
})

test('a move that was in post-copy is not asked to end by a process that has not looked yet', async () => {
  const intents: MigrationIntent[] = []
  const linesFor = (lines: readonly string[]): readonly string[] => {
    const [{ order }] = intents
    const progress = { elapsedMs: 1, isPostCopy: true }
    return [...lines, encodeMoveLine({ step: 'progress', progress, orderId: order.id, at: order.decidedAt })]
  }
  const rig = new Rig({ seed: 5, breakage: { linesFor } })
  intents.push(rig.intent(rig.vms[0], rig.hosts[1]))
  await rig.submit(intents[0])
  rig.kill()
  await rig.restart()
  assert.equal(await rig.mover.cancel(rig.vms[0], 'ann'), 'too-late')
  assert.equal(rig.platform.verbs.get('cancel'), undefined)
})

test('a cancel before the call keeps it from being sent; one after it reaches the driver within two seconds', async () => {
  const rig = aRig()
  const early = rig.mover.submit(rig.intent(rig.vms[0], rig.hosts[1]))
  const cancelled = rig.mover.cancel(rig.vms[0], 'ann')
  await rig.pass(2 * SECOND_MS)
  assert.equal(await cancelled, 'asked')
  assert.match(reasonOf(await early), /was cancelled before it began/)
  assert.equal(rig.platform.calls.size, 0)

  await rig.submit(rig.intent(rig.vms[1], rig.hosts[0]))
  await rig.pass(3 * SECOND_MS)
  const before = rig.platform.verbs.get('cancel') ?? 0
  void rig.mover.cancel(rig.vms[1], 'ann')
  await rig.clock.pass(2 * SECOND_MS)
  assert.equal(rig.platform.verbs.get('cancel'), before + 1)
  await rig.pass(MINUTE_MS)
  assert.deepEqual(endsOf(rig), ['aborted', 'not-started'])
  assert.equal(rig.whereIs(rig.vms[1]), rig.hosts[1])
  assert.equal(await rig.mover.cancel(rig.vms[1], 'ann'), 'nothing-under-way')
})

/** Has figures of the move that brought a VM to where it runs. */
function remembering(driver: MigrationDriver): MigrationDriver {
  return {
    ...driver,
    observe: async (vm, host) => {
      const seen = await driver.observe(vm, host)
      return seen.kind === 'seen' && seen.presence === 'running' ? { ...seen, figures: FIGURES } : seen
    },
  }
}
