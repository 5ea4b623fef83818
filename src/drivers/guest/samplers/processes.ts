import type { Looks, Machine } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import { STAT_BYTES_MAX, TICKS_PER_SEC, usedTicksOf } from './cpu.ts'
import { Lifetimes, unseenLifeSec } from './lifetimes.ts'
import { classOf, type ProcessClass } from './process-class.ts'
import { putFamilies, type Process } from './process-tree.ts'
import { numberAfter, perSecond, rise, Scanner } from './scan.ts'
import { findingOf, tell } from './tell.ts'

/** More processes than this are not kept one by one: their number is still told. */
const PROCESSES_MAX = 32_768
/** Processes read in one look; where there are more, each has its turn in one of several looks. 10 us each, measured: 10 ms. */
const READS_MAX = 1024
/** Kernel threads are many and do little: each is read at one look of these. */
const KERNEL_EVERY_LOOKS = 4
/** The fields that are wanted nearly always stand in the first bytes of /proc/PID/stat, so that one call reads them; all of it where not. */
const HEAD_BYTES = 160
const STAT_BYTES = 1024
/** Fields of /proc/PID/stat behind the name, which ends with the last bracket: the state, then numbers (proc(5), field 4 and on). */
const FLAGS = 6
const USER_TICKS = 11
const START_TICKS = 19
/** PF_KTHREAD of include/linux/sched.h: a thread of the kernel, not a program. */
const KERNEL_FLAG = 0x200000
const TOP_CLASSES = 3
/** Processes that people are told as those that make the load, and the share of it that they are to make together. */
const TOP_PROCESSES = 5
const LOAD_SHARE = 0.9

interface Work {
  topTicks: number
  topKind: ProcessClass
  kernelThreads: number
  seenDeaths: number
  /** Processes that the look before caught, and that are gone. */
  caught: number
  readonly byClass: Map<ProcessClass, number>
  /** Those that ran at all, where people want to know. */
  readonly ran: { readonly ticks: number; readonly kind: ProcessClass }[] | undefined
}

/** Processes of the guest from /proc. Births and deaths are of tasks (threads too), from the kernel's own counters, so that those that live for
 *  less than a look count; all else is of processes that a look has seen, kernel threads left out of their number. Of a name only its
 *  class is kept. */
export class ProcessesSampler implements Sampler {
  readonly name = 'processes'
  readonly isCheap = false
  private readonly looks: Looks
  private readonly selfPid: number
  private readonly scanner = new Scanner()
  private readonly processes = new Map<number, Process>()
  private readonly lifetimes = new Lifetimes()
  /** The process that was read last. */
  private readonly read = {
    state: 0,
    parent: 0,
    isKernel: false,
    cpuTicks: 0,
    startTicks: 0,
    kind: 'other' as ProcessClass,
  }
  private look = 0
  private forks = Number.NaN
  private tasks = Number.NaN
  private usedTicks = Number.NaN
  private lastMs = Number.NaN

  constructor(machine: Looks & { readonly self: Pick<Machine['self'], 'pid'> }) {
    this.looks = machine
    this.selfPid = machine.self.pid
  }

