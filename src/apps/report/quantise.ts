/** Loads as one byte each. 0 is "off"; 1 to 201 are 0 % to 100 % in half percents; 202 to 255 rise by 3 % each,
 *  to 490 %. What exceeds 100 % by however little never rounds down to it: overload is the one thing the plots
 *  must not lose. */
const CODE_FULL = 201
const OVERLOAD_RATIO = 1.03

export function loadCode(load: number): number {
  if (!(load >= 0)) return 0
  if (load <= 1) return 1 + Math.round(load * (CODE_FULL - 1))
  return Math.min(255, CODE_FULL + Math.max(1, Math.ceil(Math.log(load) / Math.log(OVERLOAD_RATIO) - 1e-9)))
}

/** The load each code stands for. */
export function loadOfCode(): Float32Array {
  return Float32Array.from({ length: 256 }, (_, code) => {
    if (code === 0) return Number.NaN
    if (code <= CODE_FULL) return (code - 1) / (CODE_FULL - 1)
    return OVERLOAD_RATIO ** (code - CODE_FULL)
  })
}

/** A probability as one byte: 0 is "absent", 1 to 255 are 0 to 1. */
export function probabilityCode(probability: number): number {
  if (!(probability >= 0)) return 0
  return 1 + Math.round(Math.min(1, probability) * 254)
}
