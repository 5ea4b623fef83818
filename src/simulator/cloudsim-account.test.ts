import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aDemand, aHost, aVm } from './builders.ts'
import { accountAsCloudsim, type CloudsimRun } from './cloudsim-account.ts'

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

test('demand is drawn as a line from sample to sample: 0 to 2 in 300 s is power from 100 W to 200 W', () => {
  // A host without demand at the beginning of an interval draws nothing in it; at 300.1 s the line has just left 0.
  const { cloudsimEnergyKwh } = account({ demand: aDemand([[0, 0, 2, 2]], [aVm(0, { vcpus: 2 })]) })
  assert.ok(Math.abs(cloudsimEnergyKwh * 3.6e6 - (150 * 300 + 200 * 300)) < 20, `${cloudsimEnergyKwh * 3.6e6}`)
})

function account(run: Partial<CloudsimRun> & Pick<CloudsimRun, 'demand'> & { readonly startOn?: readonly number[] }) {
  const { startOn = run.demand.vms.map(() => 0) } = run
  return accountAsCloudsim({ hosts: HOSTS, initialPlacement: Int32Array.from(startOn), moves: [], ...run })
}
