/** The pages of a list behind the newest one, which is loaded anew by itself: these are asked for by hand, and stay as they were told. */
import { type ApiFailure, asFailure } from './api.ts'

export class Older<Row, Cursor extends string | number> {
  rows: readonly Row[] = $state.raw([])
  isAsking = $state(false)
  failure: ApiFailure | undefined = $state.raw()
  /** Of the last page that was asked for; undefined: none was, or it was the last there is. */
  private cursor: Cursor | undefined = $state.raw()
  private hasAsked = $state(false)
  private readonly ask: (before: Cursor) => Promise<{ readonly rows: readonly Row[]; readonly next?: Cursor }>

  constructor(ask: (before: Cursor) => Promise<{ readonly rows: readonly Row[]; readonly next?: Cursor }>) {
    this.ask = ask
  }

  /** Where the next page begins. @param newest what the newest page said of the one behind it */
  nextOf(newest: Cursor | undefined): Cursor | undefined {
    return this.hasAsked ? this.cursor : newest
  }

  async more(before: Cursor): Promise<void> {
    if (this.isAsking) return
    this.isAsking = true
    this.failure = undefined
    try {
      const { rows, next } = await this.ask(before)
      this.rows = [...this.rows, ...rows]
      this.cursor = next
      this.hasAsked = true
    } catch (error) {
      this.failure = asFailure(error)
    } finally {
      this.isAsking = false
    }
  }
}
