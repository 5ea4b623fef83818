/** Controller and ranker together: who takes turns, who answers, and what is wrong with either. */
import type { HostId, VmId } from '../../terms/ids.ts'
import { ParseError } from '../../terms/parse.ts'
import { type EpochMs, MINUTE_MS } from '../../terms/units.ts'
import type { ClockPace } from '../../drivers/paced-clock.ts'
import type { Clock } from '../../world/clock.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { type Alert, AlertBook, type AlertDraft } from './alerts.ts'
import type { ControllerMessage, ControllerOptions } from './controller-messages.ts'
import { ControllerProcess } from './controller-process.ts'
import { MovesBoard } from './moves-board.ts'
import type { StorePlace } from './open-site.ts'
import { PlatformBoard } from './platform-board.ts'
import { Ranker } from './ranker.ts'
import type { FromRanker } from './ranker-messages.ts'
import type { Question, RulesQuestion } from './ranker-questions.ts'
import type { Answer, JudgementStatus, SiteAnswers, SiteEvent } from './site-answers.ts'

/** A turn is late after so many intervals, and nothing is decided on what is older: reliability test 24. */
const LATE_INTERVALS = 2
/** ... and however fast the site's time goes, not before so long by the machine's clock: its processes go no faster for that. */
const LATE_MS_MIN = 10_000
const EVERY_MS = MINUTE_MS
const LEASE_MS = 30_000
/** A site of which nothing is known yet is looked at this often. */
const EMPTY_MS_MAX = 10_000
/** An answer tells of so many faults. */
const REASON_LENGTH_MAX = 300

export interface JudgementOptions {
  /** What the controller writes through. It stays its owner's to close. */
  readonly store: Pick<SiteStore, 'journal' | 'leases'>
  /** Where controller and ranker read for themselves. */
  readonly place: StorePlace
  readonly clock: Clock
  /** At which `clock` goes, for the controller and the ranker. Absent: it is the machine's. */
  readonly pace?: ClockPace
  /** This process among those that may hold the lease; the same after a restart where only one process can have the store. */
  readonly holder: string
  /** Between turns. Absent: a minute. */
  readonly everyMs?: number
  /** A controller that vanished keeps its lease for so long, by the machine's clock. Absent: 30 s. */
  readonly leaseMs?: number
  /** First wait before the controller is started again. Absent: 1 s. */
  readonly backoffMs?: number
  /** False: this process takes no turns and answers from what the store holds. Absent: it does. */
  readonly isControlling?: boolean
  /** Another program in the controller's place: for tests, and for a platform that is none of libvirt's. */
  readonly controllerEntry?: URL
  /** Told to that program: where its platform is. */
  readonly platform?: string
  /** Where what turns are judged on is kept. Absent: nowhere. */
  readonly turns?: ControllerOptions['turns']
  /** What this process found about the hosts that speak to it. */
  readonly hostAlerts?: () => readonly AlertDraft[]
  /** For people: what happened to the controller and the ranker. */
  readonly note?: (text: string) => void
}

/** How the last look at the site went. */
interface Looked {
  readonly source: 'turn' | 'look'
  readonly asOf: EpochMs
  /** No host, or no VM, was there. */
  readonly isEmpty: boolean
}

export class SiteJudgement implements SiteAnswers {
  readonly moves: MovesBoard
  readonly platform = new PlatformBoard()
  private readonly options: JudgementOptions
  private readonly everyMs: number
  private readonly ranker: Ranker
  private readonly controller: ControllerProcess | undefined
  private readonly alertBook = new AlertBook()
  private readonly listeners = new Set<(event: SiteEvent) => void>()
  private readonly startedAt: EpochMs
  private state: JudgementStatus['controller'] = 'starting'
  private turns = 0
  private lastTurnAt: EpochMs | undefined
  private looked: Looked | undefined
  /** Another process takes the turns. */
  private standby = false
  /** Why turns are not taken, as last told; undefined: they are. */
  private idle: string | undefined
  private trouble: string | undefined
  private lookFailure: string | undefined
  private told = ''
  private timer: NodeJS.Timeout | undefined

  constructor(options: JudgementOptions) {
    this.options = options
    this.everyMs = options.everyMs ?? EVERY_MS
    this.startedAt = options.clock.now()
    this.moves = new MovesBoard({
      ask: async (ask, waitMs) => this.controller?.ask(ask, waitMs),
      kill: () => this.controller?.kill(),
      publish: (event) => this.publish(event),
    })
    const { store, place, holder, pace, platform, turns } = options
    const paced = pace === undefined ? {} : { pace }
    const keeping = turns === undefined ? {} : { turns }
    const beside = { ...paced, ...keeping, ...(platform === undefined ? {} : { platform }) }
    this.ranker = new Ranker({
      place,
      ...paced,
      onLoaded: (message) => this.loaded(message),
      onFailed: ({ source, reason }) => this.failed(source, reason),
      onEnd: (why) => options.note?.(`The ranker ended and is started anew: ${why}`),
    })
    if (options.isControlling === false) return
    this.controller = new ControllerProcess({
      store,
      place,
      holder,
      everyMs: this.everyMs,
      // It guards against processes that live by the machine's clock, and is kept by the site's.
      leaseMs: (options.leaseMs ?? LEASE_MS) * (pace?.speed ?? 1),
      ...beside,
      ...(options.backoffMs === undefined ? {} : { backoffMs: options.backoffMs }),
      ...(options.controllerEntry === undefined ? {} : { entry: options.controllerEntry }),
      onMessage: (message) => this.hear(message),
      onEnd: (why) => {
        this.state = 'dead'
        this.forgetTold()
        options.note?.(`The controller ended and is started anew: ${why}`)
        this.review()
      },
    })
  }

