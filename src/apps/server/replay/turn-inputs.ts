/** All that a turn was judged on, so that anybody can judge it once more: the same inputs give the same line of the journal, byte for byte. */
import { deserialize, serialize } from 'node:v8'
import type { EngineState } from '../../../engine/state.ts'
import { ethos } from '../../../engine/turn.ts'
import { encodeTurn } from '../../../loop/record.ts'
import type { OrderId } from '../../../terms/ids.ts'
import {
  type Fields,
  ParseError,
  parseFields,
  parseJson,
  parseList,
  parseNumber,
  parseText,
} from '../../../terms/parse.ts'
import type { Policy } from '../../../terms/policy.ts'
import type { Observation, Turn, TurnEvent } from '../../../terms/turn.ts'
import { planEvacuation } from '../evacuation.ts'
import { keptOf } from '../kept-state.ts'
import type { Maintenances } from '../wishes.ts'
import { withOrders } from './with-orders.ts'

/** Raise it when inputs of before can't be read any more. */
export const TURN_INPUTS_SCHEMA = 1
const LINE_LENGTH_MAX = 64 * 1024 * 1024

export interface TurnInputs {
  readonly number: number
  /** The state that the turn began with. */
  readonly before: EngineState
  readonly observation: Observation
  /** By which it was judged: the site's, less what the turn had not to spare. */
  readonly policy: Policy
  /** What the platform said to the orders of the turn before. */
  readonly refused: readonly TurnEvent[]
  /** Hosts that people want emptied, by the site's own policy. Absent: nobody would have carried an order for them out. */
  readonly emptying?: { readonly policy: Policy; readonly maintenances: Maintenances }
  /** Orders whose promises stand after the turn, for somebody carries them out. */
  readonly carriedOut: readonly OrderId[]
}

/** Inputs, and the line that came of them. */
export interface RecordedTurn {
  readonly inputs: TurnInputs
  readonly line: string
}

/** The line of the journal that these inputs give. Pure: neither the store nor a clock is asked. */
export function replayTurn(inputs: TurnInputs): string {
  const { number, observation, refused, carriedOut } = inputs
  const { state, events, orders } = judge(inputs)
  const stand = new Set(carriedOut)
  const kept = keptOf({ ...state, promises: state.promises.filter(({ order }) => stand.has(order.id)) })
  return encodeTurn({ number, observation, refused, events, orders, kept })
}

function judge({ before, observation, policy, emptying }: TurnInputs): Turn<EngineState> {
  const turn = ethos.takeTurn(before, observation, policy)
  if (emptying === undefined) return turn
  const ground = { before, observation, policy: emptying.policy, orders: turn.orders }
  return withOrders(turn, planEvacuation(ground, emptying.maintenances).orders)
}

export function encodeRecordedTurn(turn: RecordedTurn): Uint8Array {
  return serialize(turn)
}

/** Reads one. Throws a `ParseError` for what `encodeRecordedTurn` could not have written, as far as it is cheap to tell. */
export function decodeRecordedTurn(bytes: Uint8Array): RecordedTurn {
  const place = 'recorded turn'
  const fields = decodeFields(bytes, place)
  const inputs = parseFields(fields['inputs'], `${place}.inputs`)
  parseFields(parseJson(parseText(fields['line'], `${place}.line`, LINE_LENGTH_MAX), `${place}.line`), `${place}.line`)
  parseNumber(inputs['number'], `${place}.inputs.number`, { min: 0, integer: true })
  for (const name of ['before', 'observation', 'policy']) parseFields(inputs[name], `${place}.inputs.${name}`)
  const { observation } = inputs as unknown as TurnInputs
  parseNumber(observation.at, `${place}.inputs.observation.at`, { min: 0 })
  for (const name of ['refused', 'carriedOut']) parseList(inputs[name], `${place}.inputs.${name}`)
  return fields as unknown as RecordedTurn
}

/** Of bytes that v8 wrote. */
export function decodeFields(bytes: Uint8Array, place: string): Fields {
  let value: unknown
  try {
    value = deserialize(bytes)
  } catch {
    throw new ParseError(place, bytes.length, 'The bytes are none that a server of this version writes.')
  }
  return parseFields(value, place)
}
