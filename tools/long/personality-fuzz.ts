import assert from 'node:assert/strict'
import { Luck } from '../../src/terms/luck.ts'
import { ParseError } from '../../src/terms/parse.ts'
import { DIMENSIONS, MASK_BYTES } from '../../src/terms/personality.ts'
import { encodePersonality, parsePersonality, WIRE_BYTES_MAX } from '../../src/terms/personality-codec.ts'
import { aVector } from '../builders.ts'
import type { LongTest } from '../long-test.ts'

const LINES = 1_000_000

/** Good lines with some of their characters replaced: what nearly passes is what finds holes. */
export const longTest: LongTest = {
  summary: `${LINES} personality lines with 0 to 3 characters replaced: read as written, or refused with a ParseError.`,
  run: (seed) => {
    const luck = new Luck(seed)
    let accepted = 0
    let lineBytesMax = 0
    for (let i = 0; i < LINES; i++) {
      const line = randomLine(luck)
      lineBytesMax = Math.max(lineBytesMax, line.length)
      if (isAccepted(damage(line, luck.below(4), luck))) accepted++
    }
    assert.ok(lineBytesMax <= WIRE_BYTES_MAX)
    return { lines: LINES, accepted, refused: LINES - accepted, lineBytesMax }
  },
}

function randomLine(luck: Luck): string {
  return encodePersonality(
    aVector({
      sequence: luck.below(2 ** 32),
      windowEnd: luck.below(8.64e15),
      coverage: luck.fraction(),
      values: Float32Array.from({ length: DIMENSIONS }, () => luck.normal() * 10 ** luck.below(12)),
      mask: Uint8Array.from({ length: MASK_BYTES }, () => luck.below(256)),
    }),
  )
}

function damage(line: string, times: number, luck: Luck): string {
  let damaged = line
  for (let i = 0; i < times; i++) {
    const at = luck.below(damaged.length)
    damaged = damaged.slice(0, at) + String.fromCharCode(luck.below(256)) + damaged.slice(at + luck.below(2))
  }
  return damaged
}

function isAccepted(line: string): boolean {
  try {
    const read = parsePersonality(line)
    assert.ok(read.values.every(Number.isFinite))
    const written = encodePersonality(read)
    assert.equal(encodePersonality(parsePersonality(written)), written)
    return true
  } catch (error) {
    if (error instanceof ParseError) return false
    throw error
  }
}
