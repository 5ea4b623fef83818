import { afterLook, INTENT_RULES, type NextStep, nextStep, seenTogether } from '../engine/migration/intent.ts'
import type { IntentRecord } from '../engine/migration/intent-record.ts'
import { alertOf, type MoveAlert, WARNING_BEGIN, yieldedAlert } from '../engine/migration/move-alerts.ts'
import { MOVE_LIMITS, refuseStart, START_GUARDS, type StartFacts } from '../engine/migration/start-guards.ts'
import type { MigrationInFlight } from '../terms/cluster.ts'
import type { HostId, OrderId, VmId } from '../terms/ids.ts'
import type { MigrationIntent, MoveProgress } from '../terms/intent.ts'
import type { MoveStep } from '../terms/move-record.ts'
import type { Refused } from '../terms/ranking.ts'
import { type EpochMs, HOUR_MS, MINUTE_MS, SECOND_MS } from '../terms/units.ts'
import { StoreError } from '../world/errors.ts'
import type { CallEnd, MoveCall } from '../world/migration-driver.ts'
import { callStatus, type Entry, MoveBook, noteFigures, reasonFrozen, recordOf } from './move-book.ts'
import { cut, lineOf } from './move-lines.ts'
import { type Answered, PatientDriver, reasonOf, usableFigures } from './patient-driver.ts'
import type { Cancelling, Hold, MoverOptions, MoverView, Submission } from './mover-view.ts'

/** A driver's call is given this long, unless its owner says otherwise. */
export const CALL_DEADLINE_MS = 10 * SECOND_MS
/** Steps that one look at one move may lead to: accepted, thawed, seen, closed. */
const STEPS_MOST = 4
/** The clock may be put back this far without a hold. */
const CLOCK_BACK_MS = SECOND_MS
/** How far a move is goes on record this often. */
const PROGRESS_EVERY_MS = MINUTE_MS
/** A lost VM stays among the alerts this long after it was told. */
const LOST_ALERT_MS = HOUR_MS

/** Takes orders to a platform and follows each to its observed end. Everything is on record before it is done; what is under way is only looked at, and at
 *  most asked to end. A process that dies at any instant leaves a journal from which the next one goes on, and sends nothing again. */
export class Mover {
  private readonly options: MoverOptions
  private readonly book: MoveBook
  private readonly driver: PatientDriver
  private readonly holds = new Map<string, Hold>()
  private readonly yielded = new Map<VmId, { readonly since: EpochMs; readonly until: EpochMs }>()
  private readonly counts = new Map<string, number>()
  private isPausedNow = false
  private latest: EpochMs
  private ticking: Promise<void> | undefined

  constructor(options: MoverOptions) {
    this.options = options
    this.book = new MoveBook(options.store)
    this.driver = new PatientDriver(options.driver, options.clock, options.deadlineMs ?? CALL_DEADLINE_MS)
    this.latest = options.clock.now()
  }

  /** Reads the journal of before, once, before anything else. What has not ended is followed by the next `tick`; nothing of it is sent again. */
  async adopt(lines: AsyncIterable<string> | Iterable<string>): Promise<void> {
    const { latest, yields, unread } = await this.book.adopt(lines, this.options.clock.now())
    // The clock may have been put back while no process ran.
    this.latest = Math.max(this.latest, latest)
    for (const { vmId, at, until } of yields) this.yielded.set(vmId, { since: at, until })
    if (unread !== undefined)
      this.hold('unread', `a line of the journal can't be read, and may tell of a move: ${unread}`)
  }

  /** Starts a move, if nothing is in the way: on record first, then looked at once more, then the one call. Returns once that has left, not when it ended.
   *  Never rejects for what the world does; what is in the way is told. */
  async submit(intent: MigrationIntent): Promise<Submission> {
    const now = this.noteClock()
    if (this.book.isKnown(intent.order.id)) return { kind: 'known' }
    const refusal = this.refuse(intent, undefined)
    if (refusal !== undefined) return { kind: 'refused', refusal }
    const entry = this.book.reserve(intent, now)
    if ((await this.write(entry, { step: 'intent', intent })) === undefined) {
      this.book.giveBack(entry)
      return { kind: 'refused', refusal: no('The journal takes no line: nothing is done that is not on record.') }
    }
    const late = (await this.lookBeforeStart(intent)) ?? (await this.send(entry))
    if (late !== undefined) {
      await this.write(entry, { step: 'closed', state: 'not-started', detail: cut(late.reason) })
      entry.isStarting = false
      return { kind: 'refused', refusal: late }
    }
    return { kind: 'started', record: recordOf(entry) }
  }

  /** Looks at everything that is under way, and does what follows from it. One at a time: a second call waits for the first. */
  tick(): Promise<void> {
    this.ticking ??= this.lookAtAll().finally(() => {
      this.ticking = undefined
    })
    return this.ticking
  }

