/** Test 55: who may ask what, for every route that the server has. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { mayAct, ROLES, type Role } from '../../../terms/access.ts'
import { DAY_MS } from '../../../terms/units.ts'
import { type AddedRoute, ApiBench, type Asked, collectRoutes } from './builders.ts'
import { FakeStore } from './fakes/builders.ts'

/** Least role of each route; `open` is everybody's. A route that is not here fails the test, and so does a line without a route. */
const ALLOWED: Readonly<Record<string, Role | 'open'>> = {
  'GET /healthz': 'open',
  'GET /openapi.json': 'open',
  'GET /docs': 'open',
  'GET /docs/': 'open',
  'GET /docs/static/theme/ethos.css': 'open',
  'GET /docs/json': 'open',
  'GET /docs/yaml': 'open',
  'GET /docs/static/*': 'open',
  'GET /docs/static/index.html': 'open',
  'GET /docs/static/swagger-initializer.js': 'open',
  'GET /metrics': 'viewer',
  'GET /v1/status': 'viewer',
  'GET /v1/events': 'viewer',
  'GET /v1/vms': 'viewer',
  'GET /v1/vms/:vm': 'viewer',
  'GET /v1/vms/:vm/vectors': 'viewer',
  'GET /v1/vms/:vm/usage': 'viewer',
  'GET /v1/vms/:vm/hosts': 'viewer',
  'GET /v1/vms/:vm/hosts/:host': 'viewer',
  'GET /v1/vms/:vm/why': 'viewer',
  'GET /v1/vms/:vm/forecast': 'viewer',
  'GET /v1/hosts': 'viewer',
  'GET /v1/hosts/:host': 'viewer',
  'GET /v1/hosts/:host/benchmarks': 'viewer',
  'GET /v1/loads': 'viewer',
  'PUT /v1/hosts/:host/measurement': 'operator',
  'PUT /v1/hosts/:host/corrections': 'operator',
  'DELETE /v1/hosts/:host': 'admin',
  'POST /v1/placements': 'viewer',
  'GET /v1/forecasts': 'viewer',
  'GET /v1/contention': 'viewer',
  'GET /v1/plans/latest': 'viewer',
  'GET /v1/plans': 'viewer',
  'GET /v1/moves': 'viewer',
  'GET /v1/outcomes': 'viewer',
  'GET /v1/alerts': 'viewer',
  'GET /v1/policy': 'viewer',
  'PUT /v1/policy': 'operator',
  'GET /v1/policy/history': 'viewer',
  'GET /v1/automation': 'viewer',
  'PUT /v1/automation': 'operator',
  'GET /v1/audit': 'operator',
  'GET /v1/tokens': 'admin',
  'POST /v1/tokens': 'admin',
  'DELETE /v1/tokens/:id': 'admin',
  'GET /v1/enrolments': 'operator',
  'POST /v1/enrolments': 'operator',
  'DELETE /v1/enrolments/:id': 'operator',
  'GET /v1/agents': 'operator',
  'POST /v1/agents/:vm/ban': 'operator',
  'POST /v1/agents/:vm/release': 'operator',
  'GET /v1/store': 'admin',
  'POST /v1/store/check': 'admin',
  'POST /v1/store/backups': 'admin',
}

const store = new FakeStore()
const bench = new ApiBench({ store })
let routes: readonly AddedRoute[] = []
const MANY = { everyMs: 0.001, burst: 1e9 }

before(() =>
  bench.start(
    { limits: { refused: { each: MANY, together: MANY }, perAddress: MANY, perToken: MANY } },
    (app) => void (routes = collectRoutes(app)),
  ),
)
after(() => bench.stop())

/** What each caller shows. `undefined`: nobody knows who it is. */
async function callersOf(): Promise<
  Readonly<Record<string, { readonly shows: Partial<Asked>; readonly role?: Role | 'other' }>>
