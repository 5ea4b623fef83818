import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../tools/property.ts'
import { decodeBase64, encodeBase64 } from './base64.ts'

test('bytes become the base64 that Node makes of them, and come back', () => {
  checkProperty(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = encodeBase64(bytes)
      assert.equal(text, Buffer.from(bytes).toString('base64'))
      assert.deepEqual(decodeBase64(text), new Uint8Array(bytes))
    }),
  )
})

test('text that is not the canonical form of some bytes is refused', () => {
  // "Zh==" says the byte 0x66 with stray low bits: Node reads it, but "Zg==" is how 0x66 is written.
  for (const text of [
    'Z',
    'Zg',
    'Zg=',
    'Zh==',
    'Zg==Zg==',
    'Z===',
    '====',
    'Zm9=',
    'Zm-v',
    'Zm 9',
    'Zm9vé',
    'é===',
    'ZgZ=ZgZg',
  ]) {
    assert.equal(decodeBase64(text), undefined, text)
  }
})

test('any text is either refused or the base64 of what it decodes to', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.base64String(),
    fc.string({ unit: fc.constantFrom('A', 'z', '+', '/', '=') }),
  )
  checkProperty(
    fc.property(text, (candidate) => {
      const bytes = decodeBase64(candidate)
      if (bytes !== undefined) assert.equal(encodeBase64(bytes), candidate)
    }),
  )
})
