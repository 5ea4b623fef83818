import type { Looks } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import { lineEnd, numberAfter, perSecond, rise, Scanner, startOfLine } from './scan.ts'

/** Ticks in a second in which /proc/stat counts: USER_HZ is 100 on every architecture that we run on (proc(5)). */
const TICKS_PER_SEC = 100
/** Order of the first line of /proc/stat. Guest time is counted in user and nice too. */
const MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal', 'guest', 'guest nice'] as const
const MODE_COUNT = 8
const IDLE = 3
const IOWAIT = 4
const STEAL = 7
const BYTES_MAX = 256 * 1024

/** CPU of the whole guest by mode, run queue and context switches, from /proc/stat. Demand is what ran plus what was stolen. */
export class CpuSampler implements Sampler {
  readonly name = 'cpu'
  readonly isCheap = true
  private readonly looks: Looks
  private readonly scanner = new Scanner()
  private was = new Float64Array(MODES.length).fill(Number.NaN)
  private is = new Float64Array(MODES.length)
  private switches = Number.NaN
  private lastMs = Number.NaN

  constructor(looks: Looks) {
    this.looks = looks
  }

  sample(look: Look, into: ReadingWriter): void {
    const text = this.looks.readText('/proc/stat', BYTES_MAX)
    if (text === undefined) return
    const spanMs = look.monotonicMs - this.lastMs
    this.lastMs = look.monotonicMs
    this.scanner.reset(text, 0, lineEnd(text, 0))
    for (let i = 0; i < MODES.length; i++) this.is[i] = this.scanner.next()
    this.putShares(spanMs, look, into)
    const { was } = this
    this.was = this.is
    this.is = was
    const switches = numberAfter(text, 'ctxt ')
    into.put('contextSwitchesPerSec', perSecond(rise(this.switches, switches), spanMs))
    this.switches = switches
    // We are running ourselves while we count.
    into.put('runQueueLength', Math.max(0, numberAfter(text, 'procs_running ') - 1))
    if (look.wantsDetails) {
      into.detail({ name: 'blocked tasks', unit: 'tasks', value: numberAfter(text, 'procs_blocked ') })
    }
  }

  findings(): readonly Finding[] {
    const isSeen = startOfLine(this.looks.readText('/proc/stat', BYTES_MAX) ?? '', 'cpu ') === 0
    const what = 'CPU by mode, steal, run queue, switches'
    return [
      isSeen
        ? { sampler: 'cpu', what, state: 'seen', because: '/proc/stat' }
        : {
            sampler: 'cpu',
            what,
            state: 'absent',
            because: '/proc/stat can not be read',
            remedy: 'mount /proc in the guest',
          },
    ]
  }

  /** Counters of idle and iowait may go back by a little (proc(5)): those are taken as still. Any other that goes back makes the look absent. */
  private putShares(spanMs: number, look: Look, into: ReadingWriter): void {
    const { is, was } = this
    let used = 0
    for (let i = 0; i < MODE_COUNT; i++) {
      if (i === IDLE || i === IOWAIT || i === STEAL) continue
      used += rise(was[i], is[i])
    }
    const stolen = rise(was[STEAL], is[STEAL])
    const demand = used + (Number.isNaN(stolen) ? 0 : stolen)
    into.put('cpuRefCoresMean', perSecond(demand, spanMs) / TICKS_PER_SEC)
    if (demand > 0) {
      into.put('cpuStealShare', stolen / demand)
      into.put('cpuUserShare', (rise(was[0], is[0]) + rise(was[1], is[1])) / demand)
      into.put('cpuSystemShare', (rise(was[2], is[2]) + rise(was[5], is[5]) + rise(was[6], is[6])) / demand)
    } else if (demand === 0) {
      into.put('cpuStealShare', 0)
    }
    if (!look.wantsDetails) return
    MODES.forEach((mode, i) => {
      const cores = perSecond(Math.max(0, is[i] - was[i]), spanMs) / TICKS_PER_SEC
      if (Number.isFinite(cores)) into.detail({ name: mode, unit: 'cores', value: cores })
    })
  }
}
