/** Measures what the probes cost. Costs are of CPU time, not of time on the wall: others work on the machine too. */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildSync } from 'esbuild'
import { PROBE_DEFAULTS } from '../../src/drivers/guest/probes/settings.ts'
import { useOf } from '../agent/process-use.ts'
import { calibrate, compileLoad, median, nsPerCall, startLoad } from './load.ts'
import { leftInTracefs, TWO_CAPABILITIES, whereTracefsIs, whyNoBpftrace } from './tracing.ts'

/** What one way costs one kind of program. */
export interface CycleCost {
  readonly name: string
  /** CPU time that the program lost in one round of the helper, in ms: what it used in that time less what its calls cost before. */
  readonly lostMs: number
  /** The share of its time that this is at one round per period. */
  readonly slower: number
  /** A call once all was taken off, against before: what stays behind. */
  readonly afterwards: number
  /** Used by the helper and what it ran, in ms. */
  readonly helperCpuMs: number
}

export interface ProbeCosts {
  readonly rounds: number
  readonly periodMs: number
  readonly attached: readonly { readonly name: string; readonly offNs: number; readonly onNs: number }[]
  readonly cycles: readonly CycleCost[]
  readonly left: readonly string[]
}

export interface Wanted {
  readonly folder: string
  readonly rounds: number
  readonly say: (what: string) => void
}

interface Bench extends Wanted {
  readonly helper: string
  readonly load: string
  readonly work: Readonly<Record<'s' | 'm', number>>
}

type Way = 'bpftrace' | 'tracefs' | 'auto'

/** Always-on by either way; a round by what the defaults choose, and by what is left without bpftrace. */
const WAYS_ATTACHED: readonly Way[] = ['bpftrace', 'tracefs']
const WAYS_CYCLE: readonly Way[] = ['auto', 'tracefs']

const ATTACHED = {
  s: { name: 'system call', settings: ['tls = off', 'allocator = off', 'dns = off', 'system-calls-for = 4s'] },
  // The dearer of the two: its first instruction is one that the kernel has to step over by another trap. So many calls that the time ends it.
  m: {
    name: 'free',
    settings: [
      'system-calls = off',
      'tls = off',
      'dns = off',
      'allocator = libc.so:free',
      'allocator-for = 3s',
      'allocator-calls-max = 1000000',
    ],
  },
} as const
const PROGRAMS = { s: 'a million system calls a second', m: 'a million times malloc and free a second' } as const
const MODES = ['s', 'm'] as const

/** Every way in each round, so that what changes on the machine meets all of them; of each figure the median of the rounds. */
export async function measureProbes(wanted: Wanted): Promise<ProbeCosts> {
  const load = compileLoad(wanted.folder)
  const work = { s: calibrate(load, 's'), m: calibrate(load, 'm') }
  const bench: Bench = { ...wanted, load, work, helper: bundleHelper(wanted.folder) }
  const attached = new Map<string, { readonly off: number[]; readonly on: number[] }>()
  const cycles = new Map<string, Omit<CycleCost, 'name'>[]>()
  for (let round = 1; round <= wanted.rounds; round++) {
    for (const mode of MODES) {
      wanted.say(`round ${round} of ${wanted.rounds}: ${PROGRAMS[mode]}`)
      for (const way of possible(WAYS_ATTACHED)) {
        const { off, on } = await measureAttached(bench, way, mode)
        const columns = entryOf(attached, `${ATTACHED[mode].name}, ${way}`, () => ({ off: [], on: [] }))
        columns.off.push(off)
        columns.on.push(on)
      }
      for (const way of possible(WAYS_CYCLE))
        entryOf(cycles, `${PROGRAMS[mode]}, ${way}`, () => []).push(await measureCycle(bench, way, mode))
    }
  }
  const middle = (each: readonly Omit<CycleCost, 'name'>[], key: keyof Omit<CycleCost, 'name'>) =>
    median(each.map((cost) => cost[key]))
  return {
    rounds: wanted.rounds,
    periodMs: PROBE_DEFAULTS.everyMs,
    attached: [...attached].map(([name, { off, on }]) => ({ name, offNs: median(off), onNs: median(on) })),
    cycles: [...cycles].map(([name, each]) => ({
      name,
      lostMs: middle(each, 'lostMs'),
      slower: middle(each, 'slower'),
      afterwards: middle(each, 'afterwards'),
      helperCpuMs: middle(each, 'helperCpuMs'),
    })),
    left: leftInTracefs(),
  }
}

