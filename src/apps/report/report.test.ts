import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Script } from 'node:vm'
import type { BacktestRun, MoveRecord } from '../backtest/result.ts'
import { renderReport } from './report.ts'
import { sampleRun } from './sample-run.ts'

const SMALL = { hosts: 5, vms: 40, steps: 40 }
const EVIL = '</script><img src=x onerror=alert(1)>"\'`&'

test('the page tells what was replayed, by whom and what was generated', () => {
  const page = renderReport(sampleRun(SMALL))
  for (const text of ['sample-web-and-batch', 'two-generations', 'lr-mmt-1.2', 'oracle-1h', 'Synthetic:', 'diskRead']) {
    assert.ok(page.includes(text), text)
  }
})

test('the page needs nothing but itself, and its policy forbids anything else', () => {
  const page = renderReport(sampleRun(SMALL))
  assert.doesNotMatch(page, /\b(?:src|href|srcset|action|poster|data)\s*=/i)
  assert.doesNotMatch(page, /https?:|url\(|@import\s+['"u]|\bimport\s*\(|\bfetch\s*\(|XMLHttpRequest|WebSocket/)
  assert.match(page, /default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'/)
})

test('the same run gives the same page', () => {
  assert.equal(renderReport(sampleRun(SMALL)), renderReport(sampleRun(SMALL)))
})

test('no text from outside becomes markup', () => {
  const page = renderReport(evilRun())
  assert.ok(!page.includes('<img'))
  assert.equal(page.match(/<script/g)?.length, 2)
  assert.equal(page.match(/<\/script>/g)?.length, 2)
  assert.ok(page.includes('&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;'))
})

test('the scripts of the page form one valid script, in which no name is used twice', () => {
  const page = renderReport(sampleRun(SMALL))
  const script = page.slice(page.lastIndexOf('<script>') + 8, page.lastIndexOf('</script>'))
  assert.doesNotThrow(() => new Script(script))
  assert.doesNotMatch(script, /^(?:import|export) /m)
})

test('a run of nothing still gives a page', () => {
  const run = sampleRun(SMALL)
  const empty: BacktestRun = { ...run, results: [], details: [], notes: [], synthetic: [] }
  const page = renderReport(empty)
  assert.match(page, /No policy was run/)
  assert.doesNotMatch(page.split('<script')[0], /Synthetic:|NaN|undefined|Infinity/)
})

test('a run without moves, overload or forecast gives a page without nonsense in it', () => {
  const run = sampleRun({ hosts: 3, vms: 3, steps: 10 })
  const details = run.details.map(({ policy, hostDemand }) => ({ policy, hostDemand, moves: [] }))
  const page = renderReport({ ...run, details })
  assert.doesNotMatch(page.split('<script')[0], /NaN|undefined|Infinity/)
})

function evilRun(): BacktestRun {
  const run = sampleRun(SMALL)
  const evilMove = (move: MoveRecord): MoveRecord => ({ ...move, vmName: EVIL, reason: EVIL })
  return {
    ...run,
    traceName: EVIL,
    fleetName: EVIL,
    rules: EVIL,
    notes: [EVIL],
    hosts: run.hosts.map((name) => name + EVIL),
    results: run.results.map((result) => ({ ...result, policy: result.policy + EVIL })),
    details: run.details.map((detail) => ({
      ...detail,
      policy: detail.policy + EVIL,
      moves: detail.moves.map(evilMove),
    })),
  }
}
