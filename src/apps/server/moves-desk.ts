/** What the controller does with orders: it proposes them, or hands them to the mover; and what people ask of moves. One for as long as the lease is held. */
import { stateAfterStep } from '../../engine/clock-step.ts'
import { groundsOf } from '../../engine/explain-order.ts'
import { recheckOrder } from '../../engine/recheck.ts'
import { moveSiteOf } from '../../engine/migration/start-site.ts'
import { Mover } from '../../loop/mover.ts'
import { MovingHypervisor } from '../../loop/moving-hypervisor.ts'
import type { Inventory } from '../../terms/cluster.ts'
import type { VmId } from '../../terms/ids.ts'
import type { MigrationIntent, MoveCause } from '../../terms/intent.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import { type ClockLine, encodeClockLine } from '../../terms/move-record.ts'
import type { Lack, Refused, Verdict } from '../../terms/ranking.ts'
import { DAY_MS } from '../../terms/units.ts'
import { HypervisorError, StoreError } from '../../world/errors.ts'
import type { Hypervisor } from '../../world/hypervisor.ts'
import { type ApprovalGround, Approvals } from './approval.ts'
import type { AskResult, ControllerAsk } from './controller-messages.ts'
import { type DeskWord, proposing, proposingOrMoving } from './desk-platform.ts'
import { type EvacuationGround, type EvacuationPlan, planEvacuation } from './evacuation.ts'
import { EvacuationBoard } from './evacuation-board.ts'
import { cancelMove, triedAs, vouchOff } from './move-asks.ts'
import type { LastTurn, MovesDeskOptions } from './moves-desk-options.ts'
import { keyOf, movesText } from './moves-text.ts'
import { Objecting } from './objecting.ts'
import { sayObjection } from './objections.ts'
import { encodeGrounds } from './order-grounds.ts'
import { Owners } from './owners.ts'
import { permitted } from './permitted-driver.ts'
import { MOVE_LINES, PromiseDesk } from './promise-desk.ts'
import { type Proposal, PROPOSAL_LINES, PROPOSAL_MS, Proposals } from './proposals.ts'
import { isMoving, type SiteSettings } from './site-settings.ts'
import { whyNotStart } from './start-permit.ts'
import { WaitingOrders } from './waiting-orders.ts'
import { wantedFacts } from './wanted-facts.ts'

/** So far back a start looks for moves that have not ended: what is open for longer is written anew every day. */
const ADOPTED_MS = 7 * DAY_MS
const STOPPED = 'This process does not take the turns any more.'

export class MovesDesk {
  readonly proposals = new Proposals()
  readonly owners: Owners
  private readonly options: MovesDeskOptions
  private readonly mover: Mover | undefined
  private readonly promises: PromiseDesk | undefined
  private readonly waiting: WaitingOrders
  private readonly stop = new AbortController()
  private settings: SiteSettings | undefined
  private reads = 0
  private newestRead = 0
  private last: LastTurn | undefined
  private seen: Hypervisor | undefined
  private moving: Hypervisor | undefined
  private readonly emptied = new EvacuationBoard()
  private readonly approvals: Approvals
  private readonly objecting: Objecting
  /** Of the turn that is being recorded. */
  private advised: readonly Omit<Proposal, 'endsAt'>[] = []
  private movingSeen: MovingHypervisor | undefined
  /** That the clock was set forward, where the journal does not say so yet. */
  private steps: readonly ClockLine[] = []

  constructor(options: MovesDeskOptions) {
    this.options = options
    this.waiting = new WaitingOrders(options.clock)
    this.approvals = new Approvals({
      clock: options.clock,
      proposals: this.proposals,
      ground: () => this.approvalGround(),
      judge: (order, inventory) => this.judge(order, inventory),
      intentOf: (order, cause) => this.intentOf(order, cause),
      begun: (order) => this.keepGrounds(order),
      objectionTo: (id, proposed) => this.objecting.whatStands(id, proposed),
    })
    const { driver, journal, clock, fence } = options
    this.objecting = new Objecting({
      clock,
      journal,
      proposals: this.proposals,
      isApproved: (id) => this.approvals.isUnderWay(id),
      triedAs: (id) => triedAs(this.mover, id),
      withdraw: (id) => this.waiting.remove(id),
    })
    this.owners = new Owners(clock, driver)
    if (driver === undefined) return
    const { promising, termsOf } = options
    if (promising !== undefined) this.promises = new PromiseDesk({ ...promising, clock, journal, otherwise: termsOf })
    this.mover = new Mover({
      driver: permitted(driver, {
        refresh: () => this.refresh(),
        whyNot: (intent) => this.whyNot(intent),
      }),
      store: journal,
      clock,
      // A driver that has seen any lease at all takes none below 0.
      fence: () => fence() ?? -1,
      signal: this.stop.signal,
      ...(options.callMs === undefined ? {} : { deadlineMs: options.callMs }),
      site: () => this.last && moveSiteOf(this.last.observation.inventory, this.last.policy),
      isWarningAccepted: (warning) => this.settings?.acceptedWarnings.has(warning) === true,
    })
  }

