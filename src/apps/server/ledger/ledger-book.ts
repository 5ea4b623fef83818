/** All that the ledger tells, folded from the journal's lines, oldest first. */
import {
  type Fields,
  ParseError,
  parseFields,
  parseJson,
  parseList,
  parseOptional,
  parseText,
} from '../../../terms/parse.ts'
import { HOUR_MS } from '../../../terms/units.ts'
import type { JournalLine } from '../../../world/site-store.ts'
import { WHY_LINES } from '../order-grounds.ts'
import { CoverageBook } from './coverage-book.ts'
import { FORESIGHT_LINES } from './foresight-line.ts'
import { type Foresight, tryForesight } from './foresight-read.ts'
import { HostPast } from './host-past.ts'
import { MovesBook } from './moves-book.ts'
import { StaysBook, type StayTold } from './stays-book.ts'

const TURN_LINES = '{"kind":"turn"'
const MOVE_LINES = '{"kind":"move",'
const PROMISE_LINES = '{"kind":"move-promise"'
/** A turn's line that has none of these tells the ledger nothing: most have none, and large sites' are long. */
const TOLD = /"orders":\[\{|"kind":"(?:move-refused|no-suitable-host|host-kept|outcome-settled)"/
/** Hosts' slots that are remembered: horizons are an hour, and longer ones are told as far as this reaches. */
const PAST_MS = 3 * HOUR_MS

export class LedgerBook {
  readonly moves = new MovesBook()
  readonly stays = new StaysBook()
  readonly coverage = new CoverageBook()
  private readonly past = new HostPast(PAST_MS)
  private latest: Foresight | undefined
  private damaged = 0

  /** The newest line of foresight. */
  get newest(): Foresight | undefined {
    return this.latest
  }

  /** Lines that could not be read. */
  get unreadable(): number {
    return this.damaged
  }

  take({ line }: JournalLine): void {
    try {
      this.read(line)
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      this.damaged++
    }
  }

  private read(line: string): void {
    if (line.startsWith(FORESIGHT_LINES)) this.takeForesight(line)
    else if (line.startsWith(MOVE_LINES)) this.moves.takeStep(line, this.past)
    else if (line.startsWith(PROMISE_LINES)) this.moves.takePromise(fieldsOf(line))
    else if (line.startsWith(WHY_LINES)) this.moves.takeGrounds(fieldsOf(line))
    else if (line.startsWith(TURN_LINES) && TOLD.test(line)) this.takeTurn(fieldsOf(line))
  }

  private takeForesight(line: string): void {
    const foresight = tryForesight(line)
    if (foresight === undefined) {
      this.damaged++
      return
    }
    // A process that begins within a slot tells of it again.
    if (this.latest !== undefined && foresight.at <= this.latest.at) return
    this.latest = foresight
    this.past.take(foresight)
    this.coverage.take(foresight, this.past)
    this.stays.take(foresight, this.past)
    this.moves.take(foresight)
  }

  private takeTurn(fields: Fields): void {
    this.moves.takeTurn(fields, this.past)
    const at = Number(fields['at'])
    for (const value of parseList(fields['events'], 'events')) {
      const stay = stayOf(parseFields(value, 'event'))
      if (stay !== undefined) this.stays.tell(stay, at, this.past)
    }
  }
}

function fieldsOf(line: string): Fields {
  return parseFields(parseJson(line, 'journal'), 'journal')
}

/** What an event says was not done; undefined: it says nothing of the kind. */
function stayOf(event: Fields): StayTold | undefined {
  const text = (name: string): string => parseText(event[name], `event.${name}`)
  if (event['kind'] === 'move-refused')
    return { vm: text('vmId'), host: text('from'), reason: text('lacking'), text: text('reason') }
  if (event['kind'] === 'host-kept')
    return { host: text('hostId'), reason: 'host-not-worth-emptying', text: text('reason') }
  if (event['kind'] !== 'no-suitable-host') return undefined
  const host = parseOptional(event['from'], (from) => parseText(from, 'event.from'))
  if (host === undefined) return undefined
  return { vm: text('vmId'), host, reason: 'no-suitable-host', text: refusalsText(event['refusals']) }
}

function refusalsText(value: unknown): string {
  const refusals = Object.entries(parseFields(value ?? {}, 'event.refusals'))
  if (refusals.length === 0) return 'No host was suitable.'
  return `No host was suitable: ${refusals.map(([lack, hosts]) => `${Number(hosts)} lacked ${lack}`).join(', ')}.`
}
