/** What the page of the ledger makes of the server's answers: which rows are shown, on which scales, and what they come to in sentences. */
import type {
  CoverageRow,
  LedgerMoveView,
  LedgerSpan,
  LedgerStayView,
  TrustView,
} from '../../../src/apps/server/views/ledger.ts'
import {
  factorText,
  moneyText,
  percentTenthsText,
  percentText,
  spanText,
  threeDigits,
} from '../../../src/terms/shown.ts'
import { type Scale, scaleOf } from './bars.ts'

/** Which moves of the ledger are shown. */
export const MOVE_FILTERS = ['all', 'settled', 'under way', 'not carried out', 'did not pay'] as const
export type MoveFilter = (typeof MOVE_FILTERS)[number]

export interface MoveWish {
  readonly filter: MoveFilter
  /** Part of a VM's or host's name; empty: all. */
  readonly text: string
}

export function filterMoves(moves: readonly LedgerMoveView[], { filter, text }: MoveWish): readonly LedgerMoveView[] {
  const wanted = text.trim().toLowerCase()
  return moves.filter(
    (move) =>
      isOfFilter(move, filter) && [move.vm, move.from, move.to].some((name) => name.toLowerCase().includes(wanted)),
  )
}

function isOfFilter(move: LedgerMoveView, filter: MoveFilter): boolean {
  if (filter === 'settled') return move.settledAt !== undefined
  if (filter === 'under way') return OPEN_STATES.has(move.state)
  if (filter === 'not carried out') return move.state === 'not-carried-out'
  return filter === 'all' || (netOf(move) ?? 0) < 0
}

const OPEN_STATES: ReadonlySet<LedgerMoveView['state']> = new Set(['recorded', 'accepted', 'verifying', 'frozen'])

/** What a move brought: gain less cost, as it came. Absent until both are known. */
export function netOf({ gain, cost }: LedgerMoveView): number | undefined {
  return gain?.realised === undefined || cost?.realised === undefined ? undefined : gain.realised - cost.realised
}

/** One scale a column, so that rows can be compared. */
export interface MoveScales {
  readonly gain: Scale
  readonly cost: Scale
  readonly total: Scale
  readonly downtime: Scale
  readonly bytes: Scale
}

export function scalesOf(moves: readonly LedgerMoveView[]): MoveScales {
  const of = (pairOf: (move: LedgerMoveView) => { promised?: number; realised?: number } | undefined): Scale =>
    scaleOf(
      moves.flatMap((move) => {
        const pair = pairOf(move)
        return [pair?.promised, pair?.realised]
      }),
    )
  return {
    gain: of(({ gain }) => gain),
    cost: of(({ cost }) => cost),
    total: of(({ migration }) => migration.totalMs),
    downtime: of(({ migration }) => migration.downtimeMs),
    bytes: of(({ migration }) => migration.copiedBytes),
  }
}

/** Where a move stands on its way to a settled one. `settles` tells of what is still to come. */
export function stateText({ state, settledAt, settlesAt }: LedgerMoveView, now: number | undefined): string {
  if (state !== 'done') return state === 'not-carried-out' ? 'not carried out' : state.replaceAll('-', ' ')
  if (settledAt !== undefined) return 'settled'
  return settlesAt === undefined || now === undefined || settlesAt <= now
    ? 'done, not settled'
    : `done, settles in ${spanText(settlesAt - now)}`
}

/** What regret says: what the best in hindsight would have been. */
export function regretText({ regret }: LedgerMoveView): string {
  if (regret === undefined) return '–'
  if (regret.best === 'this-move') return '0: the best there was'
  const better = regret.best === 'staying' ? 'staying' : (regret.host ?? 'another host')
  return `${moneyText(regret.value)}: ${better} was better`
}

export type Verdict = LedgerStayView['verdict']

/** Words for verdicts on what was not done. */
export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  right: 'right',
  wrong: 'wrong',
  'not-yet-known': 'not yet known',
  unknown: 'can not be known',
}

