/** How much CPU each VM wants, in mean and spread, with what other VMs teach about those of which little is known. */
import type { Vm } from '../../terms/vm.ts'
import { vmSizeRefCores } from '../../terms/vm.ts'

/** Weight of what is typical for the cluster against a VM's own samples, in samples, for its level. Of 1, 3, 5, 6
 *  and 8 tried on PlanetLab 20110303 none stood out from the noise of broken ties. */
const PRIOR_SAMPLES = 3
/** The same for its spread, which needs far more: a VM that has been quiet for hours may still jump, as others of its size do, and
 *  a planner that believes in quiet collects just those that were lucky. Of
 *  3, 15, 40, 50, 60 and 100 tried on five PlanetLab days, 40 to 100 did alike and 1 to 2 % of energy better than 3. */
export const PRIOR_SAMPLES_SPREAD = 50
/** A sample counts half as much as one this many windows later. Of 4 to 48 windows and no
 *  fading at all tried on five PlanetLab days, 8 to 12 did alike and best. */
export const HALF_LIFE_WINDOWS = 8
/** A level known from few samples is itself in doubt: variance is raised by this over one more than the samples.
 *  On PlanetLab 20110306 errors of the first hour were 1.4 times, later 1.1 times what the samples' own spread said. */
const LEVEL_DOUBT = 3
/** Variance of CPU share (of VM size) between windows where nobody has two samples yet: a careful
 *  guess, more than the 0.006 to 0.008 that PlanetLab's days show. */
const VARIANCE_UNKNOWN = 0.012
/** Share of its size that a VM wants where nobody has a sample yet. */
const SHARE_UNKNOWN = 0.2

/** Columns parallel to the roster of VMs, in reference cores. */
export interface Levels {
  /** Most a VM can want: its size. */
  readonly size: Float64Array
  /** Expected demand. */
  readonly mean: Float64Array
  /** Variance of demand between windows, in square reference cores. */
  readonly variance: Float64Array
  /** Samples of the look-back that were present. */
  readonly samples: Uint16Array
  /** Latest sample, or the mean where it is absent. */
  readonly last: Float64Array
}

/** Shapes: `history` holds columns of `vms.length` reference cores, oldest first; NaN is absent. Mean and variance are drawn towards the
 *  cluster's (empirical Bayes), as if each VM had some more samples that were typical: a VM seen once and quiet may just have been lucky. */
export function measureLevels(vms: readonly Vm[], history: readonly Float32Array[]): Levels {
  const n = vms.length
  const size = new Float64Array(n)
  const mean = new Float64Array(n)
  const variance = new Float64Array(n)
  const samples = new Uint16Array(n)
  for (let i = 0; i < n; i++) size[i] = vmSizeRefCores(vms[i])
  const weights = new Float64Array(n)
  history.forEach((column, k) => {
    const weight = 2 ** ((k + 1 - history.length) / HALF_LIFE_WINDOWS)
    for (let i = 0; i < n; i++) {
      const demand = column[i]
      if (demand !== demand) continue
      samples[i]++
      weights[i] += weight
      mean[i] += weight * demand
      variance[i] += weight * demand * demand
    }
  })
  for (let i = 0; i < n; i++) {
    if (samples[i] === 0) continue
    mean[i] *= samples[i] / weights[i]
    variance[i] *= samples[i] / weights[i]
  }
  const pooled = poolAndCentre(size, mean, variance, samples)
  shrink({ size, mean, variance, samples, last: mean }, pooled)
  const trend = clusterTrend(history)
  for (let i = 0; i < n; i++) mean[i] *= trend
  return { size, mean, variance, samples, last: latest(history, mean) }
}

interface Pooled {
  readonly share: number
  readonly shareVariance: number
}

/** Turns sums into means and variances, and returns what is typical per unit of size. */
function poolAndCentre(size: Float64Array, mean: Float64Array, variance: Float64Array, samples: Uint16Array): Pooled {
  let shares = 0
  let known = 0
  let shareVariances = 0
  let spread = 0
  for (let i = 0; i < size.length; i++) {
    const count = samples[i]
    if (count === 0) continue
    mean[i] /= count
    variance[i] = count > 1 ? Math.max(0, (variance[i] - count * mean[i] * mean[i]) / (count - 1)) : 0
    shares += mean[i] / size[i]
    known++
    if (count < 2) continue
    shareVariances += variance[i] / (size[i] * size[i])
    spread++
  }
  return {
    share: known > 0 ? shares / known : SHARE_UNKNOWN,
    shareVariance: spread > 0 ? shareVariances / spread : VARIANCE_UNKNOWN,
  }
}

function shrink(levels: Levels, pooled: Pooled): void {
  const { size, mean, variance, samples } = levels
  for (let i = 0; i < size.length; i++) {
    const weight = PRIOR_SAMPLES / (PRIOR_SAMPLES + samples[i])
    const spreadWeight = PRIOR_SAMPLES_SPREAD / (PRIOR_SAMPLES_SPREAD + samples[i])
    const ownVariance = samples[i] > 1 ? variance[i] : 0
    mean[i] = (1 - weight) * mean[i] + weight * pooled.share * size[i]
    const spread = (1 - spreadWeight) * ownVariance + spreadWeight * pooled.shareVariance * size[i] * size[i]
    variance[i] = spread * (1 + LEVEL_DOUBT / (samples[i] + 1))
  }
}

/** Windows that make up "lately": half an hour at five minutes each. */
const LATELY = 6
const TREND_MIN = 0.75
const TREND_MAX = 1.35

/** How the whole cluster stands lately against its look-back: one VM's rise is noise, a thousand VMs' rise is the morning, and it goes on.
 *  A factor on levels that already favour late samples, so that it carries the rise a little further. */
function clusterTrend(history: readonly Float32Array[]): number {
  if (history.length < 2 * LATELY) return 1
  let all = 0
  let lately = 0
  history.forEach((column, k) => {
    let total = 0
    for (let i = 0; i < column.length; i++) if (column[i] === column[i]) total += column[i]
    all += total / history.length
    if (k >= history.length - LATELY) lately += total / LATELY
  })
  return all > 0 ? Math.min(TREND_MAX, Math.max(TREND_MIN, lately / all)) : 1
}

function latest(history: readonly Float32Array[], mean: Float64Array): Float64Array {
  const last = Float64Array.from(mean)
  const newest = history.at(-1)
  if (newest === undefined) return last
  for (let i = 0; i < last.length; i++) if (newest[i] === newest[i]) last[i] = newest[i]
  return last
}
