import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clockContract } from '../world/clock.contract.ts'
import { WallClock } from './wall-clock.ts'

clockContract('the wall clock', async () => ({ clock: new WallClock(), napMs: 3 }))

test('whoever sleeps is woken when the clock is told to stop, with the reason', async () => {
  const stop = new AbortController()
  const clock = new WallClock(stop.signal)
  const sleeping = clock.sleepUntil(clock.now() + 3_600_000)
  const reason = new Error('the operator stops us')
  stop.abort(reason)
  await assert.rejects(sleeping, reason)
  await assert.rejects(clock.sleepUntil(clock.now() + 3_600_000), reason)
})
