import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from '../usage-error.ts'
import { parseInstant, parseSpan } from './objection-actions.ts'
import { storyText } from './moves-explain.ts'

test('a span is minutes, hours or days, and an instant has its time zone', () => {
  assert.deepEqual(
    ['90m', '2h', '1d'].map((text) => parseSpan(text)),
    [5_400_000, 7_200_000, 86_400_000],
  )
  for (const text of ['', '2', 'h', '-1h', '1.5h', '2w', '2h ']) assert.throws(() => parseSpan(text), UsageError)
  assert.equal(parseInstant('2026-11-28T22:00+01:00'), Date.UTC(2026, 10, 28, 21))
  for (const text of ['', '22:00', '2026-11-28', '2026-11-28T22:00', '2026-13-28T22:00Z'])
    assert.throws(() => parseInstant(text), UsageError)
})

test('the story of a move tells who rejected it and why', () => {
  const said = { what: 'rejected', at: 0, who: 'ann', because: 'a batch runs', until: 86_400_000 }
  const text = storyText({ id: 'ethos-1-0', objections: [said], steps: [] })
  assert.match(text, /^rejected  1970-01-01T00:00:00.000Z by ann, until 1970-01-02T00:00:00.000Z: a batch runs$/m)
})
