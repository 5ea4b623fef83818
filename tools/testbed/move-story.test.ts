import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId, parseOrderId, parseVmId } from '../../src/terms/ids.ts'
import type { MoveLine, MoveStep } from '../../src/terms/move-record.ts'
import { checkStory, storyOf } from './move-story.ts'

const orderId = parseOrderId('order-1')
const intent: MoveStep = {
  step: 'intent',
  intent: {
    order: {
      id: orderId,
      vmId: parseVmId('vm1'),
      from: parseHostId('host1'),
      to: parseHostId('host2'),
      decidedAt: 0,
      class: 'operator',
      reason: 'test',
    },
    cause: { kind: 'operator', who: 'test' },
    terms: { mode: 'precopy', timeoutMs: 60_000, stalledMs: 60_000 },
  },
}
const sending: MoveStep = { step: 'sending', fence: 1 }
const accepted: MoveStep = { step: 'accepted', detail: 'at work' }
const seen: MoveStep = { step: 'seen', source: 'absent', destination: 'running' }
const frozen: MoveStep = { step: 'frozen', reason: 'unknown', detail: 'dark' }
const thawed: MoveStep = { step: 'thawed', detail: 'seen' }
const done: MoveStep = { step: 'closed', state: 'done', detail: 'there' }
const notStarted: MoveStep = { step: 'closed', state: 'not-started', detail: 'never sent' }

function at(...steps: readonly (readonly [number, MoveStep])[]): readonly MoveLine[] {
  return steps.map(([instant, step]) => ({ ...step, orderId, at: instant }))
}

test('a journal that tells a move from intent to end passes, and says how long it was in the dark', () => {
  const lines = at([0, intent], [1, sending], [2, accepted], [10, frozen], [900, thawed], [1000, seen], [6000, done])
  const story = storyOf(lines)
  checkStory(story)
  // Frozen at 10, thawed at 900; its last line at 6000.
  assert.deepEqual([story.unknownMs, story.tookMs, story.record.closed?.state], [890, 6000, 'done'])
})

test('a move that was never sent needs no more than its intent and its end', () => {
  checkStory(storyOf(at([0, intent], [5000, notStarted])))
})

test('a journal that lacks something, has it twice, or has it too early does not pass', () => {
  const wrong: readonly (readonly MoveLine[])[] = [
    at([0, intent], [1, sending], [2, accepted], [1000, seen]),
    at([0, intent], [1, sending], [2, sending], [1000, seen], [6000, done]),
    at([0, intent], [1, sending], [1000, seen], [5999, done]),
    at([0, intent], [1000, seen], [6000, done]),
    at([0, intent], [1, accepted], [6000, notStarted]),
    at([0, intent], [1, sending], [6000, done]),
  ]
  for (const lines of wrong) assert.throws(() => checkStory(storyOf(lines)), assert.AssertionError)
})
