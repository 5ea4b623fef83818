import type { Looks } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import { stallShare, stallUs } from './pressure.ts'
import { lineEnd, numberAfter, perSecond, rise, Scanner, startOfLine } from './scan.ts'
import { tell } from './tell.ts'

/** Where version 2 is mounted: alone, or beside version 1. */
const MOUNTS = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'] as const
const BYTES_MAX = 64 * 1024
/** Deepest nesting whose limits are asked. */
const DEPTH_MAX = 16

/** Pressure of the group: a file for each resource, in which both lines stand. */
const RESOURCES = ['cpu', 'memory', 'io'] as const
const LINES = ['some', 'full'] as const

interface Group {
  readonly mount: string
  readonly folder: string
  /** The topmost group that we see has limits of its own, which the true root has not: somebody put us into it. */
  readonly isContainer: boolean
}

/** The control group that the agent runs in, version 2: where the guest is a container, its limits, use and throttling. Told to people;
 *  the vector speaks of the whole guest, from /proc. */
export class CgroupSampler implements Sampler {
  readonly name = 'cgroup'
  readonly isCheap = true
  private readonly looks: Looks
  private readonly scanner = new Scanner()
  private readonly group: Group | undefined
  private usageUs = Number.NaN
  private throttledUs = Number.NaN
  private periods = Number.NaN
  private throttledPeriods = Number.NaN
  private readBytes = Number.NaN
  private writtenBytes = Number.NaN
  private readonly stalledUs = new Float64Array(RESOURCES.length * LINES.length).fill(Number.NaN)
  private lastMs = Number.NaN

  constructor(looks: Looks) {
    this.looks = looks
    // In a container the whole of it counts, and not only the part that the agent was put into.
    this.group = groupOf(looks)
  }

  sample(look: Look, into: ReadingWriter): void {
    if (this.group === undefined) return
    const spanMs = look.monotonicMs - this.lastMs
    this.lastMs = look.monotonicMs
    this.sampleCpu(this.read('cpu.stat'), { look, spanMs, into })
    this.sampleIo(this.read('io.stat'), { look, spanMs, into })
    this.samplePressure({ look, spanMs, into })
    if (!look.wantsDetails) return
    tell(into, 'CPU limit', 'cores', this.lowestLimit('cpu.max', coresOf))
    tell(into, 'memory', 'bytes', this.numberIn('memory.current'))
    tell(into, 'memory limit', 'bytes', this.lowestLimit('memory.max', Number))
    tell(into, 'swap', 'bytes', this.numberIn('memory.swap.current'))
    tell(into, 'tasks', 'tasks', this.numberIn('pids.current'))
    tell(into, 'task limit', 'tasks', this.lowestLimit('pids.max', Number))
    tell(into, 'killed for want of memory', 'processes', numberAfter(this.read('memory.events'), 'oom_kill '))
  }

  findings(): readonly Finding[] {
    const what = 'own control group (v2)'
    if (this.group === undefined) {
      const because = 'the agent is in no version 2 group, or /sys/fs/cgroup can not be read'
      const remedy = 'mount cgroup2 at /sys/fs/cgroup (a container of version 1 is not read)'
      return [{ sampler: 'cgroup', what, state: 'absent', because, remedy }]
    }
    const { folder, isContainer } = this.group
    if (!isContainer)
      return [{ sampler: 'cgroup', what, state: 'seen', because: `${folder}; the vector tells of the whole guest` }]
    const because = `a container with ${folder}; but /proc tells of the whole machine below, and so does the vector`
    const remedy = 'run the agent in the machine itself, or let lxcfs fill /proc'
    return [{ sampler: 'cgroup', what, state: 'partly', because, remedy }]
  }

