/** May this move start now? Asked twice: when it is ordered, and again just before the one call leaves. */
import type { HostId, OrderId, VmId } from '../../terms/ids.ts'
import type { MigrationIntent } from '../../terms/intent.ts'
import type { MoveClass } from '../../terms/move.ts'
import { hourBudgets } from './start-budgets.ts'
import type { Lack, Refused } from '../../terms/ranking.ts'
import { DAY_MS, type EpochMs, type Fraction, MINUTE_MS } from '../../terms/units.ts'
import { FAST_LINK_BYTES_PER_SEC } from '../suitability/budgets.ts'

/** How much may go on at once, and within an hour. Sources: VMware's host cost of 8 units, KubeVirt's 5 per cluster and 2 outbound. */
export interface MoveLimits {
  /** An order older than this is refused: the cluster is no longer what it was. */
  readonly orderAgeMs: number
  /** Units of a host, as source and as target together; a move takes 1, with local disks 4. */
  readonly hostUnits: number
  readonly outbound: number
  readonly cluster: number
  /** Units of a host whose link is known to be below 10 Gbit/s. */
  readonly slowLinkUnits: number
  /** Starts within an hour that touch a host, and in all: so many of the policy, and as many again that people order. */
  readonly hostPerHour: number
  readonly clusterPerHour: number
  /** Of those of the policy, so many for energy. */
  readonly energyHostPerHour: number
  readonly energyClusterPerHour: number
  readonly vmPerDay: number
  /** The emptying of hosts has a budget of its own. */
  readonly evacuationHostPerHour: number
  readonly evacuationClusterPerHour: number
}

/** What is known of the cluster in which VMs move. What is absent is not known, and what rests on it does not bind. */
export interface MoveSite {
  readonly vms?: number
  /** Share of its VMs that the policy may move within an hour; one always. */
  readonly hourShareMax?: Fraction
  /** Links in bytes per second. */
  readonly links?: ReadonlyMap<HostId, number>
}

export const MOVE_LIMITS: MoveLimits = {
  orderAgeMs: MINUTE_MS,
  hostUnits: 8,
  outbound: 2,
  cluster: 5,
  slowLinkUnits: 4,
  hostPerHour: 4,
  clusterPerHour: 12,
  energyHostPerHour: 2,
  energyClusterPerHour: 6,
  vmPerDay: 4,
  evacuationHostPerHour: 60,
  evacuationClusterPerHour: 120,
}

/** A start that was made. */
export interface PastStart {
  readonly orderId: OrderId
  readonly vmId: VmId
  readonly from: HostId
  readonly to: HostId
  readonly class: MoveClass
  readonly at: EpochMs
}

/** A move that is under way or about to be. */
export interface OpenStart {
  readonly vmId: VmId
  readonly from: HostId
  readonly to: HostId
  readonly units: number
}

export interface StartFacts {
  readonly now: EpochMs
  readonly intent: MigrationIntent
  readonly units: number
  readonly isPaused: boolean
  /** Why nothing may start at all, in words. */
  readonly holds: readonly string[]
  readonly open: readonly OpenStart[]
  readonly frozenVms: ReadonlyMap<VmId, string>
  readonly frozenHosts: ReadonlyMap<HostId, string>
  /** VMs that another balancer wants elsewhere, and until when they are left alone. */
  readonly yielded: ReadonlyMap<VmId, EpochMs>
  readonly starts: readonly PastStart[]
  readonly limits: MoveLimits
  /** Undefined: nothing is known. */
  readonly site?: MoveSite | undefined
}

export type StartGuard = (facts: StartFacts) => Refused | undefined

export const START_GUARD_NAMES = [
  'pause',
  'hold',
  'cause',
  'age',
  'same-host',
  'one-per-vm',
  'frozen-vm',
  'frozen-host',
  'yielded',
  'host-units',
  'outbound',
  'cluster',
  'vm-budget',
  'host-budget',
  'cluster-budget',
] as const
export type StartGuardName = (typeof START_GUARD_NAMES)[number]
export type StartGuards = Readonly<Record<StartGuardName, StartGuard>>

