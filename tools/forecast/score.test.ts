import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAY_SLOTS } from '../../src/engine/forecast/demand/demand-memory.ts'
import { Luck } from '../../src/terms/luck.ts'
import type { DemandGrid } from './grids.ts'
import { METHODS, scoreGrid, SCORE_OPTIONS } from './score.ts'

/** Each VM has a day of its own, a job at a minute of each hour, and noise. */
function aGrid(vms: number, days: number): DemandGrid {
  const luck = new Luck(5)
  const slots = days * DAY_SLOTS
  const series = Array.from({ length: vms }, () => {
    const [peak, minute, height] = [luck.fraction(), luck.below(12), 5 + 20 * luck.fraction()]
    return Float32Array.from({ length: slots }, (_, t) => {
      const day = 1 + Math.sin(2 * Math.PI * (t / DAY_SLOTS + peak))
      return height * day + (t % 12 === minute ? height : 0) + luck.fraction()
    })
  })
  return { name: 'made', slots, series, train: [3 * DAY_SLOTS, 6 * DAY_SLOTS], test: [7 * DAY_SLOTS, 9 * DAY_SLOTS] }
}

test('what comes again is foreseen by trees that learned it from other VMs, and not by the last value', () => {
  const train = { ...SCORE_OPTIONS.train, trees: 40, leaves: 15 }
  const options = { seed: 1, trainRows: 3000, testRows: 2000, train }
  const grid = aGrid(20, 9)
  const scores = scoreGrid(grid, 6, options)
  assert.deepEqual(
    scores.map(({ method }) => method),
    METHODS,
  )
  const [last, ...others] = scores
  assert.deepEqual([last.ratio, last.heldOutRatio, last.medianRatio], [1, 1, 1])
  const trees = others[others.length - 1]
  assert.ok(trees.ratio < 0.4, `pooled ${trees.ratio}`)
  assert.ok(trees.heldOutRatio < 0.5, `held out ${trees.heldOutRatio}`)
  assert.ok(others[0].method === 'EWMA .6' && trees.ratio < others[0].ratio)
  assert.deepEqual(scoreGrid(grid, 6, options), scores, 'the same seed, the same scores')
})
