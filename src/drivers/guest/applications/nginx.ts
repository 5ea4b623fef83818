import type { Machine } from '../machine.ts'
import { CollectError, type Collector, type Counts } from './application.ts'
import { readPage } from './page.ts'
import type { PageSettings } from './settings.ts'

/** A status page is 100 bytes; a longer one is another page. */
const PAGE_BYTES_MAX = 4096

/** nginx with `stub_status`. It counts requests and tells no latency, no kinds and no cache. */
export class NginxCollector implements Collector {
  readonly title: string
  readonly place: string
  private readonly machine: Machine
  private readonly settings: PageSettings
  private asked = 0

  constructor(machine: Machine, settings: PageSettings) {
    this.machine = machine
    this.settings = settings
    this.title = `nginx ${settings.name}`.trim()
    this.place = settings.url
  }

  async collect(): Promise<Counts> {
    const page = await readPage(this.machine, this.settings, { accept: 'text/plain', bytesMax: PAGE_BYTES_MAX })
    const counts = readStubStatus(page)
    if (counts === undefined) throw new CollectError('this is no page of stub_status', { isRefusal: true })
    // It counts the agent's own request too, at its beginning.
    this.asked++
    return { ...counts, requests: (counts.requests as number) - this.asked }
  }

  close(): void {
    // Nothing: no connection is kept.
  }
}

const STUB_STATUS = new RegExp(
  [
    '^Active connections: (\\d{1,15}) *',
    'server accepts handled requests',
    ' (\\d{1,15}) (\\d{1,15}) (\\d{1,15}) *',
    'Reading: (\\d{1,15}) Writing: (\\d{1,15}) Waiting: (\\d{1,15})',
  ].join('\n'),
)

/** The four lines of `stub_status`; undefined for any other text. */
export function readStubStatus(page: string): Counts | undefined {
  const match = STUB_STATUS.exec(page)
  if (match === null) return undefined
  const [active, accepts, , requests, reading, writing, waiting] = match.slice(1).map(Number)
  return {
    requests: requests,
    totals: { 'connections accepted': accepts },
    details: [
      { name: 'connections', unit: 'connections', value: active },
      { name: 'connections at work', unit: 'connections', value: reading + writing },
      { name: 'connections waiting', unit: 'connections', value: waiting },
    ],
  }
}
