import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MigrationsView, MigrationView, ProposalView } from '../../../src/apps/server/views/moves.ts'
import type { PlanMoveView, PlanView } from '../../../src/apps/server/views/plan.ts'
import { STAY_REASONS } from '../../../src/terms/turn.ts'
import {
  deadlineOf,
  evacuationText,
  leftAloneOf,
  rowsOfPlan,
  signedMoneyText,
  standingText,
  stayedRows,
  whyNoApproval,
} from './plan.ts'

const ROUTE = { vm: 'web-1', from: 'kvm-1', to: 'kvm-2', class: 'contention', reason: 'Contention.' } as const
const MINUTE = 60_000

function aPlanMove(id: string, over: Partial<PlanMoveView> = {}): PlanMoveView {
  const why = { place: 1, whyNow: 'Now.', otherVms: [], otherVmsLeftOut: 0 }
  return { ...ROUTE, id, decidedAt: 0, state: 'proposed', ...why, ...over }
}
function aPlan(moves: readonly PlanMoveView[]): PlanView {
  return {
    asOf: 0,
    degraded: [],
    level: 'partial',
    isPaused: false,
    areGuestsTrusted: false,
    policy: 'balanced',
    currency: 'EUR',
    horizonMs: 60 * MINUTE,
    models: { forecast: 'f', suitability: 's', cost: 'c' },
    held: [],
    adviceOnly: [],
    moves: [...moves],
    notDone: [],
    stayed: {},
    events: [],
    eventsLeftOut: 0,
  }
}
function aProposal(id: string): ProposalView {
  return { ...ROUTE, id, decidedAt: 0, endsAt: 30 * MINUTE }
}
function someMoves(over: Partial<MigrationsView> = {}): MigrationsView {
  return {
    asOf: 0,
    driver: 'libvirt',
    level: 'partial',
    isPaused: false,
    holds: [],
    open: [],
    ended: [],
    proposals: [],
    evacuations: [],
    frozenVms: {},
    frozenHosts: {},
    leftAlone: {},
    alerts: [],
    ...over,
  }
}
function aMove(id: string, state: MigrationView['state']): MigrationView {
  return { ...ROUTE, id, cause: { kind: 'policy' }, mode: 'precopy', state, recordedAt: 0 }
}

test('moves stand in the order of the plan, and proposals of earlier turns after them, each once', () => {
  const moves = someMoves({ proposals: [aProposal('b'), aProposal('old')] })
  const { now, before } = rowsOfPlan(aPlan([aPlanMove('a'), aPlanMove('b')]), moves)
  assert.deepEqual(
    now.map(({ id, standing }) => `${id} ${standing.kind}`),
    ['a said', 'b proposed'],
  )
  assert.deepEqual(
    before.map(({ id, standing }) => `${id} ${standing.kind}`),
    ['old proposed'],
  )
})

test('a move that is under way is no proposal any more, and one that ended tells how', () => {
  const moves = someMoves({ proposals: [aProposal('a')], open: [aMove('a', 'accepted')], ended: [aMove('b', 'done')] })
  const { now } = rowsOfPlan(aPlan([aPlanMove('a'), aPlanMove('b')]), moves)
  assert.deepEqual(
    now.map(({ standing }) => standingText(standing, 0)),
    ['under way: accepted', 'done'],
  )
})

test('a move that could not be begun and was proposed then waits for a person', () => {
  const moves = someMoves({ proposals: [aProposal('a')], ended: [aMove('a', 'not-started')] })
  const { before } = rowsOfPlan(aPlan([]), moves)
  assert.deepEqual(
    before.map(({ id, standing }) => `${id} ${standing.kind}`),
    ['a proposed'],
  )
})

test('a move says why now, and without that why', () => {
  const { whyNow: _, ...bare } = aPlanMove('a')
  const { now } = rowsOfPlan(aPlan([aPlanMove('b'), bare as PlanMoveView]), undefined)
  assert.deepEqual(
    now.map(({ why }) => why),
    ['Now.', 'Contention.'],
  )
})

test('a proposal says how long it is good, by the clock of the site', () => {
  const standing = { kind: 'proposed', proposal: aProposal('a') } as const
  assert.equal(standingText(standing, 10 * MINUTE), 'proposed, good for 20 min')
  assert.equal(standingText(standing, undefined), 'proposed')
})

function anEstimate(durationMs: number): NonNullable<PlanMoveView['estimate']> {
  return { copiedBytes: 1, durationMs, downtimeMs: 0, rounds: 1, converges: true }
}

