import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { aMove, anEstimate, anOrder, anOutcome } from '../../tools/builders.ts'
import { checkRoundTrip, finiteNumber } from '../../tools/property.ts'
import { parseHostId, parseOrderId, parseVmId } from './ids.ts'
import {
  encodeMigrationOrder,
  encodeMove,
  encodeOutcome,
  MOVE_CLASSES,
  parseMigrationEstimate,
  parseMigrationOrder,
  parseMove,
  parseOutcome,
} from './move.ts'
import { ParseError } from './parse.ts'

const idText = fc.stringMatching(/^[!-[\]-~]{1,64}$/).filter((text) => !text.includes('"'))
const hostId = idText.map((id) => parseHostId(id))
const vmId = idText.map((id) => parseVmId(id))
const positive = finiteNumber({ min: 0 })
const place = { vmId, from: hostId, to: hostId, class: fc.constantFrom(...MOVE_CLASSES), reason: fc.string() }
const move = fc.record({
  ...place,
  gain: finiteNumber(),
  cost: finiteNumber(),
  confidence: finiteNumber({ min: 0, max: 1 }),
  estimate: fc.record({
    copiedBytes: positive,
    durationMs: positive,
    downtimeMs: positive,
    rounds: fc.nat(),
    converges: fc.boolean(),
  }),
})
const order = fc.record(
  { ...place, id: idText.map((id) => parseOrderId(id)), decidedAt: fc.integer(), move },
  { requiredKeys: ['id', 'vmId', 'from', 'to', 'decidedAt', 'class', 'reason'] },
)

test('a move reads back as it was written', () => {
  checkRoundTrip(move, encodeMove, parseMove)
})

test('an order reads back as it was written, with the move behind it or without', () => {
  checkRoundTrip(order, encodeMigrationOrder, parseMigrationOrder)
})

test('an outcome reads back as it was written; a gain not yet realised stays absent', () => {
  const settled = anOutcome({ realisedGain: 0 })
  assert.deepEqual(parseOutcome(JSON.parse(encodeOutcome(settled))), settled)
  const open = parseOutcome(JSON.parse(encodeOutcome(anOutcome())))
  assert.deepEqual(open, anOutcome())
  assert.equal('realisedGain' in open, false)
})

test('what can not have been decided is refused by name', () => {
  const bad: readonly (readonly [parse: () => unknown, place: string])[] = [
    [() => parseMove({ ...aMove(), confidence: 1.01 }), 'move.confidence'],
    [() => parseMove({ ...aMove(), gain: null }), 'move.gain'],
    [() => parseMove({ ...aMove(), class: 'whim' }), 'move.class'],
    [() => parseMove({ ...aMove(), to: '' }), 'move.to'],
    [() => parseMove({ ...aMove(), estimate: undefined }), 'move.estimate'],
    [() => parseMigrationEstimate({ ...anEstimate(), rounds: 1.5 }), 'estimate.rounds'],
    [() => parseMigrationEstimate({ ...anEstimate(), copiedBytes: -1 }), 'estimate.copiedBytes'],
    [() => parseMigrationOrder({ ...anOrder(), decidedAt: '2017' }), 'order.decidedAt'],
    [() => parseMigrationOrder({ ...anOrder(), move: 'yes' }), 'order.move'],
    [() => parseOutcome({ ...anOutcome(), promisedGain: undefined }), 'outcome.promisedGain'],
  ]
  for (const [parse, where] of bad) {
    assert.throws(parse, (error) => error instanceof ParseError && error.place === where, where)
  }
})

test('whether a migration converges is said, not guessed: "true" is no answer, and neither is silence', () => {
  for (const converges of ['true', 1, undefined, null]) {
    assert.throws(() => parseMigrationEstimate({ ...anEstimate(), converges }), /estimate\.converges/)
  }
})
