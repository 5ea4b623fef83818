/** Lines of guests, read: the gate that every vector passes before anything is asked of the store. */
import { outOfRange } from '../../engine/admission/ranges.ts'
import { type RefusalWord, refusalAt } from '../../engine/admission/refusals.ts'
import type { VmId } from '../../terms/ids.ts'
import { ParseError } from '../../terms/parse.ts'
import type { PersonalityVector } from '../../terms/personality.ts'
import { encodePersonality, parsePersonality } from '../../terms/personality-codec.ts'
import { scanPersonality } from '../../terms/personality-scan.ts'

/** Place of a line in what a parser says. */
const PLACE = 'vector'

/** A line that was refused, by a word to count and a sentence to read. */
export interface UnreadLine {
  readonly word: RefusalWord
  readonly reason: string
  /** Whose it is, where that could be read. */
  readonly vm?: VmId
}

/** A line within a longer text. */
export interface PlacedLine {
  readonly text: string
  readonly from: number
  readonly to: number
}

/** The vector of a line, or why there is none. Only the one form is taken that we write ourselves: no second spelling, no field twice.
 *  @param vm whose it must be; absent: anybody's, for a host that speaks for many */
export function readVector(line: string | PlacedLine, vm?: string): PersonalityVector | UnreadLine {
  const { text, from, to } = typeof line === 'string' ? { text: line, from: 0, to: line.length } : line
  const vector = scanPersonality(text, from, to)
  return vector === undefined ? readInWords(text.slice(from, to), vm) : (wrongWith(vector, vm) ?? vector)
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
