import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { ParseError, parseNumber, show } from '../../terms/parse.ts'
import type { Trace } from '../../terms/trace.ts'
import { MiB } from '../../terms/units.ts'
import type { Vm } from '../../terms/vm.ts'
import { amount } from './amount.ts'
import { readAzure } from './azure.ts'
import { type BitbrainsRequest, readBitbrains } from './bitbrains.ts'
import { readTraceFile } from './csv-trace.ts'
import { CELLS_MAX, VMS_MAX } from './csv-values.ts'
import { findDataFolder } from './data-folder.ts'
import { PLANETLAB_DAY_DEFAULT, readPlanetlabDay } from './planetlab.ts'
import { type Resampled, resampleTrace } from './resample.ts'
import { cloudsimVms, DEFAULT_VM_SIZE, readVmSizes, safeVmIds, sizedVms } from './vm-sizes.ts'

/** What a command line asks for. */
export interface TraceRequest {
  /** `--trace`: `planetlab/YYYYMMDD`, `azure[/DAY]`, `azure-max[/DAY]` (the highest, not the mean, CPU of each slot),
   *  `bitbrains[/DAY]`, or the path of a CSV file. DAY may be `2-8`. */
  readonly trace: string
  /** `--vms FILE.csv`: sizes of the VMs. */
  readonly vmsFile?: string
  /** `--hosts cloudsim` was given: VMs without sizes of their own get CloudSim's four types. */
  readonly isCloudsim?: boolean
  /** `--data DIR`. */
  readonly dataFolder?: string
  readonly isStrict?: boolean
  /** How many VMs: the first of the trace; more than it has are its own VMs again, which is said (Azure: other days of
   *  them; PlanetLab and CSV: copies shifted in time). Bitbrains has no more than it has. */
  readonly vmCount?: number
  /** Draws sizes, synthetic resources and copies. Default 1. */
  readonly seed?: number
}

export interface LoadedTrace {
  readonly trace: Trace
  /** Parallel to `trace.vmNames`. */
  readonly vms: readonly Vm[]
}

const TRACE_HELP = 'Expected planetlab/YYYYMMDD, azure, azure-max, bitbrains, or the path of a .csv or .csv.gz file.'

/** Reads the trace that was asked for and sizes its VMs. Throws only `ParseError`, which names place, value and remedy. */
export function loadTrace(request: TraceRequest): LoadedTrace {
  const built = /^(planetlab|azure|azure-max|bitbrains)(?:\/([^/]*))?$/.exec(request.trace)
  const isCsv = /\.csv(\.gz)?$/.test(request.trace)
  // A file may be called anything; what is neither a trace of ours nor there at all is a slip of the hand.
  if (built === null && !isCsv && !existsSync(request.trace)) throw new ParseError('--trace', request.trace, TRACE_HELP)
  if (built === null || isCsv) return sized(readTraceFile(request.trace, csvOptions(request)), request)
  const [, kind, day] = built
  if (kind === 'azure' || kind === 'azure-max') {
    const level = kind === 'azure' ? 'avg' : 'max'
    return resized(readAzure({ ...choiceOf(request, day), ...seedOf(request), level }), request)
  }
  const folder = findDataFolder(request.dataFolder === undefined ? {} : { option: request.dataFolder })
  if (kind === 'bitbrains') return resized(readBitbrains(choiceOf(request, day), folder), request)
  return sized(readPlanetlabDay(day ?? PLANETLAB_DAY_DEFAULT, folder, request.isStrict ?? false), request)
}

function choiceOf(request: TraceRequest, days: string | undefined): BitbrainsRequest {
  return {
    ...(days === undefined ? {} : { days }),
    ...(request.vmCount === undefined ? {} : { vmCount: request.vmCount }),
    isStrict: request.isStrict ?? false,
  }
}

function seedOf(request: TraceRequest): { readonly seed?: number } {
  return request.seed === undefined ? {} : { seed: request.seed }
}

