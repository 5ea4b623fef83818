/** Five beginnings of the demo: the one that it has, and of each of the four next placements the best, in the order in which `choose-start.ts` prints them. */
import { BEGINNING, type Beginning } from '../../src/apps/demo-site/beginning.ts'

export const BEGINNINGS: readonly Beginning[] = [
  BEGINNING,
  { seed: 1, slot: 2328 },
  { seed: 5, slot: 4365 },
  { seed: 12, slot: 6765 },
  { seed: 17, slot: 5454 },
]

export function nameOf({ seed, slot }: Beginning): string {
  return `placement${seed}slot${slot}`
}
