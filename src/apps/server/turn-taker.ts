/** Turns of the engine on what arrived: see, judge, record; what was ordered is proposed. One instance between a start and an end. */
import { stateAfterStep } from '../../engine/clock-step.ts'
import { alignRosters } from '../../engine/roster.ts'
import { forgiven } from '../../engine/learn/self-doubt.ts'
import { ethos } from '../../engine/turn.ts'
import type { EngineState } from '../../engine/state.ts'
import type { HostTold } from '../../drivers/reported/reported-hypervisor.ts'
import { SiteJournal } from '../../drivers/reported/site-journal.ts'
import { encodeHeader } from '../../loop/record.ts'
import { runTurn } from '../../loop/run-loop.ts'
import { encodePolicy, type Policy } from '../../terms/policy.ts'
import { SLOT_MS, slotOf } from '../../terms/usage.ts'
import type { OrderId } from '../../terms/ids.ts'
import type { TurnEvent } from '../../terms/turn.ts'
import type { Clock } from '../../world/clock.ts'
import type { SiteStore } from '../../world/site-store.ts'
import type { Store } from '../../world/store.ts'
import { keptOf } from './kept-state.ts'
import { ForesightKeeper } from './ledger/foresight-line.ts'
import type { MovesDesk } from './moves-desk.ts'
import { encodeLearnt } from './rebuild.ts'
import type { RecordedTurn, TurnInputs } from './replay/turn-inputs.ts'
import type { TurnRecorder } from './replay/turn-recorder.ts'
import { withOrders } from './replay/with-orders.ts'
import { AUTOMATION_LEVELS, type AutomationLevel, type SiteSettings } from './site-settings.ts'
import { type Sight, SiteSight } from './site-sight.ts'
import type { TurnPacket, TurnResult } from './turn-packet.ts'

/** What is learnt is written down every so many slots: an hour's learning is lost at most. */
const LEARNT_EVERY = 12
/** Host data older than this many intervals, of turns or of reports, whichever are longer, are no ground to decide on: reliability test 32. */
const FRESH_INTERVALS = 2
/** Fewer windows of the past say nothing about what comes; a VM that nobody measured is taken for what is typical. */
const WARM_WINDOWS = 3

export type Taken =
  | { readonly kind: 'turn'; readonly packet: TurnPacket }
  /** No turn was taken, and why not. */
  | { readonly kind: 'none'; readonly isOff: boolean; readonly reason: string }

export class TurnTaker {
  private readonly clock: Clock
  private readonly everyMs: number
  private readonly sight: SiteSight
  private readonly desk: MovesDesk | undefined
  private readonly recorder: Pick<TurnRecorder, 'keep'> | undefined
  private readonly journal: SiteJournal
  private readonly foresight = new ForesightKeeper()
  private state: EngineState | undefined
  /** As the last turn saw it. */
  private level: AutomationLevel | undefined
  /** That with which the first turn of the newest slot began: what later turns of the slot do over. */
  private slotStart: EngineState | undefined
  /** End of the newest window in the state's past. */
  private samplesAt = NaN
  /** Slots that turns were taken in. */
  private slots = 0
  /** Orders of the newest slot: what a turn may order at most counts for all turns of a slot, which see the same usage. */
  private orderedInSlot = 0
  private refused: readonly TurnEvent[] = []
  private taken = 0
  private headerOf = ''
  private readonly token: () => number
  /** That under which the turn began: what was judged before another had the lease is not written under a later one. */
  private turnToken = NaN
  /** Of the turn that is being taken: what its line rests on beside what it was given. */
  private decided: Pick<TurnInputs, 'emptying' | 'carriedOut'> = { carriedOut: [] }
  /** By so much the clock was set forward since the state was made. */
  private steppedMs = 0

