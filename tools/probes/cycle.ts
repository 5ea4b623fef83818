/** What one round of the probe helper with its defaults costs a program that calls all the time, and what the helper itself uses. */
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseResults, type ProbeResults } from '../../src/drivers/guest/probes/results.ts'
import { useOf } from '../agent/process-use.ts'
import { costOf, type LoadMode, monotonicMs, pinned, startLoad, within } from './load.ts'
import { TWO_CAPABILITIES, whereTracefsIs } from './tracing.ts'

/** `auto` is what the defaults choose; `tracefs` is what is left where there is no bpftrace. */
export type CycleWay = 'auto' | 'tracefs'

/** One round of the helper in the life of a program. */
export interface Cycle {
  /** From the start of the helper's process to its end. */
  readonly roundMs: number
  /** CPU time that the program used in the round beyond what its calls cost before and after, in ms. */
  readonly lostCpuMs: number
  /** Time on the wall that its calls took longer, in ms: what others on the machine took is in it. */
  readonly lostWallMs: number
  /** A call once all was taken off, against before: what stays behind. */
  readonly afterwards: number
  /** CPU time of the helper and what it ran, in ms, by ticks of 10 ms. */
  readonly helperCpuMs: number
  /** Calls that the round counted: it was really there. */
  readonly counted: number
  /** The helper's process, which tracefs has names of. */
  readonly pid: number
}

/** What is needed for a cycle. */
export interface CycleAsked {
  readonly folder: string
  readonly helper: string
  readonly load: string
  readonly mode: LoadMode
  readonly work: number
  readonly way: CycleWay
  /** More lines of `[probes]`; none: the defaults. */
  readonly settings: readonly string[]
  readonly besideMs: number
}

const SETTLE_MS = 300

/** The program alone, one round, the program alone. */
export async function measureCycle(asked: CycleAsked): Promise<Cycle> {
  const { mode, work, besideMs } = asked
  const load = startLoad(asked.load, { mode, seconds: 120, work })
  await sleep(SETTLE_MS + besideMs)
  const startMs = monotonicMs()
  const usedMs = useOf(process.pid).childrenCpuMs
  const { results, pid } = await runHelper(asked)
  const endMs = monotonicMs()
  // The load has not ended yet: what children used is the helper's, and that of what it ran.
  const helperCpuMs = useOf(process.pid).childrenCpuMs - usedMs
  await sleep(SETTLE_MS + besideMs)
  const tenths = await load.stop()
  const before = within(tenths, startMs - besideMs, startMs)
  const after = within(tenths, endMs + SETTLE_MS, Number.POSITIVE_INFINITY)
  const off = costOf([...before, ...after])
  const during = tenths.filter(({ atMs, wallMs }) => atMs > startMs && atMs - wallMs < endMs + SETTLE_MS)
  const sum = (value: (tenth: (typeof during)[number]) => number) =>
    during.reduce((total, tenth) => total + value(tenth), 0)
  return {
    roundMs: endMs - startMs,
    lostCpuMs: sum(({ cpuMs, calls }) => cpuMs - (calls * off.cpuNs) / 1e6),
    lostWallMs: sum(({ wallMs, calls }) => wallMs - (calls * off.wallNs) / 1e6),
    afterwards: costOf(after).cpuNs / costOf(before).cpuNs - 1,
    helperCpuMs,
    pid,
    counted: Object.values(results.rates).reduce((total, rate) => total + rate.calls, 0),
  }
}

/** As the unit runs it: user 0 with two capabilities, one round, and gone; not on the processor of the load. */
async function runHelper({
  folder,
  helper,
  way,
  settings,
}: CycleAsked): Promise<{ readonly results: ProbeResults; readonly pid: number }> {
  const config = join(folder, 'agent.conf')
  const results = join(folder, 'run', 'probes.json')
  writeFileSync(config, ['[probes]', `result-file = ${results}`, `way = ${way}`, ...settings, ''].join('\n'))
  const command = [...pinned('others'), ...TWO_CAPABILITIES, process.execPath, helper, 'once', '--config', config]
  const [program, ...words] = whereTracefsIs(command)
  const child = spawn(program, words, { stdio: ['ignore', 'inherit', 'inherit'] })
  const status = await new Promise((resolve) => void child.once('close', resolve))
  if (status !== 0) throw new Error(`the probe helper ended with ${String(status)}`)
  return { results: parseResults(readFileSync(results, 'utf8')), pid: child.pid ?? 0 }
}
