/** One turn: what was seen, and what is to be done about it. Pure: the same three values always give the same fourth. */
import { HOST_UNKNOWN } from '../terms/cluster.ts'
import type { MigrationOrder } from '../terms/move.ts'
import type { Policy } from '../terms/policy.ts'
import type { Balancer, HostForecast, Observation, Turn, TurnEvent } from '../terms/turn.ts'
import { DAY_MS } from '../terms/units.ts'
import { openContext, type TurnContext } from './context.ts'
import { initialThreshold, learnBand, learnMargin, rememberBounds } from './learn/threshold.ts'
import { logEntry, noteEnds } from './learn/ends.ts'
import { followUp } from './learn/outcomes.ts'
import { forgetRefused } from './learn/refused.ts'
import { learnDoubt, sayDoubtInSelf } from './learn/self-doubt.ts'
import { placeNew } from './place.ts'
import { consolidate } from './plan/consolidate.ts'
import { breaches } from './plan/invariants.ts'
import { initiateMigration } from './plan/orders.ts'
import { Planner, stayCode } from './plan/planner.ts'
import { type Alarm, raiseAlarm, relieve } from './plan/relieve.ts'
import { measureLevels } from './profile/levels.ts'
import { emptyProfiles, updateProfiles } from './profile/profiles.ts'
import { mixOf } from './profile/work-mix.ts'
import { alignRosters } from './roster.ts'
import type { Draining, EngineState, OpenPromise } from './state.ts'
import { measureFleet } from './suitability/fleet.ts'
import { isDoubtful, sayDoubt } from './suitability/rules/measured-load.ts'
import { type Vm, vmSizeRefCores } from '../terms/vm.ts'

/** Before the first turn: nothing is known. */
export function initialState(): EngineState {
  return {
    turns: 0,
    lastTurnAt: -Infinity,
    vms: [],
    hosts: [],
    vmIndex: new Map(),
    hostIndex: new Map(),
    cpuHistory: [],
    profiles: emptyProfiles(0),
    mixes: new Map(),
    fleet: measureFleet([]),
    movedAt: new Float64Array(0),
    moveLog: [],
    busySince: new Float64Array(0),
    triggerHistory: new Uint8Array(0),
    draining: [],
    threshold: initialThreshold(),
    promises: [],
  }
}

/** Demand of so many times a VM's size is another unit: per cent, most likely. Demand above the size by less is seen as it is. */
const NONSENSE_TIMES = 100

/** Where a turn stands before it plans. */
interface Prepared {
  readonly context: TurnContext
  /** What was learnt on the way, for the record. */
  readonly events: readonly TurnEvent[]
}

/** See and learn: everything before the plan. */
export function prepare(before: EngineState, observation: Observation, policy: Policy): Prepared {
  const seen = absorb(before, observation, policy)
  const settlement = followUp(seen, observation, policy)
  const nets = settlement.settled.map((outcome) => (outcome.realisedGain ?? 0) - outcome.realisedCost)
  const margin = learnMargin(learnBand(seen, observation.inventory.hostOf, policy), nets)
  const learnt = learnDoubt(margin.threshold, nets)
  const levels = measureLevels(seen.vms, seen.cpuHistory)
  const profiles = updateProfiles(seen.profiles, seen.cpuHistory, levels, observation.samples)
  const state: EngineState = { ...seen, threshold: learnt.threshold, profiles, promises: settlement.open }
  return {
    context: openContext(state, observation, policy, levels),
    events: [
      ...settlement.settled.map((outcome): TurnEvent => ({ kind: 'outcome-settled', outcome })),
      ...margin.events,
      ...learnt.events,
    ],
  }
}

/** The whole judgement of one turn: see, learn, plan; then the plan is looked at once more, by code that shares nothing with what made it. */
export function takeTurn(before: EngineState, observation: Observation, policy: Policy): Turn<EngineState> {
  const turn = judge(before, observation, policy)
  const doubt = sayDoubtInSelf(turn.state.threshold, policy)
  const broken = breaches(before, turn, observation, policy).map(({ invariant, text }) => `${invariant}: ${text}`)
  const adviceOnly = [...broken, ...(doubt === undefined ? [] : [doubt])]
  if (adviceOnly.length === 0 || turn.orders.length === 0) return turn
  const notes = adviceOnly.map((text): TurnEvent => ({ kind: 'note', text: `Advice only. ${text}` }))
  return { ...turn, events: [...turn.events, ...notes], adviceOnly }
}

/** See, learn, plan. */
function judge(before: EngineState, observation: Observation, policy: Policy): Turn<EngineState> {
  const { context, events } = prepare(before, observation, policy)
  const planner = new Planner(context)
  const alarm = raiseAlarm(context)
  const hostForecast = forecastHosts(context, alarm)
  relieve(planner, alarm)
  const draining = consolidate(planner)

  const orders = planner.moves.map(({ move }, i) => initiateMigration(move, observation.at, context.state.turns, i))
  markUnmoved(planner)
  return {
    state: conclude(context, planner, { alarm, draining, orders }),
    events: [
      ...events,
      ...tellDoubts(context),
      ...planner.events,
      ...orders.map((order): TurnEvent => ({ kind: 'move-ordered', order })),
    ],
    orders,
    stayed: planner.stayed,
    hostForecast,
  }
}

