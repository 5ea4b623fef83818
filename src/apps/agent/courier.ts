/** Carries vectors from the spool to the server, at least once each and in order, by whichever way there is. */
import type { Machine } from '../../drivers/guest/machine.ts'
import { Spool, type SpoolState } from '../../drivers/guest/spool.ts'
import { MINUTE_MS } from '../../terms/units.ts'
import type { AgentConfig } from './config.ts'
import { ChannelUplink } from './courier-channel.ts'
import { HttpsUplink } from './courier-https.ts'
import type { Log } from './log.ts'
import type { PhaseOrders } from './phase-keeper.ts'

/** Longest sleep: whether another way has opened is looked at as often. */
const IDLE_MS = MINUTE_MS

/** Where the courier stands, for people. */
export interface CourierState extends SpoolState {
  /** What keeps vectors from leaving, if anything does. */
  readonly held?: string
  /** Lines that the server will never take. */
  readonly refused: number
  /** By which way they leave; `none`: they are only kept. */
  readonly uplink: UplinkName
  /** What is wrong with this guest's clock, if anything is. */
  readonly clock?: string
}

export type UplinkName = 'https' | 'virtio' | 'none'

export interface CourierOptions {
  readonly machine: Machine
  readonly config: AgentConfig
  readonly log: Log
  readonly vm: string
  /** Who is told of the server's phase model; nobody, where vectors are only sent. */
  readonly phases?: PhaseOrders
}

/** What a way out tells of itself. */
export interface UplinkState {
  readonly held?: string
  readonly refused: number
  readonly clock?: string
}

/** A way out. */
export interface Uplink {
  readonly state: UplinkState
  /** A line was added; this many wait. */
  offered(waiting: number): void
  /** Does what is due, and returns how long nothing will be, in ms. */
  step(): Promise<number>
  close(): void
}

/** Offers lines to a spool, and carries them. Without a server and without a channel it keeps vectors and sends none. */
export class Courier {
  private readonly options: CourierOptions
  private readonly spool: Spool
  private uplinkName: UplinkName = 'none'
  private uplink: Uplink | undefined
  private wake = new AbortController()
  private isEnding = false

  constructor(options: CourierOptions) {
    const { machine, config } = options
    this.options = options
    this.spool = new Spool(machine, `${config.stateFolder}/spool`, config.spoolBytesMax)
    this.choose()
  }

  get state(): CourierState {
    return { ...this.spool.state, refused: 0, ...this.uplink?.state, uplink: this.uplinkName }
  }

  /** Keeps a line; it leaves when its turn comes. */
  offer(line: string): void {
    const wasDegraded = this.spool.state.degraded !== undefined
    this.spool.add(line)
    this.tellDisk(wasDegraded)
    this.uplink?.offered(this.spool.state.waiting)
    this.wake.abort()
  }

  /** Sends until told to stop. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.end())
    if (signal.aborted) this.end()
    while (!this.isEnding) {
      this.wake = new AbortController()
      const waitMs = await this.turn()
      if (waitMs > 0 && !this.isEnding) await this.options.machine.sleep(Math.min(IDLE_MS, waitMs), this.wake.signal)
    }
    this.uplink?.close()
    this.spool.settle()
    this.spool.close()
  }

  /** Does what is due. Returns how long nothing will be, in ms. */
  async turn(): Promise<number> {
    this.choose()
    return (await this.uplink?.step()) ?? IDLE_MS
  }

  private end(): void {
    this.isEnding = true
    this.wake.abort()
  }

  /** A port may come while the agent runs: `auto` takes it. */
  private choose(): void {
    const { machine, config, log } = this.options
    const name = chooseUplink(machine, config)
    if (name === this.uplinkName) return
    if (this.uplinkName !== 'none') log.tell('notice', `vectors leave by ${name} from now on`)
    this.uplink?.close()
    this.uplinkName = name
    const parts = { ...this.options, spool: this.spool }
    if (name === 'none') this.uplink = undefined
    else this.uplink = name === 'https' ? new HttpsUplink(parts, config.server ?? '') : new ChannelUplink(parts)
  }

  private tellDisk(wasDegraded: boolean): void {
    const { log } = this.options
    const { degraded } = this.spool.state
    if (degraded !== undefined) {
      const hint = 'Vectors are held in memory, the newest 288. Is the disk full or read-only?'
      log.say('warning', 'spool_degraded', `spool_degraded: ${degraded}. ${hint}`)
    } else if (wasDegraded) log.tell('notice', 'the spool is on disk again')
  }
}

/** The way that the settings ask for: of themselves they take the channel where there is one that may be opened, else the network. */
export function chooseUplink(machine: Machine, config: AgentConfig): UplinkName {
  const { uplink, server, virtioPort } = config
  if (uplink === 'none' || uplink === 'virtio') return uplink
  if (uplink === 'auto') {
    const access = machine.access(virtioPort)
    if (access === 'readable' || (access === 'denied' && server === undefined)) return 'virtio'
  }
  return server === undefined ? 'none' : 'https'
}
