import type { Measure } from '../../../terms/reading.ts'
import { LeftResults } from '../left-results.ts'
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
  private readonly left: LeftResults<ProbeResults>
  /** Of a round that we took ourselves. */
  private trouble: string | undefined
  private round: Promise<void> | undefined
  private roundAtMs = Number.NEGATIVE_INFINITY

  constructor(machine: Machine, options: ProbesSamplerOptions) {
    this.machine = machine
    this.options = options
    this.left = new LeftResults(machine, {
      by: 'the probe helper',
      path: options.settings.resultFile,
      bytesMax: RESULT_BYTES_MAX,
      parse: parseResults,
    })
  }

  sample(look: Look, into: ReadingWriter): void {
    if (this.options.attachesItself) this.attachWhenDue(look.monotonicMs)
    const results = this.current(look.monotonicMs)
    if (results === undefined) return
    for (const key of RATE_KEYS) {
      const rate = results.rates[key]
      if (rate !== undefined) into.put(MEASURE[key], rate.perSec)
    }
    if (look.wantsDetails) putDetails(results, into)
  }

  /** What the file tells now; nothing is attached to find out. */
  findings(): readonly Finding[] {
    const results = this.current(this.machine.monotonicMs())
    if (results !== undefined)
      return (['system calls', 'library calls'] as const).flatMap((what) => findingsOf(what, results))
    if (!this.options.attachesItself) return absent(this.left.whyNot())
    return absent(this.trouble ?? 'the first round is not over yet')
  }

  async close(): Promise<void> {
    this.control.abort()
    await this.round
  }

  private current(nowMs: number): ProbeResults | undefined {
    return this.options.attachesItself ? this.left.known(nowMs) : this.left.read(nowMs)
  }

  private attachWhenDue(nowMs: number): void {
    const { settings } = this.options
    if (this.round !== undefined || nowMs - this.roundAtMs < settings.everyMs) return
    this.roundAtMs = nowMs
    this.round = this.takeRound()
  }

  private async takeRound(): Promise<void> {
    const { machine } = this
    const before = this.left.known(machine.monotonicMs())
    const { settings } = this.options
    try {
      const results = await performRound({ machine, settings, before, signal: this.control.signal })
      this.left.accept(results, machine.monotonicMs())
    } catch (error) {
      this.trouble = `the round failed: ${error instanceof Error ? error.message : String(error)}`.slice(0, 300)
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
