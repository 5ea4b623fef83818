import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Check } from 'typebox/value'
import { MINUTE_MS } from '../../terms/units.ts'
import { MigrationsView, type MigrationView } from '../server/views/moves.ts'
import { ledgerText, movesText } from './moves-actions.ts'

const AT = Date.UTC(2026, 10, 28, 12)

function aMigration(rest: Partial<MigrationView> = {}): MigrationView {
  return {
    id: 'ethos-812-0',
    vm: 'web-1',
    from: 'kvm-1',
    to: 'kvm-2',
    class: 'operator',
    reason: 'Contention is coming on kvm-1.',
    cause: { kind: 'operator', who: 'ann' },
    mode: 'precopy',
    state: 'accepted',
    recordedAt: AT - 2 * MINUTE_MS,
    promise: { totalMs: 40_000, downtimeMs: 60, copiedBytes: 2 ** 30, pConverge: 0.99 },
    ...rest,
  }
}

const ANSWER: MigrationsView = {
  asOf: AT,
  driver: 'libvirt',
  level: 'partial',
  isPaused: true,
  holds: [],
  open: [aMigration({ state: 'frozen', frozen: { since: AT, reason: 'unknown', detail: 'kvm-2 can not be asked' } })],
  ended: [aMigration({ vm: 'web-2', state: 'done', endedAt: AT, figures: { totalMs: 41_000, downtimeMs: 80 } })],
  proposals: [
    {
      id: 'ethos-813-0',
      vm: 'db-1',
      from: 'kvm-1',
      to: 'kvm-3',
      class: 'contention',
      reason: 'Contention is coming on kvm-1.',
      held: 'Automation is partial: a person approves it.',
      decidedAt: AT,
      endsAt: AT + 30 * MINUTE_MS,
    },
  ],
  evacuations: [
    {
      host: 'kvm-4',
      who: 'bob',
      reason: 'new disks',
      vms: 2,
      leaving: 1,
      stuck: [{ vm: 'old-1', reason: 'It is pinned.' }],
    },
  ],
  frozenVms: {},
  frozenHosts: {},
  leftAlone: {},
  alerts: [],
}

test('moves are told with their cause, what was promised beside what came, and what can not leave', () => {
  assert.ok(Check(MigrationsView, ANSWER))
  const text = movesText(ANSWER)
  for (const told of [
    /^Automation is partial, paused; moves go through libvirt\.$/m,
    /web-1 +kvm-1 > kvm-2 +frozen: unknown .* by ann$/m,
    /^web-1: kvm-2 can not be asked$/m,
    /web-2 +kvm-1 > kvm-2 +done .*41 s \(40 s\) .*80 ms \(60 ms\)/,
    /ethos-813-0 +db-1 +kvm-1 > kvm-3 .*a person approves it\.$/m,
    /^kvm-4 \(bob: new disks\): 2 VMs left, 1 on their way\.\n  old-1: It is pinned\.$/m,
  ])
    assert.match(text, told)
})

test('where there is nothing, that is said, and why nothing can be', () => {
  const { driver: _, ...rest } = ANSWER
  const text = movesText({ ...rest, open: [], ended: [], proposals: [], evacuations: [] })
  assert.match(text, /no driver is configured: nothing is moved/)
  assert.match(text, /Under way: none\.\n\nProposed: none\.\n\nHosts that are emptied: none\.\n\nEnded: none\./)
})

test('how good promises were is told with what each pair of hosts taught, and where nothing is promised, that', () => {
  const good = { moves: 7, medianError: 0.041, coverage: 6 / 7 }
  const pair = { from: 'kvm-1', to: 'kvm-2', total: { moves: 6.5, factor: 1.31 }, downtime: {}, bytes: {} }
  const ledger = {
    moves: 7,
    open: 1,
    total: good,
    wrongVerdicts: 0,
    pairs: [{ ...pair, verdicts: { moves: 7, shift: 0 } }],
  }
  const answer = { ...ANSWER, ledger }
  assert.ok(Check(MigrationsView, answer))
  const text = ledgerText(answer)
  assert.match(text, /^Of moves with a promise 7 ended and 1 did not; 0 verdicts were wrong\.$/m)
  assert.match(text, /^total +7 +4\.1 % +85\.7 %$/m)
  assert.match(text, /^kvm-1 > kvm-2 +7\.0 +1\.31/m)
  assert.match(ledgerText(ANSWER), /^Nothing is promised/)
})
