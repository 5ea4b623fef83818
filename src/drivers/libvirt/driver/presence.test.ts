import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Presence } from '../../../terms/intent.ts'
import { describeState, type DomainJob, isPostCopySource, mayMigrate, presenceOf } from './presence.ts'

const NONE: DomainJob = { kind: 'none' }
const OUT: DomainJob = { kind: 'migration-out', stats: { type: 2, parameters: [] } }
const IN: DomainJob = { kind: 'migration-in' }

for (const [state, reason, job, expected, detail] of [
  [1, 1, NONE, 'running', 'running (booted)'],
  [1, 2, NONE, 'running', 'running (migrated)'],
  [1, 6, NONE, 'running', 'running (migration cancelled)'],
  [1, 1, OUT, 'running', 'running (booted), migrating away'],
  [2, 0, NONE, 'running', 'blocked (reason 0)'],
  [1, 10, IN, 'post-copy', 'running (post-copy), migrating here'],
  [1, 11, IN, 'post-copy-broken', 'running (post-copy failed), migrating here'],
  [3, 1, NONE, 'paused', 'paused (user)'],
  [3, 5, NONE, 'paused', 'paused (I/O error)'],
  [3, 2, OUT, 'handing-over', 'paused (migration), migrating away'],
  [3, 2, NONE, 'handing-over', 'paused (migration)'],
  [3, 2, IN, 'incoming', 'paused (migration), migrating here'],
  [3, 11, IN, 'incoming', 'paused (starting up), migrating here'],
  [3, 11, NONE, 'incoming', 'paused (starting up)'],
  [3, 12, OUT, 'handing-over', 'paused (post-copy), migrating away'],
  [3, 13, OUT, 'post-copy-broken', 'paused (post-copy failed), migrating away'],
  [3, 13, NONE, 'post-copy-broken', 'paused (post-copy failed)'],
  [4, 1, NONE, 'running', 'shutting down (reason 1)'],
  [5, 4, NONE, 'left', 'shut off (migrated)'],
  [5, 2, NONE, 'absent', 'shut off (destroyed)'],
  [6, 1, NONE, 'paused', 'crashed (reason 1)'],
  [7, 1, NONE, 'paused', 'suspended (reason 1)'],
  [0, 0, NONE, 'paused', 'no state (reason 0)'],
  [99, 7, NONE, 'paused', 'state 99 (reason 7)'],
] as [number, number, DomainJob, Presence, string][]) {
  test(`${detail} is ${expected}`, () => {
    assert.equal(presenceOf({ state, reason, isActive: state !== 5 }, job), expected)
    assert.equal(describeState({ state, reason }, job), detail)
  })
}

test('what has no process executes nowhere, whatever its state is called', () => {
  for (const state of [0, 5, 6, 7, 99]) assert.equal(presenceOf({ state, reason: 0, isActive: false }, NONE), 'absent')
})

test('a job that can not be told is reckoned with as a migration; a backup is none', () => {
  const jobs: DomainJob[] = [NONE, OUT, IN, { kind: 'unknown', reason: 'no answer' }, { kind: 'other', operation: 9 }]
  assert.deepEqual(jobs.map(mayMigrate), [false, true, true, true, false])
  assert.equal(describeState({ state: 1, reason: 1 }, jobs[4]), 'running (booted), with a job (backup)')
})

test('only a source that has handed over to post-copy is one', () => {
  const states = [
    [3, 12],
    [3, 13],
    [3, 2],
    [1, 12],
  ] as const
  assert.deepEqual(
    states.map(([state, reason]) => isPostCopySource({ state, reason })),
    [true, true, false, false],
  )
})
