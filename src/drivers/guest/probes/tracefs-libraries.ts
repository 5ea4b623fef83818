/** Calls of functions in libraries, counted by probes of tracefs. Each call of a probed function costs its caller a trap, so a probe stays no longer
 *  than it takes to see enough calls. */
import { MachineError } from '../machine.ts'
import type { Counted } from './estimate.ts'
import type { Attachment } from './settings.ts'
import type { Tracefs, TracingMachine } from './tracefs.ts'

/** A place in a file where a function begins. */
export interface ProbePoint {
  readonly path: string
  readonly name: string
  readonly offset: number
}

/** Looks at the count again after a tenth of the time so far, between these bounds: a hot function is left alone after few calls more
 *  than are wanted. */
const LOOK_MS_MIN = 1
const LOOK_MS_MAX = 100
/** Others may have thousands of probes. */
const PROFILE_BYTES_MAX = 4 * 1024 * 1024
const SLICE_MS = 1000

/** What one attachment counted, and its rates second by second: none where it was shorter. */
export interface CountedWindow extends Counted {
  readonly slicesPerSec: readonly number[]
}

/** What was counted, and at how many points the kernel would have no probe: their calls are missing in it. */
export interface PointCounts {
  readonly windows: readonly CountedWindow[]
  readonly refused: number
}

/** Counts points one after the other (`together`: all at once, for functions that are called rarely). A point that the kernel refuses is left out.
 *  Takes everything off again, whatever happens. Throws `MachineError` where tracefs refuses altogether. */
export async function countPoints(
  machine: TracingMachine,
  tracefs: Tracefs,
  points: readonly ProbePoint[],
  { label, attachment, together, signal }: PointOptions,
): Promise<PointCounts> {
  try {
    const folder = tracefs.makeInstance(label)
    const names = definePoints(tracefs, label, points)
    const groups = together ? [names] : names.map((name) => [name])
    const windows: CountedWindow[] = []
    let attached = 0
    for (const group of groups) {
      if (signal.aborted || group.length === 0) break
      const window = await countGroup(machine, tracefs, { folder, group, attachment, signal })
      windows.push(window)
      attached += window.attached
    }
    return { windows, refused: signal.aborted ? 0 : points.length - attached }
  } finally {
    tracefs.close()
  }
}

/** How points are counted. */
export interface PointOptions {
  /** Names the instance and its probes: no two at a time have the same. */
  readonly label: string
  readonly attachment: Attachment
  /** All on at once, for functions that are called rarely; else one after the other. */
  readonly together: boolean
  readonly signal: AbortSignal
}

interface Group {
  readonly folder: string
  readonly group: readonly string[]
  readonly attachment: Attachment
  readonly signal: AbortSignal
}

/** Names are unique on the machine: the kernel's list of counts tells names and no groups. */
function definePoints(tracefs: Tracefs, label: string, points: readonly ProbePoint[]): readonly string[] {
  const names: string[] = []
  let refusal: MachineError | undefined
  for (const [i, { path, offset }] of points.entries()) {
    const name = `${tracefs.group}_${label}${i}`
    try {
      tracefs.makeProbe(name, path, offset)
      names.push(name)
    } catch (error) {
      if (!(error instanceof MachineError)) throw error
      refusal = error
    }
  }
  if (names.length === 0 && refusal !== undefined) throw refusal
  return names
}

async function countGroup(
  machine: TracingMachine,
  tracefs: Tracefs,
  { folder, group, attachment, signal }: Group,
): Promise<CountedWindow & { readonly attached: number }> {
  const enabled: string[] = []
  const enable = (name: string) => `${folder}/events/${tracefs.group}/${name}/enable`
  const hits = () => {
    const sum = parseProfile(tracefs.read(`${tracefs.root}/uprobe_profile`, PROFILE_BYTES_MAX) ?? '', enabled)
    if (sum === undefined) throw new MachineError('ENOENT', 'uprobe_profile does not tell the hits of our probes')
    return sum
  }
  try {
    attachAll(group, enabled, (name) => tracefs.write(enable(name), '1'))
    const before = hits()
    const startMs = machine.monotonicMs()
    let spentMs = 0
    let calls = 0
    let slice = { atMs: 0, calls: 0 }
    const slicesPerSec: number[] = []
    while (!signal.aborted && spentMs < attachment.attachedMs && calls < attachment.callsMax) {
      const leftMs = attachment.attachedMs - spentMs
      await machine.sleep(Math.min(leftMs, LOOK_MS_MAX, Math.max(LOOK_MS_MIN, spentMs / 10)), signal)
      calls = hits() - before
      spentMs = machine.monotonicMs() - startMs
      if (spentMs - slice.atMs < SLICE_MS) continue
      slicesPerSec.push(((calls - slice.calls) * 1000) / (spentMs - slice.atMs))
      slice = { atMs: spentMs, calls }
    }
    return { calls: Math.max(0, calls), countedMs: spentMs, slicesPerSec, attached: enabled.length }
  } finally {
    for (const name of enabled) tracefs.write(enable(name), '0')
  }
}

/** A probe that the kernel refuses to attach is left out; throws if it refuses all. */
function attachAll(group: readonly string[], enabled: string[], attach: (name: string) => void): void {
  let refusal: MachineError | undefined
  for (const name of group) {
    try {
      attach(name)
      enabled.push(name)
    } catch (error) {
      if (!(error instanceof MachineError)) throw error
      refusal = error
    }
  }
  if (enabled.length === 0 && refusal !== undefined) throw refusal
}

/** Hits of the named probes together, from lines of file, name and hits (newer kernels add what was missed). Undefined if one is not told. */
export function parseProfile(text: string, names: readonly string[]): number | undefined {
  let sum = 0
  for (const name of names) {
    const at = text.indexOf(` ${name} `)
    const hits = at < 0 ? Number.NaN : Number.parseInt(text.slice(at + name.length + 2).trimStart(), 10)
    if (Number.isNaN(hits)) return undefined
    sum += hits
  }
  return sum
}
