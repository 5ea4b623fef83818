import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JOULES_PER_KWH, MiB } from '../terms/units.ts'
import { aDemand, anOrder, aSimulation, STEP_MS } from './builders.ts'
import { CLOUDSIM_RULES, HONEST_RULES } from './rules.ts'

// Two hosts of 2 reference cores, 100 W idle and 200 W full; three VMs over four samples, 300 s apart.
const THREE_VMS = aDemand([
  [0.5, 1.0, 1.5, 1.0],
  [0.5, 1.0, 1.0, 0.5],
  [0.5, 0.5, 0.0, 0.0],
])

test('the account of a world in which nothing moves', async () => {
  const simulation = aSimulation({ demand: THREE_VMS, startOn: [0, 0, 1] })
  await simulation.sleepUntil(3 * STEP_MS)
  // First host:  demand 1, 2, 2.5, 1.5 of 2 → 150, 200, 200, 175 W.  Trapezoids: 150 + 175 + 200 + 187.5 = 712.5.
  // Second host: demand .5, .5, 0, 0   of 2 → 125, 125,   0,   0 W.  Trapezoids: 125 + 125 + 62.5 + 0 = 312.5.
  // (712.5 + 312.5) W x 300 s = 307,500 J.
  // Six host-steps have demand, one of them more than 2: 1/6.  All demand is 8, of which .5 is not served: 1/16.
  assert.deepEqual(simulation.figures(), {
    energyKwh: 307_500 / JOULES_PER_KWH,
    overloadTimeFraction: 1 / 6,
    unservedFraction: 1 / 16,
    migrationDegradationFraction: 0,
    migrations: 0,
    migrationsPerVmDay: 0,
    copiedBytes: 0,
    hostsOnMean: (2 + 2 + 1 + 1) / 4,
  })
})

test('under CloudSim rules a move counts on its target from the first sample after it', async () => {
  const simulation = aSimulation({ demand: THREE_VMS, startOn: [0, 0, 1] })
  await simulation.sleepUntil(STEP_MS)
  await simulation.begin(anOrder(1, 0, 1))
  await simulation.sleepUntil(3 * STEP_MS)
  // First host:  demand 1, 2, 1.5, 1 → 150, 200, 175, 150 W.  Trapezoids: 150 + 175 + 187.5 + 162.5 = 675.
  // Second host: demand .5, .5, 1, .5 → 125, 125, 150, 125 W.  Trapezoids: 125 + 125 + 137.5 + 137.5 = 525.
  // 1200 W x 300 s = 360,000 J.  The copy takes 16 s and a tenth of 1 reference core: 1.6 of 8 x 300.
  // Three VMs for 1200 s are 1/24 VM-day: one migration is 24 in a VM-day.
  assert.deepEqual(simulation.figures(), {
    energyKwh: 360_000 / JOULES_PER_KWH,
    overloadTimeFraction: 0,
    unservedFraction: 0,
    migrationDegradationFraction: 1.6 / 2400,
    migrations: 1,
    migrationsPerVmDay: 24,
    copiedBytes: 1000 * MiB,
    hostsOnMean: 2,
  })
  assert.deepEqual(
    simulation.moves.map(({ second, vm, from, to }) => [second, vm, from, to]),
    [[300, 1, 0, 1]],
  )
})

test('a move at or after the last sample changes no figure under CloudSim rules', async () => {
  const simulation = aSimulation({ demand: THREE_VMS, startOn: [0, 0, 1] })
  await simulation.sleepUntil(3 * STEP_MS)
  const before = simulation.figures()
  await simulation.begin(anOrder(1, 0, 1))
  await simulation.sleepUntil(4 * STEP_MS)
  assert.deepEqual(simulation.figures(), before)
  assert.deepEqual(simulation.moves, [])
})

test('who does not care for power has every host on at full watts', async () => {
  for (const rules of [CLOUDSIM_RULES, HONEST_RULES]) {
    const simulation = aSimulation({ demand: THREE_VMS, startOn: [0, 0, 1], rules, isPowerAware: false })
    await simulation.sleepUntil(3 * STEP_MS)
    // 2 hosts x 200 W x 4 steps x 300 s = 480,000 J.
    assert.equal(simulation.figures().energyKwh, 480_000 / JOULES_PER_KWH)
  }
})

test('under honest rules booting, idling and halting cost energy', async () => {
  const simulation = aSimulation({
    demand: aDemand([[1, 1, 1, 1]]),
    rules: { ...HONEST_RULES, jitterFraction: 0 },
  })
  await simulation.sleepUntil(STEP_MS)
  await simulation.begin(anOrder(0, 0, 1))
  await simulation.sleepUntil(3 * STEP_MS)
  // The source, up to 300 s: 150 W x 600 s = 90,000 J.
  // To 600 s, by when its VM has gone: (150 + 100) / 2 x 300 = 37,500 J.
  // It is found empty and goes off in 30 s at 200 W: 6,000 J.
  // The target boots from 300 to 420 s at 200 W: 24,000 J.
  // To 600 s: (100 + 150) / 2 x 180 = 22,500 J.  Then 150 x 300 = 45,000 J.
  assert.equal(simulation.figures().energyKwh, (90_000 + 37_500 + 6_000 + 24_000 + 22_500 + 45_000) / JOULES_PER_KWH)
  // On at the four samples: the source, the source, both, the target.
  assert.equal(simulation.figures().hostsOnMean, 5 / 4)
})

test('under honest rules a migration costs its VM a tenth while copying and all while down', async () => {
  const simulation = aSimulation({ demand: aDemand([[1, 1, 1]]), rules: HONEST_RULES })
  await simulation.begin(anOrder(0, 0, 1))
  await simulation.sleepUntil(2 * STEP_MS)
  const [end] = (await simulation.inventory()).ended
  const copyingSeconds = (end.endedAt - end.startedAt - end.downtimeMs) / 1000
  // 1 reference core for 900 s is asked for.
  const lost = 0.1 * copyingSeconds + end.downtimeMs / 1000
  assert.ok(Math.abs(simulation.figures().migrationDegradationFraction - lost / 900) < 1e-12)
  assert.equal(simulation.figures().copiedBytes, end.copiedBytes)
  // All of its 1000 MiB went over the wire at least once.
  assert.ok(end.copiedBytes > 1000 * MiB)
})