/** Shares of what was not done, by verdict; empty where nothing was judged. */
export function verdictShares({ stays }: Pick<LedgerSpan, 'stays'>): readonly {
  readonly verdict: Verdict
  readonly count: number
  readonly share: number
}[] {
  const counts: readonly (readonly [Verdict, number])[] = [
    ['right', stays.right],
    ['wrong', stays.wrong],
    ['not-yet-known', stays.notYetKnown],
    ['unknown', stays.unknown],
  ]
  const sum = counts.reduce((all, [, count]) => all + count, 0)
  return sum === 0 ? [] : counts.map(([verdict, count]) => ({ verdict, count, share: count / sum }))
}

/** How good forecasts of contention were, in a sentence. */
export function foresightText({ foresight }: Pick<LedgerSpan, 'foresight'>): string {
  const { foreseenCame, foreseenNotCame, missed } = foresight
  const came = foreseenCame + missed
  const foreseen = foreseenCame + foreseenNotCame
  if (came === 0 && foreseen === 0) return 'No contention was foreseen, and none came.'
  const first = came === 0 ? 'No contention came.' : `Of ${came} contentions that came ${foreseenCame} were foreseen.`
  const second = foreseen === 0 ? 'None was foreseen.' : `Of ${foreseen} that were foreseen ${foreseenCame} came.`
  return `${first} ${second}`
}

/** Which forecast was checked: how far ahead it looks, and by which model, since two may look equally far. */
export function coverageName({ horizonMs, model }: CoverageRow): string {
  return `${spanText(horizonMs)} ahead, ${model}`
}

/** Whether an interval keeps what it says: too few held, or so many that it says little. */
export function coverageText({ nominal, checks, held, share }: CoverageRow): string {
  if (share === undefined || checks === 0) return 'No check yet.'
  return `${held} of ${checks} lay in the interval of ${percentText(nominal)}: ${percentTenthsText(share)}.`
}

/** What the engine's trust in itself comes to, in sentences. */
export function trustSentences(trust: TrustView): readonly string[] {
  const { isDemoted, isTrusted, marginFactor, strikes, strikesMax, netPerMove, outcomes, coverage } = trust
  const limits = [
    ...(coverage.least === undefined ? [] : [`not below ${percentText(coverage.least)}`]),
    ...(coverage.most === undefined ? [] : [`not above ${percentText(coverage.most)}`]),
  ]
  const asked = limits.length === 0 ? '' : ` (${limits.join(', ')})`
  return [
    isDemoted
      ? 'Its orders are advice: moves did not pay. An operator may forgive it.'
      : isTrusted
        ? 'Forecasts are trusted.'
        : 'Forecasts are not trusted: moves must promise twice as much more, and no host is emptied for energy.',
    `${percentTenthsText(coverage.share)} of ${coverage.checked} intervals held${asked}.`,
    `Gain over cost must be ${factorText(marginFactor)} times what the policy asks.`,
    netPerMove === undefined
      ? 'No move had settled by then.'
      : `A move brought ${moneyText(netPerMove)} on the mean, of ${outcomes} that settled.`,
    strikesMax === undefined
      ? `${strikes} verdicts in a row against its own judgement.`
      : `${strikes} of ${strikesMax} verdicts in a row against its own judgement; at ${strikesMax} its orders become advice.`,
  ]
}

/** What came of leaving it, in a few words. */
export function cameText({ came }: LedgerStayView): string {
  if (came === undefined) return 'not known'
  return came.contention ? 'contention came' : 'no contention'
}

/** Demand that was not served, and what of it another host could have served. */
export function unservedText({ unserved, avoidable }: NonNullable<LedgerStayView['came']>): string {
  const could = avoidable === undefined ? '' : `; elsewhere ${threeDigits(avoidable)} of them could have been`
  return `${threeDigits(unserved)} core-hours were not served${could}.`
}

/** `7.40 of 9.10 promised`; of no move nothing is known, which is not zero. */
export function sumText({ moves, promised, realised }: LedgerSpan['gain']): string {
  return moves === 0 ? 'not known yet' : `${moneyText(realised)} of ${moneyText(promised)} promised`
}
