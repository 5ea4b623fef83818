import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROPERTY_SEED } from '../../tools/property.ts'
import { aVector } from '../../tools/builders.ts'
import { Luck } from './luck.ts'
import { ParseError } from './parse.ts'
import { DIMENSIONS, isPresent, MASK_BYTES } from './personality.ts'
import {
  joinPersonality,
  numberOf,
  personalityFromBytes,
  personalityToBytes,
  splitPersonality,
} from './personality-bytes.ts'
import { encodePersonality, parsePersonality } from './personality-codec.ts'

function anyVector(luck: Luck): ReturnType<typeof aVector> {
  const mask = Uint8Array.from({ length: MASK_BYTES }, () => luck.below(256))
  return aVector({
    sender: 'x'.repeat(1 + luck.below(36)),
    sequence: luck.below(2 ** 32),
    windowEnd: luck.below(99_999_999_999_999),
    windowMs: 1 + luck.below(86_400_000),
    coverage: luck.fraction(),
    phases: luck.below(1000),
    values: Float32Array.from({ length: DIMENSIONS }, (_, i) =>
      isPresent({ mask }, i) ? luck.normal() * 10 ** luck.below(12) : 0,
    ),
    mask,
  })
}

test('bytes hold what the line holds, for any vector', () => {
  const luck = new Luck(PROPERTY_SEED)
  for (let i = 0; i < 2000; i++) {
    const line = encodePersonality(anyVector(luck))
    const vector = parsePersonality(line)
    const bytes = personalityToBytes(vector)
    assert.equal(encodePersonality(personalityFromBytes(bytes, vector.vmId)), line)
    const { sender, sequence, windowEnd } = vector
    assert.deepEqual(numberOf(bytes), { sender, sequence, windowEnd })
    const { head, numbers } = splitPersonality(bytes)
    assert.deepEqual(joinPersonality(head, numbers), bytes)
  }
})

test('a vector with all its numbers takes 322 bytes and its sender', () => {
  // 22 of the head, 8 of the mask, 64 numbers of 4: 22 + 8 + 256 = 286, and the sender's 36 make 322.
  const mask = new Uint8Array(MASK_BYTES).fill(255)
  assert.equal(personalityToBytes(aVector({ sender: 's'.repeat(36), mask })).length, 322)
})

test('bytes that were cut off, made longer or of another form are refused', () => {
  const bytes = personalityToBytes(anyVector(new Luck(PROPERTY_SEED)))
  const { vmId } = aVector()
  for (let length = 0; length < bytes.length; length++)
    assert.throws(() => personalityFromBytes(bytes.subarray(0, length), vmId), ParseError)
  assert.throws(() => personalityFromBytes(Uint8Array.from([...bytes, 0]), vmId), ParseError)
  assert.throws(() => personalityFromBytes(bytes.with(0, 9), vmId), ParseError)
})