function possible(ways: readonly Way[]): readonly Way[] {
  return whyNoBpftrace() === false ? ways : ['tracefs']
}

function entryOf<T>(map: Map<string, T>, key: string, make: () => T): T {
  const entry = map.get(key) ?? make()
  map.set(key, entry)
  return entry
}

/** CPU time of a call before, and in the midst of being watched. */
async function measureAttached(
  bench: Bench,
  way: Way,
  mode: 's' | 'm',
): Promise<{ readonly off: number; readonly on: number }> {
  const running = startLoad(bench.load, { mode, seconds: 7, work: bench.work[mode] })
  await sleep(1500)
  const start = monotonicMs()
  await runHelper(bench, [`way = ${way}`, ...ATTACHED[mode].settings])
  const tenths = await running.done
  // Whichever way, it is attached from 2 s after the start of the helper, for a second at least.
  return { off: median(nsPerCall(tenths, 0, start)), on: median(nsPerCall(tenths, start + 2000, start + 3000)) }
}

/** One round of the helper with its defaults, in the life of a program that calls all the time. */
async function measureCycle(bench: Bench, way: Way, mode: 's' | 'm'): Promise<Omit<CycleCost, 'name'>> {
  const running = startLoad(bench.load, { mode, seconds: 22, work: bench.work[mode] })
  await sleep(4000)
  const start = monotonicMs()
  const before = useOf(process.pid).childrenCpuMs
  await runHelper(bench, [`way = ${way}`])
  const end = monotonicMs()
  // The load has not ended yet: what children used is the helper's, and that of what it ran.
  const helperCpuMs = useOf(process.pid).childrenCpuMs - before
  const tenths = await running.done
  const offNs = median([...nsPerCall(tenths, 0, start), ...nsPerCall(tenths, end + 500, Number.POSITIVE_INFINITY)])
  const during = tenths.filter(({ atMs, wallMs }) => atMs > start && atMs - wallMs < end + 500)
  const lostMs = during.reduce((sum, { cpuMs, calls }) => sum + cpuMs - (calls * offNs) / 1e6, 0)
  return {
    lostMs,
    slower: lostMs / (PROBE_DEFAULTS.everyMs - lostMs),
    afterwards:
      median(nsPerCall(tenths, end + 500, Number.POSITIVE_INFINITY)) / median(nsPerCall(tenths, 0, start)) - 1,
    helperCpuMs,
  }
}

/** As the unit runs it: user 0 with two capabilities, one round, and gone. */
async function runHelper(bench: Bench, settings: readonly string[]): Promise<void> {
  const config = join(bench.folder, 'agent.conf')
  writeFileSync(
    config,
    ['[probes]', `result-file = ${join(bench.folder, 'run', 'probes.json')}`, ...settings, ''].join('\n'),
  )
  const command = [...TWO_CAPABILITIES, process.execPath, bench.helper, 'once', '--config', config]
  const [program, ...words] = whereTracefsIs(command)
  const child = spawn(program, words, { stdio: ['ignore', 'inherit', 'inherit'] })
  const status = await new Promise((resolve) => void child.once('close', resolve))
  if (status !== 0) throw new Error(`the probe helper ended with ${String(status)}`)
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

/** By the clock that the load tells its tenths in: since boot, as Node's own counts from the start of the process. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
