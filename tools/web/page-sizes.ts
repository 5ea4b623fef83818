/** What JavaScript each page of the built dashboard asks for, by the manifest that Vite writes beside it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { REPOSITORY } from '../repository.ts'

export const PAGE_BUILT = join(REPOSITORY, 'dist', 'web')
/** Below the built page. */
export const MANIFEST = join('.vite', 'manifest.json')

/** Of the goals of the page: no page asks for more than 120 kB, gzipped. */
export const SCRIPT_BYTES_MAX = 120_000

/** One part of the manifest: a file, and the parts that it can't do without. */
interface Chunk {
  readonly file: string
  readonly isEntry?: boolean
  readonly imports?: readonly string[]
  readonly dynamicImports?: readonly string[]
}

export interface PageSize {
  readonly page: string
  /** Gzipped, all that is fetched where somebody opens it first of all pages. */
  readonly firstBytes: number
  /** Of it, what no other page asks for. */
  readonly ownBytes: number
  readonly files: number
}

export interface PageSizes {
  readonly pages: readonly PageSize[]
  /** Gzipped, of all pages together, each file once. */
  readonly totalBytes: number
  readonly files: number
}

/** Of the page as it was built. */
export function pageSizes(folder = PAGE_BUILT): PageSizes {
  const manifest = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8')) as Readonly<Record<string, Chunk>>
  const isScript = (name: string): boolean => manifest[name].file.endsWith('.js')
  const bytes = new Map(
    Object.keys(manifest)
      .filter(isScript)
      .map((name) => [name, gzipSync(readFileSync(join(folder, manifest[name].file)), { level: 9 }).length]),
  )
  const sum = (names: Iterable<string>): number => [...names].reduce((all, name) => all + (bytes.get(name) ?? 0), 0)
  const needed = (name: string, known = new Set<string>()): Set<string> => {
    if (known.has(name) || !isScript(name)) return known
    known.add(name)
    for (const other of manifest[name].imports ?? []) needed(other, known)
    return known
  }
  const entries = Object.keys(manifest).filter((name) => manifest[name].isEntry === true)
  const pages = entries.flatMap((entry) => manifest[entry].dynamicImports ?? [])
  const asked = new Map(
    pages.map((page) => [
      page,
      needed(
        page,
        entries.reduce((all, one) => needed(one, all), new Set<string>()),
      ),
    ]),
  )
  const sizes = [...asked].map(([page, names]): PageSize => {
    const others = new Set([...asked].flatMap(([other, theirs]) => (other === page ? [] : [...theirs])))
    return {
      page: page.replace(/^.*\/(\w+)\.svelte$/, '$1'),
      firstBytes: sum(names),
      ownBytes: sum([...names].filter((name) => !others.has(name))),
      files: names.size,
    }
  })
  return {
    pages: sizes.toSorted((a, b) => b.firstBytes - a.firstBytes),
    totalBytes: sum(bytes.keys()),
    files: bytes.size,
  }
}

/** As `npm run build:web` prints it. */
export function sizesText({ pages, totalBytes, files }: PageSizes): string {
  const lines = pages.map(
    ({ page, firstBytes, ownBytes, files: own }) =>
      `${page.padEnd(12)}${kB(firstBytes)}${kB(ownBytes)}${String(own).padStart(8)}`,
  )
  return [
    'JavaScript, kB gzipped',
    `${'page'.padEnd(12)}${'first'.padStart(8)}${'own'.padStart(8)}${'files'.padStart(8)}`,
    ...lines,
    `${'all pages'.padEnd(12)}${kB(totalBytes)}${''.padStart(8)}${String(files).padStart(8)}`,
    '',
  ].join('\n')
}

function kB(bytes: number): string {
  return (bytes / 1000).toFixed(1).padStart(8)
}