/** A trace with sizes of its own keeps them, unless sizes are given or CloudSim's hosts bring CloudSim's VM types. */
function resized(loaded: LoadedTrace, request: TraceRequest): LoadedTrace {
  if (request.vmsFile !== undefined) return sizedFromFile(loaded.trace, request.vmsFile)
  if (request.isCloudsim !== true) return loaded
  const note = "with CloudSim's hosts the VMs have CloudSim's four types, in blocks by row"
  return { trace: withNote(loaded.trace, note), vms: cloudsimVms(loaded.trace.vmNames) }
}

function csvOptions(request: TraceRequest): { readonly isStrict: boolean; readonly missingRemedy: string } {
  return { isStrict: request.isStrict ?? false, missingRemedy: TRACE_HELP }
}

/** A trace without sizes of its own: from `--vms`, else CloudSim's types with CloudSim's hosts, else the default. */
function sized(trace: Trace, request: TraceRequest): LoadedTrace {
  if (request.vmsFile !== undefined) return counted(sizedFromFile(trace, request.vmsFile), request)
  if (request.isCloudsim !== true) return counted(sizedByDefault(trace), request)
  // CloudSim's types are blocks by row, so the rows must be there first.
  const { trace: rows } = request.vmCount === undefined ? { trace } : drawn(trace, request.vmCount, request)
  return { trace: rows, vms: cloudsimVms(rows.vmNames) }
}

/** As many VMs as were asked for; copies keep the size of their VM. */
function counted({ trace, vms }: LoadedTrace, request: TraceRequest): LoadedTrace {
  if (request.vmCount === undefined) return { trace, vms }
  const { trace: rows, source } = drawn(trace, request.vmCount, request)
  const ids = safeVmIds(rows.vmNames)
  return { trace: rows, vms: ids.map((id, row) => ({ ...vms[source[row]], id })) }
}

function drawn(trace: Trace, vmCount: number, request: TraceRequest): Resampled {
  parseNumber(vmCount, 'number of VMs', { min: 1, max: Math.min(VMS_MAX, CELLS_MAX / trace.steps), integer: true })
  return resampleTrace(trace, vmCount, request.seed ?? 1)
}

function sizedByDefault(trace: Trace): LoadedTrace {
  const size = `${DEFAULT_VM_SIZE.cpuCores} cores and ${DEFAULT_VM_SIZE.memoryBytes / MiB} MB`
  return {
    trace: withNote(trace, `the trace tells no sizes: every VM is taken to have ${size} (--vms gives others)`),
    vms: sizedVms(trace.vmNames, () => DEFAULT_VM_SIZE),
  }
}

function sizedFromFile(trace: Trace, path: string): LoadedTrace {
  const sizes = readVmSizes(path)
  const file = basename(path)
  const unsized = trace.vmNames.filter((name) => !sizes.has(name)).length
  if (unsized === trace.vmNames.length)
    throw new ParseError(
      file,
      [...sizes.keys()].slice(0, 3).join(', '),
      `None of its VMs is in the trace ${trace.name}, which has ${firstNames(trace.vmNames)}.`,
    )
  const { cpuCores, memoryBytes } = DEFAULT_VM_SIZE
  const missing = amount(unsized, 'VM is', 'VMs are')
  const note = `${missing} not in ${file}: taken to have ${cpuCores} cores and ${memoryBytes / MiB} MB`
  return {
    trace: unsized === 0 ? trace : withNote(trace, note),
    vms: sizedVms(trace.vmNames, (name) => sizes.get(name) ?? DEFAULT_VM_SIZE),
  }
}

/** Up to three names, quoted. */
function firstNames(names: readonly string[]): string {
  const first = names.slice(0, 3).map(show).join(', ')
  return names.length > 3 ? `${first}, ...` : first
}

function withNote(trace: Trace, note: string): Trace {
  return { ...trace, notes: [...trace.notes, note] }
}
