/** A peer that is broken or hostile: each time a typed error, soon, and nothing left behind. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { parseAddress } from './address.ts'
import { aFake, aRawServer } from './builders.ts'
import { RpcConnection } from './connection.ts'
import { LibvirtError, type LibvirtErrorCode } from './errors.ts'
import { EVENT_KINDS } from './events.ts'
import { encodeMessage, FrameReader, type Header } from './frame.ts'
import { KEEPALIVE_PROGRAM, REMOTE_PROGRAM } from './limits.ts'
import { type LibvirtOptions, openLibvirt } from './libvirt.ts'
import { streamTransport } from './transport.ts'
import { HOST_PROCEDURES } from './procedures-host.ts'
import { silence } from './fake-server.ts'

const QUICK: LibvirtOptions = { callTimeoutMs: 20_000, messageTimeoutMs: 10_000, connectTimeoutMs: 20_000 }

/** Opening ends with an error of this code. */
async function opensWith(uri: string, code: LibvirtErrorCode, options = QUICK): Promise<LibvirtError> {
  const error = await openLibvirt(uri, options).then(
    () => assert.fail('it opened'),
    (error: unknown) => error,
  )
  assert.ok(error instanceof LibvirtError, String(error))
  assert.equal(error.code, code, error.message)
  assert.equal(error.message.startsWith(uri), true, error.message)
  return error
}

/** Answers the first call with bytes made from its header. */
function answering(make: (header: Header) => Buffer): (socket: Socket) => void {
  return (socket) => {
    const frames = new FrameReader()
    socket.on('data', (chunk) => frames.push(chunk, ({ header }) => socket.write(make(header))))
  }
}

function reply(header: Partial<Header>): (call: Header) => Buffer {
  return (call) => encodeMessage({ ...call, type: 1, ...header }, (writer) => writer.unsigned(0))
}

for (const [what, make, says] of [
  ['another program', reply({ program: 0x12345678 }), /of program 0x12345678/],
  ['another version', reply({ version: 9 }), /of version 9/],
  ['a call', reply({ type: 0 }), /of type 0/],
  ['a stream', reply({ type: 3 }), /of type 3/],
  ['a status that replies have not', reply({ status: 2 }), /of status 2/],
  ['a serial that was never used', reply({ serial: 99 }), /call 99/],
  ['another procedure', reply({ procedure: 4 }), /as if it were procedure 4/],
  ['a keepalive of no known kind', reply({ program: KEEPALIVE_PROGRAM, type: 2, procedure: 7 }), /procedure 7/],
  ['noise', () => Buffer.from('7f3e9a01bd42c5e870114f96', 'hex')],
  ['a length beyond all limits', () => Buffer.from('ffffffff', 'hex')],
  ['an answer too short for what was asked', (call: Header) => encodeMessage({ ...call, type: 1 })],
  ['an answer too long', (call: Header) => encodeMessage({ ...call, type: 1 }, (w) => w.fixedOpaque(Buffer.alloc(64)))],
  [
    'more authentication types than can be',
    (call: Header) => encodeMessage({ ...call, type: 1 }, (w) => w.unsigned(21)),
  ],
  ['an error that can not be read', (call: Header) => encodeMessage({ ...call, type: 1, status: 1 })],
] as readonly (readonly [string, (call: Header) => Buffer, RegExp?])[]) {
  test(`${what} for an answer is a protocol error`, async (context) => {
    const error = await opensWith(await aRawServer(context, answering(make)), 'protocol')
    // Of what is right but for one thing, that one thing is what must be said: the answer after it would be wrong as well.
    if (says !== undefined) assert.match(error.message, says)
  })
}

test('a peer that closes at once can not be reached', async (context) => {
  await opensWith(await aRawServer(context, (socket) => socket.destroy()), 'unreachable')
})

function half(call: Header): Buffer {
  return reply({})(call).subarray(0, 17)
}

test('a peer that closes within a message can not be reached', async (context) => {
  const uri = await aRawServer(context, (socket) => {
    answering(half)(socket)
    socket.once('data', () => setTimeout(() => socket.end(), 20))
  })
  await opensWith(uri, 'unreachable')
})

test('a peer that says nothing is given up in time', async (context) => {
  await opensWith(await aRawServer(context, () => undefined), 'unreachable', { ...QUICK, callTimeoutMs: 100 })
})

