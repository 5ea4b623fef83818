import { aVector } from '../../tools/builders.ts'
import { bench } from '../../tools/benchmark.ts'
import { Luck } from './luck.ts'
import { DIMENSIONS, MASK_BYTES, PERSONALITY_SCHEMA, type PersonalityVector } from './personality.ts'
import { encodePersonality, parsePersonality } from './personality-codec.ts'

const luck = new Luck(1)
const vectors: readonly PersonalityVector[] = Array.from({ length: 64 }, (_, sequence) =>
  aVector({
    sequence,
    values: Float32Array.from({ length: DIMENSIONS }, () => luck.fraction() * 1e6),
    mask: new Uint8Array(MASK_BYTES).fill(255),
  }),
)

/** The same numbers as plain JSON with their names: what one would write without a schema. */
function roundTripNamed(vector: PersonalityVector): number {
  const named = Object.fromEntries(PERSONALITY_SCHEMA.map(({ name }, i) => [name, vector.values[i]]))
  const read = JSON.parse(JSON.stringify({ ...vector, values: named, mask: undefined })) as { sequence: number }
  return read.sequence + 1
}

bench(
  'encode and parse a full personality vector',
  { smoke: 50, full: 20_000 },
  (size) => {
    let sum = 0
    for (let i = 0; i < size; i++) {
      const read = parsePersonality(encodePersonality(vectors[i % vectors.length]))
      sum += read.sequence + read.values[i % DIMENSIONS]
    }
    return sum
  },
  {
    name: 'JSON.stringify and JSON.parse with named numbers, unchecked',
    work: (size) => {
      let sum = 0
      for (let i = 0; i < size; i++) sum += roundTripNamed(vectors[i % vectors.length])
      return sum
    },
  },
)
