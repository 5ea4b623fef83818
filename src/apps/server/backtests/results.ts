/** A backtest's results as they are kept: texts that answers are put together from, unread. */
import type { Backtest } from '../../backtest/backtest.ts'
import type { RunCourse, RunDetail } from '../../backtest/result.ts'
import { resultsOf } from '../../backtest/files.ts'
import type { BacktestCourse, BacktestLoadsView, BacktestView } from '../views/backtests.ts'

/** Steps of a series that are told at most: longer runs are told in spans of several steps. */
const SERIES_STEPS_MAX = 512
/** Hosts of which the load is told, those with the most demand. */
const LOAD_HOSTS_MAX = 64
const DIGITS = 4

export interface KeptResults {
  readonly run: ReturnType<typeof resultsOf>
  readonly series: NonNullable<BacktestView['series']>
  readonly loads: Omit<BacktestLoadsView, 'id' | 'policies'>
  /** Parallel to the run's results. */
  readonly demand: readonly BacktestLoadsView['policies'][number][]
}

/** @param firstAt of the first step. Absent: the trace has no dates */
export function keptResults({ run, runs }: Backtest, firstAt?: number): KeptResults {
  const { stepMs, steps, hosts, hostCapacity } = run
  const perBin = Math.ceil(steps / SERIES_STEPS_MAX)
  const time = { stepMs: stepMs * perBin, ...(firstAt === undefined ? {} : { firstAt }) }
  const details = runs.flatMap(({ detail }) => (detail === undefined ? [] : [detail]))
  const told = busiest(details, hosts.length, steps)
  return {
    run: resultsOf(run),
    series: {
      ...time,
      courses: runs.flatMap(({ result, course }) =>
        course === undefined ? [] : [courseOf(result.policy, course, perBin)],
      ),
    },
    loads: {
      ...time,
      hosts: told.map((host) => hosts[host]),
      hostsLeftOut: hosts.length - told.length,
      capacity: told.map((host) => hostCapacity[host]),
    },
    demand: details.map(({ policy, hostDemand }) => ({
      policy,
      demand: told.map((host) => highestOf(hostDemand, { host, hosts: hosts.length, steps, perBin })),
    })),
  }
}

/** Hosts with the most demand under any of the policies, in the order of the fleet. */
function busiest(details: readonly RunDetail[], hosts: number, steps: number): readonly number[] {
  if (hosts <= LOAD_HOSTS_MAX) return Array.from({ length: hosts }, (_, host) => host)
  const most = new Float64Array(hosts)
  for (const { hostDemand } of details) {
    const sums = new Float64Array(hosts)
    for (let i = 0; i < steps * hosts; i++) if (hostDemand[i] === hostDemand[i]) sums[i % hosts] += hostDemand[i]
    sums.forEach((sum, host) => (most[host] = Math.max(most[host], sum)))
  }
  const byDemand = [...most.keys()].sort((a, b) => most[b] - most[a] || a - b)
  return byDemand.slice(0, LOAD_HOSTS_MAX).sort((a, b) => a - b)
}

function courseOf(policy: string, course: RunCourse, perBin: number): BacktestCourse {
  return {
    policy,
    overloadShare: binned(course.overloadShare, perBin, 'mean'),
    watts: binned(course.watts, perBin, 'mean'),
    moves: binned(course.migrations, perBin, 'sum'),
    unserved: binned(course.unserved, perBin, 'mean'),
  }
}

function binned(column: Float32Array, perBin: number, how: 'mean' | 'sum'): number[] {
  const bins: number[] = []
  for (let begin = 0; begin < column.length; begin += perBin) {
    const bin = column.subarray(begin, begin + perBin)
    const sum = bin.reduce((total, value) => total + value, 0)
    bins.push(short(how === 'sum' ? sum : sum / bin.length))
  }
  return bins
}

function highestOf(
  hostDemand: Float32Array,
  { host, hosts, steps, perBin }: { host: number; hosts: number; steps: number; perBin: number },
): (number | null)[] {
  const bins: (number | null)[] = []
  for (let begin = 0; begin < steps; begin += perBin) {
    let highest = -Infinity
    for (let step = begin; step < Math.min(steps, begin + perBin); step++) {
      const demand = hostDemand[step * hosts + host]
      if (demand > highest) highest = demand
    }
    bins.push(highest === -Infinity ? null : short(highest))
  }
  return bins
}

/** What a plot can show of it. */
function short(value: number): number {
  return Number(value.toPrecision(DIGITS))
}
