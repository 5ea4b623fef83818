/** Several policies through one trace: the scoreboard, and what the report needs. */
import { describeCounts } from '../../drivers/traces/trace-counts.ts'
import { PlacementError } from '../../simulator/placement-error.ts'
import { hostCapacityRefCores } from '../../terms/host.ts'
import type { Store } from '../../world/store.ts'
import type { PolicyName } from './policy-names.ts'
import type { BacktestRun } from './result.ts'
import { livesAreCloudsims, type PolicyRun, runPolicy } from './run-policy.ts'
import type { BacktestSetup } from './setup.ts'

export const LIVES = ['auto', 'trace', 'cloudsim'] as const
export type Lives = (typeof LIVES)[number]

export interface BacktestOptions {
  readonly policies: readonly PolicyName[]
  readonly lives: Lives
  readonly keepsDetail: boolean
  /** Journal of the run; for one policy only. */
  readonly store?: Store
  readonly onStep?: (policy: PolicyName, step: number) => void
}

export interface Backtest {
  readonly run: BacktestRun
  /** Parallel to the results. */
  readonly runs: readonly PolicyRun[]
  /** Policies that could not place a VM, with what they lacked: they have no result. */
  readonly unplaced: readonly Unplaced[]
}

export interface Unplaced {
  readonly policy: PolicyName
  readonly error: PlacementError
}

/** One policy that can't place a VM does not lose the others' results. Throws only when there is no result at all. */
export async function runBacktest(setup: BacktestSetup, options: BacktestOptions): Promise<Backtest> {
  const runs: PolicyRun[] = []
  const unplaced: Unplaced[] = []
  for (const policy of options.policies) {
    try {
      runs.push(await runOne(setup, policy, options))
    } catch (error) {
      if (!(error instanceof PlacementError)) throw error
      unplaced.push({ policy, error })
    }
  }
  if (runs.length === 0 && unplaced.length > 0) throw unplaced[0].error
  return { run: assemble(setup, runs, unplaced), runs, unplaced }
}

function runOne(setup: BacktestSetup, policy: PolicyName, options: BacktestOptions): Promise<PolicyRun> {
  return runPolicy(setup, policy, {
    areLivesCloudsims: livesAreCloudsims(policy, setup.rules.name, options.lives),
    keepsDetail: options.keepsDetail,
    ...(options.store === undefined ? {} : { store: options.store }),
    onStep: (step) => options.onStep?.(policy, step),
  })
}

/** One line of counts about the trace, for stderr. */
export function describeTrace(setup: BacktestSetup): string {
  return describeCounts(setup.trace.name, setup.trace.counts, setup.trace.stepMs)
}

function assemble(setup: BacktestSetup, runs: readonly PolicyRun[], unplaced: readonly Unplaced[]): BacktestRun {
  const { trace, fleet, rules, demand } = setup
  return {
    traceName: trace.name,
    rules: rules.name,
    fleetName: fleet.name,
    seed: setup.seed,
    stepMs: demand.stepMs,
    steps: demand.steps,
    vms: demand.vms.length,
    hosts: fleet.hosts.map((host) => host.id),
    hostCapacity: fleet.hosts.map(hostCapacityRefCores),
    synthetic: trace.synthetic,
    notes: [...trace.notes, ...notesOn(setup, runs), ...unplaced.map(noteOn)],
    results: runs.map(({ result }) => result),
    details: runs.flatMap(({ detail }) => (detail === undefined ? [] : [detail])),
  }
}

function noteOn({ policy, error }: Unplaced): string {
  return `No result of ${policy}: it found no first host for VM ${error.vm.id}`
}

function notesOn(setup: BacktestSetup, runs: readonly PolicyRun[]): readonly string[] {
  const notes: string[] = []
  if (setup.rules.name === 'cloudsim') {
    notes.push(
      'CloudSim’s rules: memory is not enforced, any number of migrations run at once, empty hosts are off at once and wake at once',
    )
  }
  const asCloudsim = runs.filter(({ result }) => result.account === 'cloudsim').map(({ result }) => result.policy)
  const others = runs.some(({ result }) => result.account === undefined)
  if (asCloudsim.length > 0) {
    notes.push(
      `${asCloudsim.join(', ')} run and counted as CloudSim 3.0.3 does, which destroys a VM at its second zero sample in a row${
        others ? '; the other policies carry every VM to the end of the trace (--lives trace: all alike)' : ''
      }`,
    )
  }
  return notes
}
