/** Tables for terminals. */
import { printable } from '../printable.ts'

/** One column: its head, and the cell of a row. Numbers stand to the right. */
export interface Column<Row> {
  readonly head: string
  readonly cell: (row: Row) => string
  readonly align?: 'left' | 'right'
}

/** Rows below heads, two spaces between columns, ends with a line break. A column whose cells are all empty is left out. */
export function tableText<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = columns.map(({ cell }) => rows.map((row) => printable(cell(row)).replaceAll(/[\n\t]/g, ' ')))
  const shown = columns.map((_, c) => c).filter((c) => rows.length === 0 || cells[c].some((text) => text !== ''))
  const widths = cells.map((column, c) => Math.max(columns[c].head.length, ...column.map(({ length }) => length)))
  const line = (textOf: (c: number) => string): string =>
    shown
      .map((c) => (columns[c].align === 'right' ? textOf(c).padStart(widths[c]) : textOf(c).padEnd(widths[c])))
      .join('  ')
      .trimEnd()
  return [line((c) => columns[c].head), ...rows.map((_, r) => line((c) => cells[c][r]))]
    .map((text) => `${text}\n`)
    .join('')
}

const WIDTH = 100

/** Words in lines of at most 100 characters, commas between them, the first line behind a head and the others below it. */
export function wrapText(words: readonly string[], head: string): string {
  const lines: string[] = []
  let line = head
  words.forEach((word, i) => {
    const piece = i === words.length - 1 ? word : `${word}, `
    if (line.trim() !== '' && line !== head && line.length + piece.trimEnd().length > WIDTH) {
      lines.push(line.trimEnd())
      line = ' '.repeat(head.length)
    }
    line += piece
  })
  return `${[...lines, line].join('\n')}\n`
}

/** `3 s`, `5 min`, `4 h`, `2 d`: one unit is enough to read. */
export function spanText(ms: number): string {
  const span = Math.max(0, ms)
  if (span < 60_000) return `${Math.round(span / 1000)} s`
  if (span < 3_600_000) return `${Math.round(span / 60_000)} min`
  return span < 48 * 3_600_000 ? `${Math.round(span / 3_600_000)} h` : `${Math.round(span / 86_400_000)} d`
}

/** `512 MiB`, `1.5 TiB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  const place = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** place
  return `${value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1)} ${units[place]}`
}

/** `87 %`. */
export function percentText(fraction: number): string {
  const percent = fraction * 100
  return `${percent !== 0 && Math.abs(percent) < 10 ? percent.toFixed(1) : percent.toFixed(0)} %`
}

/** Less money than this is what is left of sums that cancel out. */
const NOTHING = 1e-9

/** Money with as many digits as it needs to be told from nothing. */
export function moneyText(amount: number): string {
  if (Math.abs(amount) < NOTHING) return '0'
  return Math.abs(amount) >= 0.01 ? amount.toFixed(2) : amount.toPrecision(2)
}
