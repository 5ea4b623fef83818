import assert from 'node:assert/strict'
import { test } from 'node:test'
import { measure, showFigures } from './benchmark.ts'

function countTo(size: number): number {
  let sum = 0
  for (let i = 1; i <= size; i++) sum += i
  return sum
}

test('a benchmark reports CPU time, its checksum and its ratio to a peer', async () => {
  const figures = await measure(1000, countTo, { name: 'a loop', work: (size) => countTo(size) * 2 })
  // 1 + 2 + ... + 1000 = 1000 x 1001 / 2.
  assert.equal(figures.checksum, 500_500)
  assert.equal(figures.peer?.checksum, 1_001_000)
  assert.ok(figures.cpuMs >= 0)
  const shown = showFigures('count', {
    size: 1000,
    cpuMs: 20,
    checksum: 1,
    peer: { name: 'a loop', cpuMs: 80, checksum: 1 },
  })
  assert.equal(
    shown,
    'count: 1000 in 20.0 ms CPU, 50,000 per CPU-second, checksum 1\n' +
      '  0.25 x the CPU time of a loop: 80.0 ms, checksum 1\n',
  )
})

test('work that gives another checksum each time is no benchmark', async () => {
  let calls = 0
  await assert.rejects(
    measure(1, () => ++calls),
    /the same work must give the same checksum/,
  )
})
