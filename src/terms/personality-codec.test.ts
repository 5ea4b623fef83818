import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { aVector } from '../../tools/builders.ts'
import { checkProperty } from '../../tools/property.ts'
import { encodeBase64 } from './base64.ts'
import { parseVmId } from './ids.ts'
import { ParseError } from './parse.ts'
import { DIMENSIONS, isPresent, MASK_BYTES, type PersonalityVector } from './personality.ts'
import { encodePersonality, parsePersonality, SENDER_LENGTH_MAX, WIRE_BYTES_MAX } from './personality-codec.ts'

const vector = fc
  .record({
    sequence: fc.nat(0xffffffff),
    windowEnd: fc.integer({ min: 0, max: 99_999_999_999_999 }),
    windowMs: fc.integer({ min: 1, max: 86_400_000 }),
    coverage: fc.nat(10_000).map((n) => n / 10_000),
    phases: fc.nat(999),
    values: fc
      .array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: DIMENSIONS, maxLength: DIMENSIONS })
      .map((list) => Float32Array.from(list)),
    mask: fc.uint8Array({ minLength: MASK_BYTES, maxLength: MASK_BYTES }).map((bytes) => Uint8Array.from(bytes)),
  })
  .map((rest) => aVector(rest))

/** What arrives of a vector: absent dimensions carry nothing, not even the number that stood there. */
function withoutAbsent(sent: PersonalityVector): PersonalityVector {
  return { ...sent, values: sent.values.map((value, i) => (isPresent(sent, i) ? value : 0)) }
}

/** A good line with some of its fields replaced. */
function aLine(changes: Readonly<Record<string, unknown>> = {}): string {
  const fields: unknown = JSON.parse(encodePersonality(twoPresent()))
  return JSON.stringify({ ...(fields as object), ...changes })
}

function twoPresent(): PersonalityVector {
  const values = new Float32Array(DIMENSIONS)
  values[0] = 1.5
  values[9] = 4e9
  return aVector({ values, mask: Uint8Array.of(1, 2, 0, 0, 0, 0, 0, 0) })
}

test('a vector reads back as it was sent, whatever is present', () => {
  checkProperty(
    fc.property(vector, (sent) => assert.deepEqual(parsePersonality(encodePersonality(sent)), withoutAbsent(sent))),
  )
})

test('a vector is written one way only: what was read is written again byte for byte', () => {
  checkProperty(
    fc.property(vector, (sent) => {
      const line = encodePersonality(sent)
      assert.equal(encodePersonality(parsePersonality(line)), line)
    }),
  )
})

test('the line is what the format page draws', () => {
  // 1.5 is 3fc00000 and 4e9 is 4f6e6b28 in float32, lowest byte first: 00 00 c0 3f 28 6b 6e 4f.
  assert.equal(
    encodePersonality(twoPresent()),
    '{"schema":1,"vm":"vm-1","sender":"agent-1","seq":0,"endMs":300000,"windowMs":300000,"coverage":1,' +
      '"mask":"AQIAAAAAAAA=","data":"AADAPyhrbk8="}',
  )
})

test('the longest line there can be keeps within its bytes', () => {
  const longest = encodePersonality(
    aVector({
      vmId: parseVmId('~'.repeat(64)),
      sender: '~'.repeat(SENDER_LENGTH_MAX),
      sequence: 0xffffffff,
      windowEnd: 99_999_999_999_999,
      windowMs: 86_400_000,
      coverage: 0.1234,
      phases: 999,
      values: new Float32Array(DIMENSIONS).fill(-1 / 3),
      mask: new Uint8Array(MASK_BYTES).fill(255),
    }),
  )
  const bytes = Buffer.byteLength(longest)
  // Names and punctuation 101, ids 100, numbers 10 + 14 + 8 + 6 + 3 + 1, mask 12, and 64 x 4 bytes in base64: 344.
  assert.equal(bytes, 599)
  assert.ok(bytes <= WIRE_BYTES_MAX)
  assert.doesNotThrow(() => parsePersonality(longest))
})

test('coverage is kept to four places', () => {
  assert.equal(parsePersonality(encodePersonality(aVector({ coverage: 1 / 3 }))).coverage, 0.3333)
})

