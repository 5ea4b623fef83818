/** A large site for a minute of the clock, and a burst after it: `ethos serve` as a process of its own, hosts that report and relay over TLS, a program that
 *  asks for rankings. Requests are sent when they are due, whether those before are answered or not, and each is timed from when it was due. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeApiToken } from '../../src/apps/server/api/api-token.ts'
import { Bench, type Identity } from '../../src/apps/server/builders.ts'
import { DIMENSIONS, MASK_BYTES } from '../../src/terms/personality.ts'
import { encodePersonality } from '../../src/terms/personality-codec.ts'
import { MINUTE_MS, SECOND_MS } from '../../src/terms/units.ts'
import { useOf } from '../agent/process-use.ts'
import type { ImaginedSite } from './imagined-site.ts'
import { startProcess } from './kills.ts'
import { until } from './live-site.ts'
import { quantiles } from './site-day.ts'

const TURN_EVERY_MS = 10 * SECOND_MS
/** A turn comes so long after the whole interval (`controller-loop.ts`: a fifth of it, where that is less than a minute). */
const SETTLE_MS = TURN_EVERY_MS / 5
/** Every VM is heard once in five minutes, and every host passes on what it heard in a minute. */
const RELAYS_PER_VECTOR_INTERVAL = 5
const BURST = 10
/** As the server lets strangers in (`callers.ts`), with something to spare. */
const STRANGERS_AT_ONCE = 90
const STRANGER_MS = 50
const RANK_EVERY_MS = 250

export interface MinuteOptions {
  readonly site: ImaginedSite
  /** A store of the site; the server's data folder. */
  readonly folder: string
  readonly calmSec: number
  readonly burstSec: number
  readonly say: (what: string) => void
}

/** What is measured while the server is under one load. */
interface Span {
  readonly ingestMs: number[]
  readonly reportMs: number[]
  readonly rankingMs: number[]
  vectors: number
  unavailable: number
  loopLagP99Ms: number
  loopLagMaxMs: number
  cpuShare: number
}

export type MinuteFigures = Readonly<Record<string, number>>

/** Throws where anything that was told or asked is not answered with 200. */
export async function runMinute(options: MinuteOptions): Promise<MinuteFigures> {
  const bench = new Bench({ daysAgo: 0, data: options.folder })
  const { child, port } = await startProcess(options.folder, ['--turn-every', '10', '--open-metrics'])
  try {
    await bench.attach(port)
    const run = new Minute(bench, child.pid ?? 0, options)
    await run.begin()
    const calm = await run.span({ seconds: options.calmSec, times: 1 })
    const burst = await run.span({ seconds: options.burstSec, times: BURST })
    options.say(JSON.stringify(named('calm', calm)))
    return { ...named('calm', calm), ...named('burst', burst), ...run.figures(), ...(await run.lateness()) }
  } finally {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
    await bench.remove()
  }
}

class Minute {
  private readonly bench: Bench
  private readonly pid: number
  private readonly options: MinuteOptions
  private readonly byHost: readonly (readonly number[])[]
  private readonly hosts: Identity[] = []
  private readonly plansAt = new Set<number>()
  private readonly client = monitorEventLoopDelay({ resolution: 1 })
  private reader = { authorization: '' }
  private tls = { ca: '' }
  private relayed = 0
  private reported = 0
  private sentAgain = 0
  private rssBytesMax = 0
  private rssOfMax: readonly number[] = []
  private sequence = 1_000_000

  constructor(bench: Bench, pid: number, options: MinuteOptions) {
    this.bench = bench
    this.pid = pid
    this.options = options
    this.byHost = options.site.byHost()
  }

  /** All hosts join and tell of all VMs; returns when a turn ranks them. */
  async begin(): Promise<void> {
    const { site, say } = this.options
    const { text, token } = makeApiToken({ role: 'viewer', name: 'a program', at: Date.now() })
    await this.bench.server.store.apiTokens.add(token)
    this.reader = { authorization: `Bearer ${text}` }
    this.tls = { ca: this.bench.server.authority.pem }
    for (const [h, { id }] of site.hosts.entries()) {
      // What joins is a stranger, of whom each address may send one in a second after the first twenty.
      const localAddress = `127.0.5.${1 + Math.floor(h / 10)}`
      // All strangers together may send twenty a second after the first hundred.
      if (h >= STRANGERS_AT_ONCE) await sleep(2 * STRANGER_MS)
      this.hosts.push({ ...(await this.bench.host(id, { isRegistered: false, localAddress })), localAddress })
    }
    say(`${site.hosts.length} hosts have joined`)
    for (const [h, vms] of this.byHost.entries()) {
      await this.report(h)
      await this.relay(h, vms)
    }
    say(`${site.vms.length} VMs have been heard`)
    await until('a turn ranks', async () => {
      await sleep(SECOND_MS / 2)
      const { status, json } = await this.rank(0)
      return status === 200 && (json['degraded'] as readonly unknown[]).length === 0 ? true : undefined
    })
  }

