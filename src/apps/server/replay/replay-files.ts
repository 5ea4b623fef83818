/** Judges once more what files of turns hold, and says where what comes out is not what was recorded. */
import { createHash } from 'node:crypto'
import { ParseError } from '../../../terms/parse.ts'
import { type EpochMs, HOUR_MS } from '../../../terms/units.ts'
import type { Journal } from '../../../world/site-store.ts'
import { firstSince, pageAfter } from '../ledger/journal-place.ts'
import { isHeader, readTurns } from './read-turns.ts'
import { type RecordedTurn, replayTurn } from './turn-inputs.ts'

/** Differences that are told one by one. */
const TOLD_MAX = 20
const VALUE_LENGTH_MAX = 200
/** As `encodeTurn` writes it: what tells one turn from another. */
const TURN_LINE = /^\{"kind":"turn","turn":(\d+),"at":(\d+)[,}]/
/** A line comes on record after its turn has seen, and clocks are set. */
const LATE_MS_MAX = HOUR_MS

/** One turn that came out otherwise: the first field of its line that did. */
export interface ReplayDifference {
  readonly turn: number
  readonly at: EpochMs
  readonly field: string
  readonly recorded: string
  readonly replayed: string
}

export interface ReplayedFile {
  readonly path: string
  /** Of the server that wrote it. Absent: the file ends before it says. */
  readonly version?: string
  readonly node?: string
  readonly turns: number
  /** It ends amid a turn: its server writes on, or was killed. */
  readonly isCut: boolean
  /** Why no more of it can be read. */
  readonly damage?: string
}

export interface ReplayReport {
  readonly files: readonly ReplayedFile[]
  readonly turns: number
  readonly orders: number
  readonly same: number
  /** Of the first and the last turn. Absent: there is none. */
  readonly from?: EpochMs
  readonly to?: EpochMs
  /** The first of those that came out otherwise. */
  readonly differences: readonly ReplayDifference[]
  /** Set against the journal. Absent: nobody asked. */
  readonly journal?: JournalCheck
}

export interface JournalCheck {
  /** Turns whose line stands in the journal as it was kept beside its inputs. */
  readonly recorded: number
  /** Turns whose line in the journal is another. */
  readonly otherwise: number
  /** Turns of the journal in the span of the files of which no inputs are kept. */
  readonly withoutInputs: number
  /** Turns with inputs of which the journal has no line: the store did not take it and nothing came of them, or it has let go of it, or is about to have it. */
  readonly notRecorded: number
}

export class Replay {
  private readonly files: ReplayedFile[] = []
  private readonly differences: ReplayDifference[] = []
  /** Digest of each turn's line, by its number and instant. */
  private readonly digests = new Map<string, string>()
  private turns = 0
  private orders = 0
  private same = 0
  private span: { readonly from: EpochMs; readonly to: EpochMs } | undefined

  /** @param wanted only the turn that made this order */
  async file(path: string, wanted?: string): Promise<void> {
    const ordering = wanted && `{"kind":"move-ordered","order":{"id":${JSON.stringify(wanted)},`
    let header: { readonly version?: string; readonly node?: string } = {}
    let [turns, isCut] = [0, false]
    const cut = (): void => {
      isCut = true
    }
    try {
      for await (const one of readTurns(path, cut)) {
        if (isHeader(one)) header = { version: one.version, node: one.node }
        else if (ordering === undefined || one.line.includes(ordering)) {
          turns++
          this.take(one)
        }
      }
      this.files.push({ path, ...header, turns, isCut })
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      this.files.push({ path, ...header, turns, isCut, damage: error.message })
    }
  }

  report(journal?: JournalCheck): ReplayReport {
    const { files, turns, orders, same, span, differences } = this
    return { files, turns, orders, same, ...span, differences, ...(journal === undefined ? {} : { journal }) }
  }

