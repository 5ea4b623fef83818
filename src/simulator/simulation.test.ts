import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { GiB } from '../terms/units.ts'
import { TelemetryError } from '../world/errors.ts'
import { aDemand, aHost, anOrder, aSimulation, aVm, STEP_MS } from './builders.ts'
import { PlacementError } from './placement-error.ts'
import { CLOUDSIM_RULES, HONEST_RULES } from './rules.ts'

const FLAT = [0.2, 0.2, 0.2, 0.2, 0.2, 0.2]
const THREE_GIB = { memoryBytes: 3 * GiB }

test('no VM is lost or doubled, and no demand, whatever is moved, cancelled, coming or going', async () => {
  const act = fc.record({
    vm: fc.nat(5),
    from: fc.nat(2),
    to: fc.nat(2),
    waitMs: fc.nat(STEP_MS),
    isCancel: fc.boolean(),
  })
  const acts = fc.array(act, { maxLength: 40 })
  const rules = fc.constantFrom(CLOUDSIM_RULES, HONEST_RULES)
  const lives = fc.array(fc.record({ first: fc.nat(3), length: fc.nat(6) }), { minLength: 6, maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(acts, rules, lives, async (acts, rules, lives) => {
      const demand = aDemand(
        lives.map(({ first, length }, vm) =>
          FLAT.map((_, step) => (step >= first && step <= first + length ? (vm + 1) / 8 : Number.NaN)),
        ),
      )
      const simulation = aSimulation({
        demand,
        rules,
        hosts: [aHost(0), aHost(1), aHost(2)],
        startOn: [0, 1, 2, 0, 1, 2],
        onStep: ({ step, hostOf, hostDemand }) => {
          const cpu = demand.columns.cpu.subarray(step * 6, step * 6 + 6)
          const wanted = cpu.reduce((sum, d) => sum + (Number.isNaN(d) ? 0 : d), 0)
          assert.equal(
            hostDemand.reduce((sum, d) => sum + d, 0),
            wanted,
          )
          hostOf.forEach((host, vm) => assert.equal(host >= 0, !Number.isNaN(cpu[vm])))
        },
      })
      for (const [i, { vm, from, to, waitMs, isCancel }] of acts.entries()) {
        const order = anOrder(vm, from, to, `order-${i}`)
        if (isCancel) await simulation.cancel(order.vmId)
        else await simulation.begin(order).catch(() => {})
        await simulation.sleepUntil(simulation.now() + waitMs)
        const seen = await simulation.inventory()
        assert.equal(seen.hostOf.length, seen.vms.length)
        seen.hostOf.forEach((host) => assert.ok(host >= 0 && host < 3))
        assert.equal(new Set(seen.migrations.map((migration) => migration.vmId)).size, seen.migrations.length)
      }
    }),
    { numRuns: 60, seed: 20110303 },
  )
})

test('memory is promised on both hosts while a VM moves, and given up at the source when it arrives', async () => {
  // Hosts of 8 GiB, VMs of 3: two fit, three lack 1 GiB.
  const vms = [0, 1, 2, 3].map((row) => aVm(row, THREE_GIB))
  const demand = aDemand([FLAT, FLAT, FLAT, FLAT], vms)
  const simulation = aSimulation({
    demand,
    rules: HONEST_RULES,
    startOn: [0, 0, 1, 2],
    hosts: [0, 1, 2].map((i) => aHost(i)),
  })
  await simulation.begin(anOrder(0, 0, 1))
  const second = await simulation.preflight(anOrder(1, 0, 1))
  assert.ok(second.kind === 'refused')
  assert.deepEqual([second.lacking, second.shortBy], ['memory', GiB])
  const intoSource = await simulation.preflight(anOrder(3, 2, 0))
  assert.ok(intoSource.kind === 'refused' && intoSource.lacking === 'memory')
  await simulation.sleepUntil(STEP_MS)
  assert.deepEqual(await simulation.preflight(anOrder(3, 2, 0)), { kind: 'fits' })
})

test('memory does not matter under CloudSim rules', async () => {
  const demand = aDemand(
    [FLAT, FLAT, FLAT],
    [0, 1, 2].map((row) => aVm(row, THREE_GIB)),
  )
  const simulation = aSimulation({ demand, startOn: [0, 1, 1] })
  assert.deepEqual(await simulation.preflight(anOrder(0, 0, 1)), { kind: 'fits' })
})

test('a VM that finds no first host ends the run, and the message says who it is and what there is', () => {
  const demand = aDemand([FLAT], [aVm(0, { vcpus: 64, memoryBytes: 16 * GiB })])
  assert.throws(
    () => aSimulation({ demand, startOn: [-1] }),
    (error) =>
      error instanceof PlacementError &&
      error.vm.id === 'vm-0' &&
      error.message.startsWith(
        'VM vm-0 (64 reference cores, 16 GiB) fits on no host. The 2 hosts have 2 reference cores and 8 GiB each.',
      ),
  )
  assert.throws(() => aSimulation({ demand, startOn: [0], rules: HONEST_RULES }), PlacementError)
  assert.throws(
    () => aSimulation({ demand, hosts: [aHost(0)], startOn: [-1] }),
    /fits on no host\. The only host has 2 reference cores and 8 GiB\. Give/,
  )
})

test('a link carries one copy at a time: a second waits, and one between other hosts does not', async () => {
  const demand = aDemand([FLAT, FLAT, FLAT, FLAT, FLAT])
  const hosts = [0, 1, 2, 3, 4].map((index) => aHost(index))
  const simulation = aSimulation({ demand, hosts, rules: HONEST_RULES, startOn: [0, 0, 3, 2, 4] })
  await simulation.sleepUntil(1)
  for (const order of [anOrder(0, 0, 2), anOrder(1, 0, 3), anOrder(4, 4, 3)]) await simulation.begin(order)
  assert.equal((await simulation.inventory()).migrations.length, 3)
  await simulation.sleepUntil(STEP_MS)
  const [first, other, second] = (await simulation.inventory()).ended.toSorted((a, b) => a.endedAt - b.endedAt)
  const names = [first, other, second].map((end) => end.vmId)
  assert.deepEqual(new Set(names.slice(0, 2)), new Set(['vm-0', 'vm-4']))
  assert.equal(names[2], 'vm-1')
  assert.deepEqual([first.startedAt, other.startedAt], [1, 1])
  // vm-1 needs the links of hosts 0 and 3: the later of the two that held them decides.
  assert.equal(second.startedAt, other.endedAt)
})

test('a migration waits for a target that is off to come on, and for one going off to come back', async () => {
  const hosts = [0, 1, 2].map((index) => aHost(index))
  const simulation = aSimulation({ demand: aDemand([FLAT, FLAT]), hosts, rules: HONEST_RULES, startOn: [0, 1] })
  assert.deepEqual((await simulation.inventory()).hostStates, ['on', 'on', 'off'])
  await simulation.begin(anOrder(1, 1, 2))
  assert.deepEqual((await simulation.inventory()).hostStates, ['on', 'on', 'starting'])
  await simulation.sleepUntil(STEP_MS)
  const seen = await simulation.inventory()
  assert.equal(seen.ended[0].startedAt, 120_000)
  assert.deepEqual(seen.hostStates, ['on', 'stopping', 'on'])
  // Off at 330 s, then 120 s to boot: the copy starts at 450 s.
  await simulation.begin(anOrder(0, 0, 1))
  await simulation.sleepUntil(2 * STEP_MS)
  assert.equal((await simulation.inventory()).ended[0].startedAt, 450_000)
})

test('VMs come and go: they are listed, measured and placed while they live', async () => {
  const [gone, not] = [Number.NaN, Number.NaN]
  const rows = [
    [0.5, 0.5, 0.5, 0.5],
    [0.25, 0.25, gone, gone],
    [not, 0.75, 0.75, 0.75],
  ]
  const simulation = aSimulation({ demand: aDemand(rows), startOn: [0, 0, 1] })
  const seenAt = async (step: number) => {
    await simulation.sleepUntil(step * STEP_MS)
    const inventory = await simulation.inventory()
    const { samples } = await simulation.read(inventory)
    return [inventory.vms.map((vm) => vm.id), [...inventory.hostOf], [...(samples.columns.cpu ?? [])]]
  }
  assert.deepEqual(await seenAt(0), [
    ['vm-0', 'vm-1'],
    [0, 0],
    [0.5, 0.25],
  ])
  assert.deepEqual(await seenAt(1), [
    ['vm-0', 'vm-1', 'vm-2'],
    [0, 0, 1],
    [0.5, 0.25, 0.75],
  ])
  assert.deepEqual(await seenAt(2), [
    ['vm-0', 'vm-2'],
    [0, 1],
    [0.5, 0.75],
  ])
  assert.deepEqual([...simulation.initialPlacement], [0, 0, 1])
})

test('a VM that goes while it moves fails to arrive', async () => {
  const hosts = [aHost(0), aHost(1)]
  const rows = [FLAT, [0.5, Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN]]
  const simulation = aSimulation({ demand: aDemand(rows), hosts, rules: HONEST_RULES, startOn: [0, 0] })
  await simulation.sleepUntil(STEP_MS - 1000)
  await simulation.begin(anOrder(1, 0, 1))
  await simulation.sleepUntil(2 * STEP_MS)
  assert.deepEqual(
    (await simulation.inventory()).ended.map((end) => [end.vmId, end.result, end.endedAt]),
    [['vm-1', 'failed', STEP_MS]],
  )
})

test('a copy cancelled half way has sent half of its bytes', async () => {
  const starts: { at: number; durationMs: number; copiedBytes: number }[] = []
  const simulation = aSimulation({
    demand: aDemand([FLAT, FLAT]),
    startOn: [0, 1],
    rules: HONEST_RULES,
    onMigrationStart: (start) => starts.push(start),
  })
  const order = anOrder(0, 0, 1)
  await simulation.begin(order)
  await simulation.sleepUntil(starts[0].durationMs / 2)
  const whileCopying = simulation.figures().copiedBytes
  await simulation.cancel(order.vmId)
  assert.equal(whileCopying, starts[0].copiedBytes / 2)
  assert.equal(simulation.figures().copiedBytes, starts[0].copiedBytes / 2)
  await simulation.sleepUntil(2 * STEP_MS)
  assert.deepEqual([...(await simulation.inventory()).hostOf], [0, 1])
})

test('a move cancelled before the next sample never counts under CloudSim rules', async () => {
  const simulation = aSimulation({ demand: aDemand([FLAT, FLAT]), startOn: [0, 1] })
  await simulation.begin(anOrder(0, 0, 1))
  await simulation.sleepUntil(1000)
  await simulation.cancel(anOrder(0, 0, 1).vmId)
  await simulation.sleepUntil(STEP_MS)
  const { migrations, copiedBytes } = simulation.figures()
  assert.deepEqual([migrations, copiedBytes, simulation.moves.length], [0, 0, 0])
})

test('samples are views of the series while all VMs live, and the trace comes to its end', async () => {
  const demand = aDemand([FLAT, FLAT])
  const simulation = aSimulation({ demand })
  await simulation.sleepUntil(STEP_MS + 1)
  const { samples } = await simulation.read(await simulation.inventory())
  assert.equal(samples.at, STEP_MS)
  assert.equal(samples.columns.cpu?.buffer, demand.columns.cpu.buffer)
  await simulation.sleepUntil(6 * STEP_MS)
  const inventory = await simulation.inventory()
  await assert.rejects(
    simulation.read(inventory),
    (error) => error instanceof TelemetryError && error.code === 'exhausted',
  )
})

test('demand above capacity is still told as demand', async () => {
  const simulation = aSimulation({ demand: aDemand([[5, 5]]), rules: HONEST_RULES })
  const { samples } = await simulation.read(await simulation.inventory())
  assert.deepEqual([...(samples.columns.cpu ?? [])], [5])
})

test('a VM that comes to a host that is off waits while it boots', async () => {
  const simulation = aSimulation({
    demand: aDemand([
      [1, 1, 1],
      [Number.NaN, 1, 1],
    ]),
    startOn: [0, 1],
    rules: HONEST_RULES,
  })
  await simulation.sleepUntil(2 * STEP_MS)
  // 120 s of 1 reference core, of 5 x 300 asked for; five host-steps with demand, in one of which it waits for 120 of
  // 300 s.
  const { unservedFraction, overloadTimeFraction } = simulation.figures()
  assert.deepEqual([unservedFraction, overloadTimeFraction], [120 / 1500, 120 / 1500])
})

test('a migration cancelled while it waits gives its room back, and its target goes off again', async () => {
  const demand = aDemand(
    [FLAT, FLAT, FLAT],
    [0, 1, 2].map((row) => aVm(row, { memoryBytes: 6 * GiB })),
  )
  const hosts = [0, 1, 2, 3].map((index) => aHost(index))
  const simulation = aSimulation({ demand, hosts, rules: HONEST_RULES, startOn: [0, 1, 2] })
  await simulation.begin(anOrder(0, 0, 3))
  assert.equal((await simulation.preflight(anOrder(1, 1, 3))).kind, 'refused')
  await simulation.cancel(anOrder(0, 0, 3).vmId)
  assert.equal((await simulation.preflight(anOrder(1, 1, 3))).kind, 'fits')
  await simulation.sleepUntil(STEP_MS)
  assert.deepEqual((await simulation.inventory()).hostStates, ['on', 'on', 'on', 'stopping'])
  await simulation.sleepUntil(STEP_MS + 30_000)
  assert.deepEqual((await simulation.inventory()).hostStates, ['on', 'on', 'on', 'off'])
  assert.deepEqual([simulation.figures().migrations, simulation.figures().copiedBytes], [0, 0])
})
