/** Backtests as the page asks for them and shows them: what may be asked, the scoreboard, two futures side by side. */
import type {
  BacktestBody,
  BacktestRow,
  BacktestSourcesView,
  BacktestSummary,
  BacktestView,
} from '../../../src/apps/server/views/backtests.ts'
import { SCOREBOARD_COLUMNS, type ScoreboardColumn } from '../../../src/terms/scoreboard.ts'
import { minuteText, percentText, spanText } from '../../../src/terms/shown.ts'
import { DAY_MS, HOUR_MS } from '../../../src/terms/units.ts'
import { fieldText, instantOf } from './utc-field.ts'

export interface BacktestForm {
  readonly source: BacktestBody['source']
  /** Of the site's own past, as fields of date and time have them, of UTC. */
  readonly from: string
  readonly to: string
  /** Of a trace; empty: the default. */
  readonly day: string
  readonly vms: string
  readonly fleet: string
  readonly policies: readonly string[]
  readonly seed: string
}

/** Span of the site's own past that may be asked for. */
const SPAN_MS_MIN = HOUR_MS
const SPAN_MS_MAX = 7 * DAY_MS

/** What a form begins with: the last day of the site's own past, and whom `ethos backtest` compares. */
export function formOf(sources: BacktestSourcesView): BacktestForm {
  const own = sources.sources.find(({ source }) => source === 'own')
  const to = own?.to ?? 0
  return {
    source: own === undefined ? (sources.sources[0]?.source ?? 'azure') : 'own',
    from: fieldText(Math.max(own?.from ?? 0, to - DAY_MS)),
    to: fieldText(to),
    day: '',
    vms: '',
    fleet: '',
    policies: sources.policies.filter(({ isDefault }) => isDefault).map(({ policy }) => policy),
    seed: '1',
  }
}

/** A span that ends with what there is. */
export function lastSpan(sources: BacktestSourcesView, ms: number): Pick<BacktestForm, 'from' | 'to'> {
  const own = sources.sources.find(({ source }) => source === 'own')
  const to = own?.to ?? 0
  return { from: fieldText(Math.max(own?.from ?? 0, to - ms)), to: fieldText(to) }
}

/** What is sent, or why it can't be, a sentence each. The server has the last word. */
export function bodyOf(
  form: BacktestForm,
  sources: BacktestSourcesView,
): { readonly body: BacktestBody } | { readonly problems: readonly string[] } {
  const problems: string[] = []
  const body: Record<string, unknown> = { source: form.source, policies: form.policies }
  if (form.policies.length === 0) problems.push('At least one policy has to be compared.')
  if (form.policies.length > sources.policiesMax)
    problems.push(`${form.policies.length} policies are more than the ${sources.policiesMax} that one backtest takes.`)
  const chosen = sources.sources.find(({ source }) => source === form.source)
  if (form.source === 'own') problems.push(...putSpan(form, chosen, body))
  else {
    problems.push(...putWhole(body, 'day', form.day, { least: 0, most: chosen?.days?.at(-1) ?? 0 }))
    problems.push(...putWhole(body, 'vms', form.vms, { least: 1, most: chosen?.vms ?? 1 }))
  }
  if (form.fleet !== '') body['fleet'] = form.fleet
  problems.push(...putWhole(body, 'seed', form.seed, { least: 0, most: 0xffffffff }))
  return problems.length > 0 ? { problems } : { body: body as BacktestBody }
}

function putSpan(
  form: BacktestForm,
  own: BacktestSourcesView['sources'][number] | undefined,
  body: Record<string, unknown>,
): readonly string[] {
  const [from, to] = [instantOf(form.from), instantOf(form.to)]
  if (from === undefined || to === undefined) return ['The span needs a beginning and an end.']
  if (to - from < SPAN_MS_MIN) return ['The span is less than an hour: there is nothing to judge by.']
  if (to - from > SPAN_MS_MAX) return ['The span is more than seven days.']
  if (own?.from !== undefined && from < own.from)
    return [`It begins before ${minuteText(own.from)} UTC: what is older is not kept.`]
  body['from'] = from
  body['to'] = to
  return []
}

