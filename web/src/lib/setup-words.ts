/** Words of the list of what is missing. */

/** Lines that are told. */
const LINES_MAX = 5

/** A word of a shell, whatever it holds: names come from outside. */
export function quoted(word: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9._:/@%+-]*$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/** The first few, and how many more there are. */
export function firstOf(lines: readonly string[]): readonly string[] {
  return lines.length <= LINES_MAX ? lines : [...lines.slice(0, LINES_MAX), `And ${lines.length - LINES_MAX} more.`]
}
