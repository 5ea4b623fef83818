/** Which numbers a dimension may be, by its unit: what no machine can measure is refused with the whole vector. */
import { isPresent, PERSONALITY_SCHEMA, type PersonalityVector } from '../../terms/personality.ts'

/** More than any machine does of anything: an exabyte, or as many calls a second. */
const AMOUNT_MAX = 1e18
/** Shares are sums of rounded numbers, sent as float32. */
const FRACTION_MAX = 1.001

/** What is measured is never below zero; what is derived may be, such as a change in standard deviations. */
const LEAST = Float64Array.from(PERSONALITY_SCHEMA, ({ source }) => (source === 'derived' ? -AMOUNT_MAX : 0))
const MOST = Float64Array.from(PERSONALITY_SCHEMA, ({ unit, source }) =>
  source !== 'derived' && unit.startsWith('fraction') ? FRACTION_MAX : AMOUNT_MAX,
)

/** Name of the first dimension that is out of its range; undefined if all are within. */
export function outOfRange(vector: Pick<PersonalityVector, 'mask' | 'values'>): string | undefined {
  const { values } = vector
  for (let i = 0; i < LEAST.length; i++) {
    const value = values[i]
    if (!(value >= LEAST[i] && value <= MOST[i]) && isPresent(vector, i)) return PERSONALITY_SCHEMA[i].name
  }
  return undefined
}
