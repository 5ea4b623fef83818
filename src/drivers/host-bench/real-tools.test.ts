/** Tools that pretend take any words; these are Debian's. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BENCHMARKS } from './benchmarks.ts'
import { aFolder } from './builders.ts'
import { closeDiskPlace, openDiskPlace } from './disk-place.ts'
import { runBenchmark } from './run-benchmark.ts'
import { findTools, TOOLS } from './tools.ts'

const never = new AbortController().signal

test('every benchmark runs with the tools of Debian, and gives a number of its magnitude', async () => {
  const tools = await findTools(never)
  assert.deepEqual(Object.keys(tools).toSorted(), [...TOOLS].toSorted())
  const { fio } = tools
  assert.ok(fio !== undefined)
  const disk = await openDiskPlace(aFolder(), fio.path, never)
  const place = { threads: 2, scratch: aFolder(), disk, network: { peer: '', port: 0, isLoopback: true } }
  try {
    for (const benchmark of BENCHMARKS) {
      const tool = tools[benchmark.tool]
      assert.ok(tool !== undefined)
      const value = await runBenchmark(benchmark, place, tool, never)
      // No core of any machine that runs this is a million times off; a wrong unit or column is.
      assert.ok(Number.isFinite(value) && value > 0.1 && value < 1e12, `${benchmark.name}: ${value}`)
    }
  } finally {
    closeDiskPlace(disk)
  }
})