for (const number of [Number.NaN, Infinity, -Infinity]) {
  test(`${number} is no dimension: the line that holds it is refused by place`, () => {
    const values = new Float32Array(DIMENSIONS)
    values[9] = number
    const line = encodePersonality({ ...twoPresent(), values })
    assert.throws(() => parsePersonality(line), /^ParseError: vector\.data\[9\]: .*finite number or absent/)
  })
}

test('a line from a newer agent says so', () => {
  assert.throws(
    () => parsePersonality(aLine({ schema: 2 })),
    /vector\.schema: 2 .*Is the agent newer than the server\?/,
  )
})

const HOSTILE: readonly (readonly [what: string, line: string])[] = [
  ['nothing', ''],
  ['a list', '[]'],
  ['null', 'null'],
  ['a line cut short', aLine().slice(0, -1)],
  ['two lines', `${aLine()}\n${aLine()}`],
  ['a line too long', aLine({ sender: 'x'.repeat(600) })],
  ['a line padded beyond its bytes', aLine() + ' '.repeat(WIRE_BYTES_MAX)],
  ['an unknown field', aLine({ colour: 'red' })],
  ['an unknown field of ill repute', aLine().replace('{', '{"__proto__":{},')],
  ['an old schema', aLine({ schema: 0 })],
  ['a schema that is text', aLine({ schema: '1' })],
  ['an id with a space', aLine({ vm: 'a b' })],
  ['no id', aLine({ vm: undefined })],
  ['a sender too long', aLine({ sender: 'x'.repeat(SENDER_LENGTH_MAX + 1) })],
  ['an empty sender', aLine({ sender: '' })],
  ['a sender with a quote', aLine({ sender: 'a"b' })],
  ['a negative sequence', aLine({ seq: -1 })],
  ['a sequence beyond 32 bits', aLine({ seq: 2 ** 32 })],
  ['half a sequence', aLine({ seq: 0.5 })],
  ['an end beyond all dates', aLine({ endMs: 8.65e15 })],
  ['an empty window', aLine({ windowMs: 0 })],
  ['a window longer than a day', aLine({ windowMs: 86_400_001 })],
  ['coverage above one', aLine({ coverage: 1.0001 })],
  ['a mask too short', aLine({ mask: encodeBase64(new Uint8Array(MASK_BYTES - 1)) })],
  ['a mask too long', aLine({ mask: encodeBase64(new Uint8Array(MASK_BYTES + 1)) })],
  ['a mask that promises more than there is', aLine({ mask: encodeBase64(Uint8Array.of(3, 2, 0, 0, 0, 0, 0, 0)) })],
  ['a mask that promises less than there is', aLine({ mask: encodeBase64(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0)) })],
  ['a mask that is no base64', aLine({ mask: 'AQIAAAAAAA==!' })],
  ['data cut within a number', aLine({ data: encodeBase64(new Uint8Array(7)) })],
  ['data that is no text', aLine({ data: 7 })],
  ['data with stray bits', aLine({ data: 'AADAPyhrbk9=' })],
]

for (const [what, line] of HOSTILE) {
  test(`a guest that sends ${what} is refused`, () => {
    assert.throws(() => parsePersonality(line), ParseError)
  })
}

test('a field that is missing is refused, whichever it is', () => {
  const fields = JSON.parse(aLine()) as Record<string, unknown>
  for (const name of Object.keys(fields)) {
    const rest = Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name))
    assert.throws(() => parsePersonality(JSON.stringify(rest)), ParseError, name)
  }
})

test('bytes at random, JSON at random and good lines with one character changed do no worse than a ParseError', () => {
  const good = encodePersonality(twoPresent())
  const mutant = fc
    .tuple(fc.nat(good.length - 1), fc.string({ minLength: 0, maxLength: 3, unit: 'binary' }))
    .map(([at, put]) => good.slice(0, at) + put + good.slice(at + 1))
  const line = fc.oneof(fc.string({ unit: 'binary', maxLength: 700 }), fc.json(), mutant)
  checkProperty(
    fc.property(line, (candidate) => {
      try {
        const read = parsePersonality(candidate)
        assert.ok(read.values.every(Number.isFinite))
      } catch (error) {
        assert.ok(error instanceof ParseError, String(error))
      }
    }),
    { runs: 2000 },
  )
})
