/** Finds with which hour of the recording, and with which first placement, the demo begins: contention has to come within two hours on some hosts by the
 *  recording itself, on none of them before; and the engine, by its production policy, has to see it come.
 *
 *    node tools/demo/choose-start.ts              the best of 400 placements and all quarters of an hour
 *    node tools/demo/choose-start.ts 130 4776     one of them, turn by turn
 */
import { demoCluster, type DemoCluster } from '../../src/apps/demo-site/cluster.ts'
import { followedBy, readRecorded, TraceLoad } from '../../src/apps/demo-site/load.ts'
import { ethos, initialState } from '../../src/engine/turn.ts'
import { hostCapacityRefCores } from '../../src/terms/host.ts'
import type { MigrationOrder } from '../../src/terms/move.ts'
import { PRODUCTION_POLICY, withSafety } from '../../src/terms/policy.ts'
import { SLOT_MS } from '../../src/terms/usage.ts'
import { vmSizeRefCores } from '../../src/terms/vm.ts'

const SLOTS_PER_DAY = 288
const PAST_SLOTS = 72
const WATCHED_SLOTS = 24
const STEP_SLOTS = 3
const PLACEMENTS = 700
const FIRST_DAY = 8
const LAST_DAY = 24
const CALM = 0.95
const OVER = 1.03
/** Contention within the first ten minutes would leave nothing to foresee. */
const QUIET_SLOTS = 5
const JUDGED_MOST = 1200
const SHOWN = 20

const recorded = readRecorded()
const followed = followedBy(recorded)
const { slots } = recorded.mean
const load = new TraceLoad({ recorded, followed, from: 0, fromSlot: 0, seed: 1 })
const first = demoCluster(1)
const VMS = first.vms.length
const capacity = first.hosts.map(hostCapacityRefCores)
const demand = new Float32Array(VMS * slots)
for (let vm = 0; vm < VMS; vm++)
  for (let slot = 0; slot < slots; slot++)
    demand[slot * VMS + vm] = vmSizeRefCores(first.vms[vm]) * load.slot(vm, slot * SLOT_MS).mean

interface Candidate {
  readonly seed: number
  readonly slot: number
  /** Hosts that contend if nothing is moved. */
  readonly hosts: number
}

interface Judged extends Candidate {
  readonly relieved: number
  /** Of those moves, how many left a host before it contended. */
  readonly ahead: number
  readonly energy: number
  readonly firstMinute: number
  /** Slots of hosts in contention, with these moves and without any. */
  readonly overWith: number
  readonly overWithout: number
}

const [seedAsked, slotAsked] = process.argv.slice(2).map(Number)
if (seedAsked !== undefined) {
  const judged = judge({ seed: seedAsked, slot: slotAsked, hosts: 0 }, (text) => process.stdout.write(`${text}\n`))
  process.stdout.write(`${JSON.stringify(judged)}\n`)
} else {
  const found = candidates()
  process.stdout.write(`${found.length} candidates\n`)
  const judged = found.slice(0, JUDGED_MOST).map((candidate) => judge(candidate))
  const worth = ({ ahead, relieved, energy, overWith, overWithout }: Judged): number =>
    2 * ahead - 3 * (relieved - ahead) - energy + Math.min(10, overWithout - overWith) / 2
  for (const one of judged.toSorted((a, b) => worth(b) - worth(a)).slice(0, SHOWN))
    process.stdout.write(`${worth(one).toFixed(1)} ${JSON.stringify(one)}\n`)
}

function candidates(): readonly Candidate[] {
  const found: Candidate[] = []
  for (let seed = 1; seed <= PLACEMENTS; seed++) {
    const loads = hostLoads(demoCluster(seed))
    for (let slot = FIRST_DAY * SLOTS_PER_DAY; slot < LAST_DAY * SLOTS_PER_DAY; slot += STEP_SLOTS) {
      const highest = (h: number, from: number, to: number): number =>
        Math.max(...loads[h].subarray(slot + from, slot + to)) / capacity[h]
      if (capacity.some((_, h) => highest(h, -12, QUIET_SLOTS) > CALM)) continue
      const hosts = capacity.filter((_, h) => overSlots(loads[h], h, slot + QUIET_SLOTS, slot + WATCHED_SLOTS) >= 3)
      if (hosts.length >= 1) found.push({ seed, slot, hosts: hosts.length })
    }
  }
  return found.toSorted((a, b) => b.hosts - a.hosts || a.seed - b.seed || a.slot - b.slot)
}

