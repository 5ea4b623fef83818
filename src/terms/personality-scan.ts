/** The one form of a vector's line, read in one pass without building anything else. Whatever is not in that form is left to the parser, which says
 *  in words what is wrong with it. */
import { decodeBase64Into, type TextSpan } from './base64.ts'
import { ID_LENGTH_MAX, type VmId } from './ids.ts'
import { DIMENSIONS, isPresent, MASK_BYTES, PERSONALITY_SCHEMA_VERSION, type PersonalityVector } from './personality.ts'
import {
  END_MS_MAX,
  PHASES_VERSION_MAX,
  SENDER_LENGTH_MAX,
  SEQUENCE_MAX,
  WINDOW_MS_MAX,
  WIRE_BYTES_MAX,
} from './personality-codec.ts'

const BEGIN = `{"schema":${PERSONALITY_SCHEMA_VERSION},"vm":"`
const QUOTE = 0x22
const BACKSLASH = 0x5c
const ZERO = 0x30
const NINE = 0x39
const POINT = 0x2e
/** Least that may stand between quotes in an id, and most: printable ASCII without space. */
const PRINTABLE_MIN = 0x21
const PRINTABLE_MAX = 0x7e
const COVERAGE_DIGITS = 4
const COVERAGE_ONE = 10_000
const MASK_LENGTH = Math.ceil(MASK_BYTES / 3) * 4
const IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

/** Room for the numbers of many vectors: one piece of memory is had much faster than many. */
export class ValueRoom {
  private readonly values: Float32Array
  private readonly bytes: Uint8Array
  private used = 0

  /** @param vectors for how many */
  constructor(vectors: number) {
    this.values = new Float32Array(vectors * DIMENSIONS)
    this.bytes = new Uint8Array(this.values.buffer)
  }

  /** Reads the numbers that the mask calls present, each into its place; undefined where the text holds others. Throws where there is no room left. */
  read(text: string, span: TextSpan, mask: Uint8Array, present: number): Float32Array | undefined {
    const first = this.used * DIMENSIONS
    const values = this.values.subarray(first, first + DIMENSIONS)
    if (values.length < DIMENSIONS) throw new RangeError('there is no room for another vector')
    if (decodeBase64Into(text, span, this.bytes, first * 4) !== present * 4) return undefined
    for (let i = 0; i < present; i++) if (!Number.isFinite(values[i])) return undefined
    if (present < DIMENSIONS) spread(values, mask, present)
    this.used++
    return values
  }
}

/** The vector of `text` from `from` up to `to`, exactly where `encodePersonality` of what `parsePersonality` reads there is the same text again;
 *  else undefined. Its ids may hold the text, as parts of one do in JavaScript: what is kept for long is copied.
 *  @param room where its numbers go; a place of their own by default */
export function scanPersonality(
  text: string,
  { from, to }: TextSpan = { from: 0, to: text.length },
  room?: ValueRoom,
): PersonalityVector | undefined {
  if (to - from > WIRE_BYTES_MAX || !IS_LITTLE_ENDIAN) return undefined
  const scan = new Scan(text, from, to)
  if (!scan.skip(BEGIN)) return undefined
  const vmId = scan.word(ID_LENGTH_MAX) as VmId
  if (!scan.skip('","sender":"')) return undefined
  const sender = scan.word(SENDER_LENGTH_MAX)
  if (!scan.skip('","seq":')) return undefined
  const sequence = scan.whole(0, SEQUENCE_MAX)
  if (!scan.skip(',"endMs":')) return undefined
  const windowEnd = scan.whole(0, END_MS_MAX)
  if (!scan.skip(',"windowMs":')) return undefined
  const windowMs = scan.whole(1, WINDOW_MS_MAX)
  if (!scan.skip(',"coverage":')) return undefined
  const coverage = scan.coverage()
  const phases = scan.skip(',"phases":') ? scan.whole(1, PHASES_VERSION_MAX) : 0
  scan.isGood &&= scan.skip(',"mask":"')
  const mask = scan.mask()
  if (mask === undefined || !scan.skip('","data":"')) return undefined
  const values = scan.values(mask, room)
  if (values === undefined || !scan.skip('"}') || !scan.isGood || scan.at !== to) return undefined
  return { vmId, sender, sequence, windowEnd, windowMs, coverage, phases, values, mask }
}

