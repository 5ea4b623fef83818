/** Plain HTTP: for people on this machine, and for nobody else. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, test } from 'node:test'
import { UsageError } from '../usage-error.ts'
import { plainApi } from './api/builders.ts'
import { type Answer, Bench } from './builders.ts'

after(() => Bench.removeAll())

interface Plain {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
}

function ask(port: number, { method = 'GET', path, headers = {}, body }: Plain): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const content =
    text === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(text.length) }
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      method,
      path,
      agent: false,
      headers: { ...content, ...headers },
    } as const
    const sent = request(options, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () => {
        const text = Buffer.concat(parts).toString()
        const isJson = (response.headers['content-type'] ?? '').startsWith('application/json')
        const json = isJson ? (JSON.parse(text) as Record<string, any>) : {}
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json })
      })
    })
    sent.on('error', reject)
    sent.end(text)
  })
}

test('plain HTTP is refused on every address but loopback, before anything is opened', async () => {
  for (const host of [
    '0.0.0.0',
    '::',
    '10.0.0.5',
    '192.168.1.1',
    '128.0.0.1',
    '::2',
    'fe80::1',
    'localhost',
    'ethos.example',
    '',
  ]) {
    const bench = new Bench()
    await assert.rejects(bench.start({ isPlain: true, host }), (error: unknown) => {
      assert.ok(error instanceof UsageError)
      assert.match(error.message, /^--listen: .* Plain HTTP is for this machine alone: expected 127\.0\.0\.1:PORT/)
      return true
    })
  }
  for (const host of ['127.0.0.1', '127.8.9.10', '::1', '0:0:0:0:0:0:0:1']) {
    const bench = new Bench()
    await bench.start({ isPlain: true, host })
    assert.ok(bench.server.port > 0)
    await bench.stop()
  }
})

test('a plain server answers to the names of this machine, and to no other that was made to mean it', async () => {
  const bench = new Bench()
  const { port } = await bench.start({ isPlain: true })
  const own = [
    `127.0.0.1:${port}`,
    `localhost:${port}`,
    `LOCALHOST:${port}`,
    `[::1]:${port}`,
    'localhost:9000',
    'localhost',
  ]
  for (const host of own) assert.equal((await ask(port, { path: '/healthz', headers: { host } })).status, 200, host)
  const others = [
    'evil.example',
    `evil.example:${port}`,
    `localhost.evil.example:${port}`,
    '127.0.0.1.evil.example',
    '10.0.0.5',
  ]
  for (const host of others) {
    const answer = await ask(port, { path: '/healthz', headers: { host } })
    assert.equal(answer.status, 421, host)
    assert.match(answer.text, /misdirected/)
  }
})

test('by plain HTTP there are no routes of agents and hosts, and a browser signs in by a cookie that needs no TLS', async () => {
  const bench = new Bench()
  let makeOneTimeToken: ((role: 'admin') => string) | undefined
  const { port } = await bench.start({
    isPlain: true,
    extend: (app, parts) => void ({ makeOneTimeToken } = plainApi(app, parts)),
  })
  for (const path of ['/v1/join', '/v1/renew', '/v1/vectors', '/v1/hosts/x/reports'])
    assert.equal((await ask(port, { method: 'POST', path, body: {} })).status, 404, path)
  assert.equal((await ask(port, { path: '/v1/ca' })).status, 404)

  const token = makeOneTimeToken?.('admin') ?? ''
  const answer = await ask(port, { method: 'POST', path: '/v1/session', body: { token } })
  const cookie = answer.headers['set-cookie']?.[0] ?? ''
  assert.match(cookie, new RegExp(`^ethos-${port}=[A-Za-z0-9_-]{43}; Path=/; HttpOnly; SameSite=Strict$`))
  const headers = { cookie: cookie.split(';')[0] ?? '', origin: `http://127.0.0.1:${port}` }
  assert.equal((await ask(port, { path: '/v1/status', headers })).status, 200)
  const { session } = answer.json as { readonly session: { readonly csrf: string } }
  const change = { method: 'PUT', path: '/v1/automation', body: { isPaused: true } } as const
  assert.equal((await ask(port, { ...change, headers })).status, 403)
  assert.equal((await ask(port, { ...change, headers: { ...headers, 'x-ethos-csrf': session.csrf } })).status, 200)
  // Nothing of TLS is looked after, and that is no mistake.
  await bench.server.tend()
  assert.doesNotMatch(bench.said.join(''), /could not/)
})

test('two plain servers of one machine leave each other’s sessions alone: browsers keep one set of cookies for all ports', async () => {
  // As a browser has it: by name, whichever port set it.
  const jar = new Map<string, string>()
  const cookies = (): string => [...jar].map(([name, secret]) => `${name}=${secret}`).join('; ')
  const ports: number[] = []
  for (let i = 0; i < 2; i++) {
    const bench = new Bench()
    let makeOneTimeToken: ((role: 'admin') => string) | undefined
    const { port } = await bench.start({
      isPlain: true,
      extend: (app, parts) => void ({ makeOneTimeToken } = plainApi(app, parts)),
    })
    ports.push(port)
    const body = { token: makeOneTimeToken?.('admin') ?? '' }
    const answer = await ask(port, { method: 'POST', path: '/v1/session', body, headers: { cookie: cookies() } })
    const [name = '', secret = ''] = (answer.headers['set-cookie']?.[0] ?? '').split(/[=;]/)
    jar.set(name, secret)
  }
  const statuses = ports.map(async (port) => {
    const headers = { cookie: cookies(), origin: `http://127.0.0.1:${port}` }
    return (await ask(port, { path: '/v1/status', headers })).status
  })
  assert.deepEqual(await Promise.all(statuses), [200, 200])
})
