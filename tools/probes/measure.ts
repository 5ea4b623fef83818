/** Measures what the probes cost, and whether the error they tell is honest. Pairs that alternate: what changes on the machine meets all alike. */
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { nodeMachine } from '../../src/drivers/guest/node-machine.ts'
import { PROBE_DEFAULTS } from '../../src/drivers/guest/probes/settings.ts'
import { type AttachedPair, type AttachedWay, measureAlwaysOn } from './always-on.ts'
import { type Cycle, type CycleWay, measureCycle } from './cycle.ts'
import { calibrate, compileLoad, type LoadMode } from './load.ts'
import { leftInTracefs, whyNoBpftrace } from './tracing.ts'
import { measureTrust, type Trust } from './trust.ts'

/** A program and what was attached to it: one pair a round. */
export interface AttachedRow {
  readonly mode: LoadMode
  readonly way: AttachedWay
  readonly pairs: readonly AttachedPair[]
}

/** A program and the way of the helper: one cycle a round. */
export interface CycleRow {
  readonly mode: LoadMode
  readonly way: CycleWay
  readonly cycles: readonly Cycle[]
}

export interface ProbeCosts {
  readonly rounds: number
  readonly periodMs: number
  readonly attached: readonly AttachedRow[]
  readonly cycles: readonly CycleRow[]
  readonly trust: readonly Trust[]
  /** Names that are left in tracefs at the end. */
  readonly left: readonly string[]
}

/** What to measure. */
export interface Wanted {
  readonly folder: string
  readonly rounds: number
  /** Seconds instead of minutes, and settings that end soon: to see that all of it runs. */
  readonly isSmoke: boolean
  readonly say: (what: string) => void
}

const MODES: readonly LoadMode[] = ['s', 'm', 't', 'd']
/** Programs whose whole period is measured: those that call most. */
const CYCLE_MODES: ReadonlySet<LoadMode> = new Set(['s', 'm'])
/** One of each kind is enough to see that it runs. */
const SMOKE_ROWS: ReadonlySet<string> = new Set([
  's bpftrace',
  's tracefs',
  'd tracefs',
  'round of s auto',
  'round of m tracefs',
])
const SMOKE_SETTINGS = ['system-calls-for = 3s', 'library-calls-for = 100ms', 'allocator-for = 50ms']
const BESIDE_MS = { full: 1500, smoke: 300 }

/** Every program and way in each round. */
export async function measureProbes(wanted: Wanted): Promise<ProbeCosts> {
  const { folder, rounds, isSmoke, say } = wanted
  const machine = nodeMachine()
  const load = compileLoad(folder)
  const helper = bundleHelper(folder)
  const hasBpftrace = whyNoBpftrace() === false
  say('how much work makes a microsecond a call')
  const works = new Map(MODES.map((mode) => [mode, calibrate(load, mode)]))
  const attached: (AttachedRow & { readonly pairs: AttachedPair[] })[] = []
  const cycles: (CycleRow & { readonly cycles: Cycle[] })[] = []
  const isWanted = (row: string) => !isSmoke || SMOKE_ROWS.has(row)
  for (const mode of MODES) {
    if (works.get(mode) === undefined) continue
    for (const way of hasBpftrace ? (['bpftrace', 'tracefs'] as const) : (['tracefs'] as const))
      if (isWanted(`${mode} ${way}`)) attached.push({ mode, way, pairs: [] })
    if (!CYCLE_MODES.has(mode)) continue
    for (const way of hasBpftrace ? (['auto', 'tracefs'] as const) : (['tracefs'] as const))
      if (isWanted(`round of ${mode} ${way}`)) cycles.push({ mode, way, cycles: [] })
  }
  for (let round = 1; round <= rounds; round++) {
    for (const { mode, way, pairs } of attached) {
      say(`round ${round} of ${rounds}: ${way} on and off, ${PROGRAMS[mode]}`)
      pairs.push(await measureAlwaysOn({ machine, load, mode, way, work: works.get(mode) ?? 0, isSmoke }))
    }
    for (const row of cycles) {
      say(`round ${round} of ${rounds}: a round of the helper by ${row.way}, ${PROGRAMS[row.mode]}`)
      const settings = isSmoke ? SMOKE_SETTINGS : []
      const besideMs = BESIDE_MS[isSmoke ? 'smoke' : 'full']
      const { mode, way } = row
      const work = works.get(mode) ?? 0
      row.cycles.push(await measureCycle({ folder, helper, load, mode, way, work, settings, besideMs }))
    }
  }
  say('the error that is told, at known rates')
  const trust = await measureTrust({ machine, hasBpftrace, seconds: isSmoke ? 5 : TRUST_SECONDS })
  const pids = [process.pid, ...cycles.flatMap((row) => row.cycles.map(({ pid }) => pid))]
  return { rounds, periodMs: PROBE_DEFAULTS.everyMs, attached, cycles, trust, left: leftInTracefs(pids) }
}

const TRUST_SECONDS = 36

/** The programs in words. */
export const PROGRAMS: Readonly<Record<LoadMode, string>> = {
  s: 'a million system calls a second',
  m: 'a million times malloc and free a second',
  t: 'a million reads of TLS a second',
  d: 'a million look-ups of names a second',
}

/** Measured as it ships: one file. */
function bundleHelper(folder: string): string {
  const outfile = join(folder, 'helper.mjs')
  buildSync({
    entryPoints: [join(import.meta.dirname, 'helper.ts')],
    outfile,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
  })
  return outfile
}
