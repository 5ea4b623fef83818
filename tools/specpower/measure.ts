/** How far estimates of power err, by leaving servers out of the table that their estimate rests on; and the shapes of power curves. */
import { estimatePower, type Match, type PowerRow } from '../../src/drivers/host-power/estimate.ts'
import { type Curve, medianOf, quantileOf, type Result } from './results.ts'

/** Hardware of one era has like shapes; the first year of each. Widths follow the changes of the shapes and keep at least 50 curves in each. */
const ERAS = [0, 2009, 2012, 2016, 2019] as const

export interface ShapeOfEra {
  readonly since: number
  readonly curves: number
  readonly shares: readonly number[]
  /** Mean absolute error of the shape at 10 to 90 %, of the watts there, where idle and full watts are known. */
  readonly error: number
}

export interface ErrorOfMatch {
  readonly match: Match
  readonly results: number
  readonly idle: { readonly median: number; readonly p90: number }
  readonly full: { readonly median: number; readonly p90: number }
}

/** One row for each model and number of chips. */
export function tableOf(results: readonly Result[]): readonly PowerRow[] {
  const groups = Map.groupBy(results, ({ cpu, chips }) => `${cpu}|${chips}`)
  return [...groups.values()]
    .map((group) => {
      const [{ cpu, chips }] = group
      return {
        cpu,
        chips,
        coresPerChip: Math.round(medianOf(group.map((result) => result.coresPerChip))),
        idleWattsPerChip: round(medianOf(group.map((result) => result.idleWatts / chips))),
        fullWattsPerChip: round(medianOf(group.map((result) => result.fullWatts / chips))),
        year: Math.round(medianOf(group.map((result) => result.year))),
      }
    })
    .toSorted((a, b) => (a.cpu === b.cpu ? a.chips - b.chips : a.cpu < b.cpu ? -1 : 1))
}

export function shapesOf(curves: readonly Curve[]): readonly ShapeOfEra[] {
  return ERAS.map((since, i) => {
    const until = ERAS[i + 1] ?? Number.POSITIVE_INFINITY
    const own = curves.filter(({ year, watts }) => year >= since && year < until && watts[10] > watts[0])
    const shares = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((level) => {
      const sum = own.reduce((total, { watts }) => total + (watts[level] - watts[0]) / (watts[10] - watts[0]), 0)
      return Math.round((sum / own.length) * 1000) / 1000
    })
    const errors = own.flatMap(({ watts }) =>
      shares.map((share, level) => {
        const told = watts[0] + share * (watts[10] - watts[0])
        return Math.abs(told - watts[level + 1]) / watts[level + 1]
      }),
    )
    return { since, curves: own.length, shares, error: errors.reduce((sum, error) => sum + error, 0) / errors.length }
  })
}

/** Leaves out one result; then all of its CPU; then all of its generation: what is left decides by what it is found. Only servers of
 *  at most eight chips: what is larger is several nodes in one result. Each CPU model counts once for each number of chips, so that one
 *  that was published fifty times does not decide. */
export function errorsOf(results: readonly Result[]): readonly ErrorOfMatch[] {
  const servers = results.filter(({ chips }) => chips <= 8)
  const left: Readonly<Record<Match, (asked: Result, other: Result) => boolean>> = {
    model: (asked, other) => asked !== other,
    family: (asked, other) => asked.cpu !== other.cpu,
    cores: (asked, other) => asked.cpu !== other.cpu && (asked.family === undefined || asked.family !== other.family),
  }
  return (['model', 'family', 'cores'] as const).map((match) => {
    const tables = new Map<string, readonly PowerRow[]>()
    const errors = servers.flatMap((asked) => {
      // Who asks by cores alone has a CPU newer than the table, not one of 2008.
      if (match === 'cores' && asked.year < 2018) return []
      const key =
        match === 'model' ? `${servers.indexOf(asked)}` : match === 'family' ? asked.cpu : (asked.family ?? asked.cpu)
      const table = tables.get(key) ?? tableOf(servers.filter((other) => left[match](asked, other)))
      tables.set(key, table)
      const { cpu, chips, coresPerChip, idleWatts, fullWatts } = asked
      const cpuType = match === 'cores' ? 'unknown' : cpu
      const told = estimatePower({ cpuType, sockets: chips, cores: chips * coresPerChip }, table)
      if (told.match !== match) return []
      const idle = Math.abs(told.curve[0] - idleWatts) / idleWatts
      const full = Math.abs(told.curve[10] - fullWatts) / fullWatts
      return [{ key: `${cpu}|${chips}`, idle, full }]
    })
    const byModel = [...Map.groupBy(errors, ({ key }) => key).values()]
    const summary = (which: 'idle' | 'full') => {
      const each = byModel.map((group) => medianOf(group.map((error) => error[which])))
      return { median: medianOf(each), p90: quantileOf(each, 0.9) }
    }
    return { match, results: errors.length, idle: summary('idle'), full: summary('full') }
  })
}

function round(watts: number): number {
  return Math.round(watts * 10) / 10
}
