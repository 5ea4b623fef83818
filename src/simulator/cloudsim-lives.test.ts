import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aDemand } from './builders.ts'
import { endLivesAsCloudsim } from './cloudsim-lives.ts'

test('a VM ends at the first of two zeros in a row, and what it wanted later is gone', () => {
  const after = endLivesAsCloudsim(aDemand([[1, 0, 0, 1, 1]]))
  assert.deepEqual([...after.lastStep], [0])
  assert.deepEqual([...after.columns.cpu], [1, Number.NaN, Number.NaN, Number.NaN, Number.NaN])
})

test('a single zero, two at the very beginning, and one at the end do not end a VM', () => {
  const rows = [
    [1, 0, 1, 0, 1],
    [0, 0, 1, 1, 1],
    [1, 1, 1, 1, 0],
  ]
  const after = endLivesAsCloudsim(aDemand(rows))
  assert.deepEqual([...after.lastStep], [4, 4, 4])
})

test('the demand handed in stays as it was', () => {
  const demand = aDemand([[1, 0, 0, 1]])
  endLivesAsCloudsim(demand)
  assert.deepEqual([[...demand.columns.cpu], [...demand.lastStep]], [[1, 0, 0, 1], [3]])
})