  /** @param about.recorder keeps what turns are judged on. Absent: nobody does
   *  @param about.desk who carries orders out, or keeps them as proposals. Absent: nobody carries them out
   *  @param about.token of the lease under which the journal is written, as it is now: a turn is written under the one it began with */
  constructor(about: {
    readonly store: SiteStore
    readonly clock: Clock
    readonly everyMs: number
    readonly token: () => number
    readonly desk?: MovesDesk
    readonly recorder?: Pick<TurnRecorder, 'keep'>
  }) {
    this.desk = about.desk
    this.recorder = about.recorder
    this.clock = about.clock
    this.everyMs = about.everyMs
    this.sight = new SiteSight(about.store, about.clock, (seen) => about.desk?.over(seen) ?? seen)
    this.token = about.token
    this.journal = new SiteJournal(about.store, about.clock, () => this.turnToken)
  }

  /** One turn. Rejects with a `StoreError` where the store fails: what can't be recorded is not done, and the next turn begins where this one did.
   *  @param alsoHeld why nothing may be ordered in it, beside what is seen here */
  async take(alsoHeld: readonly string[] = []): Promise<Taken> {
    this.turnToken = this.token()
    this.catchUp()
    const read = await this.sight.readSettings()
    const optOuts = (await this.desk?.owners.beside(read.optOuts)) ?? read.optOuts
    const settings = { ...read, optOuts }
    this.noteLevel(settings.automation.level)
    if (settings.automation.level === 'off')
      return { kind: 'none', isOff: true, reason: 'Automation is off: no turns are taken.' }
    const sight = await this.sight.look(settings)
    if (typeof sight === 'string') return { kind: 'none', isOff: false, reason: sight }
    if (sight.observation.inventory.vms.length === 0 && this.state === undefined)
      return { kind: 'none', isOff: false, reason: 'No host has told of a VM yet: there is nothing to judge.' }
    const continued = await this.continued(sight)
    if (this.state === undefined && this.steppedMs > 0)
      return { kind: 'none', isOff: false, reason: 'The clock was set forward while the first turn looked.' }
    const lateMs = this.catchUp()
    const before = lateMs === 0 ? continued : stateAfterStep(continued, lateMs)
    const late = lateMs === 0 ? [] : [`The clock was set by ${(lateMs / 1000).toFixed(1)} s while it looked.`]
    const held = [...alsoHeld, ...late, ...this.whyHeld(before, sight)]
    await this.writeHeader(settings.policy)
    const result = await this.judge(before, sight, held.length > 0)
    this.taken++
    const { observation, notes, heardAt } = sight
    const { policy, automation } = settings
    const known = { ...before, mixes: sight.mixes }
    const why = [...held, ...(result.adviceOnly ?? [])]
    const about = { number: before.turns, before: known, observation, policy, automation, held: why, notes, heardAt }
    return { kind: 'turn', packet: { ...about, result } }
  }

  /** The clock was set forward by so much: what is remembered stays as long ago as it was, from the next look on. */
  clockStepped(steppedMs: number): void {
    this.steppedMs += steppedMs
    this.sight.clockStepped(steppedMs)
  }

  private catchUp(): number {
    const { steppedMs } = this
    this.steppedMs = 0
    if (steppedMs > 0 && this.state !== undefined) this.state = stateAfterStep(this.state, steppedMs)
    if (steppedMs > 0 && this.slotStart !== undefined) this.slotStart = stateAfterStep(this.slotStart, steppedMs)
    return steppedMs
  }

  /** Who raises automation again has forgiven what moves have lost. */
  private noteLevel(level: AutomationLevel): void {
    const was = this.level
    this.level = level
    if (was === undefined || AUTOMATION_LEVELS.indexOf(level) <= AUTOMATION_LEVELS.indexOf(was)) return
    if (this.state !== undefined) this.state = withForgiveness(this.state)
    if (this.slotStart !== undefined) this.slotStart = withForgiveness(this.slotStart)
  }

  /** The state that a turn on this sight begins with: one window of the past for each slot, whenever turns come. */
  private async continued(sight: Sight): Promise<EngineState> {
    const { inventory, samples } = sight.observation
    const was = this.state
    if (was === undefined) return this.remembered(sight)
    // The same slot again: what is told now replaces what was told then, and a trigger is counted once a slot.
    if (samples.at === this.samplesAt) return this.sight.recall(againIn(this.slotStart ?? was, was), sight)
    if (samples.at === this.samplesAt + samples.windowMs) return this.sight.recall(was, sight)
    // Turns were left out, and what happened meanwhile is in the store.
    return { ...alignRosters(was, inventory), cpuHistory: (await this.sight.remember(sight)).cpuHistory }
  }

