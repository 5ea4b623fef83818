/** What page sampling tells of how a VM writes, and what it leaves open.
 *
 *  QEMU's `calc-dirty-rate` looks at 512 pages per GiB, at the start and at the end of a window, and reports the share that differs. In a small
 *  VM that is 64 pages: one of them is 2 MiB/s, and none does not mean that nothing is written. So one figure stands for many courses, each
 *  with its weight (Bayes' rule; binomial likelihood; as prior, every rate as likely on a logarithmic scale, and the same of working sets). */
import { MiB } from '../../terms/units.ts'
import type { DirtyCurve } from './copy-course.ts'

export interface DirtySample {
  /** As reported: distinct pages over the window. */
  readonly bytesPerSec: number
  readonly windowSec: number
  readonly ramBytes: number
}

/** One way in which the VM may write, and how likely it is. Weights of a belief sum to one. */
export interface DirtyCase {
  readonly bytesPerSec: number
  readonly workingSetBytes: number
  readonly weight: number
}

/** `DEFAULT_SAMPLE_PAGES` of QEMU. */
const SAMPLED_PAGES_PER_GIB = 512
/** An idle guest's own writing: it levels off at about this much, a bit at a time (measured on Debian guests). */
const IDLE_BYTES = 1.4 * MiB
const IDLE_SECONDS = 1.6
export const RATES_MIB = [0, 0.5, 1, 1.4, 2, 2.8, 4, 5.7, 8, 11, 16, 20, 25, 32, 40, 50, 64, 90, 128, 181, 256, 512, 1024]
export const WORKING_SETS_MIB = [8, 16, 32, 64, 96, 128, 256, 512, 1024, 4096, 16384, 65536]
/** A case this unlikely is left out: it could not move a median. */
const WEIGHT_MIN = 1e-3

/** How VMs of this kind are known to write, before one of them is looked at: weights of `RATES_MIB` and `WORKING_SETS_MIB`. */
export interface DirtyPrior {
  readonly rates: readonly number[]
  readonly sets: readonly number[]
}

const FLAT: DirtyPrior = { rates: RATES_MIB.map((rate) => (rate === 0 ? 1.5 : 1)), sets: WORKING_SETS_MIB.map((size) => Math.exp(-((Math.log(size / 32) / 1.5) ** 2) / 2) / 3) }

/** @param usedBytes what the VM's pages hold: no working set is larger */
export function beliefOf(sample: DirtySample, usedBytes: number, prior: DirtyPrior = FLAT): readonly DirtyCase[] {
  const { windowSec, ramBytes } = sample
  const pages = Math.max(1, Math.round((SAMPLED_PAGES_PER_GIB * ramBytes) / (1024 * MiB)))
  const hits = Math.min(pages, (sample.bytesPerSec * windowSec * pages) / ramBytes)
  const cases: DirtyCase[] = []
  const sets = WORKING_SETS_MIB.map((size) => Math.min(size * MiB, usedBytes))
  for (let r = 0; r < RATES_MIB.length; r++) {
    for (let s = 0; s < sets.length; s++) {
      if (s > 0 && (sets[s] === sets[s - 1] || RATES_MIB[r] === 0)) break
      const one = { bytesPerSec: RATES_MIB[r] * MiB, workingSetBytes: sets[s] }
      const share = Math.min(1 - 1e-6, curveOf(one)(windowSec) / ramBytes)
      const likelihood = Math.exp(hits * Math.log(share) + (pages - hits) * Math.log(1 - share))
      cases.push({ ...one, weight: prior.rates[r] * (RATES_MIB[r] === 0 ? 1 : prior.sets[s]) * likelihood })
    }
  }
  const most = cases.reduce((sum, { weight }) => sum + weight, 0)
  if (!(most > 0)) return [{ bytesPerSec: sample.bytesPerSec, workingSetBytes: usedBytes, weight: 1 }]
  const likely = cases.filter(({ weight }) => weight > WEIGHT_MIN * most)
  const all = likely.reduce((sum, { weight }) => sum + weight, 0)
  return likely.map((one) => ({ ...one, weight: one.weight / all }))
}

/** A working set written in sequence, beside the guest's own little writing. */
export function curveOf({ bytesPerSec, workingSetBytes }: Omit<DirtyCase, 'weight'>): DirtyCurve {
  return (seconds) => Math.min(workingSetBytes, bytesPerSec * seconds) + IDLE_BYTES * (1 - Math.exp(-seconds / IDLE_SECONDS))
}

/** What `curveOf` levels off at. */
export function levelOf({ workingSetBytes }: Pick<DirtyCase, 'workingSetBytes'>): number {
  return workingSetBytes + IDLE_BYTES
}
