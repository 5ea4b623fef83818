/** What is folded from the journal: moves with their regret, stays with their verdicts, coverage. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseOrderId, parseVmId } from '../../../terms/ids.ts'
import { PRODUCTION_POLICY } from '../../../terms/policy.ts'
import { HOUR_MS, MINUTE_MS } from '../../../terms/units.ts'
import { SLOT_MS } from '../../../terms/usage.ts'
import {
  aForesightLine,
  anOrder,
  type ARow,
  aTurnLine,
  groundsLine,
  journalOf,
  moveLines,
  settledEvent,
} from './builders.ts'
import { LedgerBook } from './ledger-book.ts'
import { moveView } from './ledger-views.ts'
import { reckon } from './moves-book.ts'
import { avoidableIn, stayView } from './stays-book.ts'

const START = 1_800_000_000_000
/** 7 EUR a core-hour unserved. */
const POLICY = PRODUCTION_POLICY

function bookOf(lines: readonly string[]): LedgerBook {
  const book = new LedgerBook()
  for (const line of journalOf(lines)) book.take(line)
  return book
}

/** A line for each slot, from the first after the start on. */
function slots(count: number, rowsAt: (slot: number) => Readonly<Record<string, ARow>>): readonly string[] {
  return Array.from({ length: count }, (_, i) => aForesightLine(START + (i + 1) * SLOT_MS, rowsAt(i + 1)))
}

/** An order after one slot, carried out within a minute, and twelve more slots. */
function movedOnce(rows: Readonly<Record<string, ARow>>, others: readonly string[] = ['host-3']): readonly string[] {
  const order = anOrder(START + SLOT_MS)
  const before = { 'host-1': { demand: 9, contention: 0.7 }, 'host-2': { demand: 2 }, 'host-3': { demand: 2 } }
  const [first, ...after] = slots(13, (slot) => (slot === 1 ? before : rows))
  return [
    first,
    aTurnLine(order.decidedAt, { orders: [order] }),
    groundsLine(order, ['host-2', ...others]),
    ...moveLines(order, order.decidedAt + MINUTE_MS),
    ...after,
    aTurnLine(START + 14 * SLOT_MS, { events: [settledEvent(order, START + 14 * SLOT_MS, 3, 0.2)] }),
  ]
}

/** The only move, with a VM that wanted so much throughout. */
function viewOf(lines: readonly string[], wanted: number, now = START + 15 * SLOT_MS) {
  const book = bookOf(lines)
  for (const move of book.moves.unread()) move.hindsight = reckon(move, () => wanted) ?? null
  const [move] = book.moves.list()
  return moveView(move, POLICY, now)
}

test('a move is told with what was promised and what came: gain, cost, the copy, contention, unserved demand', () => {
  // Eleven whole slots lie between the end of the copy and the hour. Had the VM of 4 cores stayed, 2 of 12 were unserved.
  const view = viewOf(movedOnce({ 'host-1': { demand: 8 }, 'host-2': { demand: 6 }, 'host-3': { demand: 6 } }), 4)
  assert.deepEqual(view.gain, { model: 'expected-risk', promised: 0.5, realised: 3 })
  assert.deepEqual(view.cost, { model: 'pre-copy-rounds', promised: 0.1, realised: 0.2 })
  assert.deepEqual(view.migration.totalMs, { promised: 10_000, realised: 12_000 })
  assert.deepEqual(view.migration.downtimeMs, { promised: 100, realised: 80 })
  assert.deepEqual(view.contention, { model: 'contention-1', foreseen: 0.7, came: true })
  assert.deepEqual([view.state, view.unserved?.slots, view.unserved?.withMove], ['done', 11, 0])
  assert.ok(Math.abs((view.unserved?.hadItStayed ?? 0) - (11 * 2) / 12) < 1e-9)
  assert.deepEqual([view.regret?.value, view.regret?.best, view.regret?.compared], [0, 'this-move', 1])
  assert.deepEqual(view.unknown, [])
})

test('where the other host would have served more, that is the regret, in money', () => {
  // host-2 lacks 2 cores with the VM, host-3 would have lacked none: 2 cores for 11 slots at 7 a core-hour.
  const view = viewOf(movedOnce({ 'host-1': { demand: 8 }, 'host-2': { demand: 12 }, 'host-3': { demand: 6 } }), 4)
  assert.deepEqual([view.regret?.best, view.regret?.host], ['another-host', 'host-3'])
  assert.ok(Math.abs((view.regret?.value ?? 0) - ((2 * 11) / 12) * 7) < 1e-9, String(view.regret?.value))
})

test('where no contention would have come, the regret of having moved is its cost', () => {
  const view = viewOf(movedOnce({ 'host-1': { demand: 2 }, 'host-2': { demand: 6 }, 'host-3': { demand: 6 } }), 1)
  assert.deepEqual([view.contention?.came, view.regret?.best, view.regret?.value], [false, 'staying', 0.2])
})