  /** Asks that a VM's migration end where it began. On record where the journal takes it; asked of the platform in any case. */
  async cancel(vmId: VmId, who: string): Promise<Cancelling> {
    const entry = this.book.ofVm(vmId)
    if (entry === undefined) return 'nothing-under-way'
    // One that has not been sent yet never will be.
    entry.isCancelled = true
    if (entry.follow.isPostCopy) return 'too-late'
    const asked = this.askAbort(entry)
    await Promise.all([this.write(entry, { step: 'abort-asked', by: who, reason: 'asked for' }), asked])
    return 'asked'
  }

  /** The kill switch: from now on nothing starts, also not what has been handed in already. What is under way is followed. */
  pause(): void {
    this.isPausedNow = true
  }

  resume(): void {
    this.isPausedNow = false
  }

  /** Nothing starts until `release` of the same name. */
  hold(name: string, reason: string): void {
    if (!this.holds.has(name)) this.holds.set(name, { name, since: this.options.clock.now(), reason })
  }

  release(name: string): void {
    this.holds.delete(name)
  }

  /** A person says that a host is off for good: where it can't be asked, nothing runs there. On record, for the moves that are open now. */
  async vouch(hostId: HostId, who: string): Promise<number> {
    const about = this.book.open.filter(({ intent: { order } }) => order.from === hostId || order.to === hostId)
    for (const entry of about) await this.write(entry, { step: 'vouched', hostId, by: who })
    return about.length
  }

  /** A VM that somebody else moves back is left alone by the policy: at once, and on record for the next process where the journal takes it. */
  async leaveAlone(vmId: VmId, until: EpochMs): Promise<void> {
    const at = this.options.clock.now()
    this.yielded.set(vmId, { since: at, until })
    await this.journalled(() => this.book.writeYield({ at, vmId, until }))
  }

  /** An order of this id was handed in before, here or by a process of before: nothing of it is sent again. */
  isKnown(id: OrderId): boolean {
    return this.book.isKnown(id)
  }

  /** What takes room on both hosts: under way, and about to be. */
  get inFlight(): readonly MigrationInFlight[] {
    return this.book.inFlight
  }

  /** What is in the way of an order now; nothing is changed, and nothing is on record of it. */
  async judge(intent: MigrationIntent): Promise<Refused | undefined> {
    this.noteClock()
    return this.refuse(intent, undefined) ?? (await this.lookBeforeStart(intent))
  }

  /** The clock was set. What is remembered is as long ago as it was: nothing ends early. @param steppedMs forward; 0: back */
  clockStepped(steppedMs: number): void {
    this.book.clockStepped(steppedMs, this.options.clock.now())
    for (const [vmId, { since, until }] of this.yielded)
      this.yielded.set(vmId, { since: since + steppedMs, until: until + steppedMs })
  }

  view(): MoverView {
    const at = this.options.clock.now()
    const alerts: MoveAlert[] = []
    for (const record of [...this.openRecords(), ...this.book.ended]) {
      const alert = alertOf(record, at)
      if (alert !== undefined && (record.closed === undefined || at - alert.since < LOST_ALERT_MS)) alerts.push(alert)
    }
    for (const [vmId, { since, until }] of this.yielded) if (until > at) alerts.push(yieldedAlert(vmId, since, until))
    return {
      at,
      isPaused: this.isPausedNow,
      holds: [...this.holds.values()],
      open: this.book.open.flatMap(({ record, follow }) => (record === undefined ? [] : [{ record, follow }])),
      ended: this.book.ended,
      starts: this.book.starts,
      frozenVms: this.frozenVms(),
      frozenHosts: this.frozenHosts(),
      yielded: this.yieldedUntil(),
      alerts,
      counts: Object.fromEntries(this.counts),
    }
  }

  private refuse(intent: MigrationIntent, self: Entry | undefined): Refused | undefined {
    if (this.options.signal?.aborted === true) return no('This process is stopping: nothing is started any more.')
    const facts: StartFacts = {
      now: this.options.clock.now(),
      intent,
      units: this.unitsOf(intent),
      isPaused: this.isPausedNow,
      holds: [...this.holds.values()].map(({ reason }) => reason),
      open: this.book.open
        .filter((entry) => entry !== self)
        .map((entry) => ({ ...entry.intent.order, units: this.unitsOf(entry.intent) })),
      frozenVms: this.frozenVms(),
      frozenHosts: this.frozenHosts(),
      yielded: this.yieldedUntil(),
      starts: this.book.starts,
      limits: this.options.limits ?? MOVE_LIMITS,
      site: this.options.site?.(),
    }
    return refuseStart(facts, this.options.guards ?? START_GUARDS)
  }

