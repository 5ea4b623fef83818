/** Proxmox VE 9.2: the cluster resource scheduler's dynamic load balancing (`ha=dynamic,ha-auto-rebalance=1`).
 *
 *  Facts from proxmox-resource-scheduling (`scheduler.rs`, `node.rs`), the schema of `datacenter.cfg` and the section
 *  "CRS Load Balancer" of ha-manager's manual. Simpler here than there: every VM counts as an HA resource; only the
 *  default method, brute force; node load is the sum of its VMs, without the host's own. */
import type { MigrationOrder } from '../terms/move.ts'
import type { Policy } from '../terms/policy.ts'
import type { Balancer, Observation, Turn } from '../terms/turn.ts'
import { SECOND_MS } from '../terms/units.ts'
import { ClusterLoad } from './cluster-load.ts'
import { placeBySizes } from './first-placement.ts'

/** `ha-auto-rebalance-threshold`, default 30 %. */
export const CRS_THRESHOLD = 0.3
/** `ha-auto-rebalance-hold-duration`, default 3 rounds. */
export const CRS_HOLD_ROUNDS = 3
/** `ha-auto-rebalance-margin`, default 10 %: the imbalance must fall by this share of itself. */
export const CRS_MARGIN = 0.1
/** The HA manager's round: "no longer than 10 seconds" (ha-manager manual). */
const ROUND_MS = 10 * SECOND_MS
const EVERY_MS = 300_000
/** Half of the link carries a migration, as CloudSim assumes; only sets how many migrations fit one after another in a
 *  turn. */
const LINK_SHARE = 0.5

export interface CrsState {
  /** Rounds in a row in which the imbalance reached the threshold. */
  readonly heldRounds: number
  readonly orders: number
}

export const proxmoxCrs: Balancer<CrsState> = {
  name: 'proxmox-crs',
  cadence: { firstMs: 0, everyMs: EVERY_MS },
  start: () => ({ heldRounds: 0, orders: 0 }),
  placeNew: placeBySizes,
  takeTurn,
}

/** Samples come once in five minutes and rounds every ten seconds, so all rounds of a turn see one sample. They are
 *  played through here: three rounds of hold, then one migration, then rounds of waiting until it would be over, and
 *  again. */
function takeTurn(state: CrsState, observation: Observation, policy: Policy): Turn<CrsState> {
  const load = new ClusterLoad(observation, policy)
  const orders: MigrationOrder[] = []
  let heldRounds = state.heldRounds
  let round = observation.inventory.migrations.length > 0 ? EVERY_MS / ROUND_MS : 0

  for (; round < EVERY_MS / ROUND_MS; round++) {
    const imbalance = imbalanceOf(load)
    if (imbalance < CRS_THRESHOLD) {
      heldRounds = 0
      break
    }
    heldRounds++
    if (heldRounds < CRS_HOLD_ROUNDS) continue
    heldRounds = 0
    const best = bestMigration(load, observation)
    const improvement = best === undefined ? 0 : (imbalance - best.imbalance) / imbalance
    if (best === undefined || improvement < CRS_MARGIN) break
    orders.push(
      load.order(best.vm, best.to, {
        id: `crs-${state.orders + orders.length + 1}`,
        class: 'contention',
        reason:
          `Imbalance of node loads ${imbalance.toFixed(3)} held ${CRS_HOLD_ROUNDS} rounds ` +
          `at or above ${CRS_THRESHOLD}; this move brings it to ${best.imbalance.toFixed(3)}.`,
      }),
    )
    load.move(best.vm, best.to)
    round += migrationRounds(best.vm, best.to, observation)
  }
  return { state: { heldRounds, orders: state.orders + orders.length }, events: [], orders }
}

/** Coefficient of variation of the online nodes' loads over its greatest possible value, the square root of n - 1:
 *  0 when all are alike, 1 when one node has everything. */
export function imbalanceOf(load: ClusterLoad): number {
  const { sum, squares } = sumsOf(load)
  return imbalanceFrom(sum, squares, load.online.length)
}

function imbalanceFrom(sum: number, squares: number, nodes: number): number {
  if (nodes < 2 || sum <= 0) return 0
  const mean = sum / nodes
  return Math.sqrt(Math.max(0, squares / nodes - mean * mean)) / mean / Math.sqrt(nodes - 1)
}

/** A node's load is the plain mean of its CPU and memory shares. */
function nodeLoad(load: ClusterLoad, host: number): number {
  return (load.cpuLoad(host) + load.memoryLoad(host)) / 2
}

function sumsOf(load: ClusterLoad): { readonly sum: number; readonly squares: number } {
  let sum = 0
  let squares = 0
  for (const host of load.online) {
    const value = nodeLoad(load, host)
    sum += value
    squares += value * value
  }
  return { sum, squares }
}

interface Candidate {
  readonly vm: number
  readonly to: number
  /** The imbalance expected after the move. */
  readonly imbalance: number
}

/** Every movable VM on every online node it may go to; the least imbalance wins, the first of equals. */
function bestMigration(load: ClusterLoad, { inventory }: Observation): Candidate | undefined {
  const { hosts, vms } = inventory
  const { sum, squares } = sumsOf(load)
  const nodes = load.online.length
  const loads = Float64Array.from(hosts, (_, host) => nodeLoad(load, host))
  let best: Candidate | undefined
  for (let vm = 0; vm < vms.length; vm++) {
    if (load.isMovable[vm] === 0) continue
    const from = load.hostOf[vm]
    const cpu = load.vmCpuCores[vm]
    const memory = load.vmMemoryBytes[vm]
    const left = loads[from] - (cpu / hosts[from].cores + memory / hosts[from].memoryBytes) / 2
    for (const to of load.online) {
      if (to === from) continue
      const reached = loads[to] + (cpu / hosts[to].cores + memory / hosts[to].memoryBytes) / 2
      const sumAfter = sum - loads[from] - loads[to] + left + reached
      const squaresAfter = squares - loads[from] ** 2 - loads[to] ** 2 + left ** 2 + reached ** 2
      const imbalance = imbalanceFrom(sumAfter, squaresAfter, nodes)
      if ((best === undefined || imbalance < best.imbalance) && load.mayGo(vm, to)) best = { vm, to, imbalance }
    }
  }
  return best
}

function migrationRounds(vm: number, to: number, { inventory }: Observation): number {
  const seconds = inventory.vms[vm].memoryBytes / (inventory.hosts[to].networkBytesPerSec * LINK_SHARE)
  return Math.ceil((seconds * SECOND_MS) / ROUND_MS)
}
