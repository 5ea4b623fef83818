import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId, parseOrderId } from '../../terms/ids.ts'
import { parseJson } from '../../terms/parse.ts'
import { MiB } from '../../terms/units.ts'
import type { MovePromise } from '../migration/cost-model.ts'
import { closeMove, EMPTY_LEDGER, type MoveLedger, openMove, promiseFor, type RealEnd, sumUp } from './move-ledger.ts'
import { encodeLedger, parseLedger } from './move-ledger-codec.ts'

const ROUTE = { from: parseHostId('host-0'), to: parseHostId('host-1') }
const BACK = { from: ROUTE.to, to: ROUTE.from }

const PROMISE: MovePromise = {
  totalMs: 10_000,
  downtimeMs: 200,
  bytesMib: 300,
  pConverge: 0.95,
  totalMsRange: [9000, 12_000],
  downtimeMsRange: [100, 300],
  bytesMibRange: [290, 320],
}

function orderOf(index: number): ReturnType<typeof parseOrderId> {
  return parseOrderId(`order-${index}`)
}

/** One move promised and ended, told as the ledger corrected it. */
function live(ledger: MoveLedger, index: number, end: RealEnd, model = PROMISE): MoveLedger {
  const told = promiseFor(ledger, ROUTE, model)
  const opened = openMove(ledger, { orderId: orderOf(index), ...ROUTE, mode: 'precopy', told, model })
  return closeMove(opened, orderOf(index), end)
}

/** It took so much longer, or shorter, than the model said. */
function ended(factor: number): RealEnd {
  return { kind: 'ended', figures: { totalMs: 10_000 * factor, downtimeMs: 200, copiedBytes: 300 * MiB } }
}

function ledgerAfter(moves: number, factor: number): MoveLedger {
  let ledger = EMPTY_LEDGER
  for (let i = 0; i < moves; i++) ledger = live(ledger, i, ended(factor))
  return ledger
}

test('where every move takes a third longer, the next promise of the pair says so, and no other pair does', () => {
  const ledger = ledgerAfter(30, 1.33)
  const corrected = promiseFor(ledger, ROUTE, PROMISE)
  assert.ok(Math.abs(corrected.totalMs / 13_300 - 1) < 0.03, String(corrected.totalMs))
  assert.ok(Math.abs(corrected.downtimeMs / 200 - 1) < 0.01)
  assert.deepEqual(promiseFor(ledger, BACK, PROMISE), PROMISE)
})

test('sums tell the median error and how often the range held', () => {
  let ledger = EMPTY_LEDGER
  // Each of a pair of its own direction, so that nothing is learnt between: told is what the model says.
  for (const [i, factor] of [1, 1.1, 1.3].entries()) {
    const opened = openMove(ledger, { orderId: orderOf(i), ...ROUTE, mode: 'precopy', told: PROMISE, model: PROMISE })
    ledger = closeMove(opened, orderOf(i), ended(factor))
  }
  const { moves, total, bytes, wrongVerdicts } = sumUp(ledger)
  assert.deepEqual([moves, wrongVerdicts], [3, 0])
  // Errors 0, 0.1, 0.3; 10 s and 11 s lie in 9 to 12 s, 13 s does not.
  assert.ok(total !== undefined && Math.abs(total.medianError - 0.1) < 1e-9 && Math.abs(total.coverage - 2 / 3) < 1e-9)
  assert.deepEqual(bytes, { moves: 3, medianError: 0, coverage: 1 })
})

test('a move that was given up counts against the verdict, and tells nothing of figures', () => {
  const ledger = live(EMPTY_LEDGER, 0, { kind: 'gave-up', figures: { totalMs: 1_600_000 } })
  assert.deepEqual(sumUp(ledger), { moves: 1, wrongVerdicts: 1 })
  assert.ok(promiseFor(ledger, ROUTE, PROMISE).pConverge < PROMISE.pConverge)
  assert.equal(promiseFor(ledger, ROUTE, PROMISE).totalMs, PROMISE.totalMs)
})

test('a move that a person cancelled teaches nothing', () => {
  const ledger = live(EMPTY_LEDGER, 0, { kind: 'other' })
  assert.deepEqual(ledger, EMPTY_LEDGER)
})

test('what is told twice, or was never promised, changes nothing', () => {
  const once = live(EMPTY_LEDGER, 0, ended(1.2))
  assert.equal(closeMove(once, orderOf(0), ended(1.2)), once)
  assert.equal(closeMove(once, orderOf(7), ended(1.2)), once)
})

test('figures that the platform did not tell are absent, not zero', () => {
  const ledger = live(EMPTY_LEDGER, 0, { kind: 'ended', figures: { totalMs: 10_000 } })
  const { total, downtime, bytes } = sumUp(ledger)
  assert.deepEqual([total?.moves, downtime, bytes], [1, undefined, undefined])
  assert.deepEqual(sumUp(live(EMPTY_LEDGER, 0, { kind: 'ended' })), { moves: 1, wrongVerdicts: 0 })
})

test('promises that never end do not pile up, and sums are made of the last thousand', () => {
  let ledger = EMPTY_LEDGER
  for (let i = 0; i < 1100; i++)
    ledger = openMove(ledger, { orderId: orderOf(i), ...ROUTE, mode: 'precopy', told: PROMISE, model: PROMISE })
  assert.equal(ledger.open.size, 1000)
  assert.ok(!ledger.open.has(orderOf(99)) && ledger.open.has(orderOf(100)))
})

test('written down and read again it is the same', () => {
  const opened = openMove(ledgerAfter(3, 1.2), {
    orderId: orderOf(9),
    ...BACK,
    mode: 'autoconverge',
    told: PROMISE,
    model: PROMISE,
  })
  const ledger = closeMove(
    openMove(opened, { orderId: orderOf(10), ...BACK, mode: 'precopy', told: PROMISE, model: PROMISE }),
    orderOf(10),
    { kind: 'gave-up' },
  )
  assert.deepEqual(parseLedger(parseJson(encodeLedger(ledger), 'ledger')), ledger)
  assert.deepEqual(parseLedger(parseJson(encodeLedger(EMPTY_LEDGER), 'ledger')), EMPTY_LEDGER)
})

test('what is no ledger is refused with its place', () => {
  assert.throws(() => parseLedger({ schema: 2 }), /schema/)
  assert.throws(() => parseLedger({ schema: 1, pairs: [{ from: 'a', to: 'b' }], open: [], entries: [] }), /pairs\[0\]/)
})
