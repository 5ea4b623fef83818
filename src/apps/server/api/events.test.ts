/** Streams of events, and the small form of test 57. */
import assert from 'node:assert/strict'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { MINUTE_MS } from '../../../terms/units.ts'
import { ApiBench, type SignedIn, signIn } from './builders.ts'
import { FakeAnswers, FakeStore } from './fakes/builders.ts'

const answers = new FakeAnswers()
const bench = new ApiBench({ store: new FakeStore(), answers })
let token = ''

before(async () => {
  await bench.start({ limits: { streamsPerToken: 8, streamsInAll: 20 } })
  token = await bench.token('viewer')
})
after(() => bench.stop())

interface Reader {
  readonly text: () => string
  readonly response: IncomingMessage
  readonly request: ClientRequest
  readonly isEnded: () => boolean
}

/** Reads all that comes, or nothing at all. */
function listen({
  path = '/v1/events',
  lastId,
  reads = true,
  as = token,
  by,
}: {
  path?: string
  lastId?: string
  reads?: boolean
  as?: string
  /** A browser that is signed in, in place of a token. */
  by?: SignedIn
} = {}): Promise<Reader> {
  const headers = { ...(lastId === undefined ? {} : { 'last-event-id': lastId }), ...by?.headers }
  const { options } = bench.optionsOf({ path, ...(by === undefined ? { token: as } : {}), headers })
  return new Promise((resolve, reject) => {
    const sent = request({ ...options, agent: false, ca: bench.authority.pem }, (response) => {
      let text = ''
      let isEnded = false
      response.on('error', () => undefined)
      response.on('close', () => (isEnded = true))
      if (reads) response.on('data', (part: Buffer) => (text += part.toString()))
      else response.pause()
      resolve({ text: () => text, response, request: sent, isEnded: () => isEnded })
    })
    sent.on('error', reject)
    sent.end()
  })
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(5)
}

async function metric(line: string): Promise<number> {
  const { text } = await bench.ask({ path: '/metrics', token })
  return Number(
    text
      .split('\n')
      .find((one) => one.startsWith(`${line} `))
      ?.split(' ')
      .at(-1) ?? 0,
  )
}

function idsOf(text: string): string[] {
  return [...text.matchAll(/^id: (.+)$/gm)].map(([, id]) => id)
}

test('a reader is told what happens, by the names that it wants', async () => {
  const all = await listen()
  const turns = await listen({ path: '/v1/events?names=turn,alert' })
  assert.equal(all.response.headers['content-type'], 'text/event-stream; charset=utf-8')
  answers.tell('move', '{"a":1,\n"b":2}')
  answers.tell('turn', '{"durationMs":250,"lateMs":20}')
  await until(() => all.text().includes('event: turn') && turns.text().includes('event: turn'))
  assert.match(all.text(), /^id: [0-9a-f]{8}-1\nevent: move\ndata: \{"a":1,\ndata: "b":2\}\n\n/m)
  assert.ok(!turns.text().includes('event: move'))
  assert.equal(await metric('ethos_turn_duration_seconds_sum'), 0.25)
  assert.equal(await metric('ethos_turn_late_seconds_sum'), 0.02)
  for (const reader of [all, turns]) reader.request.destroy()
  assert.equal((await bench.ask({ path: '/v1/events?names=weather', token })).status, 400)
  await until(async () => (await metric('ethos_event_streams')) === 0)
})

test('whoever comes back is told what it missed, or that some of it is gone', async () => {
  const first = await listen()
  answers.tell('host', '{"n":1}')
  await until(() => idsOf(first.text()).length === 1)
  first.request.destroy()
  for (let n = 2; n <= 4; n++) answers.tell('host', `{"n":${n}}`)
  const [lastId] = idsOf(first.text())
  const again = await listen({ lastId })
  await until(() => again.text().includes('{"n":4}'))
  assert.deepEqual(
    [...again.text().matchAll(/"n":(\d)/g)].map(([, n]) => n),
    ['2', '3', '4'],
  )
  assert.ok(!again.text().includes('missed'))
  again.request.destroy()
  // A thousand are kept; of what came before them nobody can tell any more.
  for (let n = 0; n < 1000; n++) answers.tell('host', '{"later":true}')
  for (const old of [lastId, 'ffffffff-1', 'nonsense']) {
    const late = await listen({ lastId: old })
    await until(() => idsOf(late.text()).length === 1000)
    assert.match(late.text(), /^retry: 5000\n\nevent: missed\n/)
    late.request.destroy()
  }
})

