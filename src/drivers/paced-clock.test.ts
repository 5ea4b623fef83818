import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { clockContract } from '../world/clock.contract.ts'
import { PacedClock, ranMs } from './paced-clock.ts'

clockContract('a clock of another pace', async () => ({ clock: PacedClock.begin(1e12, 60), napMs: 180 }))

test('it shows what it began with and so many times the time that has passed', () => {
  const ranAt = ranMs() - 1000
  const before = ranMs()
  const told = new PacedClock({ from: 1e12, ranAt, speed: 60 }).now()
  const after = ranMs()
  // A second ago it showed 1e12, and each millisecond since was sixty of it.
  assert.ok(told >= Math.floor(1e12 + (before - ranAt) * 60) && told <= 1e12 + (after - ranAt) * 60)
})

test('another process that is handed the pace has the same time', () => {
  const clock = PacedClock.begin(1e12, 60)
  const program = `import { PacedClock } from ${JSON.stringify(new URL('./paced-clock.ts', import.meta.url).href)}
    process.stdout.write(String(new PacedClock(${JSON.stringify(clock.pace)}).now()))`
  const before = clock.now()
  const told = Number(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }))
  assert.ok(told >= before && told <= clock.now())
})

test('whoever sleeps is woken when the clock is told to stop, with the reason', async () => {
  const stop = new AbortController()
  const clock = new PacedClock({ from: 1e12, ranAt: ranMs(), speed: 60 }, stop.signal)
  const sleeping = clock.sleepUntil(clock.now() + 3_600_000)
  const reason = new Error('the operator stops us')
  stop.abort(reason)
  await assert.rejects(sleeping, reason)
})
