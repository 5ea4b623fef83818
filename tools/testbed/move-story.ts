/** What a journal tells of one move, and whether it tells it whole: nothing here looks at the world. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { afterLine, type IntentRecord } from '../../src/engine/migration/intent-record.ts'
import { type MoveLine, readMoveLine } from '../../src/terms/move-record.ts'

/** Two sightings that end a move as done are at least so far apart. */
const CONFIRM_MS = 5000

export interface MoveStory {
  readonly lines: readonly MoveLine[]
  readonly steps: readonly MoveLine['step'][]
  readonly record: IntentRecord
  /** Longest time on end for which nobody could tell, in ms. */
  readonly unknownMs: number
  /** From its first line to its last. */
  readonly tookMs: number
}

export function readStory(journal: string): MoveStory {
  const lines = readFileSync(journal, 'utf8').split('\n')
  return storyOf(lines.flatMap((text) => readMoveLine(text) ?? []))
}

export function storyOf(lines: readonly MoveLine[]): MoveStory {
  let record: IntentRecord | undefined
  let frozenAt: number | undefined
  let unknownMs = 0
  for (const line of lines) {
    record = afterLine(record, line)
    if (line.step === 'frozen') frozenAt ??= line.at
    if (line.step !== 'thawed' && line.step !== 'closed') continue
    if (frozenAt !== undefined) unknownMs = Math.max(unknownMs, line.at - frozenAt)
    frozenAt = undefined
  }
  assert.ok(record, 'the journal tells of no move')
  const steps = lines.map(({ step }) => step)
  const tookMs = (lines.at(-1)?.at ?? 0) - lines[0].at
  return { lines, steps, record, unknownMs, tookMs }
}

/** Throws where something that every journal of an ended move tells is missing, twice, or in another order. */
export function checkStory({ steps, record }: MoveStory): void {
  const story = steps.join(' ')
  const times = (step: MoveLine['step']): number => steps.filter((each) => each === step).length
  assert.equal(steps[0], 'intent', story)
  assert.equal(steps.at(-1), 'closed', story)
  for (const step of ['intent', 'closed'] as const) assert.equal(times(step), 1, story)
  for (const step of ['sending', 'seen', 'call-ended'] as const) assert.ok(times(step) <= 1, story)
  const { closed, sentAt, seenAt } = record
  assert.ok(closed, story)
  const isSent = steps.includes('sending')
  // What was never sent can't have been accepted, nor have moved.
  if (!isSent) assert.deepEqual([closed.state, times('accepted'), times('seen')], ['not-started', 0, 0], story)
  if (isSent) assert.ok(steps.indexOf('sending') === 1, story)
  if (closed.state !== 'done') return
  assert.ok(sentAt !== undefined && seenAt !== undefined, story)
  assert.ok(closed.at - seenAt >= CONFIRM_MS, `${story}: seen ${closed.at - seenAt} ms before it was done`)
}
