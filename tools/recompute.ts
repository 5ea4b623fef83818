/** Recomputes a backtest under CloudSim's rules from what it leaves behind: the trace, the first placement and the moves.
 *  `node tools/recompute.ts TRACE INITIAL MOVES`. Imports nothing of `src`, for whoever checks may not share the mistake: the rules
 *  are written down here once more, from CloudSim 3.0.3's Constants.java and the definitions of Beloglazov and Buyya (CCPE 2012). */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const STEP_SECONDS = 300
const DAY_SECONDS = 86_400
const JOULES_PER_KWH = 3.6e6
/** Demand is counted in millionths of a MIPS, in whole numbers, so that no sum depends on its order. */
const UNITS_PER_MIPS = 1e6

/** VM types by quarter of the rows. */
const VM_TYPES = [
  { mips: 2500, megabytes: 870 },
  { mips: 2000, megabytes: 1740 },
  { mips: 1000, megabytes: 1740 },
  { mips: 500, megabytes: 613 },
] as const
/** Hosts in turns: HP ProLiant ML110 G4 and G5. Watts at 0, 10, ..., 100 % of their MIPS. */
const HOST_TYPES = [
  { mips: 2 * 1860, watts: [86, 89.4, 92.6, 96, 99.5, 102, 106, 108, 112, 114, 117] },
  { mips: 2 * 2660, watts: [93.7, 97, 101, 105, 110, 116, 121, 125, 129, 133, 135] },
] as const
/** While a VM is copied it loses a tenth. Its memory goes over half of 1 Gbit/s, a megabyte being 8,000 kilobits. */
const LOST_SHARE = 0.1
const SECONDS_PER_MEGABYTE = 8000 / (1e6 / 2)

/** Texts of the three files. */
export interface Evidence {
  /** Wide: name, then a percentage per 300 s, one row per VM. */
  readonly trace: string
  /** Header `vm,host`. */
  readonly initial: string
  /** Header `second,vm,from,to`. */
  readonly moves: string
}

/** Named as in the scoreboard, where each is explained. */
export interface Recomputed {
  readonly energyKwh: number
  readonly overloadTimeFraction: number
  readonly unservedFraction: number
  readonly migrationDegradationFraction: number
  readonly migrations: number
  readonly migrationsPerVmDay: number
  readonly copiedBytes: number
  readonly hostsOnMean: number
  /** What can't have happened so. Empty, or the figures mean nothing. */
  readonly faults: readonly string[]
}

interface CopiedMove {
  readonly second: number
  readonly vm: number
  readonly from: number
  readonly to: number
}

/** What the trace says of one VM. */
interface Row {
  /** Demand at each sample; 0 where nobody measured. */
  readonly units: Float64Array
  readonly mips: number
  readonly megabytes: number
  readonly livesSamples: number
}

export function recompute(evidence: Evidence): Recomputed {
  const rows = readRows(evidence.trace)
  const moves = readTable(evidence.moves).map(([second, vm, from, to]) => ({ second, vm, from, to }))
  const firstHost = new Map(readTable(evidence.initial).map(([vm, host]) => [vm, host]))
  const stranger = moves.find(({ vm }) => rows[vm] === undefined)
  if (stranger !== undefined) throw new Error(`A move names VM ${stranger.vm}; the trace has ${rows.length}.`)
  const faults = [...findFirstFaults(rows, firstHost), ...findMoveFaults(rows, firstHost, moves)]
  const hostDemand = sumByHost(rows, whereabouts(rows, firstHost, moves))
  const requestedSeconds = rows.reduce((sum, { units }) => sum + sumOf(units), 0) * STEP_SECONDS
  const vmDays = (rows.reduce((sum, { livesSamples }) => sum + livesSamples, 0) * STEP_SECONDS) / DAY_SECONDS
  const lostSeconds = moves.reduce((sum, move) => sum + lostTo(rows[move.vm], move), 0)
  const megabytes = moves.reduce((sum, { vm }) => sum + rows[vm].megabytes, 0)
  return {
    energyKwh: joulesOf(hostDemand) / JOULES_PER_KWH,
    ...shortages(hostDemand, requestedSeconds),
    migrationDegradationFraction: share(lostSeconds, requestedSeconds),
    migrations: moves.length,
    migrationsPerVmDay: share(moves.length, vmDays),
    copiedBytes: megabytes * 2 ** 20,
    faults,
  }
}

/** Host by host: a trapezoid from each sample to the next by watts; the first sample stands for the 300 s before it. A host
 *  without demand draws nothing. */
function joulesOf(hostDemand: ReadonlyMap<number, Float64Array>): number {
  let joules = 0
  for (const [host, demand] of hostDemand) {
    const watts = Array.from(demand, (units) => wattsOf(host, units))
    watts.forEach((after, sample) => {
      joules += ((watts[Math.max(0, sample - 1)] + after) / 2) * STEP_SECONDS
    })
  }
  return joules
}

function wattsOf(host: number, units: number): number {
  if (units === 0) return 0
  const { watts, mips } = HOST_TYPES[host % 2]
  const tenths = Math.min(10, (units / (mips * UNITS_PER_MIPS)) * 10)
  const low = Math.min(9, Math.trunc(tenths))
  return watts[low] * (low + 1 - tenths) + watts[low + 1] * (tenths - low)
}

