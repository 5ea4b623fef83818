import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../../tools/property.ts'
import { LibvirtError } from './errors.ts'
import { checkHeader, encodeMessage, FrameReader, type Header } from './frame.ts'
import { KEEPALIVE_PROGRAM, MESSAGE_BYTES_MAX, REMOTE_PROGRAM } from './limits.ts'

const REPLY: Header = { program: REMOTE_PROGRAM, version: 1, procedure: 59, type: 1, serial: 7, status: 0 }

function aMessage(payloadBytes: number, serial = 7): Buffer {
  return encodeMessage({ ...REPLY, serial }, (writer) => writer.fixedOpaque(Buffer.alloc(payloadBytes, 0xab)))
}

/** Serials and payload sizes of what comes out. */
function readAll(chunks: readonly Buffer[]): string[] {
  const reader = new FrameReader()
  const found: string[] = []
  for (const chunk of chunks) {
    reader.push(chunk, ({ header, payload }) => {
      const { left } = payload
      assert.ok(payload.fixedOpaque(left).every((byte) => byte === 0xab))
      found.push(`${header.serial}:${left}`)
    })
  }
  assert.equal(reader.isWithinMessage, false)
  return found
}

function isProtocolError(error: unknown): boolean {
  return error instanceof LibvirtError && error.code === 'protocol' && error.fate === 'unknown'
}

test('a message is a length that counts itself, six words, and its payload', () => {
  assert.equal(
    aMessage(4).toString('hex'),
    '00000020200080860000000100000 03b000000010000000700000000abababab'.replace(' ', ''),
  )
})

test('messages come out the same however their bytes are cut', () => {
  const sizes = fc.array(
    fc.integer({ min: 0, max: 6000 }).map((words) => words * 4),
    { minLength: 1, maxLength: 6 },
  )
  checkProperty(
    fc.property(sizes, fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 30 }), (drawn, cuts) => {
      const bytes = Buffer.concat(drawn.map((size, i) => aMessage(size, i)))
      const chunks: Buffer[] = []
      for (let at = 0, i = 0; at < bytes.length; at += cuts[i % cuts.length], i++)
        chunks.push(bytes.subarray(at, at + cuts[i % cuts.length]))
      const expected = drawn.map((size, i) => `${i}:${size}`)
      assert.deepEqual(readAll(chunks), expected)
    }),
  )
})

test('byte by byte, memory is taken as bytes come and not as they are announced', () => {
  const reader = new FrameReader()
  const header = Buffer.alloc(4)
  header.writeUInt32BE(MESSAGE_BYTES_MAX + 4)
  reader.push(header, () => assert.fail('not whole'))
  for (let i = 0; i < 10_000; i++) reader.push(Buffer.of(1), () => assert.fail('not whole'))
  assert.ok(reader.isWithinMessage)
  // 10 004 bytes came; the buffer doubles as it fills.
  assert.ok(reader.heldBytes <= 2 * 10_004, `${reader.heldBytes} bytes`)
})

test('a buffer that was large once is let go', () => {
  const reader = new FrameReader()
  const bytes = aMessage(1_000_000)
  let messages = 0
  for (const chunk of [bytes.subarray(0, 500_000), bytes.subarray(500_000)]) reader.push(chunk, () => messages++)
  assert.equal(messages, 1)
  assert.ok(reader.heldBytes < 10_000, `${reader.heldBytes} bytes`)
})

test('the largest message is read, and one byte more is refused', () => {
  const largest = aMessage(MESSAGE_BYTES_MAX - 24)
  assert.deepEqual(readAll([largest]), [`7:${MESSAGE_BYTES_MAX - 24}`])
  largest.writeUInt32BE(MESSAGE_BYTES_MAX + 5)
  assert.throws(() => readAll([largest.subarray(0, 4)]), isProtocolError)
})

for (const [what, bytes] of [
  ['shorter than its header', '0000001b'],
  ['of no bytes', '00000000'],
  ['from a TLS port', '15030300020228'],
  ['from a web server', Buffer.from('HTTP/1.1 400 Bad Request\r\n').toString('hex')],
  ['from an SSH server', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n').toString('hex')],
] as const) {
  test(`a message ${what} is refused at its fourth byte`, () => {
    const all = Buffer.from(bytes, 'hex')
    assert.throws(() => new FrameReader().push(all, () => assert.fail('no message')), isProtocolError)
    const dripping = new FrameReader()
    for (const byte of all.subarray(0, 3)) dripping.push(Buffer.of(byte), () => assert.fail('no message'))
    assert.throws(() => dripping.push(all.subarray(3, 4), () => assert.fail('no message')), isProtocolError)
  })
}

for (const [what, header] of [
  ['an unknown program', { program: 0x1234 }],
  ['a version to come', { version: 2 }],
  ['a call, which only we make', { type: 0 }],
  ['a stream', { type: 3 }],
  ['a reply with file descriptors', { type: 5 }],
  ['a status of streams', { status: 2 }],
  ['an event with an error', { type: 2, status: 1 }],
  ['a keepalive that is a reply', { program: KEEPALIVE_PROGRAM }],
] as const) {
  test(`${what} is refused`, () => assert.throws(() => checkHeader({ ...REPLY, ...header }), isProtocolError))
}

test('replies, errors, events and pings pass', () => {
  for (const header of [{}, { status: 1 }, { type: 2 }, { program: KEEPALIVE_PROGRAM, type: 2 }])
    checkHeader({ ...REPLY, ...header })
})
