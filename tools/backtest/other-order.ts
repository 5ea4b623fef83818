import { Luck } from '../../src/terms/luck.ts'

/** CloudSim's VM types are quarters of the rows. */
const TYPES = 4

/** The same VMs with the same sizes in another order: what differs then in a run is how ties were broken, and what followed from it. */
export function inOtherOrder(trace: string, seed: number): string {
  const luck = new Luck(seed)
  const lines = trace.trim().split(/\r?\n/)
  const quarter = Math.ceil(lines.length / TYPES)
  const blocks = Array.from({ length: TYPES }, (_, type) => lines.slice(type * quarter, (type + 1) * quarter))
  return `${blocks.flatMap((block) => shuffled(block, luck)).join('\n')}\n`
}

/** Fisher and Yates. */
function shuffled<Item>(items: readonly Item[], luck: Luck): readonly Item[] {
  const mixed = [...items]
  for (let last = mixed.length - 1; last > 0; last--) {
    const other = luck.below(last + 1)
    const item = mixed[last]
    mixed[last] = mixed[other]
    mixed[other] = item
  }
  return mixed
}
