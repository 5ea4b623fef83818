import { closeSync, openSync, readdirSync, readSync, realpathSync } from 'node:fs'
import { join } from 'node:path'

/** Files of /proc and /sys as text, below a root that a test may choose. What can't be read is absent. */
export interface FactFiles {
  /** The text without blanks around it, at most `FACT_BYTES_MAX` of it. */
  read(path: string): string | undefined
  /** Names in a folder, sorted; none where it can't be read. */
  list(path: string): readonly string[]
  /** Where a link leads, as a path below the root. */
  resolve(path: string): string | undefined
}

/** /proc/cpuinfo of 1,024 threads has 2 MiB. */
export const FACT_BYTES_MAX = 8 * 1024 * 1024

/** @param root `/`, or a folder of recorded files */
export function nodeFactFiles(root = '/'): FactFiles {
  return {
    read: (path) => quietly(() => readBounded(join(root, path))),
    list: (path) => quietly(() => readdirSync(join(root, path)).toSorted()) ?? [],
    resolve: (path) =>
      quietly(() => {
        const real = realpathSync(join(root, path))
        const base = realpathSync(root)
        if (base === '/') return real
        return real.startsWith(`${base}/`) ? real.slice(base.length) : undefined
      }),
  }
}

/** Files of /proc tell no size: read in pieces until they end. */
function readBounded(path: string): string {
  const file = openSync(path, 'r')
  try {
    const pieces: Buffer[] = []
    let total = 0
    while (total < FACT_BYTES_MAX) {
      const piece = Buffer.alloc(65_536)
      const length = readSync(file, piece)
      if (length === 0) break
      pieces.push(piece.subarray(0, length))
      total += length
    }
    return Buffer.concat(pieces).toString('utf8').trim()
  } finally {
    closeSync(file)
  }
}

/** A file that is missing, forbidden or broken is a fact that nobody knows, whatever the kernel answers. */
function quietly<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** A whole number at the beginning of a file, or nothing. */
export function readWholeNumber(files: FactFiles, path: string): number | undefined {
  const text = files.read(path)
  if (text === undefined || !/^-?\d{1,18}$/.test(text)) return undefined
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : undefined
}
