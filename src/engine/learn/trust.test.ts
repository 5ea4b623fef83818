import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Luck } from '../../terms/luck.ts'
import type { MigrationEnd } from '../../terms/move.ts'
import { SITE_POLICY, PRODUCTION_POLICY } from '../../terms/policy.ts'
import { HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { aHost, aVm } from '../builders.ts'
import { restMs } from '../suitability/gates/cooldown.ts'
import { measureFleet } from '../suitability/fleet.ts'
import type { CoverageState } from '../state.ts'
import { initialCoverage, isTrusted, learnCoverage } from './coverage.ts'
import { noteEnds } from './ends.ts'
import { forgiven, learnDoubt, sayDoubtInSelf } from './self-doubt.ts'
import { initialThreshold, migrationThreshold } from './threshold.ts'

const FLEET = measureFleet([aHost(0)])
const SAME = Uint8Array.of(1)

/** Coverage after so many turns of a demand of mean 2 and sd 0.2, forecast as a normal with another sd. */
function coverageOf(forecastSd: number, turns = 2000): number {
  const luck = new Luck(1)
  let coverage = initialCoverage()
  for (let k = 0; k < turns; k++) {
    coverage = { ...coverage, lastMean: Float32Array.of(2), lastSd: Float32Array.of(forecastSd) }
    // Twelve uniform draws less six are nearly a standard normal.
    const normal = Array.from({ length: 12 }, () => luck.fraction()).reduce((sum, x) => sum + x, -6)
    coverage = learnCoverage(coverage, Float64Array.of(2 + 0.2 * normal), SAME, FLEET)
  }
  return coverage.share
}

test('of a right forecast nine in ten intervals hold; of one that is too sure fewer, of one that says nothing all', () => {
  const share = coverageOf(0.2)
  assert.ok(share > 0.87 && share < 0.94, String(share))
  // Half as wide: P(|Z| < 0.82) = 0.59.
  assert.ok(coverageOf(0.1) < 0.7)
  assert.ok(coverageOf(0.6) > 0.99)
})

function told(share: number, checked: number): CoverageState {
  return { ...initialCoverage(), share, checked }
}

test('a forecast is trusted while its share lies between the two limits, and until there is enough to say', () => {
  for (const [share, isGood] of [
    [0.79, false],
    [0.8, true],
    [0.98, true],
    [0.99, false],
  ] as const)
    assert.equal(isTrusted(told(share, 500), SITE_POLICY), isGood, String(share))
  assert.ok(isTrusted(told(0.1, 99), SITE_POLICY))
  assert.ok(isTrusted(told(0.1, 500), PRODUCTION_POLICY), 'without a safety policy nothing changes')
})

test('while forecasts are not trusted, moves must promise twice as much', () => {
  const threshold = { ...initialThreshold(), coverage: { ...initialCoverage(), share: 0.5, checked: 500 } }
  // 1.1 x 2 - 1.
  assert.ok(Math.abs(migrationThreshold(threshold, SITE_POLICY).marginFraction - 1.2) < 1e-12)
  assert.ok(Math.abs(migrationThreshold(threshold, PRODUCTION_POLICY).marginFraction - 0.1) < 1e-12)
})

test('hosts whose VMs changed are not checked', () => {
  const was = { ...initialCoverage(), lastMean: Float32Array.of(2), lastSd: Float32Array.of(0.1) }
  assert.equal(learnCoverage(was, Float64Array.of(4), Uint8Array.of(0), FLEET).checked, 0)
  assert.equal(learnCoverage(was, Float64Array.of(4), SAME, FLEET).share, 0)
})

test('three times twenty moves that lose money, and automation only advises', () => {
  const lose = Array.from({ length: 20 }, () => -0.01)
  let threshold = initialThreshold()
  for (let k = 1; k <= 3; k++) {
    assert.equal(sayDoubtInSelf(threshold, SITE_POLICY), undefined)
    const learnt = learnDoubt(threshold, lose)
    assert.match(
      learnt.events.map((event) => (event.kind === 'note' ? event.text : '')).join(),
      new RegExp(`strike ${k} `),
    )
    threshold = learnt.threshold
  }
  assert.match(sayDoubtInSelf(threshold, SITE_POLICY) ?? '', /^Moves do not pay: 3 times in a row 20 moves/)
  assert.equal(sayDoubtInSelf(threshold, PRODUCTION_POLICY), undefined)
  assert.equal(sayDoubtInSelf(forgiven(threshold), SITE_POLICY), undefined)
})

test('twenty that pay take the strikes back; nineteen say nothing', () => {
  const struck = { ...initialThreshold(), strikes: 2 }
  assert.equal(
    learnDoubt(
      struck,
      Array.from({ length: 19 }, () => 1),
    ).threshold.strikes,
    2,
  )
  assert.equal(
    learnDoubt(
      struck,
      Array.from({ length: 20 }, () => 1),
    ).threshold.strikes,
    0,
  )
})

test('a move that failed makes its VM rest as after two, and a long one for twice its time', () => {
  const move = { vmId: aVm(0).id, from: 'host-0', at: 0 }
  const done = { at: 1, tookMs: MINUTE_MS, isDone: true }
  assert.equal(restMs([{ ...move, end: done }], 30 * MINUTE_MS), 30 * MINUTE_MS)
  assert.equal(restMs([{ ...move, end: { ...done, isDone: false } }], 30 * MINUTE_MS), HOUR_MS)
  assert.equal(restMs([{ ...move, end: { ...done, tookMs: 40 * MINUTE_MS } }], 30 * MINUTE_MS), 80 * MINUTE_MS)
})

test('an end is noted with the newest open move of its VM', () => {
  const log = [0, 1].map((at) => ({ vmId: aVm(0).id, from: 'host-0', at }))
  const end = { vmId: aVm(0).id, from: 'host-0', result: 'failed', startedAt: 5, endedAt: 9 } as MigrationEnd
  assert.deepEqual(noteEnds(log, [end]), [log[0], { ...log[1], end: { at: 9, tookMs: 4, isDone: false } }])
  assert.equal(noteEnds(log, []), log)
})
