/** How far hosts are emptied, told by what became of the orders: planned is not on its way. */
import type { MigrationInFlight } from '../../terms/cluster.ts'
import type { VmId } from '../../terms/ids.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import type { Verdict } from '../../terms/ranking.ts'
import { HypervisorError } from '../../world/errors.ts'
import type { Evacuation, EvacuationPlan } from './evacuation.ts'

export class EvacuationBoard {
  private plan: EvacuationPlan = { orders: [], evacuations: [] }
  /** VMs whose order of this plan did not begin, and why. */
  private readonly held = new Map<VmId, string>()

  /** What a turn planned, in place of what the one before did. */
  note(plan: EvacuationPlan): void {
    this.plan = plan
    this.held.clear()
  }

  /** Whether an order may begin. True: there is something new to tell. */
  judged({ vmId, class: kind }: MigrationOrder, verdict: Verdict): boolean {
    if (kind !== 'evacuation' || verdict.kind !== 'refused') return false
    this.held.set(vmId, verdict.reason)
    return true
  }

  /** An order's beginning, handed on as it ends. */
  async begun({ vmId, class: kind }: MigrationOrder, beginning: Promise<void>): Promise<void> {
    try {
      await beginning
      this.held.delete(vmId)
    } catch (error) {
      if (kind === 'evacuation' && error instanceof HypervisorError) this.held.set(vmId, error.message)
      throw error
    }
  }

  /** @param open moves that are under way */
  now(open: readonly Pick<MigrationInFlight, 'vmId'>[]): readonly Evacuation[] {
    const moving = new Set(open.map(({ vmId }) => vmId))
    return this.plan.evacuations.map((evacuation) => {
      const ordered = this.plan.orders.filter(({ from }) => from === evacuation.hostId)
      const waiting = ordered.filter(({ vmId }) => !moving.has(vmId))
      const held = waiting.flatMap(({ vmId }) => {
        const reason = this.held.get(vmId)
        return reason === undefined ? [] : [{ vmId, reason }]
      })
      return { ...evacuation, leaving: evacuation.leaving - waiting.length, stuck: [...evacuation.stuck, ...held] }
    })
  }
}
