import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Luck } from '../../terms/luck.ts'
import type { MovePromise } from './cost-model.ts'
import { correctPromise, learnMove, newPair } from './pair-learning.ts'

const PROMISE: MovePromise = {
  totalMs: 10_000,
  downtimeMs: 200,
  bytesMib: 1000,
  pConverge: 0.8,
  totalMsRange: [9000, 12_000],
  downtimeMsRange: [120, 320],
  bytesMibRange: [950, 1080],
}
const AS_PROMISED = { ended: true, totalMs: 10_000, downtimeMs: 200, bytesMib: 1000 }

function after(moves: number, end: (i: number) => Parameters<typeof learnMove>[2]) {
  let pair = newPair()
  for (let i = 0; i < moves; i++) pair = learnMove(pair, PROMISE, end(i))
  return pair
}

test('a pair that nobody has seen keeps the promise', () => {
  const same = correctPromise(newPair(), PROMISE)
  for (const figure of ['totalMs', 'downtimeMs', 'bytesMib', 'pConverge'] as const) {
    assert.ok(Math.abs(same[figure] / PROMISE[figure] - 1) < 1e-9, figure)
  }
  assert.ok(Math.abs(same.totalMsRange[0] / 9000 - 1) < 1e-9)
})

test('a pair that is slower by a third is promised so after some moves', () => {
  const luck = new Luck(1)
  const slower = () => ({ ...AS_PROMISED, totalMs: 13_000 * Math.exp(0.04 * luck.normal()) })
  const one = correctPromise(after(1, slower), PROMISE).totalMs
  const twenty = correctPromise(after(20, slower), PROMISE).totalMs
  // One move may be an accident, and is believed a little.
  assert.ok(one > 10_200 && one < 11_500, String(one))
  assert.ok(Math.abs(twenty / 13_000 - 1) < 0.04, String(twenty))
})

test('moves that come as promised narrow the range, and it still holds them', () => {
  const luck = new Luck(2)
  const near = () => ({ ...AS_PROMISED, totalMs: 10_000 * Math.exp(0.02 * luck.normal()) })
  const { totalMsRange } = correctPromise(after(40, near), PROMISE)
  assert.ok(totalMsRange[0] > 9300 && totalMsRange[1] < 11_500, String(totalMsRange))
  let held = 0
  for (let i = 0; i < 200; i++) {
    const came = 10_000 * Math.exp(0.02 * luck.normal())
    if (came >= totalMsRange[0] && came <= totalMsRange[1]) held++
  }
  assert.ok(held >= 160, String(held))
})

test('one stray figure does not turn a pair around', () => {
  const pair = learnMove(
    after(10, () => AS_PROMISED),
    PROMISE,
    { ended: true, totalMs: 1e9 },
  )
  assert.ok(correctPromise(pair, PROMISE).totalMs < 11_600)
})

test('what nobody measured teaches nothing', () => {
  const pair = learnMove(newPair(), PROMISE, { ended: true, totalMs: 10_000 })
  assert.deepEqual(pair.bytes, newPair().bytes)
})

test('moves that do not end although promised lower the next promise, and others raise it', () => {
  const { pConverge } = correctPromise(
    after(10, () => ({ ended: false })),
    PROMISE,
  )
  assert.ok(pConverge < 0.5, String(pConverge))
  assert.ok(
    correctPromise(
      after(30, () => AS_PROMISED),
      PROMISE,
    ).pConverge > 0.85,
  )
})

test('what is certain stays certain', () => {
  const pair = after(10, () => ({ ended: false }))
  assert.equal(correctPromise(pair, { ...PROMISE, pConverge: 1 }).pConverge, 1)
  assert.equal(correctPromise(pair, { ...PROMISE, pConverge: 0 }).pConverge, 0)
})