  /** After a start. A turn of this slot may have been taken before it: its trigger is counted once. */
  private async remembered(sight: Sight): Promise<EngineState> {
    const state = await this.sight.remember(sight, Math.max(this.everyMs, SLOT_MS))
    if (slotOf(state.lastTurnAt) !== slotOf(sight.observation.at)) return state
    return { ...state, triggerHistory: state.triggerHistory.map((bits) => bits >> 1) }
  }

  private async judge(before: EngineState, sight: Sight, isHeld: boolean): Promise<TurnResult> {
    let result: TurnResult = { events: [], orders: [] }
    const { policy, automation } = sight.settings
    const isTrusting = automation.areGuestsTrusted
    const isNewSlot = sight.observation.samples.at !== this.samplesAt
    const given = {
      number: before.turns,
      observation: isTrusting ? sight.observation : { ...sight.observation, personalities: [] },
      policy: isHeld ? heldPolicy(policy) : lessOrders(policy, isNewSlot ? 0 : this.orderedInSlot),
      refused: this.refused,
    }
    const known = { ...before, mixes: isTrusting ? sight.mixes : new Map() }
    const { state, refused } = await runTurn({
      ...given,
      balancer: this.balancer(sight.settings, isHeld),
      world: {
        clock: this.clock,
        telemetry: this.sight.telemetry,
        hypervisor: this.sight.hypervisor,
        store: this.recording((line) => ({ inputs: { ...given, before: known, ...this.decided }, line })),
      },
      state: known,
      onTurn: ({ state: after, events, orders, adviceOnly, stayed, hostForecast }, { inventory }) => {
        const ahead = hostForecast === undefined ? {} : { contention: hostForecast.contention }
        this.desk?.note({ state: after, observation: { ...sight.observation, inventory }, policy, ...ahead })
        result = {
          events,
          orders,
          ...(adviceOnly === undefined ? {} : { adviceOnly }),
          ...(stayed === undefined ? {} : { stayed }),
          ...(hostForecast === undefined ? {} : { hostForecast }),
        }
      },
    })
    this.state = this.withPromisesKept(state)
    this.samplesAt = sight.observation.samples.at
    this.refused = refused
    this.orderedInSlot = (isNewSlot ? 0 : this.orderedInSlot) + result.orders.length
    if (!isNewSlot) return result
    this.slotStart = before
    this.slots++
    const { hostForecast, stayed } = result
    if (hostForecast !== undefined) {
      const seen = { state, observation: sight.observation, policy, hostForecast }
      await this.journal.append(this.foresight.line(stayed === undefined ? seen : { ...seen, stayed }))
    }
    if (this.slots % LEARNT_EVERY === 0) await this.journal.append(encodeLearnt(state.threshold))
    return result
  }

  /** The engine, with orders for hosts that people want emptied, and with what it needs back after a start in the record of each turn. */
  private balancer(settings: SiteSettings, isHeld: boolean): typeof ethos {
    const { desk } = this
    return {
      ...ethos,
      keep: (state) => {
        const kept = this.withPromisesKept(state)
        this.decided = { ...this.decided, carriedOut: kept.promises.map(({ order }): OrderId => order.id) }
        return keptOf(kept)
      },
      takeTurn: (before, observation, policy) => {
        const turn = ethos.takeTurn(before, observation, policy)
        this.decided = { carriedOut: [] }
        if (desk === undefined) return turn
        // In place of what an earlier turn advised that never came on record.
        desk.advise(turn.adviceOnly === undefined ? [] : turn.orders, turn.adviceOnly ?? [])
        const ground = { before, observation, policy: settings.policy, orders: turn.orders }
        const { orders } = desk.evacuate(ground, settings)
        if (isHeld || orders.length === 0) return turn
        const { policy: own, maintenances } = settings
        this.decided = { carriedOut: [], emptying: { policy: own, maintenances } }
        return withOrders(turn, orders)
      },
    }
  }

