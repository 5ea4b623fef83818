/** Calls of library functions per second by kind, in the way that the settings and the machine allow. */
import { complaintOf, libraryCallProgram, parseLibraryCalls } from './bpftrace.ts'
import { symbolOffsets } from './elf.ts'
import { type Counted, estimateRate } from './estimate.ts'
import { findLibraries } from './libraries.ts'
import type { Counter, Missing, ProbeResults } from './results.ts'
import { nothing, NOT_ASKED, type Part, type RoundContext } from './part.ts'
import { findBpftrace, remedyOfBpftrace, runBpftrace } from './run-bpftrace.ts'
import type { Attachment, LibraryKind, ProbeSettings } from './settings.ts'
import { openTracefs, Tracefs } from './tracefs.ts'
import { type CountedWindow, countPoints, type ProbePoint } from './tracefs-libraries.ts'

/** What a trap costs its caller at most, in ns, by either way. Measured by `npm run bench:probes` in a virtual machine: 1 us where the kernel acts the
 *  first instruction of the function itself (malloc), 10 us where it has to step over it by another trap (free). */
const COST_NS = 10_000
const ATTEMPTS_MAX = 4

type Rates = { -readonly [K in keyof ProbeResults['rates']]: ProbeResults['rates'][K] }
type Points = ReadonlyMap<LibraryKind, readonly ProbePoint[]>

/** Counts some kinds. tracefs comes first here: it puts one probe on and takes it off again within milliseconds, where bpftrace leaves all of
 *  them on for most of a second while it attaches and detaches. */
export async function countLibraryCalls(
  context: RoundContext,
  kinds: readonly LibraryKind[],
  { hasOldWait }: { readonly hasOldWait: boolean },
): Promise<Part> {
  const { settings, machine } = context
  const asked = kinds.filter((kind) => settings.functions[kind].length > 0)
  if (asked.length === 0) return NOT_ASKED
  const points = findPoints(context, asked)
  const found = asked.filter((kind) => (points.get(kind) ?? []).length > 0)
  const missing = missingLibraries(asked.filter((kind) => !found.includes(kind)))
  if (found.length === 0) return { ...NOT_ASKED, missing }
  const tracefs = settings.way === 'bpftrace' ? undefined : openTracefs(machine)
  if (tracefs instanceof Tracefs && tracefs.has('uprobe_events'))
    return byTracefs(context, tracefs, { found, points, missing })
  if (settings.way === 'tracefs' && tracefs !== undefined) {
    if (!(tracefs instanceof Tracefs)) return nothing('library calls', tracefs.because, tracefs.remedy)
    return nothing('library calls', 'this kernel has no uprobe events', 'a kernel with CONFIG_UPROBE_EVENTS')
  }
  const counted = await byBpftrace(context, { found, points, missing, hasOldWait })
  if (typeof counted !== 'string') return counted
  if (tracefs === undefined || tracefs instanceof Tracefs)
    return nothing('library calls', counted, remedyOfBpftrace(machine, counted))
  return nothing('library calls', `${counted}; ${tracefs.because}`, tracefs.remedy)
}

function missingLibraries(kinds: readonly LibraryKind[]): readonly Missing[] {
  if (kinds.length === 0) return []
  const because = `no library here has them: ${kinds.join(', ')}`
  return [{ what: 'library calls', because, remedy: 'nothing, if no program uses them' }]
}

/** Some of the functions could not be watched: what is told is too low by their calls. */
function missingFunctions(kind: LibraryKind, refused: number): readonly Missing[] {
  if (refused === 0) return []
  const because = `${kind}: at ${refused} of the places of its functions the kernel would have no probe, so that it is told too low`
  return [{ what: 'library calls', because, remedy: 'nothing, or name other functions in the settings' }]
}

interface Wanted {
  readonly found: readonly LibraryKind[]
  readonly points: Points
  /** What is known to be missing already. */
  readonly missing: readonly Missing[]
}

/** Functions that are watched one after the other share what the settings allow for those that they name: a library that is there four times has each
 *  of its functions four times. */
function shared({ attachments, functions }: ProbeSettings, places: number): Attachment {
  const { attachedMs, callsMax } = attachments.allocator
  return { attachedMs: attachedMs * Math.min(1, functions.allocator.length / places), callsMax }
}

/** Functions that a library defines, where it defines them. */
function findPoints({ machine, settings }: RoundContext, kinds: readonly LibraryKind[]): Points {
  const wanted = kinds.flatMap((kind) => settings.functions[kind])
  const libraries = findLibraries(machine, [...new Set(wanted.map(({ library }) => library))])
  const points = new Map<LibraryKind, ProbePoint[]>(kinds.map((kind) => [kind, []]))
  for (const [library, paths] of libraries) {
    const names = wanted.filter((each) => each.library === library).map(({ name }) => name)
    for (const path of paths) {
      const symbols = symbolOffsets(machine, path, names)
      if ('refused' in symbols) continue
      for (const kind of kinds) {
        for (const wish of settings.functions[kind]) {
          if (wish.library !== library) continue
          for (const offset of symbols.offsets.get(wish.name) ?? [])
            points.get(kind)?.push({ path, name: wish.name, offset })
        }
      }
    }
  }
  return points
}

