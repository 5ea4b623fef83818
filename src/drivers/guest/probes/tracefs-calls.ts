/** System calls counted by tracefs alone. Where the kernel has hist triggers, it counts by number; else each class has an instance of its own whose
 *  events are switched on and whose small buffers tell how much was ever written to them. */
import { CALL_CLASSES, type CallClass, classOfName } from './system-calls.ts'
import type { Tracefs, TracingMachine } from './tracefs.ts'

const PREFIX = 'sys_enter_'
/** The event of all system calls, within tracefs. */
export const RAW_CALLS = 'events/raw_syscalls/sys_enter'
const HIST = 'hist:keys=id:vals=hitcount:size=1024'
const HIST_BYTES_MAX = 256 * 1024
const SLICE_MS = 1000

/** Calls of one slice of time. */
export interface CountedSlice {
  readonly countedMs: number
  readonly calls: ReadonlyMap<number, number> | Readonly<Record<CallClass, number>>
}

/** Counts for so long, and takes everything off again, whatever happens. Throws `MachineError` where tracefs refuses. */
export async function countByTracefs(
  machine: TracingMachine,
  tracefs: Tracefs,
  attachedMs: number,
  signal: AbortSignal,
): Promise<{ readonly counter: 'tracefs hist' | 'tracefs'; readonly slices: readonly CountedSlice[] }> {
  const isHist = tracefs.has(`${RAW_CALLS}/hist`)
  try {
    const read = isHist ? startHist(tracefs) : startClasses(machine, tracefs)
    const slices = await readSlices(machine, read, attachedMs, signal)
    return { counter: isHist ? 'tracefs hist' : 'tracefs', slices }
  } finally {
    tracefs.close()
  }
}

/** Running totals by number, or by class; both as columns so that slices are differences. */
type Totals = ReadonlyMap<number | string, number>

async function readSlices(
  machine: TracingMachine,
  read: () => Totals,
  attachedMs: number,
  signal: AbortSignal,
): Promise<readonly CountedSlice[]> {
  const startMs = machine.monotonicMs()
  let before = { atMs: startMs, totals: read() }
  const slices: CountedSlice[] = []
  while (!signal.aborted && machine.monotonicMs() - startMs < attachedMs) {
    await machine.sleep(Math.min(SLICE_MS, attachedMs - (machine.monotonicMs() - startMs)), signal)
    const now = { atMs: machine.monotonicMs(), totals: read() }
    if (now.atMs <= before.atMs) continue
    slices.push({ countedMs: now.atMs - before.atMs, calls: difference(before.totals, now.totals) })
    before = now
  }
  return slices
}

function difference(before: Totals, now: Totals): CountedSlice['calls'] {
  const rises = new Map<number | string, number>()
  for (const [key, total] of now) rises.set(key, Math.max(0, total - (before.get(key) ?? 0)))
  const all = rises.get(ALL)
  if (all === undefined) return rises as Map<number, number>
  const classes = Object.fromEntries(CALL_CLASSES.map((name) => [name, rises.get(name) ?? 0])) as Record<
    CallClass,
    number
  >
  const known = CALL_CLASSES.reduce((sum, name) => sum + classes[name], 0)
  return { ...classes, other: Math.max(0, all - known) }
}

/** Every call, of whatever class: what no class has an event for is the rest. */
const ALL = 'all'

function startHist(tracefs: Tracefs): () => Totals {
  const folder = tracefs.makeInstance('hist')
  tracefs.write(`${folder}/${RAW_CALLS}/trigger`, HIST)
  return () => parseHist(tracefs.read(`${folder}/${RAW_CALLS}/hist`, HIST_BYTES_MAX) ?? '')
}

/** Lines such as `{ id:        257 } hitcount:       1042`; the rest is a heading and a sum. */
export function parseHist(text: string): ReadonlyMap<number, number> {
  const counts = new Map<number, number>()
  for (const line of text.split('\n')) {
    if (!line.startsWith('{')) continue
    const id = Number.parseInt(line.slice(line.indexOf(':') + 1), 10)
    const at = line.indexOf('hitcount:')
    const count = at < 0 ? Number.NaN : Number.parseInt(line.slice(at + 9), 10)
    if (id >= 0 && count >= 0) counts.set(id, count)
  }
  return counts
}

function startClasses(machine: TracingMachine, tracefs: Tracefs): () => Totals {
  const events = machine.list(`${tracefs.root}/events/syscalls`) ?? []
  const byClass = new Map<string, string[]>([[ALL, []]])
  for (const event of events) {
    if (!event.startsWith(PREFIX)) continue
    const callClass = classOfName(event.slice(PREFIX.length))
    if (callClass === 'other') continue
    const names = byClass.get(callClass) ?? []
    names.push(`syscalls:${event}`)
    byClass.set(callClass, names)
  }
  byClass.set(ALL, ['raw_syscalls:sys_enter'])
  const folders = new Map<string, string>()
  for (const [name, wanted] of byClass) {
    const folder = tracefs.makeInstance(name)
    folders.set(name, folder)
    tracefs.write(`${folder}/set_event`, wanted.join('\n'))
  }
  for (const folder of folders.values()) tracefs.write(`${folder}/tracing_on`, '1')
  return () => new Map([...folders].map(([name, folder]) => [name, everWritten(machine, tracefs, folder)]))
}

/** Records ever written to the buffers of an instance: those that are there, those that were overwritten, and those that found no room. */
function everWritten(machine: TracingMachine, tracefs: Tracefs, folder: string): number {
  let sum = 0
  for (const processor of machine.list(`${folder}/per_cpu`) ?? [])
    sum += parseStats(tracefs.read(`${folder}/per_cpu/${processor}/stats`, 4096) ?? '')
  return sum
}

/** Of the text of a `stats` file. */
export function parseStats(text: string): number {
  let sum = 0
  for (const line of text.split('\n')) {
    const colon = line.indexOf(': ')
    if (COUNTED_LINES.has(line.slice(0, colon))) sum += Number.parseInt(line.slice(colon + 2), 10) || 0
  }
  return sum
}

const COUNTED_LINES: ReadonlySet<string> = new Set(['entries', 'overrun', 'commit overrun', 'dropped events'])
