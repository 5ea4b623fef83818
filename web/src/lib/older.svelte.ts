/** A list that is told in pages, newest first. The newest page is loaded anew by itself; those behind it are asked for by hand, and stay as they were told. */
import { type ApiFailure, asFailure } from './api.ts'

export interface PageOf<Row, Cursor> {
  readonly rows: readonly Row[]
  /** Where the page behind it begins; absent: there is none. */
  readonly next?: Cursor | undefined
}

export interface OlderParts<Row, Cursor> {
  readonly ask: (before: Cursor) => Promise<PageOf<Row, Cursor>>
  readonly idOf: (row: Row) => string | number
  /** What rows are sorted by, the greatest first: a row keeps it as long as it is told. */
  readonly atOf: (row: Row) => number
}

/** So many rows behind the newest page are kept while new ones push others out of it; then the list begins anew. */
const KEPT_MAX = 5000

export class Older<Row, Cursor extends string | number> {
  isAsking = $state(false)
  failure: ApiFailure | undefined = $state.raw()
  private newest: PageOf<Row, Cursor> = $state.raw({ rows: [] })
  private behind: readonly Row[] = $state.raw([])
  /** Of the last page that was asked for; undefined: none was, or it was the last there is. */
  private cursor: Cursor | undefined = $state.raw()
  private hasAsked = $state(false)
  /** An answer for a list that was forgotten since belongs to none. */
  private life = 0
  private readonly parts: OlderParts<Row, Cursor>

  /** All that is known, in order; what two pages have is told once, as the newer page has it. */
  readonly rows: readonly Row[] = $derived.by(() => {
    const known = new Set<string | number>()
    return [...this.newest.rows, ...this.behind].filter((row) => {
      const id = this.parts.idOf(row)
      return known.size < known.add(id).size
    })
  })
  /** Where the next page begins. */
  readonly next: Cursor | undefined = $derived(this.hasAsked ? this.cursor : this.newest.next)

  constructor(parts: OlderParts<Row, Cursor>) {
    this.parts = parts
  }

  /** The newest page as it is now. What new rows pushed out of it stays in the list, before what was asked for. */
  hear(newest: PageOf<Row, Cursor>): void {
    const { idOf, atOf } = this.parts
    const [first] = this.newest.rows
    const before = this.newest.rows
    this.newest = newest
    if (!this.hasAsked && !this.isAsking) return
    const last = newest.rows.at(-1)
    // Whole, or so much came at once that rows between it and what is known were never told: no list with a hole is shown.
    const isWhole = newest.next === undefined || last === undefined
    if (isWhole || (first !== undefined && atOf(last) > atOf(first))) return this.forget()
    const known = new Set(newest.rows.map(idOf))
    const pushedOut = before.filter((row) => !known.has(idOf(row)) && atOf(row) <= atOf(last))
    this.behind = [...pushedOut, ...this.behind]
    if (this.behind.length > KEPT_MAX) this.forget()
  }

  /** The next page, where there is one. */
  async more(): Promise<void> {
    const { next, life } = this
    if (this.isAsking || next === undefined) return
    this.isAsking = true
    this.failure = undefined
    try {
      const page = await this.parts.ask(next)
      if (life !== this.life) return
      this.behind = [...this.behind, ...page.rows]
      this.cursor = page.next
      this.hasAsked = true
    } catch (error) {
      if (life === this.life) this.failure = asFailure(error)
    } finally {
      this.isAsking = false
    }
  }

  private forget(): void {
    this.life++
    this.behind = []
    this.cursor = undefined
    this.hasAsked = false
    this.failure = undefined
  }
}
