import type { Balancer } from '../terms/turn.ts'
import { placeFirstFit } from './first-placement.ts'

/** Never moves a VM: what the others are measured against. */
export const none: Balancer<undefined> = {
  name: 'none',
  cadence: { firstMs: 0, everyMs: 300_000 },
  start: () => undefined,
  placeNew: placeFirstFit,
  takeTurn: () => ({ state: undefined, events: [], orders: [] }),
}
