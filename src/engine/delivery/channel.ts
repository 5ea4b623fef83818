/** The agent's side of a virtio-serial channel (decision 0009), without the port: what was heard and what time it is come in, lines go out.
 *
 *  One vector is on its way at a time. A host that comes back in the middle of a line has missed what was in flight: were there more than one, the
 *  next would be taken, and the one that was missed be called old when it is sent again. */
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import type { Piece } from './phase-pieces.ts'
import { lineKey } from './settled.ts'

/** Nobody greets back: the host is away, or has no server. Asked again after so long, at any length of time. */
const HELLO_MS = 15 * SECOND_MS
/** An answer that did not come by then was lost, or the vector was. A server answers once it has synced its disk. */
const ANSWER_MS = 10 * SECOND_MS
/** The host was heard, and yet says nothing to this line so often: it can't read it, and those behind it wait. */
const SENDS_MAX = 20
const BUSY_SEC_MAX = HOUR_MS / SECOND_MS
/** Looks for an answer are taken sooner and sooner apart while one is expected, and rarely while nothing is. */
const LOOK_MS_MIN = 5
const LOOK_MS_MAX = 500
const IDLE_MS = MINUTE_MS

/** What the host said that concerns those outside. */
export type Heard =
  | { readonly kind: 'welcome'; readonly vm: string; readonly phases: number }
  | { readonly kind: 'settled'; readonly refusal?: string; readonly phases?: number }
  | { readonly kind: 'piece'; readonly piece: Piece }
  | { readonly kind: 'busy'; readonly seconds: number }

export class Channel {
  private isGreeted = false
  private helloMs: number
  private sentMs: number | undefined
  private sends = 0
  private line: string | undefined
  private busyUntilMs: number

  constructor(nowMs: number) {
    this.helloMs = nowMs
    this.busyUntilMs = nowMs
  }

  /** Whether the host answers. */
  get isOpen(): boolean {
    return this.isGreeted
  }

  /** The port was opened anew: nothing of what went before counts. */
  reopened(nowMs: number): void {
    this.isGreeted = false
    this.helloMs = nowMs
    this.sentMs = undefined
  }

  /** The line to send now, if any. @param next the oldest that waits */
  speak(next: string | undefined, nowMs: number): string | undefined {
    if (this.sentMs !== undefined && nowMs - this.sentMs >= ANSWER_MS) {
      this.isGreeted = false
      this.sentMs = undefined
    }
    if (!this.isGreeted) {
      if (next === undefined || nowMs < this.helloMs) return undefined
      this.helloMs = nowMs + HELLO_MS
      return '{"hello":1}'
    }
    if (next === undefined || this.sentMs !== undefined || nowMs < this.busyUntilMs) return undefined
    this.sends = next === this.line ? this.sends + 1 : 1
    this.line = next
    this.sentMs = nowMs
    return next
  }

  /** Takes what the host said. Whatever is not of the protocol, or is about another vector, is passed over. */
  hear(text: string, nowMs: number): Heard | undefined {
    const said = parseSaid(text)
    if (said === undefined) return undefined
    if (said.kind === 'welcome') {
      this.isGreeted = true
      if (this.sends >= SENDS_MAX && this.sentMs === undefined)
        return this.settle({ kind: 'settled', refusal: 'the host can not read it' })
      return said
    }
    if (said.kind === 'busy') {
      this.busyUntilMs = nowMs + Math.min(BUSY_SEC_MAX, Math.max(1, said.seconds)) * SECOND_MS
      this.sentMs = undefined
      this.sends = 0
      return said
    }
    if (said.kind === 'piece') return said
    const key = this.line === undefined ? undefined : lineKey(this.line)
    if (key?.sender !== said.sender || key.sequence !== said.sequence) return undefined
    const phases = said.phases === undefined ? {} : { phases: said.phases }
    return this.settle({ kind: 'settled', ...phases, ...(said.refusal === undefined ? {} : { refusal: said.refusal }) })
  }

  /** How long to wait before the port is looked at again. */
  waitMs(hasNext: boolean, nowMs: number): number {
    if (this.sentMs !== undefined) return Math.min(LOOK_MS_MAX, Math.max(LOOK_MS_MIN, (nowMs - this.sentMs) / 2))
    if (!hasNext) return IDLE_MS
    if (nowMs < this.busyUntilMs) return Math.min(IDLE_MS, this.busyUntilMs - nowMs)
    return this.isGreeted ? 0 : Math.min(LOOK_MS_MAX, Math.max(LOOK_MS_MIN, this.helloMs - nowMs))
  }

  private settle(heard: Heard): Heard {
    this.line = undefined
    this.sentMs = undefined
    this.sends = 0
    return heard
  }
}

type Said =
  | Exclude<Heard, { kind: 'settled' }>
  | {
      readonly kind: 'answer'
      readonly sender: string
      readonly sequence: number
      readonly refusal?: string
      readonly phases?: number
    }

/** Undefined for anything that a server does not say: the host may write garbage. */
function parseSaid(text: string): Said | undefined {
  const fields = parseObject(text)
  const { welcome, ack, refused, busy, part } = fields
  if (typeof busy === 'number' && Number.isFinite(busy)) return { kind: 'busy', seconds: busy }
  if (typeof welcome === 'object' && welcome !== null) {
    const { vm, phases } = welcome as Record<string, unknown>
    return typeof vm === 'string' && typeof phases === 'number' ? { kind: 'welcome', vm, phases } : undefined
  }
  if (Array.isArray(part)) return parsePiece(part)
  const answer: unknown = ack ?? refused
  if (!Array.isArray(answer)) return undefined
  const [sender, sequence, reason] = answer as unknown[]
  if (typeof sender !== 'string' || typeof sequence !== 'number') return undefined
  const { phases } = fields
  const named = { kind: 'answer', sender, sequence, ...(typeof phases === 'number' ? { phases } : {}) } as const
  return ack === undefined ? { ...named, refusal: String(reason).slice(0, 200) } : named
}

function parsePiece([version, index, count, text]: readonly unknown[]): Said | undefined {
  if (![version, index, count].every(isCount) || typeof text !== 'string') return undefined
  return { kind: 'piece', piece: { version: Number(version), index: Number(index), count: Number(count), text } }
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
