import { GiB } from '../../terms/units.ts'
import type { BacktestResult } from '../backtest/result.ts'
import { formatNumber, formatPercent } from './escape.ts'

/** One column of the scoreboard. Less is better in every one of them. */
export interface Metric {
  readonly title: string
  /** What the column means, for the head's tooltip and the key under the table. */
  readonly meaning: string
  /** As it stands in a sentence: "12 % less energy". */
  readonly noun: string
  readonly less: 'less' | 'fewer'
  /** Follows a value that stands in a sentence; shares bring their own. */
  readonly unit?: string
  readonly valueOf: (result: BacktestResult) => number | undefined
  readonly format: (value: number) => string
}

export const ENERGY: Metric = {
  title: 'Energy, kWh',
  meaning: 'What all hosts drew over the whole run.',
  noun: 'energy',
  unit: 'kWh',
  less: 'less',
  valueOf: (result) => result.energyKwh,
  format: (value) => (value >= 10 && value < 1000 ? value.toFixed(1) : formatNumber(value)),
}

export const OVERLOAD_TIME: Metric = {
  title: 'Overload time',
  meaning: 'SLATAH: share of active host time in which demand exceeded capacity.',
  noun: 'overload time',
  less: 'less',
  valueOf: (result) => result.overloadTimeFraction,
  format: formatPercent,
}

export const METRICS: readonly Metric[] = [
  ENERGY,
  OVERLOAD_TIME,
  {
    title: 'Unserved',
    meaning: 'Demand above capacity, of all demand.',
    noun: 'unserved demand',
    less: 'less',
    valueOf: (result) => result.unservedFraction,
    format: formatPercent,
  },
  {
    title: 'Degradation by migration',
    meaning: 'PDM: demand lost to running migrations, of all demand.',
    noun: 'degradation by migration',
    less: 'less',
    valueOf: (result) => result.migrationDegradationFraction,
    format: formatPercent,
  },
  {
    title: 'Migrations per VM‑day',
    meaning: 'How often a VM is moved in a day, on average.',
    noun: 'migrations',
    unit: 'per VM-day',
    less: 'fewer',
    valueOf: (result) => result.migrationsPerVmDay,
    format: formatNumber,
  },
  {
    title: 'Copied, GiB',
    meaning: 'Memory sent over the wire by all migrations.',
    noun: 'data copied',
    unit: 'GiB',
    less: 'less',
    valueOf: (result) => result.copiedBytes / GiB,
    format: formatNumber,
  },
  {
    title: 'Hosts on, mean',
    meaning: 'Hosts switched on, averaged over the run.',
    noun: 'hosts on',
    less: 'fewer',
    valueOf: (result) => result.hostsOnMean,
    format: formatNumber,
  },
  {
    title: 'CPU, s',
    meaning: 'Processor time the policy itself took for the whole run.',
    noun: 'CPU time',
    unit: 's',
    less: 'less',
    valueOf: (result) => result.cpuSeconds,
    format: formatNumber,
  },
]

/** Only under CloudSim's rules, and only when a policy has it. */
export const CLOUDSIM_OVERLOAD_TIME: Metric = {
  title: 'CloudSim SLATAH',
  meaning: 'As CloudSim counts it: allocated below requested, one-core cap and migration shortfall included.',
  noun: 'SLATAH by CloudSim',
  less: 'less',
  valueOf: (result) => result.cloudsimSlatahFraction,
  format: formatPercent,
}

export type PolicyKind = 'ours' | 'rival' | 'oracle'

/** An oracle sees the future: it bounds what can be won and wins nothing itself. */
export function policyKind(policy: string): PolicyKind {
  if (/oracle/i.test(policy)) return 'oracle'
  return /^ethos/i.test(policy) ? 'ours' : 'rival'
}

/** The least value of a column among those who do not see the future. Absent where nobody stands out: one
 *  competes alone, or all are the same. */
export function bestOf(metric: Metric, results: readonly BacktestResult[]): number | undefined {
  const values = results
    .filter((result) => policyKind(result.policy) !== 'oracle')
    .map((result) => metric.valueOf(result))
    .filter((value) => value !== undefined && Number.isFinite(value))
  const best = Math.min(...(values as number[]))
  return values.length < 2 || values.every((value) => value === best) ? undefined : best
}
