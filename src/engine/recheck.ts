/** An order looked at once more, on a fresh inventory, right before it is begun: between a plan and its start a VM may have come to the target, an operator
 *  may have moved the VM, or the target may have been taken for maintenance. */
import { HOST_UNKNOWN, type MigrationInFlight } from '../terms/cluster.ts'
import type { MigrationOrder, MoveClass } from '../terms/move.ts'
import { type Policy, SITE_SAFETY } from '../terms/policy.ts'
import type { Lack, Refused, Verdict } from '../terms/ranking.ts'
import type { Observation } from '../terms/turn.ts'
import { openContext, type TurnContext } from './context.ts'
import { isOverwhelmed } from './plan/relieve.ts'
import { measureLevels } from './profile/levels.ts'
import { alignRosters } from './roster.ts'
import type { EngineState } from './state.ts'
import { isAskedFor } from './suitability/budgets.ts'
import type { VmGate } from './suitability/gates/gate.ts'
import { IN_FLIGHT } from './suitability/gates/in-flight.ts'
import { LOCATION_UNKNOWN } from './suitability/gates/location-unknown.ts'
import { PINNED } from './suitability/gates/pinned.ts'
import {
  firstBroken,
  firstBrokenAsked,
  firstBrokenInNeed,
  firstShut,
  firstShutInNeed,
  refuse,
} from './suitability/rules.ts'
import { isTooFullForEnergy } from './suitability/rules/demand.ts'

/** Samples older than so many windows are no ground to move on. */
const FRESH_WINDOWS = 3

/** Whether the order may be begun now: capacity by allocation, measured, and by the predicted upper bound, with all that is under way counted on both
 *  hosts; constraints; concurrency and budgets; age of plan and samples. Asks every rule and gate that the plan asked, on what is so now.
 *
 *  Moves that people or an emptied host ask for pass rest, no-return, settling and the budgets of voluntary moves, and have a budget of their own; their
 *  target must stay below contention.
 *  @param state after the turn that gave the order
 *  @param inFlight orders on record that the inventory may not show yet, this one aside */
export function recheckOrder(
  observation: Observation,
  state: EngineState,
  policy: Policy,
  order: MigrationOrder,
  inFlight: readonly MigrationInFlight[],
): Verdict {
  const isVoluntary = !isAskedFor(order.class)
  const stale = sayStale(observation, policy, order, isVoluntary)
  if (stale !== undefined) return refused('stale', stale.byMs, stale.reason)
  const context = contextFor(observation, state, policy, order, inFlight)
  const vm = context.state.vmIndex.get(order.vmId)
  const from = context.state.hostIndex.get(order.from)
  const to = context.state.hostIndex.get(order.to)
  if (vm === undefined) return refused('location-unknown', 1, `${order.vmId} is not there any more.`)
  if (from === undefined || to === undefined)
    return refused('host-state', 1, `${order.from} or ${order.to} is not known.`)
  if (context.hostOf[vm] !== from) return refused('location-unknown', 1, sayMoved(context, vm, order))
  const isInNeed = isVoluntary && order.class === 'contention' && isOverwhelmed(context, from)
  const gate = isVoluntary
    ? isInNeed
      ? firstShutInNeed(context, vm)
      : firstShut(context, vm)
    : firstShutAsked(context, vm)
  if (gate !== undefined) return refused(gate.lacking, 1, gate.reason(context, vm))
  const newest = context.state.cpuHistory.at(-1)
  if (isVoluntary && (newest === undefined || newest[vm] !== newest[vm]))
    return refused('stale', 1, `Nobody measured ${order.vmId} of late.`)
  const broken = isVoluntary
    ? isInNeed
      ? firstBrokenInNeed(context, vm, to)
      : firstBroken(context, vm, to)
    : firstBrokenAsked(context, vm, to)
  if (broken !== undefined) return refuse(context, broken, vm, to)
  const over = sayBudget(context, order.class, { vm, from, to })
  return over === undefined ? { kind: 'fits' } : refused('move-budget', 1, over)
}

