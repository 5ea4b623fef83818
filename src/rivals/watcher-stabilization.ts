/** OpenStack Watcher, strategy `workload_stabilization`, with its manual's defaults: metrics instance_cpu_usage and
 *  instance_ram_usage, thresholds 0.2, weights 1, host_choice "retry" with retry_count 1.
 *
 *  Facts from openstack/watcher (`workload_stabilization.py`, its page in the manual). Simpler here than there: one
 *  sample instead of means over 600 s (nodes) and 720 s (instances), which at five-minute samples are two of them; no
 *  disk check; a VM without a memory reading counts with its configured memory, where Watcher would leave it out; the
 *  plan's moves begin together and not two by two. */
import { drawFraction, type LuckState } from '../terms/luck.ts'
import type { MigrationOrder } from '../terms/move.ts'
import type { Policy } from '../terms/policy.ts'
import type { Balancer, Observation, Turn } from '../terms/turn.ts'
import { ClusterLoad } from './cluster-load.ts'
import { placeBySizes } from './first-placement.ts'

/** `thresholds`: standard deviation of node loads, as shares, above which the strategy acts; alike for CPU and memory.
 */
export const WATCHER_THRESHOLD = 0.2
/** `weights`: what each metric's deviation counts in the sum that moves must lower. */
const WEIGHTS = { cpu: 1, memory: 1 }
/** An audit's interval has no default. The manual's guide to continuous audits runs them every 300 s, its first common
 *  value. */
const EVERY_MS = 300_000

export interface WatcherState {
  readonly luck: LuckState
  readonly orders: number
}

export const watcherStabilization: Balancer<WatcherState> = {
  name: 'watcher-stabilization',
  cadence: { firstMs: 0, everyMs: EVERY_MS },
  start: ({ seed }) => ({ luck: seed >>> 0, orders: 0 }),
  placeNew: placeBySizes,
  takeTurn,
}

/** Standard deviations (of the population) of the online nodes' CPU and memory shares. */
export interface Deviation {
  readonly cpu: number
  readonly memory: number
}

interface Candidate {
  readonly vm: number
  readonly to: number
  readonly weighted: number
}

function takeTurn(state: WatcherState, observation: Observation, policy: Policy): Turn<WatcherState> {
  const load = new ClusterLoad(observation, policy)
  const before = deviationOf(load)
  if (before.cpu <= WATCHER_THRESHOLD && before.memory <= WATCHER_THRESHOLD) return { state, events: [], orders: [] }

  const { candidates, luck } = simulateMigrations(load, observation, state.luck)
  const orders: MigrationOrder[] = []
  let least = 1
  for (const { vm, to } of candidates) {
    const after = sumsAfter(load, observation, vm, to)
    const deviation = deviationFrom(after, load.online.length)
    if (weigh(deviation) < least && load.mayGo(vm, to)) {
      least = weigh(deviation)
      orders.push(
        load.order(vm, to, {
          id: `watcher-${state.orders + orders.length + 1}`,
          class: 'contention',
          reason:
            `Node loads deviate by ${before.cpu.toFixed(3)} (CPU) and ${before.memory.toFixed(3)} (memory), ` +
            `threshold ${WATCHER_THRESHOLD}; this move brings the weighted sum to ${least.toFixed(3)}.`,
        }),
      )
      load.move(vm, to)
    }
    if (deviation.cpu < WATCHER_THRESHOLD || deviation.memory < WATCHER_THRESHOLD) break
  }
  return { state: { luck, orders: state.orders + orders.length }, events: [], orders }
}

export function deviationOf(load: ClusterLoad): Deviation {
  return deviationFrom(sumsOf(load), load.online.length)
}

/** One random other node for every VM; kept where it alone would lower the weighted deviation; best first. */
function simulateMigrations(
  load: ClusterLoad,
  observation: Observation,
  firstLuck: LuckState,
): { readonly candidates: readonly Candidate[]; readonly luck: LuckState } {
  const now = weigh(deviationOf(load))
  const sums = sumsOf(load)
  const candidates: Candidate[] = []
  let luck = firstLuck
  if (load.online.length < 2) return { candidates, luck }
  for (let vm = 0; vm < load.isMovable.length; vm++) {
    if (load.isMovable[vm] === 0) continue
    const draw = drawFraction(luck)
    luck = draw.state
    const others = load.online.length - 1
    const position = Math.floor(draw.value * others)
    const own = load.online.indexOf(load.hostOf[vm])
    const to = load.online[position < own ? position : position + 1]
    const weighted = weigh(deviationFrom(sumsAfter(load, observation, vm, to, sums), load.online.length))
    if (weighted < now) candidates.push({ vm, to, weighted })
  }
  candidates.sort((a, b) => a.weighted - b.weighted || a.vm - b.vm)
  return { candidates, luck }
}

interface Sums {
  readonly cpu: number
  readonly cpuSquares: number
  readonly memory: number
  readonly memorySquares: number
}

function sumsOf(load: ClusterLoad): Sums {
  let [cpu, cpuSquares, memory, memorySquares] = [0, 0, 0, 0]
  for (const host of load.online) {
    cpu += load.cpuLoad(host)
    cpuSquares += load.cpuLoad(host) ** 2
    memory += load.memoryLoad(host)
    memorySquares += load.memoryLoad(host) ** 2
  }
  return { cpu, cpuSquares, memory, memorySquares }
}

/** The sums as if `vm` were on `to`, taking as many of its cores as it takes of the present ones. */
function sumsAfter(
  load: ClusterLoad,
  { inventory: { hosts } }: Observation,
  vm: number,
  to: number,
  sums: Sums = sumsOf(load),
): Sums {
  const from = load.hostOf[vm]
  const [cpuFrom, cpuTo, memoryFrom, memoryTo] = [
    load.cpuLoad(from),
    load.cpuLoad(to),
    load.memoryLoad(from),
    load.memoryLoad(to),
  ]
  const cpuLeft = cpuFrom - load.vmCpuCores[vm] / hosts[from].cores
  const cpuReached = cpuTo + load.vmCpuCores[vm] / hosts[to].cores
  const memoryLeft = memoryFrom - load.vmMemoryBytes[vm] / hosts[from].memoryBytes
  const memoryReached = memoryTo + load.vmMemoryBytes[vm] / hosts[to].memoryBytes
  return {
    cpu: sums.cpu - cpuFrom - cpuTo + cpuLeft + cpuReached,
    cpuSquares: sums.cpuSquares - cpuFrom ** 2 - cpuTo ** 2 + cpuLeft ** 2 + cpuReached ** 2,
    memory: sums.memory - memoryFrom - memoryTo + memoryLeft + memoryReached,
    memorySquares: sums.memorySquares - memoryFrom ** 2 - memoryTo ** 2 + memoryLeft ** 2 + memoryReached ** 2,
  }
}

function deviationFrom(sums: Sums, nodes: number): Deviation {
  if (nodes === 0) return { cpu: 0, memory: 0 }
  const of = (sum: number, squares: number) => Math.sqrt(Math.max(0, squares / nodes - (sum / nodes) ** 2))
  return { cpu: of(sums.cpu, sums.cpuSquares), memory: of(sums.memory, sums.memorySquares) }
}

function weigh(deviation: Deviation): number {
  return deviation.cpu * WEIGHTS.cpu + deviation.memory * WEIGHTS.memory
}
