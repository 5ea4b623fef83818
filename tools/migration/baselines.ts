/** What else one could promise: the formulas of textbooks and of those who have nothing better. */
import type { MoveFacts } from '../../src/terms/move-facts.ts'
import { MiB } from '../../src/terms/units.ts'
import { outlookOf, usedMibOf } from '../../src/engine/migration/cost-model.ts'
import { fitCostModel } from './fit.ts'
import type { Promised, Promiser } from './study.ts'

/** Pace where no link limits: the median of the moves learned from would do no better than this round figure (MiB/s). */
const UNLIMITED_MIB_PER_SEC = 290
const ROUNDS_MAX = 30

/** Memory over bandwidth (CloudSim and many papers): no rounds, the downtime is the limit, all moves end. */
export const MEMORY_OVER_BANDWIDTH: Promiser = {
  name: 'memory / bandwidth',
  learn: () => (facts) => {
    const seconds = facts.memoryMib / mibPerSec(facts)
    return {
      totalMs: seconds * 1000,
      downtimeMs: facts.downtimeLimitMs,
      bytesMib: facts.memoryMib,
      pConverge: seconds < facts.timeoutSec ? 1 : 0,
    }
  },
}

/** Process memory over bandwidth. */
export const RESIDENT_OVER_BANDWIDTH: Promiser = {
  name: 'resident memory / bandwidth',
  learn: () => (facts) => {
    const seconds = facts.residentMib / mibPerSec(facts)
    return {
      totalMs: seconds * 1000,
      downtimeMs: facts.downtimeLimitMs,
      bytesMib: facts.residentMib,
      pConverge: seconds < facts.timeoutSec ? 1 : 0,
    }
  },
}

/** Rounds of Clark et al. (NSDI 2005): each sends what was written during the one before, and the last is sent with the VM standing. */
export const TEXTBOOK_ROUNDS: Promiser = { name: 'textbook rounds', learn: () => inRounds }

/** The stop rule alone, with the learned memory, and a constant set-up: what the last layer of the model adds. */
export const STOP_RULE_ONLY: Promiser = {
  name: 'stop rule and belief, no correction',
  learn: (moves) => {
    const model = fitCostModel(moves, 'a fold')
    return (facts) => {
      const outlook = outlookOf(facts, usedMibOf(model, facts))
      const { bytesMib, bytesMibMedian, downtimeMs, pConverge } = outlook
      return { totalMs: 450 + (bytesMibMedian / mibPerSec(facts)) * 1000, downtimeMs, bytesMib, pConverge }
    }
  },
}

function inRounds(facts: MoveFacts): Promised {
  const pace = mibPerSec(facts)
  const limit = (pace * facts.downtimeLimitMs) / 1000
  let round = facts.memoryMib
  let sent = 0
  let rounds = 0
  while (round > limit && rounds < ROUNDS_MAX) {
    sent += round
    rounds++
    round = Math.min(facts.memoryMib, (facts.dirtyMibPerSec * round) / pace)
  }
  const seconds = (sent + round) / pace
  return {
    totalMs: seconds * 1000,
    downtimeMs: Math.max(1, (round / pace) * 1000),
    bytesMib: sent + round,
    pConverge: round <= limit && seconds < facts.timeoutSec ? 1 : 0,
  }
}

function mibPerSec(facts: MoveFacts): number {
  return facts.linkMbitPerSec === undefined ? UNLIMITED_MIB_PER_SEC : facts.probeBytesPerSec / MiB
}
