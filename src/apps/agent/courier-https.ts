/** The way over the network: one batch at a time, in order, at the pace of `engine/delivery`. */
import type { Identity } from '../../drivers/guest/identity.ts'
import type { Spool, WaitingLine } from '../../drivers/guest/spool.ts'
import { askDate, fetchPhases, type SendResult, sendVectors } from '../../drivers/guest/uplink-https.ts'
import { type Outcome, Pace } from '../../engine/delivery/pace.ts'
import { BATCH_BOUNDS, settledPrefix } from '../../engine/delivery/settled.ts'
import type { CourierOptions, Uplink, UplinkState } from './courier.ts'
import { IdentityKeeper, luckOf } from './courier-identity.ts'

export interface UplinkParts extends CourierOptions {
  readonly spool: Spool
}

/** Long enough: a new line, a new way or the end interrupt it. */
const IDLE_MS = 3_600_000

export class HttpsUplink implements Uplink {
  private readonly parts: UplinkParts
  private readonly server: string
  private readonly keeper: IdentityKeeper
  private readonly pace: Pace
  private held: string | undefined
  private refused = 0
  /** Lines of a batch: fewer after one was refused as a whole, or did not get through. */
  private linesMax: number = BATCH_BOUNDS.lines
  /** Whether there is an identity. Until then it is seen to at once, though nothing waits: a token is good for minutes, and who gave it looks on. */
  private isKnown = false
  /** Batches in a row in the middle of which the connection ended. */
  private cuts = 0

  constructor(parts: UplinkParts, server: string) {
    const { machine } = parts
    this.parts = parts
    this.server = server
    this.keeper = new IdentityKeeper(parts, server)
    this.pace = new Pace(machine.monotonicMs(), () => luckOf(machine))
  }

  get state(): UplinkState {
    const { clock } = this.keeper
    return {
      refused: this.refused,
      ...(this.held === undefined ? {} : { held: this.held }),
      ...(clock === undefined ? {} : { clock }),
    }
  }

  offered(waiting: number): void {
    this.pace.offered(this.parts.machine.monotonicMs(), waiting)
  }

  async step(): Promise<number> {
    if (this.parts.spool.state.waiting === 0 && this.isKnown) return IDLE_MS
    const waitMs = this.pace.dueMs - this.parts.machine.monotonicMs()
    if (waitMs > 0) return waitMs
    await this.send()
    return 0
  }

  /** One batch, or what it needs first. */
  async send(): Promise<void> {
    const { machine, spool } = this.parts
    spool.settle()
    const ready = await this.keeper.ready()
    if (ready.kind === 'not ready') return this.hold(ready.reason, ready.outcome)
    this.isKnown = true
    if (spool.state.waiting === 0) return this.begin()
    const batch = spool.peek({ lines: this.linesMax, bytes: BATCH_BOUNDS.bytes })
    if (batch.length === 0) return this.hold('the spool can not be read', { kind: 'failed' })
    const lines = batch.map(({ line }) => line)
    await this.judge(batch, await sendVectors(machine, { server: this.server, identity: ready.identity, lines }))
    await this.fetchPhases(ready.identity)
  }

  /** There is an identity, and nothing to send yet. */
  private begin(): void {
    this.held = undefined
    this.end({ kind: 'taken', batchesLeft: 0 })
  }

  /** Only once all is sent: vectors go before, and the connection is there. */
  private async fetchPhases(identity: Identity): Promise<void> {
    const { machine, phases, spool } = this.parts
    if (phases === undefined || this.held !== undefined || spool.state.waiting > 0) return
    if (phases.wanted(machine.monotonicMs()) === undefined) return
    const answer = await fetchPhases(machine, { server: this.server, identity })
    if (answer.kind === 'fetched') phases.take(answer.text, machine.monotonicMs())
    else phases.failed(answer.reason, machine.monotonicMs(), answer.afterMs)
  }

  close(): void {
    this.parts.machine.network.dropConnections()
  }

