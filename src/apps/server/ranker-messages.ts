/** What the ranker's thread and its keeper say to each other. */
import type { EpochMs } from '../../terms/units.ts'
import type { ClockPace } from '../../drivers/paced-clock.ts'
import type { AlertDraft } from './alerts.ts'
import type { StorePlace } from './open-site.ts'
import type { Question } from './ranker-questions.ts'
import type { Answer, SiteEvent } from './site-answers.ts'

/** What the thread is started with. */
export interface RankerSetup {
  readonly place: StorePlace
  /** Of the site's clock. Absent: it is the machine's. */
  readonly pace?: ClockPace
}

export type ToRanker =
  /** A turn was taken: answer from it. */
  | { readonly kind: 'load'; readonly packet: Uint8Array }
  /** Nobody takes turns: look for yourself. */
  | { readonly kind: 'look' }
  | {
      readonly kind: 'ask'
      readonly id: number
      readonly question: Question
      readonly degraded: readonly string[]
    }
  | { readonly kind: 'close' }

export type FromRanker =
  | {
      readonly kind: 'loaded'
      readonly source: 'turn' | 'look'
      readonly asOf: EpochMs
      readonly hosts: number
      readonly vms: number
      readonly alerts: readonly AlertDraft[]
      readonly events: readonly SiteEvent[]
    }
  /** A turn's message, or a look at the store, was of no use. */
  | { readonly kind: 'failed'; readonly source: 'turn' | 'look'; readonly reason: string }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer }
