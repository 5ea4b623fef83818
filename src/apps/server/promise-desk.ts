/** What is promised of moves before they begin, and what came of it: facts, the cost model, and the ledger that corrects it for each pair of hosts. */
import { completeFacts, paceOfRoute } from '../../engine/migration/complete-facts.ts'
import type { CostModel, MovePromise } from '../../engine/migration/cost-model.ts'
import { promiseMove } from '../../engine/migration/cost-model.ts'
import { afterLine, type IntentRecord } from '../../engine/migration/intent-record.ts'
import { bandwidthOf, type MoveConsent, termsOf } from '../../engine/migration/terms.ts'
import { encodeLedger, parseLedger, parseOpenMove } from '../../engine/learn/move-ledger-codec.ts'
import {
  closeMove,
  EMPTY_LEDGER,
  type MoveLedger,
  openMove,
  type OpenMove,
  promiseFor,
  type RealEnd,
} from '../../engine/learn/move-ledger.ts'
import type { OrderId } from '../../terms/ids.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import type { MoveFacts } from '../../terms/move-facts.ts'
import { readMoveLine } from '../../terms/move-record.ts'
import { ParseError, parseFields, parseJson } from '../../terms/parse.ts'
import type { Refused } from '../../terms/ranking.ts'
import { DAY_MS } from '../../terms/units.ts'
import type { MoverView } from '../../loop/mover-view.ts'
import type { Clock } from '../../world/clock.ts'
import type { Store } from '../../world/store.ts'
import type { VmFactsReader } from '../../world/vm-facts-reader.ts'
import { FactsDesk } from './facts-desk.ts'
import type { MoveAsked, TermsOf } from './moves-desk-options.ts'
import type { Proposal } from './proposals.ts'
import type { WantedFacts } from './wanted-facts.ts'

/** Begins every line of the journal that this desk reads or writes: of moves, of promises, and the ledger. */
export const MOVE_LINES = '{"kind":"move'
const PROMISE_BEGIN = '{"kind":"move-promise"'
const LEDGER_BEGIN = '{"kind":"move-ledger"'
/** The whole ledger is written down so often, so that a start finds it among what it reads for moves under way. */
const LEDGER_EVERY_MS = DAY_MS
/** Promises of orders that never began are let go. */
const PROMISED_MAX = 1000

export interface PromiseDeskOptions {
  readonly clock: Pick<Clock, 'now'>
  readonly journal: Pick<Store, 'append'>
  readonly model: CostModel
  readonly reader: VmFactsReader
  /** For who asks where facts can't be had. */
  readonly otherwise: TermsOf
}

export class PromiseDesk {
  readonly facts: FactsDesk
  private readonly options: PromiseDeskOptions
  private kept: MoveLedger = EMPTY_LEDGER
  private keptAt = -Infinity
  /** Moves that ended, for the pace of their way; oldest first. */
  private ended: readonly IntentRecord[] = []
  private readonly promised = new Map<OrderId, OpenMove>()

  constructor(options: PromiseDeskOptions) {
    this.options = options
    this.facts = new FactsDesk(options.reader, options.clock)
  }

  get ledger(): MoveLedger {
    return this.kept
  }

  /** Takes over what the journal tells, oldest first. What can't be read is passed over: a promise lost is learnt anew. */
  adopt(lines: Iterable<string>): void {
    const open = new Map<OrderId, IntentRecord>()
    const closed: IntentRecord[] = []
    for (const line of lines) {
      if (line.startsWith(PROMISE_BEGIN) || line.startsWith(LEDGER_BEGIN)) this.adoptOwn(line)
      else adoptMove(line, open, closed)
    }
    for (const record of closed) this.kept = closeMove(this.kept, record.intent.order.id, endOf(record))
  }

  /** How a move is to be carried out, and what is promised of it; facts that are not there are asked for, and told as a refusal. */
  termsOf(order: MigrationOrder, about: MoveAsked): ReturnType<TermsOf> {
    const { vmId, from, to } = order
    const vm = this.facts.fresh(vmId, from)
    this.facts.want(vmId, from, vm === undefined)
    if (vm === undefined) return this.withoutFacts(order, about, [this.facts.whyNot(vmId, from)])
    const linkMbitPerSec = this.options.reader.linkMbitPerSec(from, to)
    const bytesPerSec = paceOfRoute(this.ended, from, to)
    const way = {
      ...(linkMbitPerSec === undefined ? {} : { linkMbitPerSec }),
      ...(bytesPerSec === undefined ? {} : { bytesPerSec }),
    }
    const facts = completeFacts(vm, way)
    if (!('memoryMib' in facts)) return this.withoutFacts(order, about, facts)
    return this.withFacts(order, facts, { by: about.by, mayPostCopy: vm.mayPostCopy })
  }

  /** Has facts read ahead: of VMs that are proposed, and of those that may have to leave soon. */
  gather(proposals: readonly Proposal[], soon: readonly WantedFacts[]): void {
    for (const { order } of proposals) this.facts.want(order.vmId, order.from)
    for (const { vmId, hostId } of soon) this.facts.want(vmId, hostId)
  }

