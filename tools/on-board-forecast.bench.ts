/** How well a VM's forecast of itself does on CPU of real VMs, beside simple rules; and what it costs. `npm run bench -- on-board-forecast` prints
 *  the table on the second half of a trace (days 14 to 26 of Azure V1, 124 VMs), and where the data are on a week of Bitbrains; which experts there are
 *  was decided on the first half (days 1 to 12 of Azure). */
import { HORIZON_SLOTS, SlotForecast } from '../src/engine/profile/slot-forecast.ts'
import { readAzure } from '../src/drivers/traces/azure.ts'
import { readBitbrains } from '../src/drivers/traces/bitbrains.ts'
import { findDataFolder } from '../src/drivers/traces/data-folder.ts'
import type { Trace } from '../src/terms/trace.ts'
import { bench } from './benchmark.ts'

const IS_FULL = process.env['ETHOS_BENCH'] === 'full'
const SLOTS_PER_DAY = 288
const TEST_FROM_DAY = 14
/** Of a Gaussian: what is not exceeded in 95 of 100 cases. */
const Z95 = 1.645

/** Forecasts of one series: middle and bound at each horizon. */
interface Forecaster {
  add(value: number): void
  p50(h: number): number
  p95(h: number): number
}

/** Exponential mean; its bound is 1.645 standard deviations of the last three hours above. A weight of 1 is the last value. */
class Exponential implements Forecaster {
  private readonly weight: number
  private level = Number.NaN
  private readonly recent: number[] = []

  constructor(weight: number) {
    this.weight = weight
  }

  add(value: number): void {
    if (Number.isNaN(value)) return
    this.level = Number.isNaN(this.level) ? value : this.level + this.weight * (value - this.level)
    this.recent.push(value)
    if (this.recent.length > 36) this.recent.shift()
  }

  p50(): number {
    return this.level
  }

  p95(): number {
    const mean = this.recent.reduce((sum, value) => sum + value, 0) / this.recent.length
    const variance = this.recent.reduce((sum, value) => sum + (value - mean) ** 2, 0) / this.recent.length
    return this.level + Z95 * Math.sqrt(variance)
  }
}

/** Median and 95th percentile of the last so many slots. */
class Sorted implements Forecaster {
  private readonly slots: number
  private readonly recent: number[] = []

  constructor(slots: number) {
    this.slots = slots
  }

  add(value: number): void {
    if (Number.isNaN(value)) return
    this.recent.push(value)
    if (this.recent.length > this.slots) this.recent.shift()
  }

  p50(): number {
    const sorted = this.recent.toSorted((a, b) => a - b)
    return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
  }

  p95(): number {
    const sorted = this.recent.toSorted((a, b) => a - b)
    return sorted[Math.floor(0.95 * (sorted.length - 1))]
  }
}

/** The value of the same time yesterday. */
class Yesterday implements Forecaster {
  private readonly day: number[] = []

  add(value: number): void {
    this.day.push(value)
    if (this.day.length > SLOTS_PER_DAY) this.day.shift()
  }

  p50(h: number): number {
    return this.day.length < SLOTS_PER_DAY ? Number.NaN : this.day[HORIZON_SLOTS[h] - 1]
  }

  p95(h: number): number {
    return this.p50(h)
  }
}

const METHODS: readonly { readonly name: string; readonly make: () => Forecaster }[] = [
  { name: 'last value', make: () => new Exponential(1) },
  { name: 'exponential mean .3', make: () => new Exponential(0.3) },
  { name: 'exponential mean .6', make: () => new Exponential(0.6) },
  { name: 'median of the last hour', make: () => new Sorted(12) },
  { name: 'same time yesterday', make: () => new Yesterday() },
  { name: 'on board', make: () => new SlotForecast() },
]

interface Score {
  error: number
  pinball: number
  within: number
  count: number
}

/** Judges one method on one VM, from a slot on. */
function judge(series: Float32Array, method: Forecaster, from: number, scores: readonly Score[]): void {
  const made: (readonly number[])[] = []
  series.forEach((value, slot) => {
    if (slot >= from && !Number.isNaN(value)) {
      HORIZON_SLOTS.forEach((ahead, h) => {
        const row = made[slot - ahead]
        const [p50, p95] = [row[2 * h], row[2 * h + 1]]
        if (Number.isNaN(p50) || Number.isNaN(p95)) return
        const score = scores[h]
        score.error += Math.abs(value - p50)
        score.pinball += Math.max(0.95 * (value - p95), 0.05 * (p95 - value))
        score.within += value <= p95 ? 1 : 0
        score.count++
      })
    }
    method.add(value)
    made.push(HORIZON_SLOTS.flatMap((_, h) => [method.p50(h), Math.min(1, Math.max(method.p50(h), method.p95(h)))]))
  })
}

function printTable(trace: Trace, from: number): void {
  const vmCount = trace.vmNames.length
  const head = HORIZON_SLOTS.map((ahead) => `${ahead * 5} min`)
  process.stdout.write(
    `${trace.name}, ${vmCount} VMs, from day ${from / SLOTS_PER_DAY} on; CPU in percent of the VM's size\n` +
      `| method | ${[...head.map((h) => `mean error ${h}`), ...head.map((h) => `pinball P95 ${h}`), ...head.map((h) => `within ${h}`)].join(' | ')} |\n` +
      `|---|${'---|'.repeat(12)}\n`,
  )
  for (const { name, make } of METHODS) {
    const scores = HORIZON_SLOTS.map((): Score => ({ error: 0, pinball: 0, within: 0, count: 0 }))
    for (let vm = 0; vm < vmCount; vm++)
      judge(trace.columns.cpu.subarray(vm * trace.steps, (vm + 1) * trace.steps), make(), from, scores)
    const cells = [
      ...scores.map(({ error, count }) => ((100 * error) / count).toFixed(3)),
      ...scores.map(({ pinball, count }) => ((100 * pinball) / count).toFixed(3)),
      ...scores.map(({ within, count }) => (within / count).toFixed(3)),
    ]
    process.stdout.write(`| ${name} | ${cells.join(' | ')} |\n`)
  }
}

if (IS_FULL) {
  printTable(readAzure({ days: '0-26', vmCount: 124 }).trace, TEST_FROM_DAY * SLOTS_PER_DAY)
  const folder = findDataFolder()
  // Never looked at while the experts were chosen.
  if (folder !== undefined) printTable(readBitbrains({ days: '7-20' }, folder).trace, 7 * SLOTS_PER_DAY)
}

const { trace: day } = readAzure({ days: '3', vmCount: 4 })

bench('forecast of one VM, a slot', { smoke: SLOTS_PER_DAY, full: 100_000 }, (size) => {
  const forecast = new SlotForecast()
  let sum = 0
  for (let slot = 0; slot < size; slot++) {
    forecast.add(day.columns.cpu[slot % day.columns.cpu.length])
    if (slot % 64 === 63) sum += forecast.p50(2) + forecast.p95(2)
  }
  return sum
})
