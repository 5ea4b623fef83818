import type { Looks } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import type { Measure } from '../../../terms/reading.ts'
import { lineEnd, rise, startOfLine } from './scan.ts'

const RESOURCES = ['cpu', 'memory', 'io'] as const
const SOME: Readonly<Record<(typeof RESOURCES)[number], Measure>> = {
  cpu: 'cpuPressureSome',
  memory: 'memoryPressureSome',
  io: 'ioPressureSome',
}

/** Pressure stall information: the share of time in which some task, or all, waited. From the running totals in microseconds, not from the
 *  kernel's own averages, so that it covers exactly the span between two looks. */
export class PressureSampler implements Sampler {
  readonly name = 'pressure'
  readonly isCheap = true
  private readonly looks: Looks
  private readonly totals = new Map<string, number>()
  private lastMs = Number.NaN

  constructor(looks: Looks) {
    this.looks = looks
  }

  sample(look: Look, into: ReadingWriter): void {
    const spanMs = look.monotonicMs - this.lastMs
    this.lastMs = look.monotonicMs
    for (const resource of RESOURCES) {
      const text = this.looks.readText(`/proc/pressure/${resource}`, 1024)
      if (text === undefined) continue
      into.put(SOME[resource], this.share(`${resource} some`, totalOf(text, 'some '), spanMs))
      const full = this.share(`${resource} full`, totalOf(text, 'full '), spanMs)
      if (look.wantsDetails && Number.isFinite(full))
        into.detail({ name: `${resource} full`, unit: 'fraction', value: full })
    }
  }

  findings(): readonly Finding[] {
    return RESOURCES.map((resource) => {
      const path = `/proc/pressure/${resource}`
      const what = `pressure of ${resource} (PSI)`
      if (totalOf(this.looks.readText(path, 1024) ?? '', 'some ') >= 0)
        return { sampler: 'pressure', what, state: 'seen', because: path }
      const because =
        this.looks.access(path) === 'missing'
          ? 'this kernel has no PSI, or it is switched off'
          : `${path} can not be read`
      const remedy = 'boot the guest with psi=1 (kernel 4.20 or later, CONFIG_PSI)'
      return { sampler: 'pressure', what, state: 'absent', because, remedy }
    })
  }

  private share(key: string, total: number, spanMs: number): number {
    const risenUs = rise(this.totals.get(key) ?? Number.NaN, total)
    this.totals.set(key, total)
    return spanMs > 0 ? Math.min(1, risenUs / (spanMs * 1000)) : Number.NaN
  }
}

function totalOf(text: string, line: string): number {
  const at = startOfLine(text, line)
  if (at < 0) return Number.NaN
  const total = text.indexOf('total=', at)
  return total < 0 || total > lineEnd(text, at) ? Number.NaN : Number.parseInt(text.slice(total + 6), 10)
}
