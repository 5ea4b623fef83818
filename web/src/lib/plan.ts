/** What the page of the plan makes of the last turn's plan and of the moves that are carried out. */
import type {
  EvacuationView,
  MigrationsView,
  MigrationView,
  ProposalView,
} from '../../../src/apps/server/views/moves.ts'
import type { PlanMoveView, PlanView } from '../../../src/apps/server/views/plan.ts'
import type { ObjectionView } from '../../../src/apps/server/views/proposals.ts'
import { instantText, moneyText, percentText, spanText } from '../../../src/terms/shown.ts'
import { needsRole } from './roles.ts'

/** What became of a move since the turn decided it. */
export type Standing =
  | { readonly kind: 'proposed'; readonly proposal: ProposalView }
  | { readonly kind: 'open'; readonly move: MigrationView }
  | { readonly kind: 'ended'; readonly move: MigrationView }
  | { readonly kind: 'objected'; readonly objection: ObjectionView }
  /** Neither proposed nor begun: the turn said it, and that was all. */
  | { readonly kind: 'said' }

/** A move of the last turn's plan, or a proposal of a turn before that is good still. */
export interface PlanRow {
  readonly id: string
  readonly vm: string
  readonly from: string
  readonly to: string
  readonly class: string
  /** Why, in a sentence. */
  readonly why: string
  readonly gain?: number | undefined
  readonly cost?: number | undefined
  readonly confidence?: number | undefined
  readonly decidedAt: number
  readonly standing: Standing
  /** Absent: it is of a turn before. */
  readonly planned?: PlanMoveView
}

/** In the order of the plan; then what earlier turns proposed and nobody answered, newest first. */
export function rowsOfPlan(
  plan: PlanView | undefined,
  moves: MigrationsView | undefined,
): { readonly now: readonly PlanRow[]; readonly before: readonly PlanRow[] } {
  const standings = standingsOf(moves)
  const now = (plan?.moves ?? []).map((move): PlanRow => {
    const standing = standings.get(move.id) ?? ({ kind: 'said' } as const)
    return { ...move, why: move.whyNow ?? move.reason, standing, planned: move }
  })
  const listed = new Set(now.map(({ id }) => id))
  const before = (moves?.proposals ?? []).flatMap((proposal): PlanRow[] =>
    listed.has(proposal.id)
      ? []
      : [{ ...proposal, why: proposal.reason, standing: standings.get(proposal.id) ?? { kind: 'said' } }],
  )
  return { now, before }
}

/** What is under way wins, then what people said. What could not be begun may be proposed after that: then it waits for a person. */
function standingsOf(moves: MigrationsView | undefined): ReadonlyMap<string, Standing> {
  const standings = new Map<string, Standing>()
  for (const move of moves?.ended ?? []) standings.set(move.id, { kind: 'ended', move })
  for (const proposal of moves?.proposals ?? []) standings.set(proposal.id, { kind: 'proposed', proposal })
  for (const objection of moves?.objections ?? []) standings.set(objection.id, { kind: 'objected', objection })
  for (const move of moves?.open ?? []) standings.set(move.id, { kind: 'open', move })
  return standings
}

/** @param now ms since 1970 of the site; absent: not known yet */
export function standingText(standing: Standing, now: number | undefined): string {
  if (standing.kind === 'proposed') {
    const { endsAt } = standing.proposal
    return now === undefined ? 'proposed' : `proposed, good for ${spanText(endsAt - now)}`
  }
  if (standing.kind === 'open') {
    const { frozen, state } = standing.move
    return frozen === undefined ? `under way: ${state}` : `frozen: ${frozen.reason}`
  }
  if (standing.kind === 'ended') return standing.move.state.replaceAll('-', ' ')
  return standing.kind === 'objected' ? `${standing.objection.what} by ${standing.objection.who}` : 'not carried out'
}

/** Where a move's deadline lies on a line from now to the end of the horizon; places from 0 to 1. */
export interface DeadlineLine {
  /** Absent: later than the horizon. */
  readonly earliest: number | undefined
  readonly median: number | undefined
  /** Until when it would be on its way, were it begun now; absent: nothing is promised. */
  readonly copied: number | undefined
  readonly isLate: boolean
  readonly text: string
}

export function deadlineOf(
  { deadline, estimate }: Pick<PlanMoveView, 'deadline' | 'estimate'>,
  { now, horizonMs }: { readonly now: number; readonly horizonMs: number },
): DeadlineLine | undefined {
  if (deadline === undefined || horizonMs <= 0) return undefined
  const { at, earliestAt, probability } = deadline
  const place = (instant: number | undefined): number | undefined =>
    instant === undefined ? undefined : Math.min(1, Math.max(0, (instant - now) / horizonMs))
  const copiedAt = estimate === undefined ? undefined : now + estimate.durationMs
  const isLate = copiedAt !== undefined && at !== undefined && copiedAt > at
  const late = isLate ? ' The copy takes longer than that.' : ''
  const when = [...likelyText(at, now), ...possibleText(earliestAt, now)].join(', ')
  const within = `${percentText(probability)} within ${spanText(horizonMs)}`
  return {
    earliest: place(earliestAt),
    median: place(at),
    copied: place(copiedAt),
    isLate,
    text: `Contention ${[when, within].filter((part) => part !== '').join('; ')}.${late}`,
  }
}