/** SLATAH, unserved demand and hosts with demand: each sample stands for 300 s. */
function shortages(hostDemand: ReadonlyMap<number, Float64Array>, requestedSeconds: number) {
  let activeSamples = 0
  let shortSamples = 0
  let missing = 0
  let samples = 0
  for (const [host, demand] of hostDemand) {
    const capacity = HOST_TYPES[host % 2].mips * UNITS_PER_MIPS
    samples = demand.length
    for (const units of demand) {
      if (units > 0) activeSamples++
      if (units <= capacity) continue
      shortSamples++
      missing += units - capacity
    }
  }
  return {
    overloadTimeFraction: share(shortSamples, activeSamples),
    unservedFraction: share(missing * STEP_SECONDS, requestedSeconds),
    hostsOnMean: share(activeSamples, samples),
  }
}

/** A tenth of what the VM wanted at the sample before the move, for as long as the copy takes. */
function lostTo({ units, megabytes }: Row, { second }: CopiedMove): number {
  const sample = Math.min(units.length - 1, Math.floor(second / STEP_SECONDS))
  return LOST_SHARE * units[sample] * megabytes * SECONDS_PER_MEGABYTE
}

/** Host of each VM at each sample. A move counts from the first sample after its start. */
function whereabouts(
  rows: readonly Row[],
  firstHost: ReadonlyMap<number, number>,
  moves: readonly CopiedMove[],
): readonly Int32Array[] {
  const hosts = rows.map(({ units }, vm) => new Int32Array(units.length).fill(firstHost.get(vm) ?? -1))
  for (const { second, vm, to } of moves.toSorted((a, b) => a.second - b.second)) {
    hosts[vm].fill(to, Math.floor(second / STEP_SECONDS) + 1)
  }
  return hosts
}

function sumByHost(rows: readonly Row[], hosts: readonly Int32Array[]): ReadonlyMap<number, Float64Array> {
  const hostDemand = new Map<number, Float64Array>()
  rows.forEach(({ units }, vm) => {
    units.forEach((demand, sample) => {
      const host = hosts[vm][sample]
      if (host < 0) return
      const sums = hostDemand.get(host) ?? new Float64Array(units.length)
      sums[sample] += demand
      hostDemand.set(host, sums)
    })
  })
  return hostDemand
}

/** First homes are chosen from sizes alone, so that on no host they exceed what it has. */
function findFirstFaults(rows: readonly Row[], firstHost: ReadonlyMap<number, number>): string[] {
  const faults: string[] = []
  const mips = new Map<number, number>()
  rows.forEach((row, vm) => {
    const host = firstHost.get(vm)
    if (host === undefined || !(host >= 0)) faults.push(`VM ${vm} has no first host`)
    else mips.set(host, (mips.get(host) ?? 0) + row.mips)
  })
  for (const [host, wanted] of mips) {
    const { mips: has } = HOST_TYPES[host % 2]
    if (wanted > has) faults.push(`host ${host} of ${has} MIPS begins with VMs of ${wanted}`)
  }
  return faults
}

function findMoveFaults(
  rows: readonly Row[],
  firstHost: ReadonlyMap<number, number>,
  moves: readonly CopiedMove[],
): string[] {
  const faults: string[] = []
  const hostOf = new Map(firstHost)
  const busyUntil = new Map<number, number>()
  for (const { second, vm, from, to } of moves.toSorted((a, b) => a.second - b.second)) {
    const name = `move of VM ${vm} at ${second} s`
    if (hostOf.get(vm) !== from) faults.push(`${name}: it is on host ${hostOf.get(vm)}, not ${from}`)
    if (from === to) faults.push(`${name}: to where it is`)
    if (second < (busyUntil.get(vm) ?? 0)) faults.push(`${name}: its copy before is not over`)
    hostOf.set(vm, to)
    busyUntil.set(vm, second + rows[vm].megabytes * SECONDS_PER_MEGABYTE)
  }
  return faults
}

function readRows(text: string): readonly Row[] {
  const lines = text.trim().split(/\r?\n/)
  const quarter = Math.ceil(lines.length / VM_TYPES.length)
  return lines.map((line, vm) => {
    const cells = line.split(',').slice(1)
    const { mips, megabytes } = VM_TYPES[Math.trunc(vm / quarter)]
    const units = Float64Array.from(cells, (percent) => Math.round((Number(percent) / 100) * mips * UNITS_PER_MIPS))
    const livesSamples = cells.findLastIndex(isMeasured) - cells.findIndex(isMeasured) + 1
    return { units, mips, megabytes, livesSamples }
  })
}

function isMeasured(cell: string): boolean {
  return cell !== ''
}

function readTable(text: string): readonly number[][] {
  const [, ...lines] = text.trim().split(/\r?\n/)
  return lines.map((line) => line.split(',').map(Number))
}

function sumOf(numbers: Float64Array): number {
  return numbers.reduce((sum, number) => sum + number, 0)
}

function share(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0
}

/** A file's text, unpacked where it is packed. */
export function readMaybePacked(path: string): string {
  const bytes = readFileSync(path)
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
}

if (import.meta.main) {
  const [trace, initial, moves] = process.argv.slice(2)
  if (moves === undefined) {
    process.stderr.write('Usage: node tools/recompute.ts TRACE.csv[.gz] INITIAL.csv MOVES.csv\n')
    process.exitCode = 2
  } else {
    const evidence = {
      trace: readMaybePacked(trace),
      initial: readMaybePacked(initial),
      moves: readMaybePacked(moves),
    }
    const recomputed = recompute(evidence)
    process.stdout.write(`${JSON.stringify(recomputed, undefined, 2)}\n`)
    if (recomputed.faults.length > 0) process.exitCode = 1
  }
}
