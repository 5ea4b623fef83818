/** People object to proposals, and take it back: once however often it is said, on record before it is answered, and by whoever was first. */
import type { OrderId } from '../../terms/ids.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import type { Verdict } from '../../terms/ranking.ts'
import { instantText } from '../../terms/shown.ts'
import { DAY_MS, type EpochMs } from '../../terms/units.ts'
import type { Clock } from '../../world/clock.ts'
import { StoreError } from '../../world/errors.ts'
import type { Store } from '../../world/store.ts'
import type { AskResult } from './controller-messages.ts'
import {
  encodeObjection,
  encodeObjectionEnd,
  type Objection,
  type ObjectionKind,
  Objections,
  OBJECTION_LINES,
  objectionView,
  OBJECTIONS_MOST,
  POSTPONED_MS_MAX,
  REJECTED_MS,
} from './objections.ts'
import { PROPOSAL_MS, type Proposals } from './proposals.ts'

/** What somebody says of a proposal. */
export interface ObjectionAsk {
  readonly kind: ObjectionKind
  readonly orderId: OrderId
  /** The person, however they came in: by token and by session they are one. */
  readonly who: string
  /** Of a postponement. */
  readonly until?: EpochMs
  readonly because?: string
}

export interface ObjectingOptions {
  readonly clock: Pick<Clock, 'now'>
  readonly journal: Pick<Store, 'append'> & { newest(spanMs: number, begin: string): Promise<readonly string[]> }
  readonly proposals: Proposals
  /** Somebody is carrying it out at this moment. */
  readonly isApproved: (id: OrderId) => boolean
  /** It was tried: what came of it, as people are shown it; undefined: it was not. */
  readonly triedAs: (id: OrderId) => object | undefined
  /** Nothing begins that waits for facts. */
  readonly withdraw: (id: OrderId) => void
}

export class Objecting {
  readonly standing = new Objections()
  private readonly options: ObjectingOptions
  /** One after the other: two who speak at once are one who was first and one who was not. */
  private turn: Promise<unknown> = Promise.resolve()
  /** What the journal has to be told anew. */
  private unwritten: readonly Objection[] = []

  constructor(options: ObjectingOptions) {
    this.options = options
  }

  /** What the journal tells. Rejects with a `StoreError`. */
  async open(): Promise<void> {
    const { journal, clock } = this.options
    this.standing.adopt(await journal.newest(POSTPONED_MS_MAX + DAY_MS, OBJECTION_LINES), clock.now())
  }

  clockStepped(steppedMs: number): void {
    const later = this.standing.clockStepped(steppedMs)
    const vms = new Set(later.map(({ order }) => order.vmId))
    this.unwritten = [...this.unwritten.filter(({ order }) => !vms.has(order.vmId)), ...later]
  }

  /** The answer to who wants an order all the same; undefined: nobody objects. A no to one move of a VM holds against every other proposal of it. */
  whatStands(id: OrderId, proposed?: MigrationOrder): AskResult | undefined {
    const objection = this.objectionTo(id, proposed)
    return objection === undefined ? undefined : stands(objection)
  }

  /** Rejects with a `StoreError`: then nothing was said. */
  object(ask: ObjectionAsk): Promise<AskResult> {
    return this.inTurn(() => this.objectNow(ask))
  }

  /** Whoever may object may take it back, another's too: both are in the audit. Rejects with a `StoreError`. */
  lift(ask: Pick<ObjectionAsk, 'kind' | 'orderId' | 'who'>): Promise<AskResult> {
    return this.inTurn(() => this.liftNow(ask))
  }

  /** Postponed moves whose time has come are proposed again, where they are still right. What the store did not take is tried again. */
  async wake(judge: (order: MigrationOrder) => Promise<Verdict>): Promise<boolean> {
    return this.inTurn(async () => {
      const { clock, proposals } = this.options
      const ended = this.standing.ended(clock.now())
      for (const objection of ended) {
        const { order, who, until } = objection
        const at = clock.now()
        // As an approval would look at it: a person asks for it, and it need not have rested since it was proposed first.
        const verdict = await judge({ ...order, decidedAt: at, class: 'operator' })
        const reason = verdict.kind === 'fits' ? 'proposed again' : verdict.reason
        if (!(await this.tryAppend(encodeObjectionEnd(objection, { what: 'ended', at, reason })))) return false
        this.standing.remove(objection)
        if (verdict.kind === 'refused' || this.options.triedAs(order.id) !== undefined) continue
        proposals.add({ ...order, decidedAt: at }, `${who} postponed it until ${instantText(until)}, which has come.`)
      }
      this.standing.forget(clock.now())
      await this.rewrite()
      return ended.length > 0
    })
  }

