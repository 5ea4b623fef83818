import type { OrderId } from '../../terms/ids.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import { type EpochMs, MINUTE_MS } from '../../terms/units.ts'

/** A proposal that nobody took up for so long is no proposal any more. */
export const PROPOSAL_MS = 30 * MINUTE_MS
const PROPOSALS_MOST = 1000

/** What the policy would do and has not done, for people to approve one by one. */
export interface Proposal {
  readonly order: MigrationOrder
  /** Why it was not carried out at once. Absent: nobody carries anything out. */
  readonly held?: string
}

export class Proposals {
  private readonly byId = new Map<OrderId, Proposal>()

  /** In place of an older one for the same VM. */
  add(order: MigrationOrder, held?: string): void {
    for (const [id, { order: older }] of this.byId) if (older.vmId === order.vmId) this.byId.delete(id)
    this.byId.set(order.id, { order, ...(held === undefined ? {} : { held }) })
    for (const id of this.byId.keys()) {
      if (this.byId.size <= PROPOSALS_MOST) break
      this.byId.delete(id)
    }
  }

  find(id: OrderId, now: EpochMs): Proposal | undefined {
    const found = this.byId.get(id)
    return found !== undefined && isGood(found, now) ? found : undefined
  }

  remove(id: OrderId): void {
    this.byId.delete(id)
  }

  /** Lets go of what is too old. */
  forget(now: EpochMs): void {
    for (const [id, proposal] of this.byId) if (!isGood(proposal, now)) this.byId.delete(id)
  }

  /** Newest first. */
  list(now: EpochMs): readonly Proposal[] {
    return [...this.byId.values()].filter((proposal) => isGood(proposal, now)).toReversed()
  }
}

function isGood({ order }: Proposal, now: EpochMs): boolean {
  return now - order.decidedAt < PROPOSAL_MS
}
