import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MigrationView } from '../../../src/apps/server/views/moves.ts'
import { flightOf, type Look, promisedText, restText, stagesOf, trailPoints, withLook } from './flight.ts'

const MiB = 2 ** 20

function aMove(over: Partial<MigrationView> = {}): MigrationView {
  return {
    id: 'ethos-1-0',
    vm: 'web-1',
    from: 'kvm-1',
    to: 'kvm-2',
    class: 'contention',
    reason: 'Contention.',
    cause: { kind: 'policy' },
    mode: 'precopy',
    state: 'accepted',
    recordedAt: 1000,
    sentAt: 2000,
    acceptedAt: 3000,
    promise: { totalMs: 40_000, downtimeMs: 87, copiedBytes: 6144 * MiB, pConverge: 0.97 },
    ...over,
  }
}
const progress = { elapsedMs: 10_000, isPostCopy: false } as const

test('the rest over what it shrinks by a second is how long it takes at this rate', () => {
  const move = aMove({
    progress: { ...progress, remainingBytes: 700 * MiB, copiedBytesPerSec: 110 * MiB, dirtyBytesPerSec: 40 * MiB },
  })
  const flight = flightOf(move, 99_000)
  // 110 - 40 = 70 MiB/s; 700 / 70 = 10 s. 10 s of 40 s promised.
  assert.equal(flight.restMs, 10_000)
  assert.equal(flight.ofPromised, 0.25)
  assert.equal(restText(move, flight), '700 MiB left, less by 70 MiB/s: 10 s at this rate.')
})

test('a VM that writes faster than its memory travels has no time left that could be told', () => {
  const move = aMove({
    progress: { ...progress, remainingBytes: 700 * MiB, copiedBytesPerSec: 40 * MiB, dirtyBytesPerSec: 110 * MiB },
  })
  const flight = flightOf(move, 99_000)
  assert.equal(flight.restMs, undefined)
  assert.equal(
    restText(move, flight),
    '700 MiB left, and it does not shrink: the VM writes memory faster than it travels.',
  )
})

test('what the platform does not tell is absent and not zero', () => {
  const move = aMove()
  // Without progress the time runs from when it was asked for.
  const flight = flightOf(move, 12_000)
  assert.deepEqual(flight, { elapsedMs: 10_000, ofPromised: 0.25 })
  assert.equal(restText(move, flight), 'The platform does not tell how much is left.')
})

test('a move without a promise says so', () => {
  const { promise: _, ...bare } = aMove()
  assert.equal(promisedText(bare), 'Nothing was promised: too little was known of it.')
  assert.equal(flightOf(bare, 12_000).ofPromised, undefined)
  assert.equal(promisedText(aMove()), 'Promised: 40 s, 6 GiB, 87 ms paused; ends in time with 97 %.')
})

test('a move is at the last stage that was seen', () => {
  assert.deepEqual(
    stagesOf(aMove()).map(({ text, isNow }) => (isNow ? `>${text}` : text)),
    ['on record', 'asked for', '>at work', 'seen on the target', 'done'],
  )
})

test('looks at the rest are kept in order, a second look at the same instant once, and another move begins anew', () => {
  const first: Look = { elapsedMs: 1000, remainingBytes: 9 }
  const second: Look = { elapsedMs: 2000, remainingBytes: 5 }
  assert.deepEqual(withLook([first], second), [first, second])
  assert.deepEqual(withLook([first, second], { elapsedMs: 2000, remainingBytes: 4 }), [first, second])
  assert.deepEqual(withLook([first, second], { elapsedMs: 100, remainingBytes: 20 }), [
    { elapsedMs: 100, remainingBytes: 20 },
  ])
})

test('a move of days keeps no more than some hundred looks', () => {
  let trail: readonly Look[] = []
  for (let i = 0; i < 5000; i++) trail = withLook(trail, { elapsedMs: i * 1000, remainingBytes: 5000 - i })
  assert.ok(trail.length <= 401, `${trail.length}`)
  assert.equal(trail.at(-1)?.elapsedMs, 4_999_000)
})

test('the course of the rest is drawn down to the axis', () => {
  const trail = [
    { elapsedMs: 0, remainingBytes: 8 },
    { elapsedMs: 5000, remainingBytes: 2 },
  ]
  // 5 of 10 s are 50; 2 of 8 bytes are 25 from below, which is 75 from above.
  assert.equal(trailPoints(trail, 10_000, 8), '0.0,0.0 50.0,75.0')
  assert.equal(trailPoints(trail.slice(1), 10_000, 8), '')
})
