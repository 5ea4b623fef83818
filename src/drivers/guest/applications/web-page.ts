import { type Machine, MachineError } from '../machine.ts'
import { ApacheCollector } from './apache.ts'
import { CollectError, type Collector, type Counts } from './application.ts'
import { NginxCollector } from './nginx.ts'

/** Where status pages usually are. */
const PAGES = ['/nginx_status', '/basic_status', '/server-status?auto'] as const

/** A web server on loopback of which nobody said what it is: its usual status pages are tried once, and the one that answers is kept. */
export class WebPageCollector implements Collector {
  private readonly machine: Machine
  private readonly origin: string
  private chosen: Collector | undefined

  constructor(machine: Machine, origin: string) {
    this.machine = machine
    this.origin = origin
  }

  get title(): string {
    return this.chosen?.title ?? 'web server'
  }

  get place(): string {
    return this.chosen?.place ?? this.origin
  }

  async collect(): Promise<Counts> {
    if (this.chosen !== undefined) return this.again(this.chosen)
    for (const page of PAGES) {
      const settings = { name: '', url: this.origin + page }
      const isApache = page.startsWith('/server-status')
      const collector = isApache
        ? new ApacheCollector(this.machine, settings)
        : new NginxCollector(this.machine, settings)
      try {
        const counts = await collector.collect()
        this.chosen = collector
        return counts
      } catch (error) {
        // A page that is too long is no status page, but another may be one.
        const isOther = error instanceof CollectError || (error instanceof MachineError && error.code === 'EMSGSIZE')
        if (!isOther) throw error
      }
    }
    const remedy =
      'nginx: `location = /nginx_status { stub_status; allow 127.0.0.1; deny all; }`; Apache: `a2enmod status`'
    throw new CollectError(`it answers, but shows no status at ${PAGES.join(', ')}`, { isRefusal: true, remedy })
  }

  /** Another server may have taken the place of the one that was found. */
  private async again(chosen: Collector): Promise<Counts> {
    try {
      return await chosen.collect()
    } catch (error) {
      if (error instanceof CollectError) this.chosen = undefined
      throw error
    }
  }

  lacks(): { readonly because: string; readonly remedy?: string } | undefined {
    return this.chosen?.lacks?.()
  }

  close(): void {
    this.chosen?.close()
  }
}