  /** One load for some time. @param times as many vectors as at the site's pace */
  async span({ seconds, times }: { readonly seconds: number; readonly times: number }): Promise<Span> {
    const { site, say } = this.options
    const span: Span = {
      ingestMs: [],
      reportMs: [],
      rankingMs: [],
      vectors: 0,
      unavailable: 0,
      loopLagP99Ms: NaN,
      loopLagMaxMs: NaN,
      cpuShare: NaN,
    }
    const relayEveryMs = MINUTE_MS / site.hosts.length / times
    const untilMs = seconds * SECOND_MS
    await this.lag()
    this.client.enable()
    const [cpuBefore, begin] = [this.cpuMs(), performance.now()]
    await Promise.all([
      each(relayEveryMs, untilMs, async (due) => {
        const lines = await this.relayNext()
        span.ingestMs.push(performance.now() - due)
        span.vectors += lines
      }),
      each(MINUTE_MS / site.hosts.length, untilMs, async (due) => {
        await this.report(this.reported++ % site.hosts.length)
        span.reportMs.push(performance.now() - due)
      }),
      each(RANK_EVERY_MS, untilMs, async (due, i) => {
        const { status, text } = await this.rank(i * 7)
        // On a machine that gives the ranker no time it is started anew, and says so.
        if (status === 503) span.unavailable++
        else if (status !== 200) throw new Error(`a ranking: ${status} ${text.slice(0, 300)}`)
        span.rankingMs.push(performance.now() - due)
      }),
      each(SECOND_MS, untilMs, async () => this.look()),
    ])
    span.cpuShare = (this.cpuMs() - cpuBefore) / (performance.now() - begin)
    this.client.disable()
    Object.assign(span, await this.lag())
    say(`${span.vectors} vectors in ${seconds} s`)
    return span
  }

  figures(): MinuteFigures {
    const lags = [...this.plansAt].map((at) => {
      const late = (((at - SETTLE_MS) % TURN_EVERY_MS) + TURN_EVERY_MS) % TURN_EVERY_MS
      // A timer may fire a millisecond early.
      return late > TURN_EVERY_MS / 2 ? late - TURN_EVERY_MS : late
    })
    return {
      serverTurns: lags.length,
      ...quantiles('turnSeenAfterMs', lags),
      sentAgain: this.sentAgain,
      serverRssMiBMax: mib(this.rssBytesMax),
      serverRssMainMiB: mib(this.rssOfMax[0]),
      serverRssControllerMiB: mib(this.rssOfMax[1] ?? 0),
      clientLoopLagP99Ms: Math.round(this.client.percentile(99) / 1e5) / 10,
    }
  }

  /** The next part of the next host's VMs, as many as it hears in a minute. */
  private async relayNext(): Promise<number> {
    const { hosts } = this.options.site
    const round = Math.floor(this.relayed / hosts.length)
    const h = this.relayed++ % hosts.length
    const part = round % RELAYS_PER_VECTOR_INTERVAL
    const vms = this.byHost[h].filter((_, i) => i % RELAYS_PER_VECTOR_INTERVAL === part)
    await this.relay(h, vms)
    return vms.length
  }

  private async relay(h: number, vms: readonly number[]): Promise<void> {
    const lines = vms.map((v) => encodePersonality(this.vector(v)))
    const { status, text, json } = await this.again(() => this.bench.send(this.hosts[h], lines))
    if (status !== 200 || Number(json['accepted']) + Number(json['duplicates']) !== vms.length)
      throw new Error(`host ${h} relays: ${status} ${text}`)
  }

  /** All dimensions present: as long as they are in earnest. */
  private vector(v: number) {
    const values = Float32Array.from({ length: DIMENSIONS }, (_, i) => ((i * 37 + v * 11) % 100) / 128)
    const mask = new Uint8Array(MASK_BYTES).fill(255)
    return { ...this.options.site.vector(v, Date.now()), sequence: this.sequence++, values, mask }
  }

