/** From each of five beginnings the engine moves a VM ahead of contention within the two hours of the site that pass in two minutes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BEGINNINGS, nameOf } from './beginnings.ts'
import { aheadOf, Futures } from './futures.ts'

const futures = new Futures()

for (const beginning of BEGINNINGS)
  test(`${nameOf(beginning)}: a VM leaves its host within two hours, before that would have contended, and contention is spared`, () => {
    const judged = futures.judge(beginning)
    const [first] = aheadOf(judged)
    assert.ok(first !== undefined && first.contendsAtMinute !== undefined, JSON.stringify(judged.moves))
    assert.ok(first.minute < first.contendsAtMinute && first.contendsAtMinute <= 120, JSON.stringify(first))
    assert.ok(judged.overWith < judged.overWithout, `${judged.overWith} of ${judged.overWithout} host-slots contend`)
  })