/** The sheet as it would be without this order, and with all that is under way. */
export function contextFor(
  observation: Observation,
  state: EngineState,
  policy: Policy,
  order: MigrationOrder,
  inFlight: readonly MigrationInFlight[],
): TurnContext {
  const { inventory } = observation
  const shown = new Set(inventory.migrations.map(({ orderId }) => orderId))
  const unseen = inFlight.filter(({ orderId }) => orderId !== order.id && !shown.has(orderId))
  const seen = { ...observation, inventory: { ...inventory, migrations: [...inventory.migrations, ...unseen] } }
  const aligned = withoutOrder(alignRosters(state, inventory), order)
  return openContext(aligned, seen, policy, measureLevels(inventory.vms, aligned.cpuHistory))
}

/** The log of moves has the order already: it must not stand in its own way. */
function withoutOrder(state: EngineState, { vmId, decidedAt }: MigrationOrder): EngineState {
  const vm = state.vmIndex.get(vmId)
  const moveLog = state.moveLog.filter((entry) => entry.vmId !== vmId || entry.at !== decidedAt)
  if (vm === undefined) return { ...state, moveLog }
  const movedAt = Float64Array.from(state.movedAt)
  movedAt[vm] = moveLog.findLast((entry) => entry.vmId === vmId)?.at ?? -Infinity
  return { ...state, moveLog, movedAt }
}

function sayStale(
  { at, samples }: Observation,
  { safety = SITE_SAFETY }: Policy,
  { decidedAt }: MigrationOrder,
  isVoluntary: boolean,
): { readonly byMs: number; readonly reason: string } | undefined {
  const ageMs = at - decidedAt
  const age = `The order is ${(ageMs / 1000).toFixed(0)} s old`
  if (ageMs > safety.planAgeMsMax || ageMs < 0)
    return { byMs: Math.abs(ageMs), reason: `${age}, and may be ${(safety.planAgeMsMax / 1000).toFixed(0)} s.` }
  const samplesMs = at - samples.at
  if (!isVoluntary || samplesMs <= FRESH_WINDOWS * samples.windowMs) return undefined
  return { byMs: samplesMs, reason: `The newest samples are ${(samplesMs / 60_000).toFixed(1)} min old.` }
}

function sayMoved({ hostOf, observation }: TurnContext, vm: number, { vmId, from }: MigrationOrder): string {
  const host = hostOf[vm]
  const where = host === HOST_UNKNOWN ? 'nobody knows where' : `on ${observation.inventory.hosts[host].id}`
  return `${vmId} was to leave ${from} and runs ${where}.`
}

/** What keeps a VM although somebody asked for its move. */
function firstShutAsked(context: TurnContext, vm: number): VmGate | undefined {
  return [LOCATION_UNKNOWN, IN_FLIGHT, PINNED].find((gate) => gate.isShut(context, vm))
}

/** What the class of the move has left. That of moves for contention is a matter of rules and gates. */
function sayBudget(
  context: TurnContext,
  moveClass: MoveClass,
  { vm, from, to }: { readonly vm: number; readonly from: number; readonly to: number },
): string | undefined {
  const { budgets } = context
  if (budgets === undefined || moveClass === 'contention') return undefined
  if (moveClass !== 'energy')
    return budgets.mayBeAsked(from, to, moveClass)
      ? undefined
      : 'As many moves that were asked for are under way, or were within the hour, as may be.'
  if (isTooFullForEnergy(context, vm, to)) return 'Its target is fuller than one may be for the sake of energy.'
  const left = Math.min(budgets.left('energy'), budgets.leftFrom(from, 'energy'), budgets.leftTo(to, 'energy'))
  return left > 0 ? undefined : 'As many moves for energy are under way, or were within the hour, as may be.'
}

function refused(lacking: Lack, shortBy: number, reason: string): Refused {
  return { kind: 'refused', lacking, shortBy, reason }
}
