import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../tools/property.ts'
import { aDemand, aHost, aVm } from './builders.ts'
import { accountAsCloudsim, type CloudsimMove, type CloudsimRun } from './cloudsim-account.ts'

// Hosts: 2 cores of speed 1, 100 W idle, 1 W more for each percent. Samples at 0, 300, 600, 900 s: two intervals are accounted for,
// from 300.1 s to 900.1 s.
const HOSTS = [aHost(0), aHost(1)]

test('one VM at half of a host: 600 s at 150 W are 0.025 kWh, and nobody is short', () => {
  const figures = account({ demand: aDemand([[1, 1, 1, 1]]) })
  assert.deepEqual(figures, { cloudsimSlatahFraction: 0, cloudsimEnergyKwh: 0.025, activeHostSeconds: 600 })
})

test('two VMs that want 1.5 each of a host of 2 are short all the time, however many their vCPUs', () => {
  const vms = [aVm(0, { vcpus: 2 }), aVm(1, { vcpus: 2 })]
  const { cloudsimSlatahFraction } = account({ demand: aDemand([Array(4).fill(1.5), Array(4).fill(1.5)], vms) })
  assert.equal(cloudsimSlatahFraction, 1)
})

test('a vCPU that wants 1.5 of a core of 1 is short on a host of 2', () => {
  const demand = aDemand([Array(4).fill(1.5)], [aVm(0, { refCoresPerVcpu: 1.5 })])
  assert.equal(account({ demand }).cloudsimSlatahFraction, 1)
})

test('a host to which a VM moves is short while it comes: 16 of 616 s', () => {
  // 1000 MiB x 8,000 kbit over half of 1,000,000 kbit/s are 16 s. The VM wants 0.5: 500 MIPS x 0.9 / 0.9 is 500, so its source is
  // not short. The source is on for the first 16 s, the target for all 600.
  const demand = aDemand([Array(4).fill(0.5), Array(4).fill(1)])
  const moves = [{ second: 300.1, vm: 0, from: 0, to: 1 }]
  const { cloudsimSlatahFraction, activeHostSeconds } = account({ demand, moves, startOn: [0, 1] })
  assert.ok(Math.abs(activeHostSeconds - 616) < 1e-6, `${activeHostSeconds}`)
  assert.ok(Math.abs(cloudsimSlatahFraction - 16 / 616) < 1e-6, `${cloudsimSlatahFraction}`)
})

test('a host that a VM passes by is on and short for as long: 32 of 632 s', () => {
  const demand = aDemand([Array(4).fill(0.5), Array(4).fill(1)])
  const moves = [{ second: 300.1, vm: 0, from: 0, to: 1, passedBy: 2 }]
  const hosts = [...HOSTS, aHost(2)]
  const { cloudsimSlatahFraction, activeHostSeconds } = account({ hosts, demand, moves, startOn: [0, 1] })
  assert.ok(Math.abs(activeHostSeconds - 632) < 1e-6, `${activeHostSeconds}`)
  assert.ok(Math.abs(cloudsimSlatahFraction - 32 / 632) < 1e-6, `${cloudsimSlatahFraction}`)
})

test('the interval is split where a move ends: 16 s of 125 W and 152.5 W, then 584 s of 175 W', () => {
  // Host 0 draws 125 W (0.5 of 2) for 16 s. Host 1 has 1 and a tenth of 0.5 for 16 s: 152.5 W; then 1.5: 175 W for 584 s.
  // At the end of a piece its state is reckoned before the VM has moved, so both ends of each piece are the same.
  const demand = aDemand([Array(4).fill(0.5), Array(4).fill(1)])
  const moves = [{ second: 300.1, vm: 0, from: 0, to: 1 }]
  const { cloudsimEnergyKwh } = account({ demand, moves, startOn: [0, 1] })
  const joules = 125 * 16 + 152.5 * 16 + 175 * 584
  assert.ok(Math.abs(cloudsimEnergyKwh * 3.6e6 - joules) < 1e-3, `${cloudsimEnergyKwh * 3.6e6} is not ${joules}`)
})

