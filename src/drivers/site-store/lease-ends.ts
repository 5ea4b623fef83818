import type { EpochMs } from '../../terms/units.ts'

/** A lease that another holds, as it was seen. */
interface SeenLease {
  readonly token: number
  readonly endsAt: EpochMs
}

/** An end further ahead than so many lengths of a lease was not reckoned by a clock like ours. */
const LENGTHS_MAX = 2

/** Ends that were reckoned while a clock was far ahead: they would keep everybody else out until then. Whoever lives prolongs a lease several times
 *  within its length, so one that nobody has prolonged for a whole length has no holder any more, whatever end it names. */
export class FarEnds {
  private readonly seen = new Map<string, SeenLease & { readonly since: EpochMs }>()

  /** The lease under this name that is to be ignored, as it was seen. Undefined: none. */
  overdue(name: string, at: EpochMs, forMs: number): SeenLease | undefined {
    const seen = this.seen.get(name)
    // Asked anew whether it lies far ahead: it was the clock that noted it that was behind, if it does no longer.
    const isFar = seen !== undefined && seen.endsAt - at > LENGTHS_MAX * forMs
    return isFar && at - seen.since > forMs ? seen : undefined
  }

  /** Notes a lease that was not to be had. */
  refused(name: string, lease: SeenLease, { at, forMs }: { readonly at: EpochMs; readonly forMs: number }): void {
    const { token, endsAt } = lease
    const before = this.seen.get(name)
    if (endsAt - at <= LENGTHS_MAX * forMs) this.seen.delete(name)
    else if (before?.token !== token || before.endsAt !== endsAt || at < before.since)
      this.seen.set(name, { token, endsAt, since: at })
  }

  /** Notes that it was taken, and is ours. */
  taken(name: string): void {
    this.seen.delete(name)
  }
}
