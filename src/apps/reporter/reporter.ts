/** `ethos reporter`, on a host of VMs: reports of the host and what runs there, and relays what guests say over their channels (decision 0013). */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Logger } from 'pino'
import type { HostReport } from '../../terms/host-report.ts'
import type { HostId } from '../../terms/ids.ts'
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import type { Clock } from '../../world/clock.ts'
import { type ChannelOptions, Channels } from '../server/channels.ts'
import { REPORT_BYTES_MAX, type ReporterRun, writeRun } from '../server/reporter-run.ts'
import { HostIdentity } from './host-identity.ts'
import { busyCores, type HostLook, lookAtHost, readBoot } from './host-usage.ts'
import { LibvirtVms } from './libvirt-vms.ts'
import { RelayDesk } from './relay-desk.ts'
import { ReporterError } from './reporter-error.ts'
import { type Answer, type Asked, send } from './request.ts'

export interface ReporterOptions {
  readonly server: string
  readonly host: HostId
  readonly stateFolder: string
  readonly tokenFile: string
  /** What one core here is worth, as the host's measurement says. */
  readonly refCoresPerCore: number
  /** Between looks, and between reports. */
  readonly lookEveryMs: number
  readonly reportEveryMs: number
  readonly channels: ChannelOptions
  readonly procFolder: string
  /** One look at libvirt. Rejects with a `ReporterError`. */
  readonly domstats: () => Promise<string>
  /** Whether an operator has put the host into maintenance. */
  readonly isInMaintenance: () => boolean
  readonly clock: Pick<Clock, 'now'>
  /** Time that goes by, whatever is done to the clock: spans are measured by it. */
  readonly elapsedMs: () => number
  readonly log: Logger
}

const gzipped = promisify(gzip)
const TOO_MANY = 429
/** The same trouble is said again after so long. */
const SAID_AGAIN_MS = 10 * MINUTE_MS
/** A clock that is off by more from one look to the next was set. */
const JUMP_MS = SECOND_MS
/** The longest window that a server takes. */
const WINDOW_MS_MAX = DAY_MS

/** What the host itself did since the last report that was taken. */
interface Busy {
  coreMs: number
  spanMs: number
  max: number
}

export class Reporter {
  private readonly options: ReporterOptions
  private readonly identity: HostIdentity
  private readonly vms: LibvirtVms
  private readonly channels: Channels
  private readonly ending = new AbortController()
  private readonly desk: RelayDesk
  /** When each trouble was said, in time that goes by; so are all instants below. */
  private readonly said = new Map<string, number>()
  /** By which the server tells a copy of this host from a start of the reporter. */
  private readonly run: Omit<ReporterRun, 'number'>
  private sent = 0
  private running: Promise<void> | undefined
  private before: { readonly look: HostLook; readonly atMs: number } | undefined
  private busy: Busy = { coreMs: 0, spanMs: 0, max: 0 }
  /** Since when what is told was gathered, and when it was last tried to be told. */
  private beganMs: number
  private triedMs: number
  private libvirtTrouble: string | undefined

  constructor(options: ReporterOptions) {
    this.options = options
    const { server, host, stateFolder: folder, tokenFile, clock, log } = options
    const note = (text: string): void => this.say(text)
    this.identity = new HostIdentity({ server, host, folder, tokenFile, clock, note })
    this.vms = new LibvirtVms(options.refCoresPerCore, (text) => log.warn(text))
    this.desk = new RelayDesk((asked) => this.send(asked), clock, note)
    this.channels = new Channels(this.desk, log, options.channels)
    const boot = readBoot(options.procFolder)
    this.run = { run: randomBytes(8).toString('hex'), ...(boot === undefined ? {} : { boot }) }
    this.beganMs = options.elapsedMs()
    this.triedMs = this.beganMs
  }

  start(): void {
    this.channels.start()
    this.running = this.work()
  }

  async close(): Promise<void> {
    this.ending.abort()
    this.desk.close()
    await this.channels.close()
    await this.running
  }

  private async work(): Promise<void> {
    const { signal } = this.ending
    const { elapsedMs, reportEveryMs, lookEveryMs } = this.options
    while (!signal.aborted) {
      await this.look()
      if (elapsedMs() - this.triedMs >= reportEveryMs) await this.report()
      await sleep(lookEveryMs, undefined, { signal }).catch(() => undefined)
    }
  }

