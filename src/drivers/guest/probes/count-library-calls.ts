/** Calls of library functions per second by kind, in the way that the settings and the machine allow. */
import { complaintOf, libraryCallProgram, parseLibraryCalls } from './bpftrace.ts'
import { symbolOffsets } from './elf.ts'
import { type Counted, estimateRate } from './estimate.ts'
import { findLibraries } from './libraries.ts'
import type { Counter, ProbeResults } from './results.ts'
import { nothing, NOT_ASKED, type Part, type RoundContext } from './part.ts'
import { findBpftrace, runBpftrace } from './run-bpftrace.ts'
import type { LibraryKind } from './settings.ts'
import { openTracefs, Tracefs } from './tracefs.ts'
import { type CountedWindow, countPoints, type ProbePoint } from './tracefs-libraries.ts'

/** What a trap costs its caller at most, in ns, by either way. Measured by `npm run bench:probes` in a virtual machine: 1 us where the kernel acts the
 *  first instruction of the function itself (malloc), 10 us where it has to step over it by another trap (free). */
const COST_NS = 10_000
const INSTALL = 'install bpftrace and enable ethos-agent-probes.timer'

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
  if (found.length === 0)
    return nothing('library calls', `no library here has them: ${asked.join(', ')}`, 'nothing, if no program uses them')
  const tracefs = settings.way === 'bpftrace' ? undefined : openTracefs(machine)
  if (tracefs instanceof Tracefs && tracefs.has('uprobe_events')) return byTracefs(context, tracefs, { found, points })
  if (settings.way === 'tracefs' && tracefs !== undefined) {
    if (!(tracefs instanceof Tracefs)) return nothing('library calls', tracefs.because, tracefs.remedy)
    return nothing('library calls', 'this kernel has no uprobe events', 'a kernel with CONFIG_UPROBE_EVENTS')
  }
  return byBpftrace(context, { found, points, hasOldWait })
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

async function byTracefs(
  context: RoundContext,
  tracefs: Tracefs,
  { found, points }: { readonly found: readonly LibraryKind[]; readonly points: Points },
): Promise<Part> {
  const { machine, settings, signal } = context
  const rates: Rates = {}
  const startMs = machine.monotonicMs()
  const counts = found.map(async (kind) => {
    const options = { label: kind, attachment: settings.attachments[kind], together: kind !== 'allocator', signal }
    // Each with its own part of tracefs, so that whoever is done first takes off what is its own.
    const own = new Tracefs(machine, tracefs.root)
    return { kind, windows: await countPoints(machine, own, points.get(kind) ?? [], options) }
  })
  for (const outcome of await Promise.allSettled(counts)) {
    if (outcome.status === 'rejected') throw outcome.reason
    if (!signal.aborted) putRate(context, rates, { ...outcome.value, counter: 'uprobe_profile' })
  }
  return { rates, top: [], attachedMs: machine.monotonicMs() - startMs, missing: [] }
}

async function byBpftrace(
  context: RoundContext,
  {
    found,
    points,
    hasOldWait,
  }: { readonly found: readonly LibraryKind[]; readonly points: Points; readonly hasOldWait: boolean },
): Promise<Part> {
  const program = findBpftrace(context.machine)
  if (program === undefined) return nothing('library calls', 'bpftrace is not installed', INSTALL)
  const attachedMs = Math.max(...found.map((kind) => context.settings.attachments[kind].attachedMs))
  let functions = uniqueNames(
    found.flatMap((kind, slot) => (points.get(kind) ?? []).map((point) => ({ ...point, slot }))),
  )
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
  if (counted === undefined) return nothing('library calls', `bpftrace: ${complaint}`, INSTALL)
  const rates: Rates = {}
  for (const [slot, kind] of found.entries()) {
    const windows = [{ calls: counted.calls.get(slot) ?? 0, countedMs: counted.countedMs }]
    putRate(context, rates, { kind, windows, counter: 'bpftrace' })
  }
  return { rates, top: [], attachedMs: counted.countedMs, missing: [] }
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
