/** What a personality on board keeps over a restart, as text: sums to check it by, then JSON. It is read back on the machine that wrote it, so numbers in
 *  bulk are the bytes of its own memory, in base64. */
import { decodeBase64, encodeBase64 } from '../../terms/base64.ts'
import { hashText } from '../../terms/luck.ts'
import type { SavedPhase } from './phase-tracker.ts'
import type { Rhythm } from './rhythm.ts'
import type { SavedWindow } from './window.ts'

export interface Snapshot {
  readonly slotMs: number
  /** The slot that is being filled. */
  readonly slot: number
  readonly rows: Float32Array
  readonly part: Float64Array
  readonly forecast: Float64Array
  readonly phase: SavedPhase
  readonly window: SavedWindow | undefined
  readonly rhythm: (Rhythm & { readonly slot: number }) | undefined
}

/** Raised whenever the meaning of a field changes: an agent of another version begins anew. */
const VERSION = 2
/** A day of slots, a window whose CPU was at every level in every part, and what was learnt: some 90 KiB. */
const SNAPSHOT_BYTES_MAX = 131_072
const SEAL_LENGTH = 8

export function sealSnapshot({ slotMs, slot, rows, part, forecast, phase, window, rhythm }: Snapshot): string {
  const bulk = { rows: toText(rows), part: toText(part), forecast: toText(forecast) }
  const seen = window === undefined ? undefined : { ...window, bulk: toText(window.bulk) }
  const body = JSON.stringify({ version: VERSION, slotMs, slot, ...bulk, phase, window: seen, rhythm })
  return `${sealOf(body)}${body}`
}

/** Undefined for what `sealSnapshot` did not write: cut short, damaged, of another version, or anything else. Never throws. */
export function openSnapshot(text: string): Snapshot | undefined {
  const body = text.slice(SEAL_LENGTH)
  if (text.length > SNAPSHOT_BYTES_MAX || text.slice(0, SEAL_LENGTH) !== sealOf(body)) return undefined
  const saved = parsed(body)
  const { version, slotMs, slot, phase, rhythm } = saved
  const rows = fromText(saved['rows'])
  const part = fromText(saved['part'])
  const forecast = fromText(saved['forecast'])
  if (version !== VERSION || rows === undefined || part === undefined || forecast === undefined) return undefined
  if (rows.byteLength % 4 !== 0 || part.byteLength % 8 !== 0 || forecast.byteLength % 8 !== 0) return undefined
  if (!Number.isSafeInteger(slotMs) || !Number.isSafeInteger(slot) || !isPhase(phase)) return undefined
  return {
    slotMs: slotMs as number,
    slot: slot as number,
    rows: new Float32Array(rows),
    part: new Float64Array(part),
    forecast: new Float64Array(forecast),
    // JSON has no NaN and no Infinity: what was neither seen nor entered is null.
    phase: { ...phase, lastAt: phase.lastAt ?? -Infinity, faded: phase.faded.map((value) => value ?? Number.NaN) },
    window: windowOf(saved['window']),
    rhythm: isRhythm(rhythm) ? rhythm : undefined,
  }
}

/** A hash, which tells damage and not malice: who may write the agent's state may do anything to it. */
function sealOf(body: string): string {
  return hashText(body).toString(16).padStart(SEAL_LENGTH, '0')
}

function parsed(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
  } catch {
    return {}
  }
}

function isPhase(value: unknown): value is SavedPhase {
  if (typeof value !== 'object' || value === null) return false
  const fields = value as Readonly<Record<string, unknown>>
  const numbers = ['version', 'current', 'since', 'candidate', 'candidateSince'] as const
  return (
    numbers.every((name) => Number.isSafeInteger(Math.floor(Number(fields[name] ?? Number.NaN)))) &&
    Array.isArray(fields['faded'])
  )
}

/** Absent in snapshots of an older agent. */
function windowOf(value: unknown): SavedWindow | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { partMs, lastAt, firstAt, hasRolled, numbers, bulk } = value as Readonly<Record<string, unknown>>
  const bytes = fromText(bulk)
  if (bytes === undefined || bytes.byteLength % 4 !== 0 || !Array.isArray(numbers)) return undefined
  if (![partMs, lastAt, firstAt, ...(numbers as unknown[])].every(Number.isFinite)) return undefined
  return {
    partMs: Number(partMs),
    lastAt: Number(lastAt),
    firstAt: Number(firstAt),
    hasRolled: hasRolled === true,
    numbers: numbers as readonly number[],
    bulk: new Float32Array(bytes),
  }
}

function isRhythm(value: unknown): value is Rhythm & { readonly slot: number } {
  if (typeof value !== 'object' || value === null) return false
  const { strength, slot } = value as Readonly<Record<string, unknown>>
  return typeof strength === 'number' && typeof slot === 'number'
}

function toText(values: Float32Array | Float64Array): string {
  return encodeBase64(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
}

function fromText(value: unknown): ArrayBuffer | undefined {
  const bytes = typeof value === 'string' ? decodeBase64(value) : undefined
  return bytes?.slice().buffer
}
