/** What a move will take, promised before it starts: seconds, bytes, downtime, and whether it ends in time.
 *
 *  Three layers, each doing what it is good at. Physics (`copy-course.ts`) follows QEMU's rounds for every way in which the VM may write; the belief
 *  (`dirty-belief.ts`) weighs those ways by what page sampling saw; regressions learned from moves give what physics can't know: how much of
 *  a process's memory is the guest's, how long the set-up takes, how fast an unlimited link is, how the downtime parts from the rule. */
import type { MoveFacts } from '../../terms/move-facts.ts'
import { type Fraction, MiB } from '../../terms/units.ts'
import { type CopyCourse, courseOfCopy } from './copy-course.ts'
import { beliefOf, curveOf, levelOf } from './dirty-belief.ts'
import { normalCdf } from '../numbers.ts'
import { predictSmooth, type SmoothModel } from './smooth-regression.ts'

/** Version of the fitted model's form. A reader refuses others. */
export const COST_MODEL_SCHEMA = 2

/** How far off held-out moves were: quantiles of ln(actual / promised). */
export interface ErrorBand {
  readonly p10: number
  readonly p90: number
}

export interface CostModel {
  readonly schema: typeof COST_MODEL_SCHEMA
  readonly provenance: string
  /** Of what a guest says it uses at least so much holds something: pages of zeros are few. The least of the moves learned from. */
  readonly notZeroShare: Fraction
  /** ln(pages that hold something / first guess), from `memoryFeatures`. */
  readonly memory: SmoothModel
  /** Milliseconds beside the sending, on limited links, from `setUpFeatures`. */
  readonly setUp: SmoothModel
  /** ln(MiB/s) where no link limits, from `paceFeatures`. */
  readonly pace: SmoothModel
  /** ln(downtime / what the stop rule says), from `downtimeFeatures`. */
  readonly downtime: SmoothModel
  /** By how much the odds of ending in time are sharper than belief says: it doubts more than moves gave it reason to. One: as it says. */
  readonly oddsPower: number
  readonly bands: { readonly total: ErrorBand; readonly downtime: ErrorBand; readonly bytes: ErrorBand }
}

export interface MovePromise {
  readonly totalMs: number
  readonly downtimeMs: number
  readonly bytesMib: number
  /** Probability that it is done within the time allowed. */
  readonly pConverge: Fraction
  /** Between which eight of ten such moves end. */
  readonly totalMsRange: readonly [number, number]
  readonly downtimeMsRange: readonly [number, number]
  readonly bytesMibRange: readonly [number, number]
}

/** The device's small memories beside the guest's own (MiB), and what a page of zeros and the header of any page take (bytes a page, measured). */
const DEVICE_MIB = 0.758
const HEADER_SHARE = 0.0021
/** What a link without limit carries until moves tell better: QEMU under TCG is bound by its processor (MiB/s). */
export const PACE_MIB = 290
/** Connecting and ending where no link limits (ms). */
const UNLIMITED_SET_UP_MS = 400
/** A young QEMU process carries its start in its memory; after a move it does not (MiB, measured; so is the gap that tells them apart). */
export const PROCESS_MIB = 84.5
const YOUNG_PROCESS_MIB = 142
const YOUNG_GAP_MIB = 130
/** Physics misses the time of one move by about this much (standard deviation of its logarithm): it blurs the verdict at the deadline. */
const TIME_SPREAD = 0.06
/** Bytes that differ by less than about this much (as logarithms) count as the same when the likeliest are looked for. */
const BYTES_ALIKE = 0.02
/** Beyond so many times the time allowed nobody asks any more. */
const PATIENCE = 4
/** Share of the last pages that hold something: the regression of the downtime learns what differs. */
export const TAIL_USED = 0.8

/** What physics and belief say, before the regressions of time and downtime. */
export interface CopyOutlook {
  readonly usedMib: number
  readonly bytesPerSec: number
  /** The likeliest figure. */
  readonly bytesMib: number
  /** As many moves send more as send less: what time is reckoned with. */
  readonly bytesMibMedian: number
  readonly downtimeMs: number
  readonly pConverge: Fraction
  /** Bytes written during the first pass over what fits into the downtime limit. */
  readonly firstPass: number
  readonly limitMib: number
  /** Spread of bytes over the belief: tenth and ninetieth of hundred. */
  readonly bytesMibRange: readonly [number, number]
}

