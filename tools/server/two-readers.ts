/** The quick reader of vectors beside the one that has words for all that is wrong: on every line both must say the same. */
import assert from 'node:assert/strict'
import { readInWords, readVector, type UnreadLine } from '../../src/apps/server/read-vector.ts'
import { parseVmId } from '../../src/terms/ids.ts'
import type { Luck } from '../../src/terms/luck.ts'
import { DIMENSIONS, MASK_BYTES, type PersonalityVector } from '../../src/terms/personality.ts'
import { encodePersonality, WIRE_BYTES_MAX } from '../../src/terms/personality-codec.ts'
import { scanPersonality } from '../../src/terms/personality-scan.ts'

export interface ReaderCounts {
  readonly lines: number
  /** Taken by both; all of them by the quick reader alone, so that the other was never asked. */
  readonly taken: number
}

const IDS = ['vm-1', 'a', "it's/<b>&c", '~'.repeat(64), '{}:,[]', '%2F']
const CHARACTERS = '0123456789-+.eE"\\=/ {}[]:,AZaz\u0000\u007f\u00e9\u{1f600}'

/** Throws where the two differ. */
export function compareReaders(luck: Luck, lines: number): ReaderCounts {
  let taken = 0
  let whole = encodePersonality(drawVector(luck))
  for (let i = 0; i < lines; i++) {
    // A line that is drawn anew costs ten times what a damage costs.
    if (i % 8 === 0) whole = encodePersonality(drawVector(luck))
    const line = i % 8 === 0 ? whole : mutate(whole, luck)
    const quick = scanPersonality(line)
    const inWords = readInWords(line)
    const isTaken = !('word' in inWords)
    if (isTaken) taken++
    if (isTaken) assert.ok(quick !== undefined, `only in words: ${line}`)
    else if (inWords.word !== 'out of range') assert.equal(quick, undefined, `only in haste: ${line}`)
    assert.ok(areSame(readVector(line), inWords), line)
    if (quick === undefined || luck.below(4) > 0) continue
    // Within a longer text, whatever stands around it.
    const around = CHARACTERS.slice(luck.below(CHARACTERS.length))
    const text = `${around}${line}${around}`
    assert.ok(
      areSame(
        scanPersonality(text, { from: around.length, to: around.length + line.length }) as PersonalityVector,
        quick,
      ),
    )
  }
  return { lines, taken }
}

function drawVector(luck: Luck): PersonalityVector {
  const mask = new Uint8Array(MASK_BYTES)
  const values = new Float32Array(DIMENSIONS)
  const share = luck.below(5) / 4
  for (let i = 0; i < DIMENSIONS; i++) {
    if (luck.below(1000) >= share * 1000) continue
    mask[i >> 3] |= 1 << (i & 7)
    // Small enough for a share too.
    values[i] = luck.below(50) === 0 ? -0 : luck.below(1001) / 1000
  }
  return {
    vmId: parseVmId(IDS[luck.below(IDS.length)]),
    sender: `s${luck.below(1e6)}`.padEnd(1 + luck.below(36), '~'),
    sequence: luck.below(2) === 0 ? luck.below(12) : luck.below(2 ** 32),
    windowEnd: luck.below(2) === 0 ? luck.below(12) : luck.below(99_999_999_999_999),
    windowMs: 1 + luck.below(86_400_000),
    coverage: luck.below(3) === 0 ? luck.below(2) : luck.below(10_001) / 1e4,
    phases: luck.below(2) === 0 ? 0 : 1 + luck.below(999),
    values,
    mask,
  }
}

/** One to three small changes: most lines stay near to what would be taken, where mistakes are. */
function mutate(line: string, luck: Luck): string {
  let changed = line
  for (let times = 1 + luck.below(3); times > 0; times--) {
    // Two thirds of the time before the numbers begin, where the grammar is.
    const at = luck.below(luck.below(3) > 0 ? Math.min(changed.length, 200) : changed.length)
    const character = CHARACTERS[luck.below(CHARACTERS.length)]
    switch (luck.below(6)) {
      case 0:
        changed = changed.slice(0, at) + changed.slice(at + 1)
        break
      case 1:
        changed = changed.slice(0, at) + changed[at] + changed.slice(at)
        break
      case 2:
        changed = changed.slice(0, at) + (changed[at + 1] ?? '') + changed[at] + changed.slice(at + 2)
        break
      case 3:
        changed = changed.replace(/\d/, String(luck.below(10)))
        break
      case 4:
        changed = changed.slice(0, at) + character + changed.slice(at)
        break
      default:
        changed = changed.slice(0, at) + character + changed.slice(at + 1)
    }
  }
  return changed.slice(0, WIRE_BYTES_MAX + 20)
}

type Read = PersonalityVector | UnreadLine

/** Bit for bit: -0 is not 0. */
function areSame(a: Read, b: Read): boolean {
  if ('word' in a || 'word' in b) return 'word' in a && 'word' in b && a.word === b.word && a.reason === b.reason
  return (
    plainOf(a).every((value, i) => Object.is(value, plainOf(b)[i])) &&
    Buffer.compare(a.mask, b.mask) === 0 &&
    Buffer.compare(bitsOf(a), bitsOf(b)) === 0
  )
}

function plainOf({ vmId, sender, sequence, windowEnd, windowMs, coverage, phases }: PersonalityVector): unknown[] {
  return [vmId, sender, sequence, windowEnd, windowMs, coverage, phases]
}

function bitsOf({ values }: PersonalityVector): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength)
}