  /** Takes over what the journal tells of moves that have not ended, and of proposals. Before any turn. Rejects with a `StoreError`. */
  async open(): Promise<void> {
    const { journal, clock } = this.options
    const lines = await journal.newest(ADOPTED_MS, MOVE_LINES)
    await this.mover?.adopt(lines)
    this.promises?.adopt(lines)
    const proposed = await journal.newest(PROPOSAL_MS, PROPOSAL_LINES)
    await this.objecting.open()
    const { standing } = this.objecting
    const isOver = ({ id, vmId }: MigrationOrder): boolean =>
      this.mover?.isKnown(id) === true || standing.on(vmId, clock.now()) !== undefined
    this.proposals.adopt(proposed, clock.now(), isOver)
    await this.heed()
    await this.tick()
  }

  /** Looks at what is under way. Never rejects for what the world does. */
  async tick(): Promise<void> {
    this.options.platform?.tick()
    // What is written from here on is of the time after: it must not be taken for older.
    await this.keepSteps()
    const before = this.mover === undefined ? '' : keyOf(this.mover.view())
    await this.mover?.tick()
    await this.beginWaiting()
    const isNews = this.mover !== undefined && (await this.promises?.sync(this.mover.view()))
    this.proposals.forget(this.options.clock.now())
    const isWoken = await this.wake()
    await this.keepProposals()
    const isMoved =
      this.mover !== undefined && (keyOf(this.mover.view()) !== before || this.mover.view().open.length > 0)
    if (isMoved || isNews === true || isWoken) this.options.changed()
  }

  /** The clock was set: nothing here ends early for that but orders that have not left, which are too old then. @param steppedMs forward; 0: back */
  clockStepped(steppedMs: number): void {
    this.mover?.clockStepped(steppedMs)
    if (steppedMs === 0) return
    this.movingSeen?.clockStepped(steppedMs)
    this.proposals.clockStepped(steppedMs)
    this.objecting.clockStepped(steppedMs)
    this.promises?.facts.clockStepped(steppedMs)
    if (this.last !== undefined) this.last = { ...this.last, state: stateAfterStep(this.last.state, steppedMs) }
    this.steps = [...this.steps, { at: this.options.clock.now(), steppedMs }]
  }

  /** Nothing begins any more. What is under way goes on, and whoever holds the lease follows it. */
  close(): void {
    this.stop.abort()
    this.waiting.clear()
    this.options.platform?.close()
    this.promises?.facts.close()
    this.mover?.hold('lease', STOPPED)
  }

  /** Reads what people want, now. Once it resolves nothing begins that they don't. Rejects with a `StoreError`; then nothing begins at all. */
  async heed(): Promise<void> {
    const reason = await this.refresh()
    if (reason === undefined) this.mover?.release('settings')
    else this.mover?.hold('settings', reason)
    if (this.settings?.automation.isPaused === true) this.mover?.pause()
    else this.mover?.resume()
    this.options.changed()
  }

  /** The platform with orders carried out, or kept as proposals. */
  over(reported: Hypervisor): Hypervisor {
    const { mover, options } = this
    const seen = this.objecting.standing.over(options.platform?.over(reported) ?? reported)
    this.seen = seen
    if (mover === undefined) return proposing(seen, this.word())
    const intentOf = (order: MigrationOrder): MigrationIntent | Refused => this.intentOf(order, this.causeOf(order))
    this.movingSeen = new MovingHypervisor({ base: seen, mover, intentOf })
    this.moving = proposingOrMoving(seen, this.movingSeen, this.word())
    return this.moving
  }

  private word(): DeskWord {
    const { waiting, emptied, promises } = this
    return {
      whyProposed: (order) => this.whyProposed(order),
      propose: (order, held) => this.propose(order, held),
      judge: (order, inventory) => this.judge(order, inventory),
      underWay: () => (this.mover?.inFlight ?? []).map(({ orderId }) => orderId).join(),
      begun: (order) => this.keepGrounds(order),
      changed: () => this.options.changed(),
      waiting,
      emptied,
      ...(promises === undefined ? {} : { promises }),
    }
  }

