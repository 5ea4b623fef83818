/** The page that people look at, as it was built and packed: read once at the start, and answered from memory. A new build needs a new start. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Packing, PACKINGS, takes } from './packing.ts'

/** Where the build puts it, beside the source and in a package alike. */
export const PAGE_FOLDER = fileURLToPath(new URL('../../../../dist/web', import.meta.url))

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
}
/** Vite puts eight characters of the content's digest into the name: such a file is never another. */
const HASHED = /^assets\/.*-[\w-]{8,}\.\w+$/
const FOR_EVER = 'public, max-age=31536000, immutable'
const ASK_AGAIN = 'no-cache'
const FILES_MAX = 500
/** The build puts packed forms beside a file, under its name with one of these endings. */
const ENDINGS: Readonly<Record<Packing, string>> = { br: '.br', gzip: '.gz' }
const ETAG_LENGTH = 22

export interface PageFile {
  readonly type: string
  readonly cacheControl: string
  readonly etag: string
  readonly bytes: Buffer
  /** Where there is one: it is shorter. */
  readonly packed: { readonly [P in Packing]?: Buffer }
}

/** One form of a file, as a browser asked for it. */
export interface PageForm {
  readonly bytes: Buffer
  readonly etag: string
  readonly packing?: Packing
}

/** By path below the folder, with slashes: `index.html`, `assets/index-4f2a9c1b.js`. */
export type PageFiles = ReadonlyMap<string, PageFile>

/** All files of a folder of a built page; none where there is no such folder. What is neither file nor of a known type is left out.
 *  Rejects where it can't be read, or is no page. */
export async function readPage(folder: string): Promise<PageFiles> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  })
  const paths = found
    .filter((entry) => entry.isFile() && extname(entry.name) in TYPES)
    .map((entry) => join(entry.parentPath, entry.name))
  if (paths.length > FILES_MAX) throw new Error(`${folder} has ${paths.length} files: it is no built page`)
  const files = await Promise.all(
    paths.map(async (path) => {
      const name = relative(folder, path).split(sep).join('/')
      return [name, await readPageFile(name, path)] as const
    }),
  )
  return new Map(files)
}

async function readPageFile(name: string, path: string): Promise<PageFile> {
  const bytes = await readFile(path)
  const type = TYPES[extname(name)] ?? ''
  return {
    type,
    cacheControl: HASHED.test(name) ? FOR_EVER : ASK_AGAIN,
    etag: createHash('sha256').update(bytes).digest('base64url').slice(0, ETAG_LENGTH),
    bytes,
    packed: { ...(await readPacked(path, 'br')), ...(await readPacked(path, 'gzip')) },
  }
}

async function readPacked(path: string, packing: Packing): Promise<PageFile['packed']> {
  try {
    return { [packing]: await readFile(path + ENDINGS[packing]) }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {}
    throw error
  }
}

/** The form that a browser takes, by its `accept-encoding`: brotli before gzip before as it is. */
export function formOf({ bytes, etag, packed }: PageFile, accepted: string): PageForm {
  for (const packing of PACKINGS) {
    const form = packed[packing]
    if (form !== undefined && takes(packing, accepted)) return { bytes: form, packing, etag: `"${etag}-${packing}"` }
  }
  return { bytes, etag: `"${etag}"` }
}
