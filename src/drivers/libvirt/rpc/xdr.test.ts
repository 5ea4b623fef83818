import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../../tools/property.ts'
import {
  array,
  type Codec,
  COUNT,
  DOUBLE,
  HYPER,
  INT,
  optional,
  STRING,
  TRUTH,
  UNSIGNED,
  UNSIGNED_HYPER,
} from './codec.ts'
import { DOMAIN, REMOTE_ERROR } from './domain.ts'
import { LibvirtError } from './errors.ts'
import { EVENT_KINDS } from './events.ts'
import type { Procedure } from './procedure.ts'
import { sendableProcedures } from './procedures.ts'
import { SENT_PARAMETER, TYPED_PARAMETER } from './typed-parameters.ts'
import { XdrReader, XdrWriter } from './xdr.ts'

const hyper = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const unsignedHyper = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const unsigned = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const text = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((value) => !value.includes('\0'))
const uuid = fc.uuid()
const domain = fc.record({ name: text, uuid, id: int }, { noNullPrototype: true })
const parameter = fc.oneof(
  fc.record({ field: text, type: fc.constant('int' as const), value: int }, { noNullPrototype: true }),
  fc.record({ field: text, type: fc.constant('hyper' as const), value: hyper }, { noNullPrototype: true }),
  fc.record(
    { field: text, type: fc.constant('double' as const), value: fc.double({ noNaN: true }) },
    { noNullPrototype: true },
  ),
  fc.record({ field: text, type: fc.constant('boolean' as const), value: fc.boolean() }, { noNullPrototype: true }),
  fc.record({ field: text, type: fc.constant('string' as const), value: text }, { noNullPrototype: true }),
)

function write<Value>(codec: Codec<Value>, value: Value): Buffer {
  const writer = new XdrWriter(4)
  codec.write(writer, value)
  return writer.finish()
}

function read<Value>(codec: Codec<Value>, bytes: Buffer): Value {
  const reader = new XdrReader(bytes)
  const value = codec.read(reader)
  reader.finish()
  return value
}

function isProtocolError(error: unknown): boolean {
  return error instanceof LibvirtError && error.code === 'protocol'
}

for (const [name, check] of Object.entries({
  int: () => checkRoundTrip(INT, int),
  'unsigned int': () => checkRoundTrip(UNSIGNED, unsigned),
  hyper: () => checkRoundTrip(HYPER, hyper),
  'unsigned hyper': () => checkRoundTrip(UNSIGNED_HYPER, unsignedHyper),
  double: () => checkRoundTrip(DOUBLE, fc.double({ noNaN: true })),
  string: () => checkRoundTrip(STRING, text),
  truth: () => checkRoundTrip(TRUTH, fc.boolean()),
  'optional string': () => checkRoundTrip(optional(STRING), fc.option(text, { nil: undefined })),
  'array of ints': () => checkRoundTrip(array(INT, 20), fc.array(int, { maxLength: 20 })),
  domain: () => checkRoundTrip(DOMAIN, domain),
  'typed parameter': () =>
    checkRoundTrip(
      SENT_PARAMETER,
      parameter.filter(({ field }) => Buffer.byteLength(field) < 80),
    ),
})) {
  test(`any ${name} reads back as it was written, in whole steps of four bytes`, check)
}

function checkRoundTrip<Value>(codec: Codec<Value>, values: fc.Arbitrary<Value>): void {
  checkProperty(
    fc.property(values, (value) => {
      const bytes = write(codec, value)
      assert.equal(bytes.length % 4, 0)
      assert.deepEqual(read(codec, bytes), value)
    }),
  )
}

test('bytes are as RFC 4506 has them', () => {
  assert.deepEqual(write(INT, -2), Buffer.from('fffffffe', 'hex'))
  assert.deepEqual(write(HYPER, -2n), Buffer.from('fffffffffffffffe', 'hex'))
  assert.deepEqual(write(DOUBLE, 1), Buffer.from('3ff0000000000000', 'hex'))
  // Five bytes, their length before and three of padding after them.
  assert.deepEqual(write(STRING, 'héh!'), Buffer.from('0000000568c3a96821000000', 'hex'))
  assert.deepEqual(write(array(TRUTH, 2), [true, false]), Buffer.from('000000020000000100000000', 'hex'))
  assert.deepEqual(write(optional(UNSIGNED), undefined), Buffer.from('00000000', 'hex'))
})

for (const [what, bytes, codec] of [
  ['a string that ends too early', '0000000568', STRING],
  ['a string longer than any may be', 'ffffffff', STRING],
  ['padding that is not zero', '0000000168000001', STRING],
  ['an array longer than any may be', '00000015', array(INT, 20)],
  ['an array longer than the bytes that are left', '0000001400000000', array(INT, 20)],
  ['a pointer that is neither there nor not', '00000002', optional(INT)],
  ['bytes after the end', '0000000100000002', INT],
  ['no bytes', '', HYPER],
  ['a parameter of no known type', '00000001610000000000000900000000', SENT_PARAMETER],
] as [string, string, Codec<unknown>][]) {
  test(`${what} is refused`, () => {
    assert.throws(() => read(codec, Buffer.from(bytes, 'hex')), isProtocolError)
  })
}

function refused(value: () => unknown): void {
  assert.throws(value, (error) => error instanceof LibvirtError && error.code === 'argument')
}

test('what the protocol can not carry is refused before anything is sent', () => {
  refused(() => write(INT, 2 ** 31))
  refused(() => write(INT, 0.5))
  refused(() => write(UNSIGNED, -1))
  refused(() => write(HYPER, 2n ** 63n))
  refused(() => write(UNSIGNED_HYPER, -1n))
  refused(() => write(STRING, 'a\0b'))
  refused(() => write(STRING, 'x'.repeat(4_194_305)))
  refused(() => write(array(INT, 1), [1, 2]))
  refused(() => write(DOMAIN, { name: 'x', uuid: 'not one', id: 1 }))
})

test('an unlimited speed is a large number and no error', () => {
  assert.equal(read(COUNT, write(UNSIGNED_HYPER, 2n ** 64n - 1n)), 2 ** 64)
})

test('whatever bytes come as the answer to whatever call, they are a value or a protocol error', () => {
  const results = sendableProcedures({ isPostCopyAllowed: true }).map(
    (one) => (one as Procedure<unknown, unknown>).result,
  )
  const events = Object.values(EVENT_KINDS).map(({ codec }) => codec as Codec<unknown>)
  const codecs = [...results, ...events, REMOTE_ERROR as Codec<unknown>, TYPED_PARAMETER as Codec<unknown>]
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.array(smallWord(), { maxLength: 50 }).map(joined))
  checkProperty(
    fc.property(bytes, (drawn) => {
      for (const codec of codecs) {
        try {
          codec.read(new XdrReader(Buffer.from(drawn)))
        } catch (error) {
          assert.ok(isProtocolError(error), String(error))
        }
      }
    }),
    { runs: 2000 },
  )
})

/** Words that look like lengths and flags get further than noise. */
function smallWord(): fc.Arbitrary<number> {
  return fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 0, max: 8 }) }, unsigned)
}

function joined(words: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(words.length * 4)
  for (const [i, word] of words.entries()) bytes.writeUInt32BE(word, i * 4)
  return bytes
}
