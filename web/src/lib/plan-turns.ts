/** Turns as the journal has them: what can be told of them without understanding all of it. */
import type { Fields } from '../../../src/terms/parse.ts'
import { countText } from '../../../src/terms/shown.ts'
import { listOf, numberOf, textOf } from './told.ts'

/** A turn before, in a line. */
export interface TurnRow {
  readonly line: number
  readonly turn: number | undefined
  readonly at: number
  readonly moves: readonly TurnMove[]
  /** Hosts on which contention was foreseen. */
  readonly foreseen: readonly string[]
  /** VMs that no host could take. */
  readonly nowhere: readonly string[]
  readonly refused: number
}

export interface TurnMove {
  readonly id: string
  readonly vm: string
  readonly from: string
  readonly to: string
  readonly reason: string
}

/** Whatever can't be understood is left out: a journal may be older than this page, or newer. */
export function turnRow(line: {
  readonly number: number
  readonly at: number
  readonly record: Readonly<Record<string, unknown>>
}): TurnRow {
  const { record } = line
  const events = listOf(record['events'])
  const named = (kind: string, field: string): readonly string[] =>
    events.flatMap((event) => (event['kind'] === kind ? textsOf(event[field]) : []))
  return {
    line: line.number,
    turn: numberOf(record['turn']),
    at: line.at,
    moves: listOf(record['orders']).flatMap(moveOf),
    foreseen: named('contention-predicted', 'hostId'),
    nowhere: named('no-suitable-host', 'vmId'),
    refused: events.filter(({ kind }) => kind === 'move-refused').length,
  }
}

function moveOf(order: Fields): readonly TurnMove[] {
  const [id, vm, from, to, reason] = ['id', 'vmId', 'from', 'to', 'reason'].map((name) => order[name])
  if (typeof id !== 'string' || typeof vm !== 'string') return []
  return [{ id, vm, from: textOf(from), to: textOf(to), reason: textOf(reason) }]
}

/** What the turn came to, in a sentence. */
export function turnText({ moves, foreseen, nowhere, refused }: TurnRow): string {
  const parts = [
    moves.length === 0 ? 'no move' : countText(moves.length, 'move'),
    ...(foreseen.length === 0 ? [] : [`contention foreseen on ${some(foreseen)}`]),
    ...(nowhere.length === 0 ? [] : [`no suitable host for ${some(nowhere)}`]),
    ...(refused === 0 ? [] : [`${refused} looked at and refused`]),
  ]
  return `${parts.join('; ')}.`
}

const NAMES_SHOWN = 3

function some(names: readonly string[]): string {
  const first = names.slice(0, NAMES_SHOWN).join(', ')
  return names.length <= NAMES_SHOWN ? first : `${first} and ${names.length - NAMES_SHOWN} more`
}

function textsOf(value: unknown): readonly string[] {
  return typeof value === 'string' ? [value] : []
}
