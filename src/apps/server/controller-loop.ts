/** Turns on the wall clock for as long as the lease is held: only one process of a site takes them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { SiteJournal } from '../../drivers/reported/site-journal.ts'
import type { CostModel } from '../../engine/migration/cost-model.ts'
import { CALL_DEADLINE_MS } from '../../loop/mover.ts'
import { ParseError } from '../../terms/parse.ts'
import type { Clock } from '../../world/clock.ts'
import { StoreError } from '../../world/errors.ts'
import type { MigrationDriver } from '../../world/migration-driver.ts'
import type { PlatformReader } from '../../world/platform-reader.ts'
import type { SiteStore } from '../../world/site-store.ts'
import type { VmFactsReader } from '../../world/vm-facts-reader.ts'
import type { AskResult, ControllerAsk, ControllerMessage, ControllerOptions } from './controller-messages.ts'
import { CONTROLLER_LEASE } from './controller-writes.ts'
import { LIBVIRT_SETTING } from './libvirt-setting.ts'
import { MovesDesk } from './moves-desk.ts'
import type { MovesDeskOptions, TermsOf } from './moves-desk-options.ts'
import { PlatformDesk } from './platform-desk.ts'
import { readSettings, type SiteSettings } from './site-settings.ts'
import { termsByRounds } from './terms-by-rounds.ts'
import { encodePacket } from './turn-packet.ts'
import type { TurnRecorder } from './replay/turn-recorder.ts'
import { TurnTaker } from './turn-taker.ts'

/** The controller says that it lives this often, or a quarter of the interval if that is less. */
const BEAT_MS_MAX = 10_000
/** A turn comes so long after its slot of usage has ended: hosts report once a minute. */
const SETTLE_MS_MAX = 60_000
/** A clock that goes otherwise than time passes, by more than this, was set: nothing is ordered in the next turn (invariant 16). */
const CLOCK_SLACK_MS = 1000
/** A turn that there was nothing for is tried again after so long: the first report should not wait for a whole interval. */
const AGAIN_MS_MAX = 10_000
const REASON_LENGTH_MAX = 2000

/** What a loop needs beside its options. */
export interface ControllerWorld {
  readonly store: SiteStore
  readonly clock: Clock
  readonly tell: (message: ControllerMessage) => void
  /** Ends the loop. */
  readonly signal: AbortSignal
  /** Makes the driver that a setting asks for; undefined: there is none to make. Throws a `ParseError` for one that can't be. Absent: nobody carries
   *  anything out. */
  readonly driverOf?: (setting: string | undefined) => MigrationDriver | undefined
  /** Absent: by rounds alone, which promises nothing. */
  readonly termsOf?: TermsOf
  /** With what is promised, and who reads the facts for it; undefined: nobody for such a driver. Absent: nothing is promised. */
  readonly model?: CostModel
  readonly factsReaderOf?: (driver: MigrationDriver) => VmFactsReader | undefined
  /** The site's time, never set, in ms, and how many times faster than the machine's it goes. Absent: the machine's. */
  readonly pace?: { readonly ran: () => number; readonly speed: number }
  /** Has somebody told when the clock was set, and by how much forward (0: back). Absent: the clock does not tell. */
  readonly onClockStep?: (listener: (steppedMs: number) => void) => void
  /** Keeps what turns are judged on. Absent: nobody does. */
  readonly recorder?: Pick<TurnRecorder, 'keep'>
  /** Who reads what the hosts of a driver's platform are; undefined: nobody for such a driver. Absent: nobody asks. */
  readonly platformReaderOf?: (driver: MigrationDriver) => PlatformReader | undefined
}

/** Moves under way are looked at this often. */
const FOLLOW_MS = 2000
/** However fast the site's time goes, the machine has this long between two looks. */
const FOLLOW_REST_MS = 100
const NO_LEASE = 'This server does not take the turns: another one does, or none yet.'

