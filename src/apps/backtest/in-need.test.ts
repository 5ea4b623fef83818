/** What must never be: that doing nothing would have served VMs better. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runBacktest } from './backtest.ts'
import { prepareBacktest } from './setup.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-in-need-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Share of demand that each policy leaves unserved on CloudSim's hosts. */
async function unserved(rows: readonly (readonly number[])[], hostCount: number): Promise<Record<string, number>> {
  const trace = join(folder, 'trace.csv')
  writeFileSync(trace, rows.map((row, vm) => `vm-${vm},${row.join(',')}\n`).join(''))
  const setup = prepareBacktest({ trace, hosts: 'cloudsim', hostCount, seed: 1 })
  const { run } = await runBacktest(setup, { policies: ['ethos', 'none'], lives: 'trace', keepsDetail: false })
  return Object.fromEntries(run.results.map(({ policy, unservedFraction }) => [policy, unservedFraction]))
}

test('demand above a VM’s size is seen, and served where there is room for it', async () => {
  // Three of twelve VMs want three times their size all the time, the others a fifth of theirs.
  const rows = Array.from({ length: 12 }, (_, vm) => Array.from({ length: 48 }, () => (vm % 4 === 3 ? 300 : 20)))
  const { ethos, none } = await unserved(rows, 20)
  assert.ok(ethos <= none, `${ethos} unserved, and ${none} by doing nothing`)
})

test('when idle VMs that were packed together all wake, they are spread again within minutes', async () => {
  // Idle for an hour, then half of what they may want for three: packed, they would be served a fraction of it for good.
  const rows = Array.from({ length: 120 }, () => Array.from({ length: 48 }, (_, step) => (step < 12 ? 1 : 50)))
  const { ethos } = await unserved(rows, 100)
  assert.ok(ethos < 0.1, `${ethos} unserved`)
})