  private async objectNow(ask: ObjectionAsk): Promise<AskResult> {
    const { clock, proposals, journal, isApproved, triedAs, withdraw } = this.options
    const { orderId, who, kind, because } = ask
    const now = clock.now()
    const proposal = proposals.find(orderId, now)
    const before = this.objectionTo(orderId, proposal?.order)
    if (before !== undefined && before.who !== who) return stands(before)
    const until = kind === 'rejected' ? now + REJECTED_MS : (ask.until ?? now)
    if (before?.what === kind && (kind === 'rejected' || before.until === until))
      return { ...done(before), isRepeated: true }
    const order = before?.order ?? proposal?.order
    if (order === undefined) return this.sayGone(triedAs(orderId))
    if (isApproved(orderId)) return { kind: 'refused', reason: `Somebody is approving ${orderId} at this moment.` }
    if (kind === 'postponed' && (until <= now || until > now + POSTPONED_MS_MAX))
      return { kind: 'refused', reason: `${instantText(until)} is not ahead, or further than seven days.` }
    if (before === undefined && this.standing.size >= OBJECTIONS_MOST)
      return { kind: 'refused', reason: `${OBJECTIONS_MOST} objections stand already: take some back first.` }
    const held = before?.held ?? proposal?.held
    const reasons = { ...(because === undefined ? {} : { because }), ...(held === undefined ? {} : { held }) }
    const objection: Objection = { order, what: kind, who, at: now, until, ...reasons }
    // It holds from here on: nothing begins while it is written.
    const other = this.standing.on(order.vmId, now)
    this.standing.put(objection)
    proposals.remove(orderId)
    withdraw(orderId)
    try {
      await journal.append(encodeObjection(objection))
    } catch (error) {
      this.standing.remove(objection)
      if (other !== undefined) this.standing.put(other)
      if (proposal !== undefined) proposals.add(order, proposal.held)
      throw error
    }
    return done(objection)
  }

  private objectionTo(id: OrderId, proposed: MigrationOrder | undefined): Objection | undefined {
    const now = this.options.clock.now()
    return this.standing.find(id, now) ?? (proposed && this.standing.on(proposed.vmId, now))
  }

  private async liftNow({ kind, orderId, who }: Pick<ObjectionAsk, 'kind' | 'orderId' | 'who'>): Promise<AskResult> {
    const { clock, journal, proposals } = this.options
    const at = clock.now()
    const objection = this.standing.find(orderId, at)
    if (objection?.what !== kind) return { kind: 'unknown' }
    await journal.append(encodeObjectionEnd(objection, { what: 'lifted', at, who }))
    this.standing.remove(objection)
    const { order, held } = objection
    if (at < order.decidedAt + PROPOSAL_MS) proposals.add(order, held)
    return { kind: 'done', text: `The policy may move ${order.vmId} again.` }
  }

  private sayGone(tried: object | undefined): AskResult {
    if (tried === undefined) return { kind: 'unknown' }
    return { kind: 'refused', reason: 'It is no proposal any more: it was carried out, or tried.', stands: tried }
  }

  private async rewrite(): Promise<void> {
    for (const objection of this.unwritten) {
      const isThere = this.standing.on(objection.order.vmId, objection.at) === objection
      if (isThere && !(await this.tryAppend(encodeObjection(objection)))) return
      this.unwritten = this.unwritten.filter((other) => other !== objection)
    }
  }

  private async tryAppend(line: string): Promise<boolean> {
    try {
      await this.options.journal.append(line)
      return true
    } catch (error) {
      if (error instanceof StoreError) return false
      throw error
    }
  }

  private inTurn<T>(act: () => Promise<T>): Promise<T> {
    const result = this.turn.then(act)
    this.turn = result.catch(() => undefined)
    return result
  }
}

function done(objection: Objection): Extract<AskResult, { readonly kind: 'done' }> {
  const { order, what, until } = objection
  const next = what === 'rejected' ? 'is not proposed again before' : 'is looked at again at'
  const text = `${order.vmId} stays on ${order.from}: its move is ${what}, and ${next} ${instantText(until)}.`
  return { kind: 'done', text, stands: objectionView(objection) }
}

function stands(objection: Objection): AskResult {
  const { who, what, at } = objection
  const reason = `${who} ${what} it at ${instantText(at)}.`
  return { kind: 'refused', reason, stands: objectionView(objection) }
}
