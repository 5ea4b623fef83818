import assert from 'node:assert/strict'
import { test } from 'node:test'
import { killAtRandom } from '../../../tools/agent-kills.ts'

test('killed at random, an agent starts again, and all that it said is kept arrives in order and once', async () => {
  const { kept, missing, lost, unsaid } = await killAtRandom({ kills: 20, spoolKiB: 1024, seed: 1 })
  assert.ok(kept > 100, String(kept))
  assert.equal(missing, 0)
  // At most one a kill: the one that was being written.
  assert.ok(lost <= 20 && unsaid <= 20, `${lost} ${unsaid}`)
})

test('killed at random with a spool too small for all, what is missing is counted', async () => {
  const { kept, missing, lost } = await killAtRandom({ kills: 40, spoolKiB: 64, seed: 2 })
  assert.ok(missing > 0, `${kept} kept`)
  assert.ok(lost >= missing && lost <= missing + 40, `${missing} are missing, ${lost} are counted`)
})
