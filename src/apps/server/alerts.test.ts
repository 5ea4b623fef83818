import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AlertBook, type AlertDraft } from './alerts.ts'

const STALE: AlertDraft = { kind: 'host-stale', severity: 'warning', about: 'host-1', what: 'Old.', remedy: 'Look.' }
const DEAD: AlertDraft = { kind: 'controller-dead', severity: 'critical', what: 'Dead.', remedy: 'Wait.' }

test('an alert begins once, keeps its begin while it lasts, and ends by itself', () => {
  const book = new AlertBook()
  assert.deepEqual(book.replace('turn', [STALE], 100), [{ change: 'raised', alert: { ...STALE, since: 100 } }])
  const older = { ...STALE, what: 'Older.' }
  assert.deepEqual(book.replace('turn', [older], 200), [])
  assert.deepEqual(book.list(), [{ ...older, since: 100 }])
  assert.deepEqual(book.replace('turn', [], 300), [{ change: 'cleared', alert: { ...older, since: 100 } }])
  assert.deepEqual(book.list(), [])
  assert.equal(book.replace('turn', [STALE], 400)[0].alert.since, 400)
})

test('what one finder no longer finds leaves the alerts of another alone; the worst stand first', () => {
  const book = new AlertBook()
  book.replace('turn', [STALE, { ...STALE, about: 'host-2' }], 100)
  book.replace('judgement', [DEAD], 200)
  assert.deepEqual(
    book.list().map(({ kind, about }) => [kind, about]),
    [
      ['controller-dead', undefined],
      ['host-stale', 'host-1'],
      ['host-stale', 'host-2'],
    ],
  )
  book.replace('turn', [], 300)
  assert.deepEqual(book.list(), [{ ...DEAD, since: 200 }])
})

test('a site on fire has a thousand alerts, not a million', () => {
  const book = new AlertBook()
  const many = Array.from({ length: 5000 }, (_, i) => ({ ...STALE, about: `host-${i}` }))
  assert.equal(book.replace('turn', many, 1).length, 1000)
  assert.equal(book.list().length, 1000)
})
