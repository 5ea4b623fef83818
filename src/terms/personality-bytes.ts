/** A vector as stores keep it: the same facts as its line, in about half the bytes. Two vectors have the same bytes exactly where they have the same line. */
import { parseVmId, type VmId } from './ids.ts'
import { ParseError } from './parse.ts'
import type { EpochMs } from './units.ts'
import { DIMENSIONS, MASK_BYTES, type PersonalityVector } from './personality.ts'

/** First byte: the form of the bytes that follow. */
const FORM = 1
/** Form, phases, sequence, end and length of the window, coverage, length of the sender. */
const HEAD_BYTES = 1 + 2 + 4 + 8 + 4 + 2 + 1
const SENDER_BYTES_MAX = 36
const BYTES_MAX = HEAD_BYTES + SENDER_BYTES_MAX + MASK_BYTES + DIMENSIONS * 4
/** As on the wire: four decimals. */
const COVERAGE_STEPS = 1e4

const NOBODY = 'nobody' as VmId

const scratch = new Uint8Array(BYTES_MAX)
const view = new DataView(scratch.buffer)

/** Little-endian: head, sender, mask, and the float32 of the *present* dimensions only. The VM is not within: who keeps it knows whose it is.
 *  Coverage is kept to four decimals, as on the wire. */
export function personalityToBytes(vector: PersonalityVector): Uint8Array {
  const { sender, mask, values } = vector
  scratch[0] = FORM
  view.setUint16(1, vector.phases, true)
  view.setUint32(3, vector.sequence, true)
  view.setFloat64(7, vector.windowEnd, true)
  view.setUint32(15, vector.windowMs, true)
  view.setUint16(19, Math.round(vector.coverage * COVERAGE_STEPS), true)
  scratch[21] = sender.length
  let at = HEAD_BYTES
  for (let i = 0; i < sender.length; i++) scratch[at++] = sender.charCodeAt(i)
  scratch.set(mask, at)
  at += MASK_BYTES
  for (let i = 0; i < DIMENSIONS; i++) {
    if (((mask[i >> 3] >> (i & 7)) & 1) === 0) continue
    view.setFloat32(at, values[i], true)
    at += 4
  }
  return scratch.slice(0, at)
}

/** Reads what `personalityToBytes` wrote. Throws a `ParseError` for anything else: a disk may have changed it. */
export function personalityFromBytes(bytes: Uint8Array, vmId: VmId, place = 'kept vector'): PersonalityVector {
  const { sender, sequence } = numberOf(bytes, place)
  const from = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = HEAD_BYTES + sender.length
  const mask = bytes.slice(at, at + MASK_BYTES)
  at += MASK_BYTES
  const values = new Float32Array(DIMENSIONS)
  for (let i = 0; i < DIMENSIONS; i++) {
    if ((((mask[i >> 3] ?? 0) >> (i & 7)) & 1) === 0) continue
    if (at + 4 > bytes.length) throw new ParseError(place, bytes.length, 'It ends before its last number.')
    values[i] = from.getFloat32(at, true)
    at += 4
  }
  if (at !== bytes.length) throw new ParseError(place, bytes.length, `Expected ${at} bytes.`)
  return {
    vmId: parseVmId(vmId, place),
    sender,
    sequence,
    windowEnd: from.getFloat64(7, true),
    windowMs: from.getUint32(15, true),
    coverage: from.getUint16(19, true) / COVERAGE_STEPS,
    phases: from.getUint16(1, true),
    values,
    mask,
  }
}

/** Of which sender, which number, and the end of its window, without reading the rest. Throws a `ParseError`. */
export function numberOf(
  bytes: Uint8Array,
  place = 'kept vector',
): { readonly sender: string; readonly sequence: number; readonly windowEnd: EpochMs } {
  if (bytes[0] !== FORM) throw new ParseError(place, bytes[0], `Expected form ${FORM}.`)
  const length = bytes[21] ?? 0
  if (bytes.length < HEAD_BYTES + length + MASK_BYTES)
    throw new ParseError(place, bytes.length, 'It ends within its head.')
  let sender = ''
  for (let i = 0; i < length; i++) sender += String.fromCharCode(bytes[HEAD_BYTES + i])
  const sequence = bytes[3] | (bytes[4] << 8) | (bytes[5] << 16) | (bytes[6] << 24)
  const windowEnd = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat64(7, true)
  return { sender, sequence: sequence >>> 0, windowEnd }
}

/** Head with sender, and all `DIMENSIONS` numbers with NaN for those that are absent: for whoever keeps numbers in another way. Throws a `ParseError`. */
export function splitPersonality(bytes: Uint8Array): { readonly head: Uint8Array; readonly numbers: Float32Array } {
  const { values, mask } = personalityFromBytes(bytes, NOBODY)
  const numbers = values.map((number, i) => (((mask[i >> 3] >> (i & 7)) & 1) === 1 ? number : Number.NaN))
  return { head: bytes.slice(0, HEAD_BYTES + bytes[HEAD_BYTES - 1]), numbers }
}

/** The bytes again. @param head may be followed by anything @param numbers NaN: absent */
export function joinPersonality(head: Uint8Array, numbers: Float32Array): Uint8Array {
  const start = HEAD_BYTES + Math.min(head[HEAD_BYTES - 1], SENDER_BYTES_MAX)
  scratch.set(head.subarray(0, start))
  const mask = scratch.subarray(start, start + MASK_BYTES).fill(0)
  let at = start + MASK_BYTES
  for (let i = 0; i < DIMENSIONS; i++) {
    if (Number.isNaN(numbers[i])) continue
    mask[i >> 3] |= 1 << (i & 7)
    view.setFloat32(at, numbers[i], true)
    at += 4
  }
  return scratch.slice(0, at)
}
