import type { HostId, OrderId, VmId } from '../../terms/ids.ts'
import type { EpochMs } from '../../terms/units.ts'
import type { AskResult } from './controller-messages.ts'
import type { ObjectionAsk } from './objecting.ts'
import type { RulesQuestion } from './ranker-questions.ts'

/** What the judgement's side of the server says to those who ask: answered off the main thread, as JSON text that is sent as it is. */
export interface SiteAnswers {
  readonly status: () => JudgementStatus
  /** Moves that are carried out, and what people ask of them. */
  readonly moves: SiteMoves
  /** What the platform itself tells of a host; undefined: nothing. */
  readonly platform: { host(id: string): Readonly<Record<string, unknown>> | undefined }
  /** Every host for one VM: ranked or refused, each with its terms. */
  hostsFor(vm: VmId): Promise<Answer>
  /** One pair: why this host, or why not that one. */
  pair(vm: VmId, host: HostId): Promise<Answer>
  /** Why a VM moved or stayed at the last turn. */
  why(vm: VmId): Promise<Answer>
  /** Where VMs to come would go: by size, like another, or a group at once. @param question parsed JSON, not yet judged */
  place(question: unknown): Promise<Answer>
  /** Demand of hosts ahead, and when contention comes. */
  forecasts(): Promise<Answer>
  forecastOf(vm: VmId): Promise<Answer>
  /** A VM beside others of its size, and what the server itself knows of its personality. */
  likeness(vm: VmId): Promise<Answer>
  contention(): Promise<Answer>
  /** The last turn: moves, and why not. */
  plan(): Promise<Answer>
  /** Hosts with load: current, predicted, allocated, on its way. */
  hostLoads(): Promise<Answer>
  /** Every host now and next: use, allocation, demand ahead, contention. */
  outlook(): Promise<Answer>
  /** What it would take to empty a host now. */
  evacuation(host: HostId): Promise<Answer>
  /** Rules that can't all be kept on what hosts report now: a list of `ConflictView`. */
  conflicts(question: Omit<RulesQuestion, 'what'>): Promise<Answer>
  alerts(): Promise<Answer>
  /** Told of each turn and each alert, for streams. Returns how to stop. */
  subscribe(listener: (event: SiteEvent) => void): () => void
  close(): Promise<void>
}

/** How many moves have not ended, and of these are frozen. */
export interface MoveNumbers {
  readonly open: number
  readonly frozen: number
  /** How good promises were, by figure. What no move has told yet is absent. */
  readonly promises: Readonly<Record<string, { readonly medianError: number; readonly coverage: number }>>
}

/** What people ask of moves. An answer of undefined: the controller does not run here, or did not answer in time. */
export interface SiteMoves {
  /** Moves open and ended, proposals, hosts that are emptied. */
  list(): Answer
  /** Undefined: not known. */
  numbers(): MoveNumbers | undefined
  /** Settings have changed: once it resolves, nothing begins by the old ones. Never rejects. */
  heed(): Promise<void>
  approve(orderId: OrderId, who: string): Promise<AskResult | undefined>
  /** A person's no, or not yet, to a proposal. */
  object(ask: ObjectionAsk): Promise<AskResult | undefined>
  lift(ask: Pick<ObjectionAsk, 'kind' | 'orderId' | 'who'>): Promise<AskResult | undefined>
  cancel(vmId: VmId, who: string): Promise<AskResult | undefined>
  /** A person says that a host is off for good. */
  vouch(hostId: HostId, who: string): Promise<AskResult | undefined>
}

export type Answer =
  /** `text` is JSON; long ones are its bytes in UTF-8, which pass from thread to thread without being copied. */
  | { readonly kind: 'json'; readonly text: string | Uint8Array<ArrayBuffer> }
  | { readonly kind: 'unknown'; readonly what: string }
  | { readonly kind: 'invalid'; readonly reason: string }
  | {
      readonly kind: 'unavailable'
      readonly reason: string
      /** What helps. Absent: to ask again. */
      readonly remedy?: string
    }

export const CONTROLLER_STATES = ['starting', 'running', 'standby', 'dead'] as const

/** How things stand with the judgement. */
export interface JudgementStatus {
  /** `standby`: it runs, and a controller of another process takes the turns. */
  readonly controller: (typeof CONTROLLER_STATES)[number]
  readonly turns: number
  /** Absent: none yet. */
  readonly lastTurnAt?: EpochMs
  /** Why answers are worth less than they should be, a sentence each; empty: all is well. Where it is not empty nothing is started. */
  readonly degraded: readonly string[]
}

/** One thing that happened, by a name that streams filter by. */
export interface SiteEvent {
  readonly name: 'turn' | 'alert' | 'move' | 'migration' | 'outcome' | 'host' | 'status' | 'backtest'
  readonly at: EpochMs
  /** JSON text of at most 16 KiB. */
  readonly text: string
}
