/** Programs for bpftrace, and what they print. */
import { parseJson } from '../../../terms/parse.ts'

/** Functions of one library in a program. `slot` is the number under which their calls are counted. */
export interface TracedFunction {
  readonly path: string
  readonly name: string
  readonly slot: number
}

/** Slices of an attachment of up to ten seconds; a longer one has longer slices, for bpftrace keeps 4096 keys in a map: ten slices of 400 calls. */
const SLICE_MS = 1000
const SLICES_MAX = 10
/** A line that is longer is none of ours. Whole output is bounded by whoever runs the program. */
const LINES_MAX = 10_000
/** No program of ours makes more. */
const KEYS_MAX = 5000
/** If our own program has not ended so long after its time, it ends itself. */
const SAFETY_SECONDS = 20
/** Looks at the clock within an attachment: it lasts a tenth too long at most. */
const TICKS = 10

/** Milliseconds of a slice of an attachment of so many. */
export function sliceMsOf(attachedMs: number): number {
  return Math.max(1, Math.ceil(attachedMs / SLICES_MAX / SLICE_MS)) * SLICE_MS
}

/** Counts system calls by number and slice. The time is part of the key, so that whole slices can be told from the first and the last, in
 *  which the probe was being put on or taken off. The number comes first: with the time first the kernel's hash tables collide.
 *  @param dot how fields of a tracepoint are written: `->` in old versions, `.` in new ones */
export function systemCallProgram(attachedMs: number, dot: '->' | '.'): string {
  return (
    `tracepoint:raw_syscalls:sys_enter { @calls[args${dot}id, nsecs / ${sliceMsOf(attachedMs) * 1e6}] = count(); } ` +
    `interval:ms:${Math.ceil(attachedMs)} { exit(); }`
  )
}

/** Counts calls of functions. Putting on and taking off many probes takes longer than they are needed, and calls are slowed meanwhile; so only
 *  those between two instants are counted: from when this bpftrace, all probes being on, waits for the first time, until the first tick after
 *  the time is over. `hasOldWait`: the processor has the system call epoll_wait. */
export function libraryCallProgram(
  functions: readonly TracedFunction[],
  attachedMs: number,
  { hasOldWait }: { readonly hasOldWait: boolean },
): string {
  const waits = hasOldWait ? ['epoll_wait', 'epoll_pwait'] : ['epoll_pwait']
  const probes = functions.map(
    ({ path, name, slot }) => `uprobe:"${path}":${name} /@state == 1/ { @calls[${slot}] = count(); }`,
  )
  const safetySeconds = Math.ceil(attachedMs / 1000) + SAFETY_SECONDS
  return [
    'BEGIN { @self = pid; @state = 0; @from = nsecs; @till = nsecs; }',
    `${waits.map((wait) => `tracepoint:syscalls:sys_enter_${wait}`).join(',')} ` +
      '/pid == @self && @state == 0/ { @from = nsecs; @state = 1; }',
    ...probes,
    `interval:ms:${Math.max(1, Math.ceil(attachedMs / TICKS))} ` +
      `{ if (@state == 1 && nsecs - @from >= ${Math.ceil(attachedMs * 1e6)}) { @till = nsecs; @state = 2; exit(); } }`,
    `interval:s:${safetySeconds} { exit(); }`,
  ].join('\n')
}

/** Counts in one slice: by number of the system call. */
export type Slice = ReadonlyMap<number, number>

/** Whole slices of a run of `systemCallProgram`, in their order; empty where there was none. */
export function parseSystemCalls(output: string): readonly Slice[] {
  const slices = new Map<number, Map<number, number>>()
  for (const [key, count] of countsOf(output, '@calls')) {
    const [id, second] = numbersIn(key)
    if (id === undefined || second === undefined) continue
    const slice = slices.get(second) ?? new Map<number, number>()
    slice.set(id, (slice.get(id) ?? 0) + count)
    slices.set(second, slice)
  }
  const seconds = [...slices.keys()].sort((a, b) => a - b)
  const whole: Slice[] = []
  const [first, last] = [seconds[0], seconds.at(-1)]
  if (first === undefined || last === undefined || last - first > KEYS_MAX) return []
  // A slice in which nothing was called is one too.
  for (let second = first + 1; second < last; second++) whole.push(slices.get(second) ?? new Map())
  return whole
}

/** Calls by slot and the time they were counted over, or undefined if the program did not get that far. */
export function parseLibraryCalls(
  output: string,
): { readonly calls: ReadonlyMap<number, number>; readonly countedMs: number } | undefined {
  const values = new Map(['@state', '@from', '@till'].map((name) => [name, scalarOf(output, name)]))
  const [state, from, till] = [values.get('@state'), values.get('@from'), values.get('@till')]
  if (state !== 2 || from === undefined || till === undefined || till <= from) return undefined
  const calls = new Map<number, number>()
  for (const [key, count] of countsOf(output, '@calls')) {
    const [slot] = numbersIn(key)
    if (slot !== undefined) calls.set(slot, (calls.get(slot) ?? 0) + count)
  }
  return { calls, countedMs: (till - from) / 1e6 }
}

/** What bpftrace said against it, in one line of bounded length. The warning about memory that may be locked is none: kernels since 5.11 do
 *  not count that way. */
export function complaintOf(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.includes('RLIMIT_MEMLOCK'))
  return (lines.find((line) => line.includes('ERROR')) ?? lines[0] ?? 'it said nothing').slice(0, 160)
}

/** Entries of a map, from lines such as `{"type": "map", "data": {"@calls": {"0,5": 3}}}`; other lines and rubbish are passed over. */
function countsOf(output: string, name: string): readonly (readonly [string, number])[] {
  const found: (readonly [string, number])[] = []
  const data = dataOf(output, name)
  if (typeof data !== 'object' || data === null) return found
  for (const [key, value] of Object.entries(data)) {
    if (typeof value === 'number' && Number.isFinite(value) && value >= 0) found.push([key, value])
    if (found.length >= KEYS_MAX) break
  }
  return found
}

function scalarOf(output: string, name: string): number | undefined {
  const data = dataOf(output, name)
  return typeof data === 'number' && Number.isFinite(data) ? data : undefined
}

function dataOf(output: string, name: string): unknown {
  for (const line of output.split('\n', LINES_MAX)) {
    if (!line.startsWith('{') || !line.includes(`"${name}"`)) continue
    const data = fieldOf(jsonOf(line), 'data')
    const value = fieldOf(data, name)
    if (value !== undefined) return value
  }
  return undefined
}

function jsonOf(line: string): unknown {
  try {
    return parseJson(line, 'bpftrace')
  } catch {
    return undefined
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined
}

/** `0,5`, `(0, 5)` and `0, 5`, as versions differ. */
function numbersIn(key: string): readonly number[] {
  return (key.slice(0, 60).match(/\d+/g) ?? []).map(Number)
}
