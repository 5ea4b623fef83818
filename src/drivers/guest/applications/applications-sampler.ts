import type { Machine } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import { tell } from '../samplers/tell.ts'
import { type Collector, mergeRates, type Rates } from './application.ts'
import { type Candidate, discover } from './discovery.ts'
import { makeConfigured, makeFound } from './make-collectors.ts'
import { OtlpReceiver } from './otlp.ts'
import { showAddress } from './session.ts'
import type { ApplicationSettings } from './settings.ts'
import { Watched } from './watched.ts'

/** New sockets are looked for this often. */
const DISCOVER_EVERY_MS = 60_000
/** Applications that are found by themselves. */
const FOUND_MAX = 32

/** Requests, latency, reads, cache hits and lock waits of the applications in this VM, taken together. They are asked beside the looks, never
 *  within: a look tells what the last answers said, and a server that is slow or gone delays nobody. */
export class ApplicationsSampler implements Sampler {
  readonly name = 'applications'
  readonly isCheap = false
  private readonly machine: Machine
  private readonly settings: ApplicationSettings
  private readonly configured: readonly Watched[]
  private readonly found = new Map<string, Watched>()
  /** Services that tell by themselves, by their collector. */
  private readonly telling = new Map<Collector, Watched>()
  private readonly receiver: OtlpReceiver | undefined
  private discoveredMs = -Infinity

  constructor(machine: Machine, settings: ApplicationSettings) {
    this.machine = machine
    this.settings = settings
    this.configured = makeConfigured(machine, settings).map((collector) => this.watch(collector, false))
    if (settings.otlp !== undefined) this.receiver = new OtlpReceiver(machine, settings.otlp)
  }

  sample(look: Look, into: ReadingWriter): void {
    if (look.monotonicMs - this.discoveredMs >= DISCOVER_EVERY_MS) this.discover(look.monotonicMs)
    const nowMs = look.monotonicMs
    this.receiver?.turn(nowMs)
    const rates: Rates[] = []
    const all = this.all()
    const titles = look.wantsDetails ? all.map(({ collector }) => collector.title) : []
    for (const watched of all) {
      const last = watched.rates(nowMs)
      if (last !== undefined) rates.push(last)
      if (look.wantsDetails && last !== undefined) tellOne(watched, last, { nowMs, titles, into })
      watched.turn(nowMs)
    }
    if (rates.length === 0) return
    const merged = mergeRates(rates)
    into.put('applicationRequestsPerSec', merged.requestsPerSec)
    into.put('applicationLatencyMsMean', merged.latencyMsMean)
    into.put('applicationReadShare', merged.readShare)
    into.put('applicationCacheHitShare', merged.cacheHitShare)
    into.put('applicationLockWaitShare', merged.lockWaitShare)
  }

  async findings(): Promise<readonly Finding[]> {
    this.discover(this.machine.monotonicMs())
    await Promise.all(this.all().map((watched) => watched.settle()))
    const findings = this.all().map((watched) => watched.finding())
    if (this.receiver !== undefined) findings.push(await this.receiver.finding())
    return findings.length > 0 ? findings : [NONE]
  }

  changes(): readonly Finding[] {
    return this.all().flatMap((watched) => watched.change() ?? [])
  }

  async close(): Promise<void> {
    await Promise.all(this.all().map((watched) => watched.close()))
    await this.receiver?.close()
  }

  private all(): readonly Watched[] {
    const telling = this.receiver?.applications() ?? []
    for (const collector of this.telling.keys()) if (!telling.includes(collector)) this.telling.delete(collector)
    for (const collector of telling) {
      if (!this.telling.has(collector)) this.telling.set(collector, this.watch(collector, false))
    }
    return [...this.configured, ...this.found.values(), ...this.telling.values()]
  }

  private discover(nowMs: number): void {
    this.discoveredMs = nowMs
    if (!this.settings.discover) return
    for (const [key, watched] of this.found) {
      if (!watched.hasGone) continue
      this.found.delete(key)
      void watched.close()
    }
    for (const candidate of discover(this.machine)) {
      const key = showAddress(candidate.address)
      if (this.found.has(key) || this.found.size >= FOUND_MAX || isConfigured(this.settings, candidate)) continue
      this.found.set(key, this.watch(makeFound(this.machine, candidate), true))
    }
  }

  private watch(collector: Collector, isFound: boolean): Watched {
    return new Watched(this.machine, collector, { everyMs: this.settings.everyMs, isFound })
  }
}

/** Whoever configures one of a kind says which of that kind are asked. */
function isConfigured(settings: ApplicationSettings, { kind }: Candidate): boolean {
  return kind === 'web' ? settings.nginx.length + settings.apache.length > 0 : settings[kind].length > 0
}

interface Telling {
  readonly nowMs: number
  /** Titles of all: where two are the same, their places tell them apart. */
  readonly titles: readonly string[]
  readonly into: ReadingWriter
}

function tellOne(watched: Watched, rates: Rates, { nowMs, titles, into }: Telling): void {
  const { title: short, place } = watched.collector
  const title = titles.filter((each) => each === short).length > 1 ? `${short} at ${place}` : short
  tell(into, `${title}: requests`, '1/s', rates.requestsPerSec)
  tell(into, `${title}: latency`, 'ms', rates.latencyMsMean)
  tell(into, `${title}: reads`, 'fraction', rates.readShare)
  tell(into, `${title}: cache hits`, 'fraction', rates.cacheHitShare)
  tell(into, `${title}: lock waits`, 'fraction', rates.lockWaitShare)
  for (const { name, unit, value } of watched.details(nowMs)) into.detail({ name: `${title}: ${name}`, unit, value })
}

const NONE: Finding = {
  sampler: 'applications',
  what: 'requests of applications',
  state: 'absent',
  because: 'nothing known listens on a usual local socket, and none is configured',
}
