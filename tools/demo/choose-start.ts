/** Finds with which hour of the recording, and with which first placement, the demo begins: contention has to come within two hours on some hosts by the
 *  recording itself, on none of them before; and the engine, by its production policy, has to see it come.
 *
 *    node tools/demo/choose-start.ts              the best of all placements and quarters of an hour
 *    node tools/demo/choose-start.ts 20 4074      one of them, turn by turn
 */
import type { Beginning } from '../../src/apps/demo-site/beginning.ts'
import { demoCluster } from '../../src/apps/demo-site/cluster.ts'
import { aheadOf, Futures, type Judged, WATCHED_SLOTS } from './futures.ts'

const SLOTS_PER_DAY = 288
const STEP_SLOTS = 3
const PLACEMENTS = 160
const FIRST_DAY = 8
const LAST_DAY = 24
const CALM = 0.95
/** Contention within the first ten minutes would leave nothing to foresee. */
const QUIET_SLOTS = 5
/** Of two hours. */
const CONTENDED_SLOTS = 3
const JUDGED_MOST = 60
const SHOWN = 20

const futures = new Futures()
const { capacities } = futures

interface Candidate extends Beginning {
  /** Hosts that contend if nothing is moved. */
  readonly hosts: number
}

const [seedAsked, slotAsked] = process.argv.slice(2).map(Number)
if (seedAsked !== undefined) {
  const judged = futures.judge({ seed: seedAsked, slot: slotAsked }, (text) => process.stdout.write(`${text}\n`))
  process.stdout.write(`${told(judged)}\n`)
} else {
  const found = candidates()
  process.stdout.write(`${found.length} candidates\n`)
  const judged = found.slice(0, JUDGED_MOST).map((candidate) => futures.judge(candidate))
  for (const one of judged.toSorted((a, b) => worth(b) - worth(a)).slice(0, SHOWN))
    process.stdout.write(`${worth(one).toFixed(1)} ${told(one)}\n`)
}

function worth(judged: Judged): number {
  const { ahead, relieved, energy, spared } = sumsOf(judged)
  return 2 * ahead - 3 * (relieved - ahead) - energy + Math.min(10, spared) / 2
}

function sumsOf(judged: Judged) {
  const { moves, overWith, overWithout } = judged
  const energy = moves.filter((move) => move.class === 'energy').length
  return { ahead: aheadOf(judged).length, relieved: moves.length - energy, energy, spared: overWithout - overWith }
}

function told(judged: Judged): string {
  const { seed, slot, moves, overWith, overWithout } = judged
  const firstMinute = moves.find((move) => move.class !== 'energy')?.minute
  const { ahead, relieved, energy } = sumsOf(judged)
  return JSON.stringify({ seed, slot, relieved, ahead, energy, firstMinute, overWith, overWithout })
}

function candidates(): readonly Candidate[] {
  const found: Candidate[] = []
  for (let seed = 1; seed <= PLACEMENTS; seed++) {
    const loads = futures.hostLoads(demoCluster(seed))
    for (let slot = FIRST_DAY * SLOTS_PER_DAY; slot < LAST_DAY * SLOTS_PER_DAY; slot += STEP_SLOTS) {
      const highest = (h: number, from: number, to: number): number =>
        Math.max(...loads[h].subarray(slot + from, slot + to)) / capacities[h]
      if (capacities.some((_, h) => highest(h, -12, QUIET_SLOTS) > CALM)) continue
      const contends = (h: number): boolean =>
        futures.overSlots(loads[h], h, slot + QUIET_SLOTS, slot + WATCHED_SLOTS) >= CONTENDED_SLOTS
      const hosts = capacities.filter((_, h) => contends(h))
      if (hosts.length >= 1) found.push({ seed, slot, hosts: hosts.length })
    }
  }
  // Neighbouring quarters of an hour tell the same.
  const best = Map.groupBy(found, ({ seed, slot }) => `${seed} ${Math.floor(slot / SLOTS_PER_DAY)}`)
  return [...best.values()]
    .map((some) => some.toSorted((a, b) => b.hosts - a.hosts || a.slot - b.slot)[0])
    .toSorted((a, b) => b.hosts - a.hosts || a.seed - b.seed)
}
