/** What a probe costs a caller for as long as it is attached, by each way: what always-on would cost. */
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseLibraryCalls, parseSystemCalls, systemCallProgram } from '../../src/drivers/guest/probes/bpftrace.ts'
import { symbolOffsets } from '../../src/drivers/guest/probes/elf.ts'
import { findLibraries } from '../../src/drivers/guest/probes/libraries.ts'
import type { Machine } from '../../src/drivers/guest/machine.ts'
import { openTracefs, Tracefs } from '../../src/drivers/guest/probes/tracefs.ts'
import { countByTracefs } from '../../src/drivers/guest/probes/tracefs-calls.ts'
import { countPoints, type ProbePoint } from '../../src/drivers/guest/probes/tracefs-libraries.ts'
import { type CallCost, costOf, type LoadMode, monotonicMs, startLoad, within } from './load.ts'

export type AttachedWay = 'bpftrace' | 'tracefs'

/** One pair: a call while nothing is attached, just before and just after, and in the midst of being watched. */
export interface AttachedPair {
  readonly off: CallCost
  readonly on: CallCost
  /** Calls that the probe counted: it was really there. */
  readonly counted: number
}

/** What is attached to the program of each mode. */
const FUNCTIONS: Readonly<Record<Exclude<LoadMode, 's'>, readonly (readonly [library: string, name: string])[]>> = {
  m: [
    ['libc.so', 'malloc'],
    ['libc.so', 'free'],
  ],
  t: [['libssl.so', 'SSL_read']],
  d: [['libc.so', 'getaddrinfo']],
}
/** How long it stays attached, how long putting it on or taking it off lasts at most, and how long the program is left alone beside. bpftrace
 *  takes about a second to take uprobes off. */
const SPANS_MS = {
  full: { bpftrace: { on: 2800, edge: 1300 }, tracefs: { on: 1500, edge: 300 }, off: 500 },
  smoke: { bpftrace: { on: 3000, edge: 1300 }, tracefs: { on: 600, edge: 200 }, off: 300 },
} as const
const SETTLE_MS = 300

/** What is needed for a pair. */
export interface AlwaysOn {
  readonly machine: Machine
  readonly load: string
  readonly mode: LoadMode
  readonly work: number
  readonly way: AttachedWay
  readonly isSmoke: boolean
}

/** Off, on, off. The span that counts as on is told from its end, which both ways reach a known time after they were on. */
export async function measureAlwaysOn(asked: AlwaysOn): Promise<AttachedPair> {
  const spans = SPANS_MS[asked.isSmoke ? 'smoke' : 'full']
  const { on, edge } = spans[asked.way]
  const load = startLoad(asked.load, { mode: asked.mode, seconds: 60, work: asked.work })
  await sleep(SETTLE_MS + spans.off)
  const startMs = monotonicMs()
  const counted = await attach(asked, on)
  const endMs = monotonicMs()
  await sleep(SETTLE_MS + spans.off)
  const tenths = await load.stop()
  const before = within(tenths, startMs - spans.off, startMs)
  const after = within(tenths, endMs + SETTLE_MS, Number.POSITIVE_INFINITY)
  return {
    off: costOf([...before, ...after]),
    on: costOf(within(tenths, endMs - on, endMs - edge)),
    counted,
  }
}

/** Attaches for so long; returns the calls that were counted. */
async function attach(asked: AlwaysOn, onMs: number): Promise<number> {
  const points = pointsOf(asked)
  return asked.way === 'bpftrace' ? byBpftrace(points, onMs) : byTracefs(asked.machine, points, onMs)
}

function pointsOf({ machine, mode }: AlwaysOn): readonly ProbePoint[] | undefined {
  if (mode === 's') return undefined
  return FUNCTIONS[mode].flatMap(([library, name]) =>
    (findLibraries(machine, [library]).get(library) ?? []).flatMap((path) => {
      const symbols = symbolOffsets(machine, path, [name])
      const offsets = 'refused' in symbols ? [] : (symbols.offsets.get(name) ?? [])
      return offsets.map((offset) => ({ path, name, offset }))
    }),
  )
}

async function byTracefs(
  machine: Machine,
  points: readonly ProbePoint[] | undefined,
  attachedMs: number,
): Promise<number> {
  const tracefs = openTracefs(machine)
  if (!(tracefs instanceof Tracefs)) throw new Error(tracefs.because)
  const { signal } = new AbortController()
  if (points === undefined) {
    const { slices } = await countByTracefs(machine, tracefs, attachedMs, signal)
    return slices.reduce(
      (sum, { calls }) => sum + total(calls instanceof Map ? calls.values() : Object.values(calls)),
      0,
    )
  }
  const attachment = { attachedMs, callsMax: Number.POSITIVE_INFINITY }
  const { windows } = await countPoints(machine, tracefs, points, {
    label: 'bench',
    attachment,
    together: true,
    signal,
  })
  return total(windows.map(({ calls }) => calls))
}

/** The program of the helper for system calls; for functions the same count without its caution about when to begin. */
async function byBpftrace(points: readonly ProbePoint[] | undefined, attachedMs: number): Promise<number> {
  if (points === undefined) {
    const slices = parseSystemCalls(await runBpftrace(systemCallProgram(attachedMs, '->')))
    return slices.reduce((sum, slice) => sum + total(slice.values()), 0)
  }
  const unique = [...new Set(points.map(({ path, name }) => `uprobe:"${path}":${name}`))]
  const probes = unique.map((probe) => `${probe} { @calls[0] = count(); }`).join('\n')
  const marks = 'BEGIN { @state = 2; @from = 0; @till = 1; }'
  const output = await runBpftrace(`${marks}\n${probes}\ninterval:ms:${attachedMs} { exit(); }`)
  return total(parseLibraryCalls(output)?.calls.values() ?? [])
}

async function runBpftrace(program: string): Promise<string> {
  const child = spawn('/usr/bin/bpftrace', ['-f', 'json', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (bytes: Buffer) => void (output += bytes.toString()))
  await new Promise((resolve) => void child.once('close', resolve))
  return output
}

function total(values: Iterable<number>): number {
  let sum = 0
  for (const value of values) sum += value
  return sum
}
