import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../tools/property.ts'
import { ParseError } from './parse.ts'
import { RESOURCES, type SampleBatch } from './sample.ts'
import { encodeSamples, parseSamples } from './sample-codec.ts'

test('what is written is read back, absent values and absent columns included', () => {
  const value = fc.option(fc.float({ min: 0, max: 2 ** 40, noNaN: true, noDefaultInfinity: true }), { nil: NaN })
  const column = fc.array(value, { minLength: 3, maxLength: 3 }).map((list) => Float32Array.from(list))
  const columns = fc.record(Object.fromEntries(RESOURCES.map((name) => [name, column])), {
    requiredKeys: [],
    noNullPrototype: true,
  })
  checkProperty(
    fc.property(columns, fc.nat(), (present, at) => {
      const batch: SampleBatch = { at, windowMs: 300_000, columns: present }
      assert.deepEqual(parseSamples(JSON.parse(encodeSamples(batch)), 3), batch)
    }),
  )
})

test('absent is null on the wire, and zero is zero', () => {
  const batch: SampleBatch = { at: 0, windowMs: 300_000, columns: { cpu: Float32Array.of(0, NaN, 1.5) } }
  assert.equal(encodeSamples(batch), '{"at":0,"windowMs":300000,"columns":{"cpu":[0,null,1.5]}}')
})

test('columns of the wrong length, unknown resources and numbers below zero are refused with their place', () => {
  assert.throws(read({ cpu: [1] }), /samples\.columns\.cpu: 1 is not usable\. Expected 2 values/)
  assert.throws(read({ gpu: [1, 2] }), /Expected one of: cpu, memory/)
  assert.throws(read({ cpu: [1, -1] }), /samples\.columns\.cpu\[1\]: -1/)
  assert.throws(read({ cpu: [1, 'x'] }), ParseError)
})

function read(columns: object): () => SampleBatch {
  return () => parseSamples({ at: 0, windowMs: 1, columns }, 2)
}
