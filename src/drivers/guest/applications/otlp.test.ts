import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { checkProperty } from '../../../../tools/property.ts'
import { freePort } from '../../../../tools/real-servers.ts'
import { nodeMachine } from '../node-machine.ts'
import { type Counts, ratesBetween } from './application.ts'
import { OtlpReceiver } from './otlp.ts'
import { visitJson } from './otlp-json.ts'
import { type MetricPoint, OtlpError, textOf } from './otlp-point.ts'
import { visitProtobuf } from './otlp-protobuf.ts'
import { OtlpStore, SERIES_MAX, SERVICES_MAX } from './otlp-store.ts'
import { JSON_TEXT, nano, pair, PROTOBUF, START } from './otlp-samples.ts'
import { parseSelectors } from './selector.ts'

const listed = (read: (visit: (point: MetricPoint) => void) => void) => {
  const points: unknown[] = []
  read((point) => void points.push({ ...point, attributes: Object.fromEntries(point.attributes) }))
  return points
}

test('both forms tell the same points', () => {
  const owner = { service: 'shop', resource: '[["service.instance.id","shop-1"],["service.name","shop"]]' }
  const none = { attributes: {}, startMs: 0, timeMs: 0, count: 0, unit: '', isDelta: false }
  const expected = [
    {
      ...owner,
      metric: 'http.server.request.duration',
      unit: 's',
      kind: 'distribution',
      isDelta: false,
      attributes: { 'http.request.method': 'GET' },
      startMs: START,
      timeMs: START + 60_000,
      value: 2.5,
      count: 50,
    },
    { ...none, ...owner, metric: 'jobs', kind: 'total', isDelta: true, timeMs: START, value: -3 },
    // The second point of `load` says that it has no value, and is none.
    { ...none, ...owner, metric: 'load', kind: 'level', attributes: { cpu: '0' }, value: 0.75 },
    {
      ...none,
      ...owner,
      metric: 'rpc',
      kind: 'distribution',
      isDelta: true,
      attributes: { a: 'b' },
      value: 1.5,
      count: 7,
    },
    { ...none, ...owner, metric: 'old', kind: 'distribution', attributes: { c: 'd' }, value: 4, count: 9 },
  ]
  assert.deepEqual(
    listed((visit) => visitProtobuf(PROTOBUF, visit)),
    expected,
  )
  assert.deepEqual(
    listed((visit) => visitJson(JSON_TEXT, visit)),
    expected,
  )
})

test('the bytes of a message, written out', () => {
  // 0a 0b: resource_metrics (field 1, 11 bytes); 12 09: scope_metrics (2, 9 bytes); 12 07: metrics (2, 7 bytes);
  // 0a 01 78: name (1) "x"; 2a 02: gauge (5, 2 bytes); 0a 00: data_points (1), empty.
  const bytes = Uint8Array.of(0x0a, 0x0b, 0x12, 0x09, 0x12, 0x07, 0x0a, 0x01, 0x78, 0x2a, 0x02, 0x0a, 0x00)
  const [point] = listed((visit) => visitProtobuf(bytes, visit)) as readonly MetricPoint[]
  assert.equal(point?.metric, 'x')
  assert.equal(point?.value, Number.NaN)
})

test('rubbish is refused as such, however it is cut or bent', () => {
  for (let length = 0; length < PROTOBUF.length; length++) take(PROTOBUF.subarray(0, length))
  checkProperty(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => take(bytes)),
    { runs: 1000 },
  )
  checkProperty(
    fc.property(fc.nat(PROTOBUF.length - 1), fc.nat(255), (place, byte) => {
      const bent = Uint8Array.from(PROTOBUF)
      bent[place] = byte
      take(bent)
    }),
    { runs: 2000 },
  )
  checkProperty(
    fc.property(fc.json(), (json) => {
      take(
        Buffer.from(
          `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":${json}},{"gauge":{"dataPoints":[${json}]}}]}]}]}`,
        ),
      )
    }),
    { runs: 1000 },
  )
})

