/** Test 55: who may ask what, for every route that the server has. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { mayAct, ROLES, type Role } from '../../../terms/access.ts'
import { DAY_MS, HOUR_MS, SECOND_MS } from '../../../terms/units.ts'
import { Bench } from '../builders.ts'
import type { BearerRole } from '../certificates.ts'
import { makeLog } from '../log.ts'
import {
  aCertificate,
  type AddedRoute,
  ApiClient,
  type Asked,
  aToken,
  collectRoutes,
  plainApi,
  signIn,
} from './builders.ts'
import type { Api } from './api.ts'
import { PAGE_PATHS } from './page-routes.ts'
import { SESSION_LIMITS } from './sessions.ts'

/** Least role of each route; `open` is everybody's. A route that is not here fails the test, and so does a line without a route. */
const ALLOWED: Readonly<Record<string, Role | 'open'>> = {
  'GET /v1/ca': 'open',
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
  ...Object.fromEntries(PAGE_PATHS.map((path) => [`GET ${path}`, 'open'] as const)),
  'GET /assets/*': 'open',
  'POST /v1/csp-reports': 'open',
  'POST /v1/session': 'open',
  'GET /v1/session': 'open',
  'DELETE /v1/session': 'viewer',
  'POST /v1/session/confirmation': 'viewer',
  'GET /metrics': 'viewer',
  'GET /v1/status': 'viewer',
  'GET /v1/events': 'viewer',
  'GET /v1/vms': 'viewer',
  'GET /v1/vms/:vm': 'viewer',
  'GET /v1/vms/:vm/vectors': 'viewer',
  'GET /v1/vms/:vm/usage': 'viewer',
  'GET /v1/vms/:vm/character': 'viewer',
  'GET /v1/vms/:vm/hosts': 'viewer',
  'GET /v1/vms/:vm/hosts/:host': 'viewer',
  'GET /v1/vms/:vm/why': 'viewer',
  'GET /v1/vms/:vm/forecast': 'viewer',
  'GET /v1/hosts': 'viewer',
  'GET /v1/hosts/:host': 'viewer',
  'GET /v1/hosts/:host/benchmarks': 'viewer',
  'GET /v1/loads': 'viewer',
  'GET /v1/loads/history': 'viewer',
  'GET /v1/outlook': 'viewer',
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
  'POST /v1/policy/check': 'viewer',
  'POST /v1/policy/preview': 'operator',
  'GET /v1/policy/previews/:id': 'operator',
  'GET /v1/automation': 'viewer',
  'PUT /v1/automation': 'operator',
  'GET /v1/migrations': 'viewer',
  'GET /v1/migrations/:id': 'viewer',
  'POST /v1/proposals/:id/approval': 'operator',
  'POST /v1/proposals/:id/rejection': 'operator',
  'DELETE /v1/proposals/:id/rejection': 'operator',
  'POST /v1/proposals/:id/postponement': 'operator',
  'DELETE /v1/proposals/:id/postponement': 'operator',
  'DELETE /v1/vms/:vm/migration': 'operator',
  'PUT /v1/hosts/:host/vouch': 'admin',
  'GET /v1/ledger': 'viewer',
  'GET /v1/ledger/moves': 'viewer',
  'GET /v1/ledger/stays': 'viewer',
  'GET /v1/backtests': 'viewer',
  'GET /v1/backtests/sources': 'viewer',
  'GET /v1/backtests/:id': 'viewer',
  'GET /v1/backtests/:id/loads': 'viewer',
  'POST /v1/backtests': 'operator',
  'DELETE /v1/backtests/:id': 'operator',
  'GET /v1/accepted-warnings': 'viewer',
  'PUT /v1/accepted-warnings': 'admin',
  'GET /v1/opt-outs': 'viewer',
  'PUT /v1/vms/:vm/opt-out': 'operator',
  'DELETE /v1/vms/:vm/opt-out': 'operator',
  'GET /v1/maintenance': 'viewer',
  'PUT /v1/hosts/:host/maintenance': 'operator',
  'DELETE /v1/hosts/:host/maintenance': 'operator',
  'POST /v1/hosts/:host/maintenance/preview': 'viewer',
  'GET /v1/move-times': 'viewer',
  'PUT /v1/move-times': 'operator',
  'GET /v1/libvirt': 'admin',
  'PUT /v1/libvirt': 'admin',
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

/** To join takes a join token in the body, and to renew a proof of the new key: without them whoever may is refused as nobody is. */
const JOIN = 'POST /v1/join'
const RENEW = 'POST /v1/renew'

/** Agents and hosts come by certificate, with what they have to tell; nobody else is let in, whatever token it shows. */
const BY_CERTIFICATE: Readonly<Record<string, readonly BearerRole[]>> = {
  [RENEW]: ['agent', 'host'],
  'POST /v1/vectors': ['agent', 'host'],
  'GET /v1/phases': ['agent', 'host'],
  'POST /v1/hosts/:id/reports': ['host'],
}
const bench = new Bench({ daysAgo: 2 })
const MANY = { everyMs: 0.001, burst: 1e9 }
let routes: readonly AddedRoute[] = []
let client: ApiClient
let api: Api

before(async () => {
  // Everybody asks for everything while the clock goes on by a second each time: nobody's session ends by that.
  const sessions = { ...SESSION_LIMITS, idleMs: 12 * HOUR_MS }
  const limits = { refused: { each: MANY, together: MANY }, perAddress: MANY, perToken: MANY, sessions }
  await bench.start({
    log: makeLog('json', (text) => void bench.said.push(text)),
    extend: (app, parts) => {
      routes = collectRoutes(app)
      api = plainApi(app, parts, { limits })
    },
  })
  client = new ApiClient({ port: bench.server.port, ca: bench.server.authority.pem })
})
after(async () => {
  client.close()
  await bench.remove()
})

function token(role: Role, rest: { readonly name?: string; readonly expiresAt?: number } = {}): Promise<string> {
  return aToken(bench.server.store, { role, at: bench.now, ...rest })
}

/** One who asks: what it shows, and what it is by that. Nobody knows who it is, where it is nothing. */
interface Asker {
  readonly shows: Partial<Asked>
  readonly role?: Role
  readonly bearer?: BearerRole
  /** Who is known by a session, and what of this one's is not taken for the page's own doing. */
  readonly isForeign?: 'always' | 'where something is changed'
}

async function everybody(): Promise<Readonly<Record<string, Asker>>> {
  const { store, authority } = bench.server
  const revoked = await token('admin')
  await store.apiTokens.revoke(revoked.slice(6, 22), bench.now)
  const ended = await token('admin', { expiresAt: bench.now + HOUR_MS })
  const good = await token('admin')
  const agent = await bench.member('vm-1')
  const host = await bench.host('host-1')
  bench.now += HOUR_MS
  const ada = await aCertificate(authority, { role: 'operator', name: 'ada' }, bench.now)
  const late = await aCertificate(authority, { role: 'operator', name: 'bob' }, bench.now - 2 * DAY_MS)
  const otherSecret = `${good.slice(0, -4)}${good.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
  const roles = ROLES.map(async (role) => [role, { shows: { token: await token(role) }, role }] as const)
  return {
    nobody: { shows: {} },
    'a made-up token': { shows: { token: `ethos_${'0'.repeat(16)}_${'A'.repeat(43)}` } },
    'no token at all': { shows: { token: 'admin' } },
    'another way to show it': { shows: { headers: { authorization: `Basic ${good}` } } },
    'another secret': { shows: { token: otherSecret } },
    'a revoked token': { shows: { token: revoked } },
    'a token that has ended': { shows: { token: ended } },
    'a certificate that has ended': { shows: { certificate: late } },
    'an agent': { shows: { certificate: agent }, bearer: 'agent' },
    'a host': { shows: { certificate: host }, bearer: 'host' },
    'an operator by certificate': { shows: { certificate: ada }, role: 'operator', bearer: 'operator' },
    "an operator's browser on the page of another site": {
      shows: { certificate: ada, headers: { 'sec-fetch-site': 'cross-site' } },
      bearer: 'operator',
    },
    "an operator's browser of old on the page of another site": {
      shows: { certificate: ada, headers: { origin: 'https://evil.example' } },
      bearer: 'operator',
    },
    ...Object.fromEntries(await Promise.all(roles)),
  }
}

/** What a browser sends beside its cookie, and whether that is taken for the doing of our own page. */
type Manners = Readonly<
  Record<string, { readonly beside: object; readonly isForeign?: NonNullable<Asker['isForeign']> }>
>
const OURS = { 'sec-fetch-site': 'same-origin' }
const CHANGED = 'where something is changed'

const OF_EACH_ROLE: Manners = {
  '': { beside: OURS },
  ', without its CSRF token': { beside: { ...OURS, 'x-ethos-csrf': '' }, isForeign: CHANGED },
  ' on the page of another site': { beside: { 'sec-fetch-site': 'cross-site' }, isForeign: 'always' },
}
/** A role that may do all is refused for nothing else. */
const OF_ADMINS: Manners = {
  ', with another CSRF token': { beside: { ...OURS, 'x-ethos-csrf': 'A'.repeat(43) }, isForeign: CHANGED },
  ' that does not say who asks': { beside: {}, isForeign: CHANGED },
  ' whose address was typed': { beside: { 'sec-fetch-site': 'none' }, isForeign: CHANGED },
  ' on the page of another port': { beside: { 'sec-fetch-site': 'same-site' }, isForeign: 'always' },
  ' of old on the page of another site': { beside: { origin: 'https://evil.example' }, isForeign: 'always' },
  ' of old on a page that hides': { beside: { origin: 'null' }, isForeign: 'always' },
}

/** Somebody who sits before a browser, or makes it ask what nobody before it wants. */
async function browsers(): Promise<Readonly<Record<string, Asker>>> {
  const ofOld = { ' of old': { beside: { origin: `https://127.0.0.1:${bench.server.port}` } } }
  const all: Record<string, Asker> = {}
  for (const role of ROLES) {
    const manners: Manners = { ...OF_EACH_ROLE, ...(role === 'admin' ? { ...OF_ADMINS, ...ofOld } : {}) }
    for (const [manner, { beside, ...rest }] of Object.entries(manners)) {
      const { changing } = await signIn(client, await token(role))
      const { 'sec-fetch-site': _, ...headers } = { 'sec-fetch-site': '', ...changing }
      all[`a browser of ${role}${manner}`] = { shows: { headers: { ...headers, ...beside } }, role, ...rest }
    }
  }
  return { ...all, ...(await overSessions()) }
}

/** Those whose session is over, which nobody knows any more. */
async function overSessions(): Promise<Readonly<Record<string, Asker>>> {
  const used = api.makeOneTimeToken('admin')
  await signIn(client, used)
  const [revokedToken, signedOut] = await Promise.all([token('admin'), token('admin')])
  const revoked = await signIn(client, revokedToken)
  await bench.server.store.apiTokens.revoke(revokedToken.slice(6, 22), bench.now)
  const out = await signIn(client, signedOut)
  await client.ask({ method: 'DELETE', path: '/v1/session', headers: out.changing })
  const ended = await signIn(client, await token('admin', { expiresAt: bench.now + SECOND_MS }))
  const good = await signIn(client, await token('admin'))
  return {
    'a browser whose token was revoked': { shows: { headers: revoked.changing } },
    'a browser that was signed out': { shows: { headers: out.changing } },
    'a browser whose token has ended': { shows: { headers: ended.changing } },
    'a browser with a made-up cookie': {
      shows: { headers: { ...good.changing, cookie: `__Host-ethos=${'A'.repeat(43)}` } },
    },
    'a browser with the cookie of plain HTTP': {
      shows: { headers: { ...good.changing, cookie: (good.headers['cookie'] ?? '').replace('__Host-', '') } },
    },
    'a browser with a wrong token beside its cookie': { shows: { headers: good.changing, token: 'admin' } },
    'a one-time token as one of the API': { shows: { token: used } },
  }
}

/** What the tables say of one who asks for a route: 401, 403, or `in`. */
function expected(route: string, { role, bearer, isForeign }: Asker): 401 | 403 | 'in' | undefined {
  if (route === JOIN) return 401
  const bearers = BY_CERTIFICATE[route]
  if (bearers !== undefined) {
    if (bearer === undefined) return 401
    if (!bearers.includes(bearer)) return 403
    return route === RENEW ? 401 : 'in'
  }
  const least = ALLOWED[route]
  if (least === undefined) return undefined
  if (least === 'open') return 'in'
  if (isForeign === 'always' || (isForeign !== undefined && !route.startsWith('GET '))) return 403
  if (role !== undefined) return mayAct(role, least) ? 'in' : 403
  return bearer === undefined ? 401 : 403
}

test('every route is asked by everybody, and answers those who may', async () => {
  const strangers = await everybody()
  let atBrowsers = await browsers()
  const refusals = new Set<string>()
  for (const { method, path } of routes) {
    const route = `${method === 'HEAD' ? 'GET' : method} ${path}`
    const own = route in ALLOWED
    const name = path.startsWith('/v1/hosts') ? 'host-1' : 'vm-1'
    const asked = {
      method,
      path: path.replace('*', 'index.css').replaceAll(/:\w+/g, name),
      isHeadOnly: path === '/v1/events',
      ...(method === 'PUT' || method === 'POST' ? { body: { unheardOf: 1 } } : {}),
    }
    for (const [who, asker] of Object.entries({ ...strangers, ...atBrowsers })) {
      const wanted = expected(route, asker)
      assert.ok(wanted !== undefined, `${route} is in no table: who may ask it?`)
      bench.now += SECOND_MS
      const { status, text } = await client.ask({ ...asked, ...asker.shows })
      const what = `${method} ${path} by ${who}: ${status} ${text}`
      if (wanted === 'in') assert.ok(status !== 401 && status !== 403 && status < 500, what)
      else assert.equal(status, wanted, what)
      if (status === 401 && own && text !== '') refusals.add(text)
    }
    if (route === 'DELETE /v1/session') atBrowsers = await browsers()
  }
  assert.equal(refusals.size, 1, 'whoever is not known learns nothing of why')
  const there = new Set(routes.map(({ method, path }) => `${method === 'HEAD' ? 'GET' : method} ${path}`))
  for (const line of [...Object.keys(ALLOWED), ...Object.keys(BY_CERTIFICATE), JOIN])
    assert.ok(there.has(line), `${line} is in a table, and there is no such route`)
})

test('a refusal is audited with its reason, and without a secret', async () => {
  const { audit } = bench.server.store
  const shown = await token('viewer', { name: 'dash' })
  await client.ask({ path: '/v1/audit', token: shown })
  await client.ask({ path: '/v1/vms' })
  // A refusal does not wait for its record.
  let reasons: readonly string[] = []
  while (!reasons.at(-1)?.startsWith('GET /v1/vms:')) {
    await sleep(5)
    reasons = (await audit.last(2)).map(({ reason }) => reason)
  }
  const [first, second] = reasons
  assert.equal(first, `GET /v1/audit: needs operator, and token dash (${shown.slice(6, 22)}) is viewer`)
  assert.equal(second, 'GET /v1/vms: no token, and it showed no certificate')
  const secrets = /_[A-Za-z0-9_-]{43}/
  assert.doesNotMatch(JSON.stringify(await audit.last(10_000)), secrets)
  assert.doesNotMatch(bench.said.join(''), secrets)
})

test('what does not exist and what is no name are told apart by nobody', async () => {
  const admin = await token('admin')
  const texts = new Set<string>()
  const odd = [`vms/${'x'.repeat(90)}`, `vms/${'x'.repeat(300)}`, `migrations/${'x'.repeat(300)}`, 'vms/%ff', 'vms/%zz']
  for (const name of ['vms/none', 'vms/%20', 'vms/none/usage', 'vms/nobody/hosts', 'hosts/none', ...odd]) {
    const { status, text } = await client.ask({ path: `/v1/${name}`, token: admin })
    assert.equal(status, 404, name)
    texts.add(text)
  }
  assert.equal(texts.size, 1)
})

test('fields that nobody asked for are refused, a role first of all', async () => {
  const admin = await token('admin')
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
    const { status, json } = await client.ask({ method, path, token: admin, body })
    assert.equal(status, 400, path)
    assert.match(json['error']['message'], /additional properties/)
  }
  assert.equal((await client.ask({ path: '/v1/vms?role=admin', token: admin })).status, 400)
})
