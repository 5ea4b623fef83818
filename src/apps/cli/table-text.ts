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