const aPoint = (rest: Partial<MetricPoint> = {}): MetricPoint => ({
  service: 'shop',
  resource: '',
  metric: 'http.server.request.duration',
  unit: 's',
  kind: 'distribution',
  isDelta: false,
  attributes: new Map([['http.request.method', 'GET']]),
  startMs: START,
  timeMs: START + 1000,
  value: 1,
  count: 10,
  ...rest,
})
const aStore = (mapping = {}, sinceMs = START + 500) => new OtlpStore(mapping, { sinceMs, digest: (name) => name })
const shop = (store: OtlpStore): Counts => store.countsOf('shop') ?? {}

test('cumulative totals: what was before is no news, what began since is, a restart begins anew, a repeat adds nothing', () => {
  const store = aStore()
  store.take(aPoint(), 0)
  assert.equal(shop(store).requests, 0) // 10, but begun before we listened
  store.take(aPoint({ timeMs: START + 2000, value: 3, count: 14 }), 1)
  assert.equal(shop(store).requests, 4) // 14 - 10
  assert.equal(shop(store).timedMs, 2000) // (3 s - 1 s)
  store.take(aPoint({ timeMs: START + 2000, value: 3, count: 14 }), 2)
  store.take(aPoint({ timeMs: START + 1500, value: 2, count: 12 }), 3)
  assert.equal(shop(store).requests, 4) // sent again, and overtaken: nothing
  store.take(aPoint({ startMs: START + 3000, timeMs: START + 4000, value: 0.5, count: 5 }), 4)
  assert.equal(shop(store).requests, 9) // 4 + 5 of the new run
  const post = new Map([['http.request.method', 'POST']])
  store.take(aPoint({ attributes: post, startMs: START + 600, value: 0.25, count: 1 }), 5)
  assert.deepEqual(shop(store), { atMs: 5, requests: 10, timedMs: 2750, timedRequests: 10, reads: 9, classified: 10 })
})

test('deltas add up, each once', () => {
  const store = aStore()
  store.take(aPoint({ isDelta: true }), 0)
  store.take(aPoint({ isDelta: true, timeMs: START + 2000, count: 5, value: 0.5 }), 1)
  store.take(aPoint({ isDelta: true, timeMs: START + 2000, count: 5, value: 0.5 }), 2)
  assert.equal(shop(store).requests, 15) // 10 + 5, and the repeat not
  assert.equal(shop(store).timedMs, 1500)
})

test('what a service asks of databases counts only where it serves nothing', () => {
  const store = aStore()
  const select = new Map([['db.operation.name', 'SELECT']])
  const asked = { metric: 'db.client.operation.duration', attributes: select, isDelta: true, count: 100 }
  store.take(aPoint({ ...asked, service: 'batch' }), 0)
  store.take(aPoint(asked), 0)
  store.take(aPoint({ isDelta: true }), 0)
  assert.equal(store.countsOf('batch')?.requests, 100)
  assert.equal(shop(store).requests, 10)
})

test('units: seconds, milliseconds, or what the settings say where there is none', () => {
  for (const [unit, timedMs] of [
    ['s', 1000],
    ['ms', 1],
    ['', 1000],
  ] as const) {
    const store = aStore()
    store.take(aPoint({ unit, isDelta: true }), 0)
    assert.equal(shop(store).timedMs, timedMs, unit)
  }
})

test('a mapping: totals by attributes, levels summed over series', () => {
  const store = aStore({
    requests: select('jobs.done'),
    reads: select('jobs.done{kind="look"}'),
    cacheHitShare: select('hit.ratio'),
  })
  const job = { metric: 'jobs.done', kind: 'total', isDelta: true, count: 0, unit: '1' } as const
  store.take(aPoint({ ...job, value: 30, attributes: new Map([['kind', 'look']]) }), 0)
  store.take(aPoint({ ...job, value: 10, attributes: new Map([['kind', 'make']]) }), 0)
  store.take(aPoint({ metric: 'hit.ratio', kind: 'level', value: 0.9, count: 0, attributes: new Map() }), 0)
  store.take(
    aPoint({ metric: 'hit.ratio', kind: 'level', value: 0.8, timeMs: START + 2000, count: 0, attributes: new Map() }),
    1,
  )
  // By the usual names nothing is taken any more.
  store.take(aPoint({ isDelta: true }), 2)
  assert.deepEqual(shop(store), { atMs: 1, requests: 40, reads: 30, classified: 40, levels: { cacheHitShare: 0.8 } })
})

