import assert from 'node:assert/strict'
import { test } from 'node:test'
import { measuredNumber, showMeasured } from './bench-server/section.ts'
import { runProgram } from './repository.ts'

test('the small form takes vectors in by all three ways, and its numbers are numbers', () => {
  const { isSuccess, output } = runProgram('node', ['tools/bench-server.ts', 'ingest', '--small'])
  assert.ok(isSuccess, output)
  const rows = [...output.matchAll(/^\| ([^|]*?) +\| +(-?\d[\d. ]*) (\S.*?) \|/gm)].map(([, what, value]) => [
    what,
    value,
  ])
  assert.equal(rows.length, 8)
  assert.ok(rows.every(([, value]) => Number.isFinite(Number(value.replaceAll(' ', '')))))
  assert.doesNotMatch(output, /NaN|undefined|Infinity/)
})

test('a section that is not there is an error, which says so', () => {
  const { isSuccess, output } = runProgram('node', ['tools/bench-server.ts', 'moon'])
  assert.equal(isSuccess, false)
  assert.match(output, /No section is called moon\./)
})

test('a goal is met at its number, and missed beyond it', () => {
  const numbers = [
    measuredNumber('rate', 20_000, { unit: 'vectors/s', goal: { atLeast: 20_000 } }),
    measuredNumber('share', 5.01, { unit: '%', goal: { atMost: 5 } }),
    measuredNumber('size', 0.123456, { unit: 'KiB' }),
  ]
  assert.deepEqual(
    numbers.map(({ value, isMet }) => [value, isMet]),
    [
      ['20 000 vectors/s', true],
      ['5.01 %', false],
      ['0.123 KiB', undefined],
    ],
  )
  assert.match(showMeasured(numbers), /\| rate .*20 000 vectors\/s \| >= 20 000 +\| +met \|/)
})
