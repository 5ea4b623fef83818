/** What goes out packed, and what never does. */
import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import { request } from 'node:https'
import { after, before, test } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { ApiBench, signIn } from './builders.ts'
import { FakeAnswers, FakeStore } from './fakes/builders.ts'
import { PACKED_BYTES_MIN, takes } from './packing.ts'

const answers = new FakeAnswers()
const bench = new ApiBench({ store: new FakeStore(), answers })
let token = ''

const LONG = JSON.stringify({ asOf: 1, hosts: Array.from({ length: 1000 }, (_, i) => `höst-${i}`) })

before(async () => {
  await bench.start({}, (app) =>
    // Before any other: what is short becomes long.
    app.addHook('onSend', async ({ headers }, _reply, payload) =>
      'x-long' in headers && typeof payload === 'string' ? payload.padEnd(2 * PACKED_BYTES_MIN) : payload,
    ),
  )
  token = await bench.token('admin')
})
after(() => bench.stop())

interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
}

/** The bytes as they came. */
function get(
  path: string,
  accepted?: string,
  rest: { method?: string; headers?: object; body?: string } = {},
): Promise<Got> {
  const { method = 'GET', headers = {}, body } = rest
  const accept = accepted === undefined ? {} : { 'accept-encoding': accepted }
  const asked = {
    method,
    path,
    token,
    headers: { ...accept, ...headers },
    ...(body === undefined ? {} : { text: body }),
  }
  const { options, body: content } = bench.optionsOf(asked)
  return new Promise((resolve, reject) => {
    const sent = request({ ...options, agent: false, ca: bench.authority.pem }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes: Buffer.concat(parts) }),
      )
    })
    sent.on('error', reject)
    sent.end(content)
  })
}

for (const [form, text] of Object.entries({ text: LONG, bytes: new Uint8Array(Buffer.from(LONG)) }))
  test(`a long answer as ${form} is packed as its caller takes it, and is the same`, async () => {
    answers.answer = { kind: 'json', text: typeof text === 'string' ? text : text.slice() }
    const plain = await get('/v1/outlook')
    assert.equal(plain.headers['content-encoding'], undefined)
    assert.equal(plain.bytes.toString(), LONG)
    for (const [accepted, packing, unpack] of [
      ['gzip, deflate, br, zstd', 'br', brotliDecompressSync],
      ['gzip;q=1.0, br;q=0', 'gzip', gunzipSync],
    ] as const) {
      answers.answer = { kind: 'json', text: typeof text === 'string' ? text : text.slice() }
      const { status, headers, bytes } = await get('/v1/outlook', accepted)
      assert.equal(status, 200)
      assert.equal(headers['content-encoding'], packing)
      assert.equal(headers['content-length'], String(bytes.length))
      assert.equal(headers['vary'], 'accept-encoding')
      assert.equal(headers['content-type'], 'application/json; charset=utf-8')
      assert.equal(unpack(bytes).toString(), LONG)
      assert.ok(bytes.length < LONG.length / 2, `${bytes.length} of ${LONG.length}`)
    }
  })

/** Of somebody who takes any packing, and is given none. */
async function plain(path: string, rest = {}): Promise<Got> {
  const got = await get(path, 'br, gzip', rest)
  assert.equal(got.headers['content-encoding'], undefined, path)
  return got
}

test('what is short, refused, asked otherwise than by GET, or has a tag, goes out as it is', async () => {
  answers.answer = { kind: 'json', text: '{"asOf":1}' }
  assert.equal((await plain('/v1/outlook')).bytes.toString(), '{"asOf":1}')
  const name = 'x'.repeat(PACKED_BYTES_MIN)
  assert.equal((await plain(`/v1/vms?name=${name}`)).status, 400)
  answers.answer = { kind: 'json', text: LONG }
  assert.equal(
    (await plain('/v1/placements', { method: 'POST', body: '{"vms":[{"vcpus":1,"memoryBytes":1}]}' })).bytes.length,
    Buffer.byteLength(LONG),
  )
  assert.equal((await plain('/v1/outlook', { method: 'HEAD' })).bytes.length, 0)
  assert.match(String((await plain('/v1/policy')).headers['etag']), /^"policy-/)
})

test('the secret of a session is not packed, however long it were: it stands outside of what is packed', async () => {
  const own = await bench.token('viewer')
  const { headers } = await signIn(bench, own)
  const long = { headers: { ...headers, 'x-long': '1' } }
  const session = await get('/v1/session', 'br, gzip', long)
  assert.match(session.bytes.toString(), /^\{"session":.*"csrf":/)
  assert.equal(session.headers['content-encoding'], undefined)
  assert.equal((await get('/v1/vms', 'br, gzip', long)).headers['content-encoding'], 'br')
})

test('a packing is taken where it is named, and not where it is refused', () => {
  assert.ok(takes('br', 'gzip, deflate, br'))
  assert.ok(takes('gzip', 'GZIP;q=0.5'))
  for (const accepted of ['', '*', 'gzip', 'brx', 'br;q=0', 'br; q=0.000']) assert.ok(!takes('br', accepted), accepted)
})
