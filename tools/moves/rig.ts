import type { IntentRules } from '../../src/engine/migration/intent.ts'
import {
  MOVE_LIMITS,
  type MoveLimits,
  type MoveSite,
  type StartGuards,
} from '../../src/engine/migration/start-guards.ts'
import { Mover } from '../../src/loop/mover.ts'
import type { Submission } from '../../src/loop/mover-view.ts'
import type { MigrationCourse } from '../../src/simulator/imagined-migration.ts'
import { type CallManner, ImaginedPlatform } from '../../src/simulator/imagined-platform.ts'
import { StagedClock } from '../../src/simulator/staged-clock.ts'
import { type HostId, parseHostId, parseOrderId, parseVmId, type VmId } from '../../src/terms/ids.ts'
import type { MigrationIntent, MigrationTerms, MoveCause } from '../../src/terms/intent.ts'
import { Luck } from '../../src/terms/luck.ts'
import type { MoveClass } from '../../src/terms/move.ts'
import { encodeClockLine } from '../../src/terms/move-record.ts'
import { type EpochMs, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../src/terms/units.ts'
import { StoreError } from '../../src/world/errors.ts'
import type { MigrationDriver } from '../../src/world/migration-driver.ts'
import { HOST_UNITS_HERE, MoveMonitor } from './monitor.ts'

/** What a test breaks on purpose. */
export interface Breakage {
  readonly rules?: IntentRules
  readonly guards?: StartGuards
  readonly limits?: MoveLimits
  readonly site?: MoveSite
  /** Lines are said to be durable before they are. */
  readonly isStoreHasty?: boolean
  /** What a new process is told of the journal. */
  readonly linesFor?: (lines: readonly string[]) => readonly string[]
  /** A driver that is not as it should be. */
  readonly wrapDriver?: (driver: MigrationDriver) => MigrationDriver
  /** The lines as they come to the journal; undefined: it is swallowed. */
  readonly alterLine?: (line: string) => string | undefined
  /** Calls of the kill switch are not heard. */
  readonly isPauseDeaf?: boolean
  readonly isHoldDeaf?: boolean
}

export interface RigOptions {
  readonly seed: number
  readonly hosts?: number
  readonly vms?: number
  readonly courseOf?: (intent: MigrationIntent) => MigrationCourse
  readonly mannerOf?: (intent: MigrationIntent) => CallManner
  readonly breakage?: Breakage
}

/** When a process is to be killed: with the nth line from now on, before it is durable or just after. */
export interface KillPlan {
  atLine: number
  readonly isDurable: boolean
}

const START_AT: EpochMs = 1_800_000_000_000
const TICK_MS = SECOND_MS

/** A mover in a process that can be killed, on a platform in staged time, with a journal that outlives it and a monitor that watches. */
export class Rig {
  readonly clock = new StagedClock(START_AT)
  readonly platform: ImaginedPlatform
  readonly monitor: MoveMonitor
  readonly luck: Luck
  readonly hosts: readonly HostId[]
  readonly vms: readonly VmId[]
  /** What is durable. */
  readonly lines: string[] = []
  mover: Mover
  isPaused = false
  isJournalBroken = false
  kills = 0
  killPlan: KillPlan | undefined
  private process = { isAlive: true }
  private readonly options: RigOptions
  private orders = 0
  private fence = 1
  private heldUntil = 0

  constructor(options: RigOptions) {
    this.options = options
    this.luck = new Luck(options.seed)
    this.hosts = Array.from({ length: options.hosts ?? 4 }, (_, h) => parseHostId(`host-${h}`))
    this.vms = Array.from({ length: options.vms ?? 6 }, (_, v) => parseVmId(`vm-${v}`))
    const placed = new Map(this.vms.map((vm, v) => [vm, this.hosts[v % this.hosts.length]]))
    const { courseOf, mannerOf } = options
    this.platform = new ImaginedPlatform({
      clock: this.clock,
      hosts: this.hosts,
      placed,
      luck: new Luck(options.seed + 1),
      ...(courseOf === undefined ? {} : { courseOf }),
      ...(mannerOf === undefined ? {} : { mannerOf }),
    })
    this.monitor = new MoveMonitor(this.platform)
    this.mover = this.newMover()
  }

  /** An order that is good now, unless the changes say otherwise. */
  intent(
    vm: VmId,
    to: HostId,
    changes: {
      readonly from?: HostId
      readonly class?: MoveClass
      readonly cause?: MoveCause
      readonly decidedAt?: EpochMs
      readonly terms?: Partial<MigrationTerms>
      readonly id?: string
    } = {},
  ): MigrationIntent {
    const from = changes.from ?? this.whereIs(vm) ?? this.hosts[0]
    const moveClass = changes.class ?? 'contention'
    return {
      order: {
        id: parseOrderId(changes.id ?? `order-${this.orders++}`),
        vmId: vm,
        from,
        to,
        decidedAt: changes.decidedAt ?? this.clock.now(),
        class: moveClass,
        reason: 'a test',
      },
      cause: changes.cause ?? causeOf(moveClass, from),
      terms: { mode: 'precopy', timeoutMs: 2 * MINUTE_MS, stalledMs: MINUTE_MS, ...changes.terms },
    }
  }

  whereIs(vm: VmId): HostId | undefined {
    return this.platform.machines.executing(vm)[0]
  }

  /** Hands an intent in and lets its first lines and its call come about. */
  async submit(intent: MigrationIntent): Promise<Submission | 'no answer'> {
    const told: Submission[] = []
    void this.mover.submit(intent).then((submission) => told.push(submission))
    await this.clock.pass(SECOND_MS)
    return told[0] ?? 'no answer'
  }

  /** Lets time pass, with a look every second. */
  async pass(ms: number, everyMs = TICK_MS): Promise<void> {
    for (let passed = 0; passed < ms; passed += everyMs) {
      if (this.process.isAlive) void this.mover.tick()
      await this.clock.pass(everyMs)
      this.monitor.look(this.clock.now())
      if (!this.process.isAlive) await this.restart()
      const alerted = this.mover.view().alerts.flatMap(({ orderId }) => orderId ?? [])
      this.monitor.lookAtFrozen(this.clock.now(), new Set(alerted))
    }
  }

  /** SIGKILL: whatever it waited for never comes. */
  kill(): void {
    this.process.isAlive = false
    this.kills++
  }

  async restart(): Promise<void> {
    this.process.isAlive = false
    this.process = { isAlive: true }
    this.fence++
    // A new process knows no later instant than what is on record.
    const latest = Math.max(0, ...this.lines.map((line) => Number(/"at":([\d.]+)}$/.exec(line)?.[1] ?? 0)))
    this.heldUntil = Math.min(this.heldUntil, latest)
    this.mover = this.newMover()
    if (this.isPaused && this.options.breakage?.isPauseDeaf !== true) this.mover.pause()
    const lines = this.options.breakage?.linesFor?.(this.lines) ?? this.lines
    await this.mover.adopt(lines)
  }

  get isAlive(): boolean {
    return this.process.isAlive
  }

  setPaused(isPaused: boolean): void {
    this.isPaused = isPaused
    if (this.options.breakage?.isPauseDeaf === true) return
    if (isPaused) this.mover.pause()
    else this.mover.resume()
  }

  /** The clock goes back, and stands where it was when as much has passed again. */
  setClockBack(ms: number): void {
    this.heldUntil = Math.max(this.heldUntil, this.clock.now())
    this.clock.setBack(ms)
  }

  /** The clock is set forward; who watches it tells the process, and the journal. */
  async setForward(ms: number): Promise<void> {
    this.clock.setBack(-ms)
    this.mover.clockStepped(ms)
    void this.append(encodeClockLine({ at: this.clock.now(), steppedMs: ms }), this.process)
    await this.clock.pass(SECOND_MS)
  }

  private newMover(): Mover {
    const process = this.process
    const { breakage = {} } = this.options
    const boundary = this.boundary(process)
    return new Mover({
      driver: breakage.wrapDriver?.(boundary) ?? boundary,
      store: { append: (line) => this.append(line, process) },
      clock: this.clock,
      fence: () => this.fence,
      limits: breakage.limits ?? RIG_LIMITS,
      ...(breakage.site === undefined ? {} : { site: () => breakage.site }),
      ...(breakage.rules === undefined ? {} : { rules: breakage.rules }),
      ...(breakage.guards === undefined ? {} : { guards: breakage.guards }),
    })
  }

  private async append(line: string, process: { isAlive: boolean }): Promise<void> {
    if (!process.isAlive) return never()
    const plan = this.killPlan
    const isLast = plan !== undefined && plan.atLine-- === 0
    if (isLast && !plan.isDurable) {
      this.kill()
      return never()
    }
    const { breakage = {} } = this.options
    const altered = breakage.alterLine === undefined ? line : breakage.alterLine(line)
    const keep = (): void => {
      if (altered === undefined) return
      this.lines.push(altered)
      this.monitor.onLine(altered, this.clock.now())
    }
    if (breakage.isStoreHasty === true) {
      this.clock.in(3 * SECOND_MS, keep)
      return
    }
    await this.wait(1 + this.luck.fraction() * 4)
    if (this.isJournalBroken) throw new StoreError('full', 'no room')
    keep()
    if (isLast) {
      this.kill()
      return never()
    }
    if (!process.isAlive) return never()
  }

  /** The driver as one process sees it: a dead one hears and says nothing. */
  private boundary(process: { isAlive: boolean }): MigrationDriver {
    const { platform } = this
    const alive = async <T>(ask: () => Promise<T>): Promise<T> => {
      if (!process.isAlive) return never()
      const told = await ask()
      return process.isAlive ? told : never()
    }
    return {
      name: platform.name,
      list: () => alive(() => platform.list()),
      observe: (vm, host) => alive(() => platform.observe(vm, host)),
      preflight: (intent) => alive(() => platform.preflight(intent)),
      progress: (vm, host) => alive(() => platform.progress(vm, host)),
      cancel: (vm, host) => alive(() => platform.cancel(vm, host)),
      close: () => alive(() => platform.close()),
      migrate: (intent, fence, objection) =>
        alive(async () => {
          const now = this.clock.now()
          const isHeld = this.isJournalBroken || now < this.heldUntil - SECOND_MS
          this.monitor.onCall(intent, { now, isPaused: this.isPaused, isHeld })
          const call = await platform.migrate(intent, fence, () => (process.isAlive ? objection?.() : undefined))
          return call.kind === 'sent' ? { ...call, ended: alive(() => call.ended) } : call
        }),
    }
  }

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.in(ms, resolve)
    })
  }
}

/** As in production, but for the units of a host: so few moves go on at once that 8 would never be reached. */
export const RIG_LIMITS: MoveLimits = { ...MOVE_LIMITS, hostUnits: HOST_UNITS_HERE }

/** Longer than anything in a rig takes to come to rest. */
export const REST_MS = HOUR_MS / 2

function causeOf(moveClass: MoveClass, host: HostId): MoveCause {
  if (moveClass === 'operator') return { kind: 'operator', who: 'ann' }
  return moveClass === 'evacuation' ? { kind: 'evacuation', hostId: host, who: 'ann' } : { kind: 'policy' }
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined)
}
