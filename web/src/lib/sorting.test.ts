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

const sorted = (names: readonly string[]) => sortRows(names, (name) => name, false)

test('numbers in names count however many digits they have, and whatever zeros stand before them', () => {
  const names = ['vm-0', 'vm-007', 'vm-8', 'vm-9999999999999999', 'vm-10000000000000000', `vm-1${'0'.repeat(40)}`]
  assert.deepEqual(sorted(names.toReversed()), names)
  const spread = ['a1b2', 'a1b10', 'a02b1', 'a10b1', 'ab']
  assert.deepEqual(sorted(spread.toReversed()), spread)
})

test('a letter with an accent stands where it does without, however it is written', () => {
  const names = ['Adam', 'e\u0301mile', '\u00c9milie', 'eve', 'Zo\u00eb', 'zoe\u0308-2']
  assert.deepEqual(sorted(names.toReversed()), names)
})