  sample(look: Look, into: ReadingWriter): void {
    const spanMs = look.monotonicMs - this.lastMs
    this.lastMs = look.monotonicMs
    const stat = this.looks.readText('/proc/stat', STAT_BYTES_MAX) ?? ''
    const turnover = this.putTurnover(stat, spanMs, into)
    const ticks = usedTicksOf(stat, this.scanner)
    const usedTicks = rise(this.usedTicks, ticks)
    this.usedTicks = ticks
    const names = canSeeOthers(this.looks) ? this.looks.list('/proc') : undefined
    if (names === undefined) return
    const uptimeSec = Number.parseFloat(this.looks.readText('/proc/uptime', 64) ?? '')
    const work: Work = {
      topTicks: 0,
      topKind: 'other',
      kernelThreads: 0,
      seenDeaths: 0,
      caught: 0,
      byClass: new Map(),
      ran: look.wantsDetails ? [] : undefined,
    }
    this.look++
    const count = this.scanAll(names, { work, uptimeSec, spanMs, atMs: look.monotonicMs })
    this.bury({ work, uptimeSec, spanMs, atMs: look.monotonicMs })
    const unseen = turnover.deaths - work.seenDeaths
    const lifeSec = unseenLifeSec(work.caught, perSecond(turnover.births, spanMs), spanMs)
    if (this.look > 1 && unseen > 0) this.lifetimes.add(lifeSec, unseen, look.monotonicMs)
    into.put('processCount', count - work.kernelThreads)
    if (this.look > 1 && usedTicks > 0) into.put('topProcessCpuShare', Math.min(1, work.topTicks / usedTicks))
    into.put('processLifetimeSecMedian', this.lifetimes.medianSec(look.monotonicMs))
    if (!look.wantsDetails) return
    putBusiest(work, spanMs, into)
    const busiest = [...work.byClass].toSorted((a, b) => b[1] - a[1]).slice(0, TOP_CLASSES)
    for (const [kind, kindTicks] of busiest) {
      tell(into, `load by ${kind}`, 'cores', perSecond(kindTicks, spanMs) / TICKS_PER_SEC)
    }
    tell(into, 'nine in ten that ended lived at most', 's', this.lifetimes.quantileSec(look.monotonicMs, 0.9))
    tell(into, 'kernel threads', 'threads', work.kernelThreads)
    putFamilies(this.processes, into)
  }

  findings(): readonly Finding[] {
    const what = 'processes: number, load, lifetimes'
    const load = this.looks.readText('/proc/loadavg', 256) ?? ''
    const births = findingOf('processes', 'births and deaths of tasks', '/proc/loadavg', load.includes('/'))
    if (canSeeOthers(this.looks)) {
      const because = '/proc/PID/stat, as classes; lives shorter than a look are estimated'
      return [{ sampler: 'processes', what, state: 'seen', because }, births]
    }
    if (this.looks.list('/proc') === undefined || this.looks.access('/proc/stat') === 'missing')
      return [
        { sampler: 'processes', what, state: 'absent', because: '/proc can not be listed', remedy: 'mount /proc' },
      ]
    const because = 'processes of other users are hidden (hidepid, or ProtectProc of the service)'
    const remedy = 'mount /proc with hidepid=0, or with gid=G and the agent in group G'
    return [{ sampler: 'processes', what, state: 'absent', because, remedy }, births]
  }

  /** Births are forks and new threads, deaths are births less the growth of the number of tasks, which the kernel counts. */
  private putTurnover(stat: string, spanMs: number, into: ReadingWriter): { births: number; deaths: number } {
    const forks = numberAfter(stat, 'processes ')
    const load = this.looks.readText('/proc/loadavg', 256) ?? ''
    const slash = load.indexOf('/')
    const tasks = slash < 0 ? Number.NaN : this.scanner.reset(load, slash + 1).next()
    const births = rise(this.forks, forks)
    // The two counters are read one after the other: a difference below nothing is none.
    const deaths = Math.max(0, births - (tasks - this.tasks))
    into.put('processBirthsPerSec', perSecond(births, spanMs))
    into.put('processDeathsPerSec', perSecond(deaths, spanMs))
    this.forks = forks
    this.tasks = tasks
    return { births, deaths }
  }

  /** Returns how many there are. Those whose turn it is not are only known to live. */
  private scanAll(names: readonly string[], span: Span): number {
    const turns = Math.max(1, Math.ceil(names.length / READS_MAX))
    let count = 0
    for (const name of names) {
      const code = name.charCodeAt(0)
      if (code < 48 || code > 57) continue
      count++
      const pid = Number(name)
      const known = this.processes.get(pid)
      const every = known?.isKernel === true ? Math.max(turns, KERNEL_EVERY_LOOKS) : turns
      if ((pid + this.look) % every === 0 || (known === undefined && turns === 1)) this.scanOne(pid, known, span)
      else if (known !== undefined) known.seenIn = this.look
      if (this.processes.get(pid)?.isKernel === true) span.work.kernelThreads++
    }
    return count
  }

