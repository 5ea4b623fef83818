/** What `ethos bench` does. */
import { readFileSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { isIP } from 'node:net'
import { measureHost, type MeasurePlan } from '../../drivers/host-bench/measure-host.ts'
import { parseCorrection, parseCorrections } from '../../drivers/host-facts/corrections.ts'
import { nodeFactFiles } from '../../drivers/host-facts/fact-files.ts'
import { WallClock } from '../../drivers/wall-clock.ts'
import { WORKLOAD_TYPES } from '../../terms/host.ts'
import {
  HOST_MEASUREMENT_BYTES_MAX,
  type HostConclusion,
  type HostMeasurement,
  type MissingReason,
} from '../../terms/host-measurement.ts'
import { decodeHostMeasurement, encodeHostMeasurement } from '../../terms/host-measurement-codec.ts'
import { parseHostId } from '../../terms/ids.ts'
import { parseWord } from '../../terms/parse.ts'
import { checkOutputs, writeOutput } from '../output-files.ts'
import { printable } from '../printable.ts'
import { Progress } from '../progress.ts'
import { UsageError } from '../usage-error.ts'
import type { BenchHostOptions } from './bench-command.ts'
import { drawComparison, drawMeasurement, drawPlan } from './bench-screen.ts'
import { checkDestination, sendMeasurement } from './bench-send.ts'

const IPERF_PORT = 5201
const FAILURES: ReadonlySet<MissingReason> = new Set([
  'unreadable-output',
  'timed-out',
  'failed',
  'no-space',
  'no-permission',
])
const EXIT = { failed: 3, interrupted: 130 } as const

/** Measures, and shows, writes or sends what it found. */
export async function benchHost(options: BenchHostOptions): Promise<void> {
  const asked = readOptions(options)
  const stop = new AbortController()
  const interrupt = () => stop.abort()
  // A second Ctrl-C must not end us before our children have ended and their file is gone, which takes three seconds at most.
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  let progress: Progress | undefined
  const measurement = await measureHost({
    ...asked,
    clock: new WallClock(),
    files: nodeFactFiles(),
    stop: stop.signal,
    onPlan(plan: MeasurePlan) {
      process.stderr.write(printable(drawPlan(plan)))
      progress = new Progress(plan.steps)
    },
    onStep: (label) => progress?.step(label),
  }).finally(() => progress?.stop())
  process.off('SIGINT', interrupt)
  process.off('SIGTERM', interrupt)
  const text = encodeHostMeasurement(measurement)
  if (options.json === true) process.stdout.write(`${text}\n`)
  else process.stdout.write(printable(drawMeasurement(measurement)))
  if (options.out !== undefined) writeOutput('--out', options.out, `${text}\n`)
  if (options.send !== undefined) {
    await sendMeasurement(text, measurement.hostId, options)
    process.stderr.write(`Sent to ${options.send}.\n`)
  }
  process.exitCode = exitCodeOf(measurement)
}

export function showMeasurement(file: string, other?: string): void {
  const measurement = readMeasurement(file)
  if (other === undefined) process.stdout.write(printable(drawMeasurement(measurement)))
  else process.stdout.write(printable(drawComparison(measurement, readMeasurement(other))))
}

function exitCodeOf({ interrupted, missing }: HostMeasurement): number {
  if (interrupted) return EXIT.interrupted
  return missing.some(({ reason }) => FAILURES.has(reason)) ? EXIT.failed : 0
}

function readOptions(options: BenchHostOptions) {
  const { quick, hostId, disk, peer, only, wattsFrom, out, send } = options
  if (out !== undefined)
    checkOutputs([{ option: '--out', path: out, mayBeStandardOutput: true }], [options.corrections])
  if (send !== undefined) checkDestination(options)
  return {
    suite: quick === true ? ('quick' as const) : ('whole' as const),
    hostId: parseHostId(hostId ?? hostname(), '--host-id'),
    corrections: readCorrections(options),
    ...(disk === undefined ? {} : { folder: checkFolder(disk) }),
    ...(peer === undefined ? {} : { peer: parsePeer(peer) }),
    ...(only === undefined
      ? {}
      : { only: only.split(',').map((type) => parseWord(type.trim(), '--only', WORKLOAD_TYPES)) }),
    ...(wattsFrom === undefined ? {} : { wattsFrom: checkMeter(wattsFrom) }),
  }
}

/** What stands in the command line wins over the file. */
function readCorrections({ set = [], corrections }: BenchHostOptions): HostConclusion {
  const fromFile =
    corrections === undefined ? {} : parseCorrections(readText('--corrections', corrections), corrections)
  return set.reduce<HostConclusion>((sum, text) => ({ ...sum, ...parseCorrection(text) }), fromFile)
}

function readMeasurement(file: string): HostMeasurement {
  return decodeHostMeasurement(readText('file', file === '-' ? '/dev/stdin' : file), file)
}

function readText(option: string, file: string): string {
  try {
    const stats = statSync(file)
    if (stats.isFile() && stats.size > HOST_MEASUREMENT_BYTES_MAX)
      throw new UsageError(option, file, `It has ${stats.size} bytes; at most ${HOST_MEASUREMENT_BYTES_MAX} are read.`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof UsageError) throw error
    const why = error instanceof Error ? error.message : String(error)
    throw new UsageError(option, file, `It can’t be read (${why}).`)
  }
}

/** A device or a file is never written to: only a folder is taken. */
function checkFolder(folder: string): string {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return folder
  throw new UsageError('--disk', folder, 'Name a folder; the test makes a file in it, and never touches a device.')
}

function checkMeter(path: string): string {
  if (path.startsWith('/') && statSync(path, { throwIfNoEntry: false })?.isFile() === true) return path
  throw new UsageError('--watts-from', path, 'Name a file or a program by its whole path; its first number is watts.')
}

/** `10.0.0.7`, `host.example:5201`, `[fe80::1]:5201`. A word that begins with a dash would be an option of iperf3. */
function parsePeer(text: string): { name: string; port: number } {
  const groups = /^(?:\[(?<address>[\da-f:.%\w]+)\]|(?<name>[\w.-]+))(?::(?<port>\d{1,5}))?$/i.exec(text)?.groups
  const name = groups?.['address'] ?? groups?.['name'] ?? (isIP(text) === 6 ? text : '')
  const port = Number(groups?.['port'] ?? IPERF_PORT)
  if (name === '' || name.startsWith('-') || name.length > 253 || port < 1 || port > 65535)
    throw new UsageError('--peer', text, 'Expected a host or address, and a port if it is not 5201: 10.0.0.7:5201.')
  return { name, port }
}
