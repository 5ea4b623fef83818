import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MINUTE_MS } from '../../terms/units.ts'
import { Seldom } from './seldom.ts'

test('the same is said once a minute, with how often it was withheld, and when the clock goes back', () => {
  let now = 0
  const seldom = new Seldom(() => now)
  assert.equal(seldom.ask(), 0)
  for (let i = 0; i < 5; i++) assert.equal(seldom.ask(), undefined)
  now = MINUTE_MS
  assert.equal(seldom.ask(), 5)
  now = 0
  assert.equal(seldom.ask(), 0)
})
