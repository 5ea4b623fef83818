/** Orders that the platform did not take: what never happened must not count as a move. */
import type { Inventory } from '../../terms/cluster.ts'
import type { OrderId } from '../../terms/ids.ts'
import type { EngineState, OpenPromise } from '../state.ts'

/** Takes back what the last turn noted of orders that were refused: rest, budget and no-return are for VMs that moved.
 *  An order was refused if its VM is where it was, is not on its way, and nothing is told of how a migration of it ended.
 *  @param state with its columns in the order of the inventory's rosters */
export function forgetRefused(state: EngineState, inventory: Inventory): EngineState {
  const ordered = state.promises.filter(({ order }) => order.decidedAt === state.lastTurnAt)
  if (ordered.length === 0) return state
  const known = new Set<OrderId>([...inventory.migrations, ...inventory.ended].map(({ orderId }) => orderId))
  const refused = ordered.filter(({ order }) => !known.has(order.id) && isStillThere(state, inventory, order))
  if (refused.length === 0) return state
  const vms = new Set(refused.map(({ order }) => order.vmId))
  const moveLog = state.moveLog.filter(({ vmId, at }) => at !== state.lastTurnAt || !vms.has(vmId))
  const movedAt = Float64Array.from(state.movedAt)
  for (const vmId of vms) {
    const vm = state.vmIndex.get(vmId)
    if (vm !== undefined) movedAt[vm] = moveLog.findLast((entry) => entry.vmId === vmId)?.at ?? -Infinity
  }
  return { ...state, moveLog, movedAt, promises: state.promises.filter((promise) => !refused.includes(promise)) }
}

function isStillThere(state: EngineState, inventory: Inventory, { vmId, from }: OpenPromise['order']): boolean {
  const vm = state.vmIndex.get(vmId)
  return vm !== undefined && inventory.hostOf[vm] === state.hostIndex.get(from)
}