test('a source that nothing runs on any more lacks nothing, where all hosts with VMs are recorded', () => {
  const view = viewOf(movedOnce({ 'host-2': { demand: 6 } }), 4)
  assert.deepEqual([view.unserved?.slots, view.unserved?.hadItStayed], [11, 0])
  assert.equal(view.regret?.compared, 0)
})

test('what can not be known is left out, and why is said', () => {
  const order = anOrder(START)
  const ordered = aTurnLine(START, { orders: [order] })
  const nobody = viewOf([ordered], 1)
  assert.deepEqual([nobody.state, nobody.regret, nobody.unserved], ['not-carried-out', undefined, undefined])
  assert.match(nobody.unknown[0], /Nobody carried it out/)
  const failed = viewOf([ordered, ...moveLines(order, START, { state: 'failed' })], 1)
  assert.match(failed.unknown[0], /stayed where it was/)
  const unrecorded = viewOf([ordered, ...moveLines(order, START)], 1)
  assert.match(unrecorded.unknown.join(' '), /were not recorded together/)
  const unmeasured = viewOf(movedOnce({ 'host-1': { demand: 8 }, 'host-2': { demand: 6 } }), NaN)
  assert.deepEqual([unmeasured.unserved, unmeasured.regret], [undefined, undefined])
  assert.match(unmeasured.unknown.join(' '), /not measured at its new place/)
})

test('a VM that is moved on is looked at until then', () => {
  const next = anOrder(START + 6 * SLOT_MS, { id: parseOrderId('order-2') })
  const lines = [...movedOnce({ 'host-1': { demand: 8 }, 'host-2': { demand: 6 } })]
  const at = lines.findIndex((line) => line.includes(`"at":${START + 7 * SLOT_MS},"windowMs"`))
  lines.splice(at, 0, ...moveLines(next, START + 6 * SLOT_MS))
  const book = bookOf(lines)
  const first = book.moves.list().find(({ order }) => order.id === 'order-1')
  // From the first whole slot after the copy up to that move.
  assert.equal(first?.slots.length, 4)
})

/** Stays of VMs, by host. */
function verdicts(lines: readonly string[], at: number) {
  const { stays } = bookOf(lines)
  return stays
    .list()
    .filter(({ vm }) => vm !== undefined)
    .map((stay) => stayView(stay, stays.newestAt, at))
    .sort((a, b) => a.host.localeCompare(b.host))
}

test('a stay is wrong where contention came on its host, right where none did, and not yet known before', () => {
  const refused = { kind: 'move-refused', lacking: 'cooldown', reason: 'It rests.' }
  const events = [
    { ...refused, vmId: 'web-1', from: 'host-1' },
    { ...refused, vmId: 'web-2', from: 'host-2' },
  ]
  const told = aTurnLine(START + SLOT_MS, { events })
  const [first, ...rest] = slots(20, (slot) => ({
    'host-1': { demand: slot === 5 ? 12 : 7, contention: 0.4 },
    'host-2': { demand: 7, contention: 0.3 },
  }))
  const early = verdicts([first, told, ...rest.slice(0, 2)], START + 3 * SLOT_MS)
  assert.deepEqual(
    early.map(({ verdict }) => verdict),
    ['not-yet-known', 'not-yet-known'],
  )
  const [wrong, right] = verdicts([first, told, ...rest], START + 20 * SLOT_MS)
  assert.deepEqual([wrong.verdict, right.verdict], ['wrong', 'right'])
  assert.deepEqual(wrong.foreseen, { model: 'contention-1', contention: 0.4 })
  assert.deepEqual([wrong.came?.at, wrong.came?.demandMost], [START + 4 * SLOT_MS, 12])
  assert.ok(Math.abs((wrong.came?.unserved ?? 0) - 2 / 12) < 1e-9)
  assert.equal(right.came?.unserved, 0)
  const never = verdicts([told], START + 3 * HOUR_MS)
  assert.deepEqual(
    never.map(({ verdict }) => verdict),
    ['unknown', 'unknown'],
  )
})

test('turns that say the same of a VM within a quarter of an hour are one span, and what its leaving would have spared is told', () => {
  const event = { kind: 'move-refused', vmId: 'web-1', from: 'host-1', lacking: 'benefit', reason: 'Not worth it.' }
  const lines = slots(30, (slot) => ({ 'host-1': { demand: slot === 4 ? 13 : 6 } })).flatMap((line, i) =>
    [0, 1, 2, 20].includes(i) ? [line, aTurnLine(START + (i + 1) * SLOT_MS, { events: [event] })] : [line],
  )
  const { stays } = bookOf(lines)
  const told = stays.list().filter(({ vm }) => vm === 'web-1')
  assert.deepEqual(
    told.map(({ turns }) => turns),
    [1, 3],
  )
  const [open] = stays.unread()
  assert.equal(open, told[1])
  // Of the 3 cores that the host lacked for five minutes the VM of 2 would have spared 2.
  assert.ok(Math.abs(avoidableIn(open, () => 2) - 2 / 12) < 1e-9)
  assert.equal(
    avoidableIn(open, () => NaN),
    0,
  )
})

