/** What the dirty-pages helper leaves for the agent: one line of JSON in a file that is replaced as a whole. */
import { parseFields, parseJson, parseNumber, parseText } from '../../../terms/parse.ts'
import { type EpochMs, MINUTE_MS } from '../../../terms/units.ts'

/** Memory written by the largest processes, each page once, over two spans that begin together: two points of the curve by which a
 *  migration copies pages again. Pages that are written again and again count in both, so the rate falls with the span. */
export interface DirtyResults {
  /** When the round ended. */
  readonly at: EpochMs
  /** From round to round. */
  readonly everyMs: number
  readonly shortMs: number
  readonly shortBytes: number
  readonly longMs: number
  /** The writable working set of that span. */
  readonly longBytes: number
  /** Processes that were looked at. */
  readonly processes: number
}

export const DIRTY_RESULT_FILE = '/run/ethos/dirty-pages.json'
export const DIRTY_EVERY_MS = 5 * MINUTE_MS
/** A file that is longer is none of ours. */
export const DIRTY_RESULT_BYTES_MAX = 1024
const VERSION = 1
/** No guest has more memory. */
const BYTES_MAX = 2 ** 50
const MS_MAX = 1e9

export function encodeDirtyResults(results: DirtyResults): string {
  return `${JSON.stringify({ version: VERSION, ...results })}\n`
}

/** Reads what `encodeDirtyResults` wrote. Throws `ParseError` for anything else, whoever wrote it. */
export function parseDirtyResults(text: string): DirtyResults {
  const place = 'dirty pages'
  const fields = parseFields(parseJson(parseText(text, place, DIRTY_RESULT_BYTES_MAX), place), place)
  const read = (name: string, min: number, max: number): number =>
    parseNumber(fields[name], `${place}.${name}`, { min, max })
  read('version', VERSION, VERSION)
  return {
    at: read('at', 0, 1e15),
    everyMs: read('everyMs', 1000, MS_MAX),
    shortMs: read('shortMs', 1, MS_MAX),
    shortBytes: read('shortBytes', 0, BYTES_MAX),
    longMs: read('longMs', 1, MS_MAX),
    longBytes: read('longBytes', 0, BYTES_MAX),
    processes: read('processes', 0, 1e6),
  }
}
