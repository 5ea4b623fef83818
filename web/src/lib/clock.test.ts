import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRunes } from '../../../tools/web/runes.ts'

compileRunes()
const { SiteClock } = await import('./clock.svelte.ts')

test('nobody has told what time it is there: it is not known', () => {
  const clock = new SiteClock()
  clock.tick(5000)
  assert.deepEqual(clock.now, undefined)
})

test('between answers the clock of a site goes on as the page’s does', () => {
  const clock = new SiteClock()
  clock.hear(1_000_000, 100)
  clock.tick(1100)
  assert.equal(clock.now, 1_001_000)
  assert.equal(clock.ageMs(100, 1100), 1000)
})

test('a demo’s clock runs at its pace once two measurements agree', () => {
  const clock = new SiteClock()
  clock.hear(0, 0)
  clock.hear(600_000, 10_000)
  clock.tick(11_000)
  assert.equal(clock.now, 601_000)
  clock.hear(1_200_000, 20_000)
  clock.tick(21_000)
  assert.equal(clock.now, 1_260_000)
  assert.equal(clock.ageMs(20_000, 21_000), 60_000)
})

test('answers that took unequally long do not shake the pace: it is measured over the whole time', () => {
  const clock = new SiteClock()
  clock.hear(0, 0)
  clock.hear(600_000, 10_000)
  clock.hear(1_200_000, 20_000)
  // 12 % late and then early: over the whole (1_800_000 - 600_000) / (31_200 - 10_000) = 56.6.
  clock.hear(1_800_000, 31_200)
  clock.tick(32_200)
  assert.equal(Math.round(((clock.now ?? 0) - 1_800_000) / 100), 566)
})

test('a clock that was set, or a laptop that slept, tells nothing of the pace', () => {
  const clock = new SiteClock()
  clock.hear(0, 0)
  clock.hear(10_000, 10_000)
  // An hour passed at the site while the page's clock stood.
  clock.hear(3_620_000, 20_000)
  clock.tick(30_000)
  assert.equal(clock.now, 3_630_000)
  clock.hear(3_630_000, 30_000)
  clock.hear(30_000, 40_000)
  clock.tick(41_000)
  assert.equal(clock.now, 31_000)
})

test('answers that come close together tell no pace', () => {
  const clock = new SiteClock()
  clock.hear(0, 0)
  clock.hear(10_000, 1000)
  clock.hear(20_000, 2000)
  clock.tick(3000)
  assert.equal(clock.now, 21_000)
})