export const START_GUARDS: StartGuards = {
  pause: ({ isPaused }) => (isPaused ? no('host-state', 1, 'Moves are paused by the kill switch.') : undefined),
  hold: ({ holds }) =>
    holds.length === 0 ? undefined : no('host-state', 1, `Nothing is started: ${holds.join('; ')}.`),
  cause: guardCause,
  age: guardAge,
  'same-host': ({ intent: { order } }) =>
    order.from === order.to
      ? no('same-host', 1, `${order.vmId} would go from ${order.from} to ${order.to}.`)
      : undefined,
  'one-per-vm': ({ intent: { order }, open }) =>
    open.some(({ vmId }) => vmId === order.vmId)
      ? no('in-flight', 1, `${order.vmId} has an intent that has not ended.`)
      : undefined,
  'frozen-vm': ({ intent: { order }, frozenVms }) => {
    const why = frozenVms.get(order.vmId)
    return why === undefined ? undefined : no('location-unknown', 1, `${order.vmId} is frozen: ${why}.`)
  },
  'frozen-host': guardFrozenHosts,
  yielded: ({ intent: { order, cause }, yielded, now }) => {
    const until = yielded.get(order.vmId) ?? 0
    if (until <= now || cause.kind !== 'policy') return undefined
    return no('cooldown', until - now, `${order.vmId} is left to whoever moves it back, for ${until - now} ms more.`)
  },
  'host-units': guardHostUnits,
  outbound: ({ intent: { order }, open, limits }) => {
    const many = open.filter(({ from }) => from === order.from).length
    if (many < limits.outbound) return undefined
    return no(
      'concurrency',
      many + 1 - limits.outbound,
      `${many} VMs are leaving ${order.from}; ${limits.outbound} may.`,
    )
  },
  cluster: ({ open, limits }) =>
    open.length < limits.cluster
      ? undefined
      : no('concurrency', open.length + 1 - limits.cluster, `${open.length} VMs are moving; ${limits.cluster} may.`),
  'vm-budget': ({ intent: { order }, starts, now, limits }) => {
    const many = starts.filter(({ vmId, at }) => vmId === order.vmId && now - at < DAY_MS).length
    if (many < limits.vmPerDay || isEvacuation(order.class)) return undefined
    return no('move-budget', many + 1 - limits.vmPerDay, `${order.vmId} was moved ${many} times within a day.`)
  },
  'host-budget': guardHostBudget,
  'cluster-budget': guardClusterBudget,
}

/** The first thing in the way. A start that is on record already, and asked about once more before its call leaves, does not use up its own budget. */
export function refuseStart(asked: StartFacts, guards: StartGuards = START_GUARDS): Refused | undefined {
  const { id } = asked.intent.order
  const facts = { ...asked, starts: asked.starts.filter(({ orderId }) => orderId !== id) }
  for (const name of START_GUARD_NAMES) {
    const refusal = guards[name](facts)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

/** Each start has exactly one cause, and an order's class can't claim another. */
function guardCause({ intent: { order, cause } }: StartFacts): Refused | undefined {
  const wanted = order.class === 'evacuation' || order.class === 'operator' ? order.class : 'policy'
  if (cause.kind === wanted) return undefined
  return no('host-state', 1, `An order of class ${order.class} has to be caused by ${wanted}, not by ${cause.kind}.`)
}

function guardAge({ intent: { order }, now, limits }: StartFacts): Refused | undefined {
  const ageMs = now - order.decidedAt
  if (ageMs >= -limits.orderAgeMs && ageMs <= limits.orderAgeMs) return undefined
  const reason = `It was decided ${ageMs} ms ago; an order is good for ${limits.orderAgeMs} ms.`
  return no('cooldown', Math.abs(ageMs) - limits.orderAgeMs, reason)
}

function guardFrozenHosts({ intent: { order }, frozenHosts }: StartFacts): Refused | undefined {
  for (const host of [order.from, order.to]) {
    const why = frozenHosts.get(host)
    if (why !== undefined) return no('host-state', 1, `${host} is frozen: ${why}.`)
  }
  return undefined
}

function guardHostUnits({ intent: { order }, units, open, limits, site }: StartFacts): Refused | undefined {
  for (const host of [order.from, order.to]) {
    const taken = open.reduce((sum, move) => sum + (move.from === host || move.to === host ? move.units : 0), 0)
    const isSlow = (site?.links?.get(host) ?? Infinity) < FAST_LINK_BYTES_PER_SEC
    const most = isSlow ? Math.min(limits.hostUnits, limits.slowLinkUnits) : limits.hostUnits
    const over = taken + units - most
    const why = isSlow ? ', whose link is below 10 Gbit/s' : ''
    if (over > 0) return no('concurrency', over, `Moves take ${taken} of ${most} units of ${host}${why}.`)
  }
  return undefined
}

function guardHostBudget(facts: StartFacts): Refused | undefined {
  const { order } = facts.intent
  for (const { what, recent, hostMost } of hourBudgets(facts)) {
    for (const host of [order.from, order.to]) {
      const many = recent.filter(({ from, to }) => from === host || to === host).length
      if (many < hostMost) continue
      const reason = `${many} ${what} touched ${host} within an hour; ${hostMost} may.`
      return no('move-budget', many + 1 - hostMost, reason)
    }
  }
  return undefined
}

function guardClusterBudget(facts: StartFacts): Refused | undefined {
  for (const { what, recent, clusterMost } of hourBudgets(facts)) {
    const many = recent.length
    if (many < clusterMost) continue
    return no('move-budget', many + 1 - clusterMost, `${many} ${what} began within an hour; ${clusterMost} may.`)
  }
  return undefined
}

function isEvacuation(moveClass: MoveClass): boolean {
  return moveClass === 'evacuation'
}

function no(lacking: Lack, shortBy: number, reason: string): Refused {
  return { kind: 'refused', lacking, shortBy, reason }
}
