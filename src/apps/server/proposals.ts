/** What the policy would do and has not done, for people to approve one by one; kept in the journal, so that a start finds them again. */
import type { OrderId } from '../../terms/ids.ts'
import { type MigrationOrder, parseMigrationOrder } from '../../terms/move.ts'
import { ParseError, parseFields, parseJson, parseOptional, parseText } from '../../terms/parse.ts'
import { type EpochMs, MINUTE_MS } from '../../terms/units.ts'
import { StoreError } from '../../world/errors.ts'
import type { Store } from '../../world/store.ts'

/** A proposal that nobody took up for so long is no proposal any more. */
export const PROPOSAL_MS = 30 * MINUTE_MS
const PROPOSALS_MOST = 1000
/** Begins the journal's line of a proposal. */
export const PROPOSAL_LINES = '{"kind":"proposal"'
const HELD_LENGTH_MAX = 2000

export interface Proposal {
  readonly order: MigrationOrder
  /** Half an hour after it was decided, later where the clock was set forward since. */
  readonly endsAt: EpochMs
  /** Why it was not carried out at once. Absent: nobody carries anything out. */
  readonly held?: string
}

export class Proposals {
  private readonly byId = new Map<OrderId, Proposal>()
  /** Those of which the journal does not tell yet, or not as they are now. */
  private readonly unwritten = new Set<OrderId>()
  private writing: Promise<void> = Promise.resolve()

  /** In place of an older one for the same VM. It is on record after the next `write`. */
  add(order: MigrationOrder, held?: string): void {
    const reason = held?.slice(0, HELD_LENGTH_MAX)
    const was = this.byId.get(order.id)
    const endsAt = was?.endsAt ?? order.decidedAt + PROPOSAL_MS
    this.put({ order, endsAt, ...(reason === undefined ? {} : { held: reason }) })
    if (was === undefined || was.held !== reason) this.unwritten.add(order.id)
  }

  /** Takes over what the journal tells, oldest first. A line that can't be read is passed over: a later turn proposes anew.
   *  @param isOver whether an order was tried, or its VM is to stay: asked of the newest of each VM, for the older ones ended with it */
  adopt(lines: Iterable<string>, now: EpochMs, isOver: (order: MigrationOrder) => boolean): void {
    for (const line of lines) {
      const proposal = readProposal(line)
      if (proposal !== undefined && isGood(proposal, now)) this.put(proposal)
    }
    for (const { order } of this.byId.values()) if (isOver(order)) this.remove(order.id)
  }

  /** Puts on record what is not yet. Never rejects: what the store did not take is tried again the next time. */
  write(journal: Pick<Store, 'append'>, now: EpochMs): Promise<void> {
    this.writing = this.writing.then(() => this.writeAll(journal, now))
    return this.writing
  }

  find(id: OrderId, now: EpochMs): Proposal | undefined {
    const found = this.byId.get(id)
    return found !== undefined && isGood(found, now) ? found : undefined
  }

  remove(id: OrderId): void {
    this.byId.delete(id)
    this.unwritten.delete(id)
  }

  /** The clock was set forward by so much: what was good for a while is good for as long. */
  clockStepped(steppedMs: number): void {
    for (const [id, proposal] of this.byId) this.byId.set(id, { ...proposal, endsAt: proposal.endsAt + steppedMs })
  }

  /** Lets go of what is too old. */
  forget(now: EpochMs): void {
    for (const [id, proposal] of this.byId) if (!isGood(proposal, now)) this.remove(id)
  }

  /** Newest first. */
  list(now: EpochMs): readonly Proposal[] {
    return [...this.byId.values()].filter((proposal) => isGood(proposal, now)).toReversed()
  }

  private put(proposal: Proposal): void {
    const { id: newest, vmId } = proposal.order
    for (const [id, { order: older }] of this.byId) if (older.vmId === vmId && id !== newest) this.remove(id)
    this.byId.delete(newest)
    this.byId.set(newest, proposal)
    for (const id of this.byId.keys()) {
      if (this.byId.size <= PROPOSALS_MOST) break
      this.remove(id)
    }
  }

  private async writeAll(journal: Pick<Store, 'append'>, now: EpochMs): Promise<void> {
    for (const id of this.unwritten) {
      const proposal = this.byId.get(id)
      try {
        if (proposal !== undefined) await journal.append(encodeProposal(proposal, now))
      } catch (error) {
        if (error instanceof StoreError) return
        throw error
      }
      // Said otherwise meanwhile, it is written once more.
      if (this.byId.get(id) === proposal) this.unwritten.delete(id)
    }
  }
}

function encodeProposal({ order, held }: Proposal, at: EpochMs): string {
  return JSON.stringify({ kind: 'proposal', at, order, ...(held === undefined ? {} : { held }) })
}

/** Undefined: the line tells of something else, or can't be read. */
function readProposal(line: string): Proposal | undefined {
  if (!line.startsWith(PROPOSAL_LINES)) return undefined
  try {
    const fields = parseFields(parseJson(line, 'journal'), 'journal')
    const held = parseOptional(fields['held'], (text) => parseText(text, 'journal.held', HELD_LENGTH_MAX))
    const order = parseMigrationOrder(fields['order'], 'journal.order')
    return { order, endsAt: order.decidedAt + PROPOSAL_MS, ...(held === undefined ? {} : { held }) }
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}

function isGood({ endsAt }: Proposal, now: EpochMs): boolean {
  return now < endsAt
}
