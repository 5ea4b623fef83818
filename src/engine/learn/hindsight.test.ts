import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HOUR_MS } from '../../terms/units.ts'
import { avoidableBy, lookBackOn, type MoveWindow, regretOf } from './hindsight.ts'

const PRICES = { perUnservedCoreHour: 7 }
const ABOUT = { windowMs: HOUR_MS / 4, highFraction: 0.95 }

/** A VM of 4 cores went from a host of 10 to another of 10. */
function aWindow(from: number, to: number, others: readonly number[] = [], wanted = 4): MoveWindow {
  return { wanted, from: ofTen(from), to: ofTen(to), others: others.map(ofTen) }
}

function ofTen(demand: number) {
  return { demand, capacity: 10 }
}

test('what was unserved is told with the move and had the VM stayed, in core-hours', () => {
  // Two quarters of an hour. With: 0 + 0, then 0 + 1. Stayed: 12 of 10, then 13 of 10 and 7 at the target.
  const back = lookBackOn([aWindow(8, 9), aWindow(9, 11)], ABOUT)
  assert.deepEqual(back, {
    windows: 2,
    withMove: 0.25,
    hadItStayed: (2 + 3) / 4,
    wouldHaveCome: true,
    savedElsewhere: [],
  })
})

test('a move away from contention that would not have come was in vain, and its regret is what it cost', () => {
  const back = lookBackOn([aWindow(3, 9)], ABOUT) ?? assert.fail()
  assert.deepEqual([back.wouldHaveCome, back.hadItStayed], [false, 0])
  assert.deepEqual(regretOf(back, 0.02, PRICES), { value: 0.02, best: 'staying', compared: 0 })
})

test('where another host would have had room, regret is what is unserved on the one that was chosen', () => {
  // Stayed: 2 too much. Chosen: 1 too much there. The second other host has room for all, the first for none.
  const back = lookBackOn([aWindow(8, 11, [10, 5])], ABOUT) ?? assert.fail()
  assert.deepEqual(back.savedElsewhere, [(2 - 4) / 4, 2 / 4])
  const { value, best, compared } = regretOf(back, 0.01, PRICES)
  // Made: 2 + 0 less 0 + 1 is 1 core for a quarter of an hour; the best: 2.
  assert.ok(Math.abs(value - (2 - 1) * 0.25 * 7) < 1e-12, String(value))
  assert.deepEqual([best, compared], [{ other: 1 }, 2])
})

test('a move that was the best there was has no regret', () => {
  const back = lookBackOn([aWindow(9, 5, [10, 10])], ABOUT) ?? assert.fail()
  assert.deepEqual(regretOf(back, 0.01, PRICES), { value: 0, best: 'this-move', compared: 2 })
})

test('windows in which the VM was not measured say nothing, and a host that was not recorded throughout is not compared', () => {
  assert.equal(lookBackOn([aWindow(9, 9, [], NaN)], ABOUT), undefined)
  const some = [aWindow(9, 5, [5, 5]), { ...aWindow(9, 5), others: [undefined, { demand: 5, capacity: 10 }] }]
  const back = lookBackOn(some, ABOUT) ?? assert.fail()
  assert.equal(back.savedElsewhere[0], undefined)
  assert.equal(regretOf(back, 0, PRICES).compared, 1)
})

test('regret is never below zero, whatever came', () => {
  for (let i = 0; i < 500; i++) {
    const draw = (k: number): number => ((Math.imul(i * 7 + k, 2_654_435_761) >>> 0) % 2000) / 100
    const back = lookBackOn([aWindow(draw(0), draw(1), [draw(2), draw(3)], draw(4) / 3)], ABOUT) ?? assert.fail()
    const { value } = regretOf(back, draw(5) / 1000, PRICES)
    assert.ok(value >= 0 && Number.isFinite(value))
  }
})

test('what a VM could have spared its host is no more than what the host lacked', () => {
  assert.equal(avoidableBy(4, { demand: 12, capacity: 10 }), 2)
  assert.equal(avoidableBy(1, { demand: 12, capacity: 10 }), 1)
  assert.equal(avoidableBy(4, { demand: 9, capacity: 10 }), 0)
})
