/** What a VM is doing in the large, by the nearest of a few frozen centroids. Frozen, because clusters that are fitted again change their names: with
 *  the centroids of the first week, 97 of 100 VMs of Bitbrains have the same main phase in the second, and 94 the same in the third as in the second
 *  (`node tools/fit-phases.ts` prints it). */
import { type DimensionName, dimensionIndex, PERSONALITY_SCHEMA } from '../../terms/personality.ts'
import { PHASES_VERSION_MAX } from '../../terms/personality-codec.ts'
import {
  type Fields,
  parseBoolean,
  ParseError,
  parseFields,
  parseJson,
  parseList,
  parseNumber,
  parseText,
  refuseUnknownFields,
} from '../../terms/parse.ts'
import { READING_LENGTH } from '../../terms/reading.ts'

/** One axis of the space in which phases lie: `log10(1 + value / unit)`, less its centre, by its scale. */
export interface PhaseFeature {
  readonly dimension: DimensionName
  /** What counts as little: a value of this many units' worth lies at log10(2). CPU may be told per core of the VM. */
  readonly unit: number
  readonly perCore: boolean
  readonly centre: number
  readonly scale: number
  /** How repeatable the measure is from day to day (intraclass correlation): noise counts less. */
  readonly weight: number
}

/** Frozen centroids with the names that people gave them. */
export interface PhaseModel {
  readonly version: number
  readonly names: readonly string[]
  readonly features: readonly PhaseFeature[]
  /** One row a phase, one number a feature. */
  readonly centroids: readonly (readonly number[])[]
}

const PHASES_MAX = 16
const FEATURES_MAX = 16
const NAME_LENGTH_MAX = 40
/** Names are shown on terminals and lie in files: nothing but what can be seen, and one byte each. */
const NAME_PATTERN = /^[!-~](?:[ -~]*[!-~])?$/
/** A model in its one form: the largest that may be has some 9 KiB. */
export const PHASE_MODEL_BYTES_MAX = 16 * 1024
const MODEL_FIELDS = ['version', 'names', 'features', 'centroids'] as const
const FEATURE_FIELDS = ['dimension', 'unit', 'perCore', 'centre', 'scale', 'weight'] as const

/** A model as it is sent and kept: the one form of it, in ASCII, so that two models are the same if their texts are. */
export function encodePhaseModel({ version, names, features, centroids }: PhaseModel): string {
  const axes = features.map(({ dimension, unit, perCore, centre, scale, weight }) => {
    return { dimension, unit, perCore, centre, scale, weight }
  })
  return JSON.stringify({ version, names, features: axes, centroids })
}

/** A model from a text that somebody sent. Throws `ParseError`, whatever it is. */
export function decodePhaseModel(text: string, place = 'phases'): PhaseModel {
  if (text.length > PHASE_MODEL_BYTES_MAX)
    throw new ParseError(place, `${text.length} characters`, `Expected at most ${PHASE_MODEL_BYTES_MAX}.`)
  return parsePhaseModel(parseJson(text, place), place)
}