/** A place in a text. What can not be read makes it no good for ever. */
class Scan {
  at: number
  isGood = true
  private readonly text: string
  private readonly to: number

  constructor(text: string, at: number, to: number) {
    this.text = text
    this.at = at
    this.to = to
  }

  /** Whether these characters are next; then they are passed. */
  skip(characters: string): boolean {
    if (!this.text.startsWith(characters, this.at)) return false
    this.at += characters.length
    return true
  }

  /** What stands before the next quote: a name. */
  word(lengthMax: number): string {
    const { text, at } = this
    const end = Math.min(at + lengthMax, this.to)
    let i = at
    for (; i < end; i++) {
      const code = text.charCodeAt(i)
      if (code < PRINTABLE_MIN || code > PRINTABLE_MAX || code === QUOTE || code === BACKSLASH) break
    }
    if (i === at) this.isGood = false
    this.at = i
    return text.slice(at, i)
  }

  /** Digits as JSON writes a whole number. */
  whole(min: number, max: number): number {
    const { text, at, to } = this
    let number = 0
    let i = at
    for (; i < to; i++) {
      const code = text.charCodeAt(i)
      if (code < ZERO || code > NINE || number > max) break
      number = number * 10 + (code - ZERO)
    }
    const hasLeadingZero = i > at + 1 && text.charCodeAt(at) === ZERO
    if (i === at || hasLeadingZero || number < min || number > max) this.isGood = false
    this.at = i
    return number
  }

  /** A share of at most four decimal places, as JSON writes it: 0, 1, 0.5, 0.9931. */
  coverage(): number {
    const first = this.whole(0, 1)
    if (this.text.charCodeAt(this.at) !== POINT) return first
    const begin = ++this.at
    let tenThousandths = 0
    let unit = COVERAGE_ONE
    let last = ZERO
    for (let i = 0; i < COVERAGE_DIGITS; i++) {
      const code = this.text.charCodeAt(this.at)
      if (!(code >= ZERO && code <= NINE)) break
      unit /= 10
      tenThousandths += unit * (code - ZERO)
      last = code
      this.at++
    }
    if (first !== 0 || this.at === begin || last === ZERO) this.isGood = false
    return tenThousandths / COVERAGE_ONE
  }

  mask(): Uint8Array | undefined {
    const mask = new Uint8Array(MASK_BYTES)
    const end = this.at + MASK_LENGTH
    if (end > this.to || decodeBase64Into(this.text, { from: this.at, to: end }, mask) !== MASK_BYTES) return undefined
    this.at = end
    for (let bit = DIMENSIONS; bit < MASK_BYTES * 8; bit++) if (isPresent({ mask }, bit)) return undefined
    return mask
  }

  /** The numbers that the mask calls present, each in its place. */
  values(mask: Uint8Array, room = new ValueRoom(1)): Float32Array | undefined {
    let present = 0
    for (let i = 0; i < MASK_BYTES; i++) present += BITS_OF[mask[i]]
    const end = this.at + Math.ceil((present * 4) / 3) * 4
    if (end > this.to) return undefined
    const span = { from: this.at, to: end }
    this.at = end
    return room.read(this.text, span, mask, present)
  }
}

/** How many bits of a byte are set. */
const BITS_OF = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length)

/** Moves numbers that stand at the front to the places that the mask names, the last first, and leaves 0 elsewhere. */
function spread(values: Float32Array, mask: Uint8Array, present: number): void {
  let from = present
  for (let to = DIMENSIONS - 1; to >= 0; to--) {
    const isHere = ((mask[to >> 3] >> (to & 7)) & 1) === 1
    values[to] = isHere ? values[--from] : 0
  }
}
