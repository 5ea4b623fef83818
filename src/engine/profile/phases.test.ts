import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ParseError } from '../../terms/parse.ts'
import { PERSONALITY_SCHEMA } from '../../terms/personality.ts'
import {
  decodePhaseModel,
  encodePhaseModel,
  featureOf,
  nearestPhase,
  PHASE_MODEL_BYTES_MAX,
  parsePhaseModel,
} from './phases.ts'
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

test('a model reads back as it was written, in one form whatever the order of its fields', () => {
  assert.deepEqual(decodePhaseModel(encodePhaseModel(PHASES_1)), PHASES_1)
  const { version, names, features, centroids } = PHASES_1
  const turned = { centroids, features, names, version }
  assert.equal(encodePhaseModel(decodePhaseModel(JSON.stringify(turned, undefined, 1))), encodePhaseModel(PHASES_1))
})

test('the largest model there may be fits into what is sent', () => {
  const number = -123456.78901234567
  const features = PERSONALITY_SCHEMA.slice(0, 16).map(({ name }) => {
    return { dimension: name, unit: 1e-6 / 3, perCore: false, centre: number, scale: 1e6 / 7, weight: 1 / 3 }
  })
  const names = Array.from({ length: 16 }, (_, i) => `"${String(i).padStart(38, '"')}"`)
  const model = { version: 999, names, features: features.map((feature) => ({ ...feature, unit: 1e14 / 3 })) }
  const text = JSON.stringify({ ...model, centroids: names.map(() => features.map(() => number)) })
  assert.equal(encodePhaseModel(decodePhaseModel(text)), text)
  assert.ok(text.length <= PHASE_MODEL_BYTES_MAX, `${text.length}`)
})

test('a text that is too long, cut off or no JSON is refused before it is looked at any further', () => {
  const text = encodePhaseModel(PHASES_1)
  for (const wrong of [
    text.padEnd(PHASE_MODEL_BYTES_MAX + 1),
    text.slice(0, -1),
    '',
    'null',
    text.replace('0.289', 'NaN'),
  ])
    assert.throws(() => decodePhaseModel(wrong), ParseError)
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
  ['a number that is none', { ...good, centroids: good.centroids.map((row) => [Number.NaN, ...row.slice(1)]) }],
  ['an infinity', { ...good, features: good.features.map((feature) => ({ ...feature, centre: Infinity })) }],
  [
    'a dimension twice',
    { ...good, features: good.features.map((feature) => ({ ...feature, dimension: 'cpuRefCoresMean' })) },
  ],
  ['a name twice', { ...good, names: good.names.map(() => 'idle') }],
  ['an empty name', { ...good, names: ['', ...good.names.slice(1)] }],
  ['a name that writes on the terminal', { ...good, names: ['\u001b[2J', ...good.names.slice(1)] }],
  ['nothing that weighs', { ...good, features: good.features.map((feature) => ({ ...feature, weight: 0 })) }],
  ['thousands of phases', { ...good, names: Array.from({ length: 5000 }, () => 'x') }],
] as const) {
  test(`a phase model with ${name} is refused`, () => {
    assert.throws(() => parsePhaseModel(value), ParseError)
  })
}
