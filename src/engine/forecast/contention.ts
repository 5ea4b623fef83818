/** When will a host be asked for more than it has? Answered as a distribution, because nobody knows the minute. */
import type { TimeUntilContention } from '../../terms/turn.ts'
import type { Fraction } from '../../terms/units.ts'
import { normalCdf } from '../numbers.ts'
import type { HostLoads } from './host-loads.ts'

/** Kernel width per standard deviation of the sums: Silverman (1986), 1.06 n^(-1/5), at the 72 windows of six hours. */
const KERNEL_FACTOR = 0.45

/** How a host's demand over the whole horizon is told, for answers: by expected levels and their spread. */
export const LOAD_MODEL = 'levels-and-spread'

/** How contention is foreseen, for answers. */
export const CONTENTION_MODEL = 'look-back-kernel'

/** "The next hour looks like a stretch of the past": every start in the look-back is one possible future, run through the aligned sums
 *  (wrapping where the past is shorter than the horizon), each sum blurred by a kernel because the future never repeats exactly.
 *  @param limit demand above this is contention, in reference cores
 *  @param steps how many windows ahead */
export function predictContention(
  loads: HostLoads,
  host: number,
  limit: number,
  ahead: { readonly steps: number; readonly stepMs: number },
): TimeUntilContention {
  const { windows } = loads
  const cumulative = Array.from({ length: ahead.steps }, () => 0)
  if (windows === 0 || loads.count[host] === 0) return { stepMs: ahead.stepMs, cumulative }
  const calm = calmPerWindow(loads, host, limit)
  for (let start = 0; start < windows; start++) {
    let survival = 1
    for (let step = 0; step < ahead.steps; step++) {
      survival *= calm[(start + step) % windows]
      cumulative[step] += (1 - survival) / windows
    }
  }
  const median = cumulative.findIndex((probability) => probability >= 0.5)
  return { stepMs: ahead.stepMs, cumulative, ...(median < 0 ? {} : { medianMs: (median + 1) * ahead.stepMs }) }
}

/** Probability that it has begun within so long, straight between the steps; beyond the last of them, as at the last. */
export function probabilityWithin({ stepMs, cumulative }: TimeUntilContention, ms: number): Fraction {
  const steps = Math.min(ms / stepMs, cumulative.length)
  if (!(steps > 0)) return 0
  const whole = Math.floor(steps)
  const before = whole === 0 ? 0 : cumulative[whole - 1]
  return whole === cumulative.length ? before : before + (steps - whole) * (cumulative[whole] - before)
}

/** Probability of contention within the horizon only: the same numbers as `predictContention`'s last, without the list. */
export function contentionWithin(loads: HostLoads, host: number, limit: number, steps: number): number {
  const { windows } = loads
  if (windows === 0 || loads.count[host] === 0) return 0
  const calm = calmPerWindow(loads, host, limit)
  let probability = 0
  for (let start = 0; start < windows; start++) {
    let survival = 1
    for (let step = 0; step < steps; step++) survival *= calm[(start + step) % windows]
    probability += (1 - survival) / windows
  }
  return probability
}

/** Probability, per past window, that demand stays within the limit if that window came again. */
function calmPerWindow(loads: HostLoads, host: number, limit: number): Float64Array {
  const sd = loads.sd(host)
  const drift = loads.mean[host] - meanOfSums(loads, host)
  const width = Math.max(KERNEL_FACTOR * sd, 1e-9)
  const calm = new Float64Array(loads.windows)
  for (let k = 0; k < calm.length; k++) {
    const x = (limit - loads.sumAt(host, k) - drift) / width
    calm[k] = x > 6 ? 1 : normalCdf(x)
  }
  return calm
}

/** The expected level is drawn towards the cluster's while a VM is new; the sums are shifted by as much. */
function meanOfSums(loads: HostLoads, host: number): number {
  let total = 0
  for (let k = 0; k < loads.windows; k++) total += loads.sumAt(host, k)
  return total / loads.windows
}
