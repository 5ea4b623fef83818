/** A planner that knows the future: what foresight is worth, not the least energy that any policy could reach. With an hour's foresight
 *  it plans anew every five minutes and reaches less energy with more moves; with a day's, on a trace of a day, it makes one plan at
 *  the start and then moves only what must: few moves, more energy. */

import type { MigrationOrder } from '../terms/move.ts'
import type { LimitPolicy, Policy } from '../terms/policy.ts'
import type { DemandSeries } from '../terms/trace.ts'
import type { Balancer, Observation, Turn } from '../terms/turn.ts'
import { HOUR_MS, SECOND_MS } from '../terms/units.ts'
import type { Vm } from '../terms/vm.ts'
import { placeBySizes } from './first-placement.ts'
import { Future, Packing } from './oracle-packing.ts'
import { emptyHosts, keepFewestHosts, relieveHosts, type Shift } from './oracle-plan.ts'

const EVERY_MS = 300_000
/** What a move must save to be worth it when a host is emptied. Measured on PlanetLab's 20110303 with an hour's
 *  foresight: 2 kJ gives 132.0 kWh with 3,010 moves, 10 kJ 132.5 with 2,512, 20 kJ 134.7 with 1,806, 40 kJ 136.9 with
 *  1,573. */
const JOULES_PER_MOVE = 20_000
/** Plans to empty hosts within one foresight: an hour's planner looks every five minutes, a day's every two hours. */
const PLANS_PER_HORIZON = 12
/** Half of the link carries a migration, as CloudSim assumes. */
const LINK_SHARE = 0.5

export interface OracleState {
  readonly orders: number
  /** The VMs the last plan knew. Absent: nothing was planned yet. */
  readonly plannedFor?: readonly Vm[]
  readonly plannedAt: number
  /** The last plan saw the trace to its end: it holds until VMs come or go. */
  readonly sawEnd: boolean
  /** Moves were put off because their hosts may not migrate more at once. */
  readonly isSettling: boolean
}

/** `foresight` is the true demand of every VM; the planner looks `horizonMs` of it ahead, in time-aligned sums by host.
 *  It keeps the operator's limits of memory, allocation and concurrency, but no gates: it needs no caution. First homes
 *  come from sizes. */
export function oracle(foresight: DemandSeries, horizonMs: number): Balancer<OracleState> {
  const future = new Future(foresight)
  return {
    name: `oracle-${horizonMs / HOUR_MS}h`,
    cadence: { firstMs: 0, everyMs: EVERY_MS },
    start: () => ({ orders: 0, plannedAt: 0, sawEnd: false, isSettling: false }),
    placeNew: placeBySizes,
    takeTurn: (state, observation, policy) => takeTurn({ future, horizonMs }, state, observation, policy),
  }
}

interface Sight {
  readonly future: Future
  readonly horizonMs: number
}

function takeTurn(
  { future, horizonMs }: Sight,
  state: OracleState,
  observation: Observation,
  policy: Policy,
): Turn<OracleState> {
  const { at, inventory } = observation
  const { stepMs, steps } = future
  const firstStep = Math.floor(at / stepMs) + 1
  const width = Math.min(Math.round(horizonMs / stepMs), steps - firstStep)
  if (width < 1) return { state, events: [], orders: [] }

  const packing = new Packing(future, inventory, policy, { firstStep, width })
  const shifts = relieveHosts(packing, (host) => leadSteps(packing, host, stepMs))
  const isFirst = state.plannedFor === undefined
  const isDue = !state.sawEnd && at - state.plannedAt >= horizonMs / PLANS_PER_HORIZON
  const plans = isFirst || state.isSettling || isDue || state.plannedFor !== inventory.vms
  if (isFirst || state.isSettling) shifts.push(...keepFewestHosts(packing))
  else if (plans) shifts.push(...emptyHosts(packing, { joulesPerMove: JOULES_PER_MOVE, stepMs }))

  const allowed = allowedNow(shifts, observation, policy.limits)
  const orders = allowed.map((shift, i) => orderOf(shift, observation, `oracle-${state.orders + i + 1}`))
  const planned = {
    plannedFor: inventory.vms,
    plannedAt: at,
    sawEnd: firstStep + width === steps,
    isSettling: allowed.length < shifts.length,
  }
  return { state: { ...state, ...(plans ? planned : {}), orders: state.orders + orders.length }, events: [], orders }
}

/** Samples that pass until moves of the next turn can count: those between two turns, and those a copy takes. */
function leadSteps(packing: Packing, host: number, stepMs: number): number {
  const { hosts, vms } = packing.inventory
  const bytes = packing.vmsOn[host].reduce((most, vm) => Math.max(most, vms[vm].memoryBytes), 0)
  const copyMs = (bytes / (hosts[host].networkBytesPerSec * LINK_SHARE)) * SECOND_MS
  return Math.ceil(EVERY_MS / stepMs) - 1 + Math.max(1, Math.ceil(copyMs / stepMs))
}

/** As many shifts as hosts may migrate at once, in order; the rest wait for a coming turn. */
function allowedNow(shifts: readonly Shift[], { inventory }: Observation, limits: LimitPolicy): readonly Shift[] {
  const most = limits.migrationsPerHostMax
  if (most === undefined) return shifts
  const indexOf = new Map(inventory.hosts.map((host, i) => [host.id, i]))
  const leaving = new Int32Array(inventory.hosts.length)
  const coming = new Int32Array(inventory.hosts.length)
  for (const { from, to } of inventory.migrations) {
    leaving[indexOf.get(from) ?? 0]++
    coming[indexOf.get(to) ?? 0]++
  }
  return shifts.filter(({ from, to }) => {
    if (leaving[from] >= most || coming[to] >= most) return false
    leaving[from]++
    coming[to]++
    return true
  })
}

function orderOf(shift: Shift, { at, inventory: { hosts, vms } }: Observation, id: string): MigrationOrder {
  return {
    id: id as MigrationOrder['id'],
    vmId: vms[shift.vm].id,
    from: hosts[shift.from].id,
    to: hosts[shift.to].id,
    decidedAt: at,
    class: shift.class,
    reason: shift.reason,
  }
}
