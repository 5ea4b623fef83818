/** The program that is slowed: compiled here, calibrated to so many calls a second, kept on one processor, and read tenth by tenth of a second. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'

const COMPILER = '/usr/bin/gcc'
const SOURCE = join(import.meta.dirname, 'load.c')
const NS_PER_CALL = 1000

/** What the program does between two looks at the clock. */
export type LoadMode = 's' | 'm' | 't' | 'd'

/** A tenth of a second of the program: when it ended by the monotonic clock, in ms, and what was done. */
export interface Tenth {
  readonly atMs: number
  readonly wallMs: number
  readonly calls: number
  readonly cpuMs: number
}

/** Cost of a call in ns: of CPU time, and on the wall. */
export interface CallCost {
  readonly cpuNs: number
  readonly wallNs: number
}

/** Why it can't be compiled; false if it can. */
export function whyNoLoad(): string | false {
  return existsSync(COMPILER) ? false : 'there is no compiler: apt-get install gcc libc6-dev'
}

/** Compiles the program into a folder. */
export function compileLoad(folder: string): string {
  const path = join(folder, 'load')
  const words = ['-O1', '-fno-builtin', '-o', path, SOURCE, '-ldl']
  const { status, stderr } = spawnSync(COMPILER, words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`gcc failed: ${stderr}`)
  return path
}

/** Words that keep a program on the last processor (`load`) or on the others; none where there is one only. */
export function pinned(who: 'load' | 'others'): readonly string[] {
  // Of the machine, not those that we were left with: who pins is pinned already.
  const count = cpus().length
  if (count < 2 || !existsSync('/usr/bin/taskset')) return []
  return ['taskset', '-c', who === 'load' ? `${count - 1}` : `0-${count - 2}`]
}

/** How much to spin between calls so that each takes a microsecond of CPU time; undefined where the program lacks what it calls. */
export function calibrate(path: string, mode: LoadMode): number | undefined {
  const nsOf = (work: number) => {
    const [program, ...words] = [...pinned('load'), path, mode, '0.75', String(work)]
    const { stdout } = spawnSync(program, words, { encoding: 'utf8' })
    // The fastest: others on the machine only ever slow it.
    return Math.min(...readTenths(stdout).map((tenth) => (tenth.cpuMs * 1e6) / tenth.calls))
  }
  const [none, thousand] = [nsOf(0), nsOf(1000)]
  if (!Number.isFinite(none)) return undefined
  return Math.max(0, Math.round(((NS_PER_CALL - none) / (thousand - none)) * 1000))
}

/** A load that runs until it is stopped. */
export interface RunningLoad {
  /** Ends it; gives all its tenths. */
  stop(): Promise<readonly Tenth[]>
}

/** Starts it on its processor, for `seconds` at most. */
export function startLoad(
  path: string,
  { mode, seconds, work }: { readonly mode: LoadMode; readonly seconds: number; readonly work: number },
): RunningLoad {
  const [program, ...words] = [...pinned('load'), path, mode, String(seconds), String(work)]
  const child: ChildProcess = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout?.on('data', (bytes: Buffer) => void (output += bytes.toString()))
  const done = new Promise<void>((resolve) => void child.once('close', () => resolve()))
  return {
    async stop() {
      child.kill('SIGKILL')
      await done
      return readTenths(output)
    },
  }
}

/** Whole lines only: the last may be cut by the end of the program. */
function readTenths(output: string): readonly Tenth[] {
  return output
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [atMs, wallMs, calls, cpuMs] = line.split(' ').map(Number)
      return { atMs, wallMs, calls, cpuMs }
    })
}

/** Tenths that lie wholly within a span of the monotonic clock. */
export function within(tenths: readonly Tenth[], fromMs: number, toMs: number): readonly Tenth[] {
  return tenths.filter(({ atMs, wallMs, calls }) => atMs - wallMs >= fromMs && atMs <= toMs && calls > 0)
}

/** The middle cost of a call in some tenths; NaN of none. */
export function costOf(tenths: readonly Tenth[]): CallCost {
  return {
    cpuNs: median(tenths.map(({ cpuMs, calls }) => (cpuMs * 1e6) / calls)),
    wallNs: median(tenths.map(({ wallMs, calls }) => (wallMs * 1e6) / calls)),
  }
}

/** The middle one, or between the two that are; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}

/** By the clock that the load tells its tenths in: since boot, as Node's own counts from the start of the process. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
