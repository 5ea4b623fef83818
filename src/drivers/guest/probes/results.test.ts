import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../../tools/property.ts'
import { ParseError } from '../../../terms/parse.ts'
import { COUNTERS, encodeResults, parseResults, type ProbeResults, RATE_KEYS, RESULT_BYTES_MAX } from './results.ts'
import { aResult, aRate } from './builders.ts'

test('results read back as they were written', () => {
  const results = aResult({ top: [{ name: 'futex', perSec: 12.5 }] })
  assert.deepEqual(parseResults(encodeResults(results)), results)
})

test('the longest results fit into what the agent reads', () => {
  const rate = { ...aRate(123456.7), recent: Array.from({ length: 12 }, () => 123456.789), counter: COUNTERS[1] }
  const text = encodeResults(
    aResult({
      rates: Object.fromEntries(RATE_KEYS.map((key) => [key, rate])),
      top: Array.from({ length: 10 }, () => ({ name: 'landlock_create_ruleset', perSec: 1234.5678 })),
      missing: Array.from({ length: 8 }, () => ({
        what: 'library calls' as const,
        because: 'b'.repeat(300),
        remedy: 'r'.repeat(300),
      })),
    }),
  )
  assert.ok(text.length < RESULT_BYTES_MAX, `${text.length}`)
})

test('what a program said is repeated in one line that moves no cursor', () => {
  const missing = [{ what: 'system calls' as const, because: 'no\u001b[2J\u0007\nyes', remedy: 'a\r\u009b31m' }]
  const parsed = parseResults(encodeResults(aResult({ missing })))
  assert.deepEqual([parsed.missing[0].because, parsed.missing[0].remedy], ['no [2J yes', 'a 31m'])
})

const good = JSON.parse(encodeResults(aResult({}))) as Record<string, unknown>
const REFUSED: readonly (readonly [string, unknown])[] = [
  ['another version', { ...good, version: 2 }],
  ['a time that is none', { ...good, at: -1 }],
  ['a period of nothing', { ...good, everyMs: 0 }],
  ['a negative rate', { ...good, rates: { file: { ...aRate(1), counter: 'tracefs', perSec: -1 } } }],
  ['a rate as text', { ...good, rates: { file: { ...aRate(1), counter: 'tracefs', perSec: '1' } } }],
  ['more calls than a machine makes', { ...good, rates: { file: { ...aRate(1), counter: 'tracefs', perSec: 1e300 } } }],
  ['a counter that nobody knows', { ...good, rates: { file: { ...aRate(1), counter: 'guess' } } }],
  ['a thousand top calls', { ...good, top: Array.from({ length: 1000 }, () => ({ name: 'a', perSec: 1 })) }],
  ['a list instead of fields', [good]],
  ['nothing', null],
]
for (const [name, value] of REFUSED) {
  test(`${name} is refused`, () => {
    assert.throws(() => parseResults(JSON.stringify(value)), ParseError)
  })
}

test('a file that is too long, or no JSON, is refused', () => {
  assert.throws(() => parseResults(' '.repeat(RESULT_BYTES_MAX + 1)), ParseError)
  assert.throws(() => parseResults('{'), ParseError)
})

test('a name that a terminal would obey is not repeated', () => {
  const text = JSON.stringify({ ...good, top: [{ name: '\u001b[2Jread', perSec: 1 }] })
  assert.deepEqual(parseResults(text).top, [{ name: '?', perSec: 1 }])
})

test('damaged results are refused or are results, and nothing else', () => {
  const text = encodeResults(aResult({}))
  checkProperty(
    fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 4 }), (at, put) => {
      let results: ProbeResults
      try {
        results = parseResults(text.slice(0, at) + put + text.slice(at + put.length))
      } catch (error) {
        assert.ok(error instanceof ParseError)
        return
      }
      assert.ok(Object.values(results.rates).every((rate) => Number.isFinite(rate?.perSec)))
    }),
    { runs: 1000 },
  )
})
