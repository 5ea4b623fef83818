/** A load is stored as its share of capacity in steps of 0.05 %, plus one; 0 is "off". The page's script counts alike. */
export const CODES_TO_FULL = 2000

/** What exceeds 100 % by however little never rounds down to it: overload is the one thing the plots must not lose. */
export function loadCode(load: number): number {
  if (!(load >= 0)) return 0
  const steps = Math.round(load * CODES_TO_FULL)
  return 1 + Math.min(65534, load > 1 ? Math.max(CODES_TO_FULL + 1, steps) : steps)
}

/** A probability as one byte: 0 is "absent", 1 to 255 are 0 to 1. */
export function probabilityCode(probability: number): number {
  if (!(probability >= 0)) return 0
  return 1 + Math.round(Math.min(1, probability) * 254)
}
