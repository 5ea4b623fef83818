/** How a browser signs in, stays, and goes: the session alone. What every route makes of it is told by `authz.test.ts`. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../terms/units.ts'
import { StoreError } from '../../../world/errors.ts'
import { ApiBench, type Answered, signIn } from './builders.ts'
import { FakeStore } from './fakes/builders.ts'

const store = new FakeStore()
const bench = new ApiBench({ store })
const MANY = { everyMs: 0.001, burst: 1e9 }
before(() => bench.start({ limits: { refused: { each: MANY, together: MANY }, perAddress: MANY } }))
after(() => bench.stop())

/** `session` of an answer; undefined where nobody is signed in. */
function sessionOf({ json }: Answered): Readonly<Record<string, any>> | undefined {
  return json['session'] as Readonly<Record<string, any>> | undefined
}

function noDisk(): Promise<never> {
  return Promise.reject(new StoreError('io', 'The disk does not answer.'))
}

async function tells(headers: Readonly<Record<string, string>>): Promise<Readonly<Record<string, any>> | undefined> {
  const answer = await bench.ask({ path: '/v1/session', headers })
  assert.equal(answer.status, 200)
  return sessionOf(answer)
}

test('a token signs in: the cookie is out of reach of pages, and the answer says who, as what and until when', async () => {
  const token = await bench.token('operator', { name: 'ada' })
  const answer = await bench.ask({ method: 'POST', path: '/v1/session', body: { token } })
  assert.equal(answer.status, 200, answer.text)
  const [cookie = ''] = answer.headers['set-cookie'] ?? []
  assert.match(cookie, /^__Host-ethos=[A-Za-z0-9_-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/)
  assert.equal(answer.headers['cache-control'], 'no-store')
  const { csrf, ...rest } = sessionOf(answer) ?? {}
  assert.match(csrf, /^[A-Za-z0-9_-]{43}$/)
  assert.deepEqual(rest, {
    name: `token ada (${token.slice(6, 22)}) by session`,
    role: 'operator',
    at: bench.now,
    beganAt: bench.now,
    endsAt: bench.now + 12 * HOUR_MS,
    idleMs: 30 * MINUTE_MS,
    idleEndsAt: bench.now + 30 * MINUTE_MS,
  })
  // A page that was loaded anew asks for the same.
  assert.deepEqual(await tells({ cookie: cookie.split(';')[0] ?? '' }), { csrf, ...rest })
  assert.equal(await tells({}), undefined)
})

test('a session ends when nothing is asked for half an hour, and after twelve hours whatever is asked', async () => {
  const idle = await signIn(bench, await bench.token('viewer'))
  bench.now += 30 * MINUTE_MS - 1
  assert.notEqual(await tells(idle.headers), undefined)
  // To ask who is signed in is no sign of anybody, and neither is what a page asks by itself.
  const unattended = { ...idle.headers, 'x-ethos-unattended': '1' }
  assert.equal((await bench.ask({ path: '/v1/status', headers: unattended })).status, 200)
  bench.now += 1
  assert.equal(await tells(idle.headers), undefined)
  assert.equal((await bench.ask({ path: '/v1/status', headers: idle.headers })).status, 401)

  const busy = await signIn(bench, await bench.token('viewer'))
  // 24 times 29 minutes are 11 h 36 min; the 25th is 12 h 5 min after the beginning.
  for (let asked = 1; asked <= 24; asked++) {
    bench.now += 29 * MINUTE_MS
    assert.equal((await bench.ask({ path: '/v1/status', headers: busy.headers })).status, 200)
  }
  bench.now += 29 * MINUTE_MS
  assert.equal((await bench.ask({ path: '/v1/status', headers: busy.headers })).status, 401)
})

test('a session ends with its token, at once', async () => {
  const token = await bench.token('viewer')
  const { headers } = await signIn(bench, token)
  assert.equal((await bench.ask({ path: '/v1/status', headers })).status, 200)
  await store.apiTokens.revoke(token.slice(6, 22), bench.now)
  assert.equal((await bench.ask({ path: '/v1/status', headers })).status, 401)
  const brief = await signIn(bench, await bench.token('viewer', { expiresAt: bench.now + MINUTE_MS }))
  bench.now += MINUTE_MS
  assert.equal(await tells(brief.headers), undefined)
})

test('signing out ends it, and signing in anew ends the one before', async () => {
  const token = await bench.token('viewer')
  const first = await signIn(bench, token)
  const answer = await bench.ask({ method: 'DELETE', path: '/v1/session', headers: first.changing })
  assert.equal(answer.status, 204)
  assert.deepEqual(answer.headers['set-cookie'], [
    '__Host-ethos=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict',
  ])
  assert.equal(await tells(first.headers), undefined)
  const second = await signIn(bench, token)
  await bench.ask({ method: 'POST', path: '/v1/session', body: { token }, headers: second.headers })
  assert.equal(await tells(second.headers), undefined)
})

test('a wrong token, a revoked one, one that has ended and none are answered alike, and no secret is written down', async () => {
  const revoked = await bench.token('admin')
  await store.apiTokens.revoke(revoked.slice(6, 22), bench.now)
  const ended = await bench.token('admin', { expiresAt: bench.now })
  const good = await bench.token('admin')
  const other = `${good.slice(0, -4)}${good.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
  const madeUp = `once_${'0'.repeat(16)}_${'A'.repeat(43)}`
  const texts = new Set<string>()
  for (const token of [revoked, ended, other, madeUp, '', 'ethos_', 'x'.repeat(200)]) {
    const answer = await bench.ask({ method: 'POST', path: '/v1/session', body: { token } })
    assert.equal(answer.status, 401)
    assert.equal(answer.headers['set-cookie'], undefined)
    texts.add(answer.text)
  }
  assert.equal(texts.size, 1)
  const { headers } = await signIn(bench, good)
  const written = JSON.stringify([store.kept.audit, bench.said])
  for (const secret of [good.slice(-43), other.slice(-43), (headers['cookie'] ?? '').split('=')[1] ?? ''])
    assert.ok(secret.length === 43 && !written.includes(secret))
})

test('whoever shows a token and a cookie is whom the token says, whatever it says', async () => {
  const admin = await signIn(bench, await bench.token('admin'))
  const viewer = await bench.token('viewer')
  assert.equal((await bench.ask({ path: '/v1/tokens', headers: admin.headers })).status, 200)
  assert.equal((await bench.ask({ path: '/v1/tokens', headers: admin.headers, token: viewer })).status, 403)
  assert.equal((await bench.ask({ path: '/v1/tokens', headers: admin.headers, token: 'none' })).status, 401)
  const beside = { cookie: `theme=dark; x__Host-ethos=1;${admin.headers['cookie']}; __Host-ethos2=; a` }
  assert.equal((await bench.ask({ path: '/v1/tokens', headers: beside })).status, 200)
  const twice = { cookie: `${admin.headers['cookie']}; ${admin.headers['cookie']}` }
  assert.equal((await bench.ask({ path: '/v1/tokens', headers: twice })).status, 401)
})

test('a token has sixteen sessions: one more ends the one that was silent longest', async () => {
  const token = await bench.token('viewer')
  const all = []
  for (let i = 0; i < 16; i++) all.push(await signIn(bench, token))
  // The first is heard of last.
  await bench.ask({ path: '/v1/status', headers: all[0].headers })
  await signIn(bench, token)
  const are = await Promise.all(all.map(async ({ headers }) => (await tells(headers)) !== undefined))
  assert.deepEqual(are, [true, false, ...Array.from({ length: 14 }, () => true)])
})

test('a one-time token signs in once, within ten minutes', async () => {
  const ask = (token: string) => bench.ask({ method: 'POST', path: '/v1/session', body: { token } })
  const used = bench.api.makeOneTimeToken('admin')
  assert.match(used, /^once_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/)
  const first = await ask(used)
  assert.equal(sessionOf(first)?.['role'], 'admin')
  assert.equal((await ask(used)).status, 401)
  // Nor is it a token of the API.
  assert.equal((await bench.ask({ path: '/v1/status', token: used })).status, 401)
  const late = bench.api.makeOneTimeToken('admin')
  bench.now += 10 * MINUTE_MS
  assert.equal((await ask(late)).status, 401)
})

test('a one-time token is spent where its sign-in stands in the audit, and not before', async () => {
  const ask = (token: string) => bench.ask({ method: 'POST', path: '/v1/session', body: { token } })
  const token = bench.api.makeOneTimeToken('admin')
  store.isBroken = true
  try {
    const failed = await ask(token)
    assert.deepEqual([failed.status, failed.headers['set-cookie']], [503, undefined])
  } finally {
    store.isBroken = false
  }
  assert.equal(sessionOf(await ask(token))?.['role'], 'admin')
  assert.equal((await ask(token)).status, 401)
  // Given back is not made anew: its ten minutes go on.
  const late = bench.api.makeOneTimeToken('admin')
  bench.now += 9 * MINUTE_MS
  store.isBroken = true
  await ask(late)
  store.isBroken = false
  bench.now += MINUTE_MS
  assert.equal((await ask(late)).status, 401)
})

test('a browser that is signed in already keeps its session and the one-time token where the new sign-in fails', async () => {
  const { headers } = await signIn(bench, await bench.token('viewer'))
  const token = bench.api.makeOneTimeToken('admin')
  const ask = () => bench.ask({ method: 'POST', path: '/v1/session', body: { token }, headers })
  // At first the old session's token can not be looked for, and then the audit can not be written.
  for (const part of ['apiTokens', 'audit'] as const) {
    const name = part === 'audit' ? 'add' : 'find'
    const works = store[part]
    Object.assign(store, { [part]: { ...works, [name]: noDisk } })
    try {
      assert.equal((await ask()).status, 503, part)
    } finally {
      Object.assign(store, { [part]: works })
    }
    assert.equal((await tells(headers))?.['role'], 'viewer', part)
  }
  assert.equal(sessionOf(await ask())?.['role'], 'admin')
  assert.equal(await tells(headers), undefined)
})

test('a token that has all its sessions ends none of another browser where one signs in anew', async () => {
  const token = await bench.token('viewer')
  const all = []
  for (let i = 0; i < 16; i++) all.push(await signIn(bench, token))
  await bench.ask({ method: 'POST', path: '/v1/session', body: { token }, headers: all[5].headers })
  const are = await Promise.all(all.map(async ({ headers }) => (await tells(headers)) !== undefined))
  assert.deepEqual(
    are,
    all.map((_, i) => i !== 5),
  )
})

test('who tries too often is told to come later, with a right token too', async () => {
  const strict = new ApiBench({ store: new FakeStore() })
  await strict.start()
  try {
    const token = await strict.token('viewer')
    const statuses = []
    for (let i = 0; i < 22; i++) {
      const shown = i < 20 ? 'wrong' : token
      statuses.push((await strict.ask({ method: 'POST', path: '/v1/session', body: { token: shown } })).status)
    }
    assert.deepEqual(statuses, [...Array.from({ length: 20 }, () => 401), 429, 429])
    strict.now += 3 * SECOND_MS
    assert.equal((await strict.ask({ method: 'POST', path: '/v1/session', body: { token } })).status, 200)
  } finally {
    await strict.stop()
  }
})

test('the page of another site signs nobody in', async () => {
  const token = await bench.token('viewer')
  const elsewhere = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
  ]
  for (const headers of [...elsewhere, { origin: 'null' }]) {
    const answer = await bench.ask({ method: 'POST', path: '/v1/session', body: { token }, headers })
    assert.equal(answer.status, 403, JSON.stringify(headers))
    assert.equal(answer.headers['set-cookie'], undefined)
  }
})

test('a clock that is set back ends sessions rather than making them longer', async () => {
  const { headers } = await signIn(bench, await bench.token('viewer'))
  bench.now -= DAY_MS
  assert.equal(await tells(headers), undefined)
  bench.now += DAY_MS
})
