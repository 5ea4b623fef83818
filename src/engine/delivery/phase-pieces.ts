/** A phase model in pieces, for a channel whose lines are short (decision 0009). The guest asks for one piece after the other, so that the host keeps
 *  nothing in mind, and a host that is busy or comes back in the middle loses nothing but time. Pure: time is handed in. */
import { SECOND_MS } from '../../terms/units.ts'

/** Characters of a piece: every other one may be a quotation mark, which JSON writes as two, and the line stays within 1024. */
export const PIECE_CHARACTERS = 400
/** More than the largest model has. */
const PIECES_MAX = 41
/** A piece that did not come by then was lost, or its question was. */
const ANSWER_MS = 10 * SECOND_MS
/** A host that never answers does not know of pieces. */
const ASKS_MAX = 5

/** One piece, as it was heard. Whose model it is of, and how many pieces there are, stands in each. */
export interface Piece {
  readonly version: number
  readonly index: number
  /** 0: there is no such model any more. */
  readonly count: number
  readonly text: string
}

/** What the host says to `{"phases":[version,index]}`. */
export function pieceOf(
  { version, text }: { readonly version: number; readonly text: string },
  wanted: Pick<Piece, 'version' | 'index'>,
): Piece {
  const count = Math.ceil(text.length / PIECE_CHARACTERS)
  if (wanted.version !== version || wanted.index >= count) return { ...wanted, count: 0, text: '' }
  const from = wanted.index * PIECE_CHARACTERS
  return { ...wanted, count, text: text.slice(from, from + PIECE_CHARACTERS) }
}

export type Fetched =
  | { readonly kind: 'whole'; readonly text: string }
  | { readonly kind: 'failed'; readonly reason: string }

/** The guest's side: one model on its way at a time. */
export class PhaseFetch {
  readonly version: number
  private readonly texts: string[] = []
  private count: number | undefined
  private askedMs: number | undefined
  private asks = 0

  constructor(version: number) {
    this.version = version
  }

  /** The question to put now, if any. */
  speak(nowMs: number): string | undefined {
    if (this.askedMs !== undefined && nowMs - this.askedMs < ANSWER_MS) return undefined
    if (this.asks >= ASKS_MAX) return undefined
    this.asks++
    this.askedMs = nowMs
    return JSON.stringify({ phases: [this.version, this.texts.length] })
  }

  /** Takes a piece. One that was not asked for is passed over; one that can't be a part of what came before ends it. */
  hear({ version, index, count, text }: Piece): Fetched | undefined {
    if (version !== this.version || index !== this.texts.length || this.askedMs === undefined) return undefined
    if (count === 0) return { kind: 'failed', reason: `the host has no phase model ${version} any more` }
    const isLast = index === count - 1
    const isSound = count <= PIECES_MAX && count === (this.count ?? count) && index < count
    if (!isSound || text.length > PIECE_CHARACTERS || (!isLast && text.length < PIECE_CHARACTERS))
      return { kind: 'failed', reason: `the pieces of phase model ${version} do not fit together` }
    this.count = count
    this.texts.push(text)
    this.askedMs = undefined
    this.asks = 0
    return isLast ? { kind: 'whole', text: this.texts.join('') } : undefined
  }

  /** Why it came to nothing, once it has. */
  failure(nowMs: number): string | undefined {
    const isOver = this.asks >= ASKS_MAX && nowMs - (this.askedMs ?? nowMs) >= ANSWER_MS
    return isOver ? `the host does not send phase model ${this.version}` : undefined
  }
}
