import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventTexts } from './plan-events.ts'

test('what a turn said is told in sentences', () => {
  assert.deepEqual(
    eventTexts([
      { kind: 'contention-predicted', hostId: 'kvm-1', demandP95: 61.2, capacity: 48 },
      { kind: 'host-kept', hostId: 'kvm-2', reason: 'Emptying it would cost more than it saves.' },
      {
        kind: 'no-suitable-host',
        vmId: 'gpu-1',
        refusals: { 'cpu-flags': 3, memory: 1 },
        remediation: [{ remedy: 'power-host-on', reason: 'kvm-9 is off and has avx512f.' }],
      },
      { kind: 'threshold-adjusted', from: 1.9, to: 2.1, reason: 'Too many bounds were exceeded.' },
      { kind: 'note', text: 'The first turn.' },
    ]),
    [
      'Contention is foreseen on kvm-1: demand up to 61.2 of 48.0 reference cores.',
      'kvm-2 is kept on: Emptying it would cost more than it saves.',
      'No host can take gpu-1; hosts were refused: 3 for cpu flags, 1 for memory. kvm-9 is off and has avx512f.',
      'The threshold goes from 1.90 to 2.10: Too many bounds were exceeded.',
      'The first turn.',
    ],
  )
})

test('events that are not understood, and those that have a place of their own, are left out', () => {
  const odd = [undefined, null, 7, [], {}, { kind: 'constructor' }, { kind: 'move-ordered' }, { kind: 'sings' }]
  assert.deepEqual(eventTexts(odd), [])
})
