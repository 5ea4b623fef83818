import type { BacktestResult } from '../backtest/result.ts'
import { formatNumber, formatPercent } from './escape.ts'
import { ENERGY, METRICS, type Metric, OVERLOAD_TIME, policyKind } from './metrics.ts'

/** How our policy did against one other, column by column. Plain text: who prints it escapes it. */
export interface Comparison {
  readonly policy: string
  readonly kind: 'rival' | 'bound'
  readonly better: readonly string[]
  readonly worse: readonly string[]
  readonly same: readonly string[]
}

export interface RunVerdict {
  /** One sentence on the whole run. */
  readonly summary: string
  readonly comparisons: readonly Comparison[]
}

/** Two values closer than this are the same: a reader should not be told of half a percent. */
const SAME_FRACTION = 0.005

/** What our policy achieved. Every number is computed from the results, and lost columns are named like won ones. */
export function judgeRun(results: readonly BacktestResult[]): RunVerdict {
  const ours = results.find((result) => policyKind(result.policy) === 'ours')
  if (results.length === 0) return { summary: 'No policy was run.', comparisons: [] }
  if (ours === undefined) {
    return { summary: 'No policy of Ethos took part: the table compares the others.', comparisons: [] }
  }
  const others = results.filter((result) => result !== ours)
  const comparisons = others.map((other) => compare(ours, other))
  return { summary: summarise(ours, others), comparisons }
}

function summarise(ours: BacktestResult, others: readonly BacktestResult[]): string {
  const overloads =
    ours.overloadTimeFraction === 0
      ? 'overloaded no host'
      : `left hosts overloaded ${formatPercent(ours.overloadTimeFraction)} of their time`
  const moves =
    ours.migrations === 0
      ? 'moved no VM'
      : `moved each VM ${formatNumber(ours.migrationsPerVmDay)} times a day on average`
  const achieved = `${ours.policy} used ${ENERGY.format(ours.energyKwh)} kWh, ${overloads} and ${moves}`
  const rivals = others.filter((other) => policyKind(other.policy) !== 'oracle')
  if (rivals.length === 0) return `${achieved}. No rival was run beside it.`
  const beaten = rivals.filter((rival) => isBeaten(ours, rival)).length
  const share = beaten === rivals.length ? 'every one' : beaten === 0 ? 'none' : `${beaten}`
  const against =
    rivals.length === 1 ? (beaten === 1 ? 'its rival' : 'no rival') : `${share} of its ${rivals.length} rivals`
  return `${achieved}. On energy and overload time together it beats ${against}.`
}

/** Better on one of energy and overload time, and not worse on the other. */
function isBeaten(ours: BacktestResult, rival: BacktestResult): boolean {
  const signs = [ENERGY, OVERLOAD_TIME].map((metric) => outcomeOf(metric, ours, rival))
  return signs.every((sign) => sign !== 'worse') && signs.includes('better')
}

function compare(ours: BacktestResult, other: BacktestResult): Comparison {
  const better: string[] = []
  const worse: string[] = []
  const same: string[] = []
  for (const metric of METRICS) {
    const outcome = outcomeOf(metric, ours, other)
    if (outcome === 'better') better.push(phrase(metric, ours, other))
    else if (outcome === 'worse') worse.push(phrase(metric, ours, other))
    else if (outcome === 'same') same.push(metric.noun)
  }
  return { policy: other.policy, kind: policyKind(other.policy) === 'oracle' ? 'bound' : 'rival', better, worse, same }
}

function outcomeOf(
  metric: Metric,
  ours: BacktestResult,
  other: BacktestResult,
): 'better' | 'worse' | 'same' | 'unknown' {
  const mine = metric.valueOf(ours)
  const theirs = metric.valueOf(other)
  if (mine === undefined || theirs === undefined || !Number.isFinite(mine - theirs)) return 'unknown'
  if (Math.abs(mine - theirs) <= SAME_FRACTION * Math.max(Math.abs(mine), Math.abs(theirs))) return 'same'
  return mine < theirs ? 'better' : 'worse'
}

/** "13 % less energy", "4.2 times the migrations", "2.1 CPU seconds against none". */
function phrase(metric: Metric, ours: BacktestResult, other: BacktestResult): string {
  const mine = metric.valueOf(ours) ?? Number.NaN
  const theirs = metric.valueOf(other) ?? Number.NaN
  if (theirs === 0) return `${metric.noun} (${metric.format(mine)}${metric.unit ? ` ${metric.unit}` : ''} against none)`
  if (mine === 0) return `no ${metric.noun} at all`
  const ratio = mine / theirs
  if (ratio >= 2) return `${formatNumber(Number(ratio.toPrecision(2)))} times the ${metric.noun}`
  // Never rounded up to 100 %: something is left, or the case above would have spoken.
  const change = Math.min(99.9, Math.abs(ratio - 1) * 100)
  const shown = change < 10 || change >= 99 ? change.toFixed(1) : change.toFixed(0)
  return `${shown} % ${ratio < 1 ? metric.less : 'more'} ${metric.noun}`
}
