import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { FakeEventSource } from '../../../tools/web/fake-events.ts'
import { compileRunes } from '../../../tools/web/runes.ts'
import { settled, SlowServer } from '../../../tools/web/slow-server.ts'
import { Api } from './api.ts'

const replaced: string[] = []
const location = { hash: '', pathname: '/plan', search: '?a=1' }
Object.assign(globalThis, {
  document: { addEventListener: () => undefined },
  history: { replaceState: (_state: unknown, _title: string, href: string) => replaced.push(href) },
  location,
})
compileRunes()
const { Session } = await import('./session.svelte.ts')
const { live } = await import('./live.svelte.ts')

const ADA = { session: { name: 'ada', role: 'operator', csrf: 'c1', at: 0 } }

beforeEach(() => {
  live.close()
  FakeEventSource.put()
  location.hash = ''
  replaced.length = 0
})

function aSession() {
  const server = new SlowServer()
  return { server, session: new Session(new Api(server.fetch)) }
}

async function signedIn() {
  const { server, session } = aSession()
  const started = session.start()
  await server.last.answer(ADA)
  await started
  return { server, session }
}

test('a session that the browser still has is taken up, and events are heard', async () => {
  const { session } = aSession()
  assert.equal(session.state, 'unknown')
  const { session: ada } = await signedIn()
  assert.deepEqual([ada.state, ada.who?.name, ada.api.csrf], ['signed-in', 'ada', 'c1'])
  assert.equal(FakeEventSource.last.url, '/v1/events')
})

test('without one, one is asked to sign in', async () => {
  const { server, session } = aSession()
  const started = session.start()
  await server.last.answer({})
  await started
  assert.deepEqual([session.state, FakeEventSource.opened.length], ['signed-out', 0])
})

test('a server that does not answer is told as such: nobody is asked for a token then', async () => {
  const { server, session } = aSession()
  const started = session.start()
  await server.last.fail()
  await started
  assert.equal(session.state, 'unreachable')
})

test('a one-time token is taken off the address before it is shown', async () => {
  location.hash = '#token=once'
  const { server, session } = aSession()
  const started = session.start()
  assert.deepEqual(replaced, ['/plan?a=1'])
  assert.deepEqual([server.last.method, server.last.body], ['POST', { token: 'once' }])
  await server.last.answer(ADA)
  await started
  assert.equal(session.state, 'signed-in')
})

test('a token that is not good leaves one signed out', async () => {
  location.hash = '#token=old'
  const { server, session } = aSession()
  const started = session.start()
  await server.last.answer({ error: { code: 'unauthorised', message: 'It was used.' } }, 401)
  await started
  assert.equal(session.state, 'signed-out')
})

test('whoever the server says is not signed in any more is signed out: nothing is heard, nothing may be done', async () => {
  const { server, session } = await signedIn()
  const stream = FakeEventSource.last
  const asked = assert.rejects(session.api.ask('/v1/status'), { status: 401 })
  await server.last.answer({ error: {} }, 401)
  await asked
  assert.deepEqual([session.state, session.who, session.api.csrf], ['signed-out', undefined, ''])
  assert.deepEqual([stream.readyState, session.may('viewer')], [FakeEventSource.CLOSED, false])
})

test('a role may what lesser ones may, and no more', async () => {
  const { session } = await signedIn()
  assert.deepEqual(
    (['viewer', 'operator', 'admin'] as const).map((role) => session.may(role)),
    [true, true, false],
  )
})

test('signing out ends the stream first', async () => {
  const { server, session } = await signedIn()
  const stream = FakeEventSource.last
  const leaving = session.signOut()
  assert.deepEqual([server.last.method, stream.readyState], ['DELETE', FakeEventSource.CLOSED])
  await server.last.answer({})
  await leaving
  assert.deepEqual([session.state, session.who, session.api.csrf], ['signed-out', undefined, ''])
})

test('whoever could not be signed out is not shown as signed out: the session may still be good', async () => {
  const { server, session } = await signedIn()
  const leaving = assert.rejects(session.signOut(), { status: 0 })
  await server.last.fail()
  await leaving
  assert.deepEqual([session.state, session.api.csrf, FakeEventSource.opened.length], ['signed-in', 'c1', 2])
})

test('a session that is gone already is signed out', async () => {
  const { server, session } = await signedIn()
  const leaving = session.signOut()
  await server.last.answer({ error: { code: 'unknown', message: 'None.' } }, 404)
  await leaving
  assert.equal(session.state, 'signed-out')
})

test('a token that is shown once more is a new session, with its own proof', async () => {
  const { server, session } = await signedIn()
  const confirming = session.confirm('t')
  await server.last.answer({ session: { ...ADA.session, csrf: 'c2', at: 5 } })
  await confirming
  await settled()
  assert.deepEqual([session.api.csrf, session.who?.at, FakeEventSource.opened.length], ['c2', 5, 1])
})
