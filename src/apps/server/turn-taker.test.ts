import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { TurnBench } from '../../../tools/server/turn-bench.ts'
import type { ImaginedSiteOptions } from '../../../tools/server/imagined-site.ts'
import type { ReportedVm } from '../../terms/host-report.ts'
import { dimensionIndex } from '../../terms/personality.ts'
import { DAY_MS } from '../../terms/units.ts'
import { SLOT_MS } from '../../terms/usage.ts'
import { StoreError } from '../../world/errors.ts'
import { rebuildState } from './rebuild.ts'
import { AUTOMATION_SETTING, POLICY_SETTING } from './site-settings.ts'
import { alertsOf } from './turn-alerts.ts'

const benches: TurnBench[] = []
after(async () => {
  for (const bench of benches) await bench.close()
})

async function aBench(options: Partial<ImaginedSiteOptions> = {}): Promise<TurnBench> {
  const bench = await new TurnBench(options).open()
  benches.push(bench)
  return bench
}

/** All VMs of some hosts want their full size. */
function press(bench: TurnBench, hosts: readonly number[], share = 1): void {
  bench.site.hostOf.forEach((host, vm) => {
    if (hosts.includes(host)) bench.site.pressure.set(vm, share)
  })
}

async function set(bench: TurnBench, name: string, value: unknown): Promise<void> {
  await bench.store.settings.set(name, JSON.stringify(value), { who: 'test', at: bench.now })
}

test('the first turn after a start only looks, and then moves are proposed where contention comes', async () => {
  const bench = await aBench()
  press(bench, [0])
  const first = await bench.turn()
  assert.deepEqual([first.held, first.result?.orders], [['The first turn after a start only looks.'], []])
  for (let turn = 0; turn < 4; turn++) assert.deepEqual((await bench.step()).held, [])
  const fromHot = bench.orders.filter(
    ({ from, class: kind }) => from === bench.site.hosts[0].id && kind === 'contention',
  )
  assert.ok(fromHot.length > 0)
  // On record, each one, before anybody heard of it.
  const lines = (await bench.store.journal.last(100)).map(({ line }) => line).join('\n')
  for (const { id } of bench.orders) assert.ok(lines.includes(`"${id}"`))
})

test('what was proposed counts as a move for budgets: no VM is proposed more than four times a day', async () => {
  const bench = await aBench()
  press(bench, [0])
  for (let turn = 0; turn < 24; turn++) await bench.step()
  const counts = new Map<string, number>()
  for (const { vmId } of bench.orders) counts.set(vmId, (counts.get(vmId) ?? 0) + 1)
  assert.ok(counts.size > 0)
  assert.ok([...counts.values()].every((count) => count <= 4))
})

test('after seven days of silence nothing is decided until hosts report again', async () => {
  const bench = await aBench()
  press(bench, [0])
  await bench.step()
  await bench.step()
  bench.now += 7 * DAY_MS
  bench.taker = bench.newTaker()
  await bench.turn()
  const { held, result } = await bench.turn()
  assert.ok(held.some((reason) => /newest host report is 10080\.0 min old/.test(reason)))
  assert.ok(held.some((reason) => /Only 0 windows of the past/.test(reason)))
  assert.deepEqual(result?.orders, [])
  // Hosts are back: the past has to be known again first, and then there are no more moves than ever.
  bench.orders.length = 0
  for (let turn = 0; turn < 12; turn++) await bench.step()
  const ordinary = await aBench()
  press(ordinary, [0])
  for (let turn = 0; turn < 12; turn++) await ordinary.step()
  assert.ok(bench.orders.length <= ordinary.orders.length)
})

test('paused, turns are taken and give no orders; off, none is taken; both are read anew at each turn', async () => {
  const bench = await aBench()
  press(bench, [0])
  await bench.turn()
  await set(bench, AUTOMATION_SETTING, { isPaused: true })
  for (let turn = 0; turn < 4; turn++) {
    const { held, result } = await bench.step()
    assert.deepEqual([held, result?.orders], [['An operator paused automation.'], []])
  }
  await set(bench, AUTOMATION_SETTING, { level: 'off' })
  const taken = await bench.taker.take()
  assert.deepEqual([taken.kind, taken.kind === 'none' && taken.isOff], ['none', true])
  await set(bench, AUTOMATION_SETTING, { level: 'advisory' })
  await bench.step()
  assert.ok(bench.orders.length > 0)
})

