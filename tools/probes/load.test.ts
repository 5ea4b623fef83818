import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { compileLoad, costOf, median, startLoad, whyNoLoad, within } from './load.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-load-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('the program that is slowed tells its calls and its CPU time, tenth by tenth', { skip: whyNoLoad() }, async () => {
  const path = compileLoad(folder)
  for (const mode of ['s', 'm', 'd'] as const) {
    const load = startLoad(path, { mode, seconds: 30, work: 10 })
    await sleep(600)
    const tenths = await load.stop()
    assert.ok(
      tenths.length >= 1 && tenths.every(({ calls, cpuMs, wallMs }) => calls >= 200 && cpuMs > 0 && wallMs >= 100),
    )
    assert.equal(tenths[0].calls % 200, 0)
  }
})

test('the cost of a call is of tenths that lie within the span', () => {
  const tenths = [1100, 1200, 1300].map((atMs, i) => ({ atMs, wallMs: 100, calls: 1000, cpuMs: i + 1 }))
  // The first began at 1000, before the span; 2 ms and 3 ms of 1000 calls are 2000 and 3000 ns, the middle 2500; 100 ms on the wall are 100 000 ns.
  assert.deepEqual(costOf(within(tenths, 1050, 1300)), { cpuNs: 2500, wallNs: 100_000 })
  assert.deepEqual(costOf(within(tenths, 1050, 1299)).cpuNs, 2000)
  assert.deepEqual([median([3, 1, 2]), median([4, 1, 2, 3]), median([])], [2, 2.5, Number.NaN])
})