export function promiseMove(model: CostModel, facts: MoveFacts): MovePromise {
  const outlook = outlookOf(facts, usedMibOf(model, facts))
  const downtimeMs = outlook.downtimeMs * Math.exp(predictSmooth(model.downtime, downtimeFeatures(facts, outlook)))
  const totalMs = timeOf(model, facts, outlook)
  const { bands } = model
  const lowest = outlook.bytesMib * Math.exp(bands.bytes.p10)
  const highest = outlook.bytesMib * Math.exp(bands.bytes.p90)
  return {
    totalMs,
    downtimeMs,
    bytesMib: outlook.bytesMib,
    pConverge: sharpenedOdds(outlook.pConverge, model.oddsPower),
    totalMsRange: [totalMs * Math.exp(bands.total.p10), totalMs * Math.exp(bands.total.p90)],
    downtimeMsRange: [downtimeMs * Math.exp(bands.downtime.p10), downtimeMs * Math.exp(bands.downtime.p90)],
    bytesMibRange: [Math.min(lowest, outlook.bytesMibRange[0]), Math.max(highest, outlook.bytesMibRange[1])],
  }
}

/** The same side of one half, further from it. */
export function sharpenedOdds(share: Fraction, power: number): Fraction {
  const yes = share ** power
  return yes / (yes + (1 - share) ** power)
}

/** Pages of the guest that hold something, from what is seen of its process. */
export function usedMibOf(
  { memory, notZeroShare }: Pick<CostModel, 'memory' | 'notZeroShare'>,
  facts: MoveFacts,
): number {
  const guess = firstGuessMib(facts, notZeroShare) * Math.exp(predictSmooth(memory, memoryFeatures(facts)))
  return Math.min(guess, facts.memoryMib + DEVICE_MIB)
}

/** The process's memory less what QEMU itself takes, and no less than what the guest says it uses. */
export function firstGuessMib(facts: MoveFacts, notZeroShare: Fraction): number {
  const usedByGuest = facts.memoryMib - facts.unusedMib
  const own = facts.residentMib - usedByGuest > YOUNG_GAP_MIB ? YOUNG_PROCESS_MIB : PROCESS_MIB
  return Math.min(facts.memoryMib, Math.max(notZeroShare * usedByGuest, facts.residentMib - own))
}

export function outlookOf(facts: MoveFacts, usedMib: number): CopyOutlook {
  const ramBytes = (facts.memoryMib + DEVICE_MIB) * MiB
  const usedBytes = Math.min(ramBytes, usedMib * MiB)
  const bytesPerSec = facts.linkMbitPerSec === undefined ? PACE_MIB * MiB : facts.probeBytesPerSec
  const more = facts.moreDirtyWindows?.map(({ mibPerSec, windowSec }) => ({ bytesPerSec: mibPerSec * MiB, windowSec }))
  const sample = {
    bytesPerSec: facts.dirtyMibPerSec * MiB,
    windowSec: facts.dirtyWindowSec,
    ...(more === undefined ? {} : { more }),
    ramBytes,
  }
  const terms = {
    bytesPerSec,
    downtimeLimitMs: facts.downtimeLimitMs,
    mode: facts.mode,
    timeoutMs: PATIENCE * facts.timeoutSec * 1000,
  }
  const limitBytes = (bytesPerSec * facts.downtimeLimitMs) / 1000
  let pConverge = 0
  let firstPass = 0
  const ends: WeighedEnd[] = []
  for (const one of beliefOf(sample, usedBytes)) {
    const dirtied = curveOf(one)
    const subject = { ramBytes, usedBytes, tailUsed: TAIL_USED, dirtied, workingSetBytes: levelOf(one) }
    const course = courseOfCopy(subject, terms)
    firstPass += (one.cautiousWeight * dirtied(usedBytes / bytesPerSec)) / limitBytes
    if (!course.converges) continue
    const inTime = normalCdf(Math.log((facts.timeoutSec * 1000) / course.totalMs) / TIME_SPREAD)
    pConverge += one.cautiousWeight * inTime
    const possible = Math.max(inTime, 1e-6)
    ends.push({ course, weight: one.weight * possible, cautiousWeight: one.cautiousWeight * possible })
  }
  const header = HEADER_SHARE * facts.memoryMib
  const bytesAt = (share: Fraction): number =>
    quantileOf(ends, share, ({ sentBytes }) => sentBytes / MiB + header) ?? usedMib + header
  return {
    usedMib,
    bytesPerSec,
    bytesMibMedian: bytesAt(0.5),
    bytesMib: likeliestOf(ends, ({ sentBytes }) => sentBytes / MiB + header) ?? usedMib + header,
    downtimeMs: quantileOf(cautious(ends), 0.5, ({ downtimeMs }) => downtimeMs) ?? facts.downtimeLimitMs,
    pConverge: Math.min(1, pConverge),
    firstPass,
    limitMib: limitBytes / MiB,
    bytesMibRange: [bytesAt(0.1), bytesAt(0.9)],
  }
}

