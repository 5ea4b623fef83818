import { hashText, Luck } from '../../terms/luck.ts'
import type { Resource } from '../../terms/sample.ts'
import { clampFraction } from '../../terms/units.ts'

/** How one synthetic rate comes about. Levels are per VM, the rest within a VM's life. */
interface RateLaw {
  readonly resource: Resource
  /** Median over VMs of the mean rate, bytes/s. */
  readonly medianBytesPerSec: number
  /** Spread over VMs: standard deviation of the natural logarithm. */
  readonly spreadBetween: number
  /** Spread over time within a VM, likewise. */
  readonly spreadWithin: number
  /** How much of one step's deviation is left in the next (300 s). */
  readonly persistence: number
}

/** Fitted to Bitbrains GWA-T-12 "rnd", August 2013, 350 VMs: median and 90th percentile of the VMs' mean rates (0.26 and
 *  30 kB/s read, 7.7 and 90 written, 3.4 and 145 received, 1.7 and 72 sent), within-VM deviation and lag-1 correlation. */
const RATE_LAWS: readonly RateLaw[] = [
  { resource: 'diskRead', medianBytesPerSec: 260, spreadBetween: 3.7, spreadWithin: 0.3, persistence: 0.15 },
  { resource: 'diskWrite', medianBytesPerSec: 7700, spreadBetween: 1.92, spreadWithin: 0.5, persistence: 0.34 },
  { resource: 'netReceive', medianBytesPerSec: 3400, spreadBetween: 2.94, spreadWithin: 0.65, persistence: 0.59 },
  { resource: 'netSend', medianBytesPerSec: 1700, spreadBetween: 2.95, spreadWithin: 0.4, persistence: 0.49 },
]

/** No synthetic VM moves more than a good part of a 10 Gbit/s link. */
const RATE_MAX_BYTES_PER_SEC = 200e6
/** CPU share that counts as nothing: keeps an idle VM's rates from vanishing altogether. */
const CPU_FLOOR = 0.005
/** Memory follows CPU with a time constant of six steps (half an hour), as caches and heaps grow and shrink. */
const MEMORY_INERTIA = Math.exp(-1 / 6)
const MEMORY_PERSISTENCE = 0.98

export const SYNTHETIC_RESOURCES: readonly Resource[] = ['memory', 'diskRead', 'diskWrite', 'netReceive', 'netSend']

export interface CpuRows {
  /** Names each VM for the draw of luck. */
  readonly keys: readonly string[]
  readonly steps: number
  /** Row-major VM x step, shares; NaN is absent, and what is generated is absent there too. */
  readonly cpu: Float32Array
}

/** Generates memory, disk and network to a measured CPU, by seed. A VM's series depends on the seed, its key and its CPU
 *  alone, so that more VMs do not change the first ones.
 *  - memory share = base (0.2 to 0.6) + slow walk (AR(1), deviation 0.01 to 0.04) + 0.1 to 0.5 x CPU smoothed over half an
 *    hour, kept within 0.02 and 0.98. Assumed, not fitted: no public data set tells resident memory.
 *  - each rate = the VM's level (lognormal) x sqrt(CPU / the VM's mean CPU) x exp(AR(1) noise): see `RATE_LAWS`. */
export function syntheticColumns(rows: CpuRows, seed: number): Readonly<Partial<Record<Resource, Float32Array>>> {
  const columns: Partial<Record<Resource, Float32Array>> = { memory: new Float32Array(rows.cpu.length) }
  for (const { resource } of RATE_LAWS) columns[resource] = new Float32Array(rows.cpu.length)
  rows.keys.forEach((key, row) => {
    const [start, end] = [row * rows.steps, (row + 1) * rows.steps]
    const cpu = rows.cpu.subarray(start, end)
    fillMemory(columns.memory?.subarray(start, end) ?? cpu, cpu, new Luck(hashText(`memory ${key}`, seed)))
    const busy = squareRoots(cpu)
    for (const law of RATE_LAWS) {
      const column = columns[law.resource]?.subarray(start, end) ?? cpu
      fillRate(column, busy, law, new Luck(hashText(`${law.resource} ${key}`, seed)))
    }
  })
  return columns
}

function fillMemory(memory: Float32Array, cpu: Float32Array, luck: Luck): void {
  const base = 0.2 + 0.4 * luck.fraction()
  const deviation = 0.01 + 0.03 * luck.fraction()
  const coupling = 0.1 + 0.4 * luck.fraction()
  const stepDeviation = deviation * Math.sqrt(1 - MEMORY_PERSISTENCE ** 2)
  let walk = deviation * luck.normal()
  let smoothed = Number.NaN
  for (let step = 0; step < cpu.length; step++) {
    walk = MEMORY_PERSISTENCE * walk + stepDeviation * evenNormal(luck)
    const share = cpu[step]
    if (!Number.isNaN(share))
      smoothed = Number.isNaN(smoothed) ? share : MEMORY_INERTIA * smoothed + (1 - MEMORY_INERTIA) * share
    const level = clampFraction(base + walk + coupling * smoothed)
    memory[step] = Number.isNaN(share) ? Number.NaN : Math.min(0.98, Math.max(0.02, level))
  }
}

function fillRate(rates: Float32Array, busy: Float64Array, law: RateLaw, luck: Luck): void {
  const level = law.medianBytesPerSec * Math.exp(law.spreadBetween * luck.normal())
  const stepDeviation = law.spreadWithin * Math.sqrt(1 - law.persistence ** 2)
  let noise = law.spreadWithin * luck.normal()
  for (let step = 0; step < busy.length; step++) {
    noise = law.persistence * noise + stepDeviation * evenNormal(luck)
    // A NaN of the CPU stays one: Math.min hands it on.
    rates[step] = Math.min(RATE_MAX_BYTES_PER_SEC, level * busy[step] * Math.exp(noise))
  }
}

/** sqrt(CPU / mean CPU) for each step. */
function squareRoots(cpu: Float32Array): Float64Array {
  let sum = 0
  let count = 0
  for (const share of cpu) {
    if (Number.isNaN(share)) continue
    sum += share + CPU_FLOOR
    count++
  }
  return Float64Array.from(cpu, (share) => Math.sqrt(((share + CPU_FLOOR) * count) / sum))
}

/** Nearly normal, at a third of the price: the sum of three uniform draws (Irwin and Hall), deviation 1, within +-3. */
function evenNormal(luck: Luck): number {
  return 2 * (luck.fraction() + luck.fraction() + luck.fraction() - 1.5)
}