/** One span of holding the lease. */
interface Tenure {
  readonly token: number | undefined
  readonly desk: MovesDesk
  readonly taker: TurnTaker
  readonly driver: MigrationDriver | undefined
  /** What the driver was made of. */
  readonly setting: string | undefined
  readonly opened: Promise<void>
}

interface Lease {
  readonly token: number
  /** By `ran`, from before it was asked for: a clock that is set makes it neither longer nor shorter. */
  readonly endsAfter: number
}

export class ControllerLoop {
  private readonly options: Omit<ControllerOptions, 'place'>
  private readonly world: ControllerWorld
  private lease: Lease | undefined
  private tenure: Tenure | undefined
  private highestWall = -Infinity
  private watch: { readonly wall: number; readonly ran: number } | undefined

  constructor(options: Omit<ControllerOptions, 'place'>, world: ControllerWorld) {
    this.options = options
    this.world = world
    world.onClockStep?.((steppedMs) => {
      this.tenure?.desk.clockStepped(steppedMs)
      this.tenure?.taker.clockStepped(steppedMs)
    })
  }

  /** Returns once the signal is given and the lease is let go. */
  async run(): Promise<void> {
    const beating = Promise.all([this.beat(), this.follow()])
    let isFirst = true
    let isAgain = false
    while (!this.isOver) {
      if (!(await this.holdLease())) {
        isFirst = true
        await this.pause(this.options.leaseMs / 3)
        continue
      }
      const waitMs: number = isFirst ? 0 : Math.min(isAgain ? AGAIN_MS_MAX : Infinity, this.untilNextMs())
      const due: number = this.ran() + waitMs
      if (waitMs > 0) await this.pause(waitMs)
      isFirst = false
      if (this.isOver) break
      // While it slept the lease may have passed on.
      if (await this.holdLease()) isAgain = !(await this.turn(due))
      else isFirst = true
    }
    await beating
    await this.endTenure()
    await this.letGo()
  }

  private get isOver(): boolean {
    return this.world.signal.aborted
  }

  /** False: none was taken, for there was nothing to see. @param due by `ran` */
  private async turn(due: number): Promise<boolean> {
    const { clock, tell } = this.world
    const ran = this.ran()
    const begin = performance.now()
    try {
      const { taker } = await this.openTenure()
      const taken = await taker.take(this.judgeClock())
      const at = clock.now()
      if (taken.kind === 'none') {
        tell({ kind: 'idle', at, isOff: taken.isOff, reason: taken.reason.slice(0, REASON_LENGTH_MAX) })
        return taken.isOff
      }
      const { packet } = taken
      const number = packet.number ?? 0
      const times = { lateMs: Math.max(0, ran - due), durationMs: performance.now() - begin }
      tell({ kind: 'turn', at, number, packet: encodePacket({ ...packet, ...times }) })
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      if (error.code === 'fenced') this.lose()
      this.trouble(error)
    }
    return true
  }

  /** Why the clock is not to be trusted in this turn; empty: it is. */
  private judgeClock(): readonly string[] {
    const now = { wall: this.world.clock.now(), ran: this.ran() }
    const was = this.watch
    this.watch = now
    this.highestWall = Math.max(this.highestWall, now.wall)
    const reasons: string[] = []
    const behindMs = this.highestWall - now.wall
    // As the main process says too: until the clock is where it was, what arrives is out of order.
    if (behindMs > CLOCK_SLACK_MS) reasons.push(`The clock is ${(behindMs / 1000).toFixed(0)} s behind where it was.`)
    if (was === undefined) return reasons
    const offMs = now.wall - was.wall - (now.ran - was.ran)
    if (Math.abs(offMs) > CLOCK_SLACK_MS)
      reasons.push(`The clock was set by ${(offMs / 1000).toFixed(1)} s since the last turn.`)
    return reasons
  }

