/** What the controller's process and the main process say to each other. Main reads it as it reads anything from outside: the child may be sick. */
import {
  type Fields,
  ParseError,
  parseBoolean,
  parseFields,
  parseNumber,
  parseText,
  parseWord,
} from '../../terms/parse.ts'
import type { EpochMs } from '../../terms/units.ts'
import type { StorePlace } from './open-site.ts'

/** How the controller is to work: the first message it gets. */
export interface ControllerOptions {
  /** Where it reads; it writes through the main process. */
  readonly place: StorePlace
  readonly everyMs: number
  /** Who holds the lease. The same for all controllers of one main process, which never has two. */
  readonly holder: string
  readonly leaseMs: number
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
  /** A turn was taken; the packet is the ranker's to read. */
  | {
      readonly kind: 'turn'
      readonly at: EpochMs
      readonly number: number
      readonly packet: Uint8Array
    }

const KINDS = ['alive', 'standby', 'idle', 'trouble', 'turn'] as const
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
  const reason = parseText(fields['reason'], `${place}.reason`)
  if (kind === 'idle') return { kind, at, isOff: parseBoolean(fields['isOff'], `${place}.isOff`), reason }
  return { kind, at, reason }
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
