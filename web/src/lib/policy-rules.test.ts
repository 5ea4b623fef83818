import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WARNING_BEGIN } from '../../../src/engine/migration/move-alerts.ts'
import type { EvacuationPreviewView } from '../../../src/apps/server/views/preview.ts'
import { PRODUCTION_POLICY } from '../../../src/terms/policy.ts'
import { evacuationHeld, evacuationSentence, fullnessBars } from './policy-evacuation.ts'
import { stepsOfHistory } from './policy-history.ts'
import { POLICY_PARTS, partOf } from './policy-parts.ts'
import { apartGroups, boundVms, budgetText, busiestText, openWarnings } from './policy-rules.ts'

const GiB = 2 ** 30

test('who is bound is one list: by people, by pins, by others, by the server', () => {
  const bound = boundVms(
    { vms: [{ vm: 'web-1', who: 'kim', at: 5, reason: 'licence' }] },
    [
      { vm: 'web-1', state: 'good', host: 'kvm-1' },
      { vm: 'web-2', state: 'good', host: 'kvm-2', isPinned: true },
      { vm: 'web-3', state: 'good', isPinned: false },
    ],
    { leftAlone: { 'web-4': 0 }, frozenVms: { 'web-5': 'It runs on both.' } },
  )
  assert.deepEqual(
    bound.map(({ vm, rule, host }) => [vm, rule, host]),
    [
      ['web-1', 'opted out', 'kvm-1'],
      ['web-2', 'pinned', 'kvm-2'],
      ['web-4', 'left to others', undefined],
      ['web-5', 'frozen', undefined],
    ],
  )
  assert.match(bound[2]?.reason ?? '', /until 1970-01-01 00:00 UTC/)
  assert.deepEqual(boundVms({ vms: [] }, [], { leftAlone: {}, frozenVms: {} }), [])
})

function of(vm: string, antiAffinityGroup?: string) {
  return { vm, ...(antiAffinityGroup === undefined ? {} : { antiAffinityGroup }) }
}

test('groups that are kept apart are listed, the largest first, each VM by name; a group is a name as any other', () => {
  assert.deepEqual(
    apartGroups([of('web-1', 'web'), of('db-2', '__proto__'), of('batch-1'), of('db-1', '__proto__'), of('lone', 'a')]),
    [
      { group: '__proto__', vms: ['db-1', 'db-2'] },
      { group: 'a', vms: ['lone'] },
      { group: 'web', vms: ['web-1'] },
    ],
  )
  assert.deepEqual(apartGroups([of('batch-1')]), [])
})

test('budgets say what is used of what may be, and which hosts are busiest', () => {
  assert.equal(budgetText({ used: 3, most: 12, spanMs: 3_600_000 }), '3 of 12 this hour')
  assert.equal(budgetText({ used: 0, most: 2, spanMs: 600_000 }), '0 of 2 in 10 min')
  const hosts = ['a', 'b', 'c', 'd'].map((host, i) => ({ host, used: 4 - i }))
  assert.equal(busiestText({ hosts, perHostMost: 4 }), 'a 4 of 4, b 3 of 4, c 2 of 4, and 1 more')
  assert.equal(busiestText({ hosts: [], perHostMost: 4 }), 'none; 4 each at most')
})

test('a warning that holds a proposal is offered in its own words, once, until it is accepted', () => {
  const proposal = {
    id: '1',
    vm: 'v',
    from: 'a',
    to: 'b',
    class: 'contention' as const,
    reason: '',
    decidedAt: 0,
    endsAt: 0,
  }
  const held = `${WARNING_BEGIN}No lock manager guards the disks of v.`
  const proposals = [{ ...proposal, held }, { ...proposal, held }, { ...proposal, held: 'Outside windows.' }, proposal]
  assert.deepEqual(openWarnings(proposals, { accepted: [] }), ['No lock manager guards the disks of v.'])
  const accepted = [{ warning: 'No lock manager guards the disks of v.', who: 'kim', at: 0, reason: '' }]
  assert.deepEqual(openWarnings(proposals, { accepted }), [])
})

const move = {
  place: 1,
  round: 1,
  vm: 'v',
  to: 'b',
  startsInMs: 0,
  durationMs: 40_000,
  downtimeMs: 60,
  copiedBytes: GiB,
  memoryBytes: GiB,
}
const evacuation: EvacuationPreviewView = {
  asOf: 0,
  degraded: [],
  host: 'kvm-6',
  vms: 3,
  isComplete: false,
  conflicts: [],
  moves: [move, { ...move, vm: 'w', place: 2, round: 2 }],
  stuck: [{ vm: 'x', reason: 'pinned' }],
  hosts: [],
  totalMs: 120_000,
  copiedBytes: 2 * GiB,
  models: { forecast: 'f', suitability: 's', cost: 'c' },
  approximations: [],
}

test('what it takes to empty a host is one sentence, and who stays is in it', () => {
  assert.equal(
    evacuationSentence(evacuation),
    '2 of 3 VMs would leave kvm-6 within about 2 min, in 2 rounds, with 2 GiB to be sent. 1 can’t leave.',
  )
  assert.equal(evacuationSentence({ ...evacuation, vms: 0 }), 'kvm-6 carries no VM: it is empty already.')
  assert.equal(evacuationSentence({ ...evacuation, moves: [] }), 'None of 3 VMs can leave kvm-6.')
})

test('only a conflict that the order would bring holds it', () => {
  const conflict = { text: 'The group is too large.', remedy: 'Make it smaller.' }
  assert.equal(evacuationHeld({ ...evacuation, conflicts: [{ ...conflict, isNew: false }] }), undefined)
  assert.equal(
    evacuationHeld({ ...evacuation, conflicts: [{ ...conflict, isNew: true }] }),
    'The group is too large. Make it smaller.',
  )
})

test('how full a host gets is told in shares of what it has', () => {
  const bars = fullnessBars({
    host: 'b',
    vms: { before: 1, after: 2 },
    cpu: { capacity: 40, meanBefore: 10, meanAfter: 20, boundBefore: 20, boundAfter: 44 },
    memory: { bytes: 0, allocatedBefore: 0, allocatedAfter: 0 },
  })
  // 10 of 40, 20 of 40; 44 of 40 is over; of nothing it is nothing.
  assert.deepEqual(
    bars.map(({ before, after }) => [before, after]),
    [
      [0.25, 0.5],
      [0.5, 1.1],
      [0, 0],
    ],
  )
})

test('each version says what it changed; of the first against the defaults, of the oldest of a page against nothing', () => {
  const careful = { ...PRODUCTION_POLICY, name: 'careful' }
  const steps = stepsOfHistory([
    { version: 3, policy: { gates: { nobody: 1 } } },
    { version: 2, policy: { ...careful, gates: { ...careful.gates, movesPerTurnMax: 4 } } },
    { version: 1, policy: careful },
  ])
  assert.match(steps[0]?.problem ?? '', /later server/)
  assert.deepEqual(
    steps[1]?.changes.map(({ title, to }) => `${title} ${to}`),
    ['Moves of one turn 4'],
  )
  assert.deepEqual(
    steps[2]?.changes.map(({ title }) => title),
    ['Name'],
  )
  assert.deepEqual(stepsOfHistory([{ version: 7, policy: careful }])[0]?.changes, [])
})

test('an address without a part, or with one that there is not, is of the level', () => {
  assert.equal(partOf(null), 'automation')
  assert.equal(partOf('__proto__'), 'automation')
  for (const { name } of POLICY_PARTS) assert.equal(partOf(name), name)
})
