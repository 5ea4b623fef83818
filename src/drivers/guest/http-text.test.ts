import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnswerReader, requestHead, type WholeAnswer } from './http-text.ts'
import { MachineError } from './machine.ts'

const HEAD = 'HTTP/1.1 200 OK\r\n'

/** Reads an answer that comes in parts of so many bytes; undefined where it is not whole at the end. */
function read(text: string, { partBytes = 7, bytesMax = 100 } = {}): WholeAnswer | undefined {
  const reader = new AnswerReader(bytesMax)
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length; at += partBytes) {
    const answer = reader.push(bytes.subarray(at, at + partBytes))
    if (answer !== undefined) {
      assert.ok(at + partBytes >= bytes.length, 'bytes are left')
      return answer
    }
  }
  return undefined
}

function bodyOf(answer: WholeAnswer | undefined): string | undefined {
  return answer === undefined ? undefined : Buffer.from(answer.body).toString('latin1')
}

for (const partBytes of [1, 2, 3, 1000]) {
  test(`an answer with a length is whole when that is reached, in parts of ${partBytes} bytes`, () => {
    const answer = read(`${HEAD}Content-Length: 5\r\nX-Two:  a \r\nx-two: b\r\n\r\nhello`, { partBytes })
    assert.equal(bodyOf(answer), 'hello')
    assert.deepEqual([answer?.status, answer?.headers['x-two'], answer?.canGoOn], [200, 'a, b', true])
  })

  test(`chunks are put together, what they say beside is passed over, in parts of ${partBytes} bytes`, () => {
    const chunks = '5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: 1\r\n\r\n'
    assert.equal(bodyOf(read(`${HEAD}Transfer-Encoding: chunked\r\n\r\n${chunks}`, { partBytes })), 'hello world')
  })

  test(`what only informs precedes the answer, in parts of ${partBytes} bytes`, () => {
    const answer = read(`HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 None\r\n\r\n`, { partBytes })
    assert.deepEqual([answer?.status, answer?.headers['link'], bodyOf(answer)], [204, undefined, ''])
  })
}

test('an answer without a length is whole when the connection ends, and only then', () => {
  const reader = new AnswerReader(100)
  assert.equal(reader.push(Buffer.from('HTTP/1.0 200 OK\r\n\r\nuntil ')), undefined)
  assert.equal(reader.push(Buffer.from('the end')), undefined)
  const answer = reader.end()
  assert.deepEqual([bodyOf(answer), answer.canGoOn], ['until the end', false])
})

test('a connection goes on only where both would: not after `close`, not by HTTP/1.0, not with bytes that nobody asked for', () => {
  const empty = 'Content-Length: 0\r\n'
  assert.equal(read(`${HEAD}${empty}\r\n`)?.canGoOn, true)
  assert.equal(read(`${HEAD}${empty}Connection: Close\r\n\r\n`)?.canGoOn, false)
  assert.equal(read(`HTTP/1.0 200 OK\r\n${empty}\r\n`)?.canGoOn, false)
  assert.equal(read(`${HEAD}${empty}\r\nHTTP/1.1`, { partBytes: 1000 })?.canGoOn, false)
})

for (const [what, text] of [
  ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
  ['another version', 'HTTP/2 200\r\n\r\n'],
  ['lines without carriage returns', 'HTTP/1.1 200 OK\n\n'],
  ['a header that goes on in the next line', `${HEAD}a: b\r\n c\r\n\r\n`],
  ['a header with a space before its colon', `${HEAD}Content-Length : 5\r\n\r\nhello`],
  ['a length and chunks', `${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['two lengths', `${HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`],
  ['a length below nothing', `${HEAD}Content-Length: -5\r\n\r\nhello`],
  ['another coding', `${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ['a chunk without a size', `${HEAD}Transfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n`],
  ['a chunk longer than it said', `${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n`],
  ['another protocol', 'HTTP/1.1 101 Switching\r\n\r\n'],
] as const) {
  test(`what is doubtful is refused: ${what}`, () => {
    assert.throws(() => read(text), { code: 'EPROTO' })
  })
}

test('an answer is bounded, whatever way it is long', () => {
  const tooLarge = { code: 'EMSGSIZE' }
  assert.throws(() => read(`${HEAD}Content-Length: 101\r\n\r\n`), tooLarge)
  assert.throws(() => read(`${HEAD}\r\n${'x'.repeat(101)}`), tooLarge)
  assert.throws(() => read(`${HEAD}Transfer-Encoding: chunked\r\n\r\n65\r\n${'x'.repeat(101)}`), tooLarge)
  assert.throws(() => read(`${HEAD}a: ${'x'.repeat(20_000)}`), tooLarge)
  assert.throws(() => read(`${HEAD}${'a: b\r\n'.repeat(4000)}`), tooLarge)
  assert.throws(() => read('HTTP/1.1 100 Continue\r\n\r\n'.repeat(1000)), tooLarge)
  assert.throws(() => read(`${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n${'a: b\r\n'.repeat(4000)}`), tooLarge)
})

test('a connection that ends too early is an error', () => {
  const cut = { code: 'ECONNRESET' }
  for (const text of [
    '',
    'HTTP/1.1 200',
    `${HEAD}Content-Length: 5\r\n\r\nhell`,
    `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
  ]) {
    const reader = new AnswerReader(100)
    assert.equal(reader.push(Buffer.from(text)), undefined)
    assert.throws(() => reader.end(), cut)
  }
})

test('a body of a hundred thousand pieces takes the room of its bytes', () => {
  const reader = new AnswerReader(100_000)
  let answer = reader.push(Buffer.from(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`))
  for (let i = 0; i < 100_000; i++) answer = reader.push(Buffer.from('1\r\nx\r\n'))
  assert.equal(answer, undefined)
  answer = reader.push(Buffer.from('0\r\n\r\n'))
  assert.equal(answer?.body.length, 100_000)
  assert.equal(answer?.body.buffer.byteLength, 100_000)
  assert.ok(answer?.body.every((byte) => byte === 0x78))
})

test('a request says what it was asked to say, and nothing that could be read as another request', () => {
  const to = { target: '/v1/vectors?a=b', host: 'ethos.example:8470', bodyBytes: 3, keepAlive: true }
  assert.equal(
    requestHead({ method: 'POST', headers: { 'content-type': 'text/plain' } }, to),
    'POST /v1/vectors?a=b HTTP/1.1\r\nhost: ethos.example:8470\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n' +
      'connection: keep-alive\r\n\r\n',
  )
  for (const target of ['/a b', '/a\r\nx: y', '', '/ü']) {
    assert.throws(() => requestHead({ method: 'GET' }, { ...to, target }), isRefused)
  }
  for (const headers of [{ a: 'b\r\nc: d' }, { 'a\r\nb': 'c' }, { 'a b': 'c' }, { a: 'ā' }, { a: '\0' }]) {
    assert.throws(() => requestHead({ method: 'GET', headers }, to), isRefused)
  }
})

function isRefused(error: unknown): boolean {
  return error instanceof MachineError && error.code === 'EINVAL'
}
