/** Promised against realised: every move is followed up in the world that came, against the world in which the VM had stayed. */
import type { MigrationEnd, Outcome } from '../../terms/move.ts'
import type { Observation } from '../../terms/turn.ts'
import type { Policy } from '../../terms/policy.ts'
import { wattsAt } from '../../terms/host.ts'
import { HOUR_MS } from '../../terms/units.ts'
import { priceMigration } from '../migration/estimate.ts'
import type { EngineState, OpenPromise } from '../state.ts'

export interface Settlement {
  readonly open: readonly OpenPromise[]
  readonly settled: readonly Outcome[]
}

/** Adds the newest window to each open promise, and settles those whose time has come. */
export function followUp(state: EngineState, observation: Observation, policy: Policy): Settlement {
  if (state.promises.length === 0) return { open: [], settled: [] }
  const sheet = new OutcomeSheet(state, observation, policy)
  const open: OpenPromise[] = []
  const settled: Outcome[] = []
  const ends = new Map(observation.inventory.ended.map((end) => [end.orderId, end]))
  for (const promise of state.promises) {
    const realised = promise.realised + sheet.earned(promise)
    const end = ends.get(promise.order.id)
    const realisedCost = end === undefined ? promise.realisedCost : sheet.spent(end)
    if (observation.at < promise.settleAt) open.push({ ...promise, realised, realisedCost })
    else
      settled.push({
        orderId: promise.order.id,
        vmId: promise.order.vmId,
        settledAt: observation.at,
        promisedGain: promise.gain,
        promisedCost: promise.cost,
        realisedGain: realised,
        realisedCost,
      })
  }
  return { open, settled }
}

/** What the newest window would have been worth with single VMs elsewhere. */
class OutcomeSheet {
  private readonly demand: Float64Array
  private readonly hours: number
  private readonly state: EngineState
  private readonly hostOf: Int32Array
  private readonly policy: Policy
  private readonly newest: Float32Array | undefined

  constructor(state: EngineState, observation: Observation, policy: Policy) {
    const { hosts, hostOf } = observation.inventory
    this.state = state
    this.policy = policy
    this.hostOf = hostOf
    this.hours = observation.samples.windowMs / HOUR_MS
    this.demand = new Float64Array(hosts.length)
    this.newest = state.cpuHistory.at(-1)
    for (let v = 0; v < hostOf.length; v++) {
      const wanted = this.newest?.[v] ?? 0
      if (hostOf[v] >= 0 && wanted === wanted) this.demand[hostOf[v]] += wanted
    }
  }

  /** Money earned in the newest window by the VM not being where it was. Moves against contention are judged by contention alone, as
   *  they were promised: the watts of a host that one of them starts are shared by all who come after. */
  earned(promise: OpenPromise): number {
    const from = this.state.hostIndex.get(promise.order.from)
    const to = this.state.hostIndex.get(promise.order.to)
    const vm = this.state.vmIndex.get(promise.order.vmId)
    if (from === undefined || to === undefined || vm === undefined || this.hostOf[vm] !== to) return 0
    const wanted = this.newest?.[vm] ?? NaN
    if (wanted !== wanted) return 0
    const { prices } = this.policy
    const relief = this.excess(from, wanted) - this.excess(from, 0)
    // Its share of the target's excess: were it the whole marginal excess, twenty newcomers would each be blamed for all of it.
    const harm = this.demand[to] > 0 ? (this.excess(to, 0) * wanted) / this.demand[to] : 0
    const performance = (relief - harm) * prices.perUnservedCoreHour * this.hours
    if (promise.order.class === 'contention') return performance
    const isDark = this.demand[from] <= 1e-9
    const idle = this.state.fleet.idleWatts[from]
    const saved = this.watts(from, wanted) - (isDark ? idle * (1 - 1 / promise.companions) : this.watts(from, 0))
    const spent = this.watts(to, 0) - this.watts(to, -wanted)
    return performance + ((saved - spent) / 1000) * prices.perKwh * this.hours
  }

  /** Money that a migration really took, however it ended. */
  spent({ vmId, copiedBytes, downtimeMs, startedAt, endedAt }: MigrationEnd): number {
    const vm = this.state.vmIndex.get(vmId)
    const wanted = vm === undefined ? NaN : (this.newest?.[vm] ?? NaN)
    const taken = { copiedBytes, downtimeMs, durationMs: endedAt - startedAt }
    return priceMigration(taken, wanted === wanted ? wanted : 0, this.policy.prices)
  }

  private excess(host: number, more: number): number {
    return Math.max(0, this.demand[host] + more - this.state.fleet.capacity[host])
  }

  /** Watts of the host if it were on, with `more` demand. */
  private watts(host: number, more: number): number {
    const demand = Math.max(0, this.demand[host] + more)
    return wattsAt(this.state.hosts[host].powerWatts, demand / this.state.fleet.capacity[host])
  }
}
