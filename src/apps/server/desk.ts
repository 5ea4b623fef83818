/** What all ways in share: who may tell us how much, and what becomes of it. HTTPS and channels stand in front of it. */
import type { Logger } from 'pino'
import type { AgentStore } from '../../drivers/sqlite/agent-store.ts'
import type { AuditRecord } from '../../drivers/sqlite/audit-table.ts'
import { type BucketLimits, Buckets } from '../../engine/admission/buckets.ts'
import { type EpochMs, SECOND_MS } from '../../terms/units.ts'
import type { Clock } from '../../world/clock.ts'
import { GroupCommit } from './group-commit.ts'
import { ingest, type IngestAnswer } from './ingest.ts'
import { BUILT_IN, type ServedPhases, servedPhases } from './phase-models.ts'

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
  readonly store: AgentStore
  readonly clock: Pick<Clock, 'now'>
  readonly log: Logger
  readonly limits?: Partial<DeskLimits>
}

export class Desk {
  readonly store: AgentStore
  /** What agents are told and sent. */
  phases: ServedPhases = BUILT_IN
  readonly commit: GroupCommit
  private readonly clock: Pick<Clock, 'now'>
  private readonly log: Logger
  private readonly requests: Buckets
  private readonly vectors: Buckets
  /** How often each VM was told to come later since this was last written down. */
  private readonly told = new Map<string, number>()

  constructor({ store, clock, log, limits = {} }: DeskParts) {
    this.store = store
    this.clock = clock
    this.log = log
    this.commit = new GroupCommit(store)
    this.requests = new Buckets(limits.requests ?? DESK_LIMITS.requests)
    this.vectors = new Buckets(limits.vectors ?? DESK_LIMITS.vectors)
    this.lookAtPhases()
  }

  now(): EpochMs {
    return this.clock.now()
  }

  /** Whether a VM may send a request, which is then counted. Asked before its body is read; whoever is shut out is slowed down too. */
  hear(vm: string): Hearing {
    const waitMs = this.requests.take(vm, this.now())
    return waitMs === 0 ? this.standing(vm) : this.later(vm, waitMs)
  }

  /** Whether a VM is shut out. */
  standing(vm: string): Hearing {
    const agent = this.store.agent(vm)
    if (agent === undefined || agent.banned !== 0) return { kind: 'banned' }
    return { kind: agent.quarantine === null ? 'heard' : 'quarantined' }
  }

  /** Takes in lines of a VM that was heard. Resolves once what it answers is on disk. */
  async take(vm: string, lines: readonly string[], guestClock?: EpochMs): Promise<IngestAnswer | Hearing> {
    const waitMs = this.vectors.take(vm, this.now(), lines.length)
    if (waitMs > 0) return this.later(vm, waitMs)
    const answer = await this.commit.soon(() => {
      const standing = this.standing(vm)
      if (standing.kind !== 'heard') return standing
      const times = guestClock === undefined ? {} : { guestClock }
      return this.note(vm, ingest(this.store, { vm, lines, at: this.now(), ...times }))
    })
    if ('quarantine' in answer)
      this.log.error({ vm, reason: answer.quarantine }, 'quarantined: an operator is needed, see ethos agents')
    return answer
  }

  /** A VM has joined. */
  joined(vm: string): void {
    this.log.info({ vm }, 'joined')
  }

  /** Writes down a refusal or an act, durably, and says it. */
  async record(record: Omit<AuditRecord, 'at'>): Promise<void> {
    const { what, vm, from, reason } = record
    this.log.warn({ ...(vm === null ? {} : { vm }), from, reason }, what)
    await this.commit.soon(() => this.store.audit.add({ at: this.now(), ...record }))
  }

  /** Writes down how often whom was told to come later: not at once, for that is when there is much to do. */
  tend(): void {
    if (this.told.size === 0) return
    this.store.whole(() => {
      for (const [vm, number] of this.told) this.store.count(vm, 'too many requests', number)
    })
    this.told.clear()
  }

  /** Looks whether an operator has chosen another phase model. What is damaged is said, and what was told before is told on. */
  lookAtPhases(): void {
    const served = servedPhases(this.store)
    if ('trouble' in served) {
      this.log.error({ reason: served.trouble, version: this.phases.version }, 'the phase model stays as it was')
      return
    }
    if (served.version !== this.phases.version) this.log.info({ version: served.version }, 'phase model')
    this.phases = served
  }

  private later(vm: string, waitMs: number): Hearing {
    this.told.set(vm, (this.told.get(vm) ?? 0) + 1)
    return { kind: 'later', waitMs }
  }

  /** One record for each batch with refusals, and for each quarantine. */
  private note(vm: string, answer: IngestAnswer): IngestAnswer {
    const record = { at: this.now(), vm, from: 'its vectors' }
    const refused = answer.outcomes.filter((outcome) => outcome.kind === 'refused')
    if (refused.length > 0) {
      const reason = `${refused.length} of ${answer.outcomes.length} lines, the first because: ${refused[0].reason}`
      this.store.audit.add({ ...record, what: 'vectors refused', reason })
      this.log.warn({ vm, reason }, 'vectors refused')
    }
    if (answer.quarantine !== undefined)
      this.store.audit.add({ ...record, what: 'quarantined', reason: answer.quarantine })
    return answer
  }
}