/** A model from outside. Throws `ParseError`. */
export function parsePhaseModel(value: unknown, place = 'phases'): PhaseModel {
  const fields = parseFields(value, place)
  refuseUnknownFields(fields, MODEL_FIELDS, place)
  const names = parseList(fields['names'], `${place}.names`, PHASES_MAX).map((name, i) =>
    parseName(name, `${place}.names[${i}]`),
  )
  const features = parseList(fields['features'], `${place}.features`, FEATURES_MAX).map((feature, i) =>
    parseFeature(parseFields(feature, `${place}.features[${i}]`), `${place}.features[${i}]`),
  )
  const centroids = parseList(fields['centroids'], `${place}.centroids`, PHASES_MAX).map((row, i) =>
    parseList(row, `${place}.centroids[${i}]`, FEATURES_MAX).map((number, k) =>
      parseNumber(number, `${place}.centroids[${i}][${k}]`, { min: -1e6, max: 1e6 }),
    ),
  )
  if (names.length === 0 || features.length === 0)
    throw new ParseError(place, value, 'Expected at least one phase and one feature.')
  if (centroids.length !== names.length || centroids.some((row) => row.length !== features.length)) {
    const expected = `Expected ${names.length} centroids of ${features.length} numbers each.`
    throw new ParseError(`${place}.centroids`, centroids.length, expected)
  }
  const dimensions = features.map(({ dimension }) => dimension)
  if (new Set(dimensions).size < dimensions.length || new Set(names).size < names.length)
    throw new ParseError(place, [...names, ...dimensions], 'Expected each name and each dimension once.')
  if (features.every(({ weight }) => weight === 0))
    throw new ParseError(`${place}.features`, 0, 'Expected a feature whose weight is above 0.')
  const version = parseNumber(fields['version'], `${place}.version`, { min: 1, max: PHASES_VERSION_MAX, integer: true })
  return { version, names, features, centroids }
}

function parseName(value: unknown, place: string): string {
  const name = parseText(value, place, NAME_LENGTH_MAX)
  if (NAME_PATTERN.test(name)) return name
  throw new ParseError(
    place,
    name,
    'Expected letters, digits, signs and spaces of ASCII, and something to see at either end.',
  )
}

function parseFeature(fields: Fields, place: string): PhaseFeature {
  refuseUnknownFields(fields, FEATURE_FIELDS, place)
  const name = parseText(fields['dimension'], `${place}.dimension`, NAME_LENGTH_MAX)
  const dimension = PERSONALITY_SCHEMA.find((known) => known.name === name)?.name
  if (dimension === undefined || dimensionIndex(dimension) >= READING_LENGTH)
    throw new ParseError(`${place}.dimension`, name, 'Expected a measured dimension of the personality.')
  return {
    dimension,
    unit: parseNumber(fields['unit'], `${place}.unit`, { min: 1e-6, max: 1e15 }),
    perCore: parseBoolean(fields['perCore'], `${place}.perCore`),
    centre: parseNumber(fields['centre'], `${place}.centre`, { min: -1e6, max: 1e6 }),
    scale: parseNumber(fields['scale'], `${place}.scale`, { min: 1e-6, max: 1e6 }),
    weight: parseNumber(fields['weight'], `${place}.weight`, { min: 0, max: 1 }),
  }
}

/** A value on the axis of a feature; NaN stays NaN. */
export function featureOf({ unit, perCore, centre, scale }: PhaseFeature, value: number, cores: number): number {
  const amount = perCore ? value / cores : value
  return (Math.log10(1 + Math.max(0, amount) / unit) - centre) / scale
}

/** The nearest phase, and how much nearer it is than `was`: 0 if it is the same. Features that are absent do not count; undefined if all are. */
export function nearestPhase(
  model: PhaseModel,
  features: Float64Array,
  was: number,
): { readonly phase: number; readonly lead: number } | undefined {
  let best = -1
  let bestDistance = Infinity
  let wasDistance = Infinity
  for (let phase = 0; phase < model.centroids.length; phase++) {
    const distance = distanceTo(model, phase, features)
    if (distance !== distance) return undefined
    if (phase === was) wasDistance = distance
    if (distance < bestDistance) {
      bestDistance = distance
      best = phase
    }
  }
  if (best < 0) return undefined
  return {
    phase: best,
    lead: best === was ? 0 : wasDistance === Infinity ? 1 : 1 - Math.sqrt(bestDistance / wasDistance),
  }
}

/** Squared distance over the features present, as if all were: weighted mean. NaN if none is. */
function distanceTo(model: PhaseModel, phase: number, features: Float64Array): number {
  let sum = 0
  let weights = 0
  const centroid = model.centroids[phase]
  for (let k = 0; k < centroid.length; k++) {
    const off = features[k] - centroid[k]
    if (off !== off) continue
    const { weight } = model.features[k]
    sum += weight * off * off
    weights += weight
  }
  return sum / weights
}
