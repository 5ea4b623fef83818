/** Columns of many rows as parameters of one statement: text of arrays, and all bytes in one piece that the server cuts. */

/** For `unnest($1::int[])` and the like. */
export function numbers(list: readonly number[]): string {
  return `{${list.join(',')}}`
}

export function flags(list: readonly boolean[]): string {
  return `{${list.map((flag) => (flag ? 't' : 'f')).join(',')}}`
}

/** For `unnest($1::text[])`; null is NULL. */
export function texts(list: readonly (string | null)[]): string {
  return `{${list.map((text) => (text === null ? 'NULL' : `"${text.replace(/["\\]/g, '\\$&')}"`)).join(',')}}`
}

/** Numbers, or null. */
export function numbersOrNull(list: readonly (number | undefined)[]): string {
  return `{${list.map((number) => number ?? 'NULL').join(',')}}`
}

/** Pieces of bytes one after the other, with the place (from 1, as SQL counts) and length of each: for
 *  `substring($1::bytea FROM at FOR length)`. An array of bytea would travel as hexadecimal text in quotes, five times as long to make. */
export interface Pieces {
  readonly bytes: Uint8Array
  readonly places: string
  readonly lengths: string
}

export function pieces(list: readonly Uint8Array[]): Pieces {
  const places: number[] = []
  let length = 0
  for (const piece of list) {
    places.push(length + 1)
    length += piece.length
  }
  const bytes = Buffer.allocUnsafe(length)
  list.forEach((piece, i) => bytes.set(piece, places[i] - 1))
  return { bytes, places: numbers(places), lengths: numbers(list.map((piece) => piece.length)) }
}
