/** Why a VM moved or stayed: the turn is taken once more, and everything it knew about the VM is kept. */
import type { VmId } from '../terms/ids.ts'
import type { MigrationOrder } from '../terms/move.ts'
import type { PersonalityVector } from '../terms/personality.ts'
import type { Policy } from '../terms/policy.ts'
import type { Performance, Ranking } from '../terms/ranking.ts'
import {
  type Observation,
  STAY_REASONS,
  type StayReason,
  type TimeUntilContention,
  type TurnEvent,
} from '../terms/turn.ts'
import { horizonSteps, type TurnContext } from './context.ts'
import { predictContention } from './forecast/contention.ts'
import { getPersonalityVector } from './profile/profiles.ts'
import type { EngineState } from './state.ts'
import { getSuitableHosts } from './suitability/rank.ts'
import { firstShut } from './suitability/rules.ts'
import { predictPerformance } from './suitability/score.ts'
import { prepare, takeTurn } from './turn.ts'

/** Demand expected of a host, in reference cores, and how many VMs it comes from. */
export interface HostDemand {
  readonly mean: number
  readonly bound: number
  readonly capacity: number
  readonly members: number
}

/** All that a turn knew about one VM. */
export interface Explanation {
  readonly vmId: VmId
  readonly at: number
  /** Host it runs on, by index; -1 unknown. */
  readonly host: number
  readonly personality: PersonalityVector | undefined
  /** The order that this turn gave for it. Absent: it stayed. */
  readonly order: MigrationOrder | undefined
  readonly stayed: StayReason
  /** The gate that keeps the VM from moving anywhere. Absent: none does. */
  readonly gate: string | undefined
  readonly performance: Performance | undefined
  readonly hostDemand: HostDemand | undefined
  readonly timeUntilContention: TimeUntilContention | undefined
  /** What the turn said about the VM or its host. */
  readonly events: readonly TurnEvent[]
  /** Every host, ranked or refused, as things stood before the turn's own plan. */
  readonly ranking: Ranking
}

/** Undefined for a VM that does not live then.
 *  @param before the state that the turn began with */
export function explainVm(
  before: EngineState,
  observation: Observation,
  policy: Policy,
  vmId: VmId,
): Explanation | undefined {
  const vm = observation.inventory.vms.findIndex((candidate) => candidate.id === vmId)
  if (vm < 0) return undefined
  const turn = takeTurn(before, observation, policy)
  const { context } = prepare(before, observation, policy)
  const host = context.hostOf[vm]
  const hostId = host < 0 ? undefined : observation.inventory.hosts[host].id
  return {
    vmId,
    at: observation.at,
    host,
    personality: getPersonalityVector(turn.state, vmId),
    order: turn.orders.find((order) => order.vmId === vmId),
    stayed: STAY_REASONS[turn.stayed?.[vm] ?? 0],
    gate: firstShut(context, vm)?.reason(context, vm),
    performance: host < 0 ? undefined : predictPerformance(context, vm, host),
    hostDemand: host < 0 ? undefined : demandOf(context, host),
    timeUntilContention: host < 0 ? undefined : contentionOf(context, host),
    events: turn.events.filter((event) => concerns(event, vmId, hostId)),
    ranking: getSuitableHosts(context, vm),
  }
}

function demandOf({ loads, fleet }: TurnContext, host: number): HostDemand {
  return {
    mean: loads.mean[host],
    bound: loads.bound(host),
    capacity: fleet.capacity[host],
    members: loads.count[host],
  }
}

function contentionOf(context: TurnContext, host: number): TimeUntilContention {
  const limit = context.fleet.capacity[host] * context.policy.contention.highFraction
  const ahead = { steps: horizonSteps(context), stepMs: context.observation.samples.windowMs }
  return predictContention(context.loads, host, limit, ahead)
}

function concerns(event: TurnEvent, vmId: VmId, hostId: string | undefined): boolean {
  if ('vmId' in event) return event.vmId === vmId
  if ('hostId' in event) return event.hostId === hostId
  if (event.kind === 'move-ordered') return event.order.vmId === vmId
  return event.kind === 'outcome-settled' && event.outcome.vmId === vmId
}
