/** Values of the policy as somebody writes them and reads them. Nothing is rounded: what is read back is what stood there. */
import { zeroText } from '../../../src/terms/policy.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../src/terms/units.ts'
import type { PolicyField } from './policy-field.ts'

/** Absent: there is no limit, or it is never done. */
export type FieldValue = number | boolean | string | undefined

export type ReadValue = { readonly value: FieldValue } | { readonly problem: string }

const SPANS: readonly (readonly [unit: string, ms: number])[] = [
  ['d', DAY_MS],
  ['h', HOUR_MS],
  ['min', MINUTE_MS],
  ['s', SECOND_MS],
]

/** A span without loss, in the largest unit that divides it: `90 min`, `6 h`. */
export function spanWhole(ms: number): string {
  const [unit, size] = SPANS.find(([, size]) => ms >= size && ms % size === 0) ?? ['ms', 1]
  return `${ms / size} ${unit}`
}

/** A share in percent, without the dust of binary fractions: 0.07 is `7`. */
function percentOf(share: number): string {
  return String(Number((share * 100).toPrecision(12)))
}

/** As it stands in the field of a form. */
export function inputText({ kind }: Pick<PolicyField, 'kind'>, value: FieldValue): string {
  if (value === undefined) return ''
  if (typeof value !== 'number') return String(value)
  if (kind === 'span') return spanWhole(value)
  return kind === 'share' ? percentOf(value) : String(value)
}

/** As it is told in a sentence or a list of changes, with its unit. */
export function valueText({ kind, empty, unit, path }: PolicyField, value: FieldValue): string {
  if (value === undefined) return empty ?? 'not set'
  const zero = value === 0 ? zeroText(path) : undefined
  if (zero !== undefined) return `0: ${zero}`
  if (kind === 'flag') return value === true ? 'yes' : 'no'
  const text = inputText({ kind }, value)
  if (kind === 'share') return `${text} %`
  return kind === 'span' || unit === undefined || unit === 'at most' ? text : `${text} ${unit}`
}

/** What somebody wrote into a field. Whether values go together is not asked here. */
export function readInput({ kind, empty }: PolicyField, text: string): ReadValue {
  const trimmed = text.trim()
  if (trimmed === '') return empty === undefined ? { problem: 'Something has to stand here.' } : { value: undefined }
  if (kind === 'flag') return { value: trimmed === 'true' }
  if (kind === 'text') return { value: trimmed }
  if (kind === 'span') return readSpan(trimmed)
  const number = readNumber(kind === 'share' ? trimmed.replace(/\s*%$/, '') : trimmed)
  if (number === undefined) return { problem: `“${trimmed.slice(0, 20)}” is no number of 0 or more.` }
  if (kind === 'count' && !Number.isInteger(number)) return { problem: 'A whole number is needed.' }
  return { value: kind === 'share' ? Number((number / 100).toPrecision(12)) : number }
}

function readSpan(text: string): ReadValue {
  const [, digits = '', unit = ''] = /^([\d.]+)\s*([a-z]+)$/i.exec(text) ?? []
  const size = unit === 'ms' ? 1 : SPANS.find(([name]) => name === unit)?.[1]
  const number = readNumber(digits)
  if (size === undefined || number === undefined)
    return { problem: 'A span with its unit is needed: 90 s, 30 min, 6 h or 2 d.' }
  return { value: Math.round(number * size) }
}

/** Nothing negative is a value of a policy. */
function readNumber(text: string): number | undefined {
  return /^\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined
}
