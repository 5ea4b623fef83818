import type { Measure } from '../../../terms/reading.ts'
import { ParseError } from '../../../terms/parse.ts'
import { SECOND_MS } from '../../../terms/units.ts'
import type { Machine } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import { parseResults, type ProbeResults, RATE_KEYS, type RateKey, RESULT_BYTES_MAX } from './results.ts'
import { performRound } from './round.ts'
import type { ProbeSettings } from './settings.ts'

const MEASURE: Readonly<Record<RateKey, Measure>> = {
  file: 'systemCallsFilePerSec',
  network: 'systemCallsNetworkPerSec',
  memory: 'systemCallsMemoryPerSec',
  process: 'systemCallsProcessPerSec',
  time: 'systemCallsTimePerSec',
  sync: 'systemCallsSyncPerSec',
  other: 'systemCallsOtherPerSec',
  tls: 'libraryCallsTlsPerSec',
  allocator: 'libraryCallsAllocatorPerSec',
  dns: 'libraryCallsDnsPerSec',
}
/** After so many rounds that did not come, what is known is absent. */
const STALE_AFTER_ROUNDS = 2
/** The wall clock may be set back a little between two processes. Results from further ahead are no results. */
const AHEAD_MS_MAX = 60 * SECOND_MS
const REMEDY = 'systemctl enable --now ethos-agent-probes.timer; without systemd run `ethos agent probe-helper` as root'

/** What a sampler of probes is made of. */
export interface ProbesSamplerOptions {
  readonly settings: ProbeSettings
  /** The agent is root, and attaches by itself: in a laboratory, where nobody separates privileges. */
  readonly attachesItself: boolean
}

/** System and library calls per second, as the probe helper left them in a file; or as counted by ourselves, where we may and were told to. */
export class ProbesSampler implements Sampler {
  readonly name = 'probes'
  readonly isCheap = false
  private readonly machine: Machine
  private readonly options: ProbesSamplerOptions
  private readonly control = new AbortController()
  private text: string | undefined
  private results: ProbeResults | undefined
  private refusal: string | undefined
  /** Age of the results when they were first seen, and when that was: from then on the wall clock plays no part. */
  private ageMs = 0
  private seenAtMs = Number.NaN
  private round: Promise<void> | undefined
  private roundAtMs = Number.NEGATIVE_INFINITY

  constructor(machine: Machine, options: ProbesSamplerOptions) {
    this.machine = machine
    this.options = options
  }

  sample(look: Look, into: ReadingWriter): void {
    if (this.options.attachesItself) this.attachWhenDue(look.monotonicMs)
    else this.read(look.monotonicMs)
    const { results } = this
    if (results === undefined || this.isStale(look.monotonicMs)) return
    for (const key of RATE_KEYS) {
      const rate = results.rates[key]
      if (rate !== undefined) into.put(MEASURE[key], rate.perSec)
    }
    if (look.wantsDetails) putDetails(results, into)
  }

  /** What the file tells now; nothing is attached to find out. */
  findings(): readonly Finding[] {
    const nowMs = this.machine.monotonicMs()
    if (!this.options.attachesItself) this.read(nowMs)
    const { results } = this
    if (results === undefined) return absent(this.refusal ?? this.whyNoFile())
    if (this.isStale(nowMs)) return absent('the last results are older than two rounds: the probe helper runs no more')
    return (['system calls', 'library calls'] as const).flatMap((what) => findingsOf(what, results))
  }

  async close(): Promise<void> {
    this.control.abort()
    await this.round
  }

  private whyNoFile(): string {
    if (this.options.attachesItself) return 'the first round is not over yet'
    const { resultFile } = this.options.settings
    return this.machine.access(resultFile) === 'denied'
      ? `${resultFile} may not be read: is this user in the group of the probe helper?`
      : `no probe helper has left results at ${resultFile}`
  }

  private isStale(nowMs: number): boolean {
    if (this.results === undefined) return true
    return this.ageMs + (nowMs - this.seenAtMs) > STALE_AFTER_ROUNDS * this.results.everyMs
  }

  private read(nowMs: number): void {
    const text = this.machine.readText(this.options.settings.resultFile, RESULT_BYTES_MAX + 1)
    if (text === this.text) return
    this.text = text
    this.results = undefined
    this.refusal = undefined
    if (text === undefined) return
    try {
      this.accept(parseResults(text), nowMs)
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      this.refusal = `what the probe helper left is refused: ${error.message}`.slice(0, 300)
    }
  }

  private accept(results: ProbeResults, nowMs: number): void {
    const ageMs = this.machine.now() - results.at
    if (ageMs < -AHEAD_MS_MAX) {
      this.refusal = 'the results are of a time that has not come'
      return
    }
    this.results = results
    this.ageMs = Math.max(0, ageMs)
    this.seenAtMs = nowMs
  }

  private attachWhenDue(nowMs: number): void {
    const { settings } = this.options
    if (this.round !== undefined || nowMs - this.roundAtMs < settings.everyMs) return
    this.roundAtMs = nowMs
    this.round = this.takeRound()
  }

  private async takeRound(): Promise<void> {
    const { machine, results: before } = this
    const { settings } = this.options
    try {
      const results = await performRound({ machine, settings, before, signal: this.control.signal })
      this.accept(results, machine.monotonicMs())
    } catch (error) {
      this.refusal = `the round failed: ${error instanceof Error ? error.message : String(error)}`.slice(0, 300)
    } finally {
      this.round = undefined
    }
  }
}

function findingsOf(what: 'system calls' | 'library calls', results: ProbeResults): readonly Finding[] {
  const keys = RATE_KEYS.filter((key) => results.rates[key] !== undefined)
  const own = keys.filter((key) => MEASURE[key].startsWith(what === 'system calls' ? 'system' : 'library'))
  const missing = results.missing.filter((each) => each.what === what)
  const findings: Finding[] = missing.map(({ because, remedy }) => ({
    sampler: 'probes',
    what,
    state: own.length > 0 ? 'partly' : 'absent',
    because,
    remedy,
  }))
  if (own.length === 0) return findings
  const counter = results.rates[own[0]]?.counter ?? ''
  const share = ((100 * results.attachedMs) / results.everyMs).toFixed(1)
  const because = `${own.join(', ')}; counted by ${counter}, all probes together attached ${share} % of the time`
  return [{ sampler: 'probes', what, state: 'seen', because }, ...findings]
}

function absent(because: string): readonly Finding[] {
  return [{ sampler: 'probes', what: 'system and library calls', state: 'absent', because, remedy: REMEDY }]
}

function putDetails(results: ProbeResults, into: ReadingWriter): void {
  const share = (100 * results.attachedMs) / results.everyMs
  into.detail({ name: 'probes attached', unit: 'fraction', value: share / 100 })
  for (const key of RATE_KEYS) {
    const rate = results.rates[key]
    if (rate === undefined || rate.calls === 0) continue
    into.detail({ name: `${key} calls, standard error`, unit: '1/s', value: rate.errorPerSec })
    if (rate.lowByMax >= 0.01)
      into.detail({ name: `${key} calls, low by at most`, unit: 'fraction', value: rate.lowByMax })
  }
  if (results.top.length === 0) return
  const top = results.top.map(({ name, perSec }) => `${name} ${Math.round(perSec)}/s`)
  into.detail({ name: 'most frequent system calls', unit: '', value: top.join(', ') })
}