/** Time to send what is sent, and what comes beside it. */
export function timeOf(
  models: Pick<CostModel, 'setUp' | 'pace'>,
  facts: MoveFacts,
  { bytesMibMedian, usedMib }: CopyOutlook,
): number {
  if (facts.linkMbitPerSec === undefined) {
    const mibPerSec = Math.exp(predictSmooth(models.pace, paceFeatures(facts, usedMib)))
    return UNLIMITED_SET_UP_MS + (bytesMibMedian / mibPerSec) * 1000
  }
  return sendingMs(facts, bytesMibMedian) + Math.max(0, predictSmooth(models.setUp, setUpFeatures(facts)))
}

export function sendingMs(facts: MoveFacts, bytesMib: number): number {
  return ((bytesMib * MiB) / facts.probeBytesPerSec) * 1000
}

/** The pace that a finished move on an unlimited link had, in MiB/s: what `paceFeatures` are to tell. */
export function paceOf(bytesMib: number, totalMs: number): number {
  return (bytesMib * 1000) / Math.max(1, totalMs - UNLIMITED_SET_UP_MS)
}

export function memoryFeatures(facts: MoveFacts): readonly number[] {
  const used = facts.memoryMib - facts.unusedMib
  const gap = facts.residentMib - used
  const isYoung = 1 / (1 + Math.exp(-(gap - YOUNG_GAP_MIB) / 4))
  return [gap, used, facts.residentMib, facts.memoryMib, Math.log1p(facts.dirtyMibPerSec), isYoung]
}

export function setUpFeatures(facts: MoveFacts): readonly number[] {
  return [Math.log(1 + facts.cpuMsPerSec), facts.load1]
}

export function paceFeatures(facts: MoveFacts, usedMib: number): readonly number[] {
  return [Math.log(1 + facts.cpuMsPerSec), facts.load1, usedMib]
}

export function downtimeFeatures(facts: MoveFacts, outlook: CopyOutlook): readonly number[] {
  return [
    Math.log(outlook.limitMib),
    Math.log(facts.downtimeLimitMs),
    facts.unusedMib / facts.memoryMib,
    Math.min(2, outlook.firstPass),
    outlook.usedMib,
    Math.log(outlook.downtimeMs),
    facts.memoryMib,
  ]
}

interface WeighedEnd {
  readonly course: CopyCourse
  readonly weight: number
  readonly cautiousWeight: number
}

function cautious(ends: readonly WeighedEnd[]): readonly WeighedEnd[] {
  return ends.map((end) => ({ ...end, weight: end.cautiousWeight }))
}

/** The figure that this share of the weight stays at or below. Absent: nothing has any weight. */
function quantileOf(
  ends: readonly WeighedEnd[],
  share: Fraction,
  figure: (course: CopyCourse) => number,
): number | undefined {
  const sorted = ends
    .map(({ course, weight }) => ({ value: figure(course), weight }))
    .toSorted((a, b) => a.value - b.value)
  const all = sorted.reduce((sum, { weight }) => sum + weight, 0)
  let below = 0
  for (const { value, weight } of sorted) {
    below += weight
    if (below >= share * all) return value
  }
  return sorted.at(-1)?.value
}

/** The figure with most weight about it. Of bytes it is nearer than the median more often than not: a VM either writes or hardly does,
 *  and what lies between the two is what neither sends. Absent: there is none. */
function likeliestOf(ends: readonly WeighedEnd[], figure: (course: CopyCourse) => number): number | undefined {
  const logs = ends.map(({ course }) => Math.log(figure(course)))
  let best: number | undefined
  let most = -1
  for (const at of logs) {
    const about = ends.reduce((sum, { weight }, i) => {
      const distance = (logs[i] - at) / BYTES_ALIKE
      return Math.abs(distance) > 4 ? sum : sum + weight * Math.exp((-distance * distance) / 2)
    }, 0)
    if (about > most) {
      most = about
      best = at
    }
  }
  return best === undefined ? undefined : Math.exp(best)
}
