/** Lines of guests, read: the gate that every vector passes before anything is asked of the store. */
import { outOfRange } from '../../engine/admission/ranges.ts'
import { type RefusalWord, refusalAt } from '../../engine/admission/refusals.ts'
import type { VmId } from '../../terms/ids.ts'
import type { TextSpan } from '../../terms/base64.ts'
import { ParseError } from '../../terms/parse.ts'
import type { PersonalityVector } from '../../terms/personality.ts'
import { encodePersonality, parsePersonality } from '../../terms/personality-codec.ts'
import { scanPersonality, type ValueRoom } from '../../terms/personality-scan.ts'

/** Place of a line in what a parser says. */
const PLACE = 'vector'

/** A line that was refused, by a word to count and a sentence to read. */
export interface UnreadLine {
  readonly word: RefusalWord
  readonly reason: string
  /** Whose it is, where that could be read. */
  readonly vm?: VmId
}

/** A line within a longer text, and room for its numbers. */
export interface PlacedLine extends TextSpan {
  readonly text: string
  readonly room: ValueRoom
}

/** The vector of a line, or why there is none. Only the one form is taken that we write ourselves: no second spelling, no field twice.
 *  @param vm whose it must be; absent: anybody's, for a host that speaks for many */
export function readVector(line: string | PlacedLine, vm?: string): PersonalityVector | UnreadLine {
  const vector = typeof line === 'string' ? scanPersonality(line) : scanPersonality(line.text, line, line.room)
  if (vector !== undefined) return wrongWith(vector, vm) ?? vector
  return readInWords(typeof line === 'string' ? line : line.text.slice(line.from, line.to), vm)
}

/** The same without the quick way: says what is wrong with a line that is not in the one form. */
export function readInWords(line: string, vm?: string): PersonalityVector | UnreadLine {
  try {
    const vector = parsePersonality(line, PLACE)
    const wrong = wrongWith(vector, vm)
    if (wrong !== undefined) return wrong
    if (encodePersonality(vector) === line) return vector
    const reason = 'the line says the same as another line would: a field twice, another order, or another spelling'
    return { word: 'not in the one form', reason, vm: vector.vmId }
  } catch (error) {
    if (error instanceof ParseError) return { word: refusalAt(error.place), reason: error.message }
    throw error
  }
}

function wrongWith(vector: PersonalityVector, vm: string | undefined): UnreadLine | undefined {
  if (vm !== undefined && vector.vmId !== vm)
    return { word: 'other VM', reason: `the vector is of ${vector.vmId}, but was sent by ${vm}` }
  const wrong = outOfRange(vector)
  if (wrong === undefined) return undefined
  return { word: 'out of range', reason: `${wrong} is a number that no machine can measure`, vm: vector.vmId }
}
