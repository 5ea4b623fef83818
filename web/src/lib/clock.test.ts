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

test('between answers the clock of a site goes on as the page’s does, where nothing is told of its pace', () => {
  const clock = new SiteClock()
  clock.hear({ asOf: 1_000_000 }, 100)
  clock.tick(1100)
  assert.equal(clock.now, 1_001_000)
  assert.equal(clock.ageMs(100, 1100), 1000)
})

test('a demo’s clock goes at the pace that is told, from its first answer on', () => {
  const clock = new SiteClock()
  clock.hear({ asOf: 600_000, clockSpeed: 60 }, 10_000)
  clock.tick(11_000)
  assert.equal(clock.now, 660_000)
  assert.equal(clock.ageMs(10_000, 11_000), 60_000)
})

test('a laptop that slept changes nothing of a demo’s pace', () => {
  const clock = new SiteClock()
  // Three minutes of readings, then 40 s in which the page's clock stood: (20 * 10 + 40) / (20 * 10) * 60 would be 72.
  for (let i = 0; i < 19; i++) clock.hear({ asOf: i * 600_000, clockSpeed: 60 }, i * 10_000)
  for (let i = 19; i <= 20; i++) clock.hear({ asOf: (i * 10 + 40) * 60_000, clockSpeed: 60 }, i * 10_000)
  assert.equal(clock.now, 240 * 60_000)
  clock.tick(201_000)
  assert.equal(clock.now, 241 * 60_000)
  assert.equal(clock.ageMs(200_000, 201_000), 60_000)
})

test('a site’s clock that was set is shown as it was set, and goes on as fast', () => {
  const clock = new SiteClock()
  clock.hear({ asOf: 3_630_000 }, 30_000)
  clock.hear({ asOf: 30_000 }, 40_000)
  clock.tick(41_000)
  assert.equal(clock.now, 31_000)
})

test('another server at the same address may go at another pace', () => {
  const clock = new SiteClock()
  clock.hear({ asOf: 0, clockSpeed: 60 }, 0)
  clock.hear({ asOf: 600_000 }, 10_000)
  clock.tick(11_000)
  assert.equal(clock.now, 601_000)
})
