/** What the controller's process and the main process say to each other. Main reads it as it reads anything from outside: the child may be sick. */
import {
  type Fields,
  ParseError,
  parseBoolean,
  parseFields,
  parseNumber,
  parseOptional,
  parseText,
  parseWord,
} from '../../terms/parse.ts'
import type { HostId, OrderId, VmId } from '../../terms/ids.ts'
import type { EpochMs } from '../../terms/units.ts'
import type { ClockPace } from '../../drivers/paced-clock.ts'
import type { ObjectionAsk } from './objecting.ts'
import type { StorePlace } from './open-site.ts'
import type { TurnRecorderOptions } from './replay/turn-recorder.ts'

/** How the controller is to work: the first message it gets. */
export interface ControllerOptions {
  /** Where it reads; it writes through the main process. */
  readonly place: StorePlace
  readonly everyMs: number
  /** Who holds the lease. The same for all controllers of one main process, which never has two. */
  readonly holder: string
  readonly leaseMs: number
  /** Of the site's clock. Absent: it is the machine's. */
  readonly pace?: ClockPace
  /** Where what turns are judged on is kept. Absent: nowhere. */
  readonly turns?: Pick<TurnRecorderOptions, 'folder' | 'bytesMax' | 'version'>
  /** Where the platform is to be found, for a controller that does not read it from the settings. */
  readonly platform?: string
}

/** What the main process asks of the controller at once, for somebody who waits. `heed`: settings have changed; nothing begins any more by the old ones
 *  once it is answered. `vouch`: a person says that a host is off for good. */
export type ControllerAsk =
  | { readonly what: 'heed' }
  | { readonly what: 'approve'; readonly orderId: OrderId; readonly who: string }
  | { readonly what: 'cancel'; readonly vmId: VmId; readonly who: string }
  | { readonly what: 'vouch'; readonly hostId: HostId; readonly who: string }
  /** A person's no, or not yet, to a proposal; and that it is taken back. */
  | ({ readonly what: 'object' } & ObjectionAsk)
  | ({ readonly what: 'lift' } & Pick<ObjectionAsk, 'kind' | 'orderId' | 'who'>)

export type AskResult =
  /** `stands`: what is so now, as people are shown it. `isRepeated`: it was so before, by the same person's word. */
  | { readonly kind: 'done'; readonly text: string; readonly stands?: object; readonly isRepeated?: true }
  /** Nothing of that name. */
  | { readonly kind: 'unknown' }
  /** It is not done, and why not. */
  | { readonly kind: 'refused'; readonly reason: string; readonly stands?: object }

export interface AskMessage {
  readonly kind: 'ask'
  readonly id: number
  readonly ask: ControllerAsk
}

export type ControllerMessage =
  /** It lives. */
  | { readonly kind: 'alive'; readonly at: EpochMs }
  /** Another process takes the turns. */
  | { readonly kind: 'standby'; readonly at: EpochMs; readonly reason: string }
  /** A turn was due and was not taken. */
  | { readonly kind: 'idle'; readonly at: EpochMs; readonly isOff: boolean; readonly reason: string }
  /** The store, or a turn, failed. */
  | { readonly kind: 'trouble'; readonly at: EpochMs; readonly reason: string }
  /** Something that a person should know and that turns do not suffer from. */
  | { readonly kind: 'note'; readonly at: EpochMs; readonly reason: string }
  /** What was asked, by its number. */
  | { readonly kind: 'answered'; readonly at: EpochMs; readonly id: number; readonly result: AskResult }
  /** Moves as they stand, as JSON for whoever asks: see `MovesView`. */
  | { readonly kind: 'moves'; readonly at: EpochMs; readonly text: string }
  /** What the platform says of its hosts, as JSON for whoever asks. */
  | { readonly kind: 'platform'; readonly at: EpochMs; readonly text: string }
  /** A turn was taken; the packet is the ranker's to read. */
  | {
      readonly kind: 'turn'
      readonly at: EpochMs
      readonly number: number
      readonly packet: Uint8Array
    }

const KINDS = ['alive', 'standby', 'idle', 'trouble', 'note', 'answered', 'moves', 'platform', 'turn'] as const
const TEXT_LENGTH_MAX = 16 * 1024 * 1024
/** A site of 10,000 VMs needs 10 MB. */
const PACKET_BYTES_MAX = 512 * 1024 * 1024

/** Reads one. Throws a `ParseError` for anything else. */
export function parseControllerMessage(value: unknown): ControllerMessage {
  const place = 'controller message'
  const fields = parseFields(value, place)
  const kind = parseWord(fields['kind'], `${place}.kind`, KINDS)
  const at = parseNumber(fields['at'], `${place}.at`, { min: 0, max: 1e15 })
  if (kind === 'alive') return { kind, at }
  if (kind === 'turn') return { kind, at, ...parseTurn(fields, place) }
  if (kind === 'moves' || kind === 'platform')
    return { kind, at, text: parseText(fields['text'], `${place}.text`, TEXT_LENGTH_MAX) }
  if (kind === 'answered') {
    const id = parseNumber(fields['id'], `${place}.id`, { min: 0, integer: true })
    return { kind, at, id, result: parseResult(fields['result'], `${place}.result`) }
  }
  const reason = parseText(fields['reason'], `${place}.reason`)
  if (kind === 'idle') return { kind, at, isOff: parseBoolean(fields['isOff'], `${place}.isOff`), reason }
  return { kind, at, reason }
}

function parseResult(value: unknown, place: string): AskResult {
  const fields = parseFields(value, place)
  const kind = parseWord(fields['kind'], `${place}.kind`, ['done', 'unknown', 'refused'])
  if (kind === 'unknown') return { kind }
  const told = parseOptional(fields['stands'], (object) => parseFields(object, `${place}.stands`))
  const stands = told === undefined ? {} : { stands: told }
  if (kind === 'done') {
    const isRepeated = parseOptional(fields['isRepeated'], (flag) => parseBoolean(flag, `${place}.isRepeated`))
    const text = parseText(fields['text'], `${place}.text`)
    return { kind, text, ...stands, ...(isRepeated === true ? { isRepeated } : {}) }
  }
  return { kind, reason: parseText(fields['reason'], `${place}.reason`), ...stands }
}

function parseTurn(fields: Fields, place: string) {
  const packet = fields['packet']
  if (!(packet instanceof Uint8Array) || packet.length > PACKET_BYTES_MAX)
    throw new ParseError(`${place}.packet`, typeof packet, 'Expected bytes.')
  return {
    number: parseNumber(fields['number'], `${place}.number`, { min: 0, integer: true }),
    packet,
  }
}