function likelyText(at: number | undefined, now: number): readonly string[] {
  if (at === undefined) return []
  return [at <= now ? 'as likely as not already' : `as likely as not in ${spanText(at - now)}`]
}

function possibleText(earliestAt: number | undefined, now: number): readonly string[] {
  if (earliestAt === undefined) return []
  return [earliestAt <= now ? 'possible from now on' : `possible from ${spanText(earliestAt - now)} on`]
}

/** `+0.42 EUR`: what is lost has a minus, what is won a plus. */
export function signedMoneyText(amount: number, currency: string): string {
  return `${amount > 0 ? '+' : ''}${moneyText(amount)} ${currency}`
}

/** Why VMs stayed, the commonest first, as a sentence each. */
export function stayedRows(
  stayed: Readonly<Record<string, number>>,
): readonly { readonly reason: string; readonly text: string; readonly vms: number }[] {
  return Object.entries(stayed)
    .filter(([, vms]) => vms > 0)
    .map(([reason, vms]) => ({ reason, text: STAYED.get(reason) ?? `${reason.replaceAll('-', ' ')}.`, vms }))
    .toSorted((a, b) => b.vms - a.vms || a.reason.localeCompare(b.reason))
}

/** The sentences of `ethos why VM`, of several. A reason that is new since stands as its word. */
const STAYED: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'host-comfortable': 'Their host has room for what is forecast, and is not worth emptying.',
    'host-not-worth-emptying': 'Emptying their host would cost more than it saves.',
    'no-suitable-host': 'No host can take them.',
    'another-vm-relieves-host': 'Their host needs relief, and other VMs give it.',
    cooldown: 'They moved lately, or a move of them was proposed, and they rest.',
    'move-budget': 'They moved as often today as they may.',
    pinned: 'Their owner pinned them.',
    'in-flight': 'They are being migrated.',
    'location-unknown': 'Nobody knows for sure where they run: what is unknown is left alone.',
    'no-sample': 'Nobody has measured them.',
    'benefit-below-cost': 'Moving them is not worth what it costs.',
    'hold-not-reached': 'Contention is likely on their host, but has not been for long enough to act.',
    objected: 'Somebody said no, or not yet, to a move of them.',
  }),
)

/** Something that is left alone, and why. */
export interface LeftAlone {
  readonly what: 'VM' | 'host'
  readonly name: string
  readonly why: string
}

export function leftAloneOf({ frozenVms, frozenHosts, leftAlone }: MigrationsView): readonly LeftAlone[] {
  const all: readonly LeftAlone[] = [
    ...Object.entries(frozenHosts).map(([name, why]) => ({ what: 'host' as const, name, why })),
    ...Object.entries(frozenVms).map(([name, why]) => ({ what: 'VM' as const, name, why })),
    ...Object.entries(leftAlone).map(([name, until]) => ({
      what: 'VM' as const,
      name,
      why: `Somebody else moves it back: it is left to them until ${instantText(until)}.`,
    })),
  ]
  return all
}

/** What a person said against a move, in a sentence. */
export function objectionText({ what, who, until, because }: ObjectionView): string {
  return `${what} by ${who} until ${instantText(until)}${because === undefined ? '' : `: ${because}`}`
}

/** Who wants a host emptied, why and since when. @param now ms since 1970 of the site */
export function wishText({ who, reason, since, isForced }: EvacuationView, now: number | undefined): string {
  const parts = [
    `by ${who ?? '?'}${reason === undefined ? '' : `: ${reason}`}`,
    ...(since === undefined || now === undefined ? [] : [`since ${spanText(now - since)}`]),
    ...(isForced === true ? ['by force'] : []),
  ]
  return parts.join(', ')
}

/** How far a host is emptied, in a sentence. */
export function evacuationText({ vms, leaving, stuck }: EvacuationView): string {
  if (vms === 0) return 'It is empty.'
  const still = stuck.length === 0 ? '' : `; ${stuck.length} can not leave`
  return `${vms} VMs left, ${leaving} on their way${still}.`
}

/** Whether a person's yes would be heard, and if not why. `undefined`: it would. */
export function whyNoApproval(moves: MigrationsView | undefined, isOperator: boolean): string | undefined {
  if (!isOperator) return needsRole('operator')
  if (moves?.driver === undefined) return 'No driver is configured: nothing is moved.'
  if (moves.level !== undefined && moves.level !== 'partial' && moves.level !== 'full')
    return `Automation is ${moves.level}: VMs are moved at partial and full alone.`
  return undefined
}

/** Who began a move. The words of `ethos moves`. */
export function causeText({ cause }: Pick<MigrationView, 'cause'>): string {
  if (cause.kind === 'policy') return 'policy'
  return cause.kind === 'operator' ? `by ${cause.who ?? '?'}` : `emptying ${cause.host ?? '?'}, by ${cause.who ?? '?'}`
}