  /** Reads the journal over the span of the files. A line that is another there is a difference too. Rejects with a `StoreError`. */
  async against(journal: Pick<Journal, 'from' | 'last'>): Promise<JournalCheck> {
    const { digests, span } = this
    const found = new Set<string>()
    let [recorded, otherwise, withoutInputs] = [0, 0, 0]
    const newest = (await journal.last(1)).at(-1)
    if (span === undefined || newest === undefined)
      return { recorded, otherwise, withoutInputs, notRecorded: digests.size }
    let from = await firstSince(journal, span.from - LATE_MS_MAX, [0, newest.number])
    for (let most = 1; from <= newest.number; ) {
      const page = await journal.from(from, most)
      const last = page.at(-1)
      if (last === undefined) break
      for (const { line } of page) {
        const told = TURN_LINE.exec(line)
        if (told === null) continue
        const [turn, at] = [Number(told[1]), Number(told[2])]
        const kept = digests.get(keyOf(turn, at))
        if (kept === undefined) withoutInputs += at >= span.from && at <= span.to ? 1 : 0
        else {
          const digest = digestOf(line)
          found.add(keyOf(turn, at))
          if (digest === kept) recorded++
          else {
            otherwise++
            this.tell({
              turn,
              at,
              field: 'the journal’s line',
              recorded: `SHA-256 ${digest}`,
              replayed: `SHA-256 ${kept}`,
            })
          }
        }
      }
      if (last.at > span.to + LATE_MS_MAX) break
      from = last.number + 1
      most = pageAfter(page.map(({ line }) => line.length))
    }
    return { recorded, otherwise, withoutInputs, notRecorded: digests.size - found.size }
  }

  private take({ inputs, line }: RecordedTurn): void {
    const { at } = inputs.observation
    this.turns++
    this.digests.set(keyOf(inputs.number, at), digestOf(line))
    this.span = { from: Math.min(at, this.span?.from ?? at), to: Math.max(at, this.span?.to ?? at) }
    this.orders += ordersOf(line)
    const replayed = judged(inputs)
    if (replayed === line) this.same++
    else this.tell({ turn: inputs.number, at, ...firstDifference(line, replayed) })
  }

  private tell(difference: ReplayDifference): void {
    if (this.differences.length < TOLD_MAX) this.differences.push(difference)
  }
}

function keyOf(turn: number, at: EpochMs): string {
  return `${turn} at ${at}`
}

/** What the file says may be anything that has the shape of inputs: what the engine makes of it is told. */
function judged(inputs: RecordedTurn['inputs']): string {
  try {
    return replayTurn(inputs)
  } catch (error) {
    return JSON.stringify({ failed: error instanceof Error ? error.message : String(error) })
  }
}

function ordersOf(line: string): number {
  const { orders } = JSON.parse(line) as { readonly orders?: unknown }
  return Array.isArray(orders) ? orders.length : 0
}

function digestOf(line: string): string {
  return createHash('sha256').update(line).digest('hex')
}

/** The first field, in the record's order, that is not the same. */
export function firstDifference(recorded: string, replayed: string): Omit<ReplayDifference, 'turn' | 'at'> {
  const found = differing(JSON.parse(recorded), JSON.parse(replayed), [])
  // The same values, written otherwise: bytes differ all the same.
  const { path, a, b } = found ?? { path: [], a: recorded, b: replayed }
  return { field: path.length === 0 ? 'the line' : path.join('.'), recorded: short(a), replayed: short(b) }
}

interface Found {
  readonly path: readonly string[]
  readonly a: unknown
  readonly b: unknown
}

function differing(a: unknown, b: unknown, path: readonly string[]): Found | undefined {
  if (a === b) return undefined
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return { path, a, b }
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const found = differing((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], [...path, key])
    if (found !== undefined) return found
  }
  return undefined
}

function short(value: unknown): string {
  const text = value === undefined ? 'nothing' : typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX - 3)}...` : text
}
