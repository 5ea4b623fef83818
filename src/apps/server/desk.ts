/** What all ways in share: who may tell us how much, and what becomes of it. HTTPS and channels stand in front of it, hosts that relay beside it. */
import type { Logger } from 'pino'
import { type BucketLimits, Buckets } from '../../engine/admission/buckets.ts'
import type { VmId } from '../../terms/ids.ts'
import { type EpochMs, SECOND_MS } from '../../terms/units.ts'
import type { Clock } from '../../world/clock.ts'
import { StoreError } from '../../world/errors.ts'
import type { AuditRecord, Intake, SiteStore } from '../../world/site-store.ts'
import { type IngestAnswer, outcomesOf, readBatch } from './ingest.ts'
import { BUILT_IN, type ServedPhases, servedPhases } from './phase-models.ts'
import { type Trouble, Troubles } from './trouble.ts'

export interface DeskLimits {
  /** Requests of one identity: one every 10 s in the long run, ten at once. */
  readonly requests: BucketLimits
  /** Vectors of one identity: an agent makes one in 60 s at most, and brings two days of five minutes each after an outage. */
  readonly vectors: BucketLimits
}

export const DESK_LIMITS: DeskLimits = {
  requests: { everyMs: 10 * SECOND_MS, burst: 10 },
  vectors: { everyMs: 10 * SECOND_MS, burst: 600 },
}

/** Whether an identity may speak now. */
export type Hearing =
  | { readonly kind: 'heard' }
  | { readonly kind: 'banned' | 'quarantined' }
  | { readonly kind: 'later'; readonly waitMs: number }

export interface DeskParts {
  readonly store: SiteStore
  readonly clock: Pick<Clock, 'now'>
  readonly log: Logger
  readonly limits?: Partial<DeskLimits>
  readonly trouble?: Trouble
  /** Hears what is counted and is of no VM that is known: there is no row for it. */
  readonly countOfNobody?: (what: string, number: number) => void
}

/** VMs of which counts wait to be written down: names are the word of whoever calls. */
const TOLD_MAX = 10_000

/** Key of the trouble that nothing can be kept. */
const STORE_TROUBLE = 'store'

export class Desk {
  readonly store: SiteStore
  readonly trouble: Trouble
  /** What agents are told and sent. */
  phases: ServedPhases = BUILT_IN
  private readonly clock: Pick<Clock, 'now'>
  private readonly log: Logger
  private readonly requests: Buckets
  private readonly vectors: Buckets
  private readonly countOfNobody: (what: string, number: number) => void
  /** What is counted of VMs without haste, by VM and word, since this was last written down. */
  private readonly told = new Map<string, Map<string, number>>()

  constructor({ store, clock, log, limits = {}, trouble = new Troubles(), countOfNobody }: DeskParts) {
    this.store = store
    this.clock = clock
    this.log = log
    this.trouble = trouble
    this.countOfNobody = countOfNobody ?? (() => undefined)
    this.requests = new Buckets(limits.requests ?? DESK_LIMITS.requests)
    this.vectors = new Buckets(limits.vectors ?? DESK_LIMITS.vectors)
  }

  now(): EpochMs {
    return this.clock.now()
  }

  /** Whether a VM may send a request, which is then counted. Asked before its body is read; whoever is shut out is slowed down too. */
  async hear(vm: VmId): Promise<Hearing> {
    const waitMs = this.requests.take(vm, this.now())
    return waitMs === 0 ? this.standing(vm) : this.later(vm, waitMs)
  }

  /** Whether a VM is shut out. */
  async standing(vm: VmId): Promise<Hearing> {
    const identity = await this.store.identities.find(vm)
    if (identity === undefined || identity.isBanned) return { kind: 'banned' }
    return { kind: identity.quarantine === undefined ? 'heard' : 'quarantined' }
  }

  /** A guest has opened its channel: its name is the host's word. */
  greet(vm: VmId): Promise<void> {
    return this.write(() => this.store.identities.admit(vm, this.now(), 'channel'))
  }

  /** A guest speaks on its channel: that it was never greeted is no reason not to hear it. */
  async meet(vm: VmId): Promise<void> {
    if ((await this.store.identities.find(vm)) === undefined) await this.greet(vm)
  }