test('contention that nobody foresaw is a stay that was wrong; that of a host whose VMs changed is none', () => {
  const lines = slots(20, (slot) => ({
    'host-1': { demand: slot === 15 ? 11 : 5 },
    'host-2': { demand: slot === 15 ? 11 : 5, members: slot === 15 ? 'b' : 'a' },
    'host-3': { demand: slot === 15 ? 11 : 5, contention: 0.5 },
  }))
  const { stays } = bookOf(lines)
  const missed = stays.list().map((stay) => stayView(stay, stays.newestAt, START + 20 * SLOT_MS))
  assert.deepEqual(
    missed.map(({ host, reason, verdict, vms, vm }) => ({ host, reason, verdict, vms, vm })),
    [{ host: 'host-1', reason: 'host-comfortable', verdict: 'wrong', vms: 3, vm: undefined }],
  )
})

test('coverage counts what lay in the interval, by horizon, on hosts whose VMs are still the same', () => {
  // The interval is 4 to 6, and half a per cent of ten cores more. host-2 has other VMs in each slot.
  const { coverage } = bookOf(
    slots(13, (slot) => ({
      'host-1': { demand: slot % 2 === 0 ? 6.04 : 6.2 },
      'host-2': { demand: 5, members: String(slot) },
      'host-3': { demand: 5, members: '-' },
    })),
  )
  assert.deepEqual(
    coverage.coverage(0).map(({ horizonMs, checks, held }) => [horizonMs / MINUTE_MS, checks, held]),
    [
      [5, 12, 6],
      [15, 10, 5],
      [30, 7, 3],
      [60, 1, 0],
    ],
  )
  assert.deepEqual(coverage.coverage(START + 3 * HOUR_MS), [])
})

test('intervals step by step are counted for their own horizons, where they were kept', () => {
  // Kept in the first slot alone: 5 min ahead too narrow, 15 min ahead wide enough, 30 and 60 min ahead just so.
  const { coverage } = bookOf(
    slots(13, (slot) => ({ 'host-1': { demand: 7, ...(slot === 1 ? { ahead: [5, 6, 1, 9, 7, 7, 7.05, 8] } : {}) } })),
  )
  assert.deepEqual(
    coverage
      .coverage(0)
      .filter(({ model }) => model === 'ahead-1')
      .map(({ horizonMs, checks, held }) => [horizonMs / MINUTE_MS, checks, held]),
    [
      [5, 1, 0],
      [15, 1, 1],
      [30, 1, 1],
      [60, 1, 1],
    ],
  )
})

test('forecasts of contention are counted against what came within their horizon', () => {
  const { coverage } = bookOf(
    slots(13, (slot) => ({
      'host-1': { demand: slot === 9 ? 11 : 5, contention: 0.6 },
      'host-2': { demand: 5, contention: 0.6 },
      'host-3': { demand: slot === 9 ? 11 : 5 },
      'host-4': { demand: 5 },
    })),
  )
  const { model, ...counts } = coverage.foresight(0)
  assert.equal(model, 'contention-1')
  assert.deepEqual(counts, { foreseenCame: 1, foreseenNotCame: 1, missed: 1, quiet: 1 })
})

test('a slot that is told twice counts once, and lines that can not be read are counted and passed over', () => {
  const [line, next] = slots(2, () => ({ 'host-1': { demand: 5 } }))
  const book = bookOf([line, line, next, next, '{"kind":"foresight","at":', '{"kind":"turn","orders":[{"id":3}]}'])
  assert.equal(book.coverage.coverage(0)[0].checks, 1)
  assert.equal(book.unreadable, 2)
  assert.equal(book.moves.list().length, 0)
})

test('names of VMs are text and nothing else, whatever they look like', () => {
  const vmId = '__proto__'
  const book = bookOf([
    aTurnLine(START, {
      events: [{ kind: 'move-refused', vmId, from: 'constructor', lacking: 'benefit', reason: '=cmd()' }],
    }),
    aTurnLine(START, { orders: [anOrder(START, { vmId: parseVmId('toString') })] }),
  ])
  assert.deepEqual([book.stays.list()[0].vm, book.stays.list()[0].host], ['__proto__', 'constructor'])
  assert.equal(book.moves.list().length, 1)
})