  private scanOne(pid: number, known: Process | undefined, span: Span): void {
    const text = this.looks.readText(`/proc/${pid}/stat`, HEAD_BYTES)
    if (text === undefined) return
    if (!this.parse(text) && !this.parse(this.looks.readText(`/proc/${pid}/stat`, STAT_BYTES) ?? '')) return
    const { read, look } = this
    if (known?.startTicks === read.startTicks) {
      const looks = Math.max(1, look - known.readIn)
      // Ticks of several looks are spread over them.
      addWork(span.work, Math.max(0, read.cpuTicks - known.cpuTicks) / looks, known.kind)
      known.cpuTicks = read.cpuTicks
      known.parent = read.parent
      known.state = read.state
      known.seenIn = look
      known.readIn = look
      return
    }
    if (known !== undefined) this.end(known, span)
    else if (this.processes.size >= PROCESSES_MAX) return
    const kind = pid === this.selfPid ? 'agent itself' : read.isKernel ? 'kernel' : classOf(nameIn(text))
    this.processes.set(pid, { ...read, kind, firstIn: look, seenIn: look, readIn: look })
    // What it used before it was seen is of this span if it was born in it; of the first look nothing is known.
    if (look > 1 && span.uptimeSec - read.startTicks / TICKS_PER_SEC <= span.spanMs / 1000)
      addWork(span.work, read.cpuTicks, kind)
  }

  /** Reads the fields into `read`; false if the text is cut before the last of them. */
  private parse(text: string): boolean {
    const { scanner, read } = this
    // A name may hold brackets, spaces and line ends: it ends with the last bracket.
    const nameEnd = text.lastIndexOf(')')
    if (nameEnd < 0) return false
    read.state = text.charCodeAt(nameEnd + 2)
    read.parent = scanner.reset(text, nameEnd + 1).next()
    read.isKernel = (scanner.skip(FLAGS - 2).next() & KERNEL_FLAG) !== 0
    read.cpuTicks = scanner.skip(USER_TICKS - FLAGS - 1).next() + scanner.next()
    read.startTicks = scanner.skip(START_TICKS - USER_TICKS - 2).next()
    return !scanner.isAtEnd && read.cpuTicks >= 0
  }

  /** Forgets those that this look did not find. */
  private bury(span: Span): void {
    for (const [pid, process] of this.processes) {
      if (process.seenIn === this.look) continue
      this.end(process, span)
      this.processes.delete(pid)
    }
  }

  /** It ended somewhere between the look before and this one: half a span ago, for want of better. */
  private end(process: Process, { work, uptimeSec, spanMs, atMs }: Span): void {
    work.seenDeaths++
    if (process.firstIn === process.seenIn && process.firstIn === this.look - 1 && this.look > 2) work.caught++
    const ageSec = uptimeSec - process.startTicks / TICKS_PER_SEC - spanMs / 2000
    this.lifetimes.add(Math.max(0, ageSec), 1, atMs)
  }
}

interface Span {
  readonly work: Work
  readonly uptimeSec: number
  readonly spanMs: number
  readonly atMs: number
}

function addWork(work: Work, ticks: number, kind: ProcessClass): void {
  if (!(ticks > 0)) return
  if (ticks > work.topTicks) {
    work.topTicks = ticks
    work.topKind = kind
  }
  work.byClass.set(kind, (work.byClass.get(kind) ?? 0) + ticks)
  work.ran?.push({ ticks, kind })
}

/** The few processes that make the load, as classes: the busiest one by one, and how many make nine tenths of what all of them used. */
function putBusiest({ ran = [] }: Work, spanMs: number, into: ReadingWriter): void {
  if (ran.length === 0) return
  const busiest = ran.toSorted((a, b) => b.ticks - a.ticks)
  const cores = (ticks: number): string => String(Number((perSecond(ticks, spanMs) / TICKS_PER_SEC).toPrecision(2)))
  const shown = busiest.slice(0, TOP_PROCESSES).map(({ ticks, kind }) => `${kind} ${cores(ticks)}`)
  into.detail({ name: 'busiest processes, in cores', unit: '', value: shown.join(', ') })
  const all = busiest.reduce((sum, { ticks }) => sum + ticks, 0)
  let count = 0
  for (let sum = 0; sum < LOAD_SHARE * all; count++) sum += busiest[count].ticks
  tell(into, 'make 90 % of the load', 'processes', count)
}

function nameIn(text: string): string {
  return text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'))
}

/** With hidepid the first process is hidden from those without rights, and so is nearly everybody else. */
function canSeeOthers(looks: Looks): boolean {
  return looks.readText('/proc/1/stat', 1) !== undefined
}
