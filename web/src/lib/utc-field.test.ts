import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldText, instantOf } from './utc-field.ts'

test('instants are of UTC and read back as they were', () => {
  // 1_798_675_200 s are 20,818 days: 2026-12-31.
  assert.equal(fieldText(1_798_675_200_000), '2026-12-31T00:00')
  assert.equal(instantOf('2026-12-31T00:00'), 1_798_675_200_000)
})

test('a field that is empty or half written is no instant', () => {
  for (const text of ['', 'soon', '2026-12-31', '2026-12-31T24:61']) assert.equal(instantOf(text), undefined, text)
})