  /** Takes in lines of a VM that was heard. Resolves once what it answers is on disk. */
  async take(vm: VmId, lines: readonly string[], guestClock?: EpochMs): Promise<IngestAnswer | Hearing> {
    const waitMs = this.vectors.take(vm, this.now(), lines.length)
    if (waitMs > 0) return this.later(vm, waitMs)
    const times = guestClock === undefined ? {} : { guestClock }
    const batch = readBatch({ vm, lines, at: this.now(), ...times })
    const [intake] = await this.write(() => this.store.vectors.take([batch.arrivals]))
    if (intake.kind === 'shut-out') return { kind: intake.because === 'quarantined' ? 'quarantined' : 'banned' }
    const answer = outcomesOf(batch, intake)
    const refused = batch.refusals.filter((reason) => reason !== undefined)
    await this.noteRefused(vm, 'its vectors', refused, lines.length)
    await this.noteQuarantine(vm, intake, 'its vectors')
    return answer
  }

  /** Changes what is kept. Whether that works is what the trouble `store` says. */
  async write<T>(change: () => Promise<T>): Promise<T> {
    try {
      const result = await change()
      this.trouble.clear(STORE_TROUBLE)
      return result
    } catch (error) {
      if (error instanceof StoreError) this.trouble.add(STORE_TROUBLE, `Nothing can be kept: ${error.message}`)
      throw error
    }
  }

  /** A VM or a host has joined. */
  joined(role: 'agent' | 'host', name: string): void {
    this.log.info(role === 'agent' ? { vm: name } : { host: name }, 'joined')
  }

  /** Writes down a refusal or an act, durably, and says it. */
  async record(record: Omit<AuditRecord, 'at'>): Promise<void> {
    const { what, about, from, reason } = record
    this.log.warn({ ...(about === undefined ? {} : { about }), from, reason }, what)
    await this.write(() => this.store.audit.add({ at: this.now(), ...record }))
  }

  /** One record for each batch with refusals. */
  async noteRefused(about: string, from: string, refused: readonly string[], lines: number): Promise<void> {
    if (refused.length === 0) return
    const reason = `${refused.length} of ${lines} lines, the first because: ${refused[0]}`
    await this.record({ what: 'vectors refused', about, from, reason })
  }

  /** One record for each quarantine, which needs an operator. */
  async noteQuarantine(vm: VmId, intake: Intake, from: string): Promise<void> {
    if (intake.kind !== 'heard' || intake.quarantine === undefined) return
    const reason = intake.quarantine
    this.log.error({ vm, reason }, 'quarantined: an operator is needed, see ethos agents')
    await this.write(() => this.store.audit.add({ at: this.now(), what: 'quarantined', about: vm, from, reason }))
  }

  /** Counts something that need not be durable at once.
   *  @param vm one that is known; absent: nobody that we know */
  countLater(vm: string | undefined, what: string, number = 1): void {
    const waiting = vm === undefined ? undefined : this.told.get(vm)
    if (vm === undefined || (waiting === undefined && this.told.size >= TOLD_MAX))
      return this.countOfNobody(what, number)
    const counts = waiting ?? new Map<string, number>()
    this.told.set(vm, counts.set(what, (counts.get(what) ?? 0) + number))
  }

  /** Writes down how often whom was told to come later: not at once, for that is when there is much to do. */
  async tend(): Promise<void> {
    const told = [...this.told]
    this.told.clear()
    const counts = told.flatMap(([vm, words]) => [...words].map(([what, number]) => ({ vm: vm as VmId, what, number })))
    await Promise.all(
      counts.map(({ vm, what, number }) => this.write(() => this.store.identities.count(vm, what, number))),
    )
  }

  /** Looks whether an operator has chosen another phase model. What is damaged is said, and what was told before is told on. */
  async lookAtPhases(): Promise<void> {
    const served = await servedPhases(this.store)
    if ('trouble' in served) {
      this.log.error({ reason: served.trouble, version: this.phases.version }, 'the phase model stays as it was')
      return
    }
    if (served.version !== this.phases.version) this.log.info({ version: served.version }, 'phase model')
    this.phases = served
  }

  private later(vm: string, waitMs: number): Hearing {
    this.countLater(vm, 'too many requests')
    return { kind: 'later', waitMs }
  }
}