function putWhole(
  body: Record<string, unknown>,
  name: string,
  text: string,
  { least, most }: { readonly least: number; readonly most: number },
): readonly string[] {
  if (text.trim() === '') return []
  const value = Number(text)
  if (!Number.isInteger(value) || value < least || value > most)
    return [`${name} is “${text.slice(0, 20)}”; a whole number from ${least} to ${most} is needed.`]
  body[name] = value
  return []
}

/** What a backtest is of, short: `own, 2026-11-27 08:00 for 24 h`. */
export function sourceText({ source, day, from, to }: BacktestSummary): string {
  if (source !== 'own' || from === undefined || to === undefined)
    return day === undefined ? source : `${source}, day ${day}`
  return `own, ${minuteText(from)} for ${spanText(to - from)}`
}

/** How far it is: `34 %, lr-mmt`. */
export function progressText({ state, progress }: Pick<BacktestSummary, 'state' | 'progress'>): string {
  if (state !== 'running') return state
  return `${percentText(progress.share)}${progress.policy === undefined ? '' : `, ${progress.policy}`}`
}

export interface ScoreCell {
  readonly text: string
  /** The best of those that do not see the future. */
  readonly isBest: boolean
}

export interface ScoreLine {
  readonly policy: string
  readonly isOracle: boolean
  readonly cells: readonly ScoreCell[]
}

/** An oracle sees the future: it bounds what can be won, and wins nothing. */
function isOracle(policy: string): boolean {
  return policy.startsWith('oracle')
}

export function scoreLines(rows: readonly BacktestRow[]): readonly ScoreLine[] {
  const bests = SCOREBOARD_COLUMNS.map((column) => bestOf(column, rows))
  return rows.map((row) => ({
    policy: row.policy + (row.account === 'cloudsim' ? ' *' : ''),
    isOracle: isOracle(row.policy),
    cells: SCOREBOARD_COLUMNS.map((column, i) => ({
      text: column.cell(row),
      isBest: !isOracle(row.policy) && column.cell(row) === bests[i],
    })),
  }))
}

/** As it is written: what reads the same is as good. Undefined where nobody stands out. */
function bestOf(column: ScoreboardColumn, rows: readonly BacktestRow[]): string | undefined {
  const rivals = rows.filter(({ policy }) => !isOracle(policy))
  const best = rivals.toSorted((a, b) => column.valueOf(a) - column.valueOf(b))[0]
  const texts = new Set(rivals.map((row) => column.cell(row)))
  return best === undefined || texts.size < 2 ? undefined : column.cell(best)
}

/** Which two are compared: those asked for where they were run, else the first two. */
export function comparedOf(policies: readonly string[], asked: string | null): readonly [string, string] | undefined {
  const [first, second] = policies
  if (first === undefined) return undefined
  const [a, b] = asked?.split(',') ?? []
  const known = (name: string | undefined): name is string => name !== undefined && policies.includes(name)
  const left = known(a) ? a : first
  const fallback = policies.find((policy) => policy !== left) ?? second ?? first
  return [left, known(b) ? b : fallback]
}

type Series = NonNullable<BacktestView['series']>

/** Instants of the steps. Of a trace they count from 0, as hours of its day. */
export function timesOf({ firstAt, stepMs, courses }: Series): readonly number[] {
  const steps = courses[0]?.watts.length ?? 0
  return Array.from({ length: steps }, (_, i) => (firstAt ?? 0) + i * stepMs)
}

/** Demand over capacity, a step each. Null: it carried no VM. */
export function sharesOf(demand: readonly (number | null)[], capacity: number): readonly (number | null)[] {
  return demand.map((value) => (value === null || capacity <= 0 ? null : value / capacity))
}

/** Steps in which a host was asked for more than it has. */
export function overloadedSteps(demand: readonly (number | null)[], capacity: number): number {
  return demand.filter((value) => value !== null && value > capacity).length
}
