import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../tools/property.ts'
import {
  countDamaged,
  crc32,
  encodeCursor,
  encodeRecord,
  parseCursor,
  RECORD_HEADER_BYTES,
  scanSegment,
  SEGMENT_HEADER,
} from './spool-records.ts'

const line = (i: number): string => `{"seq":${i},"data":"${'x'.repeat(40 + (i % 7))}"}`
const LINES = Array.from({ length: 50 }, (_, i) => line(i))
const WHOLE = Buffer.concat([SEGMENT_HEADER, ...LINES.map((text) => encodeRecord(text))])
/** Where each record ends. */
const ENDS = LINES.map((_, i) =>
  LINES.slice(0, i + 1).reduce((sum, text) => sum + RECORD_HEADER_BYTES + text.length, SEGMENT_HEADER.length),
)

test('the checksum is that of zip', () => {
  // The check value of CRC-32/ISO-HDLC.
  assert.equal(crc32(Buffer.from('123456789')), 0xcbf43926)
})

test('what is written is read, and parts of it by their place', () => {
  assert.deepEqual(scanSegment(WHOLE), { lines: LINES, count: 50, soundBytes: WHOLE.length })
  assert.deepEqual(scanSegment(WHOLE, { from: 48, to: 99 }).lines, LINES.slice(48))
  assert.deepEqual(scanSegment(WHOLE, { from: 0, to: 0 }), { lines: [], count: 50, soundBytes: WHOLE.length })
})

test('any one flipped bit of fifty records ends them there; those before are sound, and those lost are counted, all of them', () => {
  for (let at = 0; at < WHOLE.length; at++) {
    for (const bit of [1 << (at % 8), 1 << ((at + 3) % 8)]) {
      const damaged = Buffer.from(WHOLE)
      damaged[at] ^= bit
      const { lines, count, soundBytes } = scanSegment(damaged)
      const index = at < SEGMENT_HEADER.length ? 0 : ENDS.findIndex((end) => at < end)
      const sound = at < SEGMENT_HEADER.length ? 0 : index === 0 ? SEGMENT_HEADER.length : ENDS[index - 1]
      assert.deepEqual([count, soundBytes], [index, sound], `byte ${at}`)
      assert.deepEqual(lines, LINES.slice(0, index))
      assert.equal(countDamaged(damaged, Math.max(sound, SEGMENT_HEADER.length)), 50 - index, `byte ${at}`)
    }
  }
})

test('cut at any length, whole records are sound and the one that was cut is counted', () => {
  for (let length = 0; length <= WHOLE.length; length++) {
    const cut = WHOLE.subarray(0, length)
    const { lines, soundBytes } = scanSegment(cut)
    const whole = ENDS.filter((end) => end <= length).length
    assert.deepEqual(lines, LINES.slice(0, whole))
    const isAtAnEnd = length <= SEGMENT_HEADER.length || ENDS.includes(length)
    assert.equal(countDamaged(cut, Math.max(soundBytes, SEGMENT_HEADER.length)), isAtAnEnd ? 0 : 1, `length ${length}`)
  }
})

test('whatever the bytes are, a scan ends and takes none for sound that are not', () => {
  checkProperty(
    fc.property(fc.uint8Array({ maxLength: 300 }), (rubbish) => {
      assert.deepEqual(scanSegment(rubbish).lines, [])
      const behind = scanSegment(Buffer.concat([WHOLE, rubbish]))
      assert.deepEqual([behind.count, behind.soundBytes], [50, WHOLE.length])
    }),
  )
})

test('a cursor reads as it was written, and anything else is none', () => {
  const text = encodeCursor({ next: 123_456_789, lost: 12 })
  assert.deepEqual(parseCursor(text), { next: 123_456_789, lost: 12 })
  for (let at = 0; at < text.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const damaged = Buffer.from(text)
      damaged[at] ^= 1 << bit
      assert.equal(parseCursor(damaged.toString('latin1')), undefined, `bit ${bit} of ${at}`)
    }
    assert.equal(parseCursor(text.slice(0, at)), undefined)
  }
})
