/** A person's yes to a proposal: judged anew on what is seen now, and carried out once, however often and after however many starts it is said. */
import type { Mover } from '../../loop/mover.ts'
import type { Inventory } from '../../terms/cluster.ts'
import type { OrderId } from '../../terms/ids.ts'
import type { MigrationIntent, MoveCause } from '../../terms/intent.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import type { Refused, Verdict } from '../../terms/ranking.ts'
import { SECOND_MS } from '../../terms/units.ts'
import type { Clock } from '../../world/clock.ts'
import type { Hypervisor } from '../../world/hypervisor.ts'
import type { AskResult } from './controller-messages.ts'
import type { PromiseDesk } from './promise-desk.ts'
import type { Proposals } from './proposals.ts'
import type { SiteSettings } from './site-settings.ts'
import { whyNotStart } from './start-permit.ts'

/** A person waits for facts so long before a move is carried out without a promise. */
const FACTS_WAIT_MS = 15 * SECOND_MS

/** What there is to judge by and to act with, as it stands once settings have been read. A text: why nothing can be done. */
export type ApprovalGround =
  | string
  | {
      readonly mover: Mover
      readonly settings: SiteSettings
      readonly seen: Hypervisor
      readonly promises?: PromiseDesk
    }

export interface ApprovalsOptions {
  readonly clock: Pick<Clock, 'now'>
  readonly proposals: Proposals
  /** Reads what people want now. Rejects with a `StoreError`. */
  readonly ground: () => Promise<ApprovalGround>
  readonly judge: (order: MigrationOrder, inventory: Inventory) => Verdict
  /** Told of an order that was begun. */
  readonly begun: (order: MigrationOrder) => Promise<void>
  /** What somebody said against it, as an answer; undefined: nothing stands. */
  readonly objectionTo: (id: OrderId, proposed?: MigrationOrder) => AskResult | undefined
  readonly intentOf: (order: MigrationOrder, cause: MoveCause) => MigrationIntent | Refused
}

export class Approvals {
  private readonly options: ApprovalsOptions
  /** Answers that people wait for: an order is approved once. */
  private readonly underWay = new Set<OrderId>()

  constructor(options: ApprovalsOptions) {
    this.options = options
  }

  isUnderWay(id: OrderId): boolean {
    return this.underWay.has(id)
  }

  /** Rejects with a `StoreError`, or a `HypervisorError` where what hosts report can't be read. */
  async approve(id: OrderId, who: string): Promise<AskResult> {
    const { proposals, clock } = this.options
    const proposal = proposals.find(id, clock.now())
    const stands = this.options.objectionTo(id, proposal?.order)
    if (stands !== undefined) return stands
    if (proposal === undefined) return { kind: 'unknown' }
    if (this.underWay.has(id)) return refused(`Somebody is approving ${id} at this moment.`)
    this.underWay.add(id)
    try {
      return await this.carryOut(proposal.order, who)
    } finally {
      this.underWay.delete(id)
    }
  }

  /** Judged anew on what is seen now: half an hour may have passed between the two. */
  private async carryOut(proposed: MigrationOrder, who: string): Promise<AskResult> {
    const { proposals, clock, judge, intentOf } = this.options
    const now = clock.now()
    const order: MigrationOrder = { ...proposed, decidedAt: now, class: 'operator' }
    const cause: MoveCause = { kind: 'operator', who }
    const ground = await this.options.ground()
    if (typeof ground === 'string') return refused(ground)
    const { mover, settings, seen, promises } = ground
    const why = whyNotStart({ cause, order }, settings, now)
    if (why !== undefined) return refused(why)
    await promises?.facts.ask(order.vmId, order.from, FACTS_WAIT_MS)
    const inventory = await seen.inventory()
    // From here to the mover's own list of what is under way nothing is waited for: two orders can't both find the same room.
    const checked = judge(order, inventory)
    if (checked.kind === 'refused') return refused(checked.reason)
    const intent = intentOf(order, cause)
    if ('kind' in intent) return refused(intent.reason)
    const submission = await mover.submit(intent)
    // An order's id is good for one try: what was tried is no proposal any more, and the next turn may make another.
    if (mover.isKnown(order.id)) proposals.remove(order.id)
    if (submission.kind === 'refused') return refused(submission.refusal.reason)
    if (submission.kind === 'known') return refused(`${order.id} was tried before. See what came of it.`)
    await this.options.begun(order)
    return { kind: 'done', text: `${order.vmId} is on its way from ${order.from} to ${order.to}.` }
  }
}

function refused(reason: string): AskResult {
  return { kind: 'refused', reason }
}
