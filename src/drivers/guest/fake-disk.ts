import { type Access, type AppendFile, type Files, type Looks, MachineError } from './machine.ts'

interface FakeFile {
  /** As programs see it. */
  seen: Uint8Array
  /** As it is after the power was cut. */
  durable: Uint8Array
}

export type DiskCall = 'makeFolder' | 'writeWhole' | 'openAppend' | 'append' | 'sync' | 'truncate' | 'remove' | 'read'

/** A disk in memory that can refuse and forget, for tests and nowhere else. What was not synced is gone after `cutPower`, or part of it. */
export class FakeDisk implements Looks {
  readonly held = new Map<string, FakeFile>()
  /** Folders that are not ours. */
  readonly folders = new Set<string>()
  /** The code with which a call fails; undefined if it does not. */
  fault: (call: DiskCall, path: string) => string | undefined = () => undefined
  /** Most bytes of all files together. */
  bytesMax = Infinity
  readonly files: Files = {
    makeFolder: (path) => this.check('makeFolder', path),
    readBytes: (path) => this.get('read', path).seen,
    writeWhole: (path, content, _mode) => {
      this.check('writeWhole', path)
      const bytes = typeof content === 'string' ? Uint8Array.from(Buffer.from(content)) : Uint8Array.from(content)
      if (this.folders.has(path)) throw new MachineError('EISDIR', `EISDIR: ${path} is a folder`)
      this.room(bytes.length)
      this.held.set(path, { seen: bytes, durable: bytes })
    },
    openAppend: (path) => this.openAppend(path),
    truncate: (path, length) => {
      const file = this.get('truncate', path)
      file.seen = file.seen.slice(0, length)
      file.durable = file.seen
    },
    remove: (path) => {
      this.check('remove', path)
      this.held.delete(path)
    },
    sizeOf: (path) => (this.folders.has(path) ? 4096 : this.held.get(path)?.seen.length),
  }

  /** Forgets what was not synced; of the last that was appended to each file, a share stays. */
  cutPower(share: number): void {
    for (const file of this.held.values()) {
      const { durable, seen } = file
      const isGrown = seen.length > durable.length && durable.every((byte, i) => byte === seen[i])
      file.seen = isGrown ? seen.slice(0, durable.length + Math.floor(share * (seen.length - durable.length))) : durable
      file.durable = file.seen
    }
  }

  /** Flips one bit of a file. */
  flip(path: string, bit: number): void {
    const file = this.held.get(path)
    if (file === undefined || file.seen.length === 0) return
    const seen = Uint8Array.from(file.seen)
    seen[(bit >> 3) % seen.length] ^= 1 << (bit & 7)
    file.seen = seen
    file.durable = seen
  }

  readText(path: string, maxBytes = 65_536): string | undefined {
    const bytes = this.readAt(path, 0, maxBytes)
    return bytes && Buffer.from(bytes).toString('latin1')
  }

  readAt(path: string, offset: number, length: number): Uint8Array | undefined {
    if (this.fault('read', path) !== undefined) return undefined
    return this.held.get(path)?.seen.slice(offset, offset + length)
  }

  list(path: string): readonly string[] | undefined {
    if (this.folders.has(path)) return []
    const paths = [...this.held.keys(), ...this.folders].filter((file) => file.startsWith(`${path}/`))
    return paths.length === 0 ? undefined : paths.map((file) => file.slice(path.length + 1))
  }

  readLink(): undefined {
    return undefined
  }

  access(path: string): Access {
    return this.held.has(path) ? 'readable' : 'missing'
  }

  private openAppend(path: string): AppendFile {
    this.check('openAppend', path)
    const file = this.held.get(path) ?? { seen: new Uint8Array(0), durable: new Uint8Array(0) }
    this.held.set(path, file)
    return {
      append: (bytes) => {
        // A disk that is full takes a part.
        const code = this.fault('append', path)
        if (code !== undefined) file.seen = joined(file.seen, bytes.subarray(0, bytes.length >> 1))
        this.check('append', path)
        this.room(bytes.length)
        file.seen = joined(file.seen, bytes)
      },
      sync: () => {
        this.check('sync', path)
        file.durable = file.seen
      },
      close: () => undefined,
    }
  }

  private room(bytes: number): void {
    let used = bytes
    for (const { seen } of this.held.values()) used += seen.length
    if (used > this.bytesMax) throw new MachineError('ENOSPC', 'ENOSPC: no space left on device')
  }

  private check(call: DiskCall, path: string): void {
    const code = this.fault(call, path)
    if (code !== undefined) throw new MachineError(code, `${code}: ${call} ${path}`)
  }

  private get(call: DiskCall, path: string): FakeFile {
    this.check(call, path)
    const file = this.held.get(path)
    if (file === undefined) throw new MachineError('ENOENT', `ENOENT: ${path}`)
    return file
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
