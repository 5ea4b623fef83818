/** Numbers in 16 bits, for what is kept for weeks: sign and logarithm. A number comes back within 0.1 % of what it was where it lies between 1e-12 and
 *  1e15 on either side of zero; what is nearer to zero comes back as 0, what is farther as 1e15. Absent and zero are kept apart.
 *  Steps of 0.0019 in the natural logarithm err by e^0.00095 - 1 = 0.095 % at most; 32 766 of them span 62.2, which is 27 decades. */

export const ABSENT = 0x8000
const NEGATIVE = 0x8000
const STEP = 0.0019
const SMALLEST = 1e-12
const LOG_SMALLEST = Math.log(SMALLEST)
const CODES_MAX = 0x7fff

const NUMBERS = new Float32Array(65536)
for (let code = 1; code <= CODES_MAX; code++) {
  NUMBERS[code] = Math.exp(LOG_SMALLEST + (code - 1) * STEP)
  NUMBERS[code | NEGATIVE] = -NUMBERS[code]
}
NUMBERS[ABSENT] = Number.NaN

/** @param number NaN: absent */
export function codeOf(number: number): number {
  if (Number.isNaN(number)) return ABSENT
  const size = Math.abs(number)
  // Half a step below: the smallest of them as a float32 is a little less than it.
  if (size < SMALLEST * (1 - STEP / 2)) return 0
  const code = Math.min(1 + Math.round((Math.log(size) - LOG_SMALLEST) / STEP), CODES_MAX)
  return number < 0 ? code | NEGATIVE : code
}

/** NaN where it is absent. */
export function numberOfCode(code: number): number {
  return NUMBERS[code]
}
