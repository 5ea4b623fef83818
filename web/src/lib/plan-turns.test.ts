import assert from 'node:assert/strict'
import { test } from 'node:test'
import { turnRow, turnText } from './plan-turns.ts'

const order = { id: 'ethos-8-0', vmId: 'web-1', from: 'kvm-1', to: 'kvm-2', reason: 'Contention.' }

test('a turn before is told by its moves and by what it foresaw', () => {
  const events = [
    { kind: 'contention-predicted', hostId: 'kvm-1' },
    { kind: 'move-refused', vmId: 'web-2' },
    { kind: 'no-suitable-host', vmId: 'db-1' },
  ]
  const row = turnRow({ number: 41, at: 5, record: { kind: 'turn', turn: 8, orders: [order], events } })
  assert.equal(row.turn, 8)
  assert.deepEqual(row.moves, [{ id: 'ethos-8-0', vm: 'web-1', from: 'kvm-1', to: 'kvm-2', reason: 'Contention.' }])
  assert.equal(
    turnText(row),
    '1 move; contention foreseen on kvm-1; no suitable host for db-1; 1 looked at and refused.',
  )
})

test('of many names three are told', () => {
  const events = [1, 2, 3, 4, 5].map((i) => ({ kind: 'contention-predicted', hostId: `kvm-${i}` }))
  assert.equal(
    turnText(turnRow({ number: 1, at: 0, record: { events } })),
    'no move; contention foreseen on kvm-1, kvm-2, kvm-3 and 2 more.',
  )
})

test('a record that is not understood is a turn without moves', () => {
  for (const record of [{}, { orders: 7, events: 'x' }, { orders: [null, 3, {}, { id: 5 }], events: [[]] }]) {
    const row = turnRow({ number: 1, at: 0, record })
    assert.equal(turnText(row), 'no move.')
    assert.equal(row.turn, undefined)
  }
})