  start(): void {
    this.ranker.start()
    this.controller?.start()
    this.timer = setInterval(() => this.watch(), this.watchMs())
    this.timer.unref()
  }

  private watchMs(): number {
    const speed = this.options.pace?.speed ?? 1
    return Math.max(50, Math.min(EMPTY_MS_MAX, this.everyMs / 4) / speed)
  }

  /** Messages of the controller that were none, since the start. */
  get ignoredMessages(): number {
    return this.controller?.ignoredMessages ?? 0
  }

  /** The controller's process now, for people who want to look at it. */
  get controllerPid(): number | undefined {
    return this.controller?.pid
  }

  /** Ends the ranker's thread, as a fault would; it is started anew. */
  restartRanker(): void {
    this.ranker.terminate()
  }

  readonly status = (): JudgementStatus => ({
    controller: this.state === 'running' && this.standby ? 'standby' : this.state,
    turns: this.turns,
    ...(this.lastTurnAt === undefined ? {} : { lastTurnAt: this.lastTurnAt }),
    degraded: this.degraded(),
  })

  async hostsFor(vm: VmId): Promise<Answer> {
    return this.ask({ what: 'hosts-for', vm })
  }

  async pair(vm: VmId, host: HostId): Promise<Answer> {
    return this.ask({ what: 'pair', vm, host })
  }

  async why(vm: VmId): Promise<Answer> {
    return this.ask({ what: 'why', vm })
  }

  async place(question: unknown): Promise<Answer> {
    return this.ask({ what: 'place', question })
  }

  async forecasts(): Promise<Answer> {
    return this.ask({ what: 'forecasts' })
  }

  async forecastOf(vm: VmId): Promise<Answer> {
    return this.ask({ what: 'forecast-of', vm })
  }

  async likeness(vm: VmId): Promise<Answer> {
    return this.ask({ what: 'likeness', vm })
  }

  async contention(): Promise<Answer> {
    return this.ask({ what: 'contention' })
  }

  async plan(): Promise<Answer> {
    return this.ask({ what: 'plan' })
  }

  async hostLoads(): Promise<Answer> {
    return this.ask({ what: 'host-loads' })
  }

  async outlook(): Promise<Answer> {
    return this.ask({ what: 'outlook' })
  }

  async evacuation(host: HostId): Promise<Answer> {
    return this.ask({ what: 'evacuation', host })
  }

  async conflicts(question: Omit<RulesQuestion, 'what'>): Promise<Answer> {
    return this.ask({ what: 'conflicts', ...question })
  }

  async alerts(): Promise<Answer> {
    this.review()
    const asOf = this.options.clock.now()
    return { kind: 'json', text: JSON.stringify({ asOf, degraded: this.degraded(), alerts: this.alertBook.list() }) }
  }

  /** The alerts that stand, the worst first. */
  listAlerts(): readonly Alert[] {
    this.review()
    return this.alertBook.list()
  }

