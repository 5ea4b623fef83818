/** Carries vectors from the spool to the server, at least once each and in order; keeps the identity alive. */
import { isOfTheWorld, readIdentity, writeIdentity } from '../../drivers/guest/identity.ts'
import type { Machine } from '../../drivers/guest/machine.ts'
import { Spool, type SpoolState } from '../../drivers/guest/spool.ts'
import { type Identity, joinServer, renewIdentity, sendVectors } from '../../drivers/guest/uplink-https.ts'
import { batchOf, isRenewalDue, type Outcome, SPREAD_MS, waitAfter } from '../../engine/delivery/pace.ts'
import type { AgentConfig } from './config.ts'
import type { Log } from './log.ts'

/** Bounds of a batch, below those of the server (decision 0009). */
const BATCH = { lines: 100, bytes: 60 * 1024 }
/** Longest sleep while nothing is to be sent. */
const IDLE_MS = 60_000

/** Where the courier stands, for people. */
export interface CourierState extends SpoolState {
  /** What keeps vectors from leaving, if anything does. */
  readonly held?: string
}

export interface CourierOptions {
  readonly machine: Machine
  readonly config: AgentConfig
  readonly log: Log
  readonly vm: string
}

/** Without a server in the settings it keeps vectors and sends none. */
export class Courier {
  private readonly options: CourierOptions
  private readonly spool: Spool
  private identity: Identity | undefined
  private held: string | undefined
  private failures = 0
  private nextMs = 0
  private wake = new AbortController()

  constructor(options: CourierOptions) {
    const { machine, config } = options
    this.options = options
    this.spool = new Spool(machine, `${config.stateFolder}/spool`, config.spoolBytesMax)
    // Agents that start together do not all speak at once.
    this.nextMs = machine.monotonicMs() + this.luck() * SPREAD_MS
  }

  get state(): CourierState {
    return { ...this.spool.state, ...(this.held === undefined ? {} : { held: this.held }) }
  }

  /** Keeps a line; it leaves when its turn comes. */
  offer(line: string): void {
    const wasDegraded = this.spool.state.degraded
    this.spool.add(line)
    const { degraded } = this.spool.state
    if (degraded !== undefined)
      this.options.log.say(
        'warning',
        'spool_degraded',
        `spool_degraded: ${degraded}. Vectors are held in memory, at most 288. Is the disk full or read-only?`,
      )
    else if (wasDegraded !== undefined) this.options.log.tell('notice', 'the spool is on disk again')
    this.wake.abort()
    this.wake = new AbortController()
  }

  /** Sends until told to stop. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { machine } = this.options
      const waitMs = this.nextMs - machine.monotonicMs()
      if (waitMs <= 0 && this.spool.state.waiting > 0 && this.options.config.server !== undefined) await this.turn()
      else
        await machine.sleep(
          Math.min(IDLE_MS, waitMs > 0 ? waitMs : IDLE_MS),
          AbortSignal.any([signal, ...(waitMs > 0 ? [] : [this.wake.signal])]),
        )
    }
    this.spool.close()
  }

  /** One batch, or what it needs first. */
  async turn(): Promise<void> {
    const { machine, config, log } = this.options
    const server = config.server as string
    const result = await this.ready(server)
    const lines = batchOf(this.spool.peek(BATCH.lines), BATCH)
    const outcome =
      typeof result === 'string'
        ? ({ kind: 'later', reason: result } as const)
        : await sendVectors(machine, { server, identity: result, lines })
    if (outcome.kind === 'acknowledged') {
      this.spool.remove(lines.length)
      if (outcome.refused > 0)
        log.say(
          'warning',
          'refused',
          `${server} refused ${outcome.refused} of ${lines.length} vectors for good. Is the agent newer than the server?`,
        )
      if (this.held !== undefined)
        log.tell('notice', `vectors leave again for ${server}; ${this.spool.state.waiting} are waiting`)
      this.held = undefined
      this.failures = 0
    } else {
      this.failures++
      this.held = outcome.reason
      log.say(
        'warning',
        'held',
        `vectors are kept and not sent: ${outcome.reason}. ${this.spool.state.waiting} are waiting`,
      )
    }
    this.pause(outcome)
  }

  private pause(outcome: Outcome): void {
    const { machine } = this.options
    const waitMs = waitAfter(outcome, this.failures, this.luck())
    const spreadMs = outcome.kind === 'acknowledged' && this.spool.state.waiting === 0 ? this.luck() * SPREAD_MS : 0
    this.nextMs = machine.monotonicMs() + waitMs + spreadMs
  }

  /** An identity that is good to send with, or why there is none. */
  private async ready(server: string): Promise<Identity | string> {
    const { machine, config, vm } = this.options
    try {
      if (this.identity === undefined) {
        const found = readIdentity(machine, config.stateFolder)
        if (found.kind === 'unusable') return found.reason
        if (found.kind === 'found') this.identity = found.identity
      }
      if (this.identity === undefined) {
        const token = machine.readText(config.tokenFile, 1024)?.trim()
        if (token === undefined)
          return `this VM has no identity yet. \`ethos token create --vm ${vm}\` on the server makes a token; write it to ${config.tokenFile}`
        this.identity = await joinServer(machine, { server, vm, token })
        writeIdentity(machine, config.stateFolder, this.identity)
      }
      if (isRenewalDue(machine.secrets.readCertificate(this.identity.certificate), machine.now())) {
        this.identity = await renewIdentity(machine, server, this.identity)
        writeIdentity(machine, config.stateFolder, this.identity)
      }
      return this.identity
    } catch (error) {
      if (isOfTheWorld(error)) return error.message
      throw error
    }
  }

  private luck(): number {
    const [a, b] = this.options.machine.secrets.randomBytes(2)
    return (a * 256 + b) / 65_536
  }
}
