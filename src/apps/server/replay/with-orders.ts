import type { EngineState } from '../../../engine/state.ts'
import { rememberOrder } from '../../../engine/learn/ends.ts'
import type { MigrationOrder } from '../../../terms/move.ts'
import type { Turn } from '../../../terms/turn.ts'

/** A turn with more orders, which rest and budgets count as they count its own. Where its own are advice, they are no more than told: a person's word
 *  stands. */
export function withOrders(turn: Turn<EngineState>, orders: readonly MigrationOrder[]): Turn<EngineState> {
  if (orders.length === 0) return turn
  const { adviceOnly, ...rest } = turn
  return {
    ...rest,
    state: orders.reduce(rememberOrder, turn.state),
    events: [...turn.events, ...orders.map((order) => ({ kind: 'move-ordered', order }) as const)],
    orders: adviceOnly === undefined ? [...turn.orders, ...orders] : orders,
  }
}