  /** Orders whose facts have come, or won't. */
  private async beginWaiting(): Promise<void> {
    const { moving, promises } = this
    if (moving === undefined || promises === undefined) return
    await this.waiting.begin(moving, promises, async (order, error) => {
      if (error === undefined) this.proposals.remove(order.id)
      else await this.propose(order, error.message)
    })
  }

  private async propose(order: MigrationOrder, held?: string): Promise<void> {
    // A host that is emptied is tried again at each turn, and told of as such.
    if (order.class === 'evacuation') return
    if (this.objecting.standing.on(order.vmId, this.options.clock.now()) !== undefined) return
    this.proposals.add(order, held)
    await this.keepProposals()
    this.options.changed()
  }

  /** For the next process, which reads instants of before as they were written. What the store did not take is tried again at the next look. */
  private async keepSteps(): Promise<void> {
    for (const step of this.steps) {
      try {
        await this.options.journal.append(encodeClockLine(step))
      } catch (error) {
        if (error instanceof StoreError) return
        throw error
      }
      this.steps = this.steps.filter((other) => other !== step)
    }
  }

  private keepProposals(): Promise<void> {
    return this.proposals.write(this.options.journal, this.options.clock.now())
  }

  /** Whether something can come of what an order promises. */
  isCarriedOut(order: MigrationOrder): boolean {
    return this.mover !== undefined && (this.mover.isKnown(order.id) || this.whyProposed(order) === undefined)
  }

  /** Orders for hosts that people want emptied, beside those of a turn; none where nobody would carry them out. */
  evacuate(ground: EvacuationGround, { automation, maintenances }: SiteSettings): EvacuationPlan {
    const plan = planEvacuation(ground, maintenances)
    this.emptied.note(plan)
    const isCarriedOut = this.mover !== undefined && isMoving(automation.level) && !automation.isPaused
    return isCarriedOut ? plan : { ...plan, orders: [] }
  }

  /** Orders of a turn that are advice alone, for people to approve once the turn is on record. */
  advise(orders: readonly MigrationOrder[], reasons: readonly string[]): void {
    this.advised = orders.map((order) => ({ order, held: reasons.join(' ') }))
  }

  /** After a turn is on record, and before anything of it is begun. */
  note(last: LastTurn): void {
    this.last = last
    this.options.platform?.compare(last.observation.inventory)
    const now = this.options.clock.now()
    const free = this.advised.filter(({ order }) => this.objecting.standing.on(order.vmId, now) === undefined)
    for (const { order, held } of free) this.proposals.add(order, held)
    this.advised = []
    // How far hosts are emptied, and what is proposed, is as of each turn.
    this.options.changed()
    const { promises, settings } = this
    if (settings === undefined || !isMoving(settings.automation.level)) return
    promises?.gather(this.proposals.list(now), wantedFacts(last, settings.maintenances))
  }

  async answer(ask: ControllerAsk): Promise<AskResult> {
    if (ask.what === 'approve')
      return this.approvals
        .approve(ask.orderId, ask.who)
        .catch((error: unknown): AskResult => {
          // What hosts report can't be read now.
          if (!(error instanceof HypervisorError)) throw error
          return { kind: 'refused', reason: error.message }
        })
        .finally(() => this.options.changed())
    if (ask.what === 'heed') {
      await this.heed()
      return { kind: 'done', text: 'It is heeded.' }
    }
    return this.ofMoves(ask).finally(() => this.options.changed())
  }

  private ofMoves(ask: Exclude<ControllerAsk, { what: 'heed' | 'approve' }>): Promise<AskResult> {
    if (ask.what === 'cancel') return cancelMove(this.mover, ask.vmId, ask.who)
    if (ask.what === 'vouch') return vouchOff(this.mover, ask.hostId, ask.who)
    return ask.what === 'object' ? this.objecting.object(ask) : this.objecting.lift(ask)
  }

  /** Moves as they stand, as JSON. */
  text(): string {
    const { clock, driver } = this.options
    const site = this.last && moveSiteOf(this.last.observation.inventory, this.last.policy)
    return movesText({
      at: clock.now(),
      ...(driver === undefined ? {} : { driver: driver.name }),
      ...(this.settings === undefined ? {} : { settings: this.settings }),
      ...(this.mover === undefined ? {} : { view: this.mover.view() }),
      ...(site === undefined ? {} : { site }),
      ...(this.promises === undefined ? {} : { ledger: this.promises.ledger }),
      proposals: this.proposals.list(clock.now()),
      objections: this.objecting.standing.list(clock.now()),
      evacuations: this.emptied.now(this.mover?.inFlight ?? []),
    })
  }

