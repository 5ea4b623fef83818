import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty, finiteNumber } from '../../../tools/property.ts'
import { aVm } from '../builders.ts'
import { type Levels, measureLevels } from '../profile/levels.ts'
import { HostLoads } from './host-loads.ts'

const UP_AND_DOWN = [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]
const DOWN_AND_UP = UP_AND_DOWN.map((demand) => 1 - demand)

function columns(rows: readonly (readonly number[])[]): readonly Float32Array[] {
  return rows[0].map((_, k) => Float32Array.from(rows, (row) => row[k]))
}

/** Mean 0.5 and variance 0.25 each, whatever the cluster would teach. */
function levelsOf(rows: readonly (readonly number[])[]): Levels {
  const all = <T>(build: (length: number) => T): T => build(rows.length)
  return {
    size: all((n) => new Float64Array(n).fill(2)),
    mean: all((n) => new Float64Array(n).fill(0.5)),
    variance: all((n) => new Float64Array(n).fill(0.25)),
    samples: Uint16Array.from(rows, (row) => row.filter((demand) => !Number.isNaN(demand)).length),
    last: all((n) => new Float64Array(n).fill(0.5)),
  }
}

/** All VMs on host 0 of two. */
function loadsOf(rows: readonly (readonly number[])[], bandSd = 2): HostLoads {
  const loads = new HostLoads(2, columns(rows), levelsOf(rows), bandSd)
  rows.forEach((_, vm) => loads.add(vm, 0))
  return loads
}

function assertNear(actual: number, expected: number, within = 1e-6): void {
  assert.ok(Math.abs(actual - expected) < within, `${actual} is not ${expected}`)
}

test('two VMs whose peaks do not coincide need less than two whose peaks do', () => {
  // Apart: the sum is always 1 and its variance 0. Drawn towards independence (0.25 + 0.25) with 50 samples against 12:
  // (12 x 0 + 50 x 0.5) / 62.
  assertNear(loadsOf([UP_AND_DOWN, DOWN_AND_UP]).bound(0), 1 + 2 * Math.sqrt(25 / 62))
  // Together: the sum is 2 or 0, its variance 1: (12 x 1 + 50 x 0.5) / 62.
  assertNear(loadsOf([UP_AND_DOWN, UP_AND_DOWN]).bound(0), 1 + 2 * Math.sqrt(37 / 62))
})

test('sums are kept per window of the past', () => {
  const loads = loadsOf([UP_AND_DOWN, UP_AND_DOWN])
  assert.deepEqual([loads.sumAt(0, 0), loads.sumAt(0, 1), loads.sumAt(1, 0)], [2, 0, 0])
})

test('the bound never falls below the highest sum that was seen', () => {
  const loads = loadsOf([[0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]], 0)
  assert.equal(loads.bound(0), 2)
})

test('with a single window of past, the spread is that of independent VMs', () => {
  // One sum has no spread of its own: mean 1, variance 0.25 + 0.25.
  assertNear(loadsOf([[0.5], [0.5]]).bound(0), 1 + 2 * Math.sqrt(0.5))
})

test('without any past, a bound is still drawn', () => {
  const loads = new HostLoads(1, [], levelsOf([[]]), 2)
  loads.add(0, 0)
  assertNear(loads.bound(0), 0.5 + 2 * Math.sqrt(0.25))
})

test('a window that nobody measured counts as the expected demand', () => {
  const loads = loadsOf([[1, NaN, 1]])
  assert.deepEqual([loads.sumAt(0, 0), loads.sumAt(0, 1)], [1, 0.5])
})

test('an empty host has no load, and one that its last VM leaves neither', () => {
  const loads = loadsOf([UP_AND_DOWN])
  assert.equal(loads.bound(1), 0)
  assert.equal(loads.boundWithout(0, 0), 0)
  assert.equal(loads.count[0], 1)
})

const PASTS = fc.array(fc.array(finiteNumber({ min: 0, max: 2 }), { minLength: 6, maxLength: 6 }), {
  minLength: 2,
  maxLength: 6,
})

test('asking what if gives what then comes', () => {
  checkProperty(
    fc.property(PASTS, (rows) => {
      const vms = rows.map((_, v) => aVm(v))
      const history = columns(rows)
      const loads = new HostLoads(1, history, measureLevels(vms, history), 3)
      for (let vm = 1; vm < rows.length; vm++) loads.add(vm, 0)
      const without = loads.bound(0)
      const promised = loads.boundWith(0, 0)
      const mean = loads.lastMean
      loads.add(0, 0)
      assertNear(loads.bound(0), promised, 1e-4)
      assertNear(loads.mean[0], mean, 1e-4)
      assertNear(loads.boundWithout(0, 0), without, 1e-4)
    }),
  )
})

test('adding VMs and taking them off again leaves the host as it was', () => {
  checkProperty(
    fc.property(PASTS, (rows) => {
      const vms = rows.map((_, v) => aVm(v))
      const history = columns(rows)
      const loads = new HostLoads(1, history, measureLevels(vms, history), 3)
      loads.add(0, 0)
      const before = loads.bound(0)
      for (let vm = 1; vm < rows.length; vm++) loads.add(vm, 0)
      for (let vm = 1; vm < rows.length; vm++) loads.remove(vm, 0)
      assertNear(loads.bound(0), before, 1e-4)
      assert.equal(loads.count[0], 1)
    }),
  )
})
