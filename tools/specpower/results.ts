/** Reads the published results of SPECpower_ssj2008, as the two collections of them write them. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cpuFamily, normaliseCpuName } from '../../src/drivers/host-power/cpu-name.ts'

/** One published result; several nodes count as one server of all their chips. */
export interface Result {
  readonly cpu: string
  readonly family: string | undefined
  readonly chips: number
  readonly coresPerChip: number
  readonly year: number
  readonly idleWatts: number
  readonly fullWatts: number
}

/** Watts at idle, 10, ..., 100 % of one result, and the year its hardware was to be had. */
export interface Curve {
  readonly year: number
  readonly watts: readonly number[]
}

const RESULTS_FILE = 'SPECpower-2026-03-09.csv'
const CURVES_FILE = 'specpower_curves.csv'

export function hasResults(folder: string): boolean {
  return existsSync(join(folder, RESULTS_FILE)) && existsSync(join(folder, CURVES_FILE))
}

/** github.com/cloud-carbon-footprint/ccf-coefficients, data/SPECpower-2026-03-09.csv (Apache-2.0). */
export function readResults(folder: string): readonly Result[] {
  return rowsOf(join(folder, RESULTS_FILE)).flatMap((row) => {
    const cpu = normaliseCpuName(row['CPU Description'] ?? '')
    const chips = Number(row['Chips'])
    const result = {
      cpu,
      family: cpuFamily(cpu),
      chips,
      coresPerChip: Number(row['# Cores Per Chip']),
      year: Number((row['Published'] ?? '').slice(-4)),
      idleWatts: Number(row['avg. watts @ active idle']),
      fullWatts: Number(row['avg. watts @ 100%']),
    }
    const numbers = [chips, result.coresPerChip, result.year, result.idleWatts, result.fullWatts]
    return numbers.every((number) => number > 0) && result.fullWatts >= result.idleWatts ? [result] : []
  })
}

/** github.com/green-coding-solutions/spec-power-model, data/spec_data.csv, as a table of curves. */
export function readCurves(folder: string): readonly Curve[] {
  const names = ['p_idle_w', ...[10, 20, 30, 40, 50, 60, 70, 80, 90, 100].map((load) => `p${load}_w`)]
  return rowsOf(join(folder, CURVES_FILE)).map((row) => ({
    year: Number((row['hw_available'] ?? '').slice(-4)),
    watts: names.map((name) => Number(row[name])),
  }))
}

function rowsOf(path: string): readonly Readonly<Record<string, string>>[] {
  const [names = [], ...rows] = readFileSync(path, 'utf8').trim().split(/\r?\n/).map(splitLine)
  return rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i] ?? ''])))
}

/** Fields of one line; those in quotes may hold commas. These two files have no line breaks within fields. */
function splitLine(line: string): readonly string[] {
  return [...`,${line}`.matchAll(/,(?:"(?<quoted>(?:[^"]|"")*)"|(?<plain>[^,]*))/g)].map(
    ({ groups }) => groups?.['quoted']?.replaceAll('""', '"') ?? groups?.['plain'] ?? '',
  )
}

export function medianOf(values: readonly number[]): number {
  return quantileOf(values, 0.5)
}

/** Linear between the two nearest values. */
export function quantileOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const position = share * (sorted.length - 1)
  const below = Math.floor(position)
  const above = Math.min(sorted.length - 1, below + 1)
  return sorted[below] + (sorted[above] - sorted[below]) * (position - below)
}
