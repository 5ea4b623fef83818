/** Small forms of the long tests `wire-fuzz` and `server-kills`, and what a vector may not be. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { PROPERTY_SEED } from '../../../tools/property.ts'
import { killServer } from '../../../tools/server/kills.ts'
import { compareReaders } from '../../../tools/server/two-readers.ts'
import { fuzzWire } from '../../../tools/server/wire-fuzz.ts'
import { aVector } from '../../../tools/builders.ts'
import { DIMENSIONS, dimensionIndex, MASK_BYTES } from '../../terms/personality.ts'
import { encodePersonality } from '../../terms/personality-codec.ts'
import { Luck } from '../../terms/luck.ts'
import { aLine, Bench } from './builders.ts'
import { readVector } from './read-vector.ts'

after(() => Bench.removeAll())

test('damaged messages are refused, and nothing else comes of them', () => {
  const { accepted, refused } = fuzzWire(new Luck(PROPERTY_SEED), 20_000)
  assert.ok(accepted > 1000 && refused > 10_000)
})

test('the quick reader of vectors says of every line what the thorough one says', () => {
  const { taken } = compareReaders(new Luck(PROPERTY_SEED), 100_000)
  assert.ok(taken > 15_000 && taken < 50_000, `${taken}`)
})

test('killed under load, the server has all that it acknowledged', async () => {
  const { kills, acknowledged } = await killServer(new Luck(PROPERTY_SEED), 3)
  assert.equal(kills, 3)
  assert.ok(acknowledged > 0)
})

/** Base64 of one little-endian float32. */
function dataOf(value: number): string {
  return Buffer.from(Float32Array.of(value).buffer).toString('base64')
}

test('the gate for vectors: what is refused, and by which word it is counted', () => {
  const good = aLine('vm-1', 7)
  const data = dataOf(0.5)
  const cases: readonly (readonly [string, string])[] = [
    [good.replace(data, dataOf(Number.NaN)), 'bad data'],
    [good.replace(data, dataOf(Infinity)), 'bad data'],
    [good.replace(data, dataOf(-Infinity)), 'bad data'],
    [good.replace(data, ''), 'bad data'],
    [good.replace(data, `${data}${data}`), 'bad data'],
    [good.replace(`"data":"${data}"`, '"data":[0.5]'), 'bad data'],
    [good.replace('"seq":7', '"seq":-1'), 'bad seq'],
    [good.replace('"seq":7', '"seq":"7"'), 'bad seq'],
    [good.replace('"seq":7', '"seq":1e308'), 'bad seq'],
    [good.replace('"seq":7', '"seq":7.5'), 'bad seq'],
    [good.replace('"seq":7', '"seq":7,"seq":7'), 'not in the one form'],
    [good.replace('"seq":7', '"seq":8,"seq":7'), 'not in the one form'],
    [good.replace('"seq":7', '"seq": 7'), 'not in the one form'],
    [good.replace('"coverage":1', '"coverage":5e-324'), 'not in the one form'],
    [good.replace('"coverage":1', '"coverage":1.01'), 'bad coverage'],
    [good.replace('"schema":1', '"schema":0'), 'other schema'],
    [good.replace('"schema":1', '"schema":2'), 'other schema'],
    [good.replace('"schema":1,', ''), 'other schema'],
    [good.replace('"schema":1', '"schema":1,"__proto__":{"a":1}'), 'unknown field'],
    [good.replace('"schema":1', '"schema":1,"constructor":1'), 'unknown field'],
    [good.replace('vm-1', 'vm-2'), 'other VM'],
    [`[${good}]`, 'not one JSON object'],
    [`${good}${good}`, 'not one JSON object'],
    ['x'.repeat(601), 'not one JSON object'],
    ['null', 'not one JSON object'],
  ]
  for (const [line, word] of cases) {
    assert.equal(wordOf(line), word, line)
  }
  // No machine uses less than nothing, or more cores than there are atoms in it; a small number is a number.
  for (const value of [-1, -1e-45, 3.4e38]) assert.equal(wordOf(good.replace(data, dataOf(value))), 'out of range')
  for (const value of [0, -0, 1e-45, 1e6]) assert.equal(wordOf(good.replace(data, dataOf(value))), 'accepted')
})

test('what is derived may be below zero: a change is told in standard deviations', () => {
  const values = new Float32Array(DIMENSIONS)
  const mask = new Uint8Array(MASK_BYTES)
  const place = dimensionIndex('changeScore')
  values[place] = -3
  mask[place >> 3] = 1 << (place & 7)
  assert.equal(wordOf(encodePersonality(aVector({ values, mask }))), 'accepted')
})

function wordOf(line: string): string {
  const read = readVector(line, 'vm-1')
  return 'word' in read ? read.word : 'accepted'
}
