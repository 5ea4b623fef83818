/** Hosts in use, sorted into bins by room left, so that the tightest host that could hold a VM is found without looking
 *  at all of them. */

/** Half of them for hosts with room, half for those filled beyond their limit. */
const BINS = 256
/** Hosts that already hold VMs and are asked whether they fit, before we are content with the best so far. */
export const ASKED_MAX = 48
/** Fitting hosts that are compared. */
export const FITTING_MAX = 8

export class HeadroomIndex {
  private readonly bins: number[][] = Array.from({ length: BINS }, () => [])
  /** Bin of each host, and its place there; -1 for a host that is not in the index. */
  private readonly binOf: Int16Array
  private readonly placeOf: Int32Array
  private readonly coresMax: number

  /** @param coresMax largest room of any host, in reference cores */
  constructor(hosts: number, coresMax: number) {
    this.binOf = new Int16Array(hosts).fill(-1)
    this.placeOf = new Int32Array(hosts).fill(-1)
    this.coresMax = coresMax
  }

  /** Puts the host where its room belongs; again whenever that changes. */
  place(host: number, roomCores: number): void {
    this.remove(host)
    const bin = this.binFor(roomCores)
    this.binOf[host] = bin
    this.placeOf[host] = this.bins[bin].push(host) - 1
  }

  /** Takes the host out. Does nothing where it is not in. */
  remove(host: number): void {
    const bin = this.binOf[host]
    if (bin < 0) return
    const hosts = this.bins[bin]
    const last = hosts[hosts.length - 1]
    hosts[this.placeOf[host]] = last
    this.placeOf[last] = this.placeOf[host]
    hosts.pop()
    this.binOf[host] = -1
  }

  /** The best-scoring among the first fitting hosts, tightest first; -1 where none fits.
   *  @param needCores least room a host must have to be worth asking
   *  @param judge score of a host, higher is better, or undefined where it is refused */
  best(needCores: number, judge: (host: number) => number | undefined): number {
    let asked = 0
    let fitting = 0
    let best = -1
    let bestScore = -Infinity
    for (let bin = this.binFor(needCores); bin < BINS; bin++) {
      for (const host of this.bins[bin]) {
        if (asked++ >= ASKED_MAX) return best
        const score = judge(host)
        if (score === undefined) continue
        fitting++
        if (score > bestScore || (score === bestScore && host < best)) {
          best = host
          bestScore = score
        }
        if (fitting >= FITTING_MAX) return best
      }
    }
    return best
  }

  /** The best-scoring among the first fitting hosts, roomiest first: for those who must leave wherever it may be; -1 where none fits. */
  roomiest(judge: (host: number) => number | undefined): number {
    let asked = 0
    let best = -1
    let bestScore = -Infinity
    for (let bin = BINS - 1; bin >= 0; bin--) {
      for (const host of this.bins[bin]) {
        if (asked++ >= FITTING_MAX) return best
        const score = judge(host)
        if (score === undefined || score < bestScore || (score === bestScore && host > best)) continue
        best = host
        bestScore = score
      }
    }
    return best
  }

  private binFor(roomCores: number): number {
    const bin = Math.floor(((roomCores / this.coresMax + 1) * BINS) / 2)
    return bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin
  }
}
