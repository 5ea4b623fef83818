import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HostsForView } from '../../../src/apps/server/views/judgement.ts'
import {
  bandOf,
  choose,
  chosenOf,
  filterHosts,
  hostRows,
  lackCounts,
  type Score,
  termPieces,
  termScale,
  termsText,
  worthText,
} from './vm-ranking.ts'

const aScore = (terms: Partial<Score['terms']> = {}): Score => {
  const all = { performance: 0, energy: 0, load: 0, migration: 0, ...terms }
  return { total: all.performance + all.energy + all.load + all.migration, terms: all }
}
const aPerformance = { latencyFactor: 1.25, throughput: 0.98, addedWatts: 12 }
const refused = (host: string, lacking: 'memory' | 'cpu' | 'same-host'): HostsForView['refused'][number] => {
  return { host, verdict: { lacking, shortBy: 1, reason: `${host} lacks ${lacking}.` } }
}
const anAnswer = (): HostsForView => ({
  asOf: 1,
  degraded: [],
  vm: 'vm-1',
  host: 'host-3',
  policy: 'production',
  currency: 'EUR',
  horizonMs: 3_600_000,
  ranked: [
    { host: 'host-1', rank: 1, score: aScore({ performance: 0.3, migration: -0.1 }), performance: aPerformance },
    {
      host: 'host-2',
      rank: 2,
      score: aScore({ energy: -0.2, migration: -0.1 }),
      behind: { total: 0.5, term: 'performance', by: 0.3 },
      performance: aPerformance,
    },
  ],
  refused: [
    refused('host-9', 'memory'),
    refused('host-3', 'same-host'),
    refused('host-4', 'memory'),
    refused('host-5', 'cpu'),
  ],
})

const show = (value: number): string => value.toFixed(2)

test('every host is in the list once, with why it is there', () => {
  assert.deepEqual(
    hostRows(anAnswer(), aPerformance).map(({ host, kind, reason }) => [host, kind, reason]),
    [
      ['host-1', 'ranked', 'The best.'],
      ['host-2', 'ranked', '0.50 EUR behind the best, most in performance (0.30).'],
      ['host-3', 'here', 'It runs here. Scores are against staying, which is 0.'],
      ['host-9', 'refused', 'host-9 lacks memory.'],
      ['host-4', 'refused', 'host-4 lacks memory.'],
      ['host-5', 'refused', 'host-5 lacks cpu.'],
    ],
  )
})

test('where the answer does not say why a host is below the best, its terms do', () => {
  const answer = anAnswer()
  const [best, second] = answer.ranked
  const unsaid = { ...second, behind: undefined }
  const alike = { ...best, host: 'host-7', rank: 3 }
  const rows = hostRows({ ...answer, ranked: [best, unsaid, alike] as HostsForView['ranked'] })
  // .3 - .1 = .2 against -.2 - .1 = -.3: .5 behind; performance .3 behind, energy .2.
  assert.equal(rows[1].reason, '0.50 EUR behind the best, most in performance (0.30).')
  assert.equal(rows[2].reason, 'As good as the best; names decide.')
})

test('refusals are counted by what is lacking, and the list can be cut to one kind', () => {
  const rows = hostRows(anAnswer())
  assert.deepEqual(lackCounts(rows), [
    { lack: 'memory', hosts: 2 },
    { lack: 'cpu', hosts: 1 },
  ])
  const found = (show: string, name = ''): readonly string[] =>
    filterHosts(rows, { name, show }).map(({ host }) => host)
  assert.deepEqual(found('suitable'), ['host-1', 'host-2'])
  assert.deepEqual(found('refused'), ['host-9', 'host-4', 'host-5'])
  assert.deepEqual(found('memory'), ['host-9', 'host-4'])
  assert.deepEqual(found('', 'HOST-4'), ['host-4'])
})

test('bars of all rows share one scale, with what it costs to the left of zero', () => {
  const scores = [aScore({ performance: 0.3, migration: -0.1 }), aScore({ energy: -0.2, migration: -0.1 })]
  const scale = termScale(scores)
  // At most .3 lost (second row) and .3 won (first row): zero stands in the middle.
  assert.deepEqual([scale.lost.toFixed(2), scale.won.toFixed(2)], ['0.30', '0.30'])
  const { zero, pieces } = termPieces(scores[1], scale)
  assert.equal(zero.toFixed(2), '0.50')
  assert.deepEqual(
    pieces.map(({ term, from, width }) => [term, from.toFixed(3), width.toFixed(3)]),
    [
      ['energy', '0.167', '0.333'],
      ['migration', '0.000', '0.167'],
    ],
  )
  assert.deepEqual(termPieces(aScore(), termScale([])), { zero: 0.5, pieces: [] })
  assert.equal(termsText(scores[1]), 'performance 0, energy -0.20, load 0, migration -0.10')
})

test('a band is told where the answer has one, and no false one where not', () => {
  const band = { p10: 1.1, p90: 1.4 }
  const performance = {
    ...aPerformance,
    bands: { latencyFactor: band, throughput: band, addedWatts: { p10: 12, p90: 12.001 } },
  }
  assert.equal(bandOf(performance, 'latencyFactor', show), '1.10 to 1.40')
  assert.equal(bandOf(performance, 'addedWatts', show), '12.00')
  assert.equal(bandOf(aPerformance, 'latencyFactor', show), '')
})

test('two hosts can be chosen; a third takes the place of the first', () => {
  assert.deepEqual(chosenOf(new URLSearchParams('host=a&beside=b')), ['a', 'b'])
  assert.deepEqual(chosenOf(new URLSearchParams('host=a&beside=a')), ['a'])
  assert.deepEqual(chosenOf(new URLSearchParams('host=')), [])
  assert.deepEqual(choose([], 'a'), ['a'])
  assert.deepEqual(choose(['a', 'b'], 'c'), ['b', 'c'])
  assert.deepEqual(choose(['a', 'b'], 'a'), ['b'])
})

test('a move is worth it or not, with the figures', () => {
  const worth = { gain: 0.12, cost: 0.03, needed: 0.05, isEnough: true }
  assert.equal(worthText(worth), 'Gain 0.12, cost 0.03, needed 0.05: worth it.')
  assert.match(worthText({ ...worth, isEnough: false }), /: not worth it\.$/)
})
