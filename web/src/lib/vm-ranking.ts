/** All hosts for one VM as one list: ranked ones, the one that it runs on, and refused ones, each with why it is where it is. */
import type {
  HostsForView,
  PairView,
  RankedHostView,
  RefusedHostView,
} from '../../../src/apps/server/views/judgement.ts'
import { SCORE_TERMS, type ScoreTerm } from '../../../src/terms/ranking.ts'
import { bandText, behindText, moneyText } from '../../../src/terms/shown.ts'

export type Score = RankedHostView['score']
export type PerformanceView = RankedHostView['performance']

/** `here`: where it runs. Scores are against staying there, which is 0. */
export interface HostRow {
  readonly host: string
  readonly kind: 'ranked' | 'here' | 'refused'
  readonly rank?: number
  readonly score?: Score
  readonly performance?: PerformanceView
  /** What a refused host lacks, by its word. */
  readonly lacking?: RefusedHostView['verdict']['lacking']
  /** Why it is below the best, or refused. */
  readonly reason: string
}

/** @param here what is predicted where it runs, if it is known */
export function hostRows(answer: HostsForView, here?: PerformanceView): readonly HostRow[] {
  const ranked = answer.ranked.map((row): HostRow => {
    const { host, rank, score, performance } = row
    return {
      host,
      kind: 'ranked',
      rank,
      score,
      performance,
      reason: whyBelow(row, answer.ranked[0].score, answer.currency),
    }
  })
  const others = answer.refused.map(({ host, verdict: { lacking, reason } }): HostRow => {
    if (host !== answer.host) return { host, kind: 'refused', lacking, reason }
    const performance = here === undefined ? {} : { performance: here }
    return { host, kind: 'here', ...performance, reason: 'It runs here. Scores are against staying, which is 0.' }
  })
  return [...ranked, ...others.filter(isHere), ...others.filter((row) => !isHere(row))]
}

const isHere = ({ kind }: HostRow): boolean => kind === 'here'

/** `0.12 EUR behind the best, most in energy (0.10).` Where the answer does not say in which term, the terms do. */
function whyBelow({ behind, score, rank }: RankedHostView, best: Score, currency: string): string {
  if (rank === 1) return 'The best.'
  const gap = behind ?? behindOf(score, best)
  return gap.total === 0 ? 'As good as the best; names decide.' : `${behindText(gap, currency)}.`
}

function behindOf(score: Score, best: Score): NonNullable<RankedHostView['behind']> {
  const by = (term: ScoreTerm): number => best.terms[term] - score.terms[term]
  const term = SCORE_TERMS.reduce((most, one) => (by(one) > by(most) ? one : most))
  return { total: best.total - score.total, term, by: by(term) }
}

/** How many hosts lack what, the most first; the one that it runs on lacks nothing. */
export function lackCounts(rows: readonly HostRow[]): readonly { readonly lack: string; readonly hosts: number }[] {
  const counts = new Map<string, number>()
  for (const { lacking } of rows) if (lacking !== undefined) counts.set(lacking, (counts.get(lacking) ?? 0) + 1)
  return [...counts].map(([lack, hosts]) => ({ lack, hosts })).toSorted((a, b) => b.hosts - a.hosts)
}

export interface HostFilter {
  /** Part of the host's name; empty: any. */
  readonly name: string
  /** `suitable`, `refused`, what a refused host lacks, or empty: all. */
  readonly show: string
}

export function filterHosts(rows: readonly HostRow[], { name, show }: HostFilter): readonly HostRow[] {
  const part = name.toLowerCase()
  return rows.filter(
    ({ host, kind, lacking }) =>
      (part === '' || host.toLowerCase().includes(part)) &&
      (show === '' || (show === 'suitable' && kind === 'ranked') || show === kind || show === lacking),
  )
}

/** How far bars of all rows reach to either side of 0, in money. */
export interface TermScale {
  readonly lost: number
  readonly won: number
}

/** One scale for all rows, so that they can be compared by eye. */
export function termScale(scores: readonly Score[]): TermScale {
  let [lost, won] = [0, 0]
  for (const score of scores) {
    const { lost: down, won: up } = sums(score)
    lost = Math.max(lost, down)
    won = Math.max(won, up)
  }
  return { lost, won }
}

function sums({ terms }: Score): TermScale {
  const values = SCORE_TERMS.map((term) => terms[term])
  const sum = (sign: number): number => values.reduce((all, value) => all + Math.max(0, sign * value), 0)
  return { lost: sum(-1), won: sum(1) }
}

/** Part of a bar; shares of its whole width. */
export interface TermPiece {
  readonly term: ScoreTerm
  readonly from: number
  readonly width: number
}

/** Terms that cost are stacked to the left of `zero`, those that are worth something to the right. */
export function termPieces(
  { terms }: Score,
  { lost, won }: TermScale,
): { readonly zero: number; readonly pieces: readonly TermPiece[] } {
  const all = lost + won
  if (all === 0) return { zero: 0.5, pieces: [] }
  const zero = lost / all
  let [left, right] = [zero, zero]
  const pieces: TermPiece[] = []
  for (const term of SCORE_TERMS) {
    const width = Math.abs(terms[term]) / all
    if (width === 0) continue
    if (terms[term] < 0) left -= width
    pieces.push({ term, from: terms[term] < 0 ? left : right, width })
    if (terms[term] > 0) right += width
  }
  return { zero, pieces }
}

/** `performance 0, energy -0.0018, load 0.0039, migration -0.0116` */
export function termsText({ terms }: Score): string {
  return SCORE_TERMS.map((term) => `${term} ${moneyText(terms[term])}`).join(', ')
}

/** The band of a prediction, as `show` writes it; empty where the answer has no bands. */
export function bandOf(
  performance: PerformanceView,
  of: keyof NonNullable<PerformanceView['bands']>,
  show: (value: number) => string,
): string {
  const band = performance.bands?.[of]
  return band === undefined ? '' : bandText(band, show)
}

/** Hosts that the address names: one is looked at, two are compared. */
export function chosenOf(query: URLSearchParams): readonly string[] {
  const named = [query.get('host'), query.get('beside')].filter((host) => host !== null && host !== '')
  return [...new Set(named as string[])]
}

/** With the host chosen, or not any more; of three, the one that was chosen first goes. */
export function choose(chosen: readonly string[], host: string): readonly string[] {
  return chosen.includes(host) ? chosen.filter((one) => one !== host) : [...chosen, host].slice(-2)
}

/** Whether it is worth it: `Gain 0.12, cost 0.03, needed 0.05: worth it.` */
export function worthText(worth: NonNullable<PairView['worth']>): string {
  const { gain, cost, needed, isEnough } = worth
  const verdict = isEnough ? 'worth it' : 'not worth it'
  return `Gain ${moneyText(gain)}, cost ${moneyText(cost)}, needed ${moneyText(needed)}: ${verdict}.`
}
