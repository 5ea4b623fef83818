import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inOtherOrder } from './backtest/other-order.ts'
import { showTable } from './backtest/section.ts'
import { spreadOf } from './backtest/process-cost.ts'
import { runProgram } from './repository.ts'

test('the quick form goes through every part, and what the simulator says is what the moves come to', () => {
  const { isSuccess, output } = runProgram('node', ['tools/bench-backtest.ts', '--quick'])
  assert.ok(isSuccess, output)
  assert.match(output, /Both agree to the printed digit/)
  const headings = [...output.matchAll(/^## (.*)$/gm)].map(([, title]) => title)
  assert.deepEqual(headings, [
    'The bar: our policy on generated-1',
    'Our policy on 2 days',
    "CloudSim's policies as CloudSim runs them",
    'Like for like: 13 policies on generated-1',
    'Whole processes: `ethos backtest` of generated-1',
    'Growth with size',
  ])
  assert.doesNotMatch(output, /NaN|undefined|Infinity/)
})

test('a data folder that is not there is an error, which says so', () => {
  const { isSuccess, output } = runProgram('node', ['tools/bench-backtest.ts', '--data', 'no/such/folder'])
  assert.equal(isSuccess, false)
  assert.match(output, /^--data: "no\/such\/folder" is not usable\. There is no such folder\./)
})

test('a table is Markdown that reads in a terminal', () => {
  const lines = ['| day  |   kWh |', '|------|------:|', '| mon  | 163.2 |', '| mean |     9 |']
  assert.equal(
    showTable(
      ['day', 'kWh'],
      [
        ['mon', '163.2'],
        ['mean', '9'],
      ],
    ),
    lines.join('\n'),
  )
})

test('a spread names the middle run, or the mean of the middle two', () => {
  assert.deepEqual(spreadOf([3, 1, 2]), { min: 1, median: 2, max: 3 })
  assert.deepEqual(spreadOf([4, 1, 2, 9]), { min: 1, median: 3, max: 9 })
})

test('another order keeps every VM within the quarter of its type', () => {
  const rows = Array.from({ length: 10 }, (_, i) => `vm-${i},1`)
  const mixed = inOtherOrder(`${rows.join('\n')}\n`, 2)
    .trim()
    .split('\n')
  assert.notDeepEqual(mixed, rows)
  // Quarters of 10 rows are 3, 3, 3 and 1.
  for (const from of [0, 3, 6, 9]) {
    assert.deepEqual(mixed.slice(from, from + 3).toSorted(), rows.slice(from, from + 3))
  }
})
