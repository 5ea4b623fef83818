/** The newest slots of each recorded host: as many as a forecast reaches. */
import type { EpochMs } from '../../../terms/units.ts'
import type { Foresight, HostRow } from './foresight-read.ts'

export class HostPast {
  private readonly byHost = new Map<string, HostRow[]>()
  /** Where a host was recorded last, hosts that are gone are forgotten after as long. */
  private readonly keepMs: number

  /** @param keepMs at least the longest horizon */
  constructor(keepMs: number) {
    this.keepMs = keepMs
  }

  /** Slots come in order; one that is told twice, or comes after a later one, changes nothing. */
  take({ at, rows }: Foresight): void {
    for (const [host, row] of rows) {
      const known = this.byHost.get(host)
      if (known === undefined) this.byHost.set(host, [row])
      else if (at > known[known.length - 1].at) {
        known.push(row)
        while (known[0].at < at - this.keepMs) known.shift()
      }
    }
    for (const [host, known] of this.byHost) if (known[known.length - 1].at < at - this.keepMs) this.byHost.delete(host)
  }

  /** Oldest first. */
  of(host: string): readonly HostRow[] {
    return this.byHost.get(host) ?? []
  }

  /** The row of exactly this slot. */
  at(host: string, at: EpochMs): HostRow | undefined {
    return this.of(host).findLast((row) => row.at === at)
  }
}

/** Contention, as the engine means it. */
export function isContended({ demand, capacity }: HostRow, highFraction: number): boolean {
  return demand > highFraction * capacity
}
