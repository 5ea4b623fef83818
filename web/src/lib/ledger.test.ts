import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LedgerMoveView, LedgerSpan, TrustView } from '../../../src/apps/server/views/ledger.ts'
import { oddsText, pairRows } from './ledger-pairs.ts'
import {
  coverageName,
  coverageText,
  filterMoves,
  foresightText,
  netOf,
  regretText,
  scalesOf,
  stateText,
  sumText,
  trustSentences,
  verdictShares,
} from './ledger.ts'

function aMove(over: Partial<LedgerMoveView> = {}): LedgerMoveView {
  return {
    id: 'a',
    vm: 'web-1',
    from: 'kvm-1',
    to: 'kvm-2',
    class: 'contention',
    reason: 'Contention.',
    decidedAt: 0,
    state: 'done',
    migration: {},
    unknown: [],
    ...over,
  }
}
const model = 'm'

function foresight(foreseenCame: number, foreseenNotCame: number, missed: number): Pick<LedgerSpan, 'foresight'> {
  return { foresight: { model, foreseenCame, foreseenNotCame, missed, quiet: 9 } }
}

test('moves are found by a part of a VM’s or host’s name, and by what became of them', () => {
  const moves = [
    aMove({ id: 'a', settledAt: 5 }),
    aMove({ id: 'b', vm: 'DB-1', state: 'accepted' }),
    aMove({ id: 'c', to: 'kvm-9', state: 'not-carried-out' }),
    aMove({ id: 'd', gain: { model, realised: 1 }, cost: { model, realised: 2 } }),
  ]
  const ids = (filter: Parameters<typeof filterMoves>[1]): string =>
    filterMoves(moves, filter)
      .map(({ id }) => id)
      .join('')
  assert.equal(ids({ filter: 'all', text: '' }), 'abcd')
  assert.equal(ids({ filter: 'all', text: ' db ' }), 'b')
  assert.equal(ids({ filter: 'all', text: 'KVM-9' }), 'c')
  assert.equal(ids({ filter: 'settled', text: '' }), 'a')
  assert.equal(ids({ filter: 'under way', text: '' }), 'b')
  assert.equal(ids({ filter: 'not carried out', text: '' }), 'c')
  assert.equal(ids({ filter: 'did not pay', text: '' }), 'd')
})

test('what a move brought is known once gain and cost are', () => {
  assert.equal(netOf(aMove({ gain: { model, realised: 0.5 }, cost: { model, realised: 0.125 } })), 0.375)
  assert.equal(netOf(aMove({ gain: { model, promised: 0.5 }, cost: { model, realised: 0.125 } })), undefined)
})

test('each column has one scale for promised and realised of all rows', () => {
  const moves = [
    aMove({ gain: { model, promised: 0.5, realised: -0.25 }, migration: { totalMs: { promised: 40, realised: 90 } } }),
    aMove({ gain: { model, promised: 2 } }),
  ]
  const { gain, total, bytes } = scalesOf(moves)
  assert.deepEqual(gain, { from: -0.25, to: 2 })
  assert.deepEqual(total, { from: 0, to: 90 })
  assert.deepEqual(bytes, { from: 0, to: 1 })
})

test('a move that is done is settled only once the span of its gain is over', () => {
  assert.equal(stateText(aMove({ settledAt: 5 }), 0), 'settled')
  assert.equal(stateText(aMove({ settlesAt: 600_000 }), 0), 'done, settles in 10 min')
  assert.equal(stateText(aMove({ settlesAt: 600_000 }), 700_000), 'done, not settled')
  assert.equal(stateText(aMove({ state: 'lost-by-fault' }), 0), 'lost by fault')
})

test('regret names what would have been better', () => {
  const regret = { model, value: 0.12, best: 'another-host', host: 'kvm-7', compared: 4 } as const
  assert.equal(regretText(aMove({ regret })), '0.12: kvm-7 was better')
  assert.equal(regretText(aMove({ regret: { ...regret, best: 'staying' } })), '0.12: staying was better')
  assert.equal(regretText(aMove({ regret: { ...regret, value: 0, best: 'this-move' } })), '0: the best there was')
  assert.equal(regretText(aMove()), '–')
})

