import { bench } from '../../../tools/benchmark.ts'
import { parseTraceCsv } from './csv-trace.ts'

/** A day of `size` VMs as wide CSV: 288 whole percentages each, as a PlanetLab day has them. */
function wideDay(size: number): Uint8Array {
  const rows = Array.from({ length: size }, (_, vm) => {
    const values = Array.from({ length: 288 }, (_, step) => (vm * 7 + step * 13) % 100)
    return `vm-${vm},${values.join(',')}`
  })
  return new TextEncoder().encode(rows.join('\n'))
}

const days = new Map<number, Uint8Array>()

bench('read a wide CSV of VMs x 288 steps', { smoke: 20, full: 10_000 }, (size) => {
  const day = days.get(size) ?? wideDay(size)
  days.set(size, day)
  const { columns, counts } = parseTraceCsv(day, 'day.csv')
  return counts.samples + Math.round(columns.cpu[columns.cpu.length - 1] * 100)
})
