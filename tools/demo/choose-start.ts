/** Finds with which hour of the recording, and with which first placement, the demo begins: contention has to come within two hours on some hosts by the
 *  recording itself, on none of them before; and the engine, by its production policy, has to see it come.
 *
 *    node tools/demo/choose-start.ts              the best of all placements and quarters of an hour
 *    node tools/demo/choose-start.ts 20 4074      one of them, turn by turn
 */
import { demoCluster, type DemoCluster } from '../../src/apps/demo-site/cluster.ts'
import { followedBy, readRecorded, TraceLoad } from '../../src/apps/demo-site/load.ts'
import { ethos, initialState } from '../../src/engine/turn.ts'
import { hostCapacityRefCores } from '../../src/terms/host.ts'
import type { MigrationOrder } from '../../src/terms/move.ts'
import { PRODUCTION_POLICY, withSafety } from '../../src/terms/policy.ts'
import type { Observation } from '../../src/terms/turn.ts'
import { SLOT_MS } from '../../src/terms/usage.ts'
import { vmSizeRefCores } from '../../src/terms/vm.ts'

const SLOTS_PER_DAY = 288
const PAST_SLOTS = 72
const WATCHED_SLOTS = 24
const STEP_SLOTS = 3
const PLACEMENTS = 160
const FIRST_DAY = 8
const LAST_DAY = 24
const CALM = 0.95
const OVER = 1.03
/** Contention within the first ten minutes would leave nothing to foresee. */
const QUIET_SLOTS = 5
const JUDGED_MOST = 60
const SHOWN = 20

const SAFE = withSafety(PRODUCTION_POLICY)
/** The same with no move to spare: for the past. */
const HELD = {
  ...SAFE,
  consolidation: { ...SAFE.consolidation, isEnabled: false },
  gates: { ...SAFE.gates, movesPerTurnMax: 0 },
}

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
  // Neighbouring quarters of an hour tell the same.
  const best = Map.groupBy(found, ({ seed, slot }) => `${seed} ${Math.floor(slot / SLOTS_PER_DAY)}`)
  return [...best.values()]
    .map((some) => some.toSorted((a, b) => b.hosts - a.hosts || a.slot - b.slot)[0])
    .toSorted((a, b) => b.hosts - a.hosts || a.seed - b.seed)
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
  const hostOf = Int32Array.from(cluster.placed)
  let state = initialState()
  let ended: readonly MigrationOrder[] = []
  const sums = { relieved: 0, ahead: 0, energy: 0, overWith: 0, firstMinute: Infinity }
  for (let step = -PAST_SLOTS; step < WATCHED_SLOTS; step++) {
    const seen = observe(cluster, hostOf, { slot: slot + step, ended })
    const turn = ethos.takeTurn(state, seen, step < 0 ? HELD : SAFE)
    state = turn.state
    ended = step < 0 || turn.adviceOnly !== undefined ? [] : turn.orders
    for (const order of ended) {
      const [from, to] = [order.from, order.to].map((id) => cluster.hosts.findIndex((host) => host.id === id))
      hostOf[cluster.vms.findIndex(({ id }) => id === order.vmId)] = to
      const isAhead = overSlots(still[from], from, slot, slot + step) === 0
      say(`${step * 5} min ${order.class} ${order.vmId} ${order.from} -> ${order.to}: ${order.reason}`)
      if (order.class === 'energy') sums.energy++
      else {
        sums.relieved++
        sums.ahead += isAhead ? 1 : 0
        sums.firstMinute = Math.min(sums.firstMinute, step * 5)
      }
    }
    if (step < 0) continue
    const loads = loadsNow(hostOf, slot + step)
    sums.overWith += loads.filter((load) => load > OVER).length
    const p = turn.hostForecast?.contention
    say(`${step * 5} min ${loads.map((load, h) => `${load.toFixed(2)} (${p?.[h].toFixed(2)})`).join(' ')}`)
  }
  const overWithout = capacity.reduce((sum, _, h) => sum + overSlots(still[h], h, slot, slot + WATCHED_SLOTS), 0)
  return { seed, slot, hosts, ...sums, overWithout }
}

/** What the engine sees at the beginning of a slot: the one before, and moves that have ended within it. */
function observe(
  { hosts, vms }: DemoCluster,
  hostOf: Int32Array,
  { slot, ended }: { readonly slot: number; readonly ended: readonly MigrationOrder[] },
): Observation {
  const at = slot * SLOT_MS
  const span = { startedAt: at - SLOT_MS, endedAt: at - SLOT_MS / 2, copiedBytes: 8e9, downtimeMs: 300 }
  const inventory = {
    at,
    hosts,
    hostStates: hosts.map(() => 'on' as const),
    vms,
    hostOf: hostOf.slice(),
    migrations: [],
    ended: ended.map(({ id: orderId, vmId, from, to }) => ({
      orderId,
      vmId,
      from,
      to,
      result: 'done' as const,
      ...span,
    })),
  }
  const cpu = demand.slice((slot - 1) * VMS, slot * VMS)
  return { at, inventory, samples: { at, windowMs: SLOT_MS, columns: { cpu } }, personalities: [] }
}

/** Shares of capacity. */
function loadsNow(hostOf: Int32Array, slot: number): readonly number[] {
  const loads = capacity.map(() => 0)
  for (const [vm, host] of hostOf.entries()) loads[host] += demand[slot * VMS + vm]
  return loads.map((wanted, h) => wanted / capacity[h])
}
