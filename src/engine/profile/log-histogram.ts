/** Buckets grow by this factor, so that a quantile is at most 2 % off: the middle of a bucket stands for all of it. */
const GROWTH = 1.04
const LOWEST = 0.001
const BUCKETS = 360
const LOG_GROWTH = Math.log(GROWTH)

/** Time spent at each level, in buckets that grow by 4 %: from 0.001 to 1 300. What is lower counts as zero, what is higher as the highest. */
export class LogHistogram {
  private readonly weights = new Float32Array(BUCKETS + 1)
  private total = 0

  clear(): void {
    this.weights.fill(0)
    this.total = 0
  }

  add(value: number, weight: number): void {
    this.weights[bucketOf(value)] += weight
    this.total += weight
  }

  merge(other: LogHistogram): void {
    for (let i = 0; i <= BUCKETS; i++) this.weights[i] += other.weights[i]
    this.total += other.total
  }

  /** What is in it: bucket and weight, of those that hold anything. */
  save(): readonly number[] {
    const pairs: number[] = []
    for (let i = 0; i <= BUCKETS; i++) if (this.weights[i] > 0) pairs.push(i, this.weights[i])
    return pairs
  }

  /** Takes back what was saved; false, and it is empty then, if it can't be that. */
  restore(pairs: Iterable<number>): boolean {
    this.clear()
    const all = [...pairs]
    for (let i = 0; i < all.length; i += 2) {
      const [bucket, weight] = [all[i], all[i + 1]]
      if (!(Number.isInteger(bucket) && bucket >= 0 && bucket <= BUCKETS && weight > 0 && weight < Infinity)) {
        this.clear()
        return false
      }
      this.weights[bucket] += weight
      this.total += weight
    }
    return true
  }

  /** The value that is not exceeded in this share of the weight; NaN if there is none. */
  quantile(share: number): number {
    if (this.total <= 0) return Number.NaN
    let seen = 0
    for (let i = 0; i <= BUCKETS; i++) {
      seen += this.weights[i]
      if (seen >= share * this.total * (1 - 1e-6)) return i === 0 ? 0 : LOWEST * GROWTH ** (i - 0.5)
    }
    return LOWEST * GROWTH ** BUCKETS
  }
}

function bucketOf(value: number): number {
  if (!(value >= LOWEST)) return 0
  return Math.min(BUCKETS, 1 + Math.floor(Math.log(value / LOWEST) / LOG_GROWTH))
}
