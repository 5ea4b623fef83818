import type { Looks } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import { classOf, type ProcessClass } from './process-class.ts'
import { numberAfter, perSecond, rise, Scanner } from './scan.ts'

/** More processes than this are not looked at one by one: their number is still told. */
const PROCESSES_MAX = 16_384
const STAT_BYTES = 1024
const TICKS_PER_SEC = 100
/** Fields of /proc/PID/stat behind the name, counted from the state (proc(5) numbers them from 3). */
const PARENT = 1
const USER_TICKS = 11
const START_TICKS = 19
/** Ages of the processes that ended last, of which the median is told. */
const LIVES = 256
const TOP_CLASSES = 3

interface Process {
  startTicks: number
  cpuTicks: number
  parent: number
  kind: ProcessClass
  /** Number of the look in which it was last seen. */
  seenIn: number
}

/** Processes of the guest from /proc. Births and deaths are of tasks (threads too), from the kernel's own counters, so that those that live for less
 *  than a look count; ages are of processes that a look has seen. Of a name only its class is kept. */
export class ProcessesSampler implements Sampler {
  readonly name = 'processes'
  readonly isCheap = false
  private readonly looks: Looks
  private readonly scanner = new Scanner()
  private readonly processes = new Map<number, Process>()
  private readonly lives = new Float64Array(LIVES)
  private livesCount = 0
  private look = 0
  private forks = Number.NaN
  private tasks = Number.NaN
  private lastMs = Number.NaN
  private parent = 0

  constructor(looks: Looks) {
    this.looks = looks
  }

  sample(look: Look, into: ReadingWriter): void {
    const spanMs = look.monotonicMs - this.lastMs
    this.lastMs = look.monotonicMs
    this.putTurnover(spanMs, into)
    if (!canSeeOthers(this.looks)) return
    const pids = this.looks.list('/proc')?.filter(isNumber)
    if (pids === undefined) return
    into.put('processCount', pids.length)
    this.look++
    const work = this.scanAll(pids, look)
    this.bury()
    if (work.ticks > 0) into.put('topProcessCpuShare', work.topTicks / work.ticks)
    if (this.livesCount > 0) into.put('processLifetimeSecMedian', this.medianLifeSec())
    if (look.wantsDetails) this.putDetails(work, spanMs, into)
  }

  findings(): readonly Finding[] {
    const what = 'processes: number, load, lifetimes'
    const turnover = this.looks.readText('/proc/loadavg', 256) !== undefined
    const births: Finding = turnover
      ? {
          sampler: 'processes',
          what: 'births and deaths of tasks',
          state: 'seen',
          because: '/proc/stat and /proc/loadavg',
        }
      : {
          sampler: 'processes',
          what: 'births and deaths of tasks',
          state: 'absent',
          because: '/proc/loadavg can not be read',
          remedy: 'mount /proc',
        }
    if (canSeeOthers(this.looks))
      return [{ sampler: 'processes', what, state: 'seen', because: '/proc/PID/stat, as classes' }, births]
    const because = "other users' processes are hidden (hidepid)"
    const remedy = 'mount /proc with hidepid=0, or with gid=G and the agent in group G'
    return [{ sampler: 'processes', what, state: 'absent', because, remedy }, births]
  }

  /** Births are forks and new threads; deaths are births less the growth of the number of tasks. */
  private putTurnover(spanMs: number, into: ReadingWriter): void {
    const forks = numberAfter(this.looks.readText('/proc/stat', 256 * 1024) ?? '', 'processes ')
    const load = this.looks.readText('/proc/loadavg', 256) ?? ''
    const tasks = this.scanner.reset(load, load.indexOf('/') + 1).next()
    const born = rise(this.forks, forks)
    into.put('processBirthsPerSec', perSecond(born, spanMs))
    into.put('processDeathsPerSec', Math.max(0, perSecond(born - (tasks - this.tasks), spanMs)))
    this.forks = forks
    this.tasks = tasks
  }

  private scanAll(pids: readonly string[], look: Look): Work {
    const work: Work = { ticks: 0, topTicks: 0, byClass: new Map(), running: 0 }
    const count = Math.min(pids.length, PROCESSES_MAX)
    for (let i = 0; i < count; i++) {
      const text = this.looks.readText(`/proc/${pids[i]}/stat`, STAT_BYTES)
      if (text !== undefined) this.scanOne(Number(pids[i]), text, work, look.wantsDetails)
    }
    return work
  }

