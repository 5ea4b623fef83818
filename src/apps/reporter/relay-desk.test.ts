import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseVmId } from '../../terms/ids.ts'
import { aLine } from '../server/builders.ts'
import type { Hearing } from '../server/desk.ts'
import type { IngestAnswer } from '../server/ingest.ts'
import { RELAY_LINES_MAX } from '../server/relay.ts'
import { RelayDesk, type Send } from './relay-desk.ts'
import { ReporterError } from './reporter-error.ts'
import type { Answer, Asked } from './request.ts'

const WEB = parseVmId('web-1')
const TAKEN: Answer = { status: 200, text: '', json: { accepted: 1, refused: [], later: [] } }

/** A desk before an imagined server, and what came there. */
function aDesk(answer: (asked: Asked) => Promise<Answer> = () => Promise.resolve(TAKEN)) {
  const asked: string[] = []
  const said: string[] = []
  const send: Send = (one) => {
    asked.push(Buffer.from(one.body ?? '').toString('latin1'))
    return answer(one)
  }
  return { desk: new RelayDesk(send, { now: () => 0 }, (text) => void said.push(text)), asked, said }
}

function kindsOf(answer: IngestAnswer | Hearing): readonly string[] {
  return 'kind' in answer ? [answer.kind] : answer.outcomes.map(({ kind }) => kind)
}

test('a guest that speaks for another VM is refused on its own host: the server would believe the host', async () => {
  const { desk, asked } = aDesk()
  const answer = await desk.take(WEB, [aLine('web-1', 0), aLine('db-1', 0), '{"seq":1}', aLine('web-1', 1)])
  assert.deepEqual(kindsOf(answer), ['accepted', 'refused', 'refused', 'accepted'])
  assert.equal(asked.length, 1)
  assert.ok(!asked[0].includes('db-1'))
  assert.deepEqual(kindsOf(await desk.take(WEB, [aLine('db-1', 0)])), ['refused'])
  assert.equal(asked.length, 1, 'where nothing is left, nothing is sent')
})

test('what a guest says goes on byte by byte: no letter becomes two', async () => {
  const { desk, asked } = aDesk()
  const line = `{"vm":"web-1","sender":"${'\u00ff'.repeat(200)}","seq":1}`
  await desk.take(WEB, [line])
  assert.equal(asked[0], line)
})

test('lines wait up to a bound while the server is slow; whoever comes then comes again', async () => {
  const settles: ((answer: Answer) => void)[] = []
  const { desk, said } = aDesk(() => new Promise((resolve) => void settles.push(resolve)))
  const lines = Array.from({ length: 100 }, (_, i) => aLine('web-1', i))
  const takes = Array.from({ length: 300 }, () => desk.take(WEB, lines))
  const last = await takes[299]
  assert.deepEqual(kindsOf(last), ['later'])
  assert.equal(said.length > 0, true)
  await new Promise((resolve) => setTimeout(resolve, 300))
  settles[0]({ status: 503, text: '', json: undefined, retryAfterMs: 5000 })
  const first = await takes[0]
  assert.deepEqual(first, { kind: 'later', waitMs: 5000 })
  desk.close()
  assert.ok((await Promise.all(takes)).every((answer) => 'kind' in answer && answer.kind === 'later'))
})

test('when the server can not be reached nobody waits for the same in vain', async () => {
  let requests = 0
  const { desk } = aDesk(() => {
    requests++
    return Promise.reject(new ReporterError('unreachable', 'it is away'))
  })
  const lines = Array.from({ length: RELAY_LINES_MAX }, (_, i) => aLine('web-1', i))
  const answers = await Promise.all([1, 2, 3, 4].map(() => desk.take(WEB, lines)))
  assert.deepEqual(answers.flatMap(kindsOf), ['later', 'later', 'later', 'later'])
  assert.equal(requests, 1)
})

test('an error that nobody thought of is said, and the next lines are sent', async () => {
  let isBroken = true
  const { desk, said } = aDesk(() => (isBroken ? Promise.reject(new Error('no such thing')) : Promise.resolve(TAKEN)))
  assert.deepEqual(kindsOf(await desk.take(WEB, [aLine('web-1', 0)])), ['later'])
  assert.match(said.join(), /no such thing/)
  isBroken = false
  assert.deepEqual(kindsOf(await desk.take(WEB, [aLine('web-1', 0)])), ['accepted'])
})

test('an answer that is none sends the guest away, and does no more', async () => {
  for (const json of [undefined, null, [], 'yes', { refused: 'all' }, { refused: [{ line: 'x' }] }, { later: [7] }]) {
    const { desk } = aDesk(() => Promise.resolve({ status: 200, text: '', json }))
    const [kind] = kindsOf(await desk.take(WEB, [aLine('web-1', 0)]))
    assert.equal(kind, 'later', JSON.stringify(json))
  }
})

test('a closed desk answers at once and leaves no timer', async () => {
  const { desk, asked } = aDesk()
  const before = desk.take(WEB, [aLine('web-1', 0)])
  desk.close()
  assert.deepEqual(kindsOf(await before), ['later'])
  assert.deepEqual(kindsOf(await desk.take(WEB, [aLine('web-1', 0)])), ['later'])
  assert.equal(asked.length, 0)
})
