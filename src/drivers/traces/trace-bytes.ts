import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { ParseError } from '../../terms/parse.ts'

/** Largest file we read, before and after unpacking: a wide CSV of 50,000 VMs and 1,000 steps is about 150 MB. */
export const FILE_BYTES_MAX = 512 * 1024 * 1024

/** The bytes of `path`, unpacked when they are gzip, whatever the name says. Errors name the file and the remedy. */
export function readTraceBytes(path: string, missingRemedy = 'Check the path.'): Uint8Array {
  const packed = readBounded(path, missingRemedy)
  return packed.length >= 2 && packed[0] === 0x1f && packed[1] === 0x8b ? unpackGzip(packed, path) : packed
}

/** Unpacks gzip up to `FILE_BYTES_MAX`. */
export function unpackGzip(packed: Uint8Array, place: string): Uint8Array {
  try {
    return gunzipSync(packed, { maxOutputLength: FILE_BYTES_MAX })
  } catch (cause) {
    const isTooLarge = errorCode(cause) === 'ERR_BUFFER_TOO_LARGE'
    throw isTooLarge
      ? new ParseError(
          place,
          'its content',
          `It unpacks to more than ${FILE_BYTES_MAX} bytes. Split it by days or VMs.`,
        )
      : new ParseError(place, 'its content', 'It begins like gzip and is cut short or damaged. Pack or copy it again.')
  }
}

function readBounded(path: string, missingRemedy: string): Uint8Array {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (cause) {
    throw unreadable(path, cause, missingRemedy)
  }
  try {
    const stat = fstatSync(file)
    if (stat.isDirectory()) throw new ParseError('file', path, 'This is a folder. Name a .csv or .csv.gz file in it.')
    if (stat.size > FILE_BYTES_MAX)
      throw new ParseError(path, stat.size, `Expected at most ${FILE_BYTES_MAX} bytes. Split it by days or VMs.`)
    return readFileSync(file)
  } catch (cause) {
    throw cause instanceof ParseError ? cause : unreadable(path, cause, missingRemedy)
  } finally {
    closeSync(file)
  }
}

function unreadable(path: string, cause: unknown, missingRemedy: string): ParseError {
  const code = errorCode(cause)
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new ParseError('file', path, `There is no such file. ${missingRemedy}`)
  return new ParseError('file', path, `It can't be read (${code ?? 'unknown error'}). Check its permissions.`)
}

function errorCode(cause: unknown): string | undefined {
  return cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined
}
