/** Rejections and postponements over the API. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DAY_MS, HOUR_MS } from '../../../terms/units.ts'
import type { ObjectionAsk } from '../objecting.ts'
import { type Answered, ApiBench, signIn } from './builders.ts'
import { FakeAnswers } from './fakes/builders.ts'

const answers = new FakeAnswers()
const bench = new ApiBench({ answers })
let operator = ''
const REJECTION = '/v1/proposals/ethos-12-0/rejection'
const POSTPONEMENT = '/v1/proposals/ethos-12-0/postponement'
const STANDS = {
  id: 'ethos-12-0',
  vm: 'web-1',
  from: 'kvm-1',
  to: 'kvm-2',
  class: 'contention',
  reason: 'Contention is coming on kvm-1.',
  what: 'rejected',
  who: 'ann',
  at: 1,
  until: 2,
}

before(async () => {
  await bench.start()
  operator = await bench.token('operator')
})
after(() => bench.stop())

function post(path: string, body: object): Promise<Answered> {
  return bench.ask({ method: 'POST', path, token: operator, body })
}

test('a no goes to the controller with who said it and why, is audited, and what stands then is told', async () => {
  answers.asked.length = 0
  answers.moves.result = { kind: 'done', text: 'web-1 stays.', stands: STANDS }
  const { status, json } = await post(REJECTION, { reason: 'a batch runs' })
  assert.deepEqual([status, json], [200, { text: 'web-1 stays.', objection: STANDS }])
  const [[what, ask]] = answers.asked as [string, ObjectionAsk][]
  assert.deepEqual([what, ask.kind, ask.orderId, ask.because], ['object', 'rejected', 'ethos-12-0', 'a batch runs'])
  assert.match(ask.who, /^token operator \(/)
  const [audited] = await bench.store.audit.last(1)
  assert.deepEqual([audited.what, audited.about, audited.from], ['move rejected', 'ethos-12-0', ask.who])
})

test('a person is the same by token and by the session that it began: one word, by one name', async () => {
  answers.moves.result = { kind: 'done', text: 'web-1 stays.', stands: STANDS }
  const { changing } = await signIn(bench, operator)
  const bySession = { method: 'POST', path: REJECTION, headers: changing, body: { reason: 'a batch runs' } } as const
  answers.asked.length = 0
  assert.equal((await post(REJECTION, { reason: 'a batch runs' })).status, 200)
  assert.equal((await bench.ask(bySession)).status, 200)
  const [byToken, again] = (answers.asked as [string, ObjectionAsk][]).map(([, { who }]) => who)
  assert.equal(again, byToken)
  // How they came in is told where it matters.
  assert.equal((await bench.store.audit.last(1))[0]?.from, `${byToken} by session`)
})

test('a no that is said again is audited once, or by then where the first time it could not be', async () => {
  const about = 'ethos-13-0'
  const stands = { ...STANDS, id: about, at: bench.now }
  const ask = () => post(`/v1/proposals/${about}/rejection`, { reason: 'a batch runs' })
  const audited = async () => (await bench.store.audit.last(100)).filter((record) => record.about === about).length
  // The first was heard by the controller, and its answer was lost.
  answers.moves.result = undefined
  assert.deepEqual([(await ask()).status, await audited()], [503, 0])
  answers.moves.result = { kind: 'done', text: 'web-1 stays.', stands, isRepeated: true }
  for (let times = 0; times < 3; times++) assert.deepEqual([(await ask()).status, await audited()], [200, 1])
  // Taken back and said anew it is another.
  bench.now += 1
  answers.moves.result = { kind: 'done', text: 'web-1 stays.', stands: { ...stands, at: bench.now } }
  assert.deepEqual([(await ask()).status, await audited()], [200, 2])
})

test('who comes second is told what stands', async () => {
  answers.moves.result = { kind: 'refused', reason: 'ann rejected it.', stands: STANDS }
  const { status, json } = await post(REJECTION, { reason: 'no' })
  assert.deepEqual([status, json['current'], json['error']['message']], [409, STANDS, 'ann rejected it.'])
  answers.moves.result = { kind: 'unknown' }
  assert.equal((await post(REJECTION, { reason: 'no' })).status, 404)
  assert.equal((await bench.ask({ method: 'DELETE', path: REJECTION, token: operator })).status, 404)
})

test('a postponement names an instant within seven days, and a rejection a reason of one line', async () => {
  answers.moves.result = { kind: 'done', text: 'done' }
  assert.equal((await post(POSTPONEMENT, { until: bench.now + HOUR_MS })).status, 200)
  assert.equal((await bench.ask({ method: 'DELETE', path: POSTPONEMENT, token: operator })).status, 200)
  const asked = answers.asked.length
  for (const until of [bench.now, bench.now + 7 * DAY_MS + 1, 1e18, -1, 1.5, 'tomorrow'])
    assert.equal((await post(POSTPONEMENT, { until })).status, 400, String(until))
  for (const reason of ['', 'x'.repeat(201), 'two\nlines', 7])
    assert.equal((await post(REJECTION, { reason })).status, 400)
  assert.equal((await post(REJECTION, {})).status, 400)
  assert.equal(
    (await post(`/v1/proposals/${encodeURIComponent('<img onerror=x>')}/rejection`, { reason: 'x' })).status,
    404,
  )
  assert.equal(answers.asked.length, asked)
})
