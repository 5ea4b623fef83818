/** Damages what guests send, and gives it to all that reads it. */
import assert from 'node:assert/strict'
import { getHeapStatistics } from 'node:v8'
import { aLine } from '../../src/apps/server/builders.ts'
import { LineCutter } from '../../src/apps/server/channel-lines.ts'
import { readVector } from '../../src/apps/server/read-vector.ts'
import { proves, readJoin, readRenewal } from '../../src/apps/server/key-request.ts'
import { REFUSAL_WORDS } from '../../src/engine/admission/refusals.ts'
import type { Luck } from '../../src/terms/luck.ts'
import { encodePersonality } from '../../src/terms/personality-codec.ts'

export interface FuzzCounts {
  readonly messages: number
  readonly accepted: number
  readonly refused: number
  /** Messages that once took longer than a millisecond or more than 64 KiB, pauses of the process included: each was read again, and took less. */
  readonly readAgain: number
  /** The least that the dearest of all messages took. */
  readonly slowestMs: number
  readonly largestBytes: number
}

/** Bounds of test 16: what one message may cost whoever reads it. */
const MS_MAX = 1
const BYTES_MAX = 64 * 1024
/** Times that a message is read which seemed too dear: the machine's other work, and collections of garbage, do not come each time. */
const READS_MAX = 10

const WORDS: ReadonlySet<string> = new Set(REFUSAL_WORDS)
/** What tends to find holes. */
const PIECES = [
  '"__proto__":{"polluted":1},',
  '"constructor":{"prototype":{"polluted":1}},',
  '"seq":1,',
  '"seq":"0",',
  'NaN',
  '1e308',
  '1e999',
  '-0',
  '5e-324',
  '-1',
  'Infinity',
  'null',
  '[]',
  '{}',
  '\\u0000',
  '"',
  '\n',
  '\u{1f600}',
  '[[[[[[[[[[[[[[[[',
  '"schema":2,',
  '"schema":0,',
] as const

/** Throws where anything but a refusal comes of a damaged message, or where an object of the program was changed. */
export function fuzzWire(luck: Luck, messages: number): FuzzCounts {
  const before = fingerprint()
  const cutter = new LineCutter()
  let accepted = 0
  const dearest = { readAgain: 0, slowestMs: 0, largestBytes: 0 }
  for (let i = 0; i < messages; i++) {
    const message = damage(drawMessage(luck), luck)
    const vector = readMeasured(message, dearest)
    if ('word' in vector) {
      assert.ok(WORDS.has(vector.word), vector.word)
      // A refusal does not give back what it was sent: an answer of 100 of them is bounded.
      assert.ok(vector.reason.length <= 400, vector.reason)
    } else {
      accepted++
      assert.ok(vector.values.every(Number.isFinite))
      assert.equal(encodePersonality(vector), message)
    }
    const lines = cutter.cut(Buffer.from(`${message}\n`))
    assert.ok(lines.every((line) => line.length <= 1024))
    if (i % 20 === 0) readOthers(message)
  }
  assert.equal(fingerprint(), before)
  return { messages, accepted, refused: messages - accepted, ...dearest }
}

/** Reads a message, again where that took too much, and asserts that it can be read within the bounds. */
function readMeasured(
  message: string,
  dearest: { readAgain: number; slowestMs: number; largestBytes: number },
): ReturnType<typeof readVector> {
  let [ms, bytes] = [Infinity, Infinity]
  for (let read = 1; ; read++) {
    const heldBefore = getHeapStatistics().used_heap_size
    const startedAt = performance.now()
    const vector = readVector(message, 'vm-1')
    ms = Math.min(ms, performance.now() - startedAt)
    // Less than none is what a collection leaves: it tells nothing of the message.
    const held = getHeapStatistics().used_heap_size - heldBefore
    if (held >= 0) bytes = Math.min(bytes, held)
    if (ms <= MS_MAX && bytes <= BYTES_MAX) {
      if (read > 1) dearest.readAgain++
      dearest.slowestMs = Math.max(dearest.slowestMs, ms)
      dearest.largestBytes = Math.max(dearest.largestBytes, bytes)
      return vector
    }
    assert.ok(read < READS_MAX, `${ms} ms and ${bytes} bytes, at the least, for ${JSON.stringify(message)}`)
  }
}

function readOthers(message: string): void {
  const join = readJoin(message)
  assert.ok(Object.values(join).every((value) => typeof value === 'string' && value.length <= 500))
  assert.equal(proves(readRenewal(message), 'text'), false)
  assert.equal(proves({ publicKey: message, proof: message }, 'text'), false)
}

function drawMessage(luck: Luck): string {
  const line = aLine('vm-1', luck.below(2 ** 32), { sender: `s${luck.below(100)}`, cpu: luck.normal() + 1 })
  switch (luck.below(12)) {
    case 0:
      return '{"vm":"vm-1","token":"0.0","publicKey":"AAAA","proof":"AAAA"}'
    case 1:
      return Array.from({ length: luck.below(300) }, () => String.fromCharCode(luck.below(256))).join('')
    case 2:
      return line.repeat(1 + luck.below(4))
    default:
      return line
  }
}

function damage(message: string, luck: Luck): string {
  let damaged = message
  for (let times = luck.below(4); times > 0; times--) {
    const at = luck.below(damaged.length + 1)
    const piece = luck.below(2) === 0 ? PIECES[luck.below(PIECES.length)] : String.fromCharCode(luck.below(256))
    damaged = damaged.slice(0, at) + piece + damaged.slice(at + luck.below(3))
  }
  return damaged
}

/** Names of all that everything inherits. */
function fingerprint(): string {
  return [Object.prototype, Array.prototype, Function.prototype, String.prototype]
    .map((prototype) => Object.getOwnPropertyNames(prototype).join())
    .join('|')
}
