/** The platform as turns see it where somebody moves VMs: each order is proposed, waits for facts, or is handed on, as the desk says of it. */
import { WARNING_BEGIN } from '../../engine/migration/move-alerts.ts'
import type { Inventory } from '../../terms/cluster.ts'
import type { OrderId } from '../../terms/ids.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import type { Verdict } from '../../terms/ranking.ts'
import { HypervisorError } from '../../world/errors.ts'
import type { Hypervisor } from '../../world/hypervisor.ts'
import type { EvacuationBoard } from './evacuation-board.ts'
import type { PromiseDesk } from './promise-desk.ts'
import type { WaitingOrders } from './waiting-orders.ts'

/** What a desk says of orders. */
export interface DeskWord {
  /** Why an order is proposed and not carried out; undefined: it is carried out. */
  readonly whyProposed: (order: MigrationOrder) => string | undefined
  readonly propose: (order: MigrationOrder, held?: string) => Promise<void>
  readonly judge: (order: MigrationOrder, inventory: Inventory) => Verdict
  /** Tells by two looks whether another move has begun. */
  readonly underWay: () => string
  /** An order was handed on. */
  readonly begun: (order: MigrationOrder) => Promise<void>
  readonly changed: () => void
  readonly waiting: WaitingOrders
  readonly emptied: EvacuationBoard
  readonly promises?: Pick<PromiseDesk, 'whyWaiting'>
}

/** Orders are proposals. */
export function proposing(seen: Hypervisor, { propose, whyProposed }: Pick<DeskWord, 'propose' | 'whyProposed'>) {
  return {
    name: seen.name,
    inventory: () => seen.inventory(),
    preflight: (order) => seen.preflight(order),
    cancel: (vmId) => seen.cancel(vmId),
    begin: async (order) => {
      await seen.begin(order)
      await propose(order, whyProposed(order))
    },
  } satisfies Hypervisor
}

/** @param moving carries orders out; `seen` is the platform below it */
export function proposingOrMoving(seen: Hypervisor, moving: Hypervisor, desk: DeskWord): Hypervisor {
  const asProposals = proposing(seen, desk)
  const judgedWith = new Map<OrderId, string>()
  return {
    name: moving.name,
    inventory: () => moving.inventory(),
    preflight: async (order) => {
      if (desk.whyProposed(order) !== undefined) return seen.preflight(order)
      const waits = desk.promises?.whyWaiting(order)
      const inventory = await seen.inventory()
      const checked = waits === undefined ? desk.judge(order, inventory) : desk.waiting.add(order, waits)
      judgedWith.set(order.id, desk.underWay())
      const verdict = checked.kind === 'refused' ? checked : await moving.preflight(order)
      if (desk.emptied.judged(order, verdict)) desk.changed()
      // What the policy may not do by itself, a person may still want.
      if (
        verdict.kind === 'refused' &&
        (verdict.lacking === 'does-not-converge' || verdict.reason.startsWith(WARNING_BEGIN))
      )
        await desk.propose(order, verdict.reason)
      return verdict
    },
    begin: async (order) => {
      if (desk.whyProposed(order) !== undefined) return asProposals.begin(order)
      if (desk.underWay() !== judgedWith.get(order.id)) {
        // While it was looked at, a person approved another.
        const checked = desk.judge(order, await seen.inventory())
        if (checked.kind === 'refused') throw new HypervisorError('refused', checked.reason)
      }
      await desk.emptied.begun(order, moving.begin(order)).finally(() => desk.changed())
      await desk.begun(order)
    },
    cancel: (vmId) => moving.cancel(vmId),
  }
}
