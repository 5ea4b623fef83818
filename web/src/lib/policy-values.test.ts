import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PolicyField } from './policy-field.ts'
import { inputText, readInput, spanWhole, valueText } from './policy-values.ts'

const field = (more: Partial<PolicyField>): PolicyField => ({
  path: 'a.b',
  group: 'act',
  title: 'T',
  kind: 'count',
  help: '',
  ...more,
})

function problem(more: Partial<PolicyField>, text: string): string {
  const read = readInput(field(more), text)
  return 'problem' in read ? read.problem : `read as ${read.value}`
}

test('spans are written without loss in the largest unit that divides them', () => {
  assert.equal(spanWhole(21_600_000), '6 h')
  assert.equal(spanWhole(5_400_000), '90 min')
  assert.equal(spanWhole(172_800_000), '2 d')
  assert.equal(spanWhole(1500), '1500 ms')
  assert.equal(spanWhole(0), '0 ms')
})

test('what is written is read back as it was', () => {
  for (const share of [0.07, 0.2, 0.95, 0.999, 1 / 3, 1e-7]) {
    const read = readInput(field({ kind: 'share' }), inputText({ kind: 'share' }, share))
    assert.ok('value' in read && typeof read.value === 'number')
    assert.ok(Math.abs(read.value - share) <= share * 1e-11, String(share))
  }
  for (const ms of [0, 1, 1500, 90_000, 3_600_000, 86_400_000])
    assert.deepEqual(readInput(field({ kind: 'span' }), inputText({ kind: 'span' }, ms)), { value: ms })
})

test('what is no value is told with what is needed', () => {
  assert.match(problem({}, '-1'), /no number of 0 or more/)
  assert.match(problem({}, '1.5'), /whole number/)
  assert.match(problem({ kind: 'span' }, '30'), /with its unit/)
  assert.match(problem({ kind: 'money' }, '1,5'), /no number/)
  assert.match(problem({ kind: 'money' }, 'Infinity'), /no number/)
  assert.equal(problem({ empty: 'no limit' }, ' '), 'read as undefined')
  assert.equal(problem({ kind: 'share' }, '7 %'), 'read as 0.07')
})

test('values are told with their unit, and a limit that is not there by its word', () => {
  assert.equal(valueText(field({ kind: 'share' }), 0.2), '20 %')
  assert.equal(valueText(field({ unit: 'turns' }), 2), '2 turns')
  assert.equal(valueText(field({ unit: 'at most', empty: 'no limit' }), undefined), 'no limit')
  assert.equal(valueText(field({ kind: 'flag' }), false), 'no')
})

test('a budget of 0 is told in words: it is not "no limit"', () => {
  assert.equal(
    valueText(field({ path: 'safety.movesPerHostHourMax', unit: 'at most' }), 0),
    '0: nothing is moved by it',
  )
  assert.equal(valueText(field({ path: 'safety.movesPerHostHourMax', unit: 'at most' }), 4), '4')
  assert.equal(valueText(field({ kind: 'money', path: 'prices.perKwh' }), 0), '0')
})