// VM 0 wants 0.5 and moves to the host of VM 1, which wants 1. Its copy takes 16 s, in which the target is short.
const STARTS = [
  { second: 0, at: 'before the account begins', shortSeconds: 0, sourceSeconds: 0 },
  { second: 300, at: 'at a sample, 0.1 s before the account begins', shortSeconds: 15.9, sourceSeconds: 15.9 },
  { second: 450, at: 'in the middle of an interval', shortSeconds: 16, sourceSeconds: 165.9 },
  { second: 590, at: 'shortly before a sample', shortSeconds: 16, sourceSeconds: 305.9 },
  { second: 600, at: 'at a sample', shortSeconds: 16, sourceSeconds: 315.9 },
  { second: 895, at: 'so late that the account ends first', shortSeconds: 5.1, sourceSeconds: 600 },
  { second: 900.1, at: 'when the account ends', shortSeconds: 0, sourceSeconds: 600 },
]
for (const { second, at, shortSeconds, sourceSeconds } of STARTS) {
  test(`a move of 16 s from second ${second}, ${at}: ${shortSeconds} of 600 + ${sourceSeconds} s are short`, () => {
    const demand = aDemand([Array(4).fill(0.5), Array(4).fill(1)])
    const moves = [{ second, vm: 0, from: 0, to: 1 }]
    const { cloudsimSlatahFraction, activeHostSeconds } = account({ demand, moves, startOn: [0, 1] })
    assert.ok(Math.abs(activeHostSeconds - (600 + sourceSeconds)) < 1e-6, `${activeHostSeconds}`)
    assert.ok(Math.abs(cloudsimSlatahFraction * activeHostSeconds - shortSeconds) < 1e-6, `${cloudsimSlatahFraction}`)
  })
}

test('the interval is split where a move starts as well: 149.9 s of 150 W, 16 s of 152.5 W, 434.1 s of 175 W', () => {
  // Host 0 draws 125 W (0.5 of 2) from 300.1 s until the copy ends at 466 s. Host 1 has 1, then a tenth of 0.5 with it, then 1.5.
  const demand = aDemand([Array(4).fill(0.5), Array(4).fill(1)])
  const { cloudsimEnergyKwh } = account({ demand, moves: [{ second: 450, vm: 0, from: 0, to: 1 }], startOn: [0, 1] })
  const joules = 125 * 165.9 + 150 * 149.9 + 152.5 * 16 + 175 * 434.1
  assert.ok(Math.abs(cloudsimEnergyKwh * 3.6e6 - joules) < 1e-3, `${cloudsimEnergyKwh * 3.6e6} is not ${joules}`)
})

test('a VM that moves twice between two samples, and twice before the account begins, is where it went last', () => {
  // 0 to 1 at 0 s, 1 to 2 at 100 s; 2 to 0 at 400 s and back to 1 at 500 s. It alone has demand, so its host of the moment is on, and
  // for 16 s its target, which is short: 600 + 2 x 16 s, 32 of them short.
  const demand = aDemand([Array(4).fill(0.5)])
  const moves = [
    { second: 0, vm: 0, from: 0, to: 1 },
    { second: 100, vm: 0, from: 1, to: 2 },
    { second: 400, vm: 0, from: 2, to: 0 },
    { second: 500, vm: 0, from: 0, to: 1 },
  ]
  const figures = account({ hosts: [...HOSTS, aHost(2)], demand, moves })
  assert.ok(Math.abs(figures.activeHostSeconds - 632) < 1e-6, `${figures.activeHostSeconds}`)
  assert.ok(Math.abs(figures.cloudsimSlatahFraction - 32 / 632) < 1e-6, `${figures.cloudsimSlatahFraction}`)
})