const level = (instance: string, value: number): MetricPoint =>
  aPoint({ metric: 'hits', kind: 'level', value, attributes: new Map([['instance', instance]]) })

test('the level of an instance that fell silent is not added for ever', () => {
  const store = aStore({ cacheHitShare: select('hits') })
  store.take(level('one', 0.25), 0)
  store.take(level('two', 0.5), 300_000)
  assert.equal(store.countsOf('shop')?.levels?.cacheHitShare, 0.75)
  store.take(level('two', 0.5), 300_001)
  assert.equal(store.countsOf('shop')?.levels?.cacheHitShare, 0.5)
})

test('the number of series and of services is bounded; silent ones make room', () => {
  const store = aStore()
  const series = (i: number) => aPoint({ attributes: new Map([['i', `${i}`]]) })
  for (let i = 0; i < SERIES_MAX; i++) assert.ok(store.take(series(i), 0))
  assert.equal(store.take(series(SERIES_MAX), 599_999), false)
  assert.equal(store.take(series(SERIES_MAX), 600_000), true)
  for (let i = 1; i < SERVICES_MAX; i++) assert.ok(store.take(aPoint({ service: `s${i}` }), 0))
  assert.equal(store.take(aPoint({ service: 'one too many' }), 0), false)
  // Names made anew by each start of a program fill no room for good.
  assert.equal(store.take(aPoint({ service: 'one too many' }), 1_200_000), true)
  assert.ok(store.services.length < SERVICES_MAX)
})

test('numbers that are none are taken, and change nothing', () => {
  const store = aStore()
  for (const value of [Number.NaN, Infinity, -1, 2 ** 53]) assert.ok(store.take(aPoint({ isDelta: true, value }), 0))
  assert.ok(store.take(aPoint({ isDelta: true, count: -5 }), 0))
  assert.equal(store.countsOf('shop'), undefined)
  assert.equal(
    textOf(
      new Map([
        ['b', '2'],
        ['a', '1'],
      ]),
    ),
    '[["a","1"],["b","2"]]',
  )
})

const receivers: OtlpReceiver[] = []
after(async () => {
  for (const receiver of receivers) await receiver.close()
})

test('over HTTP: both forms are taken, all else is refused with what would help', async () => {
  const port = await freePort()
  const receiver = new OtlpReceiver({ ...nodeMachine(), now: () => START - 1 }, { port, mapping: {} })
  receivers.push(receiver)
  assert.equal((await receiver.finding()).state, 'partly')
  const post = async (body: Uint8Array | string, headers: Record<string, string>, path = '/v1/metrics') => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: Buffer.from(body), headers })
    return [answer.status, Buffer.from(await answer.arrayBuffer()).toString('latin1')]
  }
  const protobuf = { 'content-type': 'application/x-protobuf' }
  const json = { 'content-type': 'application/json; charset=utf-8' }
  assert.deepEqual(await post(PROTOBUF, protobuf), [200, ''])
  // The same series a second time, with a later state of it: 80 requests, 30 more than 50.
  assert.deepEqual(
    await post(JSON_TEXT.replace('"50"', '"80"').replace(`${nano(START + 60_000)}`, `${nano(START + 70_000)}`), json),
    [200, '{}'],
  )
  const [collector] = receiver.applications()
  assert.equal(collector?.title, 'OTLP shop')
  // 50 since the process began, which was after us, and 30 more.
  assert.equal((await collector?.collect())?.requests, 80)
  assert.equal((await receiver.finding()).state, 'seen')

  // Collectors pack what they send by default. A small body may hold a large one: the bound is for what comes out.
  const gzip = { ...protobuf, 'content-encoding': 'gzip' }
  assert.equal((await post(gzipSync(PROTOBUF), gzip))[0], 200)
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))
  assert.ok(bomb.length < 70_000)
  assert.equal((await post(bomb, gzip))[0], 413)
  assert.equal((await post(PROTOBUF, gzip))[0], 400)
  assert.equal((await post(PROTOBUF, { ...protobuf, 'content-encoding': 'br' }))[0], 415)
  assert.equal((await post('x', { 'content-type': 'text/plain' }))[0], 415)
  assert.deepEqual(await post('no json', json), [400, '{"code":3,"message":"this is no JSON"}'])
  assert.equal((await post(Uint8Array.of(0x0f), protobuf))[0], 400)
  assert.equal((await post(PROTOBUF, protobuf, '/v1/traces'))[0], 404)
  assert.equal((await fetch(`http://127.0.0.1:${port}/v1/metrics`)).status, 405)
  const tooLong = await post(Buffer.alloc(1024 * 1024 + 1), protobuf).catch(() => ['cut'])
  assert.ok(tooLong[0] === 413 || tooLong[0] === 'cut')

  const second = new OtlpReceiver(nodeMachine(), { port, mapping: {} })
  receivers.push(second)
  assert.equal((await second.finding()).state, 'absent')
})

