/** `ethos reporter`, on a host of VMs: reports of the host and what runs there, and relays what guests say over their channels (decision 0013). */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { HostReport } from '../../terms/host-report.ts'
import type { HostId } from '../../terms/ids.ts'
import type { EpochMs } from '../../terms/units.ts'
import type { Clock } from '../../world/clock.ts'
import { type ChannelOptions, Channels } from '../server/channels.ts'
import { HostIdentity } from './host-identity.ts'
import { busyCores, type HostLook, lookAtHost } from './host-usage.ts'
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
  readonly log: Logger
}

/** The same trouble is said again after so long. */
const SAID_AGAIN_MS = 10 * 60_000

export class Reporter {
  private readonly options: ReporterOptions
  private readonly identity: HostIdentity
  private readonly vms: LibvirtVms
  private readonly channels: Channels
  private readonly ending = new AbortController()
  private readonly said = new Map<string, EpochMs>()
  private running: Promise<void> | undefined
  private before: HostLook | undefined
  private readonly busy: { readonly cores: number; readonly spanMs: number }[] = []
  private reportedAt: EpochMs
  private libvirtTrouble: string | undefined

  constructor(options: ReporterOptions) {
    this.options = options
    const { server, host, stateFolder: folder, tokenFile, clock, log } = options
    this.identity = new HostIdentity({ server, host, folder, tokenFile, clock })
    this.vms = new LibvirtVms(options.refCoresPerCore)
    const desk = new RelayDesk(
      (asked) => this.send(asked),
      clock,
      (text) => this.say(text),
    )
    this.channels = new Channels(desk, log, options.channels)
    this.reportedAt = clock.now()
  }

  start(): void {
    this.channels.start()
    this.running = this.run()
  }

  async close(): Promise<void> {
    this.ending.abort()
    await this.channels.close()
    await this.running
  }

  private async run(): Promise<void> {
    const { signal } = this.ending
    while (!signal.aborted) {
      await this.look()
      if (this.options.clock.now() - this.reportedAt >= this.options.reportEveryMs) await this.report()
      await sleep(this.options.lookEveryMs, undefined, { signal }).catch(() => undefined)
    }
  }

  private async look(): Promise<void> {
    const { clock, procFolder, domstats } = this.options
    const is = lookAtHost(procFolder, clock.now())
    const cores = this.before === undefined ? undefined : busyCores(this.before, is)
    if (cores !== undefined && this.before !== undefined) this.busy.push({ cores, spanMs: is.at - this.before.at })
    this.before = is
    try {
      this.vms.look(await domstats(), clock.now())
      this.libvirtTrouble = undefined
      for (const [domain, reason] of this.vms.refused) this.say(`VM ${JSON.stringify(domain)} is left out: ${reason}`)
    } catch (error) {
      if (!(error instanceof ReporterError)) throw error
      this.libvirtTrouble = error.message
      this.say(error.message)
    }
  }

  /** Nothing is reported while libvirt does not answer: an empty list would say that no VM is here. */
  private async report(): Promise<void> {
    const { clock, host, log } = this.options
    if (this.libvirtTrouble !== undefined) return
    const now = clock.now()
    const report = this.make(now)
    this.reportedAt = now
    try {
      const path = `/v1/hosts/${encodeURIComponent(host)}/reports`
      const answer = await this.send({ path, body: JSON.stringify(report) })
      if (answer.status === 200) log.debug({ vms: report.vms.length }, 'reported')
      else this.say(`The report was not taken (${answer.status}): ${reasonOf(answer)}`)
    } catch (error) {
      if (!(error instanceof ReporterError)) throw error
      this.say(error.message)
    }
  }

  private make(now: EpochMs): HostReport {
    const { host, refCoresPerCore, isInMaintenance } = this.options
    const spanMs = this.busy.reduce((sum, look) => sum + look.spanMs, 0)
    const mean = this.busy.reduce((sum, look) => sum + look.cores * look.spanMs, 0) / spanMs
    const max = Math.max(...this.busy.map(({ cores }) => cores))
    this.busy.length = 0
    const cpu = spanMs > 0 ? { cpuRefCoresMean: mean * refCoresPerCore, cpuRefCoresMax: max * refCoresPerCore } : {}
    const memory = this.before?.memoryUsedBytes
    return {
      hostId: host,
      windowEnd: Math.round(now),
      windowMs: Math.max(1, Math.round(now - this.reportedAt)),
      state: isInMaintenance() ? 'maintenance' : 'on',
      ...cpu,
      ...(memory === undefined ? {} : { memoryUsedBytes: memory }),
      vms: this.vms.report(),
    }
  }

  /** As this host. Where the certificate is not taken, a token is used if an operator has left one. */
  private async send(asked: Asked): Promise<Answer> {
    const answer = await send(await this.identity.ready(), asked)
    if (answer.status !== 401) return answer
    await this.identity.doubt()
    throw new ReporterError(
      'not-taken',
      'The server does not take this host’s certificate. Was the host off for more than a week?',
    )
  }

  /** Says a trouble once, and again only after a while. */
  private say(text: string): void {
    const now = this.options.clock.now()
    // The same with other numbers is the same.
    const key = text.replaceAll(/\d+/g, '#')
    const saidAt = this.said.get(key)
    if (saidAt !== undefined && now - saidAt < SAID_AGAIN_MS) return
    if (this.said.size > 1000) this.said.clear()
    this.said.set(key, now)
    this.options.log.warn(text)
  }
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
