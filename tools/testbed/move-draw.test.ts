import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawGuest, drawMove } from './move-draw.ts'

const GUEST = { memoryMib: 128, fillMib: 0, moves: 10 }

test('a draw of a seed is always the same wish for the same guest, and draws differ', () => {
  assert.deepEqual(drawMove(1, 17, GUEST), drawMove(1, 17, GUEST))
  assert.deepEqual(drawGuest(1, 3), drawGuest(1, 3))
  const rows = Array.from({ length: 40 }, (_, row) => JSON.stringify(drawMove(1, row, GUEST)))
  assert.ok(new Set(rows).size > 35)
})

test('a load fits into its guest', () => {
  for (let row = 0; row < 500; row++) {
    const guest = drawGuest(2, row)
    const { spanMib } = drawMove(2, row, guest)
    assert.ok(spanMib >= 1 && spanMib + guest.fillMib < guest.memoryMib - 60, `${spanMib} of ${guest.memoryMib}`)
  }
})

test('the stuck ones write at least half as fast as their link sends', () => {
  const drawn = Array.from({ length: 200 }, (_, row) => drawMove(3, row, GUEST, 'stuck'))
  // On slower ones the bound is below 1 MiB/s or little above, and no rate is less than that.
  const fast = drawn.filter(({ linkMbit }) => linkMbit >= 100)
  assert.ok(fast.length > 100, String(fast.length))
  for (const { linkMbit, dirtyMibPerSec } of fast) {
    // 100 Mbit/s carry 11.4 MiB/s of payload; rates are whole MiB/s.
    assert.ok(dirtyMibPerSec >= 0.5 * (linkMbit / 100) * 11.4 - 0.5, `${dirtyMibPerSec} at ${linkMbit}`)
  }
})
