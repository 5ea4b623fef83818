/** What the command line does with a server that is none, is broken, or means ill; and with files that are not as they should be. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { printable } from '../printable.ts'
import { Authority } from '../server/authority.ts'
import { ask, findLogin, type Login, loginPath, parseServer, parseToken, readJson } from './api-client.ts'
import { ApiError } from './api-error.ts'
import { place, rank, why, whyNot } from './judged-actions.ts'
import { listApiTokens, policyHistory } from './manage-actions.ts'
import { previewOptOut, previewPolicy } from './policy-preview.ts'
import { alerts, all, hosts, status, textFor, vms } from './site-actions.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const TOKEN = `ethos_${'a'.repeat(16)}_${'B'.repeat(43)}`
const folder = mkdtempSync(join(tmpdir(), 'ethos-hostile-'))
let server: Server
let login: Login
let answer: (request: IncomingMessage, reply: ServerResponse) => void

before(async () => {
  chmodSync(folder, 0o700)
  const authority = await Authority.open(join(folder), { now: () => Date.now() })
  const { certificate, privateKey } = await authority.forServer(['localhost'])
  server = createServer({ cert: certificate, key: privateKey }, (request, reply) => answer(request, reply))
  await new Promise<void>((resolve) => void server.listen(0, 'localhost', resolve))
  login = { server: `https://localhost:${(server.address() as AddressInfo).port}`, ca: authority.pem, token: TOKEN }
})

after(() => {
  server.closeAllConnections()
  server.close()
  rmSync(folder, { recursive: true, force: true })
})

function says(body: string, status = 200): void {
  answer = (_request, reply) => reply.writeHead(status, { 'content-type': 'application/json' }).end(body)
}

/** Options that name the server. */
function aFile(): { server: string; ca: string; tokenFile: string } {
  const [ca, tokenFile] = [join(folder, 'asked.pem'), join(folder, 'asked.token')]
  writeFileSync(ca, login.ca)
  writeFileSync(tokenFile, login.token)
  return { server: login.server, ca, tokenFile }
}

/** Runs `ethos` against the server. */
function ethos(...words: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const ca = join(folder, 'told.pem')
  writeFileSync(ca, login.ca)
  const env = {
    ...process.env,
    XDG_CONFIG_HOME: join(folder, 'none'),
    ETHOS_SERVER: login.server,
    ETHOS_CA: ca,
    ETHOS_TOKEN: TOKEN,
  }
  const child = spawn(process.execPath, [MAIN, ...words], { env })
  let [out, err] = ['', '']
  child.stdout.on('data', (piece) => (out += String(piece)))
  child.stderr.on('data', (piece) => (err += String(piece)))
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code, out, err }))
  })
}

function isClean(text: string): boolean {
  return printable(text) === text
}

function failure(asked: Promise<unknown>): Promise<ApiError> {
  return asked.then(
    () => assert.fail('it was taken for an answer'),
    (error: unknown) => {
      assert.ok(error instanceof ApiError, String(error))
      return error
    },
  )
}

test('an answer that is no JSON is no answer, whatever its status', async () => {
  says('<html>welcome</html>')
  const error = await failure(ask(login, { path: '/v1/status' }))
  assert.equal(error.exitCode, 2)
  assert.match(error.message, /not JSON.*Ethos server/)
})

test('a server that goes away in the middle of its answer ends with 3, and so does one whose answer has no end', async () => {
  answer = (_request, reply) => {
    reply.writeHead(200, { 'content-length': '1000' })
    reply.write('{"vms":[', () => reply.destroy())
  }
  assert.equal((await failure(ask(login, { path: '/v1/vms' }))).exitCode, 3)
  const piece = Buffer.alloc(8 * 1024 * 1024, 0x20)
  answer = (_request, reply) => {
    const more = (): void => void (reply.destroyed || reply.write(piece, more))
    more()
  }
  const error = await failure(ask(login, { path: '/v1/vms' }))
  assert.equal(error.exitCode, 3)
  assert.match(error.message, /longer than/)
})

test('a list whose pages have no end is given up, and one that is none is said to be', async () => {
  let pages = 0
  answer = (_request, reply) => {
    pages++
    reply.end(JSON.stringify({ vms: [], next: 'again' }))
  }
  await failure(all(login, { path: '/v1/vms' }, (found) => (found as { vms: [] }).vms))
  assert.equal(pages, 1000)
  says('{}')
  const error = await failure(all(login, { path: '/v1/vms' }, (found) => (found as { vms: [] }).vms))
  assert.match(error.message, /another version/)
})

