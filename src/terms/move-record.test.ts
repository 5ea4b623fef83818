import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty, checkRoundTrip, finiteNumber } from '../../tools/property.ts'
import { parseHostId, parseOrderId, parseVmId } from './ids.ts'
import { CALL_END_KINDS, FREEZE_REASONS, INTENT_ENDS, type MigrationIntent } from './intent.ts'
import { encodeMoveLine, MOVE_STEPS, type MoveLine, parseMoveLine, readMoveLine } from './move-record.ts'
import { ParseError } from './parse.ts'

const text = fc.string({ maxLength: 60 })
const amount = finiteNumber({ min: 0, max: 1e15 })
const figures = fc.record(
  { totalMs: amount, downtimeMs: amount, copiedBytes: amount, rounds: amount },
  { requiredKeys: [] },
)

const intents: fc.Arbitrary<MigrationIntent> = fc.record(
  {
    order: fc.record({
      id: fc.constant(parseOrderId('order-1')),
      vmId: fc.constant(parseVmId('vm-1')),
      from: fc.constant(parseHostId('host-1')),
      to: fc.constant(parseHostId('host-2')),
      decidedAt: finiteNumber(),
      class: fc.constantFrom('evacuation' as const, 'operator' as const, 'contention' as const),
      reason: text,
    }),
    cause: fc.oneof(
      fc.constant({ kind: 'policy' as const }),
      fc.record({ kind: fc.constant('operator' as const), who: text }),
      fc.record({ kind: fc.constant('evacuation' as const), hostId: fc.constant(parseHostId('host-1')), who: text }),
    ),
    terms: fc.record(
      {
        mode: fc.constantFrom('precopy' as const, 'autoconverge' as const, 'postcopy' as const),
        bandwidthMibPerSec: amount,
        timeoutMs: amount,
        stalledMs: amount,
      },
      { requiredKeys: ['mode', 'timeoutMs', 'stalledMs'] },
    ),
    promise: fc.record({
      totalMs: amount,
      downtimeMs: amount,
      copiedBytes: amount,
      pConverge: finiteNumber({ min: 0, max: 1 }),
    }),
  },
  { requiredKeys: ['order', 'cause', 'terms'] },
)

const progress = fc.record(
  {
    elapsedMs: amount,
    copiedBytes: amount,
    remainingBytes: amount,
    rounds: amount,
    dirtyBytesPerSec: amount,
    copiedBytesPerSec: amount,
    throttle: finiteNumber({ min: 0, max: 1 }),
    isPostCopy: fc.boolean(),
  },
  { requiredKeys: ['elapsedMs', 'isPostCopy'] },
)

const step = <Name extends string>(name: Name): fc.Arbitrary<Name> => fc.constant(name)
const common = { orderId: fc.constant(parseOrderId('order-1')), at: finiteNumber() }
const lines: fc.Arbitrary<MoveLine> = fc.oneof(
  fc.record({ ...common, step: step('intent'), intent: intents }),
  fc.record({ ...common, step: step('sending'), fence: fc.nat() }),
  fc.record({ ...common, step: fc.constantFrom('accepted' as const, 'thawed' as const), detail: text }),
  fc.record({ ...common, step: step('progress'), progress }),
  fc.record({ ...common, step: step('abort-asked'), by: text, reason: text }),
  fc.record(
    { ...common, step: step('call-ended'), end: fc.constantFrom(...CALL_END_KINDS), reason: text, figures },
    { requiredKeys: ['orderId', 'at', 'step', 'end', 'reason'] },
  ),
  fc.record({ ...common, step: step('seen'), source: text, destination: text }),
  fc.record({ ...common, step: step('frozen'), reason: fc.constantFrom(...FREEZE_REASONS), detail: text }),
  fc.record({ ...common, step: step('vouched'), hostId: fc.constant(parseHostId('host-1')), by: text }),
  fc.record(
    { ...common, step: step('closed'), state: fc.constantFrom(...INTENT_ENDS), detail: text, figures },
    { requiredKeys: ['orderId', 'at', 'step', 'state', 'detail'] },
  ),
)

test('what is written of a move reads back as the same, whatever the step', () => {
  checkRoundTrip(lines, encodeMoveLine, parseMoveLine)
})

test('a line holds no line break, so that the journal takes it', () => {
  checkProperty(fc.property(lines, (line) => assert.ok(!/[\r\n]/.test(encodeMoveLine(line)))))
})

test('lines that tell of something else are passed over', () => {
  for (const line of ['{"kind":"turn","turn":3}', '{"kind":"header"}', 'no JSON', ''])
    assert.equal(readMoveLine(line), undefined)
})

test('garbage in a line of a move is a parse error that names the place, and nothing else', () => {
  const whole = fc.record({ line: lines, at: fc.nat(), put: fc.constantFrom('', '"', '}', '-1', 'null', '\u0000') })
  checkProperty(
    fc.property(whole, ({ line, at, put }) => {
      const written = encodeMoveLine(line)
      const cut = '{"kind":"move"'.length + (at % (written.length - 14))
      try {
        readMoveLine(written.slice(0, cut) + put + written.slice(cut + 1))
      } catch (error) {
        assert.ok(error instanceof ParseError, String(error))
      }
    }),
    { runs: 500 },
  )
})

test('what does not belong together is refused', () => {
  const good = { kind: 'move', orderId: 'order-1', at: 1 }
  const bad: readonly object[] = [
    { ...good, step: 'destroy' },
    { ...good, step: 'sending' },
    { ...good, step: 'sending', fence: -1 },
    { ...good, step: 'closed', state: 'frozen', detail: '' },
    { ...good, step: 'frozen', reason: 'bored', detail: '' },
    { ...good, step: 'accepted', detail: '', at: 'noon' },
    { ...good, step: 'accepted', detail: '', orderId: '' },
  ]
  for (const line of bad) assert.throws(() => parseMoveLine(line), ParseError, JSON.stringify(line))
  const [intent] = fc.sample(intents, { numRuns: 1, seed: 1 })
  const foreign = { ...good, step: 'intent', orderId: 'order-2', intent }
  assert.throws(() => parseMoveLine(foreign), /Expected the intent's own order/)
})

test('each step has a place in the list of steps', () => {
  assert.equal(new Set(MOVE_STEPS).size, MOVE_STEPS.length)
})