  subscribe(listener: (event: SiteEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  async close(): Promise<void> {
    clearInterval(this.timer)
    await Promise.all([this.controller?.close(), this.ranker.close()])
    this.listeners.clear()
  }

  private async ask(question: Question): Promise<Answer> {
    return this.ranker.ask(question, this.degraded())
  }

  private hear(message: ControllerMessage): void {
    if (this.state !== 'running') this.state = 'running'
    if (message.kind === 'turn') {
      this.turns++
      this.lastTurnAt = message.at
      this.standby = false
      this.idle = undefined
      this.trouble = undefined
      this.ranker.load(message.packet)
    } else if (message.kind === 'standby') {
      // The store has said so: it can be asked, and what stood before is over.
      this.standby = true
      this.forgetTold()
      this.idle = undefined
      this.trouble = undefined
    } else if (message.kind === 'idle') {
      this.idle = message.reason
      this.standby = false
      this.trouble = undefined
    } else if (message.kind === 'moves' || message.kind === 'platform') {
      this.hearText(message)
    } else if (message.kind === 'note') {
      this.options.note?.(message.reason)
    } else if (message.kind === 'trouble') {
      this.trouble = message.reason
      this.options.note?.(`The controller has trouble: ${message.reason}`)
    }
    this.review()
  }

  private hearText({ kind, text, at }: Extract<ControllerMessage, { kind: 'moves' | 'platform' }>): void {
    try {
      if (kind === 'moves') this.moves.hear(text, at)
      else this.platform.hear(text)
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      this.options.note?.(`What the controller told of the ${kind} can't be read: ${error.message}`)
    }
  }

  private forgetTold(): void {
    this.moves.forget()
    this.platform.forget()
  }

  private loaded({ source, asOf, hosts, vms, alerts, events }: Extract<FromRanker, { kind: 'loaded' }>): void {
    this.looked = { source, asOf, isEmpty: hosts === 0 || vms === 0 }
    this.lookFailure = undefined
    this.announce(this.alertBook.replace('turn', alerts, asOf))
    for (const event of events) this.publish(event)
    this.review()
  }

  private failed(source: 'turn' | 'look', reason: string): void {
    this.options.note?.(`The ranker could not use ${source === 'turn' ? "a turn's message" : 'what it saw'}: ${reason}`)
    if (source === 'look') this.lookFailure = reason
    // A message that can't be read is ignored; the store can be looked at.
    else this.ranker.look()
    this.review()
  }

  /** Where no turn comes, the store is looked at once an interval. */
  private watch(): void {
    const ageMs = this.options.clock.now() - (this.looked?.asOf ?? this.startedAt)
    const lookMs = this.looked?.isEmpty === false ? this.everyMs : Math.min(EMPTY_MS_MAX, this.everyMs)
    const limitMs = this.looked?.source === 'turn' ? this.lateMs() : lookMs
    if (ageMs >= limitMs || (this.looked === undefined && this.lookFailure !== undefined)) this.ranker.look()
    this.review()
  }

  private lateMs(): number {
    const { pace } = this.options
    return Math.max(LATE_INTERVALS * this.everyMs, pace === undefined ? 0 : LATE_MS_MIN * pace.speed)
  }

  private isLate(): boolean {
    return this.options.clock.now() - (this.lastTurnAt ?? this.startedAt) > this.lateMs()
  }

  /** Why answers are worth less than they should be. */
  private degraded(): readonly string[] {
    const reasons: string[] = []
    if (this.trouble !== undefined) reasons.push(`The controller has trouble: ${this.trouble}`)
    if (this.lookFailure !== undefined) reasons.push(`The store can't be looked at: ${this.lookFailure}`)
    if (this.idle !== undefined) reasons.push(this.idle)
    if (this.controller === undefined || this.standby) return reasons.map(shorten)
    if (this.state === 'dead') reasons.push('The controller is dead and is being started again.')
    if (this.lastTurnAt === undefined)
      reasons.push('No turn has been taken since the start: hosts are ranked by what the store holds.')
    else if (this.isLate() && this.idle === undefined) {
      const agoMin = (this.options.clock.now() - this.lastTurnAt) / MINUTE_MS
      reasons.push(`The last turn was ${agoMin.toFixed(1)} min ago: hosts are ranked by what the store holds.`)
    }
    return reasons.map(shorten)
  }

  /** Alerts of this process itself, and a word to streams where its status changed. */
  private review(): void {
    const at = this.options.clock.now()
    this.announce(this.alertBook.replace('judgement', this.ownAlerts(), at))
    this.announce(this.alertBook.replace('moves', this.moves.alerts, at))
    this.announce(this.alertBook.replace('platform', this.platform.alerts, at))
    this.announce(this.alertBook.replace('hosts', this.options.hostAlerts?.() ?? [], at))
    const { controller, degraded } = this.status()
    const text = JSON.stringify({ controller, degraded: degraded.map((reason) => reason.replace(/[\d.]+ min/, '')) })
    if (text === this.told) return
    this.told = text
    this.publish({ name: 'status', at, text: JSON.stringify({ at, ...this.status() }) })
  }

  private ownAlerts(): readonly AlertDraft[] {
    const alerts: AlertDraft[] = []
    const isWaiting = this.controller === undefined || this.standby || this.idle !== undefined
    if (this.state === 'dead' || (!isWaiting && this.isLate())) {
      alerts.push({
        kind: 'controller-dead',
        severity: 'critical',
        what: 'The controller takes no turns. VMs run on as they are, and answers come from what the store holds.',
        remedy:
          'It is started again by itself. If that does not help: what does the log say, and is there memory left?',
      })
    }
    const trouble = this.trouble ?? this.lookFailure
    if (trouble !== undefined) {
      alerts.push({
        kind: 'store-trouble',
        severity: 'critical',
        what: `The store fails, so nothing is ordered: ${shorten(trouble)}`,
        remedy: 'Is the disk full or read-only, or the database gone? `ethos store check` looks at it.',
      })
    }
    return alerts
  }

  private announce(changes: ReturnType<AlertBook['replace']>): void {
    const at = this.options.clock.now()
    for (const change of changes)
      this.publish({ name: 'alert', at, text: JSON.stringify({ change: change.change, ...change.alert }) })
  }

  private publish(event: SiteEvent): void {
    for (const listener of this.listeners) listener(event)
  }
}

function shorten(reason: string): string {
  return reason.length > REASON_LENGTH_MAX ? `${reason.slice(0, REASON_LENGTH_MAX - 3)}...` : reason
}
