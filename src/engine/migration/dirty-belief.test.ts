import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GiB, MiB } from '../../terms/units.ts'
import { beliefOf, curveOf, levelOf } from './dirty-belief.ts'

function meanRateMib(bytesPerSec: number, ramBytes: number): number {
  const cases = beliefOf({ bytesPerSec, windowSec: 1, ramBytes }, 0.9 * ramBytes)
  return cases.reduce((sum, one) => sum + (one.weight * one.bytesPerSec) / MiB, 0)
}

test('weights of a belief sum to one, in both of its readings', () => {
  for (const mib of [0, 2, 40, 4000]) {
    const cases = beliefOf({ bytesPerSec: mib * MiB, windowSec: 1, ramBytes: 128 * MiB }, 100 * MiB)
    assert.ok(Math.abs(cases.reduce((sum, { weight }) => sum + weight, 0) - 1) < 1e-9)
    assert.ok(Math.abs(cases.reduce((sum, { cautiousWeight }) => sum + cautiousWeight, 0) - 1) < 1e-9)
  }
})

test('no page seen changing in a small VM does not mean that nothing is written', () => {
  // 64 pages are looked at. At 1 MiB/s of 128 MiB none of them changes in (1 - 1/128)^64 = 61 % of windows.
  const cases = beliefOf({ bytesPerSec: 0, windowSec: 1, ramBytes: 128 * MiB }, 100 * MiB)
  const writes = cases.filter(({ bytesPerSec }) => bytesPerSec > 0).reduce((sum, { weight }) => sum + weight, 0)
  assert.ok(writes > 0.1 && writes < 0.9, String(writes))
})

test('the same figure of a large VM is believed', () => {
  // 64 GiB: 32,768 pages are looked at, and 300 MiB/s are 150 of them.
  const cases = beliefOf({ bytesPerSec: 300 * MiB, windowSec: 1, ramBytes: 64 * GiB }, 50 * GiB)
  const near = cases.filter((one) => Math.abs(curveOf(one)(1) / (300 * MiB) - 1) < 0.3)
  assert.ok(near.reduce((sum, { weight }) => sum + weight, 0) > 0.9)
})

test('more pages seen changing mean faster writing', () => {
  const rates = [0, 4, 16, 48].map((mib) => meanRateMib(mib * MiB, 256 * MiB))
  assert.deepEqual(
    rates,
    rates.toSorted((a, b) => a - b),
  )
})

test('a longer window tells slow writing from a small working set written fast', () => {
  // 64 MiB of 1 GiB in 1 s: either 64 MiB/s, or 64 MiB again and again. In 4 s the one has written 256 MiB, the other still 64.
  const first = { bytesPerSec: 64 * MiB, windowSec: 1, ramBytes: GiB }
  const littleIn10 = (mibIn4: number): number => {
    const more = [{ bytesPerSec: (mibIn4 / 4) * MiB, windowSec: 4 }]
    const cases = beliefOf({ ...first, more }, 0.9 * GiB)
    return cases.reduce((sum, one) => sum + (curveOf(one)(10) < 150 * MiB ? one.weight : 0), 0)
  }
  assert.ok(littleIn10(64) > 0.95, String(littleIn10(64)))
  assert.ok(littleIn10(256) < 0.05, String(littleIn10(256)))
})

test('a curve levels off where it says', () => {
  const way = { bytesPerSec: 10 * MiB, workingSetBytes: 32 * MiB }
  assert.ok(Math.abs(curveOf(way)(1e6) - levelOf(way)) < 1)
  assert.ok(curveOf(way)(1) < 12 * MiB)
})
