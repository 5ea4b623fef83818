import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoreError } from '../world/errors.ts'
import type { Store } from '../world/store.ts'

const LINE_FEED = 0x0a
const CHUNK_BYTES = 64 * 1024

/** Lines in one file, each on disk before `append` returns. A last line that a crash tore is cut off on open. */
export class FileStore implements Store {
  readonly path: string
  /** Bytes of a torn last line that were cut off when the file was opened; 0 when it was whole. */
  readonly tornBytes: number
  private readonly file: FileHandle
  /** How much of the file holds whole, durable lines. */
  private lengthBytes: number
  private isClosed = false
  /** Appends happen one after the other, in the order they were asked for. */
  private last: Promise<void> = Promise.resolve()

  private constructor(path: string, file: FileHandle, length: { readonly whole: number; readonly torn: number }) {
    this.path = path
    this.file = file
    this.lengthBytes = length.whole
    this.tornBytes = length.torn
  }

  /** Opens or creates the file. `onTorn` is told, for the log, when a torn last line was cut off. */
  static async open(path: string, onTorn: (notice: string) => void = () => {}): Promise<FileStore> {
    const file = await attempt(`open ${path}`, () => openOrCreate(path))
    try {
      return await attempt(`read ${path}`, async () => {
        const { size } = await file.stat()
        const whole = await wholeLinesLength(file, size)
        if (whole < size) {
          await file.truncate(whole)
          await file.sync()
          onTorn(`${path}: cut off ${size - whole} bytes of a last line that was never finished.`)
        }
        return new FileStore(path, file, { whole, torn: size - whole })
      })
    } catch (error) {
      await file.close()
      throw error
    }
  }

  append(line: string): Promise<void> {
    const mine = this.last.then(() => this.write(line))
    this.last = mine.catch(() => {})
    return mine
  }

  /** The lines that were durable when reading began. */
  async *lines(): AsyncGenerator<string> {
    this.refuseIfClosed()
    await this.last
    const until = this.lengthBytes
    let carried: Buffer = Buffer.alloc(0)
    for (let at = 0; at < until; ) {
      this.refuseIfClosed()
      const chunk = await attempt(`read ${this.path}`, () => readAt(this.file, at, Math.min(CHUNK_BYTES, until - at)))
      if (chunk.length === 0)
        throw new StoreError('corrupt', `${this.path} became shorter than what was written to it.`)
      at += chunk.length
      carried = carried.length === 0 ? chunk : Buffer.concat([carried, chunk])
      let from = 0
      for (let end = carried.indexOf(LINE_FEED); end >= 0; end = carried.indexOf(LINE_FEED, from)) {
        yield carried.toString('utf8', from, end)
        from = end + 1
      }
      carried = carried.subarray(from)
    }
  }

  async close(): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    await this.last
    await attempt(`close ${this.path}`, () => this.file.close())
  }

  private async write(line: string): Promise<void> {
    this.refuseIfClosed()
    if (line === '' || /[\r\n]/.test(line) || !line.isWellFormed())
      throw new StoreError('invalid', 'A line must hold something, no line break and only whole characters.')
    const bytes = Buffer.from(`${line}\n`)
    try {
      await attempt(`append to ${this.path}`, async () => {
        await writeAll(this.file, bytes, this.lengthBytes)
        await this.file.sync()
      })
    } catch (error) {
      await this.file.truncate(this.lengthBytes).catch(() => {})
      throw error
    }
    this.lengthBytes += bytes.length
  }

  private refuseIfClosed(): void {
    if (this.isClosed) throw new StoreError('closed', `${this.path} was closed.`)
  }
}

/** A new file's name is durable only once its directory is. */
async function openOrCreate(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r+')
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
  const file = await open(path, 'wx+', 0o600)
  const directory = await open(dirname(path), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
  return file
}

/** Length up to and including the last line feed, sought from the end. */
async function wholeLinesLength(file: FileHandle, size: number): Promise<number> {
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - CHUNK_BYTES)
    const chunk = await readAt(file, start, end - start)
    const lineFeed = chunk.lastIndexOf(LINE_FEED)
    if (lineFeed >= 0) return start + lineFeed + 1
    end = start
  }
  return 0
}

async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await file.read(buffer, 0, length, at)
  return buffer.subarray(0, bytesRead)
}

async function writeAll(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done)
    done += bytesWritten
  }
}

async function attempt<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (cause) {
    if (cause instanceof StoreError) throw cause
    const isFull = ['ENOSPC', 'EDQUOT'].includes(codeOf(cause))
    const hint = isFull ? 'The disk is full: free some space.' : 'Check that the disk is there and writable.'
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new StoreError(isFull ? 'full' : 'io', `Could not ${what}: ${message}. ${hint}`, { cause })
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
