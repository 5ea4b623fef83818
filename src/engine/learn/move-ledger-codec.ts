/** The ledger as JSON, for the journal or a setting. */
import { parseHostId, parseOrderId } from '../../terms/ids.ts'
import { MIGRATION_MODES } from '../../terms/move-facts.ts'
import {
  type Fields,
  ParseError,
  parseBoolean,
  parseFields,
  parseList,
  parseNumber,
  parseWord,
} from '../../terms/parse.ts'
import type { MovePromise } from '../migration/cost-model.ts'
import type { FactorBelief, PairLearning } from '../migration/pair-learning.ts'
import { type FigureCheck, type LedgerEntry, type MoveLedger, type OpenMove, pairKey } from './move-ledger.ts'

/** Raise it when a field changes its meaning. */
const LEDGER_SCHEMA = 1
const PAIRS_MAX = 100_000
const LIST_MAX = 1000
const PLACE = 'move ledger'

export function encodeLedger({ pairs, open, entries }: MoveLedger): string {
  const named = [...pairs].map(([key, pair]) => {
    const [from, to] = key.split(' ')
    return { from, to, ...pair }
  })
  return JSON.stringify({ schema: LEDGER_SCHEMA, pairs: named, open: [...open.values()], entries })
}

/** One promise on its way, as it stands in a ledger too. Throws a `ParseError`. */
export function parseOpenMove(value: unknown, place: string): OpenMove {
  return parseOpen(parseFields(value, place), place)
}

/** Throws a `ParseError` with the place of what is amiss. */
export function parseLedger(value: unknown, place = PLACE): MoveLedger {
  const fields = parseFields(value, place)
  const schema = parseNumber(fields['schema'], `${place}.schema`)
  if (schema !== LEDGER_SCHEMA)
    throw new ParseError(`${place}.schema`, schema, `This version reads schema ${LEDGER_SCHEMA}.`)
  const pairs = listOf(fields['pairs'], `${place}.pairs`, PAIRS_MAX, (one, at): [string, PairLearning] => [
    pairKey(parseHostId(one['from'], `${at}.from`), parseHostId(one['to'], `${at}.to`)),
    parsePair(one, at),
  ])
  const open = listOf(fields['open'], `${place}.open`, LIST_MAX, parseOpen)
  const entries = listOf(fields['entries'], `${place}.entries`, LIST_MAX, parseEntry)
  return { pairs: new Map(pairs), open: new Map(open.map((move) => [move.orderId, move])), entries }
}

function parsePair(fields: Fields, place: string): PairLearning {
  const ends = parseFields(fields['ends'], `${place}.ends`)
  return {
    total: parseBelief(fields['total'], `${place}.total`),
    downtime: parseBelief(fields['downtime'], `${place}.downtime`),
    bytes: parseBelief(fields['bytes'], `${place}.bytes`),
    ends: {
      shift: parseNumber(ends['shift'], `${place}.ends.shift`, { min: -10, max: 10 }),
      moves: parseNumber(ends['moves'], `${place}.ends.moves`, { min: 0 }),
    },
  }
}

function parseBelief(value: unknown, place: string): FactorBelief {
  const fields = parseFields(value, place)
  return {
    moves: parseNumber(fields['moves'], `${place}.moves`, { min: 0 }),
    mean: parseNumber(fields['mean'], `${place}.mean`),
    variance: parseNumber(fields['variance'], `${place}.variance`, { min: 0 }),
  }
}

function parseOpen(fields: Fields, place: string): OpenMove {
  return {
    orderId: parseOrderId(fields['orderId'], `${place}.orderId`),
    from: parseHostId(fields['from'], `${place}.from`),
    to: parseHostId(fields['to'], `${place}.to`),
    mode: parseWord(fields['mode'], `${place}.mode`, MIGRATION_MODES),
    told: parseMovePromise(fields['told'], `${place}.told`),
    model: parseMovePromise(fields['model'], `${place}.model`),
  }
}

function parseMovePromise(value: unknown, place: string): MovePromise {
  const fields = parseFields(value, place)
  const positive = (name: string): number => parseNumber(fields[name], `${place}.${name}`, { min: 0 })
  const range = (name: string): readonly [number, number] => {
    const ends = parseList(fields[name], `${place}.${name}`)
    if (ends.length !== 2) throw new ParseError(`${place}.${name}`, ends.length, 'Expected two numbers.')
    return [
      parseNumber(ends[0], `${place}.${name}[0]`, { min: 0 }),
      parseNumber(ends[1], `${place}.${name}[1]`, { min: 0 }),
    ]
  }
  return {
    totalMs: positive('totalMs'),
    downtimeMs: positive('downtimeMs'),
    bytesMib: positive('bytesMib'),
    pConverge: parseNumber(fields['pConverge'], `${place}.pConverge`, { min: 0, max: 1 }),
    totalMsRange: range('totalMsRange'),
    downtimeMsRange: range('downtimeMsRange'),
    bytesMibRange: range('bytesMibRange'),
  }
}

function parseEntry(fields: Fields, place: string): LedgerEntry {
  const check = (name: 'total' | 'downtime' | 'bytes'): { readonly [name in typeof name]?: FigureCheck } => {
    if (fields[name] === undefined) return {}
    const one = parseFields(fields[name], `${place}.${name}`)
    const ratio = parseNumber(one['ratio'], `${place}.${name}.ratio`, { min: 0 })
    return { [name]: { ratio, isInRange: parseBoolean(one['isInRange'], `${place}.${name}.isInRange`) } }
  }
  return {
    orderId: parseOrderId(fields['orderId'], `${place}.orderId`),
    ...check('total'),
    ...check('downtime'),
    ...check('bytes'),
    pConverge: parseNumber(fields['pConverge'], `${place}.pConverge`, { min: 0, max: 1 }),
    hasEnded: parseBoolean(fields['hasEnded'], `${place}.hasEnded`),
  }
}

function listOf<T>(
  value: unknown,
  place: string,
  max: number,
  parse: (fields: Fields, place: string) => T,
): readonly T[] {
  return parseList(value, place, max).map((one, i) => parse(parseFields(one, `${place}[${i}]`), `${place}[${i}]`))
}