  /** The journal, with what each line rests on kept before the line is written. */
  private recording(turnOf: (line: string) => RecordedTurn): Store {
    const { recorder, journal } = this
    if (recorder === undefined) return journal
    const append = async (line: string): Promise<void> => {
      await recorder.keep(turnOf(line))
      await journal.append(line)
    }
    return { append, lines: () => journal.lines(), close: () => journal.close() }
  }

  /** Nobody carries a proposal out, so nothing comes of its promise. Rest and budgets count it all the same: what was proposed is not proposed again at
   *  once. */
  private withPromisesKept(state: EngineState): EngineState {
    return { ...state, promises: state.promises.filter(({ order }) => this.desk?.isCarriedOut(order) === true) }
  }

  /** Why nothing may be ordered in this turn. */
  private whyHeld(before: EngineState, { observation, settings, notes }: Sight): readonly string[] {
    const reasons = [...settings.problems]
    if (settings.automation.isPaused) reasons.push('An operator paused automation.')
    if (this.taken === 0) reasons.push('The first turn after a start only looks.')
    const windows = countKnown([...before.cpuHistory, ...columnOf(observation)])
    if (windows < WARM_WINDOWS)
      reasons.push(`Only ${windows} windows of the past are known; ${WARM_WINDOWS} are needed.`)
    const reports = [...notes.reports.values()]
    const newestAt = Math.max(-Infinity, ...reports.map(({ arrivedAt }) => arrivedAt))
    const isFresh = ({ arrivedAt, windowMs }: HostTold): boolean =>
      observation.at - arrivedAt <= FRESH_INTERVALS * Math.max(this.everyMs, windowMs)
    if (!reports.some(isFresh))
      reasons.push(
        newestAt === -Infinity
          ? 'No host has reported yet.'
          : `The newest host report is ${((observation.at - newestAt) / 60_000).toFixed(1)} min old.`,
      )
    return reasons
  }

  /** Says in the journal by which policy the turns after it were taken. */
  private async writeHeader(policy: Policy): Promise<void> {
    const text = encodePolicy(policy)
    if (text === this.headerOf) return
    const cadence = { firstMs: 0, everyMs: this.everyMs }
    await this.journal.append(encodeHeader({ balancer: ethos.name, seed: 0, policy, cadence }))
    this.headerOf = text
  }
}

/** The state for another turn in a slot: what was concluded from the slot's samples is concluded anew, and what happened since stands.
 *  @param start with which the slot's first turn began
 *  @param was after the last one */
function againIn(start: EngineState, was: EngineState): EngineState {
  const { turns, lastTurnAt, moveLog, draining, promises, mixes } = was
  // Rosters may have changed within the slot: columns that follow from samples are the start's, on its rosters, and are aligned with them.
  const aligned = alignRosters(start, { vms: was.vms, hosts: was.hosts })
  const { movedAt, busySince } = was
  return { ...aligned, turns, lastTurnAt, moveLog, draining, promises, mixes, movedAt, busySince }
}

/** Windows in which anybody was measured. */
function countKnown(columns: readonly Float32Array[]): number {
  return columns.filter((column) => column.some((value) => !Number.isNaN(value))).length
}

function columnOf({ samples }: Sight['observation']): readonly Float32Array[] {
  return samples.columns.cpu === undefined ? [] : [samples.columns.cpu]
}

/** The same with so many moves less. */
function lessOrders(policy: Policy, ordered: number): Policy {
  const { movesPerTurnMax } = policy.gates
  if (ordered === 0 || movesPerTurnMax === undefined) return policy
  return { ...policy, gates: { ...policy.gates, movesPerTurnMax: Math.max(0, movesPerTurnMax - ordered) } }
}

function withForgiveness(state: EngineState): EngineState {
  return { ...state, threshold: forgiven(state.threshold) }
}

/** The same judgement with no move to spare. */
export function heldPolicy(policy: Policy): Policy {
  return {
    ...policy,
    consolidation: { ...policy.consolidation, isEnabled: false },
    gates: { ...policy.gates, movesPerTurnMax: 0 },
  }
}
