import { decodeBase64, encodeBase64 } from './base64.ts'
import { parseVmId } from './ids.ts'
import { ParseError, parseFields, parseJson, parseNumber, parseText, refuseUnknownFields } from './parse.ts'
import { DIMENSIONS, isPresent, MASK_BYTES, PERSONALITY_SCHEMA_VERSION, type PersonalityVector } from './personality.ts'

/** A vector travels as one JSON line of at most this many bytes, line end not counted. */
export const WIRE_BYTES_MAX = 600
export const SENDER_LENGTH_MAX = 36
/** Highest version of a phase model: three digits on the wire. */
export const PHASES_VERSION_MAX = 999
/** Latest end of a window: the year 5138, fourteen digits on the wire. */
export const END_MS_MAX = 99_999_999_999_999
/** Highest number that a sender counts to. */
export const SEQUENCE_MAX = 0xffffffff
/** A window lasts a day at most. */
export const WINDOW_MS_MAX = 86_400_000

const WIRE_FIELDS = [
  'schema',
  'vm',
  'sender',
  'seq',
  'endMs',
  'windowMs',
  'coverage',
  'phases',
  'mask',
  'data',
] as const
const SENDER_PATTERN = /^[\x21\x23-\x5b\x5d-\x7e]{1,36}$/

/** One JSON line: ids, sequence, window, schema version, presence mask, and the little-endian float32 of the *present* dimensions only. */
export function encodePersonality(vector: PersonalityVector): string {
  const present = presentIndices(vector)
  const bytes = new Uint8Array(present.length * 4)
  const view = new DataView(bytes.buffer)
  present.forEach((index, i) => view.setFloat32(i * 4, vector.values[index], true))
  return JSON.stringify({
    schema: PERSONALITY_SCHEMA_VERSION,
    vm: vector.vmId,
    sender: vector.sender,
    seq: vector.sequence,
    endMs: vector.windowEnd,
    windowMs: vector.windowMs,
    coverage: Math.round(vector.coverage * 1e4) / 1e4,
    ...(vector.phases === 0 ? {} : { phases: vector.phases }),
    mask: encodeBase64(vector.mask),
    data: encodeBase64(bytes),
  })
}

/** Reads one line. Throws `ParseError` for anything that `encodePersonality` could not have written: guests are hostile. */
export function parsePersonality(line: string, place = 'vector'): PersonalityVector {
  if (line.length > WIRE_BYTES_MAX)
    throw new ParseError(place, line.length, `A vector has at most ${WIRE_BYTES_MAX} bytes.`)
  const fields = parseFields(parseJson(line, place), place)
  refuseUnknownFields(fields, WIRE_FIELDS, place)
  const schema = parseNumber(fields['schema'], `${place}.schema`, { min: 1, integer: true })
  if (schema !== PERSONALITY_SCHEMA_VERSION) {
    throw new ParseError(
      `${place}.schema`,
      schema,
      `This version reads schema ${PERSONALITY_SCHEMA_VERSION}. Is the agent newer than the server?`,
    )
  }
  const sender = parseText(fields['sender'], `${place}.sender`, SENDER_LENGTH_MAX)
  if (!SENDER_PATTERN.test(sender))
    throw new ParseError(`${place}.sender`, sender, 'Expected printable ASCII without space, quote or backslash.')
  const mask = parseMask(fields['mask'], `${place}.mask`)
  return {
    vmId: parseVmId(fields['vm'], `${place}.vm`),
    sender,
    sequence: parseNumber(fields['seq'], `${place}.seq`, { min: 0, max: SEQUENCE_MAX, integer: true }),
    windowEnd: parseNumber(fields['endMs'], `${place}.endMs`, { min: 0, max: END_MS_MAX, integer: true }),
    windowMs: parseNumber(fields['windowMs'], `${place}.windowMs`, { min: 1, max: WINDOW_MS_MAX, integer: true }),
    coverage: parseNumber(fields['coverage'], `${place}.coverage`, { min: 0, max: 1 }),
    phases:
      fields['phases'] === undefined
        ? 0
        : parseNumber(fields['phases'], `${place}.phases`, { min: 1, max: PHASES_VERSION_MAX, integer: true }),
    values: parseValues(fields['data'], mask, `${place}.data`),
    mask,
  }
}

function parseMask(value: unknown, place: string): Uint8Array {
  const mask = decodeBase64(parseText(value, place, WIRE_BYTES_MAX))
  if (mask?.length !== MASK_BYTES) throw new ParseError(place, value, `Expected base64 of ${MASK_BYTES} bytes.`)
  for (let bit = DIMENSIONS; bit < MASK_BYTES * 8; bit++) {
    if (isPresent({ mask }, bit))
      throw new ParseError(place, value, `Bit ${bit} is set, but the schema ends at ${DIMENSIONS - 1}.`)
  }
  return mask
}

function parseValues(value: unknown, mask: Uint8Array, place: string): Float32Array {
  const present = presentIndices({ mask })
  const bytes = decodeBase64(parseText(value, place, WIRE_BYTES_MAX))
  if (bytes?.length !== present.length * 4) {
    throw new ParseError(
      place,
      value,
      `Expected base64 of ${present.length * 4} bytes: four for each of the ${present.length} dimensions that the mask calls present.`,
    )
  }
  const view = new DataView(bytes.buffer)
  const values = new Float32Array(DIMENSIONS)
  present.forEach((index, i) => {
    const number = view.getFloat32(i * 4, true)
    if (!Number.isFinite(number))
      throw new ParseError(`${place}[${index}]`, number, 'A dimension is a finite number or absent.')
    values[index] = number
  })
  return values
}

function presentIndices(vector: Pick<PersonalityVector, 'mask'>): readonly number[] {
  const indices: number[] = []
  for (let i = 0; i < DIMENSIONS; i++) if (isPresent(vector, i)) indices.push(i)
  return indices
}
