import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closingLines, exitCodeOf, type Tally } from './tally.ts'

const aTally = (rest: Partial<Tally>): Tally => ({ passed: 1, failed: [], skipped: [], ...rest })
const lastLine = (tally: Tally, isCi = false) => closingLines(tally, isCi).at(-2)

test('the last line counts what passed, failed and was skipped', () => {
  const tally = aTally({ passed: 7, failed: ['a', 'b'], skipped: [{ name: 'c', reason: 'no chromium' }] })
  assert.equal(lastLine(tally), '7 passed, 2 failed, 1 skipped')
  assert.ok(closingLines(tally, false).includes('  c: no chromium'))
})

test('a failure fails the run, and so does a run of nothing', () => {
  assert.equal(exitCodeOf(aTally({}), false), 0)
  assert.equal(exitCodeOf(aTally({ failed: ['a'] }), false), 1)
  assert.equal(exitCodeOf(aTally({ passed: 0 }), false), 1)
})

test('a skipped test fails the run where CI is set, and there alone', () => {
  const tally = aTally({ skipped: [{ name: 'the report opens', reason: '' }] })
  assert.equal(exitCodeOf(tally, false), 0)
  assert.equal(exitCodeOf(tally, true), 1)
})

test('a test that needs data nobody may pass on is counted apart and never fails the run', () => {
  const tally = aTally({ skipped: [{ name: 'needs-data: the 2017 trace', reason: '' }] })
  assert.equal(lastLine(tally, true), '1 passed, 0 failed, 0 skipped')
  assert.ok(closingLines(tally, true).includes('  needs-data: the 2017 trace'))
  assert.equal(exitCodeOf(tally, true), 0)
})