  private sampleCpu(text: string, { look, spanMs, into }: Span): void {
    const usageUs = numberAfter(text, 'usage_usec ')
    const throttledUs = numberAfter(text, 'throttled_usec ')
    const periods = numberAfter(text, 'nr_periods ')
    const throttledPeriods = numberAfter(text, 'nr_throttled ')
    if (look.wantsDetails) {
      tell(into, 'CPU', 'cores', perSecond(rise(this.usageUs, usageUs), spanMs) / 1e6)
      const throttled = rise(this.throttledPeriods, throttledPeriods)
      tell(into, 'periods throttled', 'fraction', throttled / rise(this.periods, periods))
      tell(into, 'waiting while throttled', 'tasks', perSecond(rise(this.throttledUs, throttledUs), spanMs) / 1e6)
    }
    this.usageUs = usageUs
    this.throttledUs = throttledUs
    this.periods = periods
    this.throttledPeriods = throttledPeriods
  }

  /** Lines such as `254:0 rbytes=1 wbytes=2 rios=3 ...`. */
  private sampleIo(text: string, { look, spanMs, into }: Span): void {
    const readBytes = sumOf(text, ' rbytes=', this.scanner)
    const writtenBytes = sumOf(text, ' wbytes=', this.scanner)
    if (look.wantsDetails) {
      tell(into, 'read', 'bytes/s', perSecond(rise(this.readBytes, readBytes), spanMs))
      tell(into, 'written', 'bytes/s', perSecond(rise(this.writtenBytes, writtenBytes), spanMs))
    }
    this.readBytes = readBytes
    this.writtenBytes = writtenBytes
  }

  private samplePressure({ look, spanMs, into }: Span): void {
    RESOURCES.forEach((resource, i) => {
      const text = this.read(`${resource}.pressure`)
      LINES.forEach((line, j) => {
        const place = i * LINES.length + j
        const totalUs = stallUs(text, `${line} `, this.scanner)
        const share = stallShare(rise(this.stalledUs[place], totalUs), spanMs)
        if (look.wantsDetails) tell(into, `${resource} pressure ${line}`, 'fraction', share)
        this.stalledUs[place] = totalUs
      })
    })
  }

  private read(file: string): string {
    return this.looks.readText(`${this.group?.folder}/${file}`, BYTES_MAX) ?? ''
  }

  private numberIn(file: string): number {
    return Number.parseInt(this.read(file), 10)
  }

  /** A group may use no more than any group above it. NaN where none has a limit. */
  private lowestLimit(file: string, parse: (text: string) => number): number {
    if (this.group === undefined) return Number.NaN
    const { mount } = this.group
    let { folder } = this.group
    let lowest = Infinity
    for (let depth = 0; depth < DEPTH_MAX && folder.length >= mount.length; depth++) {
      const limit = parse((this.looks.readText(`${folder}/${file}`, 64) ?? '').trim() || 'max')
      if (limit < lowest) lowest = limit
      folder = folder.slice(0, folder.lastIndexOf('/'))
    }
    return lowest
  }
}

interface Span {
  readonly look: Look
  readonly spanMs: number
  readonly into: ReadingWriter
}

/** `50000 100000` is half a core; `max 100000` is none. */
function coresOf(text: string): number {
  const space = text.indexOf(' ')
  return space < 0 ? Number.NaN : Number(text.slice(0, space)) / Number(text.slice(space + 1))
}

function sumOf(text: string, name: string, scanner: Scanner): number {
  let sum = Number.NaN
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const value = scanner.reset(text, at, lineEnd(text, at)).next()
    sum = Number.isNaN(sum) ? value : sum + value
  }
  return sum
}

/** `0::/system.slice/ethos-agent.service` in /proc/self/cgroup. */
function groupOf(looks: Looks): Group | undefined {
  const text = looks.readText('/proc/self/cgroup', BYTES_MAX) ?? ''
  const at = startOfLine(text, '0::/')
  if (at < 0) return undefined
  const path = text.slice(at + 3, lineEnd(text, at))
  if (path.includes('..') || path.length > 4096) return undefined
  for (const mount of MOUNTS) {
    const own = path === '/' ? mount : mount + path
    if (looks.access(`${own}/cpu.stat`) !== 'readable') continue
    const isContainer = looks.access(`${mount}/cgroup.type`) === 'readable'
    return { mount, folder: isContainer ? mount : own, isContainer }
  }
  return undefined
}
