import type { OrderGrounds } from '../../engine/explain-order.ts'
import type { OrderId } from '../../terms/ids.ts'
import type { EpochMs } from '../../terms/units.ts'

/** Begins the journal's line of what an order rested on. */
export const WHY_LINES = '{"kind":"why"'

/** A line for each order that is begun; numbers that are not finite are null. */
export function encodeGrounds(orderId: OrderId, at: EpochMs, grounds: OrderGrounds): string {
  return JSON.stringify({ kind: 'why', at, orderId, grounds })
}
