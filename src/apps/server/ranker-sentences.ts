/** What the ranker says in sentences. */
import type { PairAnswer } from '../../engine/suitability/pair.ts'
import type { VmId } from '../../terms/ids.ts'
import type { TurnEvent } from '../../terms/turn.ts'

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
