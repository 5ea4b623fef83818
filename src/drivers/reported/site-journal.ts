import type { Clock } from '../../world/clock.ts'
import type { SiteStore } from '../../world/site-store.ts'
import type { Store } from '../../world/store.ts'

/** Lines read at a time. */
const PAGE = 500

/** The site's journal as the loop knows one: each line is written under the lease, so that a process that lost it can write no more. */
export class SiteJournal implements Store {
  private readonly store: SiteStore
  private readonly clock: Clock
  private readonly token: () => number

  /** @param token of the lease that is held now */
  constructor(store: SiteStore, clock: Clock, token: () => number) {
    this.store = store
    this.clock = clock
    this.token = token
  }

  async append(line: string): Promise<void> {
    await this.store.journal.append(line, this.clock.now(), this.token())
  }

  async *lines(): AsyncGenerator<string> {
    for (let from = 0; ; ) {
      const page = await this.store.journal.from(from, PAGE)
      for (const { line } of page) yield line
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return
      from = last.number + 1
    }
  }

  /** The store is its owner's to close. */
  async close(): Promise<void> {
    await Promise.resolve()
  }
}
