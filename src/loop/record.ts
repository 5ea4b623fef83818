/** The journal's lines: one header, then one line per turn. The same turn gives the same bytes on every machine. */
import type { MigrationOrder } from '../terms/move.ts'
import type { Policy } from '../terms/policy.ts'
import { RESOURCES, type SampleBatch } from '../terms/sample.ts'
import type { Observation, TurnEvent } from '../terms/turn.ts'

/** Raise it when a line changes its meaning. */
export const RECORD_SCHEMA_VERSION = 1

/** The first line of a run. */
export function encodeHeader(run: {
  readonly balancer: string
  readonly seed: number
  readonly policy: Policy
  readonly cadence: { readonly firstMs: number; readonly everyMs: number }
}): string {
  const { balancer, seed, cadence, policy } = run
  return JSON.stringify({ kind: 'header', schema: RECORD_SCHEMA_VERSION, balancer, seed, cadence, policy })
}

/** What was seen, in digest, and what was concluded. `refused` is what the platform said to the orders of the turn
 *  before; `kept` is what the balancer wants back after a start. */
export function encodeTurn(turn: {
  readonly number: number
  readonly observation: Observation
  readonly refused: readonly TurnEvent[]
  readonly events: readonly TurnEvent[]
  readonly orders: readonly MigrationOrder[]
  readonly kept?: object
}): string {
  const { number, observation, refused, events, orders, kept } = turn
  const { at, inventory, samples, hostSamples, personalities } = observation
  const seen = {
    hosts: inventory.hosts.length,
    vms: inventory.vms.length,
    migrations: inventory.migrations.length,
    personalities: personalities.length,
    ended: inventory.ended,
    placementHash: hashWords(inventory.hostOf),
    samplesAt: samples.at,
    samplesHash: hashSamples(samples),
    ...(hostSamples?.cpuRefCores === undefined ? {} : { hostSamplesHash: hashWords(hostSamples.cpuRefCores) }),
  }
  const line = { kind: 'turn', turn: number, at, seen, refused, events, orders }
  return JSON.stringify(kept === undefined ? line : { ...line, kept })
}

function hashSamples(samples: SampleBatch): string {
  let hash = ''
  for (const resource of RESOURCES) {
    const column = samples.columns[resource]
    if (column !== undefined) hash += hashWords(column)
  }
  return hash
}

/** FNV-1a over 32-bit words, as eight hexadecimal digits. It tells records apart; it does not protect them. */
function hashWords(column: Float32Array | Int32Array): string {
  const words = new Uint32Array(column.buffer, column.byteOffset, column.length)
  let hash = 0x811c9dc5
  for (const word of words) hash = Math.imul(hash ^ word, 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, '0')
}
