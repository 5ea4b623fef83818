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
    .map((row) => ({ row, key: comparable(by(row)) }))
    .toSorted((a, b) => {
      if (a.key === undefined || b.key === undefined) return Number(a.key === undefined) - Number(b.key === undefined)
      return sign * compare(a.key, b.key)
    })
    .map(({ row }) => row)
}

function compare(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const [one, other] = [String(a), String(b)]
  return one < other ? -1 : Number(one > other)
}

/** Digits that a number in a name is written with. */
const DIGITS = 15

/** As people count, whatever the case: host-2 before host-10. Made once a row: `Intl.Collator` looks at both names anew at each of 130,000 comparisons, which
 *  for 10,000 names are 180 ms. */
function comparable(key: Key): Key {
  return typeof key === 'string' ? key.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(DIGITS, '0')) : key
}
