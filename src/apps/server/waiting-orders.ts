/** Orders of a turn whose VMs' facts are being read: each begins as soon as they are there, judged anew. */
import type { OrderId } from '../../terms/ids.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import type { Refused } from '../../terms/ranking.ts'
import { MINUTE_MS } from '../../terms/units.ts'
import type { Clock } from '../../world/clock.ts'
import { HypervisorError } from '../../world/errors.ts'
import type { Hypervisor } from '../../world/hypervisor.ts'

/** No order waits longer: what it was decided on is too old then. */
const WAITING_MS = MINUTE_MS

export class WaitingOrders {
  private readonly orders = new Map<OrderId, MigrationOrder>()
  private readonly clock: Pick<Clock, 'now'>

  constructor(clock: Pick<Clock, 'now'>) {
    this.clock = clock
  }

  /** In place of an older one for the same VM. What its turn is told. */
  add(order: MigrationOrder, why: string): Refused {
    for (const [id, { vmId }] of this.orders) if (vmId === order.vmId) this.orders.delete(id)
    this.orders.set(order.id, order)
    const reason = `It waits for facts to promise with, and begins as soon as they are there. ${why}`
    return { kind: 'refused', lacking: 'does-not-converge', shortBy: 1, reason }
  }

  remove(id: OrderId): void {
    this.orders.delete(id)
  }

  clear(): void {
    this.orders.clear()
  }

  /** Begins those that need not wait any more, one after the other. Rejects with a `StoreError`.
   *  @param promises say of each why it still has to wait; undefined: it need not
   *  @param told of each that has begun, or has not because of an error */
  async begin(
    moving: Hypervisor,
    promises: { whyWaiting(order: MigrationOrder): string | undefined },
    told: (order: MigrationOrder, error?: HypervisorError) => Promise<void>,
  ): Promise<void> {
    for (const [id, order] of this.orders) {
      const isOld = this.clock.now() - order.decidedAt > WAITING_MS
      if (!isOld && promises.whyWaiting(order) !== undefined) continue
      this.orders.delete(id)
      if (isOld) continue
      try {
        if ((await moving.preflight(order)).kind === 'refused') continue
        await moving.begin(order)
        await told(order)
      } catch (error) {
        if (!(error instanceof HypervisorError)) throw error
        await told(order, error)
      }
    }
  }
}
