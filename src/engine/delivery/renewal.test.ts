import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAY_MS, HOUR_MS } from '../../terms/units.ts'
import { parseHttpDate, standingOf, tellClock } from './renewal.ts'

test('a certificate of a day is renewed around its sixteenth hour, can be for a week after its end, and then no more', () => {
  const life = { notBefore: 0, notAfter: DAY_MS }
  const at = (hours: number, luck = 0.5) => standingOf(life, hours * HOUR_MS, luck)
  assert.deepEqual([at(-48), at(15.9), at(16), at(23.9)], ['good', 'good', 'renew', 'renew'])
  // 0.1 of 24 h around: from 14.8 h to 17.2 h.
  assert.deepEqual([at(14.7, 0), at(14.9, 0), at(17.1, 1), at(17.3, 1)], ['good', 'renew', 'good', 'renew'])
  assert.deepEqual([at(24), at(8 * 24 - 0.1), at(8 * 24)], ['lapsed', 'lapsed', 'over'])
})

test('a date of HTTP is read without a library, and anything else is none', () => {
  for (const text of [
    'Sun, 06 Nov 1994 08:49:37 GMT',
    'Thu, 29 Feb 2024 23:59:59 GMT',
    'Mon, 23 Nov 2026 00:00:00 GMT',
  ])
    assert.equal(parseHttpDate(text), Date.parse(text))
  for (const text of ['', 'now', '2026-11-23T00:00:00Z', 'Mon, 23 Foo 2026 00:00:00 GMT', 'Mon, 23 Nov 2026 00:00:00'])
    assert.equal(parseHttpDate(text), undefined)
})

test('a clock that is off is told by how much and which way; one that is right is not told of', () => {
  assert.equal(tellClock(300_000), undefined)
  assert.match(tellClock(48 * HOUR_MS) ?? '', /48 h behind the server's/)
  assert.match(tellClock(-1.5 * HOUR_MS) ?? '', /1.5 h ahead of the server's/)
})