/** The engine as one who balances a cluster, beside its rivals. */
export const ethos: Balancer<EngineState> = {
  name: 'ethos',
  cadence: { firstMs: 0, everyMs: 300_000 },
  start: initialState,
  placeNew,
  takeTurn,
}

/** Takes the observation in: rosters, the newest samples, and what the log no longer needs. */
function absorb(before: EngineState, observation: Observation, policy: Policy): EngineState {
  const refused = forgetRefused(alignRosters(before, observation.inventory), observation.inventory)
  const aligned = { ...refused, moveLog: noteEnds(refused.moveLog, observation.inventory.ended) }
  const { samples } = observation
  const windows = Math.max(1, Math.round(policy.forecast.lookBackMs / samples.windowMs))
  const newest = withinReason(aligned.vms, samples.columns.cpu ?? new Float32Array(aligned.vms.length).fill(NaN))
  return {
    ...aligned,
    turns: before.turns + 1,
    mixes: rememberMixes(aligned, observation),
    cpuHistory: [...aligned.cpuHistory, newest].slice(-windows),
    moveLog: aligned.moveLog.filter((entry) => observation.at - entry.at < DAY_MS),
  }
}

/** The newest mix of work of each VM that told one; those of VMs that have gone are forgotten. */
function rememberMixes({ mixes, vmIndex }: EngineState, { personalities }: Observation): EngineState['mixes'] {
  if (personalities.length === 0 && mixes.size === 0) return mixes
  const next = new Map([...mixes].filter(([vmId]) => vmIndex.has(vmId)))
  for (const vector of personalities) {
    const mix = vmIndex.has(vector.vmId) ? mixOf(vector) : undefined
    if (mix !== undefined) next.set(vector.vmId, mix)
  }
  return next
}

/** Demand that no VM can have was not measured; the column itself where there is none such. */
function withinReason(vms: readonly Vm[], demand: Float32Array): Float32Array {
  const isNonsense = (v: number): boolean => demand[v] < 0 || demand[v] >= vmSizeRefCores(vms[v]) * NONSENSE_TIMES
  if (!vms.some((_, v) => isNonsense(v))) return demand
  return demand.map((value, v) => (isNonsense(v) ? NaN : value))
}

/** Demand of each host over the horizon as seen before planning: for the page, the report and the check of coverage. */
function forecastHosts(context: TurnContext, alarm: Alarm): HostForecast {
  const hosts = context.fleet.capacity.length
  const p50 = new Float32Array(hosts).fill(NaN)
  const p95 = new Float32Array(hosts).fill(NaN)
  for (let h = 0; h < hosts; h++) {
    if (context.loads.count[h] === 0) continue
    p50[h] = context.loads.mean[h]
    p95[h] = context.loads.mean[h] + 1.645 * context.loads.sd(h)
  }
  return { horizonMs: context.policy.forecast.horizonMs, p50, p95, contention: alarm.contention }
}

/** Hosts that are not believed, one note each. */
function tellDoubts(context: TurnContext): readonly TurnEvent[] {
  return context.members.flatMap((_, h) => {
    if (!isDoubtful(context, h)) return []
    return [
      {
        kind: 'note' as const,
        text: `${sayDoubt(context, h)} It is neither a target nor a reason to move until they agree.`,
      },
    ]
  })
}

function markUnmoved(planner: Planner): void {
  const { context } = planner
  const newest = context.state.cpuHistory.at(-1)
  for (let v = 0; v < context.hostOf.length; v++) {
    if (context.hostOf[v] === HOST_UNKNOWN) planner.stay(v, 'location-unknown')
    else if (context.inFlight[v] === 1) planner.stay(v, 'in-flight')
    else if (context.levels.samples[v] === 0 || newest === undefined) {
      if (planner.stayed[v] === stayCode('host-comfortable')) planner.stay(v, 'no-sample')
    }
  }
}

interface Conclusion {
  readonly alarm: Alarm
  readonly draining: readonly Draining[]
  readonly orders: readonly MigrationOrder[]
}

/** The state after the turn: who moved, which hosts came into use, what was promised. */
function conclude(context: TurnContext, planner: Planner, made: Conclusion): EngineState {
  const { state } = context
  const { at } = context.observation
  const movedAt = Float64Array.from(state.movedAt)
  for (const { vm } of planner.moves) movedAt[vm] = at
  const busySince = Float64Array.from(state.busySince)
  for (let h = 0; h < busySince.length; h++) {
    if (context.members[h].length === 0) busySince[h] = NaN
    else if (Number.isNaN(busySince[h])) busySince[h] = at
  }
  return {
    ...state,
    lastTurnAt: at,
    movedAt,
    busySince,
    moveLog: [...state.moveLog, ...made.orders.map(logEntry)],
    triggerHistory: made.alarm.history,
    draining: made.draining,
    threshold: rememberBounds(context, state.threshold),
    promises: [...state.promises, ...promise(context, planner, made.orders)],
  }
}

function promise(context: TurnContext, planner: Planner, orders: readonly MigrationOrder[]): readonly OpenPromise[] {
  const { forecast, consolidation } = context.policy
  return orders.map((order, i) => {
    const { move, companions } = planner.moves[i]
    const spanMs = move.class === 'energy' ? consolidation.expectedOffMs : forecast.horizonMs
    return {
      order,
      gain: move.gain,
      cost: move.cost,
      companions,
      settleAt: context.observation.at + spanMs,
      realised: 0,
      realisedCost: 0,
    }
  })
}
