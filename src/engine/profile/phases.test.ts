import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ParseError } from '../../terms/parse.ts'
import { featureOf, nearestPhase, parsePhaseModel } from './phases.ts'
import { PHASES_1 } from './phases-1.ts'

/** Phase of a VM of one core with these values of the model's five features. */
function phaseName(...values: readonly number[]): string | undefined {
  const features = Float64Array.from(PHASES_1.features, (feature, k) => featureOf(feature, values[k], 1))
  const nearest = nearestPhase(PHASES_1, features, -1)
  return nearest === undefined ? undefined : PHASES_1.names[nearest.phase]
}

test('the built-in phases are what their names say', () => {
  assert.equal(phaseName(0.005, 0, 2000, 500, 500), 'idle')
  assert.equal(phaseName(0.95, 0, 2000, 500, 500), 'compute')
  assert.equal(phaseName(0.2, 8e6, 2e5, 5e4, 2e5), 'disk reading')
  assert.equal(phaseName(0.05, 0, 1e4, 3e5, 1e5), 'network service')
})

test('what is absent does not count; of nothing there is no phase', () => {
  assert.equal(phaseName(0.95, Number.NaN, Number.NaN, 500, 500), 'compute')
  assert.equal(phaseName(Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN), undefined)
})

test('a model reads back as it was written', () => {
  assert.deepEqual(parsePhaseModel(JSON.parse(JSON.stringify(PHASES_1))), PHASES_1)
})

const good = PHASES_1
for (const [name, value] of [
  ['nothing', undefined],
  ['a version of zero', { ...good, version: 0 }],
  ['a version of four digits', { ...good, version: 1000 }],
  ['too few centroids', { ...good, centroids: good.centroids.slice(1) }],
  ['a centroid that is too short', { ...good, centroids: good.centroids.map((row) => row.slice(1)) }],
  ['a feature that nobody measures', { ...good, features: [{ ...good.features[0], dimension: 'phase' }] }],
  ['a scale of zero', { ...good, features: [{ ...good.features[0], scale: 0 }] }],
  ['an unknown field', { ...good, more: 1 }],
  ['thousands of phases', { ...good, names: Array.from({ length: 5000 }, () => 'x') }],
] as const) {
  test(`a phase model with ${name} is refused`, () => {
    assert.throws(() => parsePhaseModel(value), ParseError)
  })
}
