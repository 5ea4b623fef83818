/** Numbers as people read them: three significant digits, bytes in MiB, shares in percent. */
import { GiB, KiB, MiB } from '../../terms/units.ts'

/** A value with its unit, such as `1.24 MiB/s`, `3.1 %`, `0.42 cores`. The unit is the schema's. */
export function showAmount(value: number, unit: string): string {
  if (unit === 'bytes') return showBytes(value)
  if (unit === 'bytes/s') return `${showBytes(value)}/s`
  if (unit.startsWith('fraction')) return `${significant(value * 100)} %`
  if (unit === 'ms' && Math.abs(value) >= 60_000) return showTime(value)
  if (unit === '1/s') return `${significant(value)}/s`
  return `${significant(value)} ${shortUnit(unit)}`.trimEnd()
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

function showBytes(bytes: number): string {
  const size = Math.abs(bytes)
  if (size >= GiB) return `${significant(bytes / GiB)} GiB`
  if (size >= MiB) return `${significant(bytes / MiB)} MiB`
  if (size >= KiB) return `${significant(bytes / KiB)} KiB`
  return `${significant(bytes)} B`
}

/** Milliseconds as minutes, hours or days. */
export function showTime(ms: number): string {
  const minutes = ms / 60_000
  if (minutes < 1) return `${significant(ms / 1000)} s`
  if (minutes < 120) return `${significant(minutes)} min`
  const hours = minutes / 60
  return hours < 48 ? `${significant(hours)} h` : `${significant(hours / 24)} days`
}

function significant(value: number): string {
  if (value === 0) return '0'
  const size = Math.abs(value)
  if (size >= 100) return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ' ')
  if (size < 0.001) return value.toExponential(1)
  return String(Number(value.toPrecision(3)))
}
