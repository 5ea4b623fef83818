/** What a backtest leaves behind: the JSON of the scoreboard, and the placement and moves from which anyone can recompute it. */
import { writeOutput } from '../output-files.ts'
import type { BacktestRun } from './result.ts'
import type { PolicyRun } from './run-policy.ts'

/** `{"results": [...]}` with what the results are of. */
export function writeResults(path: string, run: BacktestRun): void {
  writeOutput('--json', path, `${JSON.stringify(resultsOf(run), undefined, 2)}\n`)
}

/** What the JSON of a scoreboard says: docs/backtest.md. */
export function resultsOf(run: BacktestRun) {
  const { traceName, rules, fleetName, seed, steps, stepMs, vms, synthetic, notes, results } = run
  const about = {
    trace: traceName,
    rules,
    fleet: fleetName,
    hosts: run.hosts.length,
    seed,
    steps,
    stepMs,
    vms,
    synthetic,
    notes,
  }
  return { ...about, results }
}

/** Header `vm,host`: row of the trace, index of the host. VMs that never lived have no line. */
export function writeInitial(path: string, run: PolicyRun): void {
  const lines = ['vm,host']
  run.initialPlacement.forEach((host, vm) => {
    if (host >= 0) lines.push(`${vm},${host}`)
  })
  writeOutput('--initial', path, `${lines.join('\n')}\n`)
}

/** Header `second,vm,from,to`: seconds since the first sample at which the order was accepted. */
export function writeMoves(path: string, run: PolicyRun): void {
  const lines = ['second,vm,from,to', ...run.moves.map(({ second, vm, from, to }) => `${second},${vm},${from},${to}`)]
  writeOutput('--moves', path, `${lines.join('\n')}\n`)
}
