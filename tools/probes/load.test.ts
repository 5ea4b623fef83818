import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { compileLoad, median, nsPerCall, startLoad, whyNoLoad } from './load.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-load-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('the program that is slowed tells its calls and its CPU time, tenth by tenth', { skip: whyNoLoad() }, async () => {
  const path = compileLoad(folder)
  for (const mode of ['s', 'm'] as const) {
    const tenths = await startLoad(path, { mode, seconds: 0.5, work: 10 }).done
    assert.ok(
      tenths.length >= 1 && tenths.every(({ calls, cpuMs, wallMs }) => calls >= 200 && cpuMs > 0 && wallMs >= 100),
    )
    assert.equal(tenths[0].calls % 200, 0)
  }
})

test('the cost of a call is of tenths that lie within the span', () => {
  const tenths = [1100, 1200, 1300].map((atMs, i) => ({ atMs, wallMs: 100, calls: 1000, cpuMs: i + 1 }))
  // The first began at 1000, before the span; 2 ms and 3 ms of 1000 calls are 2000 and 3000 ns.
  assert.deepEqual(nsPerCall(tenths, 1050, 1300), [2000, 3000])
  assert.deepEqual(nsPerCall(tenths, 1050, 1299), [2000])
  assert.deepEqual([median([3, 1, 2]), median([])], [2, Number.NaN])
})
