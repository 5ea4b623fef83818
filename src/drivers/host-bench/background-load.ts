/** Other work that keeps a share of the cores busy while a benchmark runs. */
import type { ChildProcess } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import type { Fraction } from '../../terms/units.ts'
import { BenchmarkError } from './benchmark-error.ts'
import { endTool, startTool } from './run-tool.ts'

export interface BackgroundLoad {
  /** Ends it, and waits until it has ended. */
  stop(): Promise<void>
}

export interface LoadRequest {
  readonly step: Fraction
  readonly threads: number
  readonly limitMs: number
  /** Where it may write, which it demands. */
  readonly folder: string
}

const START_MS = 400
const END_MS = 2500

/** One method of work, not stress-ng's round of ninety, so that the load is the same at every moment.
 *  @param limitMs it ends by itself then: nothing of ours outlives a suite that was killed for long */
export async function startLoad(
  path: string,
  { step, threads, limitMs, folder }: LoadRequest,
): Promise<BackgroundLoad> {
  const wanted = step * threads
  const workers = Math.max(1, Math.ceil(wanted))
  const percent = Math.max(1, Math.min(100, Math.round((wanted / workers) * 100)))
  const timeout = String(Math.ceil(limitMs / 1000))
  const load = ['--cpu', String(workers), '--cpu-load', String(percent), '--cpu-method', 'int64']
  const child = startTool({ tool: 'stress-ng', path, words: [...load, '--quiet', '--timeout', timeout], folder })
  child.on('error', () => undefined)
  child.stdout?.resume()
  child.stderr?.resume()
  await wait(START_MS)
  if (child.pid === undefined || child.exitCode !== null)
    throw new BenchmarkError(
      'failed',
      'stress-ng',
      `stress-ng made no load: it ended at once with code ${child.exitCode}.`,
    )
  return { stop: () => stopLoad(child) }
}

async function stopLoad(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  endTool(child)
  await Promise.race([ended, wait(END_MS)])
}
