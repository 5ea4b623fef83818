import type { MoveClass } from '../../terms/move.ts'

/** One line of the scoreboard: what a policy did with a trace. The field names are the JSON's, and promised in docs/backtest.md. */
export interface BacktestResult {
  readonly policy: string
  readonly energyKwh: number
  /** SLATAH: share of active host time in which demand exceeded capacity. */
  readonly overloadTimeFraction: number
  /** Demand above capacity over all demand. */
  readonly unservedFraction: number
  /** PDM: demand lost to running migrations over all demand. */
  readonly migrationDegradationFraction: number
  readonly migrations: number
  readonly migrationsPerVmDay: number
  readonly copiedBytes: number
  readonly hostsOnMean: number
  readonly cpuSeconds: number
  /** CloudSim's own SLATAH (allocated < requested, one-core cap and migration shortfall included). Under `--rules cloudsim` only. */
  readonly cloudsimSlatahFraction?: number
  /** `cloudsim`: the policy was run as CloudSim runs it, which destroys VMs that idle, and energy and migrations are as CloudSim counts them.
   *  Absent: every VM lives as long as the trace says, and figures are taken at the samples. */
  readonly account?: 'cloudsim'
}

/** A whole backtest, as the table, the JSON and the report need it. */
export interface BacktestRun {
  readonly traceName: string
  readonly rules: string
  readonly fleetName: string
  readonly seed: number
  readonly stepMs: number
  readonly steps: number
  readonly vms: number
  readonly hosts: readonly string[]
  /** Capacity of each host in reference cores, parallel to `hosts`. */
  readonly hostCapacity: readonly number[]
  /** Resources that were generated and not measured: marked in every output. */
  readonly synthetic: readonly string[]
  readonly notes: readonly string[]
  readonly results: readonly BacktestResult[]
  /** Parallel to `results`. */
  readonly details: readonly RunDetail[]
}

/** The course of one policy's run, for plots. */
export interface RunDetail {
  readonly policy: string
  /** Demand of each host in reference cores, step-major (`step * hosts + host`); NaN while the host carries no VM. */
  readonly hostDemand: Float32Array
  readonly moves: readonly MoveRecord[]
  /** Forecasts as they were made at each step, step-major like `hostDemand`; only for policies that forecast. */
  readonly forecast?: {
    readonly horizonMs: number
    readonly p50: Float32Array
    readonly p95: Float32Array
    /** Probability of contention within the horizon. */
    readonly contention: Float32Array
  }
}

/** What a policy's scoreboard adds up: sums over hosts, one number for each step. */
export interface RunCourse {
  /** Hosts with demand above capacity over hosts with demand, in time: 0 where no host has any. */
  readonly overloadShare: Float32Array
  /** Mean over the step that ends with the sample. */
  readonly watts: Float32Array
  /** Migrations that came to count since the sample before. */
  readonly migrations: Float32Array
  /** Demand above capacity, mean over the step that begins, in reference cores. */
  readonly unserved: Float32Array
}

export interface MoveRecord {
  readonly second: number
  /** Row of the trace, from 0. */
  readonly vm: number
  readonly vmName: string
  /** Index of the host, from 0. */
  readonly from: number
  readonly to: number
  readonly class: MoveClass
  readonly reason: string
  /** In the policy's currency. Absent for rivals, who do not reckon it. */
  readonly gain?: number
  readonly cost?: number
  readonly confidence?: number
}