> {
  const revoked = await bench.token('admin')
  await store.apiTokens.revoke(revoked.slice(6, 22), bench.now)
  const ended = await bench.token('admin', { expiresAt: bench.now + DAY_MS })
  const good = await bench.token('admin')
  bench.now += DAY_MS
  const otherSecret = `${good.slice(0, -4)}${good.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
  const roles = await Promise.all(
    ROLES.map(async (role) => [role, { shows: { token: await bench.token(role) }, role }] as const),
  )
  return {
    nobody: { shows: {} },
    'a made-up token': { shows: { token: `ethos_${'0'.repeat(16)}_${'A'.repeat(43)}` } },
    'no token at all': { shows: { token: 'admin' } },
    'another way to show it': { shows: { headers: { authorization: `Basic ${good}` } } },
    'another secret': { shows: { token: otherSecret } },
    'a revoked token': { shows: { token: revoked } },
    'a token that has ended': { shows: { token: ended } },
    'an agent': { shows: { certificate: await bench.certificate('agent', 'vm-1') }, role: 'other' },
    'an operator by certificate': {
      shows: { certificate: await bench.certificate('operator', 'ada') },
      role: 'operator',
    },
    ...Object.fromEntries(roles),
  }
}

test('every route is asked by everybody, and answers those who may', async () => {
  const callers = await callersOf()
  const unknown = new Set<string>()
  for (const { method, path } of routes) {
    const least = ALLOWED[`${method === 'HEAD' ? 'GET' : method} ${path}`]
    assert.ok(least !== undefined, `${method} ${path} is in no table: who may ask it?`)
    const asked = {
      method,
      path: path.replace('*', 'index.css').replaceAll(/:\w+/g, 'nobody'),
      isHeadOnly: path === '/v1/events',
      ...(method === 'PUT' || method === 'POST' ? { body: { unheardOf: 1 } } : {}),
    }
    for (const [name, { shows, role }] of Object.entries(callers)) {
      const { status, text } = await bench.ask({ ...asked, ...shows })
      const what = `${method} ${path} by ${name}: ${status} ${text}`
      if (least === 'open' || (role !== undefined && role !== 'other' && mayAct(role, least)))
        assert.ok(status !== 401 && status !== 403 && status < 500, what)
      else if (role !== undefined) assert.equal(status, 403, what)
      else {
        assert.equal(status, 401, what)
        if (text !== '') unknown.add(text)
      }
    }
  }
  assert.equal(unknown.size, 1, 'whoever is not known learns nothing of why')
  const there = new Set(routes.map(({ method, path }) => `${method === 'HEAD' ? 'GET' : method} ${path}`))
  for (const line of Object.keys(ALLOWED))
    assert.ok(there.has(line), `${line} is in the table, and there is no such route`)
})

test('a refusal is audited with its reason, and without a secret', async () => {
  const token = await bench.token('viewer', { name: 'dash' })
  const before = store.kept.audit.length
  await bench.ask({ path: '/v1/audit', token })
  await bench.ask({ path: '/v1/vms' })
  const [first, second] = store.kept.audit.slice(before)
  assert.equal(first.reason, `GET /v1/audit: needs operator, and token dash (${token.slice(6, 22)}) is viewer`)
  assert.match(second.reason, /^GET \/v1\/vms: no token, and it showed no certificate$/)
  const secrets = /_[A-Za-z0-9_-]{43}/
  assert.doesNotMatch(JSON.stringify(store.kept.audit), secrets)
  assert.doesNotMatch(bench.said.join(''), secrets)
})

test('what does not exist and what is no name are told apart by nobody', async () => {
  const token = await bench.token('admin')
  const texts = new Set<string>()
  for (const path of [
    '/v1/vms/none',
    '/v1/vms/%20',
    `/v1/vms/${'x'.repeat(90)}`,
    '/v1/vms/none/usage',
    '/v1/vms/nobody/hosts',
    '/v1/hosts/none',
  ]) {
    const { status, text } = await bench.ask({ path, token })
    assert.equal(status, 404, path)
    texts.add(text)
  }
  assert.equal(texts.size, 1)
})

test('fields that nobody asked for are refused, a role first of all', async () => {
  const token = await bench.token('admin')
  const bodies: readonly (readonly [string, string, object])[] = [
    ['POST', '/v1/tokens', { name: 'x', role: 'viewer', id: '0'.repeat(16) }],
    ['POST', '/v1/enrolments', { vm: 'vm-1', role: 'admin' }],
    ['PUT', '/v1/policy', { replaces: 0, policy: {}, automation_level: 'shadow' }],
    ['PUT', '/v1/policy', { replaces: 0, policy: { automationLevel: 'shadow' } }],
    ['PUT', '/v1/automation', { level: 'off', role: 'admin' }],
    ['PUT', '/v1/hosts/host-1/corrections', { cores: 4, id: 'host-2' }],
    ['POST', '/v1/placements', { vms: [{ vcpus: 1, memoryBytes: 1, host: 'x' }] }],
  ]
  for (const [method, path, body] of bodies) {
    const { status, json } = await bench.ask({ method, path, token, body })
    assert.equal(status, 400, path)
    assert.match(json['error']['message'], /additional properties/)
  }
  assert.equal((await bench.ask({ path: '/v1/vms?role=admin', token })).status, 400)
})
