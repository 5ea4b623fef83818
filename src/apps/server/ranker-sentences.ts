/** What the ranker says in sentences. */
import type { PairAnswer } from '../../engine/suitability/pair.ts'
import type { VmId } from '../../terms/ids.ts'
import type { TurnEvent } from '../../terms/turn.ts'

/** Why a VM stayed, by reason; `none` where no turn was taken. */
export const SENTENCE_OF: Readonly<Record<string, string>> = {
  none: 'No turn was taken on what is seen now.',
  'host-comfortable': 'Its host has room for what is forecast, and is not worth emptying.',
  'host-not-worth-emptying': 'Emptying its host would cost more than it saves.',
  'no-suitable-host': 'No host can take it.',
  'another-vm-relieves-host': 'Its host needs relief, and other VMs give it.',
  cooldown: 'It moved lately, or a move of it was proposed, and it rests.',
  'move-budget': 'It moved as often today as it may.',
  pinned: 'Its owner pinned it.',
  'in-flight': 'It is being migrated.',
  'location-unknown': 'Nobody knows for sure where it runs: what is unknown is left alone.',
  'no-sample': 'Nobody has measured it.',
  'benefit-below-cost': 'Moving it is not worth what it costs.',
  'hold-not-reached': 'Contention is likely on its host, but has not been for long enough to act.',
  objected: 'Somebody said no, or not yet, to a move of it.',
}

/** Whether an event of the turn is about a VM, or about the host that it is on. */
export function concerns(event: TurnEvent, vmId: VmId, hostId: string | undefined): boolean {
  if ('vmId' in event) return event.vmId === vmId
  if ('hostId' in event) return event.hostId === hostId
  if (event.kind === 'move-ordered') return event.order.vmId === vmId
  return event.kind === 'outcome-settled' && event.outcome.vmId === vmId
}

type PairSummary = Pick<PairAnswer, 'vmId' | 'hostId' | 'isThere' | 'rank' | 'suitableHosts' | 'rules' | 'best'>

export function pairSentence({ vmId, hostId, isThere, rank, suitableHosts, rules, best }: PairSummary): string {
  if (isThere) return `${vmId} runs on ${hostId} already.`
  const reasons = rules.flatMap(({ verdict }) => (verdict.kind === 'refused' ? [verdict.reason] : []))
  if (rank === undefined) return reasons.join(' ')
  if (rank === 1) return `${hostId} is the best of ${suitableHosts} hosts for ${vmId}.`
  return `${hostId} is number ${rank} of ${suitableHosts} suitable hosts for ${vmId}; the best is ${best?.hostId}.`
}
