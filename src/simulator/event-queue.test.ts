import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { EventQueue } from './event-queue.ts'

test('events happen in order of time, and at one instant in the order in which they were scheduled', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), (instants) => {
      const queue = new EventQueue()
      const happened: number[][] = []
      for (const [i, at] of instants.entries()) queue.schedule(at, (now) => happened.push([now, i]))
      while (queue.nextAt() < Infinity) queue.happenNext()
      const expected = instants.map((at, i) => [at, i]).toSorted((a, b) => a[0] - b[0] || a[1] - b[1])
      assert.deepEqual(happened, expected)
    }),
    { seed: 20110303 },
  )
})

test('what happens may schedule more, even for the same instant', () => {
  const queue = new EventQueue()
  const happened: string[] = []
  queue.schedule(1, (at) => {
    happened.push('first')
    queue.schedule(at, () => happened.push('third'))
  })
  queue.schedule(1, () => happened.push('second'))
  while (queue.nextAt() < Infinity) queue.happenNext()
  assert.deepEqual(happened, ['first', 'second', 'third'])
})
