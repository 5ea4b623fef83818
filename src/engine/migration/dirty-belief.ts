/** What page sampling tells of how a VM writes, and what it leaves open.
 *
 *  QEMU's `calc-dirty-rate` looks at 512 pages per GiB, at the start and at the end of a window, and reports the share that differs. In a small
 *  VM that is 64 pages: one of them is 2 MiB/s, and none does not mean that nothing is written. So one figure stands for many courses, each
 *  with its weight: Bayes' rule with a binomial likelihood. */
import { MiB } from '../../terms/units.ts'
import type { DirtyCurve } from './copy-course.ts'

export interface DirtySample extends DirtyWindow {
  /** Further windows: their pages count like those of the first. One of another length tells slow writing from a small working set. */
  readonly more?: readonly DirtyWindow[]
  readonly ramBytes: number
}

export interface DirtyWindow {
  /** As reported: distinct pages over the window. */
  readonly bytesPerSec: number
  readonly windowSec: number
}

/** One way in which the VM may write, and how likely it is. Weights of a belief sum to one. */
export interface DirtyCase {
  readonly bytesPerSec: number
  readonly workingSetBytes: number
  /** As most VMs write: what time and bytes are reckoned with. */
  readonly weight: number
  /** As if fast writers were as common as slow ones: what the verdict is reckoned with, since a start that never ends costs more. */
  readonly cautiousWeight: number
}

/** `DEFAULT_SAMPLE_PAGES` of QEMU. */
export const SAMPLED_PAGES_PER_GIB = 512
const PAGE_STANDS_FOR_BYTES = (1024 * MiB) / SAMPLED_PAGES_PER_GIB
/** An idle guest's own writing: it levels off at about this much, a bit at a time (measured on Debian guests). */
const IDLE_BYTES = 1.4 * MiB
const IDLE_SECONDS = 1.6
const RATES_MIB = [0, 0.5, 1, 1.4, 2, 2.8, 4, 5.7, 8, 11, 16, 20, 25, 32, 40, 50, 64, 90, 128, 181, 256, 512, 1024]
const WORKING_SETS_MIB = [2, 4, 8, 16, 32, 64, 96, 128, 256, 512, 1024, 4096, 16384, 65536]
/** With more sampled pages the figure is finer than the rates above, and stands beside them. */
const FINE_PAGES = 1024
/** A case this unlikely is left out: it could not move a median. */
const WEIGHT_MIN = 1e-3

/** How VMs write before one of them is looked at. Working sets are lognormal around `setMib`, or of every size alike where the spread has no end;
 *  rates level, and fewer above `rateMib`. */
interface DirtyPrior {
  readonly atRest: number
  readonly rateMib: number
  readonly setMib: number
  readonly setSpread: number
}

/** The typical one was chosen by errors of bytes in cross-validation on the recorded moves that the model is learned from; the cautious one by its likelihood
 *  on the moves recorded later (own-moves.csv), which are no hold-out for verdicts since. */
const TYPICAL: DirtyPrior = { atRest: 4, rateMib: 300, setMib: 64, setSpread: 0.7 }
const CAUTIOUS: DirtyPrior = { atRest: 1.5, rateMib: Infinity, setMib: 32, setSpread: Infinity }

type Way = Pick<DirtyCase, 'bytesPerSec' | 'workingSetBytes'>

/** @param usedBytes what the VM's pages hold: no working set is larger */
export function beliefOf(sample: DirtySample, usedBytes: number): readonly DirtyCase[] {
  const { ramBytes, more = [] } = sample
  const pages = Math.max(1, Math.round((SAMPLED_PAGES_PER_GIB * ramBytes) / (1024 * MiB)))
  const ways = waysOf(usedBytes, pages > FINE_PAGES ? sample.bytesPerSec : 0)
  const windows = [sample, ...more]
  const logs = ways.map((way) => {
    const curve = curveOf(way)
    return windows.reduce((sum, { bytesPerSec, windowSec }) => {
      const hits = Math.min(pages, ((bytesPerSec + unreported(windowSec)) * windowSec * pages) / ramBytes)
      const share = Math.min(1 - 1e-6, curve(windowSec) / ramBytes)
      return sum + hits * Math.log(share) + (pages - hits) * Math.log(1 - share)
    }, 0)
  })
  // Relative to the likeliest: of thousands of pages the likelihood itself is too small for a number.
  const most = Math.max(...logs)
  const cases = ways.map((way, i) => {
    const likelihood = Math.exp(logs[i] - most)
    return {
      ...way,
      weight: priorOf(way, TYPICAL) * likelihood,
      cautiousWeight: priorOf(way, CAUTIOUS) * likelihood,
    }
  })
  const all = sumOf(cases)
  const likely = cases.filter(
    (one) => one.weight > WEIGHT_MIN * all.weight || one.cautiousWeight > WEIGHT_MIN * all.cautious,
  )
  const kept = sumOf(likely)
  return likely.map((one) => ({
    ...one,
    weight: one.weight / kept.weight,
    cautiousWeight: one.cautiousWeight / kept.cautious,
  }))
}

/** QEMU tells whole MiB/s, rounded down. A page of the sample stands for 2 MiB, so windows of up to 2 s lose nothing; of longer ones the middle of what
 *  the figure may have been is taken. */
function unreported(windowSec: number): number {
  const step = PAGE_STANDS_FOR_BYTES / windowSec
  return Math.max(0, (MiB - step) / 2)
}

function sumOf(cases: readonly DirtyCase[]): { readonly weight: number; readonly cautious: number } {
  return {
    weight: cases.reduce((sum, { weight }) => sum + weight, 0),
    cautious: cases.reduce((sum, { cautiousWeight }) => sum + cautiousWeight, 0),
  }
}

function waysOf(usedBytes: number, measured: number): readonly Way[] {
  const sets = WORKING_SETS_MIB.map((size) => Math.min(size * MiB, usedBytes)).filter(
    (size, s, all) => s === 0 || size > all[s - 1],
  )
  const rates = RATES_MIB.map((rate) => rate * MiB)
  if (measured > 0) rates.push(measured)
  return rates.flatMap((bytesPerSec) =>
    (bytesPerSec === 0 ? [0] : sets).map((workingSetBytes) => ({ bytesPerSec, workingSetBytes })),
  )
}

function priorOf({ bytesPerSec, workingSetBytes }: Way, { atRest, rateMib, setMib, setSpread }: DirtyPrior): number {
  if (bytesPerSec === 0) return atRest
  const sets = Math.exp(-((Math.log(workingSetBytes / MiB / setMib) / setSpread) ** 2) / 2) / 3
  return sets / (1 + (bytesPerSec / MiB / rateMib) ** 2)
}

/** A working set written in sequence, beside the guest's own little writing. */
export function curveOf({ bytesPerSec, workingSetBytes }: Way): DirtyCurve {
  return (seconds) =>
    Math.min(workingSetBytes, bytesPerSec * seconds) + IDLE_BYTES * (1 - Math.exp(-seconds / IDLE_SECONDS))
}

/** What `curveOf` levels off at. */
export function levelOf({ workingSetBytes }: Way): number {
  return workingSetBytes + IDLE_BYTES
}
