/** Order of the rows of a table. */

export interface Sorting {
  /** Name of the column; empty: as the rows came. */
  readonly column: string
  readonly isDescending: boolean
}

type Key = number | string | undefined

/** Stable; what has no value comes last either way. */
export function sortRows<Row>(rows: readonly Row[], by: (row: Row) => Key, isDescending: boolean): readonly Row[] {
  const sign = isDescending ? -1 : 1
  return rows
    .map((row) => ({ row, key: by(row) }))
    .toSorted((a, b) => {
      if (a.key === undefined || b.key === undefined) return Number(a.key === undefined) - Number(b.key === undefined)
      return sign * compare(a.key, b.key)
    })
    .map(({ row }) => row)
}

function compare(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return collator.compare(String(a), String(b))
}

/** host-2 before host-10. */
const collator = new Intl.Collator('en', { numeric: true })
