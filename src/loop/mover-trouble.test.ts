import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aRig, endsOf, kindOf, reasonOf } from '../../tools/moves/mover-rig.ts'
import { Rig } from '../../tools/moves/rig.ts'
import { parseOrderId } from '../terms/ids.ts'
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../terms/units.ts'
import type { MigrationDriver } from '../world/migration-driver.ts'

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

test('a clock that is set an hour forward ends no move before its time, and no hour of a budget either; the next process knows', async () => {
  const rig = aRig('plain', { copyMs: MINUTE_MS })
  const intent = rig.intent(rig.vms[0], rig.hosts[1])
  await rig.submit(intent)
  await rig.pass(5 * SECOND_MS)
  await rig.setForward(HOUR_MS)
  await rig.pass(5 * SECOND_MS)
  assert.ok(!rig.monitor.stepsOf(intent.order.id).includes('abort-asked'))
  rig.kill()
  await rig.restart()
  await rig.pass(5 * SECOND_MS)
  assert.ok(!rig.monitor.stepsOf(intent.order.id).includes('abort-asked'))
  await rig.pass(2 * MINUTE_MS)
  assert.deepEqual(endsOf(rig), ['done'])
  assert.deepEqual(rig.monitor.violations, [])
})

test('a call that the platform holds back beyond its time is still followed when it begins, and ends where it began', async () => {
  const rig = aRig('late', { copyMs: MINUTE_MS })
  const intent = rig.intent(rig.vms[0], rig.hosts[1])
  await rig.submit(intent)
  // Two minutes are its time. After seven it has not begun, and nobody else may move the VM.
  await rig.pass(7.5 * MINUTE_MS)
  assert.deepEqual(endsOf(rig), [])
  assert.match(reasonOf(await rig.submit(rig.intent(rig.vms[0], rig.hosts[2]))), /vm-0/)
  await rig.pass(2 * MINUTE_MS)
  assert.deepEqual(endsOf(rig), ['aborted'])
  assert.equal(rig.whereIs(rig.vms[0]), rig.hosts[0])
  assert.deepEqual(rig.monitor.stepsOf(intent.order.id).filter((step) => step === 'abort-asked').length, 2)
  assert.deepEqual(rig.monitor.violations, [])
})

test('a budget of an hour lasts an hour, whatever the clock is set to', async () => {
  const rig = aRig()
  for (const vm of [0, 4]) {
    await rig.submit(rig.intent(rig.vms[vm], rig.hosts[1]))
    await rig.pass(MINUTE_MS)
    await rig.submit(rig.intent(rig.vms[vm], rig.hosts[0], { from: rig.hosts[1] }))
    await rig.pass(MINUTE_MS)
  }
  const more = () => rig.intent(rig.vms[1], rig.hosts[0])
  assert.match(reasonOf(await rig.submit(more())), /4 moves/)
  await rig.setForward(HOUR_MS)
  assert.match(reasonOf(await rig.submit(more())), /4 moves/)
  rig.kill()
  await rig.restart()
  assert.match(reasonOf(await rig.submit(more())), /4 moves/)
  await rig.pass(HOUR_MS, 10 * SECOND_MS)
  assert.equal(kindOf(await rig.submit(more())), 'started')
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

test('a frozen move counts among the five, and on both hosts', async () => {
  const rig = new Rig({ seed: 1, hosts: 12, vms: 12, mannerOf: () => 'plain' })
  for (const v of [0, 1, 2, 3, 4])
    assert.equal(reasonOf(await rig.submit(rig.intent(rig.vms[v], rig.hosts[v + 6]))), '')
  rig.platform.silenceFor(rig.hosts[0], HOUR_MS)
  rig.platform.silenceFor(rig.hosts[6], HOUR_MS)
  await rig.pass(10 * MINUTE_MS)
  const open = rig.mover.view().open.map(({ record }) => record.frozen?.reason)
  assert.deepEqual(open, ['unknown'])
  const told: string[] = []
  for (const v of [1, 2, 3, 4, 5]) {
    const to = v === 5 ? rig.hosts[11] : rig.hosts[v]
    told.push(reasonOf(await rig.submit(rig.intent(rig.vms[v], to, { class: 'evacuation' }))))
  }
  assert.deepEqual(told.slice(0, 4), ['', '', '', ''])
  assert.match(told[4], /5 VMs are moving; 5 may/)
})

test('the share of VMs that a site may move within an hour binds its starts', async () => {
  const rig = new Rig({ seed: 1, hosts: 8, vms: 16, breakage: { site: { vms: 40, hourShareMax: 0.05 } } })
  const told: string[] = []
  for (const v of [0, 1, 2]) told.push(reasonOf(await rig.submit(rig.intent(rig.vms[v], rig.hosts[v + 3]))))
  assert.deepEqual(told.slice(0, 2), ['', ''])
  assert.equal(told[2], '2 moves of the policy began within an hour; 2 may.')
})

test('no order can name another cause than its class has', async () => {
  const rig = aRig()
  const claims = rig.intent(rig.vms[0], rig.hosts[1], { class: 'evacuation', cause: { kind: 'policy' } })
  assert.match(reasonOf(await rig.submit(claims)), /class evacuation has to be caused by evacuation, not by policy/)
})

test('an id that was never handed in is not known', () => {
  assert.equal(aRig().mover.isKnown(parseOrderId('order-x')), false)
})

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
