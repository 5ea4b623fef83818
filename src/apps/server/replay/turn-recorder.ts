/** Keeps what each turn was judged on, in files beside the journal, packed: turns follow one another closely, and what stayed the same costs nothing.
 *  What can't be kept is told and left out, for no turn waits for it to be mended. */
import { createWriteStream, mkdirSync, readdirSync, rmSync, statSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { constants, crc32, createZstdCompress, type ZstdCompress } from 'node:zlib'
import { serialize } from 'node:v8'
import { encodeRecordedTurn, type RecordedTurn, TURN_INPUTS_SCHEMA } from './turn-inputs.ts'

/** Within the data folder. */
export const TURN_FOLDER = 'turns'
/** What a file is called: the instant of its first turn, in UTC. */
export const TURN_FILE_PATTERN = /^turns-[\dTZ]+-\d+\.zst$/
/** A turn's frame: its length and CRC-32, each as 4 bytes, lowest first, then itself. */
export const FRAME_HEAD_BYTES = 8
export const FRAME_BYTES_MAX = 256 * 1024 * 1024
/** The limit is kept by whole files: the oldest goes when a new one begins. */
const FILES = 8
/** A reader starts at a file's beginning. */
const TURNS_MAX = 1440
const LEVEL = 3
/** The window reaches back to the last turn, and costs its size in memory. */
const WINDOW_LOG_MIN = 20
export const WINDOW_LOG_MAX = 25
/** A file system that takes longer hangs: turns go on without it. */
const WRITE_MS_MAX = 5000
/** Turns between two tries, at most. */
const REST_TURNS_MAX = 60
/** A trouble that lasts is told again after so many turns. */
const TOLD_AGAIN_TURNS = 1440
const FOLDER_MODE = 0o700
const FILE_MODE = 0o600

export interface TurnRecorderOptions {
  readonly folder: string
  /** Of all files together, about. */
  readonly bytesMax: number
  readonly version: string
  /** Told once for each trouble that lasts. */
  readonly say: (trouble: string) => void
}

interface OpenFile {
  readonly path: string
  readonly packer: ZstdCompress
  readonly file: WriteStream
  turns: number
}

export class TurnRecorder {
  private readonly options: TurnRecorderOptions
  private open: OpenFile | undefined
  private files = 0
  /** What was told last, and how many turns ago. */
  private told: { readonly text: string; turns: number } | undefined
  /** Turns that are left out before it is tried again, and after the next failure. */
  private rest = 0
  private nextRest = 1

  constructor(options: TurnRecorderOptions) {
    this.options = options
  }

  /** Returns once the turn is with the machine's file system, or it takes too long. Never rejects. */
  async keep(turn: RecordedTurn): Promise<void> {
    if (this.told !== undefined) this.told.turns++
    if (this.rest > 0) {
      this.rest--
      return
    }
    try {
      const bytes = encodeRecordedTurn(turn)
      if (bytes.length > FRAME_BYTES_MAX) throw new Error(`a turn of ${bytes.length} bytes is too large`)
      this.open ??= this.begin(turn.inputs.observation.at, bytes.length)
      await write(this.open, bytes)
      this.open.turns++
      this.nextRest = 1
      const isFull = this.open.file.bytesWritten >= this.options.bytesMax / FILES || this.open.turns >= TURNS_MAX
      if (isFull) await this.close()
    } catch (error) {
      this.fail(error)
    }
  }

  /** Ends the file that is being written, whole. Never rejects. */
  async close(): Promise<void> {
    const { open } = this
    if (open === undefined) return
    try {
      await settled(open, (done) => open.file.once('close', () => done()) && open.packer.end())
      this.open = undefined
    } catch (error) {
      this.fail(error)
    }
  }

  private begin(at: number, turnBytes: number): OpenFile {
    const { folder, bytesMax, version } = this.options
    mkdirSync(folder, { recursive: true, mode: FOLDER_MODE })
    prune(folder, bytesMax - bytesMax / FILES)
    const name = `turns-${new Date(at).toISOString().replace(/[-:]|\.\d+/g, '')}-${process.pid}${this.files++}.zst`
    const path = join(folder, name)
    const file = createWriteStream(path, { flags: 'wx', mode: FILE_MODE })
    const packer = createZstdCompress({ params: packing(turnBytes) })
    // Whoever writes hears of it; without a listener an error would end the process.
    file.on('error', (error) => packer.destroy(error))
    packer.on('error', () => undefined)
    packer.pipe(file)
    const open = { path, packer, file, turns: 0 }
    const header = serialize({ kind: 'ethos turns', schema: TURN_INPUTS_SCHEMA, version, node: process.versions.node })
    packer.write(frame(header))
    return open
  }

  /** What was written of the file stays, if a turn of it can be read. It is tried again later and later: a disk that is full is the store's first. */
  private fail(error: unknown): void {
    const { open } = this
    this.open = undefined
    open?.packer.destroy()
    open?.file.destroy()
    if (open?.turns === 0) rmSync(open.path, { force: true })
    if (isFull(error)) this.giveRoom()
    this.rest = this.nextRest
    this.nextRest = Math.min(REST_TURNS_MAX, this.nextRest * 2)
    const text = error instanceof Error ? error.message : String(error)
    if (this.told?.text === text && this.told.turns < TOLD_AGAIN_TURNS) return
    this.told = { text, turns: 0 }
    this.options.say(`What turns are judged on is not kept: ${text}. It is tried again.`)
  }

  private giveRoom(): void {
    const { folder, bytesMax } = this.options
    try {
      prune(folder, bytesMax / 2)
    } catch {
      // What can't be listed can't be let go of.
    }
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ['ENOSPC', 'EDQUOT'].includes(String(error.code))
}

function packing(turnBytes: number): Record<number, number> {
  const reach = Math.ceil(Math.log2(turnBytes * 2.5))
  return {
    [constants.ZSTD_c_compressionLevel]: LEVEL,
    [constants.ZSTD_c_windowLog]: Math.min(WINDOW_LOG_MAX, Math.max(WINDOW_LOG_MIN, reach)),
    [constants.ZSTD_c_enableLongDistanceMatching]: 1,
  }
}

function frame(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES)
  head.writeUInt32LE(bytes.length, 0)
  head.writeUInt32LE(crc32(bytes), 4)
  return Buffer.concat([head, bytes])
}

async function write(open: OpenFile, bytes: Uint8Array): Promise<void> {
  await settled(open, (done) => {
    open.packer.write(frame(bytes))
    // From here on the turn can be read, whatever becomes of this process.
    open.packer.flush(constants.ZSTD_e_flush, () => open.file.write('', done))
  })
}

/** Rejects with the file's error, for which the streams' own callbacks do not come, or where it takes too long. */
async function settled({ packer, file }: OpenFile, act: (done: () => void) => void): Promise<void> {
  if (file.errored !== null) throw file.errored
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const fail = (error: Error): void => reject(error)
  const timer = setTimeout(() => fail(new Error(`nothing was written for ${WRITE_MS_MAX / 1000} s`)), WRITE_MS_MAX)
  file.once('error', fail)
  packer.once('error', fail)
  try {
    act(resolve)
    await promise
  } finally {
    clearTimeout(timer)
    file.off('error', fail)
    packer.off('error', fail)
  }
}

/** Lets go of the oldest files until those that stay are within the limit. */
function prune(folder: string, bytesMax: number): void {
  const files = readdirSync(folder).filter((name) => TURN_FILE_PATTERN.test(name))
  let bytes = 0
  for (const name of files.toSorted().toReversed()) {
    const path = join(folder, name)
    bytes += statSync(path).size
    if (bytes > bytesMax) rmSync(path, { force: true })
  }
}
