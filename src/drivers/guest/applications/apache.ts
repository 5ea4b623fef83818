import type { Machine } from '../machine.ts'
import { numberAfter } from '../samplers/scan.ts'
import { CollectError, type Collector, type Counts, known } from './application.ts'
import { readPage } from './page.ts'
import type { PageSettings } from './settings.ts'

/** The scoreboard has a letter per worker, and more workers than this nobody runs in a VM. */
const PAGE_BYTES_MAX = 128 * 1024

/** Apache with `mod_status`, in its form for machines (`?auto`). Latency and counts need `ExtendedStatus On`, which is the default where
 *  the module is loaded. Its own requests for the page stand in both, and are taken out of the counts. */
export class ApacheCollector implements Collector {
  readonly title: string
  readonly place: string
  private readonly machine: Machine
  private readonly settings: PageSettings
  private asked = 0
  private isExtended = true

  constructor(machine: Machine, settings: PageSettings) {
    this.machine = machine
    this.settings = settings.url.includes('?') ? settings : { ...settings, url: `${settings.url}?auto` }
    this.title = `Apache ${settings.name}`.trim()
    this.place = this.settings.url
  }

  async collect(): Promise<Counts> {
    const page = await readPage(this.machine, this.settings, { accept: 'text/plain', bytesMax: PAGE_BYTES_MAX })
    const counts = readServerStatus(page)
    if (counts === undefined) throw new CollectError('this is no page of mod_status', { isRefusal: true })
    this.asked++
    this.isExtended = counts.requests !== undefined
    return counts.requests === undefined ? counts : { ...counts, requests: counts.requests - this.asked }
  }

  lacks(): { readonly because: string; readonly remedy: string } | undefined {
    if (this.isExtended) return undefined
    return { because: 'it tells workers but counts no requests', remedy: 'ExtendedStatus On' }
  }

  close(): void {
    // Nothing: no connection is kept.
  }
}

/** Lines such as `Total Accesses: 12`; undefined for any other page. `Total Duration` is in ms, since Apache 2.4.37. */
export function readServerStatus(page: string): Counts | undefined {
  const text = page.replaceAll('\r\n', '\n')
  const busy = numberAfter(text, 'BusyWorkers: ')
  const idle = numberAfter(text, 'IdleWorkers: ')
  if (Number.isNaN(busy) || Number.isNaN(idle)) return undefined
  const requests = numberAfter(text, 'Total Accesses: ')
  const durationMs = numberAfter(text, 'Total Duration: ')
  const kilobytes = numberAfter(text, 'Total kBytes: ')
  return {
    ...known('uptimeSec', numberAfter(text, 'ServerUptimeSeconds: ')),
    ...known('requests', requests),
    ...known('timedMs', durationMs),
    ...known('timedRequests', Number.isNaN(durationMs) ? undefined : requests),
    totals: { ...known('KiB sent', kilobytes) },
    details: [
      { name: 'workers busy', unit: 'workers', value: busy },
      { name: 'workers idle', unit: 'workers', value: idle },
    ],
  }
}
