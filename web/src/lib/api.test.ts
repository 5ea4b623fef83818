import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { settled, SlowServer } from '../../../tools/web/slow-server.ts'
import { Api, ApiFailure, path, withQuery } from './api.ts'

interface Asked {
  readonly path: string
  readonly init: RequestInit
}

function anApi(status: number, text: string): { readonly api: Api; readonly asked: Asked[] } {
  const asked: Asked[] = []
  const api = new Api(async (path, init) => {
    asked.push({ path, init })
    return new Response(status === 204 ? null : text, { status })
  })
  return { api, asked }
}

test('a refusal comes in the words of the server, with what stands instead', async () => {
  const { api } = anApi(
    409,
    '{"error":{"code":"conflict","message":"4 stands.","remedy":"Look."},"current":{"version":4}}',
  )
  await assert.rejects(api.ask('/v1/policy', { method: 'PUT', body: {} }), (error) => {
    assert.ok(error instanceof ApiFailure)
    assert.deepEqual(
      [error.status, error.code, error.message, error.remedy, error.current],
      [409, 'conflict', '4 stands.', 'Look.', { version: 4 }],
    )
    return true
  })
})

test('an answer that is no JSON is a failure with its status, and no crash', async () => {
  const { api } = anApi(502, '<html>Bad gateway</html>')
  await assert.rejects(api.ask('/v1/status'), /The server answered 502/)
})

test('a server that does not answer is told as such', async () => {
  const api = new Api(async () => {
    throw new TypeError('fetch failed')
  })
  await assert.rejects(api.ask('/v1/status'), { status: 0, code: 'unreachable' })
})

test('a server that hangs is left after a while, and a change may have been made all the same', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const api = new Api(new SlowServer().fetch)
  const read = assert.rejects(api.ask('/v1/status'), {
    status: 0,
    code: 'timeout',
    message: 'The server has not answered for 30 s.',
  })
  const change = assert.rejects(api.ask('/v1/automation', { method: 'PUT', body: {} }), (error) => {
    assert.ok(error instanceof ApiFailure)
    assert.deepEqual([error.status, error.code], [0, 'timeout'])
    assert.match(error.remedy ?? '', /may have been done/)
    return true
  })
  mock.timers.tick(30_000)
  await read
  mock.timers.tick(90_000)
  await change
  mock.timers.reset()
})

test('an answer that begins and never ends is left as well', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const api = new Api(async (_path, { signal }) => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"tur'))
        signal?.addEventListener('abort', () => controller.error(signal.reason))
      },
    })
    return new Response(body)
  })
  const asked = assert.rejects(api.ask('/v1/status'), { status: 0, code: 'timeout' })
  await settled()
  mock.timers.tick(30_000)
  await asked
  mock.timers.reset()
})

test('whoever asked may leave: that is no failure of the server', async () => {
  const leave = new AbortController()
  const asked = assert.rejects(new Api(new SlowServer().fetch).ask('/v1/status', { signal: leave.signal }), {
    name: 'AbortError',
  })
  leave.abort()
  await asked
})

test('whatever changes something shows the CSRF token, and reading does not', async () => {
  const { api, asked } = anApi(200, '{}')
  api.csrf = 'secret'
  await api.ask('/v1/status')
  await api.ask('/v1/automation', { method: 'PUT', body: { isPaused: true } })
  const shown = asked.map(({ init }) => new Headers(init.headers).get('x-ethos-csrf'))
  assert.deepEqual(shown, [null, 'secret'])
})

test('what the page asks while nobody is before it says so: it keeps no session awake', async () => {
  const { api, asked } = anApi(200, '{}')
  await api.ask('/v1/status')
  api.isAttended = () => false
  await api.ask('/v1/status')
  const told = asked.map(({ init }) => new Headers(init.headers).get('x-ethos-unattended'))
  assert.deepEqual(told, [null, '1'])
})

test('a 401 is heard by whoever shows who is signed in', async () => {
  const { api } = anApi(401, '{"error":{"code":"unauthorised","message":"No."}}')
  let heard = 0
  api.onSignedOut = () => heard++
  await assert.rejects(api.ask('/v1/status'), { status: 401 })
  assert.equal(heard, 1)
})

test('names are encoded into paths and queries', () => {
  assert.equal(path`/v1/vms/${'a/b?c #<img>'}/hosts`, '/v1/vms/a%2Fb%3Fc%20%23%3Cimg%3E/hosts')
  assert.equal(withQuery('/v1/vms', { name: 'a&b', host: undefined, limit: 5 }), '/v1/vms?name=a%26b&limit=5')
  assert.equal(withQuery('/v1/vms', {}), '/v1/vms')
})
