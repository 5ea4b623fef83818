import { CALL_MANNERS } from '../../src/simulator/imagined-platform.ts'
import { Luck } from '../../src/terms/luck.ts'
import { SECOND_MS } from '../../src/terms/units.ts'
import type { LongTest } from '../long-test.ts'
import { fuzzMoves } from '../moves/fuzz.ts'
import { killDuringMove } from '../moves/kills.ts'
import { MUTANTS } from '../moves/mutants.ts'

const SEEDS = 2000
const KILLS = 2000
const LOST_REPLIES = 10_000
/** A mutant that is not noticed within so many seeds has got away. */
const SEEDS_PER_MUTANT = 300

/** The mover against orders, faults, kills and people; and against itself, with one guard broken. */
export const longTest: LongTest = {
  summary:
    `${SEEDS} seeded quarters of an hour of orders, faults, kills and people, ${KILLS} kills at random instants and lines of a move, ` +
    `${LOST_REPLIES} moves whose reply is lost: no invariant broken, no call repeated; none unknown for more than ten minutes while both its ` +
    'hosts could be asked, else told by an alert; ' +
    'and which of the guards that are broken on purpose are noticed.',
  run: async (seed) => {
    const fuzzed = await fuzzMany(seed)
    const killed = await killMany(seed)
    const lost = await loseReplies(seed)
    const { caught, missed } = await tryMutants()
    const broken = fuzzed.broken + killed + lost
    if (broken > 0) throw new Error(`${broken} runs broke an invariant; they are named above.`)
    if (caught < 0.95 * MUTANTS.length)
      throw new Error(`Only ${caught} of ${MUTANTS.length} mutants noticed, not: ${missed}`)
    return {
      ...fuzzed,
      kills: KILLS,
      lostReplies: LOST_REPLIES,
      mutants: MUTANTS.length,
      mutantsCaught: caught,
      missed,
    }
  },
}

async function fuzzMany(seed: number) {
  const sum = {
    seeds: SEEDS,
    broken: 0,
    calls: 0,
    processKills: 0,
    faults: 0,
    done: 0,
    aborted: 0,
    failed: 0,
    lost: 0,
    unknownSecondsMax: 0,
    unknownSecondsThoughAskableMax: 0,
  }
  for (let i = 0; i < SEEDS; i++) {
    const run = await fuzzMoves(seed * 100_000 + i)
    tell(`fuzz seed ${seed * 100_000 + i}`, run.violations)
    sum.broken += run.violations.length > 0 ? 1 : 0
    sum.calls += run.sent
    sum.unknownSecondsMax = Math.max(sum.unknownSecondsMax, Math.round(run.unknownMsMax / SECOND_MS))
    sum.unknownSecondsThoughAskableMax = Math.max(
      sum.unknownSecondsThoughAskableMax,
      Math.round(run.askableMsMax / SECOND_MS),
    )
    sum.processKills += run.kills
    sum.faults += run.faults
    sum.done += run.ends.get('done') ?? 0
    sum.aborted += run.ends.get('aborted') ?? 0
    sum.failed += run.ends.get('failed') ?? 0
    sum.lost += run.ends.get('lost-by-fault') ?? 0
  }
  return sum
}

async function killMany(seed: number): Promise<number> {
  const luck = new Luck(seed)
  let broken = 0
  for (let i = 0; i < KILLS; i++) {
    const at =
      luck.fraction() < 0.5
        ? { ms: luck.fraction() * 20_000 }
        : { line: luck.below(9), isDurable: luck.fraction() < 0.5 }
    const manner = CALL_MANNERS[luck.below(CALL_MANNERS.length)]
    const isCancelled = luck.fraction() < 0.2
    const { violations, calls } = await killDuringMove({ seed: seed + i, at, manner, isCancelled })
    tell(`kill ${i} of seed ${seed}, ${manner}`, violations)
    broken += violations.length > 0 || calls > 1 ? 1 : 0
  }
  return broken
}

async function loseReplies(seed: number): Promise<number> {
  let broken = 0
  for (let i = 0; i < LOST_REPLIES; i++) {
    const luck = new Luck(seed * 31 + i)
    const manner = luck.fraction() < 0.5 ? 'lost-before' : 'lost-after'
    const { violations, calls, tasks } = await killDuringMove({ seed: i, at: { ms: luck.fraction() * 60_000 }, manner })
    tell(`lost reply ${i} of seed ${seed}, ${manner}`, violations)
    broken += violations.length > 0 || calls > 1 || tasks > 1 ? 1 : 0
  }
  return broken
}

async function tryMutants() {
  const missed: string[] = []
  for (const { name, seed, breakage } of MUTANTS) {
    let isCaught = (await fuzzMoves(seed, breakage)).violations.length > 0
    for (let i = 1; i <= SEEDS_PER_MUTANT && !isCaught; i++) {
      isCaught = (await fuzzMoves(i, breakage)).violations.length > 0
      if (isCaught) process.stderr.write(`${name}: noticed with seed ${i}, no longer with ${seed}\n`)
    }
    if (!isCaught) missed.push(name)
  }
  return { caught: MUTANTS.length - missed.length, missed: missed.join('; ') }
}

function tell(about: string, violations: readonly string[]): void {
  if (violations.length > 0) process.stderr.write(`${about}: ${violations.join('; ')}\n`)
}