  /** Takes or prolongs the lease; false while another process has it, or the store can't say. */
  private async holdLease(): Promise<boolean> {
    const { store, clock, tell } = this.world
    const { holder, leaseMs } = this.options
    try {
      const before = this.lease
      const askedAt = this.ran()
      const taken = await store.leases.take(CONTROLLER_LEASE, holder, clock.now(), leaseMs)
      this.lease = taken === undefined ? undefined : { token: taken.token, endsAfter: askedAt + leaseMs }
      if (this.lease === undefined) {
        this.lose()
        tell({ kind: 'standby', at: clock.now(), reason: 'Another process holds the lease and takes the turns.' })
      } else if (before !== undefined && before.token !== this.lease.token) {
        // Somebody else had it in between: what was remembered may be behind what was ordered.
        void this.endTenure()
      }
      return this.lease !== undefined
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      this.trouble(error)
      // Until it ends nobody else can have it; then it may be another's.
      if (this.lease !== undefined && this.ran() >= this.lease.endsAfter) this.lose()
      return false
    }
  }

  private lose(): void {
    this.lease = undefined
    void this.endTenure()
  }

  /** What the main process asks for somebody who waits. Never rejects. */
  async answer(ask: ControllerAsk): Promise<AskResult> {
    try {
      // Who holds no lease begins nothing, so there is nothing to heed.
      if (this.lease === undefined)
        return ask.what === 'heed'
          ? { kind: 'done', text: 'It takes no turns.' }
          : { kind: 'refused', reason: NO_LEASE }
      if (ask.what === 'heed' && this.tenure !== undefined) {
        await this.tenure.desk.heed()
        await this.heedDriver()
        return { kind: 'done', text: 'It is heeded.' }
      }
      const { desk } = await this.openTenure()
      const told = await desk.answer(ask)
      // A platform may refuse in more words than a message takes.
      return told.kind === 'refused' ? { ...told, reason: told.reason.slice(0, REASON_LENGTH_MAX) } : told
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      this.trouble(error)
      return { kind: 'refused', reason: error.message.slice(0, REASON_LENGTH_MAX) }
    }
  }

  /** What the process remembers and does under the lease that it holds. What the journal tells of moves is taken over first. */
  private async openTenure(): Promise<Tenure> {
    const was = this.tenure
    if (was !== undefined && was.token === this.lease?.token) {
      await was.opened
      return was
    }
    // One that was being made while the lease passed on would begin nothing, for ever.
    if (was !== undefined) await this.endTenure()
    const tenure = await this.makeTenure()
    await tenure.opened
    return tenure
  }

  private async makeTenure(): Promise<Tenure> {
    const { store, clock, tell, driverOf, termsOf = termsByRounds } = this.world
    const setting = (await store.settings.get(LIBVIRT_SETTING))?.text
    // Another asked at the same time.
    if (this.tenure !== undefined) return this.tenure
    const token = this.lease?.token
    const fence = (): number | undefined => {
      const held = this.lease
      return held !== undefined && held.token === token && this.ran() < held.endsAfter ? token : undefined
    }
    const journal = new SiteJournal(store, clock, () => fence() ?? -1)
    let settings: SiteSettings | undefined
    const driver = this.driverFor(setting, driverOf)
    const desk: MovesDesk = new MovesDesk({
      clock,
      journal,
      fence,
      termsOf,
      // By the machine's clock, however fast the site's goes.
      callMs: CALL_DEADLINE_MS * this.speed,
      readSettings: async () => (settings = await readSettings(store, settings)),
      changed: () => tell({ kind: 'moves', at: clock.now(), text: desk.text() }),
      ...(driver === undefined ? {} : { driver, ...this.promisingFor(driver), ...this.platformFor(driver) }),
    })
    const { everyMs } = this.options
    const { recorder } = this.world
    const recording = recorder === undefined ? {} : { recorder }
    const taker = new TurnTaker({ store, clock, everyMs, token: () => this.lease?.token ?? -1, desk, ...recording })
    const opened = desk.open().catch(async (error: unknown) => {
      // It is opened anew at the next turn.
      if (this.tenure?.desk === desk) await this.endTenure()
      throw error
    })
    this.tenure = { token, desk, taker, driver, setting, opened }
    return this.tenure
  }