  /** What was true when it was decided has to be true still: both hosts are looked at, and the platform is asked. */
  private async lookBeforeStart(intent: MigrationIntent): Promise<Refused | undefined> {
    const { order, cause } = intent
    const [source, destination, preflight] = await Promise.all([
      this.driver.observe(order.vmId, order.from),
      this.driver.observe(order.vmId, order.to),
      this.driver.preflight(intent),
    ])
    if (source.kind === 'unreachable') return no(`${order.from} can't be asked: ${source.reason}`)
    if (destination.kind === 'unreachable') return no(`${order.to} can't be asked: ${destination.reason}`)
    if (source.presence !== 'running' || source.hasJob)
      return no(`On ${order.from}, ${order.vmId} is ${source.presence}, not running quietly: ${source.detail}`)
    if (destination.presence !== 'absent' && destination.presence !== 'left')
      return no(`On ${order.to}, there is ${order.vmId} already, ${destination.presence}: ${destination.detail}`)
    if (preflight.kind === 'unanswered')
      return no(`${this.driver.name} did not answer whether it would: ${preflight.reason}`)
    const [refusal] = preflight.value.refusals
    if (refusal !== undefined) return refusal
    const warning = preflight.value.warnings.find((text) => this.options.isWarningAccepted?.(text) !== true)
    return warning !== undefined && cause.kind === 'policy' ? no(`${WARNING_BEGIN}${warning}`) : undefined
  }

  /** The one call of this intent. Between the last check and the call nothing is waited for. */
  private async send(entry: Entry): Promise<Refused | undefined> {
    const fence = this.options.fence()
    const early = this.refuse(entry.intent, entry)
    if (early !== undefined) return early
    if ((await this.write(entry, { step: 'sending', fence })) === undefined)
      return no('The journal takes no line: nothing is done that is not on record.')
    this.noteClock()
    const refusal = this.object(entry, fence)
    if (refusal !== undefined) return refusal
    if (entry.isSent) throw new Error(`The call of ${entry.intent.order.id} was about to be sent twice.`)
    entry.isSent = true
    this.count('sent')
    const objection = (): string | undefined => this.object(entry, fence)?.reason
    const call = await this.driver.migrate(entry.intent, fence, objection, (told) => this.attach(entry, told))
    entry.isStarting = false
    return call.kind === 'answered' && call.value.kind === 'never-sent' ? no(call.value.reason) : undefined
  }

  /** The last question, and the driver asks it once more when it has done all that comes before its call. */
  private object(entry: Entry, fence: number): Refused | undefined {
    const refusal = this.refuse(entry.intent, entry)
    if (refusal !== undefined) return refusal
    if (entry.isCancelled) return no(`The move of ${entry.intent.order.vmId} was cancelled before it began.`)
    return fence === this.options.fence() ? undefined : no('The lease has passed on: another process moves VMs now.')
  }

  private attach(entry: Entry, told: Answered<MoveCall>): void {
    const ended = (end: CallEnd): void => void this.callEnded(entry, end)
    if (told.kind === 'unanswered') return ended({ kind: 'unknown', reason: told.reason })
    // What never left is over at once; told late, it is told as a failed call.
    if (told.value.kind === 'never-sent')
      return ended({ kind: 'failed', reason: `It was never sent: ${told.value.reason}` })
    told.value.ended.then(ended, (error: unknown) => ended({ kind: 'unknown', reason: reasonOf(error) }))
  }

  private async callEnded(entry: Entry, end: CallEnd): Promise<void> {
    const { figures, ...told } = end
    entry.callEnd ??= { ...told, ...(figures === undefined ? {} : { figures: usableFigures(figures) }) }
    await this.writeCallEnd(entry)
  }

  private async writeCallEnd(entry: Entry): Promise<void> {
    const { callEnd, record } = entry
    if (callEnd === undefined || entry.isCallEndWritten || entry.isStarting || record?.closed !== undefined) return
    entry.isCallEndWritten = true
    const { kind: end, reason, figures } = callEnd
    const step = {
      step: 'call-ended',
      end,
      reason: cut(reason),
      ...(figures === undefined ? {} : { figures }),
    } as const
    if ((await this.write(entry, step)) === undefined) entry.isCallEndWritten = false
  }

  private async lookAtAll(): Promise<void> {
    this.noteClock()
    if (this.holds.has('journal') || this.holds.has('lease'))
      await this.journalled(() => this.book.tryJournal(this.options.clock.now()))
    await Promise.all(this.book.open.map((entry) => this.lookAt(entry)))
  }