test('verdicts on what was left are shares of all that was judged', () => {
  const stays = { right: 6, wrong: 1, notYetKnown: 2, unknown: 1 }
  assert.deepEqual(
    verdictShares({ stays }).map(({ verdict, share }) => [verdict, share]),
    [
      ['right', 0.6],
      ['wrong', 0.1],
      ['not-yet-known', 0.2],
      ['unknown', 0.1],
    ],
  )
  assert.deepEqual(verdictShares({ stays: { right: 0, wrong: 0, notYetKnown: 0, unknown: 0 } }), [])
})

test('what was foreseen and what came are told against each other', () => {
  assert.equal(
    foresightText(foresight(18, 6, 3)),
    'Of 21 contentions that came 18 were foreseen. Of 24 that were foreseen 18 came.',
  )
  assert.equal(foresightText(foresight(0, 0, 0)), 'No contention was foreseen, and none came.')
  assert.equal(foresightText(foresight(0, 2, 0)), 'No contention came. Of 2 that were foreseen 0 came.')
})

test('sums of no move and shares of no check are not known, and not zero', () => {
  assert.equal(sumText({ moves: 0, promised: 0, realised: 0 }), 'not known yet')
  assert.equal(sumText({ moves: 3, promised: 9.1, realised: 7.4 }), '7.40 of 9.10 promised')
  const row = { model, horizonMs: 3_600_000, nominal: 0.9, checks: 0, held: 0 }
  assert.equal(coverageText(row), 'No check yet.')
  assert.equal(
    coverageText({ ...row, checks: 200, held: 181, share: 0.905 }),
    '181 of 200 lay in the interval of 90 %: 90.5 %.',
  )
  assert.equal(coverageName({ ...row, model: 'first' }), '1 h ahead, first')
  assert.notEqual(coverageName({ ...row, model: 'first' }), coverageName({ ...row, model: 'second' }))
})

test('trust is told with what it costs: more is asked of moves, and in the end they are advice', () => {
  const trust: TrustView = {
    model,
    at: 0,
    isTrusted: true,
    bounds: { checked: 9, exceeded: 1 },
    coverage: { share: 0.91, checked: 300, least: 0.8, most: 0.99 },
    marginFactor: 1.2,
    outcomes: 0,
    strikes: 1,
    strikesMax: 5,
    isDemoted: false,
  }
  assert.deepEqual(trustSentences(trust), [
    'Forecasts are trusted.',
    '91.0 % of 300 intervals held (not below 80 %, not above 99 %).',
    'Gain over cost must be 1.20 times what the policy asks.',
    'No move had settled by then.',
    '1 of 5 verdicts in a row against its own judgement; at 5 its orders become advice.',
  ])
  assert.match(trustSentences({ ...trust, isTrusted: false })[0] ?? '', /^Forecasts are not trusted: moves must/)
  assert.match(trustSentences({ ...trust, isDemoted: true })[0] ?? '', /^Its orders are advice/)
})

test('what a pair of hosts taught is an even chance made better or worse', () => {
  // 1 / (1 + exp(-1)) = 0.731; 1 / (1 + exp(0.5)) = 0.378.
  assert.equal(oddsText(1), 'oftener: 50 % is 73 %')
  assert.equal(oddsText(-0.5), 'more seldom: 50 % is 38 %')
  assert.equal(oddsText(0.05), 'as promised')
  const pair = { from: 'a', to: 'b', downtime: {}, bytes: {}, verdicts: { moves: 2, shift: 0 } }
  const rows = pairRows([
    { ...pair, total: { moves: 2, factor: 1.25 } },
    { ...pair, from: 'c', total: {}, verdicts: { moves: 7, shift: 0 } },
  ])
  assert.deepEqual(
    rows.map(({ from, total }) => [from, total]),
    [
      ['c', undefined],
      ['a', 1.25],
    ],
  )
})
