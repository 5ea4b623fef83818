import type { Access, Files, Looks } from './machine.ts'
import { MachineError } from './machine.ts'

/** A guest of files in memory, as samplers look at it: for tests, and nowhere else. Its clock stands still unless it is told to go. */
export class FakeMachine implements Looks {
  /** Text by path. Folders are there because files are in them. */
  readonly texts: Record<string, string>
  /** Target by path. */
  readonly links: Record<string, string> = {}
  /** Paths that this user may not read, themselves and all below. */
  readonly denied = new Set<string>()
  /** What `append` wrote, by path. */
  readonly written: { path: string; text: string }[] = []
  /** Bytes at a place of a file. */
  bytesAt: (path: string, offset: number, length: number) => Uint8Array | undefined = () => undefined
  readonly self = { pid: 4242 }
  /** What the clock goes on by at each question. */
  tickMs = 0
  readonly files: Files = {
    ...refuseAll(),
    openAppend: (path) => {
      if (this.access(path) !== 'readable') throw new MachineError('EACCES', path)
      return {
        append: (bytes) => void this.written.push({ path, text: String.fromCharCode(...bytes) }),
        sync: () => undefined,
        close: () => undefined,
      }
    },
  }
  private nowMs = 0

  constructor(texts: Record<string, string>) {
    this.texts = { ...texts }
  }

  readText(path: string, maxBytes = 65_536): string | undefined {
    return this.isDenied(path) ? undefined : this.texts[path]?.slice(0, maxBytes)
  }

  readAt(path: string, offset: number, length: number): Uint8Array | undefined {
    return this.isDenied(path) ? undefined : this.bytesAt(path, offset, length)
  }

  list(path: string): readonly string[] | undefined {
    if (this.isDenied(path)) return undefined
    const below = [...Object.keys(this.texts), ...Object.keys(this.links)].filter((file) => file.startsWith(`${path}/`))
    const names = below.map((file) => file.slice(path.length + 1).split('/')[0])
    return names.length === 0 ? undefined : [...new Set(names)]
  }

  readLink(path: string): string | undefined {
    return this.isDenied(path) ? undefined : this.links[path]
  }

  access(path: string): Access {
    if (this.isDenied(path)) return 'denied'
    return this.texts[path] !== undefined || this.list(path) !== undefined ? 'readable' : 'missing'
  }

  /** The wall clock began with the other. */
  now(): number {
    return this.nowMs
  }

  monotonicMs(): number {
    this.nowMs += this.tickMs
    return this.nowMs
  }

  private isDenied(path: string): boolean {
    for (const place of this.denied) if (path === place || path.startsWith(`${place}/`)) return true
    return false
  }
}

function refuseAll(): Files {
  return {
    makeFolder: refuse,
    readBytes: refuse,
    writeWhole: refuse,
    openAppend: refuse,
    truncate: refuse,
    remove: refuse,
    sizeOf: () => undefined,
  }
}

function refuse(): never {
  throw new MachineError('ENOSYS', 'a fake machine has no files of its own')
}