  private async lookAt(entry: Entry): Promise<void> {
    if (entry.isStarting || entry.record === undefined) return
    const { vmId, from, to } = entry.intent.order
    await this.writeCallEnd(entry)
    const [source, destination] = await Promise.all([this.driver.observe(vmId, from), this.driver.observe(vmId, to)])
    noteFigures(entry, destination)
    const isAtWork = source.kind === 'seen' && source.hasJob
    const progress = isAtWork ? await this.driver.progress(vmId, from) : undefined
    const rules = this.options.rules ?? INTENT_RULES
    const record = recordOf(entry)
    const isGone = seenTogether(record, { source, destination }, rules).picture === 'gone'
    const search = isGone ? await this.driver.search(vmId) : undefined
    const at = this.options.clock.now()
    const look = { record, source, destination, progress, search, at }
    entry.follow = afterLook(entry.follow, look, rules)
    for (let i = 0; i < STEPS_MOST; i++) {
      const record = recordOf(entry)
      const step = nextStep(record, entry.follow, { call: callStatus(entry), now: at, rules })
      if (step.kind === 'wait' || !(await this.take(entry, step))) break
    }
    await this.writeProgress(entry, progress, at)
    await this.journalled(() => this.book.carry(entry, at))
  }

  /** False: it could not be put on record, and was not done. */
  private async take(entry: Entry, step: Exclude<NextStep, { kind: 'wait' }>): Promise<boolean> {
    const written = await this.write(entry, lineOf(entry, step))
    if (written === undefined) return false
    if (step.kind === 'close') this.count(step.state)
    if (step.kind === 'ask-abort') await this.askAbort(entry)
    return step.kind !== 'close'
  }

  private async writeProgress(entry: Entry, progress: MoveProgress | undefined, at: EpochMs): Promise<void> {
    const { record } = entry
    if (progress === undefined || record === undefined || record.closed !== undefined) return
    const isNews = progress.isPostCopy && record.progress?.told.isPostCopy !== true
    if (!isNews && at - entry.progressWrittenAt < PROGRESS_EVERY_MS) return
    entry.progressWrittenAt = at
    await this.write(entry, { step: 'progress', progress })
  }

  /** Undefined: it is not durable, and nothing that rests on it may be done. */
  private write(entry: Entry, step: MoveStep): Promise<IntentRecord | undefined> {
    return this.journalled(() => this.book.write(entry, step, this.options.clock.now()))
  }

  /** A line that was taken ends the hold; what had nothing to write proves nothing. */
  private async journalled<T>(write: () => Promise<T | undefined>): Promise<T | undefined> {
    try {
      const written = await write()
      // Lines are written under the lease: where one was taken, the lease is ours as well.
      if (written !== undefined) for (const name of ['journal', 'lease']) this.holds.delete(name)
      return written
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      const name = error.code === 'fenced' ? 'lease' : 'journal'
      this.hold(name, `the journal took no line: ${error.message}`)
      return undefined
    }
  }

  private async askAbort({ intent: { order } }: Entry): Promise<void> {
    await this.driver.cancel(order.vmId, order.from)
  }

  /** A clock that was put back makes every age and every distance wrong: nothing starts until it is where it was. */
  private noteClock(): EpochMs {
    const now = this.options.clock.now()
    if (now < this.latest - CLOCK_BACK_MS) this.hold('clock', `the clock went back by ${this.latest - now} ms`)
    if (now >= this.latest) {
      this.latest = now
      this.holds.delete('clock')
    }
    return now
  }

  private openRecords(): readonly IntentRecord[] {
    return this.book.open.flatMap(({ record }) => (record === undefined ? [] : [record]))
  }

  private frozenVms(): ReadonlyMap<VmId, string> {
    const frozen = this.openRecords().filter((record) => record.frozen !== undefined)
    return new Map(frozen.map((record) => [record.intent.order.vmId, reasonFrozen(record)]))
  }

  private yieldedUntil(): ReadonlyMap<VmId, EpochMs> {
    const now = this.options.clock.now()
    for (const [vmId, { until }] of this.yielded) if (until <= now) this.yielded.delete(vmId)
    return new Map([...this.yielded].map(([vmId, { until }]) => [vmId, until]))
  }

  /** Both hosts of a frozen VM, and those that could not be asked for one that is under way. */
  private frozenHosts(): ReadonlyMap<HostId, string> {
    const hosts = new Map<HostId, string>()
    for (const { record, follow, intent } of this.book.open) {
      const { from, to } = intent.order
      if (record?.frozen !== undefined) for (const host of [from, to]) hosts.set(host, reasonFrozen(record))
      if (follow.sightings?.source.kind === 'unreachable') hosts.set(from, follow.sightings.source.reason)
      if (follow.sightings?.destination.kind === 'unreachable') hosts.set(to, follow.sightings.destination.reason)
    }
    return hosts
  }

  private unitsOf(intent: MigrationIntent): number {
    return this.options.unitsOf?.(intent) ?? 1
  }

  private count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }
}

function no(reason: string): Refused {
  return { kind: 'refused', lacking: 'host-state', shortBy: 1, reason }
}