test('what comes later than the horizon has no place on the line, and is left out of the sentence', () => {
  const line = deadlineOf({ deadline: { probability: 0.3 } }, { now: 0, horizonMs: 60 * MINUTE })
  assert.deepEqual([line?.earliest, line?.median, line?.isLate], [undefined, undefined, false])
  assert.equal(line?.text, 'Contention 30 % within 1 h.')
})

test('a deadline stands on a line from now to the end of the horizon', () => {
  const deadline = { at: 30 * MINUTE, earliestAt: 15 * MINUTE, probability: 0.87 }
  const line = deadlineOf({ deadline, estimate: anEstimate(6 * MINUTE) }, { now: 0, horizonMs: 60 * MINUTE })
  assert.deepEqual(line, {
    earliest: 0.25,
    median: 0.5,
    copied: 0.1,
    isLate: false,
    text: 'Contention as likely as not in 30 min, possible from 15 min on; 87 % within 1 h.',
  })
})

test('a copy that ends after the deadline is told as late', () => {
  const deadline = { at: MINUTE, earliestAt: -MINUTE, probability: 0.99 }
  const line = deadlineOf({ deadline, estimate: anEstimate(2 * MINUTE) }, { now: 0, horizonMs: 60 * MINUTE })
  assert.equal(line?.isLate, true)
  assert.equal(line?.earliest, 0)
  assert.match(line?.text ?? '', /possible from now on; 99 % within 1 h\. The copy takes longer than that\.$/)
  assert.equal(deadlineOf({}, { now: 0, horizonMs: 1 }), undefined)
})

test('why VMs stayed has a sentence for each reason, the commonest first', () => {
  assert.deepEqual(
    stayedRows({ pinned: 3, cooldown: 0, 'host-comfortable': 9 }).map(({ vms, text }) => `${vms} ${text}`),
    ['9 Their host has room for what is forecast, and is not worth emptying.', '3 Their owner pinned them.'],
  )
  for (const reason of STAY_REASONS.filter((one) => one !== 'moves'))
    assert.match(stayedRows({ [reason]: 1 })[0]?.text ?? '', /^[A-Z].* .*\.$/, reason)
})

test('a reason that this page does not know yet is shown as its word', () => {
  assert.equal(stayedRows({ 'sleeps-late': 1 })[0]?.text, 'sleeps late.')
})

test('hosts and VMs that are left alone are told with their reasons', () => {
  const moves = someMoves({
    frozenVms: { 'db-3': 'Seen paused on both hosts.' },
    frozenHosts: { 'kvm-1': 'No answer.' },
    leftAlone: { 'vdi-8': 0 },
  })
  assert.deepEqual(
    leftAloneOf(moves).map(({ what, name, why }) => `${what} ${name}: ${why}`),
    [
      'host kvm-1: No answer.',
      'VM db-3: Seen paused on both hosts.',
      'VM vdi-8: Somebody else moves it back: it is left to them until 1970-01-01 00:00 UTC.',
    ],
  )
})

test('a yes is offered to operators alone, and where it would be heard', () => {
  assert.equal(whyNoApproval(someMoves(), true), undefined)
  assert.equal(whyNoApproval(someMoves(), false), 'Needs the role operator.')
  assert.match(whyNoApproval(someMoves({ level: 'advisory' }), true) ?? '', /^Automation is advisory:/)
  const { driver: _, ...none } = someMoves()
  assert.match(whyNoApproval(none, true) ?? '', /^No driver is configured/)
})

test('how far a host is emptied is one sentence', () => {
  const host = { host: 'kvm-1', vms: 9, leaving: 2, stuck: [] }
  assert.equal(evacuationText(host), '9 VMs left, 2 on their way.')
  assert.equal(
    evacuationText({ ...host, stuck: [{ vm: 'gpu-1', reason: 'No host.' }] }),
    '9 VMs left, 2 on their way; 1 can not leave.',
  )
  assert.equal(evacuationText({ ...host, vms: 0, leaving: 0 }), 'It is empty.')
})

test('what is won has a plus, and what is lost a minus', () => {
  assert.equal(signedMoneyText(0.421, 'EUR'), '+0.42 EUR')
  assert.equal(signedMoneyText(-0.1, 'EUR'), '-0.10 EUR')
  assert.equal(signedMoneyText(0, 'EUR'), '0 EUR')
})
