import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Allocation } from './allocation.ts'
import { aG4, anInventory, anObservation, aVm } from './builders.ts'
import { remember, startState } from './history.ts'
import {
  type DetectorMaker,
  interquartileRange,
  medianAbsoluteDeviation,
  NO_VM,
  spreadThreshold,
  staticThreshold,
  trendThreshold,
} from './overload.ts'

const HOSTS = [aG4(0, { refCoresPerCore: 2 }), aG4(1, { refCoresPerCore: 2 })]
const MAD = spreadThreshold(2.5, medianAbsoluteDeviation, 'MAD')
const IQR = spreadThreshold(1.5, interquartileRange, 'IQR')

test('THR: 3.21 of 4 reference cores is 0.8025 and above 0.8; 3.19 is 0.7975 and is not', () => {
  assert.equal(isOverloaded(staticThreshold(0.8), [[3.21]]), true)
  assert.equal(isOverloaded(staticThreshold(0.8), [[3.19]]), false)
})

test('THR counts a VM thought onto the host: 2 + 1.3 = 3.3 of 4 is 0.825', () => {
  assert.equal(isOverloaded(staticThreshold(0.8), [[2], [1.3]], { hostOf: [0, 1], vm: 1 }), true)
})

test('MAD of 1, 1, 2, 2, 4, 6, 9 is 1: their median is 2, the distances from it 1, 1, 0, 0, 2, 4, 7', () => {
  assert.equal(medianAbsoluteDeviation(Float64Array.of(1, 1, 2, 2, 4, 6, 9)), 1)
})

test('IQR of 1 ... 12 is 7: a quarter of 13 is 3.25, so the 3rd; three quarters 9.75, so the 10th; 10 - 3', () => {
  assert.equal(interquartileRange(Float64Array.from({ length: 12 }, (_, i) => i + 1)), 7)
})

// Shares of the host: six of 0.5 and six of 0.6.
const STEADY = [2, 2.4, 2, 2.4, 2, 2.4, 2, 2.4, 2, 2.4, 2]

test('MAD: six samples of 0.5 and six of 0.6 deviate by 0.05 from 0.55, so the limit is 1 - 2.5 x 0.05 = 0.875', () => {
  const { threshold } = assess(MAD, [[...STEADY, 2.4]])
  assert.ok(Math.abs(threshold - 0.875) < 1e-6, `${threshold}`)
})

test('IQR: their quartiles are 0.5 and 0.6, so the limit is 1 - 1.5 x 0.1 = 0.85', () => {
  const { threshold } = assess(IQR, [[...STEADY, 2.4]])
  assert.ok(Math.abs(threshold - 0.85) < 1e-6, `${threshold}`)
})

test('MAD and IQR take 0.7 until they have twelve samples', () => {
  for (const rule of [MAD, IQR]) assert.equal(assess(rule, [STEADY]).threshold, 0.7)
})

test('LR: a rise of 0.04 a turn up to 0.8 will be 0.84 a turn on, times 1.2 is 1.008: overloaded', () => {
  // In reference cores of 4: 1.76, 1.92, ..., 3.2.
  const rising = Array.from({ length: 10 }, (_, i) => 1.76 + 0.16 * i)
  assert.ok(Math.abs(assess(trendThreshold(1.2), [rising]).level - 1.008) < 1e-6)
  assert.equal(isOverloaded(trendThreshold(1.2), [rising]), true)
})

test('LR: a fall of 0.04 a turn down to 0.8 will be 0.76, times 1.2 is 0.912: not overloaded', () => {
  const falling = Array.from({ length: 10 }, (_, i) => 4.64 - 0.16 * i)
  assert.ok(Math.abs(assess(trendThreshold(1.2), [falling]).level - 0.912) < 1e-6)
  assert.equal(isOverloaded(trendThreshold(1.2), [falling]), false)
})

test('LR takes 0.7 of the present demand until it has ten samples', () => {
  assert.equal(isOverloaded(trendThreshold(1.2), [[0.1, 2.9]]), true)
  assert.equal(isOverloaded(trendThreshold(1.2), [[2.9, 0.1]]), false)
})

test('LR looks further ahead where a migration takes longer: 2.2e10 bytes at half of 1.25e8 bytes/s are 352 s, two turns', () => {
  // 0.04 a turn from 0.8 for two turns is 0.88; times 1.2 is 1.056.
  const rising = Array.from({ length: 10 }, (_, i) => 1.76 + 0.16 * i)
  const vms = [aVm(0, 0, { vcpus: 2, memoryBytes: 2.2e10 })]
  assert.ok(Math.abs(assess(trendThreshold(1.2), [rising], { vms }).level - 1.056) < 1e-6)
})

test('zeros at the old end of the past do not count: nine samples after three zeros are too few for LR', () => {
  const past = [0, 0, 0, ...Array.from({ length: 9 }, () => 2)]
  assert.deepEqual(assess(trendThreshold(1.2), [past]), { level: 0.5, threshold: 0.7, measure: 'demand' })
})

test('the past of a host is that of the VMs which are on it now', () => {
  // VM 1 brings its twelve samples along: 0.5 and 0.6 in turn, beside nothing.
  const { threshold } = assess(IQR, [Array.from({ length: 12 }, () => 0), [...STEADY, 2.4]], { hostOf: [0, 0] })
  assert.ok(Math.abs(threshold - 0.85) < 1e-6, `${threshold}`)
})

interface Case {
  readonly hostOf?: readonly number[]
  readonly vm?: number
  readonly vms?: ReturnType<typeof aVm>[]
}

/** Lives through `past`, one list of demands per VM, and asks about the first host at its end. */
function look(rule: DetectorMaker, past: readonly (readonly number[])[], { hostOf, vms }: Case) {
  const sight = {
    hosts: HOSTS,
    vms: vms ?? past.map((_, i) => aVm(i, 0, { vcpus: 2 })),
    hostOf: hostOf ?? past.map(() => 0),
  }
  let state = startState()
  let facts = remember(state, anObservation({ ...sight, cpu: past.map(([first]) => first) })).facts
  for (let turn = 0; turn < past[0].length; turn++) {
    const after = remember(state, anObservation({ ...sight, cpu: past.map((demands) => demands[turn]), turn }))
    state = after.state
    facts = after.facts
  }
  return rule(new Allocation(anInventory({ ...sight, cpu: [] }), facts))
}

function isOverloaded(rule: DetectorMaker, past: readonly (readonly number[])[], options: Case = {}): boolean {
  return look(rule, past, options).isOverloaded(0, options.vm ?? NO_VM)
}

function assess(rule: DetectorMaker, past: readonly (readonly number[])[], options: Case = {}) {
  return look(rule, past, options).assess(0)
}