  private async look(): Promise<void> {
    const { clock, elapsedMs, procFolder, domstats } = this.options
    this.lookAtHost(lookAtHost(procFolder, clock.now()), elapsedMs())
    try {
      const text = await domstats()
      this.vms.look(text, clock.now())
      this.libvirtTrouble = undefined
    } catch (error) {
      if (!(error instanceof ReporterError)) throw error
      this.libvirtTrouble = error.message
      this.say(error.message)
    }
  }

  private lookAtHost(look: HostLook, atMs: number): void {
    const { before, busy } = this
    this.before = { look, atMs }
    if (before === undefined) return
    const spanMs = atMs - before.atMs
    if (Math.abs(look.at - before.look.at - spanMs) > JUMP_MS) this.vms.startOver()
    const cores = busyCores(before.look, look)
    if (cores === undefined) return
    busy.coreMs += cores * spanMs
    busy.spanMs += spanMs
    busy.max = Math.max(busy.max, cores)
  }

  /** Nothing is reported while libvirt does not answer: an empty list would say that no VM is here. What the server did not hear, as it was away or
   *  had too much to do, is part of the next report. */
  private async report(): Promise<void> {
    if (this.libvirtTrouble !== undefined) return
    const { host, log, elapsedMs } = this.options
    this.triedMs = elapsedMs()
    const report = this.make(this.triedMs)
    try {
      const path = `/v1/hosts/${encodeURIComponent(host)}/reports`
      this.sent++
      const headers = { 'ethos-reporter': writeRun({ ...this.run, number: this.sent }) }
      const answer = await this.send({ path, headers, ...(await bodyOf(report)) })
      if (answer.status === 200) log.debug({ vms: report.vms.length }, 'reported')
      else this.say(`The report was not taken (${answer.status}): ${reasonOf(answer)}`)
      if (answer.status !== TOO_MANY && answer.status < 500) this.begin()
    } catch (error) {
      if (!(error instanceof ReporterError)) throw error
      this.say(error.message)
    }
  }

  /** What comes is of the next report. */
  private begin(): void {
    this.beganMs = this.triedMs
    this.busy = { coreMs: 0, spanMs: 0, max: 0 }
    this.vms.begin()
  }

  private make(atMs: number): HostReport {
    const { host, clock, refCoresPerCore, isInMaintenance } = this.options
    const { coreMs, spanMs, max } = this.busy
    const mean = coreMs / spanMs
    const cpu = spanMs > 0 ? { cpuRefCoresMean: mean * refCoresPerCore, cpuRefCoresMax: max * refCoresPerCore } : {}
    const memory = this.before?.look.memoryUsedBytes
    return {
      hostId: host,
      windowEnd: Math.round(clock.now()),
      windowMs: Math.min(WINDOW_MS_MAX, Math.max(SECOND_MS, Math.round(atMs - this.beganMs))),
      state: isInMaintenance() ? 'maintenance' : 'on',
      ...cpu,
      ...(memory === undefined ? {} : { memoryUsedBytes: memory }),
      vms: this.vms.report(),
    }
  }

  /** As this host. Where the certificate is not taken, a token is used if an operator has left one. */
  private async send(asked: Asked): Promise<Answer> {
    const answer = await send(await this.identity.ready(), { ...asked, signal: this.ending.signal })
    if (answer.status !== 401) return answer
    await this.identity.doubt()
    throw new ReporterError(
      'not-taken',
      'The server does not take this host’s certificate. Was the host off for more than a week?',
    )
  }

  /** Says a trouble once, and again only after a while. */
  private say(text: string): void {
    const now = this.options.elapsedMs()
    // The same with other numbers is the same.
    const key = text.replaceAll(/\d+/g, '#')
    const saidAt = this.said.get(key)
    if (saidAt !== undefined && now - saidAt < SAID_AGAIN_MS) return
    if (this.said.size > 1000) this.said.clear()
    this.said.set(key, now)
    this.options.log.warn(text)
  }
}

/** Longer ones are packed: 1,700 VMs with every number in full are as much as a server takes as it is. */
async function bodyOf(report: HostReport): Promise<Pick<Asked, 'body' | 'type'>> {
  const text = JSON.stringify(report)
  if (Buffer.byteLength(text) <= REPORT_BYTES_MAX) return { body: text }
  return { body: await gzipped(text), type: 'application/gzip' }
}

/** What the server said of it, with the command that helps, if it named one. */
function reasonOf({ json, text }: Answer): string {
  if (typeof json !== 'object' || json === null) return text.slice(0, 200)
  const word = (name: string): string => {
    const value: unknown = Reflect.get(json, name)
    return typeof value === 'string' ? value : ''
  }
  return [word('error'), word('reason'), word('remedy'), word('command')].filter((part) => part !== '').join('. ')
}
