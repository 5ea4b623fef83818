import { HOUR_MS } from '../../../terms/units.ts'

/** Endings that are kept, the latest: some minutes of a busy guest, an hour of a quiet one. */
const ENDINGS = 256

/** Ages at which processes ended, the latest of the last hour. Those that came and went between two looks were never seen; they are
 *  kept as one ending with their number for its weight, for else the median would tell only of those that live long enough to be seen. */
export class Lifetimes {
  private readonly ageSec = new Float64Array(ENDINGS)
  private readonly weight = new Float64Array(ENDINGS)
  private readonly endedMs = new Float64Array(ENDINGS).fill(-Infinity)
  private readonly order: number[] = Array.from({ length: ENDINGS }, (_, i) => i)
  private next = 0

  /** @param atMs monotonic time of the look that found them gone */
  add(ageSec: number, weight: number, atMs: number): void {
    if (!(ageSec >= 0) || !(weight > 0)) return
    this.ageSec[this.next] = ageSec
    this.weight[this.next] = weight
    this.endedMs[this.next] = atMs
    this.next = (this.next + 1) % ENDINGS
  }

  /** The age that half of those that ended in the last hour did not reach; NaN if none ended. */
  medianSec(nowMs: number): number {
    return this.quantileSec(nowMs, 0.5)
  }

  /** The age that such a share of them did not reach. */
  quantileSec(nowMs: number, share: number): number {
    const { ageSec, weight, order } = this
    const isRecent = (i: number) => nowMs - this.endedMs[i] <= HOUR_MS
    let total = 0
    for (let i = 0; i < ENDINGS; i++) if (isRecent(i)) total += weight[i]
    if (total === 0) return Number.NaN
    order.sort((a, b) => ageSec[a] - ageSec[b])
    let below = 0
    for (const i of order) {
      if (!isRecent(i)) continue
      below += weight[i]
      if (below >= share * total) return ageSec[i]
    }
    return Number.NaN
  }
}

/** How long those live that come and go between two looks, which nobody sees. By Little's law their mean number is births per second times mean
 *  life, so the mean life is the number that one look caught and the next found gone, over births per second; half a process more,
 *  since catching none does not mean that they take no time; and no longer than half the span, or they would have been seen. */
export function unseenLifeSec(caught: number, birthsPerSec: number, spanMs: number): number {
  const spanSec = spanMs / 1000
  return birthsPerSec > 0 ? Math.min(spanSec / 2, (caught + 0.5) / birthsPerSec) : spanSec / 2
}
