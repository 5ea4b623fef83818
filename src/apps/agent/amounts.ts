/** Numbers as people read them: three significant digits, bytes in MiB, shares in percent. */
import { GiB, KiB, MiB } from '../../terms/units.ts'

/** A number and what stands behind it, apart, so that a table can set them in columns. */
export interface Amount {
  readonly number: string
  readonly unit: string
}

/** A value with its unit, such as `1.24 MiB/s`, `3.1 %`, `0.42 cores`. The unit is the schema's. */
export function showAmount(value: number, unit: string): string {
  const { number, unit: shown } = amountOf(value, unit)
  return shown === '/s' ? `${number}/s` : `${number} ${shown}`.trimEnd()
}

/** The same, in two parts. */
export function amountOf(value: number, unit: string): Amount {
  if (unit === 'bytes') return bytesOf(value, '')
  if (unit === 'bytes/s') return bytesOf(value, '/s')
  if (unit.startsWith('fraction')) return { number: significant(value * 100), unit: '%' }
  if (unit === 'ms') return timeOf(value)
  if (unit === 's') return timeOf(value * 1000)
  if (unit === '1/s') return { number: significant(value), unit: '/s' }
  return { number: significant(value), unit: inNumber(value, shortUnit(unit)) }
}

/** What a fraction is a fraction of, or the rest of the unit that does not fit beside the number. */
export function noteOfUnit(unit: string): string {
  return unit.startsWith('fraction of ') ? unit.slice('fraction '.length) : ''
}

function shortUnit(unit: string): string {
  if (unit === 'reference cores') return 'cores'
  if (unit.startsWith('number of')) return ''
  if (unit === 'standard deviation over mean' || unit.startsWith('autocorrelation')) return ''
  if (unit === 'standard deviations') return 'sd'
  return unit
}

/** One of them is no `processes`. */
function inNumber(value: number, unit: string): string {
  if (value !== 1) return unit
  return unit.endsWith('sses') ? unit.slice(0, -2) : unit.endsWith('s') ? unit.slice(0, -1) : unit
}

function bytesOf(bytes: number, behind: string): Amount {
  const size = Math.abs(bytes)
  if (size >= GiB) return { number: significant(bytes / GiB), unit: `GiB${behind}` }
  if (size >= MiB) return { number: significant(bytes / MiB), unit: `MiB${behind}` }
  if (size >= KiB) return { number: significant(bytes / KiB), unit: `KiB${behind}` }
  return { number: significant(bytes), unit: `B${behind}` }
}

/** Milliseconds as what is told best: microseconds up to days. */
export function showTime(ms: number): string {
  const { number, unit } = timeOf(ms)
  return `${number} ${unit}`
}

function timeOf(ms: number): Amount {
  if (ms === 0) return { number: '0', unit: 'ms' }
  if (Math.abs(ms) < 0.1) return { number: significant(ms * 1000), unit: 'us' }
  if (Math.abs(ms) < 1000) return { number: significant(ms), unit: 'ms' }
  const minutes = ms / 60_000
  if (minutes < 2) return { number: significant(ms / 1000), unit: 's' }
  if (minutes < 120) return { number: significant(minutes), unit: 'min' }
  const hours = minutes / 60
  return hours < 48 ? { number: significant(hours), unit: 'h' } : { number: significant(hours / 24), unit: 'days' }
}

function significant(value: number): string {
  if (value === 0) return '0'
  const size = Math.abs(value)
  if (size >= 100) return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ' ')
  if (size < 0.001) return value.toExponential(1)
  return String(Number(value.toPrecision(3)))
}
