/** What comes next for a move, as a line of the journal. */
import type { NextStep } from '../engine/migration/intent.ts'
import { MOVE_DETAIL_LENGTH_MAX, type MoveStep } from '../terms/move-record.ts'
import { type Entry, figuresOf } from './move-book.ts'

export function lineOf(entry: Entry, step: Exclude<NextStep, { kind: 'wait' }>): MoveStep {
  switch (step.kind) {
    case 'accept':
      return { step: 'accepted', detail: cut(step.detail) }
    case 'verify':
      return { step: 'seen', source: cut(step.source), destination: cut(step.destination) }
    case 'ask-abort':
      return { step: 'abort-asked', by: 'ethos', reason: cut(step.reason) }
    case 'freeze':
      return { step: 'frozen', reason: step.reason, detail: cut(step.detail) }
    case 'thaw':
      return { step: 'thawed', detail: cut(step.detail) }
    case 'close':
      break
  }
  return { step: 'closed', state: step.state, detail: cut(step.detail), ...figuresOf(entry) }
}

export function cut(text: string): string {
  return text.length > MOVE_DETAIL_LENGTH_MAX ? `${text.slice(0, MOVE_DETAIL_LENGTH_MAX - 3)}...` : text
}
