/** What a session may do only right after its token was shown again. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { MINUTE_MS } from '../../../terms/units.ts'
import { ApiBench, type Answered, type SignedIn, signIn } from './builders.ts'
import { FakeStore } from './fakes/builders.ts'

const store = new FakeStore()
const bench = new ApiBench({ store })
let token = ''
let browser: SignedIn

before(() => bench.start())
after(() => bench.stop())
beforeEach(async () => {
  bench.now += 10 * MINUTE_MS
  token = await bench.token('admin', { name: 'ada' })
  browser = await signIn(bench, token)
})

function change(body: object, as: object = { headers: browser.changing }): Promise<Answered> {
  return bench.ask({ method: 'PUT', path: '/v1/automation', body, ...as })
}

function confirm(shown: string): Promise<Answered> {
  return bench.ask({
    method: 'POST',
    path: '/v1/session/confirmation',
    body: { token: shown },
    headers: browser.changing,
  })
}

function makeToken(): Promise<Answered> {
  const body = { name: 'x', role: 'admin' }
  return bench.ask({ method: 'POST', path: '/v1/tokens', body, headers: browser.changing })
}

test('a session raises automation only within five minutes after its token was shown again, and the audit and the journal say so', async () => {
  await change({ level: 'shadow' })
  const refused = await change({ level: 'advisory' })
  assert.deepEqual([refused.status, refused.json['error']['code']], [403, 'unconfirmed'])
  assert.match(refused.json['error']['remedy'], /POST \/v1\/session\/confirmation/)

  const shown = await confirm(token)
  const shownAt = bench.now
  assert.equal(shown.json['session']['confirmedUntil'], shownAt + 5 * MINUTE_MS)
  bench.now += 5 * MINUTE_MS
  assert.equal((await change({ level: 'advisory' })).status, 403)
  bench.now -= 1
  assert.equal((await change({ level: 'advisory' })).status, 200)

  const at = new Date(shownAt).toISOString()
  const { what, from, reason } = store.kept.audit.at(-1) ?? {}
  assert.equal(what, 'automation raised')
  assert.equal(from, `token ada (${token.slice(6, 22)}) by session`)
  assert.equal(reason, `from shadow to advisory, token shown again at ${at}`)
  assert.ok(store.kept.audit.some((record) => record.what === 'session confirmed' && record.from === from))
  const line = JSON.parse(store.kept.journal.at(-1)?.line ?? '') as Readonly<Record<string, unknown>>
  assert.deepEqual([line['who'], line['confirmedAt']], [from, shownAt])
})

test('to end a pause and to trust guests are as deliberate; to pause and to lower the level need nothing', async () => {
  assert.equal((await change({ isPaused: true })).status, 200)
  assert.equal((await change({ isPaused: false })).status, 403)
  assert.equal((await change({ areGuestsTrusted: true })).status, 403)
  assert.equal((await change({ level: 'off' })).status, 200)
  await confirm(token)
  assert.equal((await change({ level: 'shadow', isPaused: false, areGuestsTrusted: true })).status, 200)
  // A token that comes with each request is shown each time.
  assert.equal((await change({ level: 'advisory' }, { token })).status, 200)
})

test('a session makes no token that could do what it may not', async () => {
  assert.equal((await makeToken()).json['error']['code'], 'unconfirmed')
  await confirm(token)
  assert.equal((await makeToken()).status, 201)
})

test('another token confirms nothing, be it as good, and the session goes on', async () => {
  const other = await bench.token('admin')
  for (const shown of [other, `${token}x`, token.slice(0, -1), '']) {
    const { status, json } = await confirm(shown)
    assert.deepEqual([status, json['error']['code']], [403, 'forbidden'])
  }
  assert.equal((await change({ level: 'full' })).json['error']['code'], 'unconfirmed')
  assert.ok(!JSON.stringify([store.kept.audit, bench.said]).includes(other.slice(-43)))
})

test('a session that began with a one-time token is confirmed by that, which signs nobody in any more', async () => {
  const once = bench.api.makeOneTimeToken('admin')
  browser = await signIn(bench, once)
  await change({ level: 'shadow' })
  assert.equal((await change({ level: 'advisory' })).status, 403)
  assert.equal((await confirm(once)).status, 200)
  assert.equal((await change({ level: 'advisory' })).status, 200)
  assert.equal((await bench.ask({ method: 'POST', path: '/v1/session', body: { token: once } })).status, 401)
})
