import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sortRows } from './sorting.ts'

const rows = [{ host: 'host-10', load: 0.5 }, { host: 'host-2' }, { host: 'host-1', load: 0.7 }]

test('names with numbers are sorted as people count', () => {
  assert.deepEqual(
    sortRows(rows, ({ host }) => host, false).map(({ host }) => host),
    ['host-1', 'host-2', 'host-10'],
  )
})

test('what has no value comes last, whichever way it is sorted', () => {
  for (const isDescending of [false, true])
    assert.equal(sortRows(rows, ({ load }) => load, isDescending).at(-1)?.host, 'host-2')
})

test('equal rows stay in their order', () => {
  const same = ['b', 'a', 'c'].map((name) => ({ name, load: 1 }))
  assert.deepEqual(
    sortRows(same, ({ load }) => load, true).map(({ name }) => name),
    ['b', 'a', 'c'],
  )
})
