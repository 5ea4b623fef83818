/** Small form of the long test `store-kills`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROPERTY_SEED } from '../../../tools/property.ts'
import { killStore } from '../../../tools/server/store-kills.ts'
import { Luck } from '../../terms/luck.ts'

test('killed at any instant under load, a store opens at once, is whole, and has all that was acknowledged', async () => {
  const { kills, vectorsAcknowledged, reopenMsMax } = await killStore(new Luck(PROPERTY_SEED), 20)
  assert.equal(kills, 20)
  assert.ok(vectorsAcknowledged > 0)
  assert.ok(reopenMsMax <= 5000, `${reopenMsMax} ms`)
})