  private async refresh(): Promise<string | undefined> {
    const read = ++this.reads
    try {
      const settings = await this.options.readSettings()
      // A later read may have ended before.
      if (read > this.newestRead) {
        this.newestRead = read
        this.settings = settings
      }
      return undefined
    } catch (error) {
      return `What people want can't be read: ${error instanceof Error ? error.message : String(error)}`
    }
  }

  private whyNot(intent: MigrationIntent): string | undefined {
    if (this.stop.signal.aborted || this.options.fence() === undefined) return STOPPED
    if (this.settings === undefined) return 'What people want has not been read yet.'
    const now = this.options.clock.now()
    const objection = intent.cause.kind === 'policy' ? this.objecting.standing.on(intent.order.vmId, now) : undefined
    return objection === undefined ? whyNotStart(intent, this.settings, now) : sayObjection(objection)
  }

  /** Postponed moves whose time has come: looked at once something has been seen since the start. */
  private async wake(): Promise<boolean> {
    const { seen, last } = this
    if (seen === undefined || last === undefined) return false
    try {
      return await this.objecting.wake(async (order) => this.judge(order, await seen.inventory()))
    } catch (error) {
      // What hosts report can't be read now: the next look tries again.
      if (error instanceof HypervisorError) return false
      throw error
    }
  }

  /** Why an order of a turn is proposed and not carried out; undefined: it is carried out. */
  private whyProposed(order: MigrationOrder): string | undefined {
    const { settings } = this
    if (this.mover === undefined || settings === undefined) return 'Nobody can carry it out: no driver is configured.'
    return whyNotStart({ cause: this.causeOf(order), order }, settings, this.options.clock.now())
  }

  /** Exactly one cause for each start: a host that a person wants emptied, else the policy. */
  private causeOf({ class: kind, from }: MigrationOrder): MoveCause {
    const maintenance = this.settings?.maintenances.get(from)
    if (kind !== 'evacuation' || maintenance === undefined) return { kind: 'policy' }
    return { kind: 'evacuation', hostId: from, who: maintenance.who }
  }

  private intentOf(order: MigrationOrder, cause: MoveCause): MigrationIntent | Refused {
    const by = cause.kind === 'policy' ? 'automation' : 'person'
    const about = { by, memoryBytes: this.memoryOf(order.vmId) } as const
    const verdict = this.promises?.termsOf(order, about) ?? this.options.termsOf(order, about)
    return 'kind' in verdict ? verdict : { order, cause, ...verdict }
  }

  private memoryOf(vmId: VmId): number {
    return this.last?.observation.inventory.vms.find(({ id }) => id === vmId)?.memoryBytes ?? 0
  }

  private async approvalGround(): Promise<ApprovalGround> {
    await this.heed()
    const { mover, settings, seen, promises } = this
    if (mover === undefined || seen === undefined) return 'No driver is configured: `ethos libvirt set FILE`.'
    if (settings === undefined) return STOPPED
    return { mover, settings, seen, ...(promises === undefined ? {} : { promises }) }
  }

  /** Looks at an order once more, on what hosts tell now: between a plan and its start the site may have changed (reliability test 39). */
  private judge(order: MigrationOrder, inventory: Inventory): Verdict {
    const { last, mover } = this
    if (last === undefined) return no('stale', 'No turn has been taken since the start. Ask again in a minute.')
    const observation = { ...last.observation, at: this.options.clock.now(), inventory }
    return recheckOrder(observation, last.state, last.policy, order, mover?.inFlight ?? [])
  }

  /** What a move that has just begun rested on, for `ethos moves explain`. A journal that takes no line stops moves by itself. */
  private async keepGrounds(order: MigrationOrder): Promise<void> {
    const { last, mover, options } = this
    if (last === undefined || mover === undefined || !mover.isKnown(order.id)) return
    const grounds = groundsOf(last.observation, last.state, last.policy, order, mover.inFlight)
    if (grounds === undefined) return
    await options.journal.append(encodeGrounds(order.id, options.clock.now(), grounds)).catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error
    })
  }
}

function no(lacking: Lack, reason: string): Refused {
  return { kind: 'refused', lacking, shortBy: 1, reason }
}
