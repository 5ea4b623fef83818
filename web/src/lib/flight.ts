/** A move under way, as it goes: what was promised beside what is seen, and how the rest shrinks. */
import type { MigrationView } from '../../../src/apps/server/views/moves.ts'
import { bytesText, pauseText, percentText, rateText, spanText } from '../../../src/terms/shown.ts'

const SECOND_MS = 1000

/** What is known of a move under way. What the platform does not tell is absent. */
export interface Flight {
  /** ms since it was handed to the platform, or recorded where it was not. */
  readonly elapsedMs: number
  readonly copiedBytes?: number
  readonly remainingBytes?: number
  /** By how much the rest shrinks a second; negative: it grows. Copied less written anew. */
  readonly shrinkBytesPerSec?: number
  /** The rest over that, ms: arithmetic of what the platform tells now, no model. Absent: it does not shrink. */
  readonly restMs?: number
  /** Elapsed over promised. */
  readonly ofPromised?: number
}

/** @param asOf when the answer was made, ms since 1970 */
export function flightOf(move: MigrationView, asOf: number): Flight {
  const { progress, promise } = move
  const elapsedMs = Math.max(0, progress?.elapsedMs ?? asOf - (move.sentAt ?? move.recordedAt))
  const shrink =
    progress?.copiedBytesPerSec === undefined || progress.dirtyBytesPerSec === undefined
      ? undefined
      : progress.copiedBytesPerSec - progress.dirtyBytesPerSec
  const rest = progress?.remainingBytes
  const restMs = rest === undefined || shrink === undefined || shrink <= 0 ? undefined : (rest / shrink) * SECOND_MS
  return {
    elapsedMs,
    ...(progress?.copiedBytes === undefined ? {} : { copiedBytes: progress.copiedBytes }),
    ...(rest === undefined ? {} : { remainingBytes: rest }),
    ...(shrink === undefined ? {} : { shrinkBytesPerSec: shrink }),
    ...(restMs === undefined ? {} : { restMs }),
    ...(promise === undefined || promise.totalMs <= 0 ? {} : { ofPromised: elapsedMs / promise.totalMs }),
  }
}

/** How the rest goes, in a sentence. */
export function restText(move: MigrationView, { remainingBytes, shrinkBytesPerSec, restMs }: Flight): string {
  if (move.progress?.isPostCopy === true)
    return 'It runs on the target already, and the rest of its memory is fetched as it is touched.'
  if (remainingBytes === undefined) return 'The platform does not tell how much is left.'
  const left = `${bytesText(remainingBytes)} left`
  if (shrinkBytesPerSec === undefined) return `${left}.`
  if (shrinkBytesPerSec <= 0)
    return `${left}, and it does not shrink: the VM writes memory ${shrinkBytesPerSec === 0 ? 'as fast as' : 'faster than'} it travels.`
  const shrinks = `${left}, less by ${rateText(shrinkBytesPerSec)}`
  return restMs === undefined ? `${shrinks}.` : `${shrinks}: ${spanText(restMs)} at this rate.`
}

/** The stages that a move goes through, with how far it is. */
export function stagesOf({
  recordedAt,
  sentAt,
  acceptedAt,
  seenAt,
  state,
}: MigrationView): readonly { readonly text: string; readonly at: number | undefined; readonly isNow: boolean }[] {
  const stages = [
    { text: 'on record', at: recordedAt },
    { text: 'asked for', at: sentAt },
    { text: 'at work', at: acceptedAt },
    { text: 'seen on the target', at: seenAt },
  ]
  const last = stages.findLastIndex(({ at }) => at !== undefined)
  return [
    ...stages.map((stage, i) => ({ ...stage, isNow: i === last })),
    { text: state === 'frozen' ? 'frozen' : 'done', at: undefined, isNow: false },
  ]
}

/** Of its promise, in a sentence for who does not see the bars. */
export function promisedText({ promise }: MigrationView): string {
  if (promise === undefined) return 'Nothing was promised: too little was known of it.'
  const { totalMs, copiedBytes, downtimeMs, pConverge } = promise
  return `Promised: ${spanText(totalMs)}, ${bytesText(copiedBytes)}, ${pauseText(downtimeMs)} paused; ends in time with ${percentText(pConverge)}.`
}

/** One look at how much is left. */
export interface Look {
  readonly elapsedMs: number
  readonly remainingBytes: number
}

const LOOKS_MOST = 400

/** With one look more; where it goes back in time it is another move, and begins anew. */
export function withLook(trail: readonly Look[], look: Look): readonly Look[] {
  const last = trail.at(-1)
  if (last !== undefined && look.elapsedMs < last.elapsedMs) return [look]
  if (last?.elapsedMs === look.elapsedMs) return trail
  // Every second one is dropped where there are too many: the course stays, only coarser.
  const kept = trail.length < LOOKS_MOST ? trail : trail.filter((_, i) => i % 2 === 0)
  return [...kept, look]
}

/** The course of the rest as points of an SVG of 100 by 100: time across, bytes up. Empty with fewer than two looks.
 *  @param lastMs where the right edge is
 *  @param mostBytes where the upper edge is */
export function trailPoints(trail: readonly Look[], lastMs: number, mostBytes: number): string {
  if (trail.length < 2 || lastMs <= 0 || mostBytes <= 0) return ''
  return trail
    .map(({ elapsedMs, remainingBytes }) => {
      const x = Math.min(100, (elapsedMs / lastMs) * 100)
      const y = 100 - Math.min(100, (remainingBytes / mostBytes) * 100)
      return `${x.toFixed(1)},${y.toFixed(1)}`
    })
    .join(' ')
}
