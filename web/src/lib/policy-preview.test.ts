import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PreviewResultView } from '../../../src/apps/server/views/preview.ts'
import { contentionRows, mayBeSaved, previewRows, previewSentence } from './policy-preview.ts'

const replay = {
  policy: 'site',
  level: 'full' as const,
  moves: 9,
  proposals: 0,
  contentionMs: 5_400_000,
  unservedCoreHours: 1.25,
  energyKwh: 36.684,
  copiedBytes: 64 * 2 ** 30,
}
const result: PreviewResultView = {
  from: 0,
  to: 86_400_000,
  turns: 288,
  hosts: 12,
  vms: 140,
  current: replay,
  proposed: { ...replay, moves: 4, contentionMs: 9_000_000, energyKwh: 36.681 },
  happened: { moves: 7 },
  moves: [],
  movesLeftOut: 0,
  contention: [
    { host: 'kvm-1', currentMs: 5_400_000, proposedMs: 7_200_000 },
    { host: 'kvm-2', currentMs: 0, proposedMs: 1_800_000 },
  ],
  models: { forecast: 'f', suitability: 's', cost: 'c' },
  approximations: [],
}
const good = { isChanged: true, problems: 0, check: undefined, isPreviewed: true, isOperator: true }

test('both replays stand side by side with what differs, and what reads the same is called the same', () => {
  const rows = previewRows(result)
  // 9,000,000 − 5,400,000 = 3,600,000 ms more.
  assert.deepEqual(rows[0], {
    title: 'Time in contention',
    help: 'of all hosts together',
    current: '2 h',
    proposed: '3 h',
    difference: '+1 h',
    verdict: 'worse',
  })
  assert.equal(rows.find(({ title }) => title === 'Energy')?.difference, 'same')
  const moves = rows.find(({ title }) => title === 'Moves')
  assert.equal(moves?.difference, '−5')
  assert.equal(moves?.verdict, undefined, 'fewer moves are neither better nor worse')
})

test('the sentence says moves and contention', () => {
  assert.equal(
    previewSentence(result),
    'Over 12 hosts and 140 VMs: 4 moves where what stands makes 9, and 1 h more in contention.',
  )
  assert.match(
    previewSentence({ ...result, proposed: { ...replay, moves: 1 } }),
    /1 move where what stands makes 9, and the same 2 h in contention\./,
  )
})

test('bars of hosts share one scale, and hosts beyond the most are counted', () => {
  assert.equal(contentionRows(result).longest, 7_200_000)
  assert.deepEqual(contentionRows(result, 1).leftOut, 1)
})

test('a change is saved once what it would have done was looked at', () => {
  assert.equal(mayBeSaved(good).isGood, true)
  assert.match(mayBeSaved({ ...good, isPreviewed: false }).reason ?? '', /would have done first/)
  assert.match(mayBeSaved({ ...good, isChanged: false }).reason ?? '', /Nothing is changed/)
  assert.match(mayBeSaved({ ...good, isOperator: false }).reason ?? '', /role operator/)
  const check = { isGood: false, problems: [{ place: 'gates', text: 'No.' }], conflicts: [] }
  assert.equal(mayBeSaved({ ...good, check }).reason, 'No.')
  // Rules that can't all be kept are told and hold nobody: they may be meant.
  const conflicts = [{ text: 'a', remedy: 'b', isNew: true }]
  assert.equal(mayBeSaved({ ...good, check: { isGood: false, problems: [], conflicts } }).isGood, true)
})
