import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MoveStoryView } from '../../../src/apps/server/views/moves.ts'
import { storyOf } from './story.ts'

const order = {
  id: 'ethos-8-0',
  vmId: 'web-1',
  from: 'kvm-1',
  to: 'kvm-2',
  class: 'contention',
  reason: 'Contention on kvm-1.',
  move: { gain: 0.4211, gainAtLeast: 0.11, cost: 0.0513, confidence: 0.931 },
}
const told: MoveStoryView = {
  id: 'ethos-8-0',
  turn: {
    number: 8,
    at: 0,
    order,
    events: [{ kind: 'contention-predicted', hostId: 'kvm-1', demandP95: 61.2, capacity: 48 }],
  },
  held: 'It waits for its window.',
  grounds: {
    suitableHosts: 2,
    alternatives: [
      { host: 'kvm-2', score: 0.37 },
      { host: 'kvm-3', score: 0.24 },
    ],
    refused: [{ lacking: 'memory', hosts: 3, example: 'kvm-4 has 12 GiB free.' }],
    bounds: [{ host: 'kvm-1', bound: 61.2, moved: null, capacity: 48 }],
    budgets: [{ host: 'kvm-1', left: 3 }],
    clusterLeft: 13,
  },
  move: {
    id: 'ethos-8-0',
    vm: 'web-1',
    from: 'kvm-1',
    to: 'kvm-2',
    class: 'contention',
    reason: 'Contention on kvm-1.',
    cause: { kind: 'operator', who: 'anna' },
    mode: 'precopy',
    state: 'done',
    recordedAt: 0,
    promise: { totalMs: 40_000, downtimeMs: 87, copiedBytes: 1024, pConverge: 0.97 },
    figures: { totalMs: 38_000 },
  },
  steps: [
    { step: 'accepted', at: 1000, detail: 'The source says: migration out.' },
    { step: 'progress', at: 2000, progress: { copiedBytes: 1024, remainingBytes: 512, rounds: 2 } },
    { step: 'closed', at: 3000, state: 'done', detail: 'Seen twice.' },
  ],
  outcome: { promisedGain: 0.4, realisedGain: 0.3, promisedCost: 0.05, realisedCost: 0.06 },
}

test('a story goes from its cause to what came of it', () => {
  const { facts, steps, budgets, otherHosts, refused } = storyOf(told)
  assert.deepEqual(
    facts.map(({ what, text }) => `${what}: ${text}`),
    [
      'Why: Contention on kvm-1.',
      'Decided: turn 8, 1970-01-01 00:00:00 UTC',
      'Worth: gain 0.42, of which 0.11 in 95 of 100 possible futures, cost 0.05, confidence 93 %',
      'Seen: contention predicted: kvm-1, up to 61.2 of 48.0 reference cores',
      'Held: It waits for its window.',
      'Cause: anna approved it.',
      'Promise: It ends in time with 97 %.',
    ],
  )
  assert.deepEqual(
    steps.map(({ at, step, text }) => `${at} ${step} ${text}`),
    [
      '1970-01-01 00:00:01 UTC accepted The source says: migration out.',
      '1970-01-01 00:00:02 UTC progress 1 KiB copied, 512 B left, round 2',
      '1970-01-01 00:00:03 UTC closed done: Seen twice.',
    ],
  )
  assert.deepEqual(budgets, [
    'kvm-1 may take part in 3 more moves.',
    'The cluster may take 13 more moves of its class.',
  ])
  assert.deepEqual(
    otherHosts.map(({ host, isChosen }) => `${host} ${isChosen}`),
    ['kvm-2 true', 'kvm-3 false'],
  )
  assert.deepEqual(refused, [{ what: '3 for memory', text: 'kvm-4 has 12 GiB free.' }])
})

test('a figure that the platform did not tell has its promise alone, and a number that was not finite is absent', () => {
  const { figures, worth, bounds } = storyOf(told)
  assert.deepEqual(
    figures.map(({ what, promised, came }) => [what, promised, came]),
    [
      ['Duration', 40_000, 38_000],
      ['Pause', 87, undefined],
      ['Copied', 1024, undefined],
    ],
  )
  assert.deepEqual(
    worth.map(({ what, promised, came }) => [what, promised, came]),
    [
      ['Gain', 0.4, 0.3],
      ['Cost', 0.05, 0.06],
    ],
  )
  assert.deepEqual(bounds, [{ host: 'kvm-1', bound: 61.2, moved: undefined, capacity: 48 }])
})

test('what the journal does not tell is left out', () => {
  const story = storyOf({ id: 'x', steps: [{}] })
  assert.equal(story.state, 'not carried out')
  assert.deepEqual(story.figures, [])
  assert.deepEqual(
    story.facts.map(({ what, text }) => `${what}: ${text}`),
    ['Why: ?', 'Cause: Not begun yet, or never.'],
  )
})

test('what people said against a move is part of its story', () => {
  const said = { objections: [{ what: 'postponed', at: 0, who: 'bert', because: 'lunch' }] }
  const view: MoveStoryView = { ...told, ...said }
  assert.ok(storyOf(view).facts.some(({ what, text }) => what === 'Postponed' && text.endsWith('by bert: lunch')))
})
