import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PairView, SideView } from '../../../src/apps/server/views/judgement.ts'
import { ruleRows, type Side, sideRows } from './vm-sides.ts'

const aSide = (host: string, { latency = 1.25, watts = 12, bound = 40, total = 0 } = {}): SideView => ({
  host,
  score: { total, terms: { performance: total, energy: 0, load: 0, migration: 0 } },
  performance: { latencyFactor: latency, throughput: 1, addedWatts: watts },
  outlook: { mean: 30, bound, capacity: 64, fillLimit: 54.4, members: 12 },
})
const rowOf = (sides: readonly Side[], name: string) => sideRows(sides, 'EUR').find((row) => row.name === name)

const fits = (rule: string): PairView['rules'][number] => ({ rule, verdict: { kind: 'fits' } })

test('the better side of each quantity is marked, where figures differ as they are shown', () => {
  const sides = [
    { title: 'there', side: aSide('a', { latency: 1.3, watts: 10, total: 0.2 }) },
    { title: 'here', side: aSide('b', { latency: 1.1, watts: 10.01 }) },
  ]
  assert.equal(rowOf(sides, 'latency')?.best, 1)
  assert.equal(rowOf(sides, 'score')?.best, 0)
  // 10.00 and 10.01 W both read +10.0: no difference is claimed.
  const added = rowOf(sides, 'added')
  assert.deepEqual(
    [added?.cells.map(({ text }) => text), added?.best, added?.isDifferent],
    [['+10.0', '+10.0'], undefined, false],
  )
})

test('of three sides two may be as good as each other, and then none is the best', () => {
  const sides = ['a', 'b', 'c'].map((host, i) => ({ title: host, side: aSide(host, { latency: i === 2 ? 2 : 1 }) }))
  const latency = rowOf(sides, 'latency')
  assert.deepEqual([latency?.best, latency?.isDifferent], [undefined, true])
})

test('what no side has is left out; what one lacks is a dash', () => {
  const migration = { copiedBytes: 2 ** 30, durationMs: 14_000, downtimeMs: 60, rounds: 3, converges: true }
  const one = { title: 'there', side: aSide('a') }
  assert.equal(rowOf([one, one], 'moving takes'), undefined)
  const takes = rowOf([{ ...one, migration }, one], 'moving takes')
  assert.deepEqual([takes?.cells.map(({ text }) => text), takes?.best], [['14 s', '–'], undefined])
  assert.equal(rowOf([{ ...one, migration }], 'copying ends')?.cells[0].text, 'yes')
})

test('a band stands beside its figure', () => {
  const band = { p10: 1.1, p90: 1.4 }
  const side = aSide('a')
  const banded = {
    ...side,
    performance: { ...side.performance, bands: { latencyFactor: band, throughput: band, addedWatts: band } },
  }
  assert.deepEqual(rowOf([{ title: 'there', side: banded }], 'latency')?.cells, [
    { text: 'x1.25', band: 'x1.10 to x1.40' },
  ])
})

test('rules that refuse come first, with the reason and what would help', () => {
  const lacks: PairView['rules'][number] = {
    rule: 'memory',
    verdict: { lacking: 'memory', shortBy: 1, reason: 'host-2 lacks 1 GiB.' },
    remedy: 'A smaller VM.',
  }
  const rows = ruleRows([
    [fits('host-state'), fits('memory')],
    [fits('host-state'), lacks],
  ])
  assert.deepEqual(rows, [
    {
      rule: 'memory',
      cells: [{ fits: true }, { fits: false, text: 'host-2 lacks 1 GiB. A smaller VM.' }],
      isDifferent: true,
    },
    { rule: 'host-state', cells: [{ fits: true }, { fits: true }], isDifferent: false },
  ])
})
