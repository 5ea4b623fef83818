import type { MigrationOrder } from '../terms/move.ts'
import type { Policy } from '../terms/policy.ts'
import type { Lack } from '../terms/ranking.ts'
import type { Balancer, Observation, Turn, TurnEvent } from '../terms/turn.ts'
import type { EpochMs } from '../terms/units.ts'
import type { Clock } from '../world/clock.ts'
import { HypervisorError, type HypervisorErrorCode, TelemetryError } from '../world/errors.ts'
import type { Hypervisor } from '../world/hypervisor.ts'
import type { Store } from '../world/store.ts'
import type { TelemetrySource } from '../world/telemetry-source.ts'
import { encodeHeader, encodeTurn } from './record.ts'

/** Where a loop sees and acts. */
export interface World {
  readonly clock: Clock
  readonly telemetry: TelemetrySource
  readonly hypervisor: Hypervisor
  /** Absent: nothing is recorded, as in a backtest for speed. */
  readonly store?: Store
}

export interface LoopOptions<State> {
  readonly balancer: Balancer<State>
  readonly world: World
  readonly policy: Policy
  readonly seed: number
  /** What the balancer's cadence counts from. Absent: 0, the start of a trace. */
  readonly startAt?: EpochMs
  /** The last instant at which a turn may come; the loop lives up to it. */
  readonly until: EpochMs
  /** Absent: as many as fit. */
  readonly turnsMax?: number
  /** Told of each turn before its orders are begun. */
  readonly onTurn?: (turn: Turn<State>, observation: Observation) => void
}

/** How a loop ended. */
export interface LoopEnd<State> {
  readonly state: State
  readonly turns: number
  /** What the platform refused at the last turn: no line tells of it any more. */
  readonly refused: readonly TurnEvent[]
  readonly reason: 'until' | 'turns-max' | 'exhausted'
}

/** Turns at the balancer's cadence. Turns missed because one took too long are left out, not made up for. */
export async function runLoop<State>(options: LoopOptions<State>): Promise<LoopEnd<State>> {
  const { balancer, world, policy, seed, until, startAt = 0, turnsMax = Infinity } = options
  await world.store?.append(encodeHeader({ balancer: balancer.name, seed, cadence: balancer.cadence, policy }))
  let state = balancer.start({ seed })
  let refused: readonly TurnEvent[] = []
  let turns = 0
  let at = startAt + balancer.cadence.firstMs
  for (; turns < turnsMax; at += balancer.cadence.everyMs) {
    at = skipMissed(at, world.clock.now(), balancer.cadence.everyMs)
    if (at > until) break
    await world.clock.sleepUntil(at)
    const observation = await observe(world)
    if (observation === 'exhausted') return { state, turns, refused, reason: 'exhausted' }
    if (!('inventory' in observation)) {
      refused = [...refused, observation]
      continue
    }
    const turn = await runTurn({ ...options, state, observation, number: turns++, refused })
    state = turn.state
    refused = turn.refused
  }
  if (turns < turnsMax) await world.clock.sleepUntil(until)
  return { state, turns, refused, reason: turns < turnsMax ? 'until' : 'turns-max' }
}

/** One turn on what was seen: judge, record, act. Returns what the platform refused, for the next turn's record. */
export async function runTurn<State>(input: {
  readonly balancer: Balancer<State>
  readonly world: World
  readonly policy: Policy
  readonly state: State
  readonly observation: Observation
  readonly number: number
  readonly refused: readonly TurnEvent[]
  readonly onTurn?: (turn: Turn<State>, observation: Observation) => void
}): Promise<{ readonly state: State; readonly refused: readonly TurnEvent[] }> {
  const { balancer, world, policy, observation, number, refused } = input
  const turn = balancer.takeTurn(input.state, observation, policy)
  const { events, orders } = turn
  const kept = balancer.keep?.(turn.state)
  const record = { number, observation, refused, events, orders, ...(kept === undefined ? {} : { kept }) }
  await world.store?.append(encodeTurn(record))
  input.onTurn?.(turn, observation)
  const refusals: TurnEvent[] = []
  for (const order of turn.adviceOnly === undefined ? orders : []) {
    const refusal = await beginOrder(world.hypervisor, order)
    if (refusal !== undefined) refusals.push(refusal)
  }
  return { state: turn.state, refused: refusals }
}

/** The latest of the instants `at`, `at + everyMs`, ... that has come, or `at` if none has. */
function skipMissed(at: EpochMs, now: EpochMs, everyMs: number): EpochMs {
  assert(everyMs > 0, `A cadence of ${everyMs} ms never comes to its next turn.`)
  return now - at < everyMs ? at : at + Math.floor((now - at) / everyMs) * everyMs
}

/** What there is to see now; a note where the world did not answer, but may next time. */
export async function observe(world: World): Promise<Observation | TurnEvent | 'exhausted'> {
  try {
    const inventory = await world.hypervisor.inventory()
    const { samples, hostSamples, personalities } = await world.telemetry.read(inventory)
    const seen = { at: world.clock.now(), inventory, samples, personalities }
    return hostSamples === undefined ? seen : { ...seen, hostSamples }
  } catch (error) {
    if (error instanceof TelemetryError && error.code === 'exhausted') return 'exhausted'
    const isPassing = (error instanceof TelemetryError || error instanceof HypervisorError) && error.retryable
    if (!isPassing) throw error
    return { kind: 'note', text: `Turn left out, nothing seen: ${error.message}` }
  }
}

/** Asks the platform, then begins. A refusal is an event; only a platform that answers nonsense ends the loop. */
async function beginOrder(hypervisor: Hypervisor, order: MigrationOrder): Promise<TurnEvent | undefined> {
  const { vmId, from, to } = order
  try {
    const verdict = await hypervisor.preflight(order)
    if (verdict.kind === 'fits') {
      await hypervisor.begin(order)
      return undefined
    }
    return { kind: 'move-refused', vmId, from, to, lacking: verdict.lacking, reason: verdict.reason }
  } catch (error) {
    if (!(error instanceof HypervisorError) || error.code === 'protocol') throw error
    return { kind: 'move-refused', vmId, from, to, lacking: LACKING_OF[error.code], reason: error.message }
  }
}

function assert(isTrue: boolean, message: string): asserts isTrue {
  if (!isTrue) throw new Error(message)
}

/** What a failed `begin` means in the words of a refusal. */
const LACKING_OF: Readonly<Record<Exclude<HypervisorErrorCode, 'protocol'>, Lack>> = {
  unreachable: 'host-state',
  unauthorised: 'host-state',
  'unknown-host': 'host-state',
  refused: 'host-state',
  'unknown-vm': 'location-unknown',
  busy: 'in-flight',
}
