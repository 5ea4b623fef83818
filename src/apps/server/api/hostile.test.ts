/** What comes from those who mean harm, or are broken: test 51 as far as it concerns an API, and 56. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ApiBench } from './builders.ts'
import { FakeAnswers, FakeStore } from './fakes/builders.ts'
import { readJsonBody } from './json-body.ts'

const store = new FakeStore()
const answers = new FakeAnswers()
const bench = new ApiBench({ store, answers })
let admin = ''

before(async () => {
  await bench.start()
  admin = await bench.token('admin')
})
after(() => bench.stop())

test('bodies that are none are refused in one shape, and the server goes on', async () => {
  const texts = [
    '',
    '{',
    'null',
    '[]',
    '"text"',
    '<html></html>',
    '{"name":"x","role":"viewer"}}',
    '{"__proto__":{"role":"admin"},"name":"x","role":"viewer"}',
    '{"\\u005f_proto__":{"role":"admin"},"name":"x","role":"viewer"}',
    '{"constructor":{"prototype":{}},"name":"x","role":"viewer"}',
    '{"name":null,"role":"viewer"}',
    '{"name":["x"],"role":"viewer"}',
    '{"name":"x","role":"root"}',
    '{"name":"x","role":"viewer","expiresAt":1e400}',
    '{"name":"x","role":"viewer","expiresAt":-1}',
    '{"name":"x","role":"viewer","expiresAt":1e300}',
    '{"name":"x","role":"viewer","expiresAt":"soon"}',
    '['.repeat(60_000),
    `${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}`,
  ]
  for (const text of texts) {
    const { status, json } = await bench.ask({ method: 'POST', path: '/v1/tokens', token: admin, text })
    assert.equal(status, 400, text.slice(0, 60))
    assert.deepEqual(Object.keys(json['error']), ['code', 'message', 'remedy'], text.slice(0, 60))
    assert.ok(json['error']['message'].length <= 500)
  }
  const huge = await bench.ask({ method: 'POST', path: '/v1/tokens', token: admin, text: `"${'x'.repeat(70_000)}"` })
  assert.deepEqual([huge.status, huge.json['error']['code']], [413, 'too-large'])
  const headers = { 'content-type': 'text/xml' }
  const odd = await bench.ask({ method: 'POST', path: '/v1/tokens', token: admin, text: '<a/>', headers })
  assert.equal(odd.status, 415)
  assert.equal(Reflect.get({}, 'role'), undefined)
  assert.equal((await bench.ask({ path: '/v1/status', token: admin })).status, 200)
})

test('depth is counted in brackets, not in texts, and a name within a text is a text', () => {
  assert.equal(readJsonBody(`{"a":"${'['.repeat(100)}\\"{"}`).kind, 'read')
  assert.equal(readJsonBody(`${'['.repeat(32)}${']'.repeat(32)}`).kind, 'read')
  assert.equal(readJsonBody(`${'['.repeat(33)}${']'.repeat(33)}`).kind, 'refused')
  assert.equal(readJsonBody('{"note":"a __proto__ of ours"}').kind, 'read')
})

test('queries and headers of any kind get an answer', async () => {
  const long = 'x'.repeat(3000)
  const paths = [
    '/v1/vms?limit=1&limit=2',
    '/v1/vms?__proto__=1',
    `/v1/vms?name=${long}`,
    '/v1/vms?cursor=%00',
    '/v1/vms/..%2f..%2fetc',
    '/v1/vms/%E0%A4%A',
    '/v1/plans?before=-1',
    '/v1/plans?before=1e99',
    '/v1/audit?limit=NaN',
  ]
  for (const path of paths) {
    const { status } = await bench.ask({ path, token: admin })
    assert.ok([200, 400, 404].includes(status), `${path}: ${status}`)
  }
  const { status } = await bench.ask({ path: '/v1/vms', headers: { authorization: `Bearer ${long}` } })
  assert.equal(status, 401)
})

test('names of ten kilobytes, from right to left or with tags are text, or refused', async () => {
  const put = (model: string) =>
    bench.ask({ method: 'PUT', path: '/v1/hosts/h/corrections', token: admin, body: { model } })
  assert.equal((await put('ü'.repeat(10_000))).status, 400)
  const model = '\u202E<script>alert(1)</script>'
  assert.equal((await put(model)).status, 200)
  const { json, headers } = await bench.ask({ path: '/v1/hosts/h', token: admin })
  assert.equal(json['corrections']['model'], model)
  assert.equal(headers['content-type'], 'application/json; charset=utf-8')
  assert.equal(headers['x-content-type-options'], 'nosniff')
  assert.equal(headers['content-security-policy'], "default-src 'none'; frame-ancestors 'none'")
})

test('wrong tokens from one address are slowed down, and good ones from there are not', async () => {
  const other = new ApiBench({ store: new FakeStore(), answers })
  await other.start({
    limits: { refused: { each: { everyMs: 1000, burst: 3 }, together: { everyMs: 1, burst: 100 } } },
  })
  const good = await other.token('viewer')
  const wrong = `ethos_${'0'.repeat(16)}_${'A'.repeat(43)}`
  const statuses: number[] = []
  for (let i = 0; i < 5; i++) statuses.push((await other.ask({ path: '/v1/vms', token: wrong })).status)
  assert.deepEqual(statuses, [401, 401, 401, 429, 429])
  assert.equal((await other.ask({ path: '/v1/vms', token: good })).status, 200)
  // Each refusal is on record; those who were told to wait are not.
  assert.equal((await other.store.audit.last(100)).length, 3)
  other.now += 1000
  assert.equal((await other.ask({ path: '/v1/vms', token: wrong })).status, 401)
  await other.stop()
})

test('one token asks no more than its share', async () => {
  const other = new ApiBench({ store: new FakeStore(), answers })
  await other.start({ limits: { perToken: { everyMs: 1000, burst: 2 } } })
  const [one, two] = [await other.token('viewer'), await other.token('viewer')]
  const ask = async (token: string) => (await other.ask({ path: '/v1/policy', token })).status
  assert.deepEqual([await ask(one), await ask(one), await ask(one), await ask(two)], [200, 200, 429, 200])
  await other.stop()
})

test('a store that fails is said without what is its own, and health tells it apart from what is only degraded', async () => {
  const health = async (): Promise<readonly unknown[]> => {
    const { status, json } = await bench.ask({ path: '/healthz' })
    return [status, json['status'], json['reasons']]
  }
  assert.deepEqual(await health(), [200, 'ok', []])
  bench.trouble.add('disk', 'The disk is nearly full.')
  answers.standing = {
    ...answers.standing,
    controller: 'dead',
    degraded: ['The controller is dead.', 'The disk is nearly full.'],
  }
  assert.deepEqual(await health(), [200, 'degraded', ['The disk is nearly full.', 'The controller is dead.']])
  // As many as are said, not as many as say it.
  const metrics = await bench.ask({ path: '/metrics', token: await bench.token('viewer') })
  assert.match(metrics.text, /^ethos_degraded_reasons 2$/m)
  bench.trouble.clear('disk')
  answers.standing = { ...answers.standing, controller: 'running', degraded: [] }
  store.isBroken = true
  const { status, text } = await bench.ask({ path: '/v1/policy', token: admin })
  assert.equal(status, 503)
  assert.ok(!text.includes('/secret/path'))
  // The store is looked at once a second.
  await new Promise((resolve) => setTimeout(resolve, 1000))
  assert.deepEqual(await health(), [503, 'degraded', ['The store can not be read.']])
  store.isBroken = false
})

test('a refused request is one line of the log, with its id and no secret', async () => {
  bench.said.length = 0
  const { headers } = await bench.ask({ path: '/v1/vms?limit=0', token: admin })
  const [line, ...rest] = bench.said.map((text) => JSON.parse(text) as Record<string, unknown>)
  assert.deepEqual(rest, [])
  assert.equal(line['request'], headers['x-request-id'])
  assert.deepEqual(
    [line['route'], line['status'], line['code'], line['msg']],
    ['/v1/vms', 400, 'invalid', 'request refused'],
  )
  assert.ok(!JSON.stringify(line).includes(admin.slice(-43)))
})
