import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROPERTY_SEED } from '../../../tools/property.ts'
import { Luck } from '../../terms/luck.ts'
import { ABSENT, codeOf, numberOfCode } from './number-codes.ts'
import { packColumns, unpackColumns } from './packed-columns.ts'

test('a number between 1e-12 and 1e15, of either sign, comes back within 0.1 %, and packing it again changes nothing', () => {
  const luck = new Luck(PROPERTY_SEED)
  let worst = 0
  for (let i = 0; i < 200_000; i++) {
    const number = (luck.below(2) === 0 ? 1 : -1) * 10 ** (-12 + 27 * luck.fraction())
    const back = numberOfCode(codeOf(number))
    worst = Math.max(worst, Math.abs(back / number - 1))
    assert.equal(codeOf(back), codeOf(number))
  }
  // Half a step of 0.0019: e^0.00095 - 1 = 0.0009505.
  assert.ok(worst <= 0.001 && worst > 0.0009, `${worst}`)
})

test('zero is zero, absent is absent, and what is out of bounds goes to the next bound', () => {
  assert.equal(numberOfCode(codeOf(0)), 0)
  assert.equal(numberOfCode(codeOf(-0)), 0)
  assert.equal(codeOf(Number.NaN), ABSENT)
  assert.ok(Number.isNaN(numberOfCode(ABSENT)))
  assert.equal(numberOfCode(codeOf(9e-13)), 0)
  for (const number of [2e15, 3e38, Infinity]) assert.ok(Math.abs(numberOfCode(codeOf(number)) / 1.09e15 - 1) < 0.01)
  for (let code = 0; code < 65_536; code++) assert.equal(codeOf(numberOfCode(code)), code)
})

test('any codes come back from their pack', () => {
  const luck = new Luck(PROPERTY_SEED)
  for (let i = 0; i < 300; i++) {
    const rows = 1 + luck.below(40)
    const columns = luck.below(10)
    const range = luck.below(2) === 0 ? 65_536 : 300
    const codes = Uint16Array.from({ length: rows * columns }, () => (luck.below(9) === 0 ? ABSENT : luck.below(range)))
    const beside = Uint8Array.from({ length: luck.below(50) }, () => luck.below(256))
    const unpacked = unpackColumns(packColumns({ rows, codes, beside }))
    assert.deepEqual(unpacked?.codes, codes)
    assert.deepEqual(new Uint8Array(unpacked.beside), beside)
  }
})

test('a pack that was changed is not taken for one, or has as many numbers as it says', () => {
  const luck = new Luck(PROPERTY_SEED)
  const packed = packColumns({ rows: 24, codes: new Uint16Array(24 * 12).fill(7), beside: new Uint8Array(9) })
  for (let i = 0; i < 2000; i++) {
    const at = luck.below(packed.length)
    const unpacked = unpackColumns(packed.with(at, luck.below(256)))
    if (unpacked !== undefined) assert.equal(unpacked.codes.length % unpacked.rows, 0)
  }
  for (let length = 0; length < packed.length; length++) unpackColumns(packed.subarray(0, length))
})
