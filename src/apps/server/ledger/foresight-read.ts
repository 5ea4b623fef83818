/** Lines of foresight as they are read again. */
import {
  type Fields,
  ParseError,
  parseBoolean,
  parseFields,
  parseJson,
  parseList,
  parseNumber,
  parseOptional,
  parseText,
} from '../../../terms/parse.ts'
import type { EpochMs, Fraction } from '../../../terms/units.ts'
import type { TrustView } from '../views/ledger.ts'
import { LEDGER_MODELS } from '../../../engine/learn/models.ts'

/** A host in one slot: what came, and what was foreseen on it. Cores are reference cores; NaN is absent. */
export interface HostRow {
  readonly at: EpochMs
  readonly vms: number
  /** Which VMs; undefined while one is on its way there or away. */
  readonly members?: string
  readonly capacity: number
  readonly demand: number
  readonly p50: number
  readonly p95: number
  readonly contention: number
  /** Low and high by horizon, in the order of `HORIZONS_MS`. Absent: they were not kept in this slot. */
  readonly ahead?: readonly number[]
  /** One of the hosts that are always kept: statistics are made of these alone. */
  readonly isSampled: boolean
}

export interface Foresight {
  /** End of the newest window that was known. */
  readonly at: EpochMs
  readonly windowMs: number
  readonly models: { readonly demand: string; readonly ahead: string; readonly contention: string }
  readonly horizonMs: number
  readonly highFraction: Fraction
  readonly trigger: Fraction
  /** Hosts that carried VMs. */
  readonly hosts: number
  readonly rows: ReadonlyMap<string, HostRow>
  /** VMs of each host that waited for the next turn. */
  readonly waits: ReadonlyMap<string, number>
  readonly trust: TrustView
}

const PLACE = 'foresight'
const ROWS_MAX = 1000

/** Throws a `ParseError` for what `ForesightKeeper` did not write. */
export function readForesight(line: string): Foresight {
  const fields = parseFields(parseJson(line, PLACE), PLACE)
  const number = (name: string): number => parseNumber(fields[name], `${PLACE}.${name}`, { min: 0 })
  const models = parseFields(fields['models'], `${PLACE}.models`)
  const at = number('at')
  const sampled = number('sampled')
  const rows = parseList(fields['rows'], `${PLACE}.rows`, ROWS_MAX).map((row, i) => readRow(row, at, i < sampled))
  return {
    at,
    windowMs: number('windowMs'),
    models: {
      demand: parseText(models['demand'], `${PLACE}.models.demand`),
      ahead: parseText(models['ahead'], `${PLACE}.models.ahead`),
      contention: parseText(models['contention'], `${PLACE}.models.contention`),
    },
    horizonMs: number('horizonMs'),
    highFraction: number('highFraction'),
    trigger: number('trigger'),
    hosts: number('hosts'),
    rows: new Map(rows),
    waits: new Map(parseList(fields['waits'], `${PLACE}.waits`, ROWS_MAX).map(readWait)),
    trust: readTrust(parseFields(fields['trust'], `${PLACE}.trust`), at),
  }
}

function readRow(value: unknown, at: EpochMs, isSampled: boolean): readonly [string, HostRow] {
  const place = `${PLACE}.rows`
  const row = parseList(value, place)
  const number = (i: number): number => parseOptional(row[i] ?? undefined, (one) => parseNumber(one, place)) ?? NaN
  const members = parseText(row[2], place)
  const host = parseText(row[0], place)
  const figures = { capacity: number(3), demand: number(4), p50: number(5), p95: number(6), contention: number(7) }
  const ahead = parseOptional(row[8], (list) => parseList(list, place, 100).map((one) => parseNumber(one, place)))
  const vms = parseNumber(row[1], place)
  const about = { at, vms, isSampled, ...figures, ...(ahead === undefined ? {} : { ahead }) }
  return [host, members === '-' ? about : { ...about, members }]
}

function readWait(value: unknown): readonly [string, number] {
  const place = `${PLACE}.waits`
  const [host, vms] = parseList(value, place)
  return [parseText(host, place), parseNumber(vms, place, { min: 0 })]
}

function readTrust(fields: Fields, at: EpochMs): TrustView {
  const number = (name: string): number => parseNumber(fields[name], `${PLACE}.trust.${name}`)
  const optional = (name: string, as = name): object =>
    fields[name] === undefined || fields[name] === null ? {} : { [as]: number(name) }
  return {
    model: LEDGER_MODELS.trust,
    at,
    isTrusted: parseBoolean(fields['isTrusted'], `${PLACE}.trust.isTrusted`),
    ...optional('bandSd'),
    bounds: { checked: number('checked'), exceeded: number('exceeded') },
    coverage: {
      share: number('coverageShare'),
      checked: number('coverageChecked'),
      ...optional('coverageMin', 'least'),
      ...optional('coverageMax', 'most'),
    },
    marginFactor: number('marginFactor'),
    ...optional('netPerMove'),
    outcomes: number('outcomes'),
    strikes: number('strikes'),
    ...optional('strikesMax'),
    isDemoted: parseBoolean(fields['isDemoted'], `${PLACE}.trust.isDemoted`),
  }
}

/** Undefined for a line that can't be read: nothing is decided by it. */
export function tryForesight(line: string): Foresight | undefined {
  try {
    return readForesight(line)
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}
