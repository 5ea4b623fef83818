/** Reads what a `TurnRecorder` kept, also while it goes on writing. */
import { createReadStream } from 'node:fs'
import { constants, crc32, createZstdDecompress } from 'node:zlib'
import { ParseError, parseNumber, parseText } from '../../../terms/parse.ts'
import { decodeFields, decodeRecordedTurn, type RecordedTurn, TURN_INPUTS_SCHEMA } from './turn-inputs.ts'
import { FRAME_BYTES_MAX, FRAME_HEAD_BYTES, WINDOW_LOG_MAX } from './turn-recorder.ts'

/** Who wrote a file. */
export interface TurnFileHeader {
  readonly version: string
  readonly node: string
}

/** The header, then turns in their order. A file that ends amid a turn is one whose server still writes, or was killed: what is whole is told.
 *  Throws a `ParseError` for what is damaged or none of ours, and the file system's own error where it can't be read.
 *  @param onCut told where it ends so */
export async function* readTurns(
  path: string,
  onCut: () => void = () => undefined,
): AsyncGenerator<TurnFileHeader | RecordedTurn> {
  let isFirst = true
  for await (const bytes of readFrames(path, onCut)) {
    yield isFirst ? parseHeader(bytes, path) : decodeRecordedTurn(bytes)
    isFirst = false
  }
}

export function isHeader(one: TurnFileHeader | RecordedTurn): one is TurnFileHeader {
  return 'node' in one
}

function parseHeader(bytes: Uint8Array, path: string): TurnFileHeader {
  const fields = decodeFields(bytes, path)
  if (fields['kind'] !== 'ethos turns') throw new ParseError(path, fields['kind'], 'It holds no turns.')
  parseNumber(fields['schema'], `${path}: schema`, { min: TURN_INPUTS_SCHEMA, max: TURN_INPUTS_SCHEMA })
  return { version: parseText(fields['version'], `${path}: version`), node: parseText(fields['node'], `${path}: node`) }
}

async function* readFrames(path: string, onCut: () => void): AsyncGenerator<Uint8Array> {
  const unpacker = createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX } })
  const file = createReadStream(path)
  file.on('error', (error) => unpacker.destroy(error))
  file.pipe(unpacker)
  let held: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of unpacker) {
      held.push(chunk as Buffer)
      length += (chunk as Buffer).length
      while (length >= FRAME_HEAD_BYTES) {
        const head = held[0].length >= FRAME_HEAD_BYTES ? held[0] : Buffer.concat(held)
        const wanted = head.readUInt32LE(0)
        if (wanted > FRAME_BYTES_MAX)
          throw new ParseError(path, wanted, `A turn has ${FRAME_BYTES_MAX} bytes at most: the file is damaged.`)
        if (length < FRAME_HEAD_BYTES + wanted) break
        const all = held.length === 1 ? held[0] : Buffer.concat(held)
        const bytes = all.subarray(FRAME_HEAD_BYTES, FRAME_HEAD_BYTES + wanted)
        if (crc32(bytes) !== all.readUInt32LE(4))
          throw new ParseError(path, crc32(bytes), 'A turn is not as it was written: the file is damaged.')
        yield bytes
        held = [all.subarray(FRAME_HEAD_BYTES + wanted)]
        length = held[0].length
      }
    }
    if (length > 0) throw new ParseError(path, length, 'Bytes are left over at its end: damaged, or no file of turns.')
  } catch (error) {
    // It goes on being written, or its writer was killed.
    if (codeOf(error) === 'Z_BUF_ERROR') onCut()
    else if (codeOf(error)?.startsWith('ZSTD_') === true)
      throw new ParseError(path, codeOf(error), 'It can not be unpacked: damaged, or no file of turns.')
    else throw error
  } finally {
    file.destroy()
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
