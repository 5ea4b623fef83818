/** What a migration takes: pre-copy in rounds, each sending what was dirtied during the one before. */
import type { MigrationEstimate } from '../../terms/move.ts'
import type { Prices } from '../../terms/policy.ts'
import { GiB, HOUR_MS, MiB } from '../../terms/units.ts'

export interface MigrationSubject {
  /** Bytes sent in the first round: memory in use where known, else all of it. */
  readonly memoryBytes: number
  /** Busy reference cores while it moves. */
  readonly busyRefCores: number
  /** Measured dirty page rate. Absent: guessed from how busy the VM is. */
  readonly dirtiedBytesPerSec?: number
}

/** Share of the slower host's link that one migration gets: half, as CloudSim 3.0.3 has it. */
const LINK_SHARE = 0.5
/** QEMU's default downtime limit. */
const DOWNTIME_LIMIT_MS = 300
/** Device state and switch-over beside the last round: an assumption until migrations are measured. */
const SWITCH_OVER_MS = 30
/** Bytes dirtied per second by one busy reference core where nobody measured it: an assumption until the agent tells. */
const DIRTIED_PER_BUSY_CORE = 8 * MiB
/** Rounds after which a migration that has not stopped is called non-converging. */
const ROUNDS_MAX = 30
/** Share of its demand that a VM loses while it is copied (Beloglazov and Buyya 2012, and CloudSim with them). */
export const SLOWDOWN_WHILE_COPIED = 0.1

/** @param linkBytesPerSec the slower of the two hosts' links */
export function estimateMigration(subject: MigrationSubject, linkBytesPerSec: number): MigrationEstimate {
  const bandwidth = linkBytesPerSec * LINK_SHARE
  const dirtied = subject.dirtiedBytesPerSec ?? subject.busyRefCores * DIRTIED_PER_BUSY_CORE
  const stopBytes = (bandwidth * DOWNTIME_LIMIT_MS) / 1000
  let round = subject.memoryBytes
  let copied = 0
  let rounds = 0
  while (round > stopBytes && rounds < ROUNDS_MAX) {
    copied += round
    rounds++
    const next = Math.min(subject.memoryBytes, dirtied * (round / bandwidth))
    if (next >= round) return summarise(copied, bandwidth, { rest: next, rounds, converges: false })
    round = next
  }
  return summarise(copied, bandwidth, { rest: round, rounds, converges: round <= stopBytes })
}

/** Money that the migration takes: a price each for being done at all, bytes, downtime, and demand not served while copying. */
export function priceMigration(
  estimate: Pick<MigrationEstimate, 'copiedBytes' | 'durationMs' | 'downtimeMs'>,
  busyRefCores: number,
  prices: Prices,
): number {
  return (
    prices.perMigration +
    (estimate.copiedBytes / GiB) * prices.perCopiedGiB +
    (estimate.downtimeMs / 1000) * prices.perDowntimeSecond +
    ((SLOWDOWN_WHILE_COPIED * busyRefCores * estimate.durationMs) / HOUR_MS) * prices.perUnservedCoreHour
  )
}

interface LastRound {
  readonly rest: number
  readonly rounds: number
  readonly converges: boolean
}

function summarise(copied: number, bandwidth: number, last: LastRound): MigrationEstimate {
  const downtimeMs = (last.rest / bandwidth) * 1000 + SWITCH_OVER_MS
  return {
    copiedBytes: copied + last.rest,
    durationMs: (copied / bandwidth) * 1000 + downtimeMs,
    downtimeMs,
    rounds: last.rounds + 1,
    converges: last.converges,
  }
}
