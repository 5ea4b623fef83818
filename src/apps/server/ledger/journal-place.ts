/** Where the reading of the journal begins: within a span, and not further back than so many lines and characters. */
import { setImmediate as breathe } from 'node:timers/promises'
import type { EpochMs } from '../../../terms/units.ts'
import type { Journal } from '../../../world/site-store.ts'

/** Lines of turns are long on a large site: few are held at a time. */
const LINES_AT_ONCE = 50
const CHARACTERS_AT_ONCE = 8 * 1024 * 1024

export interface Reach {
  readonly from: EpochMs
  /** All before it are known: nobody looks further back. Absent: none is. */
  readonly next?: number
  readonly linesMost: number
  readonly charactersMost: number
}

/** The number of the first line that is within reach. */
export async function firstLineWithin(journal: Journal, reach: Reach): Promise<number> {
  const newest = (await journal.last(1)).at(-1)
  if (newest === undefined) return 0
  const oldest = Math.max(0, reach.next ?? 0, newest.number - reach.linesMost)
  return firstAffordable(journal, await firstSince(journal, reach.from, [oldest, newest.number]), {
    newest: newest.number,
    charactersMost: reach.charactersMost,
  })
}

/** How many lines the next page should have, where those of the last one were so long. */
export function pageAfter(lengths: readonly number[]): number {
  const longest = lengths.reduce((most, length) => Math.max(most, length), 1)
  return Math.max(1, Math.min(LINES_AT_ONCE, Math.floor(CHARACTERS_AT_ONCE / longest)))
}

/** Lines are looked at by halving, for their instants rise. */
export async function firstSince(
  journal: Pick<Journal, 'from'>,
  from: EpochMs,
  span: readonly [number, number],
): Promise<number> {
  let [low, high] = span
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const line = (await journal.from(middle, 1)).at(0)
    if (line !== undefined && line.at < from) low = Math.max(middle, line.number) + 1
    else high = middle
  }
  return low
}

/** From the newest back: what is left of the characters when `first` is reached does not matter. */
async function firstAffordable(
  journal: Journal,
  first: number,
  { newest, charactersMost }: { readonly newest: number; readonly charactersMost: number },
): Promise<number> {
  let end = newest + 1
  let left = charactersMost
  for (let most = 1; end > first; ) {
    const from = Math.max(first, end - most)
    const page = (await journal.from(from, end - from)).filter(({ number }) => number < end)
    // Older ones were deleted.
    if (page.length === 0) break
    for (const { line, number } of page.toReversed()) {
      left -= line.length
      if (left < 0) return number + 1
    }
    most = pageAfter(page.map(({ line }) => line.length))
    end = from
    await breathe()
  }
  return first
}
