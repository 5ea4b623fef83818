/** What an order rests on beside its own reason: the other hosts, the bounds of both, and what budgets leave; as it stands when the order is begun. */
import type { MigrationInFlight } from '../terms/cluster.ts'
import type { HostId } from '../terms/ids.ts'
import type { MigrationOrder } from '../terms/move.ts'
import type { Policy } from '../terms/policy.ts'
import type { Lack, Ranking } from '../terms/ranking.ts'
import type { Observation } from '../terms/turn.ts'
import type { TurnContext } from './context.ts'
import { MOVE_LIMITS } from './migration/start-guards.ts'
import { contextFor } from './recheck.ts'
import type { EngineState } from './state.ts'
import type { Budgets } from './suitability/budgets.ts'
import { getSuitableHosts } from './suitability/rank.ts'

/** So many of the suitable hosts are told, the best first. */
const ALTERNATIVES_MOST = 5

export interface OrderGrounds {
  /** How many hosts would have done, and the best of them by score, in money. */
  readonly suitableHosts: number
  readonly alternatives: readonly { readonly host: HostId; readonly score: number }[]
  /** How many hosts each lack refused, and one of them in words. */
  readonly refused: readonly { readonly lacking: Lack; readonly hosts: number; readonly example: string }[]
  /** Upper bound of each host's demand within the horizon and what it has, in reference cores; `moved`: with the VM where the order takes it. */
  readonly bounds: readonly {
    readonly host: HostId
    readonly bound: number
    readonly moved: number
    readonly capacity: number
  }[]
  /** Moves of the order's class that may still leave its source, and come to its target, now. Absent: nothing limits them. */
  readonly budgets?: readonly { readonly host: HostId; readonly left: number }[]
  /** The same in the whole cluster; lines of before have none. */
  readonly clusterLeft?: number
}

/** Undefined: the VM or one of the hosts is not there any more. */
export function groundsOf(
  observation: Observation,
  state: EngineState,
  policy: Policy,
  order: MigrationOrder,
  inFlight: readonly MigrationInFlight[],
): OrderGrounds | undefined {
  const context = contextFor(observation, state, policy, order, inFlight)
  const vm = context.state.vmIndex.get(order.vmId)
  const from = context.state.hostIndex.get(order.from)
  const to = context.state.hostIndex.get(order.to)
  if (vm === undefined || from === undefined || to === undefined) return undefined
  const { ranked, refused } = getSuitableHosts(context, vm)
  return {
    suitableHosts: ranked.length,
    alternatives: ranked.slice(0, ALTERNATIVES_MOST).map(({ hostId, score }) => ({ host: hostId, score: score.total })),
    refused: refusedByLack(refused),
    bounds: boundsOf(context, order, { vm, from, to }),
    ...(context.budgets === undefined ? {} : leftOf(context.budgets, order, from, to)),
  }
}

/** How many hosts each lack refused, and one of them in words. */
export function refusedByLack(refused: Ranking['refused']): OrderGrounds['refused'] {
  const byLack = Map.groupBy(refused, ({ verdict }) => verdict.lacking)
  return [...byLack].map(([lacking, hosts]) => ({ lacking, hosts: hosts.length, example: hosts[0].verdict.reason }))
}

/** Of the source and of the target, as they are and as the order would leave them. */
export function boundsOf(
  { loads, fleet }: Pick<TurnContext, 'loads' | 'fleet'>,
  order: MigrationOrder,
  { vm, from, to }: { readonly vm: number; readonly from: number; readonly to: number },
): OrderGrounds['bounds'] {
  const row = (h: number, host: HostId, moved: number) => {
    return { host, bound: loads.bound(h), moved, capacity: fleet.capacity[h] }
  }
  return [row(from, order.from, loads.boundWithout(from, vm)), row(to, order.to, loads.boundWith(to, vm))]
}

/** What people order is planned by a larger budget than the mover lets begin: the smaller is told. */
function leftOf(
  budgets: Budgets,
  { class: moveClass, from: source, to: target }: MigrationOrder,
  from: number,
  to: number,
): Pick<OrderGrounds, 'budgets' | 'clusterLeft'> {
  const atStart = (most: number, left: number, host?: number): number =>
    moveClass === 'operator' ? Math.max(0, Math.min(left, most - budgets.spent(moveClass, host))) : left
  const { hostPerHour, clusterPerHour } = MOVE_LIMITS
  return {
    budgets: [
      { host: source, left: atStart(hostPerHour, budgets.leftFrom(from, moveClass), from) },
      { host: target, left: atStart(hostPerHour, budgets.leftTo(to, moveClass), to) },
    ],
    clusterLeft: atStart(clusterPerHour, budgets.left(moveClass)),
  }
}
