import { readClockLine } from '../../terms/move-record.ts'
import { ParseError } from '../../terms/parse.ts'
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

  /** Lines of the last `spanMs` that begin with a text, oldest first. The span ends with the newest line where that is older than now: a process that
   *  was down for long, or whose clock was set forward, reads as much as one that was not. By how much it was set between two lines, one of them says. */
  async newest(spanMs: number, begin: string): Promise<readonly string[]> {
    const newest = await this.store.journal.last(PAGE)
    let since = Math.min(this.clock.now(), newest.at(-1)?.at ?? Infinity) - spanMs
    const found: string[] = []
    for (let page = newest; page.length > 0; ) {
      for (const { line, at } of page.toReversed()) {
        if (at >= since && line.startsWith(begin)) found.push(line)
        since -= steppedMsOf(line)
      }
      const [{ number, at }] = page
      if (number <= 0 || at < since) break
      const from = Math.max(0, number - PAGE)
      page = (await this.store.journal.from(from, PAGE)).filter((line) => line.number < number)
    }
    return found.reverse()
  }

  /** The store is its owner's to close. */
  async close(): Promise<void> {
    await Promise.resolve()
  }
}

/** By so much the clock was set forward before this line. One that can't be read is its reader's to tell. */
function steppedMsOf(line: string): number {
  try {
    return readClockLine(line)?.steppedMs ?? 0
  } catch (error) {
    if (error instanceof ParseError) return 0
    throw error
  }
}
