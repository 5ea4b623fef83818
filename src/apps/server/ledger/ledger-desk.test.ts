/** What the ledger asks of the store, and how often it reckons: not what it tells, which its book's tests and those of its routes look at. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseOrderId, parseVmId } from '../../../terms/ids.ts'
import { DAY_MS, MINUTE_MS } from '../../../terms/units.ts'
import { SLOT_MS } from '../../../terms/usage.ts'
import { FakeStore } from '../api/fakes/builders.ts'
import { aForesightLine, anOrder, aTurnLine, moveLines } from './builders.ts'
import { LedgerDesk } from './ledger-desk.ts'

const START = 1_800_000_000_000

/** A store in memory that counts what is asked of it, and a desk over it. */
function aDesk(charactersMost?: number) {
  const store = new FakeStore()
  const asked = { characters: 0, lines: 0, usage: 0 }
  const bench = { now: START, store, asked }
  const from = store.journal.from.bind(store.journal)
  store.journal.from = async (number, most) => {
    const lines = await from(number, most)
    asked.lines += lines.length
    asked.characters += lines.reduce((sum, { line }) => sum + line.length, 0)
    return lines
  }
  const series = store.usage.series.bind(store.usage)
  const seriesOf = store.usage.seriesOf.bind(store.usage)
  Object.assign(store.usage, {
    series: (...about: Parameters<typeof series>) => (asked.usage++, series(...about)),
    seriesOf: (...about: Parameters<typeof seriesOf>) => (asked.usage++, seriesOf(...about)),
  })
  const desk = new LedgerDesk({
    store,
    clock: { now: () => bench.now },
    moves: { numbers: () => undefined },
    ...(charactersMost === undefined ? {} : { charactersMost }),
  })
  return { ...bench, bench, desk }
}

test('of a journal that is too long the newest part is read, and since when is told', async () => {
  const { desk, store, asked, bench } = aDesk(100_000)
  for (let line = 0; line < 400; line++)
    await store.journal.append(
      JSON.stringify({ kind: 'turn', at: line, padding: 'x'.repeat(1000) }),
      START + line * MINUTE_MS,
    )
  bench.now = START + 400 * MINUTE_MS
  const { since } = await desk.summary()
  // 100,000 characters are 97 lines of some 1,030.
  assert.ok(since >= START + 300 * MINUTE_MS && since <= START + 310 * MINUTE_MS, String((since - START) / MINUTE_MS))
  // Looked at from its end, then read; the halving by instants reads some ten lines more.
  assert.ok(asked.characters < 300_000, String(asked.characters))
})

test('where nobody asked for long, no more is read than at first, and the book begins anew', async () => {
  const { desk, store, asked, bench } = aDesk(100_000)
  await store.journal.append(JSON.stringify({ kind: 'turn', at: 0 }), START)
  assert.equal((await desk.summary()).since, START)
  for (let line = 0; line < 1000; line++)
    await store.journal.append(
      JSON.stringify({ kind: 'turn', at: line, padding: 'x'.repeat(1000) }),
      START + line * MINUTE_MS,
    )
  bench.now = START + 1000 * MINUTE_MS
  asked.characters = 0
  assert.ok((await desk.summary()).since >= START + 900 * MINUTE_MS)
  assert.ok(asked.characters < 300_000, String(asked.characters))
})

test('after a pause nothing is read again that was read before, however long the journal is', async () => {
  const { desk, store, asked, bench } = aDesk()
  const write = async (lines: number): Promise<void> => {
    for (let line = 0; line < lines; line++) {
      bench.now += MINUTE_MS
      await store.journal.append(JSON.stringify({ kind: 'turn', at: bench.now }), bench.now)
    }
  }
  await write(3000)
  const { since } = await desk.summary()
  assert.equal(since, START + MINUTE_MS)
  // More than is gone on with unasked.
  await write(600)
  asked.lines = 0
  assert.equal((await desk.summary()).since, since)
  // Those 600 are walked over, then read; the halving by instants looks at some ten more.
  assert.ok(asked.lines >= 1200 && asked.lines <= 1220, String(asked.lines))
  asked.lines = 0
  await desk.summary()
  assert.equal(asked.lines, 0)
})

test('what was reckoned holds for all who ask, until the journal goes on or a minute has passed', async () => {
  const { desk, store, bench } = aDesk()
  await store.journal.append(aForesightLine(START, { 'host-1': { demand: 5 } }), START)
  const first = await desk.summary()
  bench.now += MINUTE_MS - 1
  const second = await desk.summary()
  assert.equal(second.week, first.week)
  assert.equal(second.asOf, first.asOf)
  await store.journal.append(aForesightLine(START + SLOT_MS, { 'host-1': { demand: 5 } }), bench.now)
  const third = await desk.summary()
  assert.notEqual(third.week, first.week)
  assert.equal(third.asOf, bench.now)
  bench.now += MINUTE_MS
  assert.equal((await desk.summary()).asOf, bench.now)
})

test('what VMs wanted is read for all whose time is over at once', async () => {
  const { desk, store, asked, bench } = aDesk()
  const rows = { 'host-1': { demand: 8 }, 'host-2': { demand: 6 } }
  await store.journal.append(aForesightLine(START + SLOT_MS, rows), START)
  for (let move = 0; move < 40; move++) {
    const vmId = parseVmId(`web-${move}`)
    const order = anOrder(START + SLOT_MS, { id: parseOrderId(`order-${move}`), vmId })
    await store.journal.append(aTurnLine(order.decidedAt, { orders: [order] }), START)
    for (const line of moveLines(order, order.decidedAt + MINUTE_MS)) await store.journal.append(line, START)
    for (let slot = 0; slot < 14; slot++)
      store.kept.usage.push({ vmId, slotAt: START + slot * SLOT_MS, mean: { cpu: move }, max: {} })
  }
  for (let slot = 2; slot <= 14; slot++)
    await store.journal.append(aForesightLine(START + slot * SLOT_MS, rows), START + slot * SLOT_MS)
  bench.now = START + DAY_MS / 2
  const { moves } = await desk.movesPage({ limit: 100 })
  assert.equal(moves.length, 40)
  assert.equal(asked.usage, 1)
  // Each by its own: had a VM of 39 cores stayed beside 8 of 10, more were unserved than of one that wants nothing.
  const hadItStayed = (id: string): number => moves.find((move) => move.id === id)?.unserved?.hadItStayed ?? NaN
  assert.deepEqual(
    [hadItStayed('order-0'), Math.round(hadItStayed('order-39'))],
    [0, Math.round(((8 + 39 - 10) * 11) / 12)],
  )
})
