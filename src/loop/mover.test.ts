import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Rig, type RigOptions } from '../../tools/moves/rig.ts'
import type { CallManner } from '../simulator/imagined-platform.ts'
import { parseOrderId } from '../terms/ids.ts'
import type { MigrationIntent } from '../terms/intent.ts'
import { encodeMoveLine } from '../terms/move-record.ts'
import { DAY_MS, GiB, HOUR_MS, MINUTE_MS, SECOND_MS } from '../terms/units.ts'
import type { MigrationDriver } from '../world/migration-driver.ts'
import type { Submission } from './mover-view.ts'

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

test('a clock that goes back holds everything until it is where it was', async () => {
  const rig = aRig()
  await rig.pass(5 * SECOND_MS)
  rig.clock.setBack(30 * SECOND_MS)
  // The last look was a second before.
  assert.match(reasonOf(await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))), /the clock went back by 29000 ms/)
  await rig.pass(20 * SECOND_MS)
  assert.equal(rig.mover.view().holds.length, 1)
  await rig.pass(10 * SECOND_MS)
  assert.equal(kindOf(await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))), 'started')
})

test('what became untrue between plan and start keeps a move from starting', async () => {
  const changes: readonly ((rig: Rig) => void)[] = [
    (rig) => rig.platform.moveByHand(rig.vms[0], rig.hosts[2]),
    (rig) => rig.platform.killProcess(rig.hosts[0], rig.vms[0]),
    (rig) => rig.platform.machines.put(rig.hosts[0], rig.vms[0], 'paused'),
    (rig) => rig.platform.machines.put(rig.hosts[0], rig.vms[0], 'running', true),
    (rig) => rig.platform.machines.put(rig.hosts[1], rig.vms[0], 'paused'),
    (rig) => rig.platform.killHost(rig.hosts[1]),
    (rig) => rig.platform.silenceFor(rig.hosts[0], MINUTE_MS),
    (rig) => {
      const refusal = { kind: 'refused', lacking: 'memory', shortBy: 1, reason: 'No room.' } as const
      rig.platform.refusals = { refusals: [refusal], warnings: [] }
    },
    (rig) => {
      rig.platform.refusals = { refusals: [], warnings: ['No lock manager guards its disk.'] }
    },
  ]
  for (const change of changes) {
    const rig = aRig()
    const intent = rig.intent(rig.vms[0], rig.hosts[1])
    change(rig)
    assert.notEqual(reasonOf(await rig.submit(intent)), '')
    assert.equal(rig.platform.calls.size, 0)
    assert.deepEqual(rig.monitor.stepsOf(intent.order.id), ['intent', 'closed'])
  }
})

test('an order that is older than a minute, or from tomorrow, is refused', async () => {
  const rig = aRig()
  for (const ageMs of [61 * SECOND_MS, -61 * SECOND_MS]) {
    const stale = rig.intent(rig.vms[0], rig.hosts[1], { decidedAt: rig.clock.now() - ageMs })
    assert.match(reasonOf(await rig.submit(stale)), /is good for 60000 ms/)
  }
  assert.deepEqual(rig.lines, [])
})

test('a warning keeps the policy from moving, and not a person who asked for it', async () => {
  const rig = aRig()
  rig.platform.refusals = { refusals: [], warnings: ['No lock manager guards its disk.'] }
  assert.match(reasonOf(await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))), /has to accept first: No lock manager/)
  assert.equal(kindOf(await rig.submit(rig.intent(rig.vms[1], rig.hosts[2], { class: 'operator' }))), 'started')
})

test('a platform that says yes and begins later is not believed until the VM has been seen there', async () => {
  const rig = aRig('queued')
  await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))
  await rig.pass(10 * SECOND_MS)
  assert.deepEqual(
    rig.mover.view().open.map(({ record }) => [record.call?.kind, record.state]),
    [['succeeded', 'recorded']],
  )
  await rig.pass(MINUTE_MS)
  assert.deepEqual(endsOf(rig), ['done'])
  assert.deepEqual(rig.monitor.violations, [])
})

test('a platform that says yes whatever came of it is found out', async () => {
  const rig = aRig('liar')
  await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))
  await rig.pass(5 * SECOND_MS)
  rig.platform.killProcess(rig.hosts[1], rig.vms[0])
  await rig.pass(6 * MINUTE_MS)
  assert.notDeepEqual(endsOf(rig), ['done'])
  assert.equal(rig.whereIs(rig.vms[0]), rig.hosts[0])
})

test('a move that never converges is asked to end, and the VM stays', async () => {
  const rig = aRig('plain', { isStuck: true })
  await rig.submit(rig.intent(rig.vms[0], rig.hosts[1], { terms: { timeoutMs: 20 * MINUTE_MS, stalledMs: MINUTE_MS } }))
  await rig.pass(70 * SECOND_MS)
  assert.deepEqual(endsOf(rig), [])
  await rig.pass(MINUTE_MS)
  assert.deepEqual(endsOf(rig), ['aborted'])
  assert.equal(rig.whereIs(rig.vms[0]), rig.hosts[0])
})

test('a move that is slow and gets on is not ended before its time', async () => {
  const rig = aRig('plain', { copyMs: 15 * MINUTE_MS })
  await rig.submit(rig.intent(rig.vms[0], rig.hosts[1], { terms: { timeoutMs: 20 * MINUTE_MS, stalledMs: MINUTE_MS } }))
  await rig.pass(16 * MINUTE_MS, 10 * SECOND_MS)
  assert.deepEqual(endsOf(rig), ['done'])
  assert.equal(rig.platform.verbs.get('cancel'), undefined)
})

