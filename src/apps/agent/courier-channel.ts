/** The way over a virtio-serial port: no network, no certificate, identity by construction. */
import { isOfTheWorld } from '../../drivers/guest/identity.ts'
import type { WaitingLine } from '../../drivers/guest/spool.ts'
import { SerialLines } from '../../drivers/guest/uplink-serial.ts'
import { Channel, type Heard } from '../../engine/delivery/channel.ts'
import { PhaseFetch, type Piece } from '../../engine/delivery/phase-pieces.ts'
import { ParseError } from '../../terms/parse.ts'
import { parseVmId } from '../../terms/ids.ts'
import { SECOND_MS } from '../../terms/units.ts'
import type { Uplink, UplinkState } from './courier.ts'
import type { UplinkParts } from './courier-https.ts'

/** A port that can't be opened, or whose host takes nothing, is tried again after so long. */
const AGAIN_MS = 2 * SECOND_MS
/** Lines that are taken from the spool together; the cursor is written once for all of them. */
const TOGETHER = { lines: 50, bytes: 32 * 1024 } as const
/** While a piece of a phase model is on its way it is looked for so often. */
const FETCH_LOOK_MS = 50

export class ChannelUplink implements Uplink {
  private readonly parts: UplinkParts
  private readonly serial: SerialLines
  private readonly channel: Channel
  private queue: readonly WaitingLine[] = []
  /** How many of the queue are settled. */
  private settled = 0
  private held: string | undefined
  private refused = 0
  /** Name that the host gives this VM. */
  private hostsName: string | undefined
  /** A phase model on its way. */
  private fetch: PhaseFetch | undefined

  constructor(parts: UplinkParts) {
    this.parts = parts
    this.serial = new SerialLines(parts.machine, parts.config.virtioPort)
    this.channel = new Channel(parts.machine.monotonicMs())
  }

  get state(): UplinkState {
    return { refused: this.refused, ...(this.held === undefined ? {} : { held: this.held }) }
  }

  offered(): void {
    // The loop looks when it is woken.
  }

  step(): Promise<number> {
    const { machine, config } = this.parts
    const nowMs = machine.monotonicMs()
    try {
      if (this.serial.open()) this.channel.reopened(nowMs)
      for (const text of this.serial.exchange()) this.hear(this.channel.hear(text, nowMs))
      if (this.serial.isSending) {
        this.hold(`nobody listens at the host's end of ${config.virtioPort}`)
        this.acknowledge()
        return Promise.resolve(AGAIN_MS)
      }
      const next = this.next()
      const line = this.channel.speak(next, nowMs) ?? this.askForPhases(nowMs)
      if (line !== undefined) this.serial.say(line)
      if (line !== undefined) this.serial.exchange().forEach((text) => this.hear(this.channel.hear(text, nowMs)))
      if (next !== undefined && !this.channel.isOpen)
        this.hold(
          `the host has not greeted back on ${config.virtioPort}. Does a server there listen to this VM's channel?`,
        )
      const waitMs = this.channel.waitMs(next !== undefined, nowMs)
      return Promise.resolve(this.fetch === undefined ? waitMs : Math.min(FETCH_LOOK_MS, waitMs))
    } catch (error) {
      if (!isOfTheWorld(error)) return Promise.reject(error)
      this.hold(`${error.message}. May this user open the port?`)
      return Promise.resolve(AGAIN_MS)
    }
  }

  close(): void {
    this.acknowledge()
    this.serial.close()
  }

  private next(): string | undefined {
    if (this.settled === this.queue.length) {
      this.acknowledge()
      this.queue = this.parts.spool.peek(TOGETHER)
      this.settled = 0
    }
    const line = this.queue[this.settled]?.line
    // Whose channel it is, the host knows; what a guest calls itself does not matter here.
    return line === undefined ? undefined : withVm(line, this.hostsName)
  }

  private hear(heard: Heard | undefined): void {
    if (heard === undefined) return
    const { log } = this.parts
    if (heard.kind === 'busy') return this.hold(`the host asks to wait ${heard.seconds} s`)
    if (heard.kind === 'piece') return this.hearPiece(heard.piece)
    if (heard.phases !== undefined) this.parts.phases?.announced(heard.phases)
    if (heard.kind === 'welcome') return this.greet(heard.vm)
    this.settled++
    if (this.held !== undefined) log.tell('notice', 'vectors leave again for the host')
    this.held = undefined
    if (heard.refusal === undefined) return
    this.refused++
    log.say(
      'warning',
      'refused',
      `the host refused a vector for good: ${heard.refusal}. Is the agent newer than the server?`,
    )
  }

  /** A question for the next piece of the model that is wanted, if one is to be put now. */
  private askForPhases(nowMs: number): string | undefined {
    const { phases } = this.parts
    if (phases === undefined || !this.channel.isOpen) return undefined
    const version = phases.wanted(nowMs)
    if (version !== this.fetch?.version) this.fetch = version === undefined ? undefined : new PhaseFetch(version)
    const failure = this.fetch?.failure(nowMs)
    if (failure === undefined) return this.fetch?.speak(nowMs)
    this.fetch = undefined
    phases.failed(failure, nowMs)
    return undefined
  }

  private hearPiece(piece: Piece): void {
    const fetched = this.fetch?.hear(piece)
    if (fetched === undefined) return
    this.fetch = undefined
    const nowMs = this.parts.machine.monotonicMs()
    if (fetched.kind === 'whole') this.parts.phases?.take(fetched.text, nowMs)
    else this.parts.phases?.failed(fetched.reason, nowMs)
  }

  private greet(vm: string): void {
    try {
      this.hostsName = parseVmId(vm)
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
    }
  }

  private acknowledge(): void {
    if (this.settled === 0) return
    this.parts.spool.acknowledge(this.queue[this.settled - 1].ordinal, this.settled)
    this.queue = this.queue.slice(this.settled)
    this.settled = 0
  }

  private hold(reason: string): void {
    this.held = reason
    const { spool, log } = this.parts
    log.say('warning', 'held', `vectors are kept and not sent: ${reason}. ${spool.state.waiting} are waiting`)
  }
}

/** The line as of another VM. */
export function withVm(line: string, vm: string | undefined): string {
  const mark = '"vm":"'
  const from = line.indexOf(mark) + mark.length
  const to = line.indexOf('"', from)
  return vm === undefined || from < mark.length || to < 0 ? line : line.slice(0, from) + vm + line.slice(to)
}
