/** Two real hosts, guests that are moved between them by the production path, and something that dies on the way. */
import { setTimeout as pause } from 'node:timers/promises'
import type { MoveLine } from '../../src/terms/move-record.ts'
import { checkOutcome, isSpoilt, type Outcome } from './move-check.ts'
import { HOSTS, MoveLane, type Way, type Wish } from './move-lane.ts'
import { type Disturbance, Testbed } from './testbed.ts'

/** What dies. */
export const FAULTS = ['worker', 'source-daemon', 'target-daemon', 'target-power', 'link', 'source-qemu'] as const
export type Fault = (typeof FAULTS)[number]

/** One move, and what is done to it. */
export interface Trial extends Wish {
  /** Absent: nothing. */
  readonly fault?: Fault
  /** After this step is durable ... */
  readonly after?: MoveLine['step']
  /** ... and so long after that. */
  readonly delayMs?: number
  /** How long what was broken stays so. */
  readonly brokenMs?: number
  /** The mover is asked to cancel it once it is seen at work. */
  readonly isCancelled?: boolean
}

/** Two moves at once, one each way, and what dies: what dies of a host strikes both. */
export interface PairTrial {
  readonly fault: Fault
  /** After the call of each left: the move of the second begins so much later. */
  readonly delayMs: readonly [number, number]
  readonly staggerMs: number
  readonly brokenMs: number
  readonly bandwidthMibPerSec: number
}

const BROKEN_MS = 3000

export class MoveScene {
  readonly testbed: Testbed
  readonly lanes: readonly [MoveLane, MoveLane]

  private constructor(testbed: Testbed) {
    this.testbed = testbed
    let guests = 0
    const nextVm = (): string => `vm${++guests}`
    this.lanes = [new MoveLane(testbed, HOSTS[0], nextVm), new MoveLane(testbed, HOSTS[1], nextVm)]
  }

  static async up(): Promise<MoveScene> {
    return new MoveScene(await Testbed.up(HOSTS.length, 'small'))
  }

  down(): Promise<void> {
    return this.testbed.down()
  }

  /** Guests that the emulator spoilt. */
  get spoilt(): number {
    return this.lanes[0].spoilt + this.lanes[1].spoilt
  }

  /** Moves one guest and does to it what is wanted; where the emulator spoils it, once more with a fresh one. Throws where what must hold does not. */
  async run(trial: Trial): Promise<Outcome> {
    const outcome = await this.runOnce(trial)
    return isSpoilt(outcome) ? this.runOnce(trial) : outcome
  }

  /** Moves both guests, each to where the other is. Throws where what must hold of either does not. */
  async runPair({ fault, delayMs, staggerMs, brokenMs, bandwidthMibPerSec }: PairTrial): Promise<readonly Outcome[]> {
    // Nobody waits for a boot once the first is on its way.
    for (const lane of this.lanes) await lane.ready()
    const wish = { bandwidthMibPerSec }
    const first = await this.lanes[0].begin(wish)
    const [, second] = await Promise.all([
      first.mover.reaches('sending'),
      pause(staggerMs).then(() => this.lanes[1].begin(wish)),
    ])
    const ways = [first, second]
    const isOwn = fault === 'worker' || fault === 'source-qemu'
    const struckAt = await Promise.all(
      ways.map(async (way, i) => {
        if (i > 0 && !isOwn) return undefined
        if (i > 0) await way.mover.reaches('sending')
        await pause(delayMs[i])
        return this.strike(fault, way)
      }),
    )
    const mending = MENDING[fault]?.(first)
    if (mending !== undefined) {
      await pause(brokenMs)
      await this.testbed.disturb(...mending)
    }
    const hasDied = fault === 'worker'
    const ended = ways.map((way, i) => this.lanes[i].end(way, { hasDied, struckAt: struckAt[i] ?? struckAt[0] ?? 0 }))
    // Both are over before either is judged: nothing may go on behind the next trial's back.
    await Promise.allSettled(ended)
    const outcomes = await Promise.all(ended)
    for (const outcome of outcomes) checkOutcome(outcome, fault === 'target-power' ? first.to : undefined)
    return outcomes
  }

  private async runOnce(trial: Trial): Promise<Outcome> {
    const [lane] = this.lanes
    const way = await lane.begin(trial)
    const isIntentOnly = trial.killedAfter !== undefined
    if (isIntentOnly) await way.mover.dies()
    const struckAt = isIntentOnly ? Date.now() : await this.disturb(trial, way)
    const hasDied = isIntentOnly || trial.fault === 'worker'
    const outcome = await lane.end(way, { hasDied, ...(struckAt === undefined ? {} : { struckAt }) })
    checkOutcome(outcome)
    return outcome
  }

  /** Returns when it struck. */
  private async disturb(trial: Trial, way: Way): Promise<number | undefined> {
    const { fault, after = 'accepted', delayMs = 0, brokenMs = BROKEN_MS, isCancelled = false } = trial
    if (fault === undefined && !isCancelled) return undefined
    await way.mover.reaches(after)
    await pause(delayMs)
    if (isCancelled) way.mover.cancel()
    if (fault === undefined) return undefined
    const struckAt = await this.strike(fault, way)
    const mending = MENDING[fault]?.(way)
    if (mending === undefined) return struckAt
    await pause(brokenMs)
    await this.testbed.disturb(...mending)
    return struckAt
  }

  /** Returns the last instant at which it had surely not struck yet. */
  private async strike(fault: Fault, way: Way): Promise<number> {
    const at = Date.now()
    if (fault === 'worker') await way.mover.kill()
    // It may have left already: then there is nothing to kill.
    else if (fault === 'source-qemu') await this.testbed.disturb(...BLOWS[fault](way)).catch(() => undefined)
    else await this.testbed.disturb(...BLOWS[fault](way))
    return at
  }
}

/** What the testbed is told, and what undoes it. */
const BLOWS: Readonly<Record<Exclude<Fault, 'worker'>, (way: Way) => Disturbance>> = {
  'source-daemon': ({ from }) => ['daemon', from, 'kill'],
  'target-daemon': ({ to }) => ['daemon', to, 'kill'],
  'target-power': ({ to }) => ['power-off', to],
  link: ({ to }) => ['cut', to],
  'source-qemu': ({ from, vm }) => ['vm-kill', from, vm],
}
const MENDING: Readonly<Partial<Record<Fault, (way: Way) => Disturbance>>> = {
  'source-daemon': ({ from }) => ['daemon', from, 'start'],
  'target-daemon': ({ to }) => ['daemon', to, 'start'],
  'target-power': ({ to }) => ['host-up', to],
  link: ({ to }) => ['mend', to],
}