test('whenever moves start, SLATAH is a fraction, and no host is active longer than the account lasts', () => {
  const steps = 6
  checkProperty(
    fc.property(someDemand(steps), someMoves(steps), (rows, wanted) => {
      const demand = aDemand(rows)
      const startOn = rows.map((_, vm) => vm % FLEET.length)
      const figures = account({ hosts: FLEET, demand, startOn, moves: possibleMoves(wanted, startOn) })
      const { cloudsimSlatahFraction, cloudsimEnergyKwh, activeHostSeconds } = figures
      assert.ok(cloudsimSlatahFraction >= 0 && cloudsimSlatahFraction <= 1, `${cloudsimSlatahFraction}`)
      const accountedSeconds = (steps - 2) * 300
      assert.ok(activeHostSeconds >= 0 && activeHostSeconds <= FLEET.length * accountedSeconds + 1e-6)
      // A host that is on draws from 100 W to 200 W, at either end of each piece; one that goes off in a piece draws half.
      const leastJoules = (activeHostSeconds * 100) / 2 - 1e-3
      assert.ok(cloudsimEnergyKwh * 3.6e6 >= leastJoules && cloudsimEnergyKwh * 3.6e6 <= activeHostSeconds * 200 + 1e-3)
    }),
  )
})

test('moves after the last sample change nothing', () => {
  const demand = aDemand([Array(4).fill(0.5), Array(4).fill(1)])
  const late = [{ second: 900.2, vm: 0, from: 0, to: 1 }]
  assert.deepEqual(account({ demand, startOn: [0, 1], moves: late }), account({ demand, startOn: [0, 1] }))
})

test('demand is drawn as a line from sample to sample: 0 to 2 in 300 s is power from 100 W to 200 W', () => {
  // A host without demand at the beginning of an interval draws nothing in it; at 300.1 s the line has just left 0.
  const { cloudsimEnergyKwh } = account({ demand: aDemand([[0, 0, 2, 2]], [aVm(0, { vcpus: 2 })]) })
  assert.ok(Math.abs(cloudsimEnergyKwh * 3.6e6 - (150 * 300 + 200 * 300)) < 20, `${cloudsimEnergyKwh * 3.6e6}`)
})

function account(run: Partial<CloudsimRun> & Pick<CloudsimRun, 'demand'> & { readonly startOn?: readonly number[] }) {
  const { startOn = run.demand.vms.map(() => 0) } = run
  return accountAsCloudsim({ hosts: HOSTS, initialPlacement: Int32Array.from(startOn), moves: [], ...run })
}

const FLEET = [aHost(0), aHost(1), aHost(2)]

function someDemand(steps: number): fc.Arbitrary<number[][]> {
  const shares = fc.array(fc.integer({ min: 0, max: 150 }), { minLength: steps, maxLength: steps })
  return fc.array(
    shares.map((row) => row.map((share) => share / 100)),
    { minLength: 1, maxLength: 5 },
  )
}

/** At samples, 0.1 s after them, and at any other instant. */
function someMoves(steps: number): fc.Arbitrary<{ second: number; vm: number; to: number }[]> {
  const sample = fc.integer({ min: 0, max: steps })
  const second = fc.oneof(
    sample.map((step) => step * 300),
    sample.map((step) => step * 300 + 0.1),
    fc.integer({ min: 0, max: steps * 300_000 }).map((ms) => ms / 1000),
  )
  return fc.array(fc.record({ second, vm: fc.nat(), to: fc.nat(FLEET.length - 1) }), { maxLength: 20 })
}

/** Those that a platform would take: in order of time, from where the VM is, and not while it moves. */
function possibleMoves(
  wanted: readonly { readonly second: number; readonly vm: number; readonly to: number }[],
  startOn: readonly number[],
): CloudsimMove[] {
  const hostOf = [...startOn]
  const freeFrom = startOn.map(() => 0)
  const moves: CloudsimMove[] = []
  for (const { second, vm: drawn, to } of wanted.toSorted((a, b) => a.second - b.second)) {
    const vm = drawn % startOn.length
    if (second < freeFrom[vm] || to === hostOf[vm]) continue
    moves.push({ second, vm, from: hostOf[vm], to })
    hostOf[vm] = to
    freeFrom[vm] = second + 16
  }
  return moves
}
