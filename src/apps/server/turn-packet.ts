/** What the ranker is told after each turn. It passes the main process as bytes, unread: copying 10 MB is cheap, understanding them is not. */
import { deserialize, serialize } from 'node:v8'
import type { SiteNotes } from '../../drivers/reported/reported-hypervisor.ts'
import type { EngineState } from '../../engine/state.ts'
import { ParseError, parseFields } from '../../terms/parse.ts'
import type { Policy } from '../../terms/policy.ts'
import type { Observation, Turn } from '../../terms/turn.ts'
import type { Automation } from './site-settings.ts'

/** What a turn concluded, without the state after it. */
export type TurnResult = Omit<Turn<EngineState>, 'state'>

/** A turn as it was taken: what it knew and what it concluded. */
export interface TurnPacket {
  /** Of the turn. Absent: none was taken, this is what is seen and remembered. */
  readonly number?: number
  /** From the look at the store until all was recorded. Absent: not told, as in what is seen without a turn. */
  readonly durationMs?: number
  /** From when it was due until it began: the process was busy, or the store slow to prolong the lease. Absent as above. */
  readonly lateMs?: number
  /** The state that the turn began with. */
  readonly before: EngineState
  readonly observation: Observation
  readonly policy: Policy
  readonly automation: Automation
  /** Why this turn could give no orders, a sentence each; empty: it could. */
  readonly held: readonly string[]
  readonly notes: SiteNotes
  /** Arrival of each VM's newest good vector, parallel to the inventory's VMs; NaN: never. */
  readonly heardAt: Float64Array
  readonly result?: TurnResult
}

export function encodePacket(packet: TurnPacket): Uint8Array {
  return serialize(packet)
}

/** Reads one. Throws a `ParseError` for what `encodePacket` could not have written, as far as it is cheap to tell. */
export function decodePacket(bytes: Uint8Array): TurnPacket {
  const place = 'turn packet'
  let value: unknown
  try {
    value = deserialize(bytes)
  } catch {
    throw new ParseError(place, bytes.length, 'The bytes are no message of a controller of this version.')
  }
  const fields = parseFields(value, place)
  for (const name of ['before', 'observation', 'policy', 'automation', 'notes']) {
    parseFields(fields[name], `${place}.${name}`)
  }
  const packet = value as TurnPacket
  const { inventory } = packet.observation
  parseFields(inventory, `${place}.observation.inventory`)
  const isWhole =
    Array.isArray(inventory.hosts) &&
    Array.isArray(inventory.vms) &&
    Array.isArray(packet.held) &&
    inventory.hostOf instanceof Int32Array &&
    inventory.hostOf.length === inventory.vms.length &&
    inventory.hostStates.length === inventory.hosts.length &&
    packet.heardAt instanceof Float64Array &&
    packet.heardAt.length === inventory.vms.length &&
    inventory.hostOf.every((host) => host >= -1 && host < inventory.hosts.length)
  if (!isWhole) throw new ParseError(place, undefined, 'Its columns do not belong to its lists.')
  return packet
}