test('a message that comes in drips and never ends is a protocol error', async (context) => {
  const uri = await aRawServer(context, (socket) => {
    socket.write(Buffer.from('01000000', 'hex'))
    const timer = setInterval(() => socket.write(Buffer.of(0)), 5)
    socket.on('close', () => clearInterval(timer))
  })
  const error = await opensWith(uri, 'protocol', { ...QUICK, messageTimeoutMs: 200 })
  assert.match(error.message, /stalls/)
})

test('a slow answer that does come is good', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open()
  server.on(HOST_PROCEDURES.hostname, silence)
  const call = libvirt.hostname()
  // Serials 1 to 3 were for opening: authentication, keepalive, open.
  const header = { program: REMOTE_PROGRAM, version: 1, procedure: 59, type: 1, serial: 4, status: 0 }
  const bytes = encodeMessage(header, (writer) => writer.string('drop by drop', 100))
  for (const byte of bytes) {
    server.sendRaw(Buffer.of(byte))
    await new Promise(setImmediate)
  }
  assert.equal(await call, 'drop by drop')
})

async function withGarbage(context: TestContext, bytes: Buffer): Promise<void> {
  const { server, open } = await aFake(context)
  const libvirt = await open()
  server.on(HOST_PROCEDURES.hostname, silence)
  const call = libvirt.hostname()
  await libvirt.libraryVersion()
  server.sendRaw(bytes)
  await assert.rejects(
    call,
    (error) => error instanceof LibvirtError && error.code === 'protocol' && error.fate === 'unknown',
  )
  assert.equal((await libvirt.ended).code, 'protocol')
}

test('garbage amid calls ends the connection, and their fate is unknown', (context) =>
  withGarbage(context, Buffer.from('GET / HTTP/1.1\r\n\r\n')))

test('an event that can not be read ends the connection', (context) => {
  const header = {
    program: REMOTE_PROGRAM,
    version: 1,
    procedure: EVENT_KINDS.lifecycle.procedure,
    type: 2,
    serial: 0,
    status: 0,
  }
  return withGarbage(
    context,
    encodeMessage(header, (writer) => writer.unsigned(1)),
  )
})

test('an event of a kind that we do not know is passed over', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open()
  server.sendRaw(encodeMessage({ program: REMOTE_PROGRAM, version: 1, procedure: 438, type: 2, serial: 0, status: 0 }))
  assert.equal(await libvirt.hostname(), 'fake-1')
})

test('a reply that comes twice is one that nobody asked for', async (context) => {
  const uri = await aRawServer(
    context,
    answering((call) => Buffer.concat([reply({})(call), reply({})(call)])),
  )
  assert.match((await opensWith(uri, 'protocol')).message, /never made/)
})

test('pings of the daemon are answered', async (context) => {
  let pongs = 0
  const uri = await aRawServer(context, (socket) => {
    const frames = new FrameReader()
    socket.write(encodeMessage({ program: KEEPALIVE_PROGRAM, version: 1, procedure: 1, type: 2, serial: 0, status: 0 }))
    socket.on('data', (chunk) => {
      frames.push(chunk, ({ header }) => {
        if (header.program !== KEEPALIVE_PROGRAM) return
        pongs += header.procedure === 2 ? 1 : 0
        socket.destroy()
      })
    })
  })
  await opensWith(uri, 'unreachable')
  assert.equal(pongs, 1)
})

test('whoever pings for ever and reads nothing does not fill our memory', async (context) => {
  const ping = encodeMessage({ program: KEEPALIVE_PROGRAM, version: 1, procedure: 1, type: 2, serial: 0, status: 0 })
  const pings = Buffer.concat(Array.from({ length: 2000 }, () => ping))
  const { promise: sent, resolve } = Promise.withResolvers<void>()
  const uri = await aRawServer(context, (socket) => {
    socket.pause()
    // 20 million bytes, answered with as many.
    const send = (left: number): void => {
      if (left <= 0) resolve()
      else socket.write(pings, () => setImmediate(send, left - pings.length))
    }
    send(20_000_000)
  })
  const { target } = parseAddress(uri)
  assert.ok(target.transport === 'unix')
  const socket = connect(target.path)
  await once(socket, 'connect')
  const connection = new RpcConnection(streamTransport(uri, socket))
  await sent
  assert.ok(socket.writableLength < 1_100_000, `${socket.writableLength} bytes are kept`)
  connection.destroy()
})