test('a driver that never answers holds nothing up: each call has its deadline', async () => {
  const rig = new Rig({ seed: 1, breakage: { wrapDriver: deafToPreflight } })
  const told = rig.mover.submit(rig.intent(rig.vms[0], rig.hosts[1]))
  await rig.pass(11 * SECOND_MS)
  assert.match(reasonOf(await told), /No answer within 10000 ms/)
})

test('a dead source host keeps the VM frozen until a person vouches that it is off', async () => {
  const rig = aRig()
  await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))
  await rig.pass(12 * SECOND_MS)
  assert.equal(rig.whereIs(rig.vms[0]), rig.hosts[1])
  rig.platform.killHost(rig.hosts[0])
  await rig.pass(11 * MINUTE_MS, 10 * SECOND_MS)
  const { frozenVms, frozenHosts, alerts } = rig.mover.view()
  assert.deepEqual([...frozenVms.keys()], [rig.vms[0]])
  assert.deepEqual([...frozenHosts.keys()].sort(), [rig.hosts[0], rig.hosts[1]])
  assert.deepEqual(
    alerts.map(({ what, severity }) => [what, severity]),
    [['unknown', 'warning']],
  )
  assert.match(reasonOf(await rig.submit(rig.intent(rig.vms[2], rig.hosts[1]))), /host-1 is frozen/)

  const vouched = rig.mover.vouch(rig.hosts[0], 'ann')
  await rig.pass(MINUTE_MS)
  assert.equal(await vouched, 1)
  assert.deepEqual(endsOf(rig), ['done'])
  assert.equal(rig.mover.view().frozenVms.size, 0)
})

test('a line of the journal that can not be read holds all starts until a person has looked', async () => {
  const rig = aRig()
  rig.lines.push('{"kind":"move","step":"intent","orderId":"order-x"')
  await rig.restart()
  assert.match(
    reasonOf(await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))),
    /can't be read, and may tell of a move/,
  )
  rig.mover.release('unread')
  assert.equal(kindOf(await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))), 'started')
})

test('what a driver measured wrongly does not make the journal unreadable', async () => {
  const rig = new Rig({ seed: 1, breakage: { wrapDriver: mismeasuring } })
  await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))
  await rig.pass(MINUTE_MS)
  await rig.restart()
  assert.deepEqual(rig.mover.view().holds, [])
  assert.deepEqual(rig.mover.view().ended[0].closed?.figures, { copiedBytes: 7 })
})

test('at most two leave a host, eight units are taken of it, and five move in all', async () => {
  const rig = new Rig({ seed: 1, hosts: 8, vms: 16 })
  const told: string[] = []
  // VM v and v + 8 run on host v: two of host 0 go, and a third that was put there does not.
  rig.platform.moveByHand(rig.vms[1], rig.hosts[0])
  for (const [vm, to] of [
    [0, 2],
    [8, 3],
    [1, 4],
    [4, 5],
    [5, 6],
    [6, 7],
    [7, 1],
  ] as const)
    told.push(reasonOf(await rig.submit(rig.intent(rig.vms[vm], rig.hosts[to]))))
  assert.deepEqual(told.slice(0, 2), ['', ''])
  assert.match(told[2], /2 VMs are leaving host-0; 2 may/)
  assert.deepEqual(told.slice(3, 6), ['', '', ''])
  assert.match(told[6], /5 VMs are moving; 5 may/)
})

test('no order can name another cause than its class has', async () => {
  const rig = aRig()
  const claims = rig.intent(rig.vms[0], rig.hosts[1], { class: 'evacuation', cause: { kind: 'policy' } })
  assert.match(reasonOf(await rig.submit(claims)), /class evacuation has to be caused by evacuation, not by policy/)
})

test('an id that was never handed in is not known', () => {
  assert.equal(aRig().mover.isKnown(parseOrderId('order-x')), false)
})

/** Four hosts, six VMs; a move copies for ten seconds, stops for 100 ms and cleans up for two seconds. */
function aRig(
  manner: CallManner = 'plain',
  course: { readonly isStuck?: boolean; readonly copyMs?: number } = {},
): Rig {
  const courseOf = () => ({
    bytes: GiB,
    copyMs: 10 * SECOND_MS,
    downtimeMs: 100,
    finishMs: 2 * SECOND_MS,
    isStuck: false,
    ...course,
  })
  const options: RigOptions = { seed: 1, courseOf, mannerOf: () => manner }
  return new Rig(options)
}

function kindOf(told: Submission | 'no answer'): string {
  return told === 'no answer' ? told : told.kind
}

function reasonOf(told: Submission | 'no answer'): string {
  return typeof told !== 'string' && told.kind === 'refused' ? told.refusal.reason : ''
}

function endsOf(rig: Rig): readonly string[] {
  return rig.mover
    .view()
    .ended.flatMap(({ closed }) => closed?.state ?? [])
    .sort()
}

function deafToPreflight(driver: MigrationDriver): MigrationDriver {
  return { ...driver, preflight: never }
}

function never(): Promise<never> {
  return new Promise(() => undefined)
}

/** Tells of a move what can't be. */
function mismeasuring(driver: MigrationDriver): MigrationDriver {
  return {
    ...driver,
    migrate: async (intent, fence) => {
      const call = await driver.migrate(intent, fence)
      const figures = { totalMs: -5, downtimeMs: NaN, copiedBytes: 7 }
      return call.kind === 'sent' ? { ...call, ended: call.ended.then((end) => ({ ...end, figures })) } : call
    },
  }
}
