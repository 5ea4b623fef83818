/** Seeded luck as plain values: nothing here keeps state of its own, so the same seed gives the same run on every machine. */

/** State of a generator: one unsigned 32-bit number. */
export type LuckState = number

/** The next draw in [0, 1) and the state after it. Mulberry32 (Tommy Ettinger, public domain): 32 bits of state. */
export function drawFraction(state: LuckState): { readonly value: number; readonly state: LuckState } {
  const next = (state + 0x6d2b79f5) >>> 0
  return { value: mix(next) / 4294967296, state: next }
}

/** A generator that owns its state, for the simulator and for tests. */
export class Luck {
  private state: LuckState

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** Uniform in [0, 1). */
  fraction(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    return mix(this.state) / 4294967296
  }

  /** Uniform whole number from 0 to `limit - 1`. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit)
  }

  /** Standard normal by Box and Muller (1958). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.fraction()))
    return radius * Math.cos(2 * Math.PI * this.fraction())
  }
}

/** A keyed hash of text to an unsigned 32-bit number (FNV-1a over the UTF-16 units, then a finishing mix). */
export function hashText(text: string, key = 0): number {
  let hash = (0x811c9dc5 ^ key) >>> 0
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0
  return finish(hash)
}

/** A keyed hash of two whole numbers: breaks ties between near-equal choices without favouring the first. */
export function hashPair(a: number, b: number, key = 0): number {
  return finish((Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca77) ^ key) >>> 0)
}

function mix(word: number): number {
  let t = Math.imul(word ^ (word >>> 15), word | 1)
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
  return (t ^ (t >>> 14)) >>> 0
}

function finish(word: number): number {
  let h = word
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