test('who sends more series than there is room for is told how many were rejected', async () => {
  const port = await freePort()
  const receiver = new OtlpReceiver(nodeMachine(), { port, mapping: {} })
  receivers.push(receiver)
  await receiver.finding()
  const dataPoints = Array.from({ length: SERIES_MAX + 7 }, (_, i) => ({
    attributes: [pair('i', `${i}`)],
    count: 1,
    sum: 1,
  }))
  const metrics = [{ name: 'http.server.request.duration', histogram: { aggregationTemporality: 1, dataPoints } }]
  const answer = await fetch(`http://127.0.0.1:${port}/v1/metrics`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }),
  })
  assert.deepEqual(await answer.json(), {
    partialSuccess: { rejectedDataPoints: '7', errorMessage: 'too many series: the agent has no room for them' },
  })
})

test('who sends more than there is CPU time for is told to come again, and may once time has passed', async () => {
  const port = await freePort()
  let nowMs = 0
  const receiver = new OtlpReceiver({ ...nodeMachine(), monotonicMs: () => nowMs }, { port, mapping: {} })
  receivers.push(receiver)
  await receiver.finding()
  // A mebibyte less one byte, that is a report of nothing: an empty object behind blanks.
  const body = '{}'.padStart(1024 * 1024 - 1)
  const send = async (): Promise<number> => {
    const options = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
    return (await fetch(`http://127.0.0.1:${port}/v1/metrics`, options)).status
  }
  const answers: number[] = []
  for (let i = 0; i < 6; i++) answers.push(await send())
  assert.deepEqual(answers, [200, 200, 200, 200, 429, 429])
  // 64 KiB a second: a mebibyte after sixteen.
  nowMs = 16_000
  assert.deepEqual([await send(), await send()], [200, 429])
})

test('rates of a service are over the time between its own reports', () => {
  // 60 s between two reports; asked every 15 s, of which three find nothing new.
  assert.equal(ratesBetween({ atMs: 0, requests: 0 }, { atMs: 60_000, requests: 600 }, 60_000).requestsPerSec, 10)
})

/** Reads in both forms what may be neither; whatever is thrown is of one kind. */
function take(bytes: Uint8Array): void {
  try {
    visitProtobuf(bytes, () => undefined)
  } catch (error) {
    assert.ok(error instanceof OtlpError, String(error))
  }
  try {
    visitJson(Buffer.from(bytes).toString('latin1'), () => undefined)
  } catch (error) {
    assert.ok(error instanceof OtlpError, String(error))
  }
}

function select(selectors: string): ReturnType<typeof parseSelectors> {
  return parseSelectors(selectors, 'here')
}
