import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRunes } from '../../../tools/web/runes.ts'
import type { PageOf } from './older.svelte.ts'

compileRunes()
const { Older } = await import('./older.svelte.ts')

interface Row {
  readonly id: string
  readonly at: number
  readonly note?: string
}

/** A server with rows of these instants, that answers in pages of three. Its `before` is the instant of the last row. */
function aServer(...ats: readonly number[]) {
  const rows: Row[] = ats.map((at) => ({ id: `r${at}`, at }))
  const page = (before = Infinity): PageOf<Row, number> => {
    const rest = rows.filter(({ at }) => at < before).toSorted((a, b) => b.at - a.at)
    const shown = rest.slice(0, 3)
    return { rows: shown, ...(rest.length > 3 ? { next: shown.at(-1)?.at } : {}) }
  }
  return { rows, page }
}

function aList(ask: (before: number) => Promise<PageOf<Row, number>>) {
  return new Older<Row, number>({ ask, idOf: ({ id }) => id, atOf: ({ at }) => at })
}

const atsOf = (list: { readonly rows: readonly Row[] }): readonly number[] => list.rows.map(({ at }) => at)

test('rows that new ones push out of the newest page stay in the list', async () => {
  const { rows, page } = aServer(1, 2, 3, 4, 5, 6, 7, 8)
  const list = aList(async (before) => page(before))
  list.hear(page())
  await list.more()
  assert.deepEqual(atsOf(list), [8, 7, 6, 5, 4, 3])
  rows.push({ id: 'r9', at: 9 }, { id: 'r10', at: 10 })
  list.hear(page())
  assert.deepEqual(atsOf(list), [10, 9, 8, 7, 6, 5, 4, 3])
  await list.more()
  assert.deepEqual([atsOf(list).slice(-2), list.next], [[2, 1], undefined])
})

test('while nothing older was asked for, the list is the newest page', () => {
  const { rows, page } = aServer(1, 2, 3, 4)
  const list = aList(async (before) => page(before))
  list.hear(page())
  rows.push({ id: 'r5', at: 5 })
  list.hear(page())
  assert.deepEqual([atsOf(list), list.next], [[5, 4, 3], 3])
})

test('what is pushed out while older rows are on their way is not lost', async () => {
  const { rows, page } = aServer(1, 2, 3, 4, 5)
  const list = aList(async (before) => page(before))
  list.hear(page())
  const asked = list.more()
  rows.push({ id: 'r6', at: 6 })
  list.hear(page())
  await asked
  assert.deepEqual(atsOf(list), [6, 5, 4, 3, 2, 1])
})

test('where so much came that rows between were never told, the list begins anew: it has no hole', async () => {
  const { rows, page } = aServer(1, 2, 3, 4, 5)
  const list = aList(async (before) => page(before))
  list.hear(page())
  await list.more()
  for (const at of [6, 7, 8, 9]) rows.push({ id: `r${at}`, at })
  list.hear(page())
  assert.deepEqual([atsOf(list), list.next], [[9, 8, 7], 7])
  await list.more()
  assert.deepEqual(atsOf(list), [9, 8, 7, 6, 5, 4])
})

test('an answer for a list that began anew meanwhile is dropped', async () => {
  const { page } = aServer(1, 2, 3, 4, 5)
  const asked = Promise.withResolvers<PageOf<Row, number>>()
  const list = aList(() => asked.promise)
  list.hear(page())
  const more = list.more()
  list.hear({ rows: [{ id: 'r9', at: 9 }], next: 9 })
  asked.resolve(page(3))
  await more
  assert.deepEqual([atsOf(list), list.next, list.isAsking], [[9], 9, false])
})

test('what is no longer told among the newest is gone, and an entry of two pages is told once, as the newer has it', async () => {
  const { rows, page } = aServer(1, 2, 3, 4, 5)
  const list = aList(async (before) => page(before))
  list.hear(page())
  await list.more()
  // The verdict of 4 changed, so that the filter has it no more; 2 comes into the newest page, with a note.
  rows.splice(0, rows.length, ...[1, 3, 5].map((at) => ({ id: `r${at}`, at })), { id: 'r2', at: 2, note: 'new' })
  list.hear(page())
  assert.deepEqual(atsOf(list), [5, 3, 2, 1])
  assert.equal(list.rows[2].note, 'new')
})

test('a refusal is told, what is known stays, and it can be asked again', async () => {
  const { page } = aServer(1, 2, 3, 4)
  let isDown = true
  const list = aList(async (before) => {
    if (isDown) throw new Error('no answer')
    return page(before)
  })
  list.hear(page())
  await list.more()
  assert.deepEqual([atsOf(list), list.failure?.message, list.isAsking], [[4, 3, 2], 'Error: no answer', false])
  isDown = false
  await list.more()
  assert.deepEqual([atsOf(list), list.failure, list.next], [[4, 3, 2, 1], undefined, undefined])
})

test('a list that is whole in its newest page has nothing behind it', async () => {
  const { rows, page } = aServer(1, 2, 3, 4, 5)
  const list = aList(async (before) => page(before))
  list.hear(page())
  await list.more()
  rows.splice(0, 3)
  list.hear(page())
  assert.deepEqual([atsOf(list), list.next], [[5, 4], undefined])
})
