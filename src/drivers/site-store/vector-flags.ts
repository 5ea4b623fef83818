/** What is said of a vector beside its bytes, as bits of one byte. */

/** The guest's clock was off. */
export const FLAG_CLOCK_OFF = 1
/** Out of all decisions: it came while two machines used the identity. */
export const FLAG_APART = 2
/** The first of its hour, which outlives the others. */
export const FLAG_HOURLY = 4