  private scanOne(pid: number, text: string, work: Work, wantsDetails: boolean): void {
    const nameEnd = text.lastIndexOf(')')
    if (nameEnd < 0) return
    // The state is a letter, so the parent is the first number.
    this.scanner.reset(text, nameEnd + 1)
    this.parent = this.scanner.next()
    this.scanner.skip(USER_TICKS - PARENT - 1)
    const cpuTicks = this.scanner.next() + this.scanner.next()
    this.scanner.skip(START_TICKS - USER_TICKS - 2)
    const startTicks = this.scanner.next()
    if (!(startTicks >= 0)) return
    const known = this.processes.get(pid)
    if (known === undefined || known.startTicks !== startTicks) {
      if (known !== undefined) this.bear(known)
      const kind = classOf(text.slice(text.indexOf('(') + 1, nameEnd))
      this.processes.set(pid, { startTicks, cpuTicks, parent: this.parent, kind, seenIn: this.look })
      // What a process used before it was first seen is of this span if it was born in it; of the first look nothing is known.
      if (this.look > 1) addWork(work, cpuTicks, kind, wantsDetails)
      return
    }
    addWork(work, Math.max(0, cpuTicks - known.cpuTicks), known.kind, wantsDetails)
    known.cpuTicks = cpuTicks
    known.parent = this.parent
    known.seenIn = this.look
  }

  /** Forgets those that were not seen in this look, and keeps their ages. */
  private bury(): void {
    for (const [pid, process] of this.processes) {
      if (process.seenIn === this.look) continue
      this.bear(process)
      this.processes.delete(pid)
    }
  }

  /** Keeps the age at which a process was gone. */
  private bear(process: Process): void {
    const uptime = Number.parseFloat(this.looks.readText('/proc/uptime', 64) ?? '')
    const ageSec = uptime - process.startTicks / TICKS_PER_SEC
    if (!(ageSec >= 0)) return
    this.lives[this.livesCount % LIVES] = ageSec
    this.livesCount++
  }

  private medianLifeSec(): number {
    const lives = this.lives.slice(0, Math.min(LIVES, this.livesCount)).sort()
    return (lives[(lives.length - 1) >> 1] + lives[lives.length >> 1]) / 2
  }

  private putDetails(work: Work, spanMs: number, into: ReadingWriter): void {
    const busiest = [...work.byClass].toSorted((a, b) => b[1] - a[1]).slice(0, TOP_CLASSES)
    for (const [kind, ticks] of busiest) {
      const cores = perSecond(ticks, spanMs) / TICKS_PER_SEC
      if (cores > 0) into.detail({ name: `load by ${kind}`, unit: 'cores', value: cores })
    }
    const counts = new Map<ProcessClass, number>()
    const children = new Map<number, number>()
    for (const { kind, parent } of this.processes.values()) {
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
      children.set(parent, (children.get(parent) ?? 0) + 1)
    }
    const classes = [...counts].toSorted((a, b) => b[1] - a[1]).map(([kind, count]) => `${count} ${kind}`)
    into.detail({ name: 'classes', unit: '', value: classes.join(', ') })
    into.detail({ name: 'widest family', unit: 'processes', value: Math.max(0, ...children.values()) })
    into.detail({ name: 'tree depth', unit: 'generations', value: this.depth() })
  }

  private depth(): number {
    let deepest = 0
    for (const process of this.processes.values()) {
      let depth = 1
      for (
        let at = this.processes.get(process.parent);
        at !== undefined && depth < 64;
        at = this.processes.get(at.parent)
      )
        depth++
      deepest = Math.max(deepest, depth)
    }
    return deepest
  }
}

interface Work {
  ticks: number
  topTicks: number
  running: number
  readonly byClass: Map<ProcessClass, number>
}

function addWork(work: Work, ticks: number, kind: ProcessClass, wantsDetails: boolean): void {
  if (ticks <= 0) return
  work.ticks += ticks
  if (ticks > work.topTicks) work.topTicks = ticks
  if (wantsDetails) work.byClass.set(kind, (work.byClass.get(kind) ?? 0) + ticks)
}

/** With hidepid the first process is hidden from those without rights, and so is nearly everybody else. */
function canSeeOthers(looks: Looks): boolean {
  return looks.readText('/proc/1/stat', STAT_BYTES) !== undefined
}

function isNumber(name: string): boolean {
  const code = name.charCodeAt(0)
  return code >= 49 && code <= 57
}
