/** Synthetic VMs: dirty curves of which the cost model sees nineteen measured points, and the slice-by-slice simulation the whole. */
import { courseOfCopy, type DirtyCurve, QEMU_CONSTANTS } from '../../src/engine/migration/copy-course.ts'
import { Luck } from '../../src/terms/luck.ts'
import { MiB } from '../../src/terms/units.ts'
import { measuredCurve } from '../../src/engine/migration/measured-curve.ts'
import { followCopy } from './oracle.ts'
import { quantile } from './study.ts'

export interface SyntheticResult {
  readonly cases: number
  /** |model / simulation - 1| in percent, over cases that both say end. */
  readonly totalMean: number
  readonly totalMedian: number
  readonly totalP99: number
  /** Percent of cases whose total is within 1 %. */
  readonly within1: number
  readonly downtimeMedian: number
  readonly bytesMedian: number
  readonly bytesP99: number
  /** Percent of cases with another verdict. */
  readonly wrongVerdicts: number
  readonly endsShare: number
}

/** When the curve is measured (seconds): QEMU's calc-dirty-rate takes 50 ms to 60 s; the windows of Gudkov (qemu-devel, 2023) and one shorter. */
const MEASURED_AT = [0.05, 0.125, 0.25, 0.375, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 60]

export interface SyntheticCase {
  readonly ramBytes: number
  readonly usedBytes: number
  readonly tailUsed: number
  readonly curve: DirtyCurve
  readonly workingSetBytes: number
  readonly bytesPerSec: number
  readonly downtimeLimitMs: number
}

/** A VM of 0.5 to 64 GiB with one to three working sets of exponential reach, on a link of 0.5 to 25 Gbit/s. */
export function drawCase(luck: Luck): SyntheticCase {
  const between = (low: number, high: number): number => low * (high / low) ** luck.fraction()
  const ramBytes = between(512, 65_536) * MiB
  const usedBytes = ramBytes * (0.2 + 0.8 * luck.fraction())
  const bytesPerSec = between(60, 3000) * 1e6
  const parts = Array.from({ length: 1 + luck.below(3) }, () => {
    const size = usedBytes * between(0.002, 0.3)
    return { size, rate: bytesPerSec * between(0.005, 1.2) }
  })
  const curve: DirtyCurve = (seconds) =>
    parts.reduce((sum, { size, rate }) => sum + size * (1 - Math.exp((-rate * seconds) / size)), 0)
  const workingSetBytes = parts.reduce((sum, { size }) => sum + size, 0)
  return {
    ramBytes,
    usedBytes,
    tailUsed: 0.3 + 0.7 * luck.fraction(),
    curve,
    workingSetBytes,
    bytesPerSec,
    downtimeLimitMs: between(30, 2000),
  }
}

export function compareSynthetic(cases: number, seed: number): SyntheticResult {
  const luck = new Luck(seed)
  const total: number[] = []
  const downtime: number[] = []
  const bytes: number[] = []
  let wrong = 0
  for (let i = 0; i < cases; i++) {
    const drawn = drawCase(luck)
    const first = (drawn.usedBytes / drawn.bytesPerSec) * 1000
    const terms = {
      bytesPerSec: drawn.bytesPerSec,
      downtimeLimitMs: drawn.downtimeLimitMs,
      mode: 'precopy' as const,
      timeoutMs: 5000 + 4 * first,
    }
    const truth = followCopy({ ...drawn, dirtied: drawn.curve }, terms, QEMU_CONSTANTS)
    const said = courseOfCopy({ ...drawn, dirtied: measured(drawn.curve) }, terms)
    if (truth.converges !== said.converges) wrong++
    else if (truth.converges) {
      total.push(100 * Math.abs(said.totalMs / truth.totalMs - 1))
      downtime.push(100 * Math.abs(said.downtimeMs / truth.downtimeMs - 1))
      bytes.push(100 * Math.abs(said.sentBytes / truth.sentBytes - 1))
    }
  }
  return {
    cases,
    totalMean: total.reduce((sum, value) => sum + value, 0) / total.length,
    totalMedian: quantile(total, 0.5),
    within1: (100 * total.filter((value) => value <= 1).length) / total.length,
    totalP99: quantile(total, 0.99),
    downtimeMedian: quantile(downtime, 0.5),
    bytesMedian: quantile(bytes, 0.5),
    bytesP99: quantile(bytes, 0.99),
    wrongVerdicts: (100 * wrong) / cases,
    endsShare: total.length / cases,
  }
}

function measured(curve: DirtyCurve): DirtyCurve {
  return measuredCurve(MEASURED_AT.map((seconds) => ({ seconds, bytes: curve(seconds) })))
}