function hostLoads({ placed }: DemoCluster): readonly Float64Array[] {
  const loads = capacity.map(() => new Float64Array(slots))
  for (let slot = 0; slot < slots; slot++)
    for (let vm = 0; vm < VMS; vm++) loads[placed[vm]][slot] += demand[slot * VMS + vm]
  return loads
}

function overSlots(loads: Float64Array, host: number, from: number, to: number): number {
  return loads.subarray(from, to).filter((wanted) => wanted / capacity[host] > OVER).length
}

/** Turns in five minutes, and each move over by the next. */
function judge({ seed, slot, hosts }: Candidate, say: (text: string) => void = () => undefined): Judged {
  const cluster = demoCluster(seed)
  const still = hostLoads(cluster)
  const safe = withSafety(PRODUCTION_POLICY)
  const held = { ...safe, consolidation: { ...safe.consolidation, isEnabled: false }, gates: { ...safe.gates, movesPerTurnMax: 0 } }
  const hostOf = Int32Array.from(cluster.placed)
  let state = initialState()
  let ended: readonly MigrationOrder[] = []
  const sums = { relieved: 0, ahead: 0, energy: 0, overWith: 0, firstMinute: Infinity }
  for (let step = -PAST_SLOTS; step < WATCHED_SLOTS; step++) {
    const at = (slot + step) * SLOT_MS
    // What is known at its beginning is the slot before.
    const cpu = demand.slice((slot + step - 1) * VMS, (slot + step) * VMS)
    const inventory = {
      at,
      hosts: cluster.hosts,
      hostStates: cluster.hosts.map(() => 'on' as const),
      vms: cluster.vms,
      hostOf: hostOf.slice(),
      migrations: [],
      ended: ended.map(({ id: orderId, vmId, from, to }) => ({
        orderId, vmId, from, to, result: 'done' as const, startedAt: at - SLOT_MS, endedAt: at - SLOT_MS / 2, copiedBytes: 8e9, downtimeMs: 300,
      })),
    }
    const observation = { at, inventory, samples: { at, windowMs: SLOT_MS, columns: { cpu } }, personalities: [] }
    const turn = ethos.takeTurn(state, observation, step < 0 ? held : safe)
    state = turn.state
    const orders = step < 0 || turn.adviceOnly !== undefined ? [] : turn.orders
    ended = orders
    for (const order of orders) {
      const [from, to] = [order.from, order.to].map((id) => cluster.hosts.findIndex((host) => host.id === id))
      const vm = cluster.vms.findIndex(({ id }) => id === order.vmId)
      const isAhead = overSlots(still[from], from, slot, slot + step) === 0
      if (order.class === 'energy') sums.energy++
      else sums.relieved++
      if (order.class !== 'energy' && isAhead) sums.ahead++
      if (order.class !== 'energy') sums.firstMinute = Math.min(sums.firstMinute, step * 5)
      hostOf[vm] = to
      say(`${step * 5} min ${order.class} ${order.vmId} ${order.from} -> ${order.to} ${isAhead ? 'ahead' : 'late'}: ${order.reason}`)
    }
    const loads = capacity.map(() => 0)
    hostOf.forEach((host, vm) => (loads[host] += demand[(slot + step) * VMS + vm]))
    if (step >= 0) {
      sums.overWith += loads.filter((wanted, h) => wanted / capacity[h] > OVER).length
      const p = turn.hostForecast?.contention
      say(`${step * 5} min ${loads.map((wanted, h) => `${(wanted / capacity[h]).toFixed(2)}/${(still[h][slot + step] / capacity[h]).toFixed(2)}/${p?.[h].toFixed(2)}`).join(' ')}`)
    }
  }
  const overWithout = capacity.reduce((sum, _, h) => sum + overSlots(still[h], h, slot, slot + WATCHED_SLOTS), 0)
  return { seed, slot, hosts, ...sums, overWithout }
}
