/** What must hold of a turn's orders, whoever planned them and however. Checked at the end of each turn, in production too: where one breaks, the orders
 *  are advice. Numbers are those of docs/safety.md.
 *
 *  It shares no code with rules and gates, so that a wrong one of these does not hide itself. Where what planned knows more than can be seen here, the
 *  check is a necessary condition: it never cries wolf, and may miss a little. */
import { HOST_UNKNOWN } from '../../terms/cluster.ts'
import type { OrderId } from '../../terms/ids.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import type { Policy } from '../../terms/policy.ts'
import type { Observation, Turn } from '../../terms/turn.ts'
import { HOUR_MS } from '../../terms/units.ts'
import type { EngineState, MoveLogEntry } from '../state.ts'
import { checkHostLimits, checkSiteLimits } from './invariants-of-hosts.ts'
import { type Flight, SeenWorld } from './seen-world.ts'

export const INVARIANTS = [
  'I3 one order',
  'I6 unknown is frozen',
  'I7 capacity',
  'I8 constraints',
  'I9 concurrency',
  'I10 budgets',
  'I11 no return',
  'I12 benefit',
  'I14 authority',
  'I15 fresh plan',
  'I17 no oscillation',
  'gate 2 hold',
  'gate 3 hysteresis',
  'gate 3 settling',
  'gate 5 cooldown',
  'on record',
] as const
export type Invariant = (typeof INVARIANTS)[number]

export interface Breach {
  readonly invariant: Invariant
  /** One sentence with the values, for people. */
  readonly text: string
  readonly orderId?: OrderId
}

/** All that is wrong with a turn's orders. Empty: nothing.
 *  @param before the state that the turn began with
 *  @param inFlight moves on record that the observation may not show yet */
export function breaches(
  before: EngineState,
  turn: Turn<EngineState>,
  observation: Observation,
  policy: Policy,
  inFlight: readonly Flight[] = [],
): readonly Breach[] {
  const { orders, state } = turn
  if (orders.length === 0) return []
  const world = new SeenWorld({ before, history: state.cpuHistory, observation, policy, orders, inFlight })
  const record = recordOf(state, observation.at)
  const found: Breach[] = []
  for (const order of orders) {
    const say = (invariant: Invariant, text: string): void => {
      found.push({ invariant, text: `${order.vmId}, ${order.from} to ${order.to}: ${text}`, orderId: order.id })
    }
    if (!checkRoute(world, order, say)) continue
    checkConstraints(world, order, say)
    checkPast(world, order, say)
    checkWorth(world, order, state, say)
    checkRecord(order, record, say)
  }
  const say = (invariant: Invariant, text: string): void => void found.push({ invariant, text })
  checkTurn(world, say)
  checkHostLimits(world, say)
  checkSiteLimits(world, say)
  return found
}

/** Takes a breach. */
export type Say = (invariant: Invariant, text: string) => void

/** Whether it is known what the order speaks of. */
function checkRoute(world: SeenWorld, order: MigrationOrder, say: Say): boolean {
  const { inventory, at, samples } = world.observation
  const vm = world.vmIndex.get(order.vmId)
  const from = world.hostIndex.get(order.from)
  const to = world.hostIndex.get(order.to)
  if (vm === undefined || from === undefined || to === undefined) {
    say('I6 unknown is frozen', 'the VM or a host is not known.')
    return false
  }
  const home = inventory.hostOf[vm]
  if (home !== from) {
    const where = home === HOST_UNKNOWN ? 'nobody knows where' : `on ${inventory.hosts[home].id}`
    say('I6 unknown is frozen', `the VM runs ${where}.`)
  }
  if (from === to) say('I8 constraints', 'that is no move.')
  if (inventory.hostStates[from] === 'unreachable') say('I6 unknown is frozen', 'its host does not answer.')
  if (world.flights.has(order.vmId)) say('I3 one order', 'it is on its way already.')
  if (order.decidedAt !== at) say('I15 fresh plan', `decided at ${order.decidedAt}, seen at ${at}.`)
  const ageMs = at - samples.at
  if (ageMs > FRESH_WINDOWS_MAX * samples.windowMs) say('I15 fresh plan', `samples are ${ageMs} ms old.`)
  return true
}

/** Older samples are no ground to move anything on. */
const FRESH_WINDOWS_MAX = 3

function checkConstraints(world: SeenWorld, order: MigrationOrder, say: Say): void {
  const { inventory } = world.observation
  const vm = inventory.vms[world.vmIndex.get(order.vmId) ?? 0]
  const from = inventory.hosts[world.hostIndex.get(order.from) ?? 0]
  const to = world.hostIndex.get(order.to) ?? 0
  const target = inventory.hosts[to]
  if (vm.isPinned === true) say('I8 constraints', 'its owner pinned it.')
  if (inventory.objections?.has(order.vmId) === true) say('I8 constraints', 'a person objects.')
  const state = inventory.hostStates[to]
  if (state === 'stopping' || state === 'maintenance' || state === 'unreachable')
    say('I8 constraints', `the target is ${state}.`)
  if (vm.antiAffinityGroup !== undefined) {
    const mates = world
      .membersAfter(to)
      .map((v) => inventory.vms[v])
      .filter(({ id, antiAffinityGroup }) => id !== vm.id && antiAffinityGroup === vm.antiAffinityGroup)
    if (mates.length > 0) say('I8 constraints', `${mates[0].id} of its group is or will be there.`)
  }
  if (target.cpuFlags.length === 0) return
  const needed = [...(vm.cpuFlags ?? []), ...(vm.isHostPassthrough === true ? from.cpuFlags : [])]
  const offered = new Set(target.cpuFlags)
  const missing = needed.find((flag) => !offered.has(flag))
  if (missing !== undefined) say('I8 constraints', `the target's CPU lacks ${missing}.`)
}