  private promisingFor(driver: MigrationDriver): Pick<MovesDeskOptions, 'promising'> {
    const { model, factsReaderOf } = this.world
    const reader = factsReaderOf?.(driver)
    return model === undefined || reader === undefined ? {} : { promising: { model, reader } }
  }

  private platformFor(driver: MigrationDriver): Pick<MovesDeskOptions, 'platform'> {
    const reader = this.world.platformReaderOf?.(driver)
    if (reader === undefined) return {}
    const { tell, clock } = this.world
    const changed = (): void => {
      const text = platform.text()
      if (text !== undefined) tell({ kind: 'platform', at: clock.now(), text })
    }
    const failed = (reason: string): void => this.trouble(new Error(reason))
    const platform: PlatformDesk = new PlatformDesk(reader, { changed, failed }, () => this.ran())
    return { platform }
  }

  private driverFor(setting: string | undefined, make: ControllerWorld['driverOf']): MigrationDriver | undefined {
    try {
      return make?.(setting)
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      this.trouble(error)
      return undefined
    }
  }

  /** Another driver is wanted: everything begins anew with it, from the journal. */
  private async heedDriver(): Promise<void> {
    const setting = (await this.world.store.settings.get(LIBVIRT_SETTING))?.text
    if (this.tenure !== undefined && this.tenure.setting !== setting) await this.endTenure()
  }

  /** At once nothing begins any more; then the driver is let go. */
  private async endTenure(): Promise<void> {
    const { tenure } = this
    this.tenure = undefined
    tenure?.desk.close()
    await tenure?.driver?.close().catch(() => undefined)
  }

  /** Looks at moves under way, between turns too. */
  private async follow(): Promise<void> {
    while (!this.isOver) {
      await this.pause(this.followMs)
      const { tenure } = this
      if (this.isOver || tenure === undefined) continue
      try {
        await tenure.opened
        await tenure.desk.tick()
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        this.trouble(error)
      }
    }
  }

  private async letGo(): Promise<void> {
    if (this.lease === undefined) return
    try {
      await this.world.store.leases.release(CONTROLLER_LEASE, this.options.holder)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
    }
  }

  /** Says that it lives, to who waits by the machine's clock, and prolongs the lease between turns. */
  private async beat(): Promise<void> {
    const beatMs = Math.min(BEAT_MS_MAX, this.options.everyMs / 4) * this.speed
    let heldAt = this.ran()
    while (!this.isOver) {
      this.world.tell({ kind: 'alive', at: this.world.clock.now() })
      await this.pause(beatMs)
      if (this.isOver || this.lease === undefined || this.ran() - heldAt < this.options.leaseMs / 3) continue
      await this.holdLease()
      heldAt = this.ran()
    }
  }

  private trouble(error: Error): void {
    const reason = error.message.slice(0, REASON_LENGTH_MAX)
    this.world.tell({ kind: 'trouble', at: this.world.clock.now(), reason })
  }

  /** To the next whole interval of the clock and a little more, so that a slot of usage is complete. Never longer than an interval. */
  private untilNextMs(): number {
    const { everyMs } = this.options
    const settleMs = Math.min(SETTLE_MS_MAX, everyMs / 5)
    const passedMs = (((this.world.clock.now() - settleMs) % everyMs) + everyMs) % everyMs
    return everyMs - passedMs
  }

  /** The site's time by a clock that is never set. */
  private ran(): number {
    return this.world.pace?.ran() ?? performance.now()
  }

  private get speed(): number {
    return this.world.pace?.speed ?? 1
  }

  private get followMs(): number {
    const followMs = Math.min(FOLLOW_MS, this.options.everyMs / 4)
    return this.speed === 1 ? followMs : Math.max(followMs, FOLLOW_REST_MS * this.speed)
  }

  /** So long of the site's time. Ends early with the loop. */
  private async pause(ms: number): Promise<void> {
    try {
      await sleep(ms / this.speed, undefined, { signal: this.world.signal })
    } catch (error) {
      if (!this.isOver) throw error
    }
  }
}
