import type { EpochMs } from '../../terms/units.ts'

/** Names of which a bucket is remembered: beyond them the fullest are forgotten, which is to say all. */
const NAMES_MAX = 10_000

interface Bucket {
  tokens: number
  at: EpochMs
}

/** Token buckets by name: one token every `everyMs`, at most `burst` saved up. */
export class Buckets {
  private readonly everyMs: number
  private readonly burst: number
  private readonly buckets = new Map<string, Bucket>()

  constructor({ everyMs, burst }: { readonly everyMs: number; readonly burst: number }) {
    this.everyMs = everyMs
    this.burst = burst
  }

  /** Takes a token; false if there is none. A clock that goes back gives none. */
  take(name: string, at: EpochMs): boolean {
    if (this.buckets.size >= NAMES_MAX) this.buckets.clear()
    const bucket = this.buckets.get(name) ?? { tokens: this.burst, at }
    bucket.tokens = Math.min(this.burst, bucket.tokens + Math.max(0, at - bucket.at) / this.everyMs)
    bucket.at = at
    this.buckets.set(name, bucket)
    if (bucket.tokens < 1) return false
    bucket.tokens--
    return true
  }
}
