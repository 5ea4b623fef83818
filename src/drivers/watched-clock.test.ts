import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HOUR_MS, SECOND_MS } from '../terms/units.ts'
import { WatchedClock } from './watched-clock.ts'

/** A clock that a test sets, over time that a test lets pass. */
class Bench {
  wallMs = 1_800_000_000_000
  ranMs = 5000
  readonly told: number[] = []
  readonly clock = new WatchedClock(
    () => this.wallMs,
    () => this.ranMs,
  )

  constructor() {
    this.clock.onStep((steppedMs) => this.told.push(steppedMs))
  }

  /** @param setMs by how much the clock is set beside */
  pass(ms: number, setMs = 0): void {
    this.ranMs += ms
    this.wallMs += ms + setMs
  }
}

test('a clock that is set forward tells by how much, before anybody gets an instant of the new time', () => {
  const bench = new Bench()
  bench.pass(10 * SECOND_MS)
  bench.clock.now()
  bench.pass(2 * SECOND_MS, HOUR_MS)
  assert.deepEqual([bench.clock.now() === bench.wallMs, bench.told], [true, [HOUR_MS]])
  bench.pass(2 * SECOND_MS)
  bench.clock.now()
  assert.deepEqual(bench.told, [HOUR_MS])
})

test('what NTP slews is no step, however long it goes on', () => {
  const bench = new Bench()
  for (let look = 0; look < 1000; look++) {
    bench.pass(2 * SECOND_MS, 900)
    bench.clock.now()
  }
  assert.deepEqual(bench.told, [])
})

test('set back is told as 0, and so is what then comes forward again, up to where it would be', () => {
  const bench = new Bench()
  for (const setMs of [-HOUR_MS, HOUR_MS / 2, HOUR_MS]) {
    bench.pass(SECOND_MS, setMs)
    bench.clock.now()
  }
  assert.deepEqual(bench.told, [0, 0, HOUR_MS / 2])
})

test('sleeping takes as long as it was to take, wherever the clock is set meanwhile', async () => {
  let offsetMs = 0
  const clock = new WatchedClock(() => Date.now() + offsetMs)
  const begunAt = performance.now()
  const sleeping = clock.sleepUntil(clock.now() + 50)
  offsetMs = -HOUR_MS
  await sleeping
  const tookMs = performance.now() - begunAt
  assert.ok(tookMs >= 49 && tookMs < 30 * SECOND_MS, `${tookMs}`)
})