  private async report(h: number): Promise<void> {
    const { arrivedAt: _arrivedAt, ...report } = this.options.site.report(h, Date.now(), MINUTE_MS, this.byHost[h])
    const path = `/v1/hosts/${report.hostId}/reports`
    const { status, text } = await this.again(() =>
      this.bench.ask({ path, body: JSON.stringify(report), tls: this.hosts[h] }),
    )
    if (status !== 200) throw new Error(`${path}: ${status} ${text}`)
  }

  /** A connection that was kept may be ended by the server, which waits 20 s, in the very moment in which something is sent: then it is sent again. */
  private async again<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ECONNRESET')) throw error
      this.sentAgain++
      return act()
    }
  }

  private rank(v: number) {
    const { vms } = this.options.site
    const path = `/v1/vms/${vms[v % vms.length].id}/hosts`
    return this.again(() => this.bench.ask({ method: 'GET', path, headers: this.reader, tls: this.tls }))
  }

  /** When the last turn looked, and what memory all processes have. */
  private async look(): Promise<void> {
    const { json } = await this.bench.ask({
      method: 'GET',
      path: '/v1/plans/latest',
      headers: this.reader,
      tls: this.tls,
    })

    this.plansAt.add(Number(json['asOf']))
    const rss = this.pids().map((pid) => useOf(pid).residentBytes)
    const sum = rss.reduce((all, bytes) => all + bytes, 0)
    if (sum > this.rssBytesMax) [this.rssBytesMax, this.rssOfMax] = [sum, rss]
  }

  /** How late turns began, as the server counts it. */
  async lateness(): Promise<MinuteFigures> {
    const { text } = await this.bench.ask({ method: 'GET', path: '/metrics', tls: this.tls })
    const of = (what: string): number => {
      const [, value] = new RegExp(`^ethos_turn_late_seconds_${what} (\\S+)$`, 'm').exec(text) ?? []
      if (value === undefined) throw new Error(`/metrics has no ethos_turn_late_seconds_${what}.`)
      return Number(value)
    }
    const within = of('bucket\\{le="0.25"\\}')
    return {
      turnLateMsMean: Math.round((of('sum') / of('count')) * 1e4) / 10,
      turnsBegunLaterThan250Ms: of('count') - within,
    }
  }

  /** Of the main thread since it was last asked. */
  private async lag(): Promise<Pick<Span, 'loopLagP99Ms' | 'loopLagMaxMs'>> {
    const { text } = await this.bench.ask({ method: 'GET', path: '/metrics', tls: this.tls })
    const of = (name: string): number =>
      Number(new RegExp(`^nodejs_eventloop_lag_${name}_seconds (\\S+)$`, 'm').exec(text)?.[1]) * 1000
    return { loopLagP99Ms: of('p99'), loopLagMaxMs: of('max') }
  }

  private cpuMs(): number {
    return this.pids().reduce((sum, pid) => sum + useOf(pid).cpuMs, 0)
  }

  private pids(): readonly number[] {
    const children = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'latin1').trim().split(' ')
    return [this.pid, ...children.filter(Boolean).map(Number)]
  }
}

/** Acts whenever it is due; returns when all that was begun has ended. */
async function each(everyMs: number, forMs: number, act: (due: number, i: number) => Promise<void>): Promise<void> {
  const begin = performance.now()
  const begun: Promise<void>[] = []
  for (let i = 0; i * everyMs < forMs; i++) {
    const due = begin + i * everyMs
    const waitMs = due - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    begun.push(act(Math.max(due, begin), i))
  }
  await Promise.all(begun)
}

function named(name: string, span: Span): MinuteFigures {
  const of = (what: string): string => `${name}${what}`
  return {
    [of('Vectors')]: span.vectors,
    [of('RankingsUnavailable')]: span.unavailable,
    ...quantiles(of('IngestMs'), span.ingestMs),
    ...quantiles(of('ReportMs'), span.reportMs),
    ...quantiles(of('RankingMs'), span.rankingMs),
    [of('LoopLagP99Ms')]: Math.round(span.loopLagP99Ms * 10) / 10,
    [of('LoopLagMaxMs')]: Math.round(span.loopLagMaxMs * 10) / 10,
    [of('CpuPercentOfCore')]: Math.round(span.cpuShare * 1000) / 10,
  }
}

function mib(bytes: number): number {
  return Math.round(bytes / 2 ** 20)
}
