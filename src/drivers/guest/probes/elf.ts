/** Finds functions in a shared library: where in the file their first instruction is. A small reader of ELF, for 64-bit little-endian files
 *  only, which trusts nothing that it reads. */
import type { Looks } from '../machine.ts'

/** What is read of one table at most: the symbols of the largest libraries, LLVM aside, fit. */
const TABLE_BYTES_MAX = 4 * 1024 * 1024
const HEADER_BYTES = 64
const SECTION_BYTES = 64
const SEGMENT_BYTES = 56
const SYMBOL_BYTES = 24
const SECTIONS_MAX = 256
const SEGMENTS_MAX = 64
/** Several versions of one function may stand in a library; each is called by whoever was linked against it. */
const OFFSETS_MAX = 4
const LOADED = 1
const DYNAMIC_SYMBOLS = 11
const FUNCTION = 2
/** `e_machine` of the processors we have tables of system calls for. */
const PROCESSORS = new Map([
  [62, 'x86_64'],
  [183, 'aarch64'],
] as const)

/** Offsets of functions in a file, by name, or why it can not be used. */
export type SymbolOffsets = { readonly offsets: ReadonlyMap<string, readonly number[]> } | { readonly refused: string }

/** The processor that the file at `path` is for; undefined for one that we have no tables of, and for what is no such file. */
export function processorOf(looks: Looks, path: string): 'x86_64' | 'aarch64' | undefined {
  const header = readTable(looks, path, 0, HEADER_BYTES)
  return header === undefined || !isElf64(header) ? undefined : PROCESSORS.get(header.getUint16(18, true) as 62 | 183)
}

/** Looks up functions among the dynamic symbols of the library at `path`. Names that it does not define are missing from the answer. */
export function symbolOffsets(looks: Looks, path: string, names: readonly string[]): SymbolOffsets {
  const header = readTable(looks, path, 0, HEADER_BYTES)
  if (header === undefined || !isElf64(header)) return { refused: 'not a 64-bit little-endian ELF file' }
  const segments = readSegments(looks, path, header)
  const tables = readSymbolTables(looks, path, header)
  if (segments === undefined || tables === undefined) return { refused: 'its tables are missing, too large or damaged' }
  const offsets = new Map<string, number[]>()
  const { symbols, strings } = tables
  for (let at = 0; at + SYMBOL_BYTES <= symbols.byteLength; at += SYMBOL_BYTES) {
    const isFunction = (symbols.getUint8(at + 4) & 0xf) === FUNCTION
    const isDefined = symbols.getUint16(at + 6, true) !== 0
    if (!isFunction || !isDefined) continue
    const name = names.find((each) => standsAt(strings, symbols.getUint32(at, true), each))
    if (name === undefined) continue
    const offset = fileOffset(segments, numberAt(symbols, at + 8))
    const known = offsets.get(name) ?? []
    if (offset === undefined || known.includes(offset) || known.length >= OFFSETS_MAX) continue
    offsets.set(name, [...known, offset])
  }
  return { offsets }
}

interface Segment {
  readonly offset: number
  readonly address: number
  readonly bytes: number
}

function isElf64(header: DataView): boolean {
  const isMagic = header.byteLength === HEADER_BYTES && header.getUint32(0, false) === 0x7f454c46
  return isMagic && header.getUint8(4) === 2 && header.getUint8(5) === 1
}

function readSegments(looks: Looks, path: string, header: DataView): readonly Segment[] | undefined {
  const count = header.getUint16(56, true)
  if (header.getUint16(54, true) !== SEGMENT_BYTES || count === 0 || count > SEGMENTS_MAX) return undefined
  const table = readTable(looks, path, numberAt(header, 32), count * SEGMENT_BYTES)
  if (table === undefined) return undefined
  const segments: Segment[] = []
  for (let at = 0; at < table.byteLength; at += SEGMENT_BYTES) {
    if (table.getUint32(at, true) !== LOADED) continue
    segments.push({
      offset: numberAt(table, at + 8),
      address: numberAt(table, at + 16),
      bytes: numberAt(table, at + 32),
    })
  }
  return segments
}

function readSymbolTables(
  looks: Looks,
  path: string,
  header: DataView,
): { readonly symbols: DataView; readonly strings: DataView } | undefined {
  const count = header.getUint16(60, true)
  if (header.getUint16(58, true) !== SECTION_BYTES || count === 0 || count > SECTIONS_MAX) return undefined
  const sections = readTable(looks, path, numberAt(header, 40), count * SECTION_BYTES)
  if (sections === undefined) return undefined
  for (let at = 0; at < sections.byteLength; at += SECTION_BYTES) {
    if (sections.getUint32(at + 4, true) !== DYNAMIC_SYMBOLS) continue
    const linked = sections.getUint32(at + 40, true) * SECTION_BYTES
    if (linked >= sections.byteLength) return undefined
    const symbols = readTable(looks, path, numberAt(sections, at + 24), numberAt(sections, at + 32))
    const strings = readTable(looks, path, numberAt(sections, linked + 24), numberAt(sections, linked + 32))
    return symbols === undefined || strings === undefined ? undefined : { symbols, strings }
  }
  return undefined
}

/** A copy: the machine uses its bytes again. Undefined if the table is not wholly there or larger than any we want. */
function readTable(looks: Looks, path: string, offset: number, length: number): DataView | undefined {
  if (!(length > 0 && length <= TABLE_BYTES_MAX && offset >= 0 && offset <= Number.MAX_SAFE_INTEGER)) return undefined
  const bytes = looks.readAt(path, offset, length)
  if (bytes === undefined || bytes.length !== length) return undefined
  return new DataView(Uint8Array.from(bytes).buffer)
}

/** A 64-bit number; beyond 2^53, which no file holds, it is rounded and then refused by its size. */
function numberAt(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32
}

function standsAt(strings: DataView, at: number, name: string): boolean {
  if (at + name.length >= strings.byteLength) return false
  for (let i = 0; i < name.length; i++) if (strings.getUint8(at + i) !== name.charCodeAt(i)) return false
  return strings.getUint8(at + name.length) === 0
}

function fileOffset(segments: readonly Segment[], address: number): number | undefined {
  const holder = segments.find((segment) => address >= segment.address && address < segment.address + segment.bytes)
  return holder === undefined ? undefined : address - holder.address + holder.offset
}
