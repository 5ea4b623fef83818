import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../tools/property.ts'
import { fragment, JsonBytes } from './json-bytes.ts'

function written(value: number | string, size = 4): string {
  const json = new JsonBytes(size)
  const bytes = (typeof value === 'number' ? json.number(value) : json.text(value)).take()
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
}

test('a number is what it was, to twelve places after the point', () => {
  const sizes = fc.oneof(
    fc.double({ min: -1e9, max: 1e9, noNaN: true }),
    fc.double({ min: -1e-3, max: 1e-3, noNaN: true }),
  )
  checkProperty(
    fc.property(sizes, (value) => {
      const back = JSON.parse(written(value)) as number
      // Half of the last place, and what a double of that size can't tell apart.
      assert.ok(Math.abs(back - value) <= 0.5e-12 + Math.abs(value) * 2 ** -51, `${value} ${back}`)
    }),
  )
})

test('whole numbers are themselves, to the largest', () => {
  checkProperty(fc.property(fc.maxSafeInteger(), (value) => assert.equal(written(value), String(value))))
  const edges = [0, 9, 10, 99, 100, 101, 999, 1000, 10_000, 2 ** 31, 2 ** 40 - 1, 2 ** 40, 1e21, Number.MAX_VALUE]
  for (const value of edges) {
    assert.equal(written(value), JSON.stringify(value))
    if (value > 0) assert.equal(written(-value), JSON.stringify(-value))
  }
})

test('what rounds up carries, what is too small is nothing, and what is no number is null', () => {
  const told = [0.9999999999999, -0.9999999999999, 9.9999999999996, 1e-13, -1e-13, -0, 0.5, -2.25, 0.000000000001]
  assert.deepEqual(
    told.map((value) => written(value)),
    ['1', '-1', '10', '0', '0', '0', '0.5', '-2.25', '0.000000000001'],
  )
  for (const value of [NaN, Infinity, -Infinity]) assert.equal(written(value), 'null')
})

test('a share is rounded to three places, without zeros at its end', () => {
  const shares = Float64Array.of(0, 0.0004, 0.0005, 0.01, 0.12, 0.1234, 0.9994, 0.9996, 1, 1.2346, -0.25, 0.3, NaN)
  const text = new TextDecoder().decode(new JsonBytes(1).shares(shares).take())
  assert.equal(text, '[0,0,0.001,0.01,0.12,0.123,0.999,1,1,1.235,-0.25,0.3,null]')
  checkProperty(
    fc.property(fc.double({ min: -2, max: 5, noNaN: true }), (value) => {
      const back = (
        JSON.parse(new TextDecoder().decode(new JsonBytes(1).shares(Float64Array.of(value)).take())) as [number]
      )[0]
      assert.equal(back, Math.round(value * 1000) / 1000 + 0)
    }),
  )
})

test('text is quoted as JSON quotes it, whatever is in it', () => {
  checkProperty(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (value) => {
      assert.equal(written(value, 1), JSON.stringify(value))
    }),
  )
  for (const value of ['', 'host-1', '"', '\\', '\n\u0000', 'Größe', '\u{1f600}', '<img src=x>', '\ud800'])
    assert.equal(written(value, 1), JSON.stringify(value))
})

test('it grows as it is filled, and keeps what was there', () => {
  const json = new JsonBytes(1)
  const expected: number[] = []
  json.raw(fragment('['))
  for (let i = 0; i < 1000; i++) {
    if (i > 0) json.raw(fragment(','))
    json.number(i * 1.5)
    expected.push(i * 1.5)
  }
  json.raw(fragment(']'))
  assert.deepEqual(JSON.parse(new TextDecoder().decode(json.take())), expected)
})
