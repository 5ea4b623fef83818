/** What the journal has as it is: read field by field, and what can't be understood is left out, for a journal may be older than this page, or newer. */
import type { Fields } from '../../../src/terms/parse.ts'
import { isoText, NOT_KNOWN } from '../../../src/terms/shown.ts'

/** The fields of a value that has any; else none. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
}

/** The fields of each entry of a list that has any. */
export function listOf(value: unknown): readonly Fields[] {
  if (!Array.isArray(value)) return []
  return value.map((entry: unknown) => fieldsOf(entry)).filter((fields) => Object.keys(fields).length > 0)
}

export function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : NOT_KNOWN
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** A number as a function of shown.ts writes it: money, cores, shares. */
export function shownOf(value: unknown, show: (value: number) => string): string {
  const number = numberOf(value)
  return number === undefined ? NOT_KNOWN : show(number)
}

/** To the second: steps of a move follow each other fast. `2026-11-28 07:30:15 UTC`. */
export function secondText(at: unknown): string {
  const number = numberOf(at)
  return number === undefined ? NOT_KNOWN : `${isoText(number).slice(0, 19).replace('T', ' ')} UTC`
}