async function byTracefs(context: RoundContext, tracefs: Tracefs, { found, points, missing }: Wanted): Promise<Part> {
  const { machine, settings, signal } = context
  const refusals: Missing[] = []
  const rates: Rates = {}
  const startMs = machine.monotonicMs()
  const counts = found.map(async (kind) => {
    const places = points.get(kind) ?? []
    const together = kind !== 'allocator'
    const attachment = together ? settings.attachments[kind] : shared(settings, places.length)
    const options = { label: kind, attachment, together, signal }
    // Each with its own part of tracefs, so that whoever is done first takes off what is its own.
    const own = new Tracefs(machine, tracefs.root)
    return { kind, ...(await countPoints(machine, own, places, options)) }
  })
  for (const outcome of await Promise.allSettled(counts)) {
    if (outcome.status === 'rejected') throw outcome.reason
    const { kind, refused } = outcome.value
    refusals.push(...missingFunctions(kind, refused))
    if (!signal.aborted) putRate(context, rates, { ...outcome.value, counter: 'uprobe_profile' })
  }
  return { rates, top: [], attachedMs: machine.monotonicMs() - startMs, missing: [...missing, ...refusals] }
}

/** What was counted, or why nothing was. */
async function byBpftrace(
  context: RoundContext,
  { found, points, missing, hasOldWait }: Wanted & { readonly hasOldWait: boolean },
): Promise<Part | string> {
  const program = findBpftrace(context.machine)
  if (program === undefined) return 'bpftrace is not installed'
  const attachedMs = Math.max(...found.map((kind) => context.settings.attachments[kind].attachedMs))
  const startMs = context.machine.monotonicMs()
  const wanted = uniqueNames(
    found.flatMap((kind, slot) => (points.get(kind) ?? []).map((point) => ({ ...point, slot }))),
  )
  let functions = wanted
  let counted: ReturnType<typeof parseLibraryCalls>
  let complaint = ''
  // bpftrace gives all up for one probe that can not be attached: then it is tried without that one.
  for (let attempt = 0; attempt < ATTEMPTS_MAX && counted === undefined && functions.length > 0; attempt++) {
    const text = libraryCallProgram(functions, attachedMs, { hasOldWait })
    const { stdout, stderr } = await runBpftrace(context, program, text, attachedMs)
    counted = parseLibraryCalls(stdout)
    complaint = complaintOf(stderr)
    const others = functions.filter(({ path, name }) => !complaint.endsWith(`:${path}:${name}`))
    if (others.length === functions.length || context.signal.aborted) break
    functions = others
  }
  if (counted === undefined) return `bpftrace: ${complaint}`
  const rates: Rates = {}
  for (const [slot, kind] of found.entries()) {
    const windows = [{ calls: counted.calls.get(slot) ?? 0, countedMs: counted.countedMs }]
    putRate(context, rates, { kind, windows, counter: 'bpftrace' })
  }
  const refusals = found.flatMap((kind, slot) => {
    const countOf = (all: typeof functions) => all.filter((each) => each.slot === slot).length
    return missingFunctions(kind, countOf(wanted) - countOf(functions))
  })
  // bpftrace leaves them on while it puts others on and takes them off.
  return { rates, top: [], attachedMs: context.machine.monotonicMs() - startMs, missing: [...missing, ...refusals] }
}

/** bpftrace takes a name, and finds its places by itself. */
function uniqueNames<T extends { readonly path: string; readonly name: string }>(
  functions: readonly T[],
): readonly T[] {
  return functions.filter(
    (each, i) => functions.findIndex(({ path, name }) => path === each.path && name === each.name) === i,
  )
}

function putRate(
  { before }: RoundContext,
  rates: Rates,
  {
    kind,
    windows,
    counter,
  }: {
    readonly kind: LibraryKind
    readonly windows: readonly (Counted & Partial<CountedWindow>)[]
    readonly counter: Counter
  },
): void {
  // Seconds of functions that were watched one after the other are no spread of their sum.
  const slicesPerSec = windows.length === 1 ? (windows[0].slicesPerSec ?? []) : []
  const rate = estimateRate({ windows, slicesPerSec, before: before?.rates[kind]?.recent ?? [], costNs: COST_NS })
  if (rate !== undefined) rates[kind] = { ...rate, counter }
}
