/** System calls per second by class, in the way that the settings and the machine allow. */
import { complaintOf, parseSystemCalls, type Slice, sliceMsOf, systemCallProgram } from './bpftrace.ts'
import { estimateRate } from './estimate.ts'
import { findBpftrace, remedyOfBpftrace, runBpftrace } from './run-bpftrace.ts'
import type { Counter, ProbeResults, TopCall } from './results.ts'
import { TOP_MAX } from './results.ts'
import { nothing, NOT_ASKED, type Part, type RoundContext } from './part.ts'
import { CALL_CLASSES, type CallClass, callName, classOfCall, type Processor } from './system-calls.ts'
import { openTracefs, Tracefs } from './tracefs.ts'
import { countByTracefs, RAW_CALLS } from './tracefs-calls.ts'

/** What a call costs its caller while it is counted, in ns. Measured by `npm run bench:probes` in a virtual machine, the dearest run, beside
 *  170 ns of the shortest call itself; a hist trigger could not be measured there and is taken as the dearer of the others. */
const COST_NS: Readonly<Record<Counter, number>> = {
  bpftrace: 700,
  tracefs: 600,
  'tracefs hist': 700,
  uprobe_profile: 0,
}

interface Counting {
  readonly windows: readonly Window[]
  readonly counter: Counter
  readonly startMs: number
}

interface Window {
  readonly countedMs: number
  readonly classes: Readonly<Record<CallClass, number>>
  readonly ids?: Slice
}

/** Attaches once. Absent classes are those that nothing could count; a class that nobody called is zero. */
export async function countSystemCalls(context: RoundContext, processor: Processor): Promise<Part> {
  const { settings } = context
  const attachedMs = settings.systemCallsMs
  if (attachedMs === undefined) return NOT_ASKED
  const reasons: string[] = []
  let startMs = context.machine.monotonicMs()
  if (settings.way !== 'tracefs') {
    const counted = await byBpftrace(context, processor, attachedMs)
    if (typeof counted !== 'string')
      return partOf(context, processor, { windows: counted, counter: 'bpftrace', startMs })
    reasons.push(counted)
  }
  if (settings.way === 'bpftrace') {
    const because = reasons.join('; ')
    return nothing('system calls', because, remedyOfBpftrace(context.machine, because))
  }
  const tracefs = openTracefs(context.machine)
  if (!(tracefs instanceof Tracefs)) {
    reasons.push(tracefs.because)
    return nothing(
      'system calls',
      reasons.join('; '),
      tracefs.isDenied || findBpftrace(context.machine) !== undefined
        ? tracefs.remedy
        : `${INSTALL}; or ${tracefs.remedy}`,
    )
  }
  if (!canCountCalls(tracefs)) {
    reasons.push('this kernel has no events for system calls')
    return nothing('system calls', reasons.join('; '), `${INSTALL}, on a kernel with CONFIG_FTRACE_SYSCALLS`)
  }
  startMs = context.machine.monotonicMs()
  const { slices, counter } = await countByTracefs(context.machine, tracefs, attachedMs, context.signal)
  const windows = slices.map(({ countedMs, calls }) =>
    calls instanceof Map ? windowOf(processor, calls, countedMs) : { countedMs, classes: calls as Window['classes'] },
  )
  return partOf(context, processor, { windows, counter, startMs })
}

/** By number, or each by an event of its own: where there is neither, what is of which class can not be told. */
function canCountCalls(tracefs: Tracefs): boolean {
  return tracefs.has(`${RAW_CALLS}/hist`) || (tracefs.has(RAW_CALLS) && tracefs.has('events/syscalls/sys_enter_openat'))
}

const INSTALL = 'install bpftrace and enable ethos-agent-probes.timer'

async function byBpftrace(
  context: RoundContext,
  processor: Processor,
  attachedMs: number,
): Promise<readonly Window[] | string> {
  const program = findBpftrace(context.machine)
  if (program === undefined) return 'bpftrace is not installed'
  let complaint = ''
  for (const dot of ['->', '.'] as const) {
    const { stdout, stderr } = await runBpftrace(context, program, systemCallProgram(attachedMs, dot), attachedMs)
    const slices = parseSystemCalls(stdout)
    if (slices.length > 0) return slices.map((slice) => windowOf(processor, slice, sliceMsOf(attachedMs)))
    complaint = complaintOf(stderr)
    if (context.signal.aborted || !/error/i.test(complaint)) break
  }
  return `bpftrace: ${complaint}`
}

function windowOf(processor: Processor, ids: Slice, countedMs: number): Window {
  const classes = Object.fromEntries(CALL_CLASSES.map((name) => [name, 0])) as Record<CallClass, number>
  for (const [id, count] of ids) classes[classOfCall(processor, id)] += count
  return { countedMs, classes, ids }
}

function partOf(
  { machine, before }: RoundContext,
  processor: Processor,
  { windows, counter, startMs }: Counting,
): Part {
  const rates: { -readonly [K in keyof ProbeResults['rates']]: ProbeResults['rates'][K] } = {}
  const countedMs = windows.reduce((sum, window) => sum + window.countedMs, 0)
  for (const name of CALL_CLASSES) {
    const rate = estimateRate({
      windows: [{ calls: windows.reduce((sum, { classes }) => sum + classes[name], 0), countedMs }],
      slicesPerSec: windows.map((window) => (window.classes[name] * 1000) / window.countedMs),
      before: before?.rates[name]?.recent ?? [],
      costNs: COST_NS[counter],
    })
    if (rate !== undefined) rates[name] = { ...rate, counter }
  }
  // Putting on and taking off is time attached too.
  const attachedMs = machine.monotonicMs() - startMs
  return { rates, top: topOf(processor, windows, countedMs), attachedMs, missing: [] }
}

function topOf(processor: Processor, windows: readonly Window[], countedMs: number): readonly TopCall[] {
  const sums = new Map<number, number>()
  for (const { ids } of windows) for (const [id, count] of ids ?? []) sums.set(id, (sums.get(id) ?? 0) + count)
  return [...sums]
    .sort(([a, countOfA], [b, countOfB]) => countOfB - countOfA || a - b)
    .slice(0, TOP_MAX)
    .map(([id, count]) => ({ name: callName(processor, id) ?? `call ${id}`, perSec: (count * 1000) / countedMs }))
}