  /** Why an order has to wait for facts that are being read; undefined: it need not, they are there or not to be had. */
  whyWaiting({ vmId, from }: MigrationOrder): string | undefined {
    if (this.facts.fresh(vmId, from) !== undefined) return undefined
    this.facts.want(vmId, from, true)
    return this.facts.isPending(vmId, from) ? this.facts.whyNot(vmId, from) : undefined
  }

  /** Sets promises against what is under way and what has ended. True: the ledger has changed. Rejects with a `StoreError`; then it is done the next time.
   *  @param view of the mover, oldest ends first */
  async sync({ open, ended }: Pick<MoverView, 'open' | 'ended'>): Promise<boolean> {
    const before = this.kept
    this.ended = ended
    for (const { intent } of [...open.map(({ record }) => record), ...ended]) {
      const move = this.promised.get(intent.order.id)
      if (move === undefined) continue
      const at = this.options.clock.now()
      await this.options.journal.append(`${PROMISE_BEGIN},"at":${at},"open":${JSON.stringify(move)}}`)
      this.promised.delete(move.orderId)
      this.kept = openMove(this.kept, move)
    }
    for (const record of ended)
      if (this.kept.open.has(record.intent.order.id))
        this.kept = closeMove(this.kept, record.intent.order.id, endOf(record))
    await this.keep()
    return this.kept !== before
  }

  private async keep(): Promise<void> {
    const at = this.options.clock.now()
    if (this.kept.entries.length === 0 || at - this.keptAt < LEDGER_EVERY_MS) return
    await this.options.journal.append(`${LEDGER_BEGIN},"at":${at},"ledger":${encodeLedger(this.kept)}}`)
    this.keptAt = at
  }

  private adoptOwn(line: string): void {
    try {
      const fields = parseFields(parseJson(line, 'journal'), 'journal')
      if (fields['open'] !== undefined) this.kept = openMove(this.kept, parseOpenMove(fields['open'], 'journal.open'))
      if (fields['ledger'] === undefined) return
      this.kept = parseLedger(fields['ledger'])
      if (typeof fields['at'] === 'number') this.keptAt = fields['at']
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
    }
  }

  private withFacts(order: MigrationOrder, facts: MoveFacts, consent: MoveConsent): ReturnType<TermsOf> {
    const models = new Map<MovePromise, MovePromise>()
    const verdict = termsOf(
      facts,
      (asked) => {
        const model = promiseMove(this.options.model, atPace(asked))
        const told = promiseFor(this.kept, order, model)
        models.set(told, model)
        return told
      },
      consent,
    )
    if (verdict.kind === 'refused') return verdict
    const { terms, promise, details } = verdict
    const model = details === undefined ? undefined : models.get(details)
    if (details !== undefined && model !== undefined) this.remember(order, terms.mode, { told: details, model })
    return { terms, ...(promise === undefined ? {} : { promise }) }
  }

  private remember(
    { id: orderId, from, to }: MigrationOrder,
    mode: OpenMove['mode'],
    promise: Pick<OpenMove, 'told' | 'model'>,
  ): void {
    this.promised.delete(orderId)
    this.promised.set(orderId, { orderId, from, to, mode, ...promise })
    for (const oldest of this.promised.keys()) {
      if (this.promised.size <= PROMISED_MAX) break
      this.promised.delete(oldest)
    }
  }

  /** The link's limit holds without a promise too. */
  private withinLink(
    { from, to }: MigrationOrder,
    { terms, ...rest }: Exclude<ReturnType<TermsOf>, Refused>,
  ): ReturnType<TermsOf> {
    const mbit = this.options.reader.linkMbitPerSec(from, to)
    return { ...rest, terms: mbit === undefined ? terms : { ...terms, bandwidthMibPerSec: bandwidthOf(mbit) } }
  }

  private withoutFacts(order: MigrationOrder, about: MoveAsked, missing: readonly string[]): ReturnType<TermsOf> {
    const verdict = this.options.otherwise(order, about)
    if (!('kind' in verdict)) return this.withinLink(order, verdict)
    return { ...verdict, reason: `${verdict.reason} Not known: ${missing.join(' ')}` } satisfies Refused
  }
}

/** Where no limit is set, the link is as fast as moves before it showed; the model knows no other link than the one it was fitted on. */
function atPace(facts: MoveFacts): MoveFacts {
  return { ...facts, linkMbitPerSec: (facts.probeBytesPerSec * 8) / 1e6 }
}

function adoptMove(line: string, open: Map<OrderId, IntentRecord>, closed: IntentRecord[]): void {
  try {
    const step = readMoveLine(line)
    if (step === undefined) return
    const record = afterLine(open.get(step.orderId), step)
    if (record === undefined) return
    if (record.closed === undefined) open.set(step.orderId, record)
    else if (open.delete(step.orderId)) closed.push(record)
  } catch (error) {
    // The mover holds everything for a line of a move that can't be read.
    if (!(error instanceof ParseError)) throw error
  }
}

/** What an end says of its promise. One that was at work and was ended by us took too long, or got no further. */
function endOf({ closed, acceptedAt, aborts }: IntentRecord): RealEnd {
  const figures = closed?.figures === undefined ? {} : { figures: closed.figures }
  if (closed?.state === 'done') return { kind: 'ended', ...figures }
  const isGivenUp = closed?.state === 'aborted' && acceptedAt !== undefined && aborts.every(({ by }) => by === 'ethos')
  return { kind: isGivenUp ? 'gave-up' : 'other' }
}
