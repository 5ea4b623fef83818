/** What a whole `ethos backtest` costs, from the start of its process to the end. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from '../repository.ts'

export interface ProcessUsage {
  /** User and system. */
  readonly cpuSeconds: number
  /** Maximum resident set. */
  readonly peakBytes: number
}

/** Runs the command line as a user does and measures the process. Throws where it fails. */
export function measureProcess(words: readonly string[], folder: string): ProcessUsage {
  const usageFile = join(folder, 'usage.json')
  const probe = join(import.meta.dirname, 'resource-probe.ts')
  const main = join(REPOSITORY, 'src', 'apps', 'cli', 'main.ts')
  const { status, stderr } = spawnSync(process.execPath, ['--import', probe, main, ...words], {
    cwd: REPOSITORY,
    encoding: 'utf8',
    env: { ...process.env, ETHOS_PROBE_FILE: usageFile },
  })
  if (status !== 0) throw new Error(`ethos ${words.join(' ')} ended with ${status}: ${stderr}`)
  return JSON.parse(readFileSync(usageFile, 'utf8')) as ProcessUsage
}

/** Of several runs. */
export interface Spread {
  readonly min: number
  readonly median: number
  readonly max: number
}

/** The median of an even number of runs is the mean of the middle two. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const median = (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2
  return { min: sorted[0], median, max: sorted[sorted.length - 1] }
}