test('a policy that can not be understood orders nothing, and the last good one is used', async () => {
  const bench = await aBench()
  await set(bench, POLICY_SETTING, { name: 'mine', gates: { movesPerTurnMax: 2 } })
  assert.equal((await bench.turn()).policy.name, 'mine')
  await set(bench, POLICY_SETTING, { nmae: 'misspelt' })
  const packet = await bench.step()
  assert.equal(packet.policy.name, 'mine')
  assert.match(packet.held.join(), /The setting "policy" can't be understood.*nmae/)
  assert.ok(alertsOf(packet).some(({ kind }) => kind === 'settings-unreadable'))
})

test('two hosts full and the third in maintenance: nothing moves, and the alert says what would help', async () => {
  const bench = await aBench()
  press(bench, [0, 1], 0.6)
  const resting = async () => {
    const report = bench.site.report(2, bench.now + 1, SLOT_MS)
    await bench.store.hosts.report([{ ...report, state: 'maintenance' }])
  }
  await bench.turn()
  let packet = await bench.step(resting)
  for (let turn = 0; turn < 4; turn++) packet = await bench.step(resting)
  assert.deepEqual(bench.orders, [])
  const alert = alertsOf(packet).find(({ kind }) => kind === 'no-suitable-host')
  assert.match(alert?.remedy ?? '', /host-0002 is in maintenance; bringing it back adds 16\.0 cores/)
})

test('a start amid a migration leaves the VM alone until both ends agree', async () => {
  const bench = await aBench()
  press(bench, [0])
  const [moving] = bench.site.vms
  const incoming: ReportedVm = { vm: moving, state: 'incoming', mean: {}, max: {} }
  const amid = async () => {
    const report = bench.site.report(1, bench.now + 1, SLOT_MS)
    await bench.store.hosts.report([{ ...report, vms: [...report.vms, incoming] }])
  }
  for (let turn = 0; turn < 5; turn++) {
    const { observation } = await bench.step(amid)
    assert.deepEqual(
      observation.inventory.migrations.map(({ vmId }) => vmId),
      [moving.id],
    )
  }
  assert.ok(bench.orders.length > 0)
  assert.ok(bench.orders.every(({ vmId }) => vmId !== moving.id))
})

test('a host that is stale, or lies, is neither a target nor a reason, and nothing else stops', async () => {
  for (const fault of ['stale', 'lies'] as const) {
    const bench = await aBench({ hosts: 4, vms: 24 })
    press(bench, [0, 3])
    const { id } = bench.site.hosts[3]
    await bench.turn()
    for (let turn = 0; turn < 5; turn++) {
      bench.now += SLOT_MS
      const reports = bench.site.hosts.map((_, h) => bench.site.report(h, bench.now, SLOT_MS))
      const told =
        fault === 'stale'
          ? reports.slice(0, 3)
          : reports.map((r) => (r.hostId === id ? { ...r, cpuRefCoresMean: 1e3 } : r))
      await bench.store.hosts.report(told)
      await bench.turn()
    }
    const late = bench.orders.filter(({ decidedAt }) => fault === 'lies' || decidedAt > bench.now - 2 * SLOT_MS)
    assert.ok(
      late.every(({ from, to }) => from !== id && to !== id),
      fault,
    )
    assert.ok(bench.orders.length > 0)
  }
})

test('a guest that claims to do nothing counts as what its host sees', async () => {
  const bench = await aBench()
  const [liar] = bench.site.vms
  bench.site.pressure.set(0, 0.9)
  await bench.site.tellVectors(bench.store, [0], bench.now)
  const { observation } = await bench.step(async () => {
    const vector = {
      ...bench.site.vector(0, bench.now),
      values: new Float32Array(bench.site.vector(0, 0).values.length),
    }
    const arrival = { vm: liar.id, at: bench.now, vectors: [vector], isClockOff: [false], counts: {} }
    await bench.store.vectors.take([arrival])
  })
  const at = observation.inventory.vms.findIndex(({ id }) => id === liar.id)
  assert.ok((observation.samples.columns.cpu?.[at] ?? 0) >= 0.8 * liar.vcpus)
  assert.ok(observation.personalities.some(({ vmId }) => vmId === liar.id))
})

test('what a guest says of its work is known to rankings, and to orders only where guests are trusted', async () => {
  const bench = await aBench()
  const { id } = bench.site.vms[3]
  const tell = async () => {
    const vector = bench.site.vector(3, bench.now)
    const switches = dimensionIndex('contextSwitchesPerSec')
    vector.values[switches] = 1e5
    vector.mask[switches >> 3] |= 1 << (switches & 7)
    await bench.store.identities.admit(id, bench.now, 'channel')
    await bench.store.vectors.take([{ vm: id, at: bench.now, vectors: [vector], isClockOff: [false], counts: {} }])
  }
  const seen = async () => {
    const lines = (await bench.store.journal.last(2)).map(({ line }) => line)
    return JSON.parse(lines.findLast((line) => line.startsWith('{"kind":"turn"')) ?? '').seen.personalities
  }
  assert.ok((await bench.step(tell)).before.mixes.has(id))
  assert.equal(await seen(), 0)
  await set(bench, AUTOMATION_SETTING, { areGuestsTrusted: true })
  const { before } = await bench.step(tell)
  assert.equal(await seen(), 1)
  // It is remembered while nothing new is told.
  assert.ok(before.mixes.has(id) && (await bench.step()).before.mixes.has(id))
})

test('what can not be recorded is not proposed, and the turn comes again', async () => {
  const bench = await aBench()
  press(bench, [0])
  await bench.turn()
  const before = await bench.step()
  const { journal } = bench.store
  const full = { ...journal, append: () => Promise.reject(new StoreError('full', 'No room.')) }
  bench.store = { ...bench.store, journal: full }
  const good = bench.taker
  bench.taker = bench.newTaker()
  await assert.rejects(bench.step(), StoreError)
  bench.taker = good
  assert.equal((await bench.step()).number, (before.number ?? 0) + 1)
})

test('a lease that another has taken ends turns at once', async () => {
  const bench = await aBench()
  await bench.turn()
  await bench.store.leases.release('controller', 'bench')
  await bench.store.leases.take('controller', 'another', bench.now, 1000)
  await assert.rejects(bench.step(), (error) => error instanceof StoreError && error.code === 'fenced')
})

test('what was judged before another had the lease is not written under the one that was got back', async () => {
  const bench = await aBench()
  await bench.turn()
  const { settings, leases } = bench.store
  const get: typeof settings.get = async (name) => {
    await leases.release('controller', 'bench')
    await leases.take('controller', 'another', bench.now, 1000)
    await leases.release('controller', 'another')
    await bench.takeLease('bench')
    return settings.get(name)
  }
  bench.store = { ...bench.store, settings: { ...settings, get } }
  bench.taker = bench.newTaker()
  const lines = (await bench.store.journal.last(100)).length
  await assert.rejects(bench.step(), (error) => error instanceof StoreError && error.code === 'fenced')
  assert.equal((await bench.store.journal.last(100)).length, lines)
})

test('the past has one window for each slot, whether turns come twice in one or leave some out', async () => {
  const bench = await aBench()
  const windows = async () => (await bench.turn()).before.cpuHistory.length
  const first = await windows()
  bench.now += 1000
  assert.equal(await windows(), first)
  bench.now -= 1000
  await bench.step()
  for (let slot = 0; slot < 3; slot++) {
    bench.now += SLOT_MS
    await bench.site.tellReports(bench.store, bench.now, SLOT_MS)
  }
  const { before } = await bench.step()
  const newest = before.cpuHistory.slice(-4)
  assert.ok(newest.every((column) => column.every((value) => !Number.isNaN(value))))
  assert.equal(new Set(newest.map((column) => column.join())).size, 4)
})

test('a VM that comes back to the roster has the past that the store knows, and its rest', async () => {
  const bench = await aBench()
  press(bench, [0])
  await bench.turn()
  for (let turn = 0; turn < 4; turn++) await bench.step()
  const [{ vmId, from, decidedAt }] = bench.orders
  const silent = bench.site.hosts.findIndex(({ id }) => id === from)
  // Its host is silent until its VMs are gone from the roster.
  const others = bench.site.hosts.map((_, host) => host).filter((host) => host !== silent)
  const tellOthers = async () => {
    await bench.store.hosts.remove(from)
    await bench.store.hosts.report(others.map((host) => bench.site.report(host, bench.now, SLOT_MS)))
  }
  const rows = await bench.store.hosts.list()
  const row = rows.find(({ hostId }) => hostId === from)
  assert.ok(row !== undefined)
  let packet = await bench.step(tellOthers)
  for (let turn = 0; turn < 3; turn++) packet = await bench.step(tellOthers)
  assert.ok(!packet.observation.inventory.vms.some(({ id }) => id === vmId))
  await bench.store.hosts.put(row)
  const { before } = await bench.step()
  const vm = before.vmIndex.get(vmId)
  assert.ok(vm !== undefined)
  const rebuilt = await rebuildState(
    bench.store,
    { ...packet.observation.inventory, vms: before.vms },
    {
      policy: packet.policy,
      now: bench.now,
    },
  )
  const pastOf = ({ cpuHistory }: typeof before) => cpuHistory.map((column) => column[vm]).slice(-60)
  assert.deepEqual(pastOf(before), pastOf(rebuilt))
  assert.ok(pastOf(before).filter((value) => !Number.isNaN(value)).length > 50)
  assert.ok(before.movedAt[vm] >= decidedAt)
})

/** Turns until the first move against contention that has to show five times of six. */
async function turnsToMove(restartAfter: number): Promise<number> {
  const bench = await aBench()
  await set(bench, POLICY_SETTING, { contention: { holdTurns: 5, ofTurns: 6 } })
  await bench.turn()
  for (let turn = 0; turn < 3; turn++) await bench.step()
  press(bench, [0], 0.6)
  for (let turn = 1; turn < 20; turn++) {
    const { result } = await bench.step()
    if (result?.orders.some(({ class: kind }) => kind === 'contention') === true) return turn
    if (turn === restartAfter) bench.taker = bench.newTaker()
  }
  return Infinity
}

test('a restart amid a contention does not wait for it to show again', async () => {
  // It has shown three times of five when the restart comes; the turn after it only looks, and shows it a fourth time.
  const straight = await turnsToMove(Infinity)
  assert.ok(straight < Infinity)
  assert.equal(await turnsToMove(straight - 2), straight)
})

test('a restart remembers triggers of the last turns, hosts being emptied, and when the last was', async () => {
  const bench = await aBench({ hosts: 4, vms: 24 })
  await set(bench, POLICY_SETTING, { gates: { movesPerTurnMax: 1 }, consolidation: { expectedOffMs: DAY_MS } })
  press(bench, [0])
  await bench.turn()
  let [triggered, emptied] = [0, 0]
  for (let turn = 0; turn < 8; turn++) {
    const { policy, observation } = await bench.step()
    const rebuilt = await rebuildState(bench.store, observation.inventory, { policy, now: bench.now })
    const { before } = await bench.step()
    assert.deepEqual(rebuilt.triggerHistory, before.triggerHistory)
    assert.deepEqual(rebuilt.draining, before.draining)
    assert.deepEqual(rebuilt.lastTurnAt, before.lastTurnAt)
    triggered += before.triggerHistory.filter((bits) => bits > 0).length
    emptied += before.draining.length
  }
  assert.ok(triggered > 0 && emptied > 0, `${triggered} ${emptied}`)
})

test('a restart takes a host in maintenance for one, though it has not reported since', async () => {
  const bench = await aBench()
  const report = bench.site.report(1, bench.now + 1, SLOT_MS)
  await bench.store.hosts.report([{ ...report, state: 'maintenance' }])
  bench.now += 2
  assert.deepEqual((await bench.turn()).observation.inventory.hostStates, ['on', 'maintenance', 'on'])
  bench.taker = bench.newTaker()
  bench.now += SLOT_MS
  assert.deepEqual((await bench.turn()).observation.inventory.hostStates, ['on', 'maintenance', 'on'])
})

test('a restart remembers who moved and when, the count of turns, the past of demand and what was learnt', async () => {
  const bench = await aBench()
  press(bench, [0])
  await bench.turn()
  for (let turn = 0; turn < 12; turn++) await bench.step()
  assert.ok(bench.orders.length > 0)
  const after = await bench.step()
  const { inventory } = after.observation
  const rebuilt = await rebuildState(bench.store, inventory, { policy: after.policy, now: bench.now })
  const next = (await bench.step()).before
  assert.deepEqual(rebuilt.movedAt, next.movedAt)
  assert.deepEqual(rebuilt.moveLog, next.moveLog)
  assert.equal(rebuilt.turns, next.turns)
  // What is learnt is written every twelfth turn; this is three turns later.
  assert.ok(Math.abs(rebuilt.threshold.bandSd - next.threshold.bandSd) < 0.5)
  // The newest window is the coming turn's to add.
  assert.deepEqual(rebuilt.cpuHistory.slice(-20), next.cpuHistory.slice(-21, -1))
})
