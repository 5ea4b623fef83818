/** Which numbers a dimension may be, by its unit: what no machine can measure is refused with the whole vector. */
import { isPresent, PERSONALITY_SCHEMA, type PersonalityVector } from '../../terms/personality.ts'

/** More than any machine does of anything: an exabyte, or as many calls a second. */
const AMOUNT_MAX = 1e18
/** Shares are sums of rounded numbers, sent as float32. */
const FRACTION_MAX = 1.001

interface Range {
  readonly min: number
  readonly max: number
}

/** What is measured is never below zero; what is derived may be, such as a change in standard deviations. */
const RANGES: readonly Range[] = PERSONALITY_SCHEMA.map(({ unit, source }) => {
  if (source === 'derived') return { min: -AMOUNT_MAX, max: AMOUNT_MAX }
  return { min: 0, max: unit.startsWith('fraction') ? FRACTION_MAX : AMOUNT_MAX }
})

/** Name of the first dimension that is out of its range; undefined if all are within. */
export function outOfRange(vector: Pick<PersonalityVector, 'mask' | 'values'>): string | undefined {
  for (const [i, { min, max }] of RANGES.entries()) {
    if (!isPresent(vector, i)) continue
    const value = vector.values[i]
    if (!(value >= min && value <= max)) return PERSONALITY_SCHEMA[i].name
  }
  return undefined
}
