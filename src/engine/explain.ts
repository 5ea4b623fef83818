/** Why a VM moved or stayed: the turn is taken once more, and everything it knew about the VM is kept. */
import type { VmId } from '../terms/ids.ts'
import type { MigrationOrder } from '../terms/move.ts'
import type { PersonalityVector } from '../terms/personality.ts'
import type { Policy } from '../terms/policy.ts'
import type { Ranking } from '../terms/ranking.ts'
import {
  type Observation,
  STAY_REASONS,
  type StayReason,
  type TimeUntilContention,
  type TurnEvent,
} from '../terms/turn.ts'
import { horizonSteps } from './context.ts'
import { predictContention } from './forecast/contention.ts'
import { getPersonalityVector } from './profile/profiles.ts'
import type { EngineState } from './state.ts'
import { firstGate, describeGate } from './suitability/rules.ts'
import { getSuitableHosts } from './suitability/rank.ts'
import { predictPerformance } from './suitability/score.ts'
import type { Performance } from '../terms/ranking.ts'
import { prepare, takeTurn } from './turn.ts'

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
  readonly hostDemand:
    | { readonly mean: number; readonly bound: number; readonly capacity: number; readonly members: number }
    | undefined
  readonly timeUntilContention: TimeUntilContention | undefined
  /** What the turn said about the VM or its host. */
  readonly events: readonly TurnEvent[]
  /** Every host, ranked or refused, as things stood before the turn's own plan. */
  readonly ranking: Ranking
}

/** Shapes: `before` is the state that the turn began with. Undefined for a VM that does not live then. */
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
  const gate = firstGate(context, vm)
  const hostId = host < 0 ? undefined : observation.inventory.hosts[host].id
  const bound = host < 0 ? 0 : context.loads.bound(host)
  return {
    vmId,
    at: observation.at,
    host,
    personality: getPersonalityVector(turn.state, vmId),
    order: turn.orders.find((order) => order.vmId === vmId),
    stayed: STAY_REASONS[turn.stayed?.[vm] ?? 0],
    gate: gate === undefined ? undefined : describeGate(context, vm, gate),
    performance: host < 0 ? undefined : predictPerformance(context, vm, host),
    hostDemand:
      host < 0
        ? undefined
        : {
            mean: context.loads.mean[host],
            bound,
            capacity: context.fleet.capacity[host],
            members: context.loads.count[host],
          },
    timeUntilContention:
      host < 0
        ? undefined
        : predictContention(context.loads, host, context.fleet.capacity[host] * policy.contention.highFraction, {
            steps: horizonSteps(context),
            stepMs: observation.samples.windowMs,
          }),
    events: turn.events.filter((event) => concerns(event, vmId, hostId)),
    ranking: getSuitableHosts(context, vm),
  }
}

function concerns(event: TurnEvent, vmId: VmId, hostId: string | undefined): boolean {
  if ('vmId' in event) return event.vmId === vmId
  if ('hostId' in event) return event.hostId === hostId
  if (event.kind === 'move-ordered') return event.order.vmId === vmId
  return event.kind === 'outcome-settled' && event.outcome.vmId === vmId
}
