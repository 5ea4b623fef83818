import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getHeapSpaceStatistics } from 'node:v8'
import { giveMemoryBack } from './give-back.ts'

/** Objects that live long enough for V8 to make room for more of them. */
const ROUNDS = 40
const OBJECTS = 100_000

test('what V8 took for objects that lived briefly is given back', () => {
  let sum = 0
  for (let round = 0; round < ROUNDS; round++) {
    const objects = Array.from({ length: OBJECTS }, (_, i) => ({ round, i, text: `${round} ${i}` }))
    sum += objects[objects.length - 1].i
  }
  assert.equal(sum, ROUNDS * (OBJECTS - 1))
  const before = youngBytes()
  giveMemoryBack()
  const after = youngBytes()
  assert.ok(after * 4 <= before, `${before} bytes before, ${after} after`)
  assert.equal('gc' in globalThis, false)
})

function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? NaN
}
