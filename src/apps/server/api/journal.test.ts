/** What the routes answer of the past: turns, moves and outcomes of the journal, and what of it is damaged. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Answered, ApiBench } from './builders.ts'

const bench = new ApiBench()
let token = ''

before(async () => {
  await bench.start()
  token = await bench.token('viewer')
})
after(() => bench.stop())

function get(path: string): Promise<Answered> {
  return bench.ask({ path, token })
}

function turn(orders: readonly object[], events: readonly object[] = []): string {
  return JSON.stringify({ kind: 'turn', turn: 0, at: 1, refused: [], events, orders })
}

test('what is damaged in the store is told as such, and not as a mistake of the caller', async () => {
  const other = new ApiBench()
  await other.start()
  const token = await other.token('viewer')
  const damaged = [
    '{"kind":"turn","turn":0,"orders":[',
    '{"kind":"turn","events":[{"kind":"outcome-settled","outcome":3}]}',
  ]
  for (const line of damaged) await other.store.journal.append(line, 1)
  await other.store.settings.set('policy', '{"name":', { who: 'ada', at: 1 })
  const asked = [
    ['/v1/plans', /^Line 1 of the journal is damaged in the store: /],
    ['/v1/moves', /^Line 1 of the journal is damaged/],
    ['/v1/outcomes', /^Line 2 of the journal is damaged/],
    ['/v1/policy', /^Version 1 of the policy is damaged/],
    ['/v1/policy/history', /^Version 1 of the policy is damaged/],
  ] as const
  for (const [path, says] of asked) {
    const { status, json } = await other.ask({ path, token })
    assert.deepEqual([status, json['error'].code], [503, 'corrupt'], path)
    assert.match(json['error'].message, says)
    assert.match(json['error'].remedy, /ethos store check/)
  }
  await other.stop()
})

test('the journal is read from its end, by turns, moves and outcomes', async () => {
  const order = {
    id: 'o-1',
    vmId: 'web-1',
    from: 'host-1',
    to: 'host-2',
    decidedAt: 1,
    class: 'contention',
    reason: 'x',
  }
  await bench.store.journal.append(JSON.stringify({ kind: 'header' }), 1)
  for (let i = 0; i < 250; i++) await bench.store.journal.append(turn(i === 3 ? [order] : []), i)
  await bench.store.journal.append(turn([], [{ kind: 'outcome-settled', outcome: { orderId: 'o-1' } }]), 250)
  const plans = (await get('/v1/plans?limit=2')).json
  assert.deepEqual(
    plans['plans'].map((plan: { at: number }) => plan.at),
    [250, 249],
  )
  assert.equal(plans['plans'][0]['record']['kind'], 'turn')
  const older = (await get(`/v1/plans?limit=2&before=${plans['next']}`)).json
  assert.deepEqual(
    older['plans'].map((plan: { at: number }) => plan.at),
    [248, 247],
  )
  const moves = (await get('/v1/moves')).json
  assert.deepEqual(
    moves['moves'].map((move: { order: object }) => move.order),
    [order],
  )
  const outcomes = (await get('/v1/outcomes')).json['outcomes']
  assert.deepEqual(
    outcomes.map((one: { outcome: object }) => one.outcome),
    [{ orderId: 'o-1' }],
  )
})
