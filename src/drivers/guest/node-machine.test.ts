import assert from 'node:assert/strict'
import { createHash, verify, createPublicKey } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer as createPlainServer } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { MachineError } from './machine.ts'
import { nodeMachine } from './node-machine.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-machine-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const machine = nodeMachine()

test('a look at a file that is not there, or is a folder, is undefined and says which it was', () => {
  assert.equal(machine.readText(join(folder, 'none')), undefined)
  assert.equal(machine.access(join(folder, 'none')), 'missing')
  assert.equal(machine.readText(folder), undefined)
  assert.equal(machine.list(join(folder, 'none')), undefined)
  assert.equal(machine.readLink(join(folder, 'none')), undefined)
})

test('a look reads a file of the kernel whole, and no more than it was asked for', () => {
  const stat = machine.readText('/proc/stat')
  assert.ok(stat !== undefined && stat.startsWith('cpu '))
  assert.equal(machine.readText('/proc/stat', 4), 'cpu ')
})

test('looks may stand on a recorded tree', () => {
  mkdirSync(join(folder, 'root', 'proc'), { recursive: true })
  writeFileSync(join(folder, 'root', 'proc', 'stat'), 'cpu 1')
  const recorded = nodeMachine({ root: join(folder, 'root') })
  assert.equal(recorded.readText('/proc/stat'), 'cpu 1')
  assert.deepEqual(recorded.list('/proc'), ['stat'])
})

test('a file written whole replaces the old one with the mode asked for, and leaves nothing beside', () => {
  const path = join(folder, 'whole')
  machine.files.writeWhole(path, 'one', 0o644)
  chmodSync(path, 0o644)
  machine.files.writeWhole(path, Uint8Array.of(50), 0o600)
  assert.equal(readFileSync(path, 'utf8'), '2')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(machine.files.sizeOf(`${path}.new`), undefined)
})

test('what a file refuses is an error with the code of the system', () => {
  assert.throws(() => machine.files.readBytes(join(folder, 'none')), isError('ENOENT'))
  const full = machine.files.openAppend('/dev/full', 0o600)
  assert.throws(() => full.append(Uint8Array.of(1)), isError('ENOSPC'))
  full.close()
})

test('appending adds to what is there; truncating cuts it', () => {
  const path = join(folder, 'log')
  for (const text of ['ab', 'cd']) {
    const file = machine.files.openAppend(path, 0o600)
    file.append(Buffer.from(text))
    file.sync()
    file.close()
  }
  machine.files.truncate(path, 3)
  assert.equal(readFileSync(path, 'utf8'), 'abc')
})

test('a program that runs too long is ended, one that is not there is told, and neither throws', async () => {
  assert.deepEqual(await machine.run('/bin/sh', ['-c', 'echo out; echo err >&2; exit 3'], { timeoutMs: 60_000 }), {
    status: 3,
    stdout: 'out\n',
    stderr: 'err\n',
  })
  assert.equal((await machine.run('/bin/sleep', ['60'], { timeoutMs: 50 })).status, -1)
  assert.equal((await machine.run(join(folder, 'none'), [], { timeoutMs: 1000 })).status, -1)
})

test('a connection carries bytes both ways, over a local socket and to its end', async () => {
  const path = join(folder, 'socket')
  const server = createServer((socket) => socket.on('data', (bytes) => socket.end(`you said ${bytes.toString()}`)))
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const connection = await machine.network.connect({ path }, 5000)
  await connection.write(Buffer.from('hello'))
  let said = ''
  for (let part = await connection.read(); part !== undefined; part = await connection.read()) said += part.toString()
  assert.equal(said, 'you said hello')
  connection.close()
  server.close()
  await assert.rejects(machine.network.connect({ path: join(folder, 'none') }, 5000), { code: 'ENOENT' })
})

test('a request over a local socket is answered; an answer too large or too late is an error', async () => {
  const path = join(folder, 'http')
  const server = createPlainServer((request, response) => {
    if (request.url === '/late') return
    response.end(request.url === '/large' ? 'x'.repeat(1000) : `${request.method} ${request.url}`)
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const ask = (route: string) =>
    machine.network.request({
      method: 'GET',
      url: `unix:${path}:${route}`,
      timeoutMs: route === '/late' ? 50 : 5000,
      answerBytesMax: 100,
    })
  const { status, body } = await ask('/status?auto')
  assert.deepEqual({ status, body }, { status: 200, body: 'GET /status?auto' })
  await assert.rejects(ask('/large'), { code: 'EMSGSIZE' })
  await assert.rejects(ask('/late'), { code: 'ETIMEDOUT' })
  server.closeAllConnections()
  server.close()
})

test('a listener answers, and refuses a body beyond its bound', async () => {
  const listener = await machine.network.listen(
    { host: '127.0.0.1', port: 0 },
    { bodyBytesMax: 10, connectionsMax: 4 },
    ({ method, path, body }) => ({ status: 200, body: `${method} ${path} ${body.length}` }),
  )
  const post = (body: string) => fetch(`http://127.0.0.1:${listener.port}/v1/metrics`, { method: 'POST', body })
  assert.equal(await (await post('12345')).text(), 'POST /v1/metrics 5')
  assert.equal((await post('12345678901')).status, 413)
  await listener.close()
})

test('a key signs what its public half verifies', () => {
  const { privatePem, publicDer } = machine.secrets.newKey()
  const key = createPublicKey({ key: Buffer.from(publicDer), format: 'der', type: 'spki' })
  const signature = machine.secrets.sign(privatePem, Buffer.from('text'))
  assert.ok(verify('sha256', Buffer.from('text'), key, signature))
  const digest = Buffer.from(machine.secrets.digest('sha256', Buffer.from('text'))).toString('hex')
  assert.equal(digest, createHash('sha256').update('text').digest('hex'))
})

test('a sleep ends early when it is called off', async () => {
  const control = new AbortController()
  const slept = machine.sleep(600_000, control.signal)
  control.abort()
  await slept
  await machine.sleep(600_000, control.signal)
})

function isError(code: string): (error: unknown) => boolean {
  return (error) => error instanceof MachineError && error.code === code
}
