/** ProxLB with its defaults: method memory, mode used, balanciness 10, a run every 12 hours.
 *
 *  Facts from credativ/ProxLB (`calculations.py`, `main.py`) and its architecture page: while the fullest node's memory
 *  use is more than ten points above the emptiest one's, guests of the fullest node, the smallest first, go to the
 *  emptiest. Simpler here than there: the emptiest node is looked up anew for every guest, a run's moves begin together
 *  and not one after another, and of its rules only anti-affinity and ignore (a pinned VM) exist here. */
import type { MigrationOrder } from '../terms/move.ts'
import type { Policy } from '../terms/policy.ts'
import type { Balancer, Observation, Turn } from '../terms/turn.ts'
import { HOUR_MS } from '../terms/units.ts'
import { ClusterLoad } from './cluster-load.ts'
import { placeBySizes } from './first-placement.ts'

/** `balancing.balanciness`, default 10: points of memory use between the fullest and the emptiest node. */
export const PROXLB_BALANCINESS = 0.1
/** `service.schedule.interval`, default 12 hours. */
const EVERY_MS = 12 * HOUR_MS

export interface ProxlbState {
  readonly orders: number
}

export const proxlb: Balancer<ProxlbState> = {
  name: 'proxlb',
  cadence: { firstMs: 0, everyMs: EVERY_MS },
  start: () => ({ orders: 0 }),
  placeNew: placeBySizes,
  takeTurn,
}

function takeTurn(state: ProxlbState, observation: Observation, policy: Policy): Turn<ProxlbState> {
  const load = new ClusterLoad(observation, policy)
  const orders: MigrationOrder[] = []
  if (load.online.length < 2) return { state, events: [], orders }

  for (const vm of smallestFirst(load)) {
    const { fullest, emptiest } = extremes(load)
    const spread = load.memoryLoad(fullest) - load.memoryLoad(emptiest)
    if (spread <= PROXLB_BALANCINESS) break
    if (load.hostOf[vm] !== fullest || !hasRoom(load, observation, vm, emptiest)) continue
    if (!load.mayGo(vm, emptiest)) continue
    orders.push(
      load.order(vm, emptiest, {
        id: `proxlb-${state.orders + orders.length + 1}`,
        class: 'contention',
        reason:
          `Memory used spreads ${points(spread)} points (allowed ${points(PROXLB_BALANCINESS)}): ` +
          `${points(load.memoryLoad(fullest))} % on the fullest node, ` +
          `${points(load.memoryLoad(emptiest))} % on the emptiest.`,
      }),
    )
    load.move(vm, emptiest)
  }
  return { state: { orders: state.orders + orders.length }, events: [], orders }
}

/** `balance_larger_guests_first` is off by default: least memory used first, ties by index. */
function smallestFirst(load: ClusterLoad): number[] {
  return Array.from(load.isMovable, (_, vm) => vm)
    .filter((vm) => load.isMovable[vm] === 1)
    .sort((a, b) => load.vmMemoryBytes[a] - load.vmMemoryBytes[b] || a - b)
}

function extremes(load: ClusterLoad): { readonly fullest: number; readonly emptiest: number } {
  let fullest = load.online[0]
  let emptiest = load.online[0]
  for (const host of load.online) {
    if (load.memoryLoad(host) > load.memoryLoad(fullest)) fullest = host
    if (load.memoryLoad(host) < load.memoryLoad(emptiest)) emptiest = host
  }
  return { fullest, emptiest }
}

/** The guest's used memory must be less than what the node has free. */
function hasRoom(load: ClusterLoad, { inventory }: Observation, vm: number, host: number): boolean {
  return load.vmMemoryBytes[vm] < inventory.hosts[host].memoryBytes - load.memoryBytes[host]
}

function points(fraction: number): string {
  return (fraction * 100).toFixed(1)
}
