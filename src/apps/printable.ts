import { HOSTILE } from '../terms/shown.ts'

export { printable } from '../terms/shown.ts'

/** JSON for a program, that may be shown on a terminal all the same: what JSON leaves as it is, and a terminal obeys, is written as an escape. */
export function printableJson(value: unknown): string {
  const text = JSON.stringify(value ?? null, null, 2)
  return text.replaceAll(HOSTILE, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
