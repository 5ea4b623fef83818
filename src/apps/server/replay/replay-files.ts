/** Judges once more what files of turns hold, and says where what comes out is not what was recorded. */
import { createHash } from 'node:crypto'
import { ParseError } from '../../../terms/parse.ts'
import type { EpochMs } from '../../../terms/units.ts'
import type { SiteStore } from '../../../world/site-store.ts'
import { isHeader, readTurns } from './read-turns.ts'
import { type RecordedTurn, replayTurn } from './turn-inputs.ts'

/** Differences that are told one by one. */
const TOLD_MAX = 20
const VALUE_LENGTH_MAX = 200
const PAGE = 500
const TURN_LINES = '{"kind":"turn"'

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
  /** Turns of the journal in the span of the files of which no inputs are kept. */
  readonly withoutInputs: number
  /** Turns with inputs whose line the journal has not: the store did not take it, and nothing came of them. */
  readonly notRecorded: number
}

export class Replay {
  private readonly files: ReplayedFile[] = []
  private readonly differences: ReplayDifference[] = []
  private readonly digests = new Set<string>()
  private turns = 0
  private orders = 0
  private same = 0
  private span: { readonly from: EpochMs; readonly to: EpochMs } | undefined

  /** @param wanted only the turn that made this order */
  async file(path: string, wanted?: string): Promise<void> {
    let header: { readonly version?: string; readonly node?: string } = {}
    let turns = 0
    try {
      for await (const one of readTurns(path)) {
        if (isHeader(one)) header = { version: one.version, node: one.node }
        else if (wanted === undefined || one.line.includes(`"id":${JSON.stringify(wanted)}`)) {
          turns++
          this.take(one)
        }
      }
      this.files.push({ path, ...header, turns })
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      this.files.push({ path, ...header, turns, damage: error.message })
    }
  }

  report(journal?: JournalCheck): ReplayReport {
    const { files, turns, orders, same, span, differences } = this
    return { files, turns, orders, same, ...span, differences, ...(journal === undefined ? {} : { journal }) }
  }

  /** Reads the journal from its beginning. Rejects with a `StoreError`. */
  async against(journal: Pick<SiteStore['journal'], 'from'>): Promise<JournalCheck> {
    const { digests, span } = this
    let [recorded, withoutInputs] = [0, 0]
    for (let from = 0; ; ) {
      const page = await journal.from(from, PAGE)
      for (const { line } of page.filter((one) => one.line.startsWith(TURN_LINES))) {
        if (digests.has(digestOf(line))) recorded++
        else if (span !== undefined && isWithin(line, span)) withoutInputs++
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) break
      from = last.number + 1
    }
    return { recorded, withoutInputs, notRecorded: digests.size - recorded }
  }

  private take({ inputs, line }: RecordedTurn): void {
    const { at } = inputs.observation
    this.turns++
    this.digests.add(digestOf(line))
    this.span = { from: Math.min(at, this.span?.from ?? at), to: Math.max(at, this.span?.to ?? at) }
    this.orders += ordersOf(line)
    const replayed = judged(inputs)
    if (replayed === line) this.same++
    else if (this.differences.length < TOLD_MAX)
      this.differences.push({ turn: inputs.number, at, ...firstDifference(line, replayed) })
  }
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

function isWithin(line: string, { from, to }: { readonly from: EpochMs; readonly to: EpochMs }): boolean {
  const { at } = JSON.parse(line) as { readonly at?: unknown }
  return typeof at === 'number' && at >= from && at <= to
}

function digestOf(line: string): string {
  return createHash('sha256').update(line).digest('base64')
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