/** No return, no oscillation, rest, and the VM's own budget. */
function checkPast(world: SeenWorld, order: MigrationOrder, say: Say): void {
  const { gates, safety } = world.policy
  const { at } = world.observation
  const moves = world.past.get(order.vmId) ?? []
  const left = moves.find(({ from, at: leftAt }) => from === order.to && at - leftAt < gates.noReturnMs)
  if (left !== undefined) say('I11 no return', `it left there ${minutes(at - left.at)} ago.`)
  const between = moves.filter(
    ({ from, to }) => (from === order.from && to === order.to) || (from === order.to && to === order.from),
  )
  if (between.length >= 2) say('I17 no oscillation', `it went between the two ${between.length} times within a day.`)
  if (moves.length >= gates.movesPerVmDayMax) say('I10 budgets', `it was moved ${moves.length} times within a day.`)
  const last = moves.at(-1)
  if (last === undefined || (safety === undefined && world.isInNeed(order))) return
  const restMs = Math.min(REST_MS_MAX, gates.cooldownMs * 2 ** (countWithFailures(moves, world.observation) - 1))
  if (at - last.at < restMs)
    say('gate 5 cooldown', `it was moved ${minutes(at - last.at)} ago and rests ${minutes(restMs)}.`)
}

/** Rest grows no longer than this. */
const REST_MS_MAX = 6 * HOUR_MS

function countWithFailures(moves: readonly MoveLogEntry[], { inventory }: Observation): number {
  const failed = new Set(inventory.ended.filter(({ result }) => result !== 'done').map(({ vmId }) => vmId))
  const hasFailed = ({ end, vmId }: MoveLogEntry, i: number): boolean =>
    end === undefined ? i === moves.length - 1 && failed.has(vmId) : !end.isDone
  return moves.reduce((count, move, i) => count + (hasFailed(move, i) ? 2 : 1), 0)
}

function checkWorth(world: SeenWorld, order: MigrationOrder, state: EngineState, say: Say): void {
  const { gates, contention, consolidation } = world.policy
  const { move } = order
  if (order.class !== 'contention' && order.class !== 'energy') say('I14 authority', `nobody asked for ${order.class}.`)
  if (order.class === 'energy' && !consolidation.isEnabled) say('I14 authority', 'hosts are not to be emptied.')
  if (move === undefined) {
    say('I12 benefit', 'nobody says what it is worth.')
    return
  }
  const { gain, cost, confidence, estimate } = move
  const margined = cost * (1 + gates.marginFraction) * state.threshold.marginFactor
  const needed = order.class === 'energy' ? 0 : margined
  if (!(gain > needed) || !(cost >= 0) || !Number.isFinite(gain))
    say('I12 benefit', `it gains ${gain} and costs ${cost}.`)
  if (world.policy.safety !== undefined && !((move.gainAtLeast ?? -Infinity) > margined))
    say('I12 benefit', `it surely gains ${move.gainAtLeast ?? 'nothing'} and costs ${cost}.`)
  if (!(confidence >= gates.confidenceMin && confidence <= 1)) say('I12 benefit', `it is sure by ${confidence} only.`)
  if (!estimate.converges) say('I12 benefit', 'its copy does not converge.')
  if (order.class !== 'contention' || world.isInNeed(order)) return
  const bits = state.triggerHistory[world.hostIndex.get(order.from) ?? 0]
  const held = bits.toString(2).replaceAll('0', '').length
  const needsHold = contention.atOnceMarginMs === undefined ? contention.holdTurns : 1
  if ((bits & 1) === 0 || held < needsHold) say('gate 2 hold', `its host was triggered in ${held} turns.`)
}

/** What the turn remembers of its orders. */
interface OnRecord {
  readonly moves: ReadonlyMap<string, MoveLogEntry>
  readonly promised: ReadonlySet<OrderId>
  readonly state: EngineState
}

function recordOf(state: EngineState, at: number): OnRecord {
  const moves = new Map(state.moveLog.filter((entry) => entry.at === at).map((entry) => [entry.vmId, entry]))
  return { moves, promised: new Set(state.promises.map(({ order: { id } }) => id)), state }
}

/** What the turn remembers, later turns' budgets rest on. */
function checkRecord(order: MigrationOrder, { moves, promised, state }: OnRecord, say: Say): void {
  const entry = moves.get(order.vmId)
  if (entry?.from !== order.from || entry.to !== order.to) say('on record', 'the log of moves does not have it.')
  const vm = state.vmIndex.get(order.vmId)
  if (vm === undefined || state.movedAt[vm] !== order.decidedAt) say('on record', 'its rest does not begin.')
  if (!promised.has(order.id)) say('on record', 'nobody follows its promise up.')
}

function checkTurn({ orders, policy }: SeenWorld, say: Say): void {
  const vms = new Set(orders.map(({ vmId }) => vmId))
  if (vms.size < orders.length) say('I3 one order', `${orders.length} orders for ${vms.size} VMs.`)
  const ids = new Set(orders.map(({ id }) => id))
  if (ids.size < orders.length) say('I3 one order', `${orders.length} orders under ${ids.size} ids.`)
  const most = policy.gates.movesPerTurnMax ?? Infinity
  if (orders.length > most) say('I10 budgets', `${orders.length} orders in a turn that may have ${most}.`)
}

function minutes(ms: number): string {
  return `${(ms / 60_000).toFixed(1)} min`
}
