/** The fitted cost model as it ships: JSON, read once and checked. */
import { ParseError, parseFields, parseList, parseNumber, parseText } from '../../terms/parse.ts'
import {
  COST_MODEL_SCHEMA,
  type CostModel,
  downtimeFeatures,
  type ErrorBand,
  memoryFeatures,
  paceFeatures,
  setUpFeatures,
} from './cost-model.ts'
import type { SmoothModel } from './smooth-regression.ts'

/** Most rows that a regression may hold: each costs time in every promise. */
const ROWS_MAX = 5000

/** Throws `ParseError` with the place of what is amiss. */
export function parseCostModel(value: unknown): CostModel {
  const fields = parseFields(value, 'cost model')
  const schema = parseNumber(fields['schema'], 'cost model.schema')
  if (schema !== COST_MODEL_SCHEMA) {
    throw new ParseError('cost model.schema', schema, `This version reads schema ${COST_MODEL_SCHEMA}: fit it anew?`)
  }
  const bands = parseFields(fields['bands'], 'cost model.bands')
  return {
    schema,
    provenance: parseText(fields['provenance'], 'cost model.provenance'),
    notZeroShare: parseNumber(fields['notZeroShare'], 'cost model.notZeroShare', { min: 0, max: 1 }),
    memory: parseSmooth(fields['memory'], 'cost model.memory', WIDTHS.memory),
    setUp: parseSmooth(fields['setUp'], 'cost model.setUp', WIDTHS.setUp),
    pace: parseSmooth(fields['pace'], 'cost model.pace', WIDTHS.pace),
    downtime: parseSmooth(fields['downtime'], 'cost model.downtime', WIDTHS.downtime),
    oddsPower: parseNumber(fields['oddsPower'], 'cost model.oddsPower', { min: 0.1, max: 10 }),
    bands: {
      total: parseBand(bands['total'], 'cost model.bands.total'),
      downtime: parseBand(bands['downtime'], 'cost model.bands.downtime'),
      bytes: parseBand(bands['bytes'], 'cost model.bands.bytes'),
    },
  }
}

/** Numbers that each regression is told. */
const WIDTHS = widths()

function widths(): Readonly<Record<'memory' | 'setUp' | 'pace' | 'downtime', number>> {
  const facts = {
    memoryMib: 1,
    mode: 'precopy' as const,
    downtimeLimitMs: 1,
    timeoutSec: 1,
    probeBytesPerSec: 1,
    dirtyMibPerSec: 0,
    dirtyWindowSec: 1,
    load1: 0,
    cpuMsPerSec: 0,
    residentMib: 1,
    unusedMib: 0,
  }
  const range: readonly [number, number] = [1, 1]
  const copied = { usedMib: 1, bytesPerSec: 1, bytesMib: 1, bytesMibMedian: 1, downtimeMs: 1, bytesMibRange: range }
  const outlook = { ...copied, pConverge: 1, firstPass: 0, limitMib: 1 }
  return {
    memory: memoryFeatures(facts).length,
    setUp: setUpFeatures(facts).length,
    pace: paceFeatures(facts, 1).length,
    downtime: downtimeFeatures(facts, outlook).length,
  }
}

function parseSmooth(value: unknown, place: string, width: number): SmoothModel {
  const fields = parseFields(value, place)
  const rows = parseList(fields['rows'], `${place}.rows`, ROWS_MAX).map((row, i) =>
    parseNumbers(row, `${place}.rows[${i}]`, width),
  )
  const scales = parseNumbers(fields['scales'], `${place}.scales`, width)
  if (scales.includes(0)) throw new ParseError(`${place}.scales`, 0, 'Expected scales other than 0.')
  return {
    centres: parseNumbers(fields['centres'], `${place}.centres`, width),
    scales,
    mean: parseNumber(fields['mean'], `${place}.mean`),
    rows,
    weights: parseNumbers(fields['weights'], `${place}.weights`, rows.length),
  }
}

function parseNumbers(value: unknown, place: string, length: number): readonly number[] {
  const numbers = parseList(value, place).map((number, i) => parseNumber(number, `${place}[${i}]`))
  if (numbers.length !== length) throw new ParseError(place, numbers.length, `Expected ${length} numbers.`)
  return numbers
}

function parseBand(value: unknown, place: string): ErrorBand {
  const fields = parseFields(value, place)
  const p10 = parseNumber(fields['p10'], `${place}.p10`)
  return { p10, p90: parseNumber(fields['p90'], `${place}.p90`, { min: p10 }) }
}
