/** Token buckets by name, which bound what one guest, one address or all together may ask. Pure: time is handed in. */
import type { EpochMs } from '../../terms/units.ts'

export interface BucketLimits {
  /** One token comes back every so many milliseconds. */
  readonly everyMs: number
  /** Most tokens that are saved up. */
  readonly burst: number
  /** Names of which a bucket is remembered: bounded memory against somebody with many addresses. */
  readonly namesMax?: number
}

interface Bucket {
  tokens: number
  at: EpochMs
}

/** Names that are remembered, unless the limits say otherwise. */
const NAMES_MAX = 20_000

export class Buckets {
  private readonly limits: BucketLimits
  /** The name that was asked about last stands last. */
  private readonly buckets = new Map<string, Bucket>()

  constructor(limits: BucketLimits) {
    this.limits = limits
  }

  /** Takes `count` tokens. Returns 0, or how long to wait until there are as many, in ms; then none is taken. A clock that goes back
   *  gives none. What is asked for beyond the burst is granted from a full bucket, and owed. */
  take(name: string, at: EpochMs, count = 1): number {
    const bucket = this.fill(name, at)
    const wanted = Math.min(count, this.limits.burst)
    if (bucket.tokens < wanted) return Math.ceil((wanted - bucket.tokens) * this.limits.everyMs)
    bucket.tokens -= count
    return 0
  }

  private fill(name: string, at: EpochMs): Bucket {
    const { everyMs, burst } = this.limits
    const bucket = this.buckets.get(name) ?? { tokens: burst, at }
    bucket.tokens = Math.min(burst, bucket.tokens + Math.max(0, at - bucket.at) / everyMs)
    bucket.at = at
    this.buckets.delete(name)
    if (this.buckets.size >= (this.limits.namesMax ?? NAMES_MAX)) this.forgetOldest()
    this.buckets.set(name, bucket)
    return bucket
  }

  /** Whoever was silent longest is most likely full again. */
  private forgetOldest(): void {
    const [oldest] = this.buckets.keys()
    if (oldest !== undefined) this.buckets.delete(oldest)
  }
}
