import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
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
  assert.equal(phaseName(0.2, 12e6, 8e4, 1e5, 3e6), 'file server')
  assert.equal(phaseName(0.2, 3e6, 2e6, 5e4, 4e4), 'heavy disk work')
  assert.equal(phaseName(0.1, 0, 2e7, 500, 500), 'busy writer')
  assert.equal(phaseName(0.05, 0, 1e4, 3e5, 1e5), 'network service')
})

test('the model in the program is the one in scenarios/phases', () => {
  const text = readFileSync(new URL('../../../scenarios/phases/1.json', import.meta.url), 'utf8')
  assert.deepEqual(parsePhaseModel(JSON.parse(text)), PHASES_1)
})

test('docs/personality.md tells the phases by number and name', () => {
  const page = readFileSync(new URL('../../../docs/personality.md', import.meta.url), 'utf8')
  const rows = page.slice(page.indexOf('## Phases')).matchAll(/^\| (\d+) \| ([a-z ]+) \|/gm)
  assert.deepEqual(
    [...rows].map(([, number, name]) => `${number} ${name}`),
    PHASES_1.names.map((name, number) => `${number} ${name}`),
  )
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
  ['a word where a flag is meant', { ...good, features: [{ ...good.features[0], perCore: 'no' }] }],
  ['an unknown field', { ...good, more: 1 }],
  ['thousands of phases', { ...good, names: Array.from({ length: 5000 }, () => 'x') }],
] as const) {
  test(`a phase model with ${name} is refused`, () => {
    assert.throws(() => parsePhaseModel(value), ParseError)
  })
}
