import type { Measure } from '../../../terms/reading.ts'
import type { Looks } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import { lineEnd, rise, Scanner, startOfLine } from './scan.ts'
import { tell } from './tell.ts'

const BYTES_MAX = 1024

interface Resource {
  readonly name: string
  readonly path: string
  readonly measure: Measure
  someUs: number
  fullUs: number
}

/** Pressure stall information: the share of time in which some task, or all, waited. From the running totals in microseconds, not from the
 *  kernel's own averages, so that it covers exactly the span between two looks (Documentation/accounting/psi.rst). */
export class PressureSampler implements Sampler {
  readonly name = 'pressure'
  readonly isCheap = true
  private readonly looks: Looks
  private readonly scanner = new Scanner()
  private readonly resources: readonly Resource[] = [
    resource('cpu', 'cpuPressureSome'),
    resource('memory', 'memoryPressureSome'),
    resource('io', 'ioPressureSome'),
  ]
  private lastMs = Number.NaN

  constructor(looks: Looks) {
    this.looks = looks
  }

  sample(look: Look, into: ReadingWriter): void {
    const spanMs = look.monotonicMs - this.lastMs
    this.lastMs = look.monotonicMs
    for (const each of this.resources) {
      const text = this.looks.readText(each.path, BYTES_MAX) ?? ''
      const someUs = this.totalUs(text, 'some ')
      const fullUs = this.totalUs(text, 'full ')
      into.put(each.measure, stallShare(rise(each.someUs, someUs), spanMs))
      if (look.wantsDetails) {
        tell(into, `${each.name} pressure full`, 'fraction', stallShare(rise(each.fullUs, fullUs), spanMs))
        tell(into, `${each.name} pressure some, in a minute`, 'fraction', minuteOf(text))
      }
      each.someUs = someUs
      each.fullUs = fullUs
    }
  }

  findings(): readonly Finding[] {
    return this.resources.map(({ name, path }) => {
      const what = `pressure of ${name} (PSI)`
      if (this.totalUs(this.looks.readText(path, BYTES_MAX) ?? '', 'some ') >= 0)
        return { sampler: 'pressure', what, state: 'seen', because: path }
      const access = this.looks.access(path)
      if (access === 'missing' && this.looks.access('/proc/stat') === 'missing') {
        const because = '/proc is not mounted'
        return { sampler: 'pressure', what, state: 'absent', because, remedy: 'mount /proc in the guest' }
      }
      const because =
        access === 'missing'
          ? 'this kernel has no PSI'
          : access === 'denied'
            ? `${path} may not be read`
            : 'PSI is built in but switched off'
      const remedy = 'boot the guest with psi=1 (Linux 4.20 or later, CONFIG_PSI)'
      return { sampler: 'pressure', what, state: 'absent', because, remedy }
    })
  }

  private totalUs(text: string, line: string): number {
    return stallUs(text, line, this.scanner)
  }
}

/** The total of a line, `some ` or `full `, in microseconds since boot: of the machine, or of one control group. */
export function stallUs(text: string, line: string, scanner: Scanner): number {
  const at = startOfLine(text, line)
  if (at < 0) return Number.NaN
  const end = lineEnd(text, at)
  const total = text.indexOf('total=', at)
  return total < 0 || total > end ? Number.NaN : scanner.reset(text, total, end).next()
}

function resource(name: string, measure: Measure): Resource {
  return { name, path: `/proc/pressure/${name}`, measure, someUs: Number.NaN, fullUs: Number.NaN }
}

/** Totals are brought up to date a little before or after our clock: never more than the whole time. */
export function stallShare(risenUs: number, spanMs: number): number {
  return spanMs > 0 ? Math.min(1, risenUs / (spanMs * 1000)) : Number.NaN
}

function minuteOf(text: string): number {
  const at = text.indexOf('avg60=')
  return at < 0 ? Number.NaN : Number.parseFloat(text.slice(at + 6, at + 12)) / 100
}
