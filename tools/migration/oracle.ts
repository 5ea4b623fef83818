/** QEMU's pre-copy followed slice by slice: what `courseOfCopy` says in closed form is held against it.
 *
 *  It shares the rule and nothing else: it keeps the true curve where the cost model has a few measured points of it, sends in thin portions,
 *  counts time by adding them up, and never jumps over a round or guesses that a course has no end: it runs until the time allowed is over. */
import type { CopyConstants, CopyTerms, DirtyCurve } from '../../src/engine/migration/copy-course.ts'

export interface OracleSubject {
  readonly ramBytes: number
  readonly usedBytes: number
  readonly tailUsed: number
  readonly dirtied: DirtyCurve
  readonly workingSetBytes: number
}

export interface OracleEnd {
  readonly totalMs: number
  readonly downtimeMs: number
  readonly sentBytes: number
  readonly converges: boolean
}

/** Portions into which a slice of sending is cut. */
const PORTIONS = 10

/** Follows pre-copy until it ends or `terms.timeoutMs` is over. */
export function followCopy(subject: OracleSubject, terms: CopyTerms, constants: CopyConstants): OracleEnd {
  const perSecond = terms.bytesPerSec
  const limit = (perSecond * terms.downtimeLimitMs) / 1000
  const deadline = ((terms.timeoutMs ?? Infinity) - constants.setUpMs) / 1000
  const sliceSeconds = constants.sliceMs / 1000 + constants.blockedBytes / perSecond
  let seconds = 0
  let sent = 0
  // Pages in the bitmap: those that hold something, and behind them in the queue the zeros among the last pages.
  let waiting = subject.usedBytes
  let zeros = Math.min(limit, subject.ramBytes) * (1 - subject.tailUsed)
  let sinceLook = 0
  let isFirst = true
  while (seconds <= deadline) {
    // One slice: the VM runs, portions leave, and nobody looks.
    for (let portion = 0; portion < PORTIONS && waiting > 0; portion++) {
      const part = Math.min(waiting, (sliceSeconds / PORTIONS) * perSecond)
      waiting -= part
      sent += part
      seconds += part / perSecond
      sinceLook += part / perSecond
    }
    if (!isFirst) {
      const idle = sliceSeconds - sinceLook
      if (idle > 0) {
        seconds += idle
        sinceLook += idle
      }
      zeros = 0
    }
    const isMeasured = seconds >= constants.windowMs / 1000 - 1e-9 || waiting <= 0
    if (!isMeasured || waiting + zeros >= limit + (isFirst ? 1e-6 : 0)) continue
    const queued = waiting + zeros
    const share = Math.min(1, queued / (isFirst ? subject.ramBytes : subject.workingSetBytes))
    const written = subject.dirtied(sinceLook) * (1 - share)
    waiting += written
    sinceLook = 0
    isFirst = false
    if (queued + written < limit) {
      if (seconds > deadline) break
      const end = seconds + waiting / perSecond
      return {
        totalMs: end * 1000 + constants.setUpMs + constants.switchOverMs,
        downtimeMs: ((waiting + constants.queuedBytes) / perSecond) * 1000 + constants.switchOverMs,
        sentBytes: sent + waiting,
        converges: end <= deadline,
      }
    }
  }
  const over = Math.max(0, seconds - deadline)
  return {
    totalMs: terms.timeoutMs ?? Infinity,
    downtimeMs: Number.NaN,
    sentBytes: sent - over * perSecond,
    converges: false,
  }
}