test('every command that asks fails with a sentence, and with 3, where the answer lacks all that it shows', async () => {
  says('{}')
  const options = aFile()
  const asked: Readonly<Record<string, () => Promise<void>>> = {
    status: () => status(options),
    vms: () => vms(undefined, options),
    vm: () => vms('a', options),
    hosts: () => hosts(undefined, options),
    alerts: () => alerts(options),
    rank: () => rank('a', { ...options, top: '3' }),
    why: () => why('a', options),
    'why-not': () => whyNot('a', 'b', options),
    place: () => place({ ...options, like: 'a', count: '1', top: '3' }),
    tokens: () => listApiTokens(options),
    'policy history': () => policyHistory(options),
    'policy preview': () => previewPolicy(undefined, options),
    'vms opt-out preview': () => previewOptOut('a', options),
  }
  for (const [words, command] of Object.entries(asked)) {
    const error = await failure(command())
    assert.equal(error.exitCode, 3, words)
    assert.match(error.message, /^What https:\/\/localhost:\d+ answered can not be shown\./, words)
  }
})

test('names that would move the cursor move nothing, in tables, lists of names, JSON and errors', async () => {
  const hostile = '\u001b[2J\u009b31mweb\u202e'
  const vm = { vm: hostile, state: 'good', unknown: { to: 'us' } }
  says(JSON.stringify({ vms: [vm] }))
  for (const words of [['vms'], ['vms', '--names'], ['vms', '--json']]) {
    const { code, out } = await ethos(...words)
    assert.equal(code, 0)
    assert.ok(isClean(out), words.join(' '))
    if (words.includes('--json')) assert.equal((JSON.parse(out) as { vm: string }[])[0].vm, hostile)
  }
  says(JSON.stringify({ error: { message: hostile, remedy: 'x'.repeat(1e6) } }), 400)
  const { code, err } = await ethos('status')
  assert.equal(code, 2)
  assert.ok(isClean(err) && err.length < 5000)
})

test('each refusal of a server has its exit code', async () => {
  const codes: readonly (readonly [status: number, code: number])[] = [
    [400, 2],
    [401, 4],
    [403, 4],
    [404, 5],
    [409, 2],
    [429, 3],
    [500, 3],
    [503, 3],
  ]
  for (const [status, code] of codes) {
    says('{"error":{"code":"x","message":"no"}}', status)
    const error = await failure(ask(login, { path: '/v1/vms/a' }))
    assert.equal(error.exitCode, code, String(status))
    assert.equal(error.status, status)
  }
})

test('no secret stands in an error', () => {
  assert.throws(
    () => parseToken('hunter2-and-more'),
    ({ message }: Error) => !message.includes('hunter') && message.includes('16 characters'),
  )
  const secret = join(folder, 'asked.secret')
  writeFileSync(secret, TOKEN)
  assert.throws(
    () => readJson('--file', secret),
    ({ message }: Error) => /It is no JSON/.test(message) && !message.includes('ethos_'),
  )
  assert.throws(
    () => parseServer('https://ada:hunter2@ethos.example'),
    ({ message }: Error) => !message.includes('hunter2'),
  )
})

test('a kept login that can not be read, that others may read, or that is damaged is said to be; given all else it is not looked at', () => {
  const config = join(folder, 'config')
  const environment = { XDG_CONFIG_HOME: config }
  const path = loginPath(environment)
  mkdirSync(path, { recursive: true, mode: 0o700 })
  chmodSync(path, 0o700)
  assert.throws(() => findLogin({}, environment), /can not be read \(EISDIR\)/)
  rmSync(path, { recursive: true })
  writeFileSync(path, '{', { mode: 0o644 })
  assert.throws(() => findLogin({}, environment), /Others may read it/)
  chmodSync(path, 0o600)
  assert.throws(() => findLogin({}, environment), /damaged/)
  const ca = join(folder, 'ca.pem')
  writeFileSync(ca, login.ca)
  const all = { ...environment, ETHOS_SERVER: login.server, ETHOS_CA: ca, ETHOS_TOKEN: TOKEN }
  assert.deepEqual(findLogin({}, all), login)
  writeFileSync(path, JSON.stringify(login))
  assert.deepEqual(findLogin({}, { ...environment, ETHOS_SERVER: '', ETHOS_TOKEN: '', ETHOS_CA: '' }), login)
  assert.ok(loginPath({ XDG_CONFIG_HOME: '' }).startsWith('/'))
  // Another server whose authority is told anew: the token of the first is none of its business.
  assert.throws(() => findLogin({ server: 'https://other.example', ca }, environment), /--token-file/)
  assert.equal(findLogin({ server: 'https://other.example' }, environment).ca, login.ca)
})

test('a token file that can not be read ends with 2 and its name', () => {
  const missing = join(folder, 'no-token')
  assert.ok(!existsSync(missing))
  assert.throws(() => findLogin({ tokenFile: missing }, {}), /--token-file.*no-token.*ENOENT/)
  assert.throws(() => findLogin({}, { ETHOS_TOKEN_FILE: missing }), /ETHOS_TOKEN_FILE.*no-token.*ENOENT/)
})

test('an own mistake is not taken for the server’s', () => {
  assert.throws(
    () =>
      textFor(login, () => {
        throw new Error('ours')
      }),
    /ours/,
  )
})
