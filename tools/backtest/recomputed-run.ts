import { join } from 'node:path'
import type { PolicyName } from '../../src/apps/backtest/policy-names.ts'
import { writeInitial, writeMoves } from '../../src/apps/backtest/files.ts'
import type { BacktestResult } from '../../src/apps/backtest/result.ts'
import { runPolicy } from '../../src/apps/backtest/run-policy.ts'
import type { BacktestSetup } from '../../src/apps/backtest/setup.ts'
import { readMaybePacked, type Recomputed, recompute } from '../recompute.ts'

export interface RecomputedRun {
  readonly result: BacktestResult
  readonly recomputed: Recomputed
}

/** Runs a policy on the whole trace, writes what `--initial` and `--moves` write, and recomputes the run from these files. */
export async function runAndRecompute(
  setup: BacktestSetup,
  policy: PolicyName,
  files: { readonly trace: string; readonly folder: string },
): Promise<RecomputedRun> {
  const run = await runPolicy(setup, policy, { areLivesCloudsims: false, keepsDetail: false })
  const [initial, moves] = [join(files.folder, 'initial.csv'), join(files.folder, 'moves.csv')]
  writeInitial(initial, run)
  writeMoves(moves, run)
  const recomputed = recompute({
    trace: readMaybePacked(files.trace),
    initial: readMaybePacked(initial),
    moves: readMaybePacked(moves),
  })
  return { result: run.result, recomputed }
}