  private async judge(batch: readonly WaitingLine[], result: SendResult): Promise<void> {
    if ('date' in result && result.date !== undefined) this.keeper.heard(result.date)
    if (result.kind === 'acknowledged') return this.settle(batch, result)
    if (result.kind === 'too much') return this.lessen(batch, result.reason)
    if (result.kind === 'later') {
      const { afterMs } = result
      // Once may be a kept connection that the server closed. A network that cuts all that is long lets a shorter batch through.
      this.cuts = result.isCut === true ? this.cuts + 1 : 0
      if (this.cuts > 1) this.linesMax = Math.max(1, batch.length >> 1)
      const outcome: Outcome = afterMs === undefined ? { kind: 'failed' } : { kind: 'asked to wait', afterMs }
      return this.hold(result.reason, outcome)
    }
    if (result.kind === 'unknown') {
      this.keeper.doubt('certificate')
      return this.hold(`${result.reason}: the certificate is not taken`, { kind: 'failed' })
    }
    if (result.kind === 'shut out')
      return this.hold(`${result.reason}. Only an operator can let this VM in again`, { kind: 'shut out' })
    this.keeper.doubt('server')
    const clock = result.isTime ? await this.clockHint() : ''
    return this.hold(`${result.reason}${clock}`, { kind: 'wrong server' })
  }

  private settle(batch: readonly WaitingLine[], result: Extract<SendResult, { kind: 'acknowledged' }>): void {
    const { spool, log } = this.parts
    const settled = settledPrefix(
      batch.map(({ line }) => line),
      result,
    )
    if (result.phases !== undefined) this.parts.phases?.announced(result.phases)
    if (settled === 0) return this.hold(`${this.server} answered, and took nothing`, { kind: 'failed' })
    spool.acknowledge(batch[settled - 1].ordinal, settled)
    let refused = 0
    for (const place of result.refused) if (place < settled) refused++
    if (refused > 0) this.refuse(refused, result.reason ?? 'no reason given')
    const { waiting } = spool.state
    if (this.held !== undefined) log.tell('notice', `vectors leave again for ${this.server}; ${waiting} are waiting`)
    this.held = undefined
    this.cuts = 0
    this.linesMax = BATCH_BOUNDS.lines
    this.end({ kind: 'taken', batchesLeft: Math.ceil(waiting / this.linesMax) })
  }

  /** A batch that is refused as a whole is sent in halves, so that one line that can't pass does not hold up the others. */
  private lessen(batch: readonly WaitingLine[], reason: string): void {
    if (batch.length === 1) {
      this.parts.spool.acknowledge(batch[0].ordinal, 1)
      this.refuse(1, reason)
    }
    this.linesMax = Math.max(1, batch.length >> 1)
    this.hold(reason, { kind: 'failed' })
  }

  private refuse(count: number, reason: string): void {
    this.refused += count
    const text = `${this.server} refused ${count} vectors for good, such as: ${reason}. Is the agent newer than the server?`
    this.parts.log.say('warning', 'refused', text)
  }

  private hold(reason: string, outcome: Outcome): void {
    this.held = reason
    const { spool, log } = this.parts
    log.say('warning', 'held', `vectors are kept and not sent: ${reason}. ${spool.state.waiting} are waiting`)
    this.end(outcome)
  }

  private end(outcome: Outcome): void {
    this.pace.ended(outcome, this.parts.machine.monotonicMs())
  }

  /** What the server's clock says, unverified: for people, and nothing else. */
  private async clockHint(): Promise<string> {
    const date = await askDate(this.parts.machine, this.server)
    const clock = date === undefined ? undefined : this.keeper.compareClock(date)
    return clock === undefined ? '' : `. Asked without proof: ${clock}`
  }
}

/** Who we are, or why we can't say. */
export type Ready =
  | { readonly kind: 'ready'; readonly identity: Identity }
  | { readonly kind: 'not ready'; readonly reason: string; readonly outcome: Outcome }
