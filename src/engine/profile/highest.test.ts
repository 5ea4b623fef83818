import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty, finiteNumber } from '../../../tools/property.ts'
import { Highest } from './highest.ts'

test('the highest of a series are those that sorting puts last', () => {
  const series = fc.array(finiteNumber({ min: 0, max: 5 }), { minLength: 1, maxLength: 40 })
  checkProperty(
    fc.property(series, fc.nat(), (numbers, luck) => {
      const count = 1 + (luck % numbers.length)
      const top = new Highest(40).of(Float64Array.from(numbers), count)
      assert.deepEqual([...top], numbers.toSorted((a, b) => a - b).slice(-count))
    }),
  )
})

test('the room is used again without traces of the series before', () => {
  const highest = new Highest(4)
  highest.of(Float64Array.of(9, 9, 9, 9), 4)
  assert.deepEqual([...highest.of(Float64Array.of(3, 1, 2, 1), 2)], [2, 3])
})
