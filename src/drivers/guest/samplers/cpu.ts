import type { Looks } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import { lineEnd, numberAfter, perSecond, rise, Scanner, startOfLine } from './scan.ts'
import { findingOf, tell } from './tell.ts'

/** Ticks in a second in which /proc/stat counts: USER_HZ is 100 on every architecture that we run on (proc(5)). */
export const TICKS_PER_SEC = 100
/** The file has a line per CPU and one number per interrupt: 256 KiB hold those of 1 000 CPUs. */
export const STAT_BYTES_MAX = 256 * 1024
/** Order of the first line of /proc/stat. Guest time is counted in user and nice too, so the last two are for people only. */
const MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal', 'guest', 'guest nice'] as const
const USER = 0
const NICE = 1
const SYSTEM = 2
const IRQ = 5
const SOFTIRQ = 6
const STEAL = 7

/** CPU of the whole guest by mode, run queue and context switches, from /proc/stat. Demand is what ran plus what was stolen (see
 *  `Resource` in src/terms/sample.ts); user and system are shares of what ran, so that they add up to 1. */
export class CpuSampler implements Sampler {
  readonly name = 'cpu'
  readonly isCheap = true
  private readonly looks: Looks
  private readonly scanner = new Scanner()
  private was = new Float64Array(MODES.length).fill(Number.NaN)
  private is = new Float64Array(MODES.length)
  private cpus = 0
  private switches = Number.NaN
  private lastMs = Number.NaN

  constructor(looks: Looks) {
    this.looks = looks
  }

  sample(look: Look, into: ReadingWriter): void {
    const text = this.looks.readText('/proc/stat', STAT_BYTES_MAX) ?? ''
    const spanMs = look.monotonicMs - this.lastMs
    this.lastMs = look.monotonicMs
    const { was } = this
    this.was = this.is
    this.is = was
    this.scanModes(text)
    const cpus = countCpus(text)
    // A CPU that is plugged in or out takes its ticks along, or brings them: of such a span nothing can be said.
    if (cpus !== this.cpus) this.was.fill(Number.NaN)
    this.cpus = cpus
    this.putShares(spanMs, into)
    const switches = numberAfter(text, 'ctxt ')
    into.put('contextSwitchesPerSec', perSecond(rise(this.switches, switches), spanMs))
    this.switches = switches
    // We are running ourselves while we count.
    into.put('runQueueLength', Math.max(0, numberAfter(text, 'procs_running ') - 1))
    if (!look.wantsDetails) return
    MODES.forEach((mode, i) => {
      // Idle and iowait may go back by a little (proc(5)): that is none.
      tell(into, mode, 'cores', Math.max(0, perSecond(this.is[i] - this.was[i], spanMs) / TICKS_PER_SEC))
    })
    tell(into, 'tasks blocked on disks', 'tasks', numberAfter(text, 'procs_blocked '))
    if (cpus > 0) tell(into, 'CPUs', 'cores', cpus)
  }

  findings(): readonly Finding[] {
    const text = this.looks.readText('/proc/stat', STAT_BYTES_MAX) ?? ''
    this.scanner.reset(text, 0, lineEnd(text, 0))
    const isSeen = startOfLine(text, 'cpu ') === 0
    const seen = findingOf('cpu', 'CPU by mode, run queue, context switches', '/proc/stat', isSeen)
    if (!isSeen) return [seen]
    const what = 'steal: CPU that the host gave to others'
    const hasSteal = this.scanner.skip(STEAL).next() > 0
    if (hasSteal) return [seen, { sampler: 'cpu', what, state: 'seen', because: '/proc/stat' }]
    return [
      seen,
      {
        sampler: 'cpu',
        what,
        state: 'absent',
        because: 'none was ever counted: nobody took CPU since boot, or the hypervisor does not tell',
        remedy: 'on KVM: let the guest have kvm-steal-time',
      },
    ]
  }

  private scanModes(text: string): void {
    if (startOfLine(text, 'cpu ') !== 0) {
      this.is.fill(Number.NaN)
      return
    }
    this.scanner.reset(text, 0, lineEnd(text, 0))
    for (let i = 0; i < MODES.length; i++) this.is[i] = this.scanner.next()
  }

  /** A mode that went back, other than idle and iowait, which are not used here, makes the look absent. */
  private putShares(spanMs: number, into: ReadingWriter): void {
    const { is, was } = this
    const user = rise(was[USER], is[USER]) + rise(was[NICE], is[NICE])
    const system = rise(was[SYSTEM], is[SYSTEM]) + rise(was[IRQ], is[IRQ]) + rise(was[SOFTIRQ], is[SOFTIRQ])
    const used = user + system
    const stolen = rise(was[STEAL], is[STEAL])
    const demandCores = perSecond(used + (Number.isNaN(is[STEAL]) ? 0 : stolen), spanMs) / TICKS_PER_SEC
    // Ticks are counted a little before or after our clock: 2.003 of 2 CPUs are 2.
    into.put('cpuRefCoresMean', this.cpus > 0 ? Math.min(this.cpus, demandCores) : demandCores)
    if (used > 0) {
      into.put('cpuUserShare', user / used)
      into.put('cpuSystemShare', system / used)
    }
    // A counter that never moved since boot may be one that nobody keeps: absent is not zero. A share of no demand is none.
    if (is[STEAL] > 0 && used + stolen > 0) into.put('cpuStealShare', stolen / (used + stolen))
  }
}

/** Lines `cpu0`, `cpu1`, ... of /proc/stat; 0 where there is none. */
function countCpus(text: string): number {
  let count = 0
  for (let at = lineEnd(text, 0) + 1; text.startsWith('cpu', at); at = lineEnd(text, at) + 1) count++
  return count
}

/** Ticks that all CPUs ran anything, ourselves and what was never seen in a list of processes included; NaN where nobody tells. */
export function usedTicksOf(stat: string, scanner: Scanner): number {
  if (startOfLine(stat, 'cpu ') !== 0) return Number.NaN
  scanner.reset(stat, 0, lineEnd(stat, 0))
  const working = scanner.next() + scanner.next() + scanner.next()
  scanner.skip(2)
  return working + scanner.next() + scanner.next()
}
