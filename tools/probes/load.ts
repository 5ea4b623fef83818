/** The program that is slowed: compiled here, calibrated to a million calls a second, and read tenth by tenth of a second. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const COMPILER = '/usr/bin/gcc'
const SOURCE = join(import.meta.dirname, 'load.c')
const NS_PER_CALL = 1000

/** A tenth of a second of the program: when it ended by the monotonic clock, in ms, and what was done. */
export interface Tenth {
  readonly atMs: number
  readonly wallMs: number
  readonly calls: number
  readonly cpuMs: number
}

/** Why it can't be compiled; false if it can. */
export function whyNoLoad(): string | false {
  return existsSync(COMPILER) ? false : 'there is no compiler: apt-get install gcc libc6-dev'
}

/** Compiles the program into a folder. */
export function compileLoad(folder: string): string {
  const path = join(folder, 'load')
  const words = ['-O1', '-fno-builtin', '-o', path, SOURCE]
  const { status, stderr } = spawnSync(COMPILER, words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`gcc failed: ${stderr}`)
  return path
}

/** How much to spin between calls so that each takes a microsecond of CPU time. */
export function calibrate(path: string, mode: 's' | 'm'): number {
  const nsOf = (work: number) => {
    const { stdout } = spawnSync(path, [mode, '1.5', String(work)], { encoding: 'utf8' })
    // The fastest: others on the machine only ever slow it.
    return Math.min(...readTenths(stdout).map((tenth) => (tenth.cpuMs * 1e6) / tenth.calls))
  }
  const [none, thousand] = [nsOf(0), nsOf(1000)]
  return Math.max(0, Math.round(((NS_PER_CALL - none) / (thousand - none)) * 1000))
}

/** Starts it for so long; `done` gives its tenths. */
export function startLoad(
  path: string,
  { mode, seconds, work }: { readonly mode: 's' | 'm'; readonly seconds: number; readonly work: number },
): { readonly done: Promise<readonly Tenth[]> } {
  const child: ChildProcess = spawn(path, [mode, String(seconds), String(work)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout?.on('data', (bytes: Buffer) => void (output += bytes.toString()))
  return { done: new Promise((resolve) => void child.once('close', () => resolve(readTenths(output)))) }
}

function readTenths(output: string): readonly Tenth[] {
  return output
    .trim()
    .split('\n')
    .map((line) => {
      const [atMs, wallMs, calls, cpuMs] = line.split(' ').map(Number)
      return { atMs, wallMs, calls, cpuMs }
    })
}

/** CPU time of a call, in ns, in each tenth within a span of the monotonic clock. */
export function nsPerCall(tenths: readonly Tenth[], fromMs: number, toMs: number): readonly number[] {
  return tenths
    .filter(({ atMs, wallMs, calls }) => atMs - wallMs >= fromMs && atMs <= toMs && calls > 0)
    .map(({ cpuMs, calls }) => (cpuMs * 1e6) / calls)
}

/** The middle one; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}
