/** Tables as CSV (RFC 4180) that a spreadsheet may open: a name that begins like a formula is text there too (OWASP, "CSV Injection"). */

export type Cell = string | number | null | undefined

/** Lines end in CRLF; the first holds the names of the columns. */
export function csvOf(names: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [names, ...rows].map((row) => `${row.map(cellOf).join(',')}\r\n`).join('')
}

function cellOf(cell: Cell): string {
  if (cell === null || cell === undefined) return ''
  if (typeof cell === 'number') return String(cell)
  const text = /^[=+\-@\t\r\n|%]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n']/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