test('a reader that stalls is dropped and counted, and the others go on', async () => {
  const stalled = await listen({ reads: false })
  const good = await Promise.all([listen(), listen(), listen()])
  const before = await metric('ethos_event_streams_ended_total{reason="stalled"}')
  const big = JSON.stringify({ text: 'x'.repeat(16_000) })
  // What a stalled reader leaves unread fills buffers of both kernels first, some megabytes; then ours, of one.
  let told = 0
  while ((await metric('ethos_event_streams_ended_total{reason="stalled"}')) === before) {
    for (let i = 0; i < 20; i++) answers.tell('alert', big)
    told += 20
    await until(() => good.every((reader) => idsOf(reader.text()).length === told))
    assert.ok(told < 5000, 'it is never dropped')
  }
  await until(async () => (await metric('ethos_event_streams')) === 3)
  assert.ok(good.every((reader) => !reader.isEnded()))
  assert.equal((await bench.ask({ path: '/v1/status', token })).status, 200)
  stalled.request.destroy()
  for (const reader of good) reader.request.destroy()
  await until(async () => (await metric('ethos_event_streams')) === 0)
})

test('streams of one token are bounded, and end with it', async () => {
  const own = await bench.token('viewer', { name: 'wall' })
  const readers = await Promise.all(Array.from({ length: 8 }, () => listen({ as: own })))
  const ninth = await listen({ as: own })
  assert.equal(ninth.response.statusCode, 429)
  assert.equal(ninth.response.headers['retry-after'], '30')
  await bench.store.apiTokens.revoke(own.slice(6, 22), bench.now)
  await bench.api.events.beat()
  await until(() => readers.every((reader) => reader.isEnded()))
  assert.equal(await metric('ethos_event_streams_ended_total{reason="token"}'), 8)
})

test('a stream of a browser ends with its session, and no other of the same token does', async () => {
  const own = await bench.token('viewer', { name: 'ada' })
  const [out, revoked, idle] = [await signIn(bench, own), await signIn(bench, own), await signIn(bench, token)]
  const readers = [await listen({ by: out }), await listen({ by: revoked }), await listen({ by: idle })]
  // At once where somebody signs out; the others at the next sign of life.
  assert.equal((await bench.ask({ method: 'DELETE', path: '/v1/session', headers: out.changing })).status, 204)
  await until(() => readers[0].isEnded())
  await bench.api.events.beat()
  assert.deepEqual(
    readers.map((reader) => reader.isEnded()),
    [true, false, false],
  )
  await bench.store.apiTokens.revoke(own.slice(6, 22), bench.now)
  await bench.api.events.beat()
  await until(() => readers[1].isEnded())
  assert.equal(readers[2].isEnded(), false)
  bench.now += 30 * MINUTE_MS
  await bench.api.events.beat()
  await until(() => readers[2].isEnded())
  assert.equal(await metric('ethos_event_streams_ended_total{reason="session"}'), 3)
})

test('all streams end with the server', async () => {
  const other = new ApiBench({ store: new FakeStore(), answers: new FakeAnswers() })
  await other.start()
  const { options } = other.optionsOf({ path: '/v1/events', token: await other.token('viewer') })
  const ended = new Promise<void>((resolve, reject) => {
    const sent = request({ ...options, agent: false, ca: other.authority.pem }, (response) => {
      response.resume()
      response.on('end', resolve)
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end()
  })
  await until(() => other.api.events.count === 1)
  await other.stop()
  await ended
})
