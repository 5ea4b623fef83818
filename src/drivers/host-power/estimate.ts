/** A power curve for a host that nobody measures, from what servers with the like CPUs drew in SPECpower_ssj2008. An estimate, and said to be. */
import type { PowerCurve } from '../../terms/host.ts'
import { cpuFamily, normaliseCpuName } from './cpu-name.ts'

/** Servers with one model of CPU and one number of chips: medians over them. */
export interface PowerRow {
  readonly cpu: string
  readonly chips: number
  readonly coresPerChip: number
  readonly idleWattsPerChip: number
  readonly fullWattsPerChip: number
  readonly year: number
}

/** What is known of the host. Its number of cores is of all chips. */
export interface PowerQuestion {
  readonly cpuType: string
  readonly sockets: number
  readonly cores: number
}

/** By what the host was found: its very CPU, its generation, or no more than its number of cores. */
export const MATCHES = ['model', 'family', 'cores'] as const
export type Match = (typeof MATCHES)[number]

export interface PowerEstimate {
  readonly match: Match
  /** The CPUs that it rests on, a few of them. */
  readonly basis: readonly string[]
  readonly year: number
  readonly curve: PowerCurve
}

/** Where between idle (0) and full load (1) servers draw at 10, 20, ..., 90 %, by the year in which their hardware came out: means of
 *  normalised curves of 619 results of SPECpower_ssj2008 (www.spec.org/power_ssj2008, 2004 to 2022); `node tools/specpower-error.ts` derives them. */
export const SHAPES: readonly { readonly since: number; readonly shares: readonly number[] }[] = [
  { since: 0, shares: [0.118, 0.231, 0.338, 0.446, 0.554, 0.659, 0.756, 0.849, 0.932] },
  { since: 2009, shares: [0.184, 0.272, 0.348, 0.428, 0.514, 0.606, 0.704, 0.805, 0.904] },
  { since: 2012, shares: [0.134, 0.197, 0.262, 0.334, 0.41, 0.504, 0.61, 0.729, 0.876] },
  { since: 2016, shares: [0.18, 0.243, 0.305, 0.368, 0.434, 0.511, 0.604, 0.725, 0.864] },
  { since: 2019, shares: [0.182, 0.253, 0.32, 0.386, 0.455, 0.533, 0.621, 0.726, 0.854] },
]

/** Nearest rows that count where only cores are known. */
const NEAREST = 25
/** An unknown CPU is more likely new than old: a server lives five to seven years. */
const YEARS_OF_UNKNOWN = 8
const BASIS_SHOWN = 3

/** Median absolute error of an estimate at idle and at full load, as shares of the true watts, on servers left out of the table: printed by
 *  `node tools/specpower-error.ts`. Every CPU counts once. */
export const ERRORS: Readonly<Record<Match, { readonly idle: number; readonly full: number }>> = {
  model: { idle: 0.118, full: 0.049 },
  family: { idle: 0.2, full: 0.133 },
  cores: { idle: 0.394, full: 0.211 },
}

export function estimatePower(question: PowerQuestion, table: readonly PowerRow[]): PowerEstimate {
  return byModel(question, table) ?? byFamily(question, table) ?? byCores(question, table)
}

/** The same CPU in the same number, else in any number. */
function byModel({ cpuType, sockets }: PowerQuestion, table: readonly PowerRow[]): PowerEstimate | undefined {
  const cpu = normaliseCpuName(cpuType)
  // `Intel Xeon Processor` is what hypervisors show of many CPUs: a name without a number names none.
  const same = /\d/.test(cpu) ? table.filter((row) => row.cpu === cpu) : []
  const alike = same.filter((row) => row.chips === sockets)
  const rows = alike.length > 0 ? alike : same
  if (rows.length === 0) return undefined
  return concludeEstimate('model', rows, {
    idle: sockets * medianBy(rows, idleOf),
    full: sockets * medianBy(rows, fullOf),
  })
}

/** Of the same generation, scaled to the host. */
function byFamily({ cpuType, sockets, cores }: PowerQuestion, table: readonly PowerRow[]): PowerEstimate | undefined {
  const family = cpuFamily(normaliseCpuName(cpuType))
  if (family === undefined) return undefined
  const same = table.filter((row) => cpuFamily(row.cpu) === family)
  return same.length === 0 ? undefined : concludeEstimate('family', same, scaled(same, sockets, cores))
}

function byCores({ sockets, cores }: PowerQuestion, table: readonly PowerRow[]): PowerEstimate {
  const newest = Math.max(...table.map(({ year }) => year))
  const distance = ({ coresPerChip }: PowerRow) => Math.abs(Math.log(coresPerChip / (cores / sockets)))
  const nearest = table
    .filter(({ year }) => year > newest - YEARS_OF_UNKNOWN)
    .toSorted((a, b) => distance(a) - distance(b))
    .slice(0, NEAREST)
  return concludeEstimate('cores', nearest, scaled(nearest, sockets, cores))
}

/** The geometric mean of scaling by cores and by chips: on servers left out of the table it errs by 13.3 % at full load, by cores alone by
 *  16.0 %, by chips alone by 15.4 % (medians; at idle 20.0, 23.7 and 17.8 %). */
function scaled(rows: readonly PowerRow[], sockets: number, cores: number): { idle: number; full: number } {
  const byCore = (watts: (row: PowerRow) => number) => cores * medianBy(rows, (row) => watts(row) / row.coresPerChip)
  const byChip = (watts: (row: PowerRow) => number) => sockets * medianBy(rows, watts)
  return {
    idle: Math.sqrt(byCore(idleOf) * byChip(idleOf)),
    full: Math.sqrt(byCore(fullOf) * byChip(fullOf)),
  }
}

function concludeEstimate(match: Match, rows: readonly PowerRow[], { idle, full }: { idle: number; full: number }) {
  const year = Math.round(medianBy(rows, (row) => row.year))
  const names = [...new Set(rows.map(({ cpu }) => cpu))]
  return { match, basis: names.slice(0, BASIS_SHOWN), year, curve: curveBetween(idle, Math.max(idle, full), year) }
}

/** Eleven watts from the watts at both ends and the shape of servers of that year. */
export function curveBetween(idleWatts: number, fullWatts: number, year: number): PowerCurve {
  const shape = SHAPES.findLast(({ since }) => since <= year) ?? SHAPES[0]
  return [0, ...shape.shares, 1].map((share) => Math.round((idleWatts + share * (fullWatts - idleWatts)) * 10) / 10)
}

const idleOf = (row: PowerRow): number => row.idleWattsPerChip
const fullOf = (row: PowerRow): number => row.fullWattsPerChip

function medianBy(rows: readonly PowerRow[], number: (row: PowerRow) => number): number {
  const sorted = rows.map(number).toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
