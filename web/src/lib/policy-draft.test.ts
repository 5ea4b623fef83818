import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PRODUCTION_POLICY, SITE_POLICY } from '../../../src/terms/policy.ts'
import {
  changesBetween,
  draftOf,
  goOnFrom,
  leaningOf,
  leaningText,
  type PolicyDraft,
  readDraft,
  readPolicy,
  shippedValue,
} from './policy-draft.ts'
import { POLICY_FIELDS } from './policy-fields.ts'

const fieldOf = (path: string) => {
  const field = POLICY_FIELDS.find((one) => one.path === path)
  assert.ok(field, path)
  return field
}
const edited = (draft: PolicyDraft, texts: Record<string, string>): PolicyDraft => ({
  ...draft,
  texts: { ...draft.texts, ...texts },
})

test('every field of the policy stands on the page once', () => {
  const { name: _, ...sections } = SITE_POLICY
  const paths = Object.entries(sections).flatMap(([section, fields]) =>
    Object.keys(fields).map((name) => `${section}.${name}`),
  )
  assert.deepEqual(POLICY_FIELDS.map(({ path }) => path).toSorted(), paths.toSorted())
})

test('a policy that nobody edited comes to what it was', () => {
  for (const policy of [PRODUCTION_POLICY, SITE_POLICY]) {
    const read = readDraft(draftOf(policy))
    assert.deepEqual(read.problems, [])
    assert.deepEqual(readPolicy(read.policy), policy)
  }
})

test('what is emptied lifts a limit, and where a value is needed the field says so', () => {
  const draft = edited(draftOf(SITE_POLICY), { 'limits.cpuAllocationMax': '', 'gates.cooldownMs': '' })
  assert.deepEqual(readDraft(draft).problems, [{ place: 'gates.cooldownMs', text: 'Something has to stand here.' }])
  const good = readDraft(edited(draft, { 'gates.cooldownMs': '90 s' }))
  const policy = readPolicy(good.policy)
  assert.equal(policy.limits.cpuAllocationMax, undefined)
  assert.equal(policy.gates.cooldownMs, 90_000)
})

test('values that contradict each other are told at the field that the server would name', () => {
  // Relief down to 97 % while contention begins above 95 %: a target would be a source at once.
  const { policy, problems } = readDraft(edited(draftOf(SITE_POLICY), { 'contention.lowFraction': '97' }))
  assert.equal(policy, undefined)
  assert.equal(problems[0]?.place, 'contention.lowFraction')
  assert.match(problems[0]?.text ?? '', /must lie below highFraction \(0.95\)/)
})

test('a policy without limits of safety sends none, whatever its fields show', () => {
  const draft = draftOf(PRODUCTION_POLICY)
  assert.equal(draft.hasSafety, false)
  assert.equal(draft.texts['safety.movesPerClusterHourMax'], '12')
  assert.equal(readDraft(draft).policy?.['safety'], undefined)
  const own = readDraft({ ...draft, hasSafety: true })
  assert.deepEqual(readPolicy(own.policy).safety, SITE_POLICY.safety)
})

test('changes are told by field, with units, in the order of the page', () => {
  const after = readPolicy(
    readDraft(edited({ ...draftOf(SITE_POLICY), name: 'careful' }, { 'contention.triggerProbability': '40 %' })).policy,
  )
  assert.deepEqual(changesBetween(SITE_POLICY, after), [
    { path: 'name', title: 'Name', from: 'site', to: 'careful' },
    {
      path: 'contention.triggerProbability',
      title: 'Acts when contention is as likely as',
      from: '20 %',
      to: '40 %',
    },
  ])
})

test('a value is called more eager or more careful against the one that ships', () => {
  const trigger = fieldOf('contention.triggerProbability')
  assert.equal(leaningOf(trigger, 0.2), 'shipped')
  assert.equal(leaningOf(trigger, 0.1), 'eager')
  assert.equal(leaningOf(trigger, 0.4), 'careful')
  assert.equal(leaningOf(fieldOf('gates.movesPerTurnMax'), undefined), 'eager')
  assert.equal(leaningOf(fieldOf('consolidation.isEnabled'), false), 'careful')
  assert.equal(leaningOf(fieldOf('prices.currency'), 'USD'), 'other')
  assert.equal(shippedValue('contention.triggerProbability'), 0.2)
})

test('how some fields lean together is one sentence', () => {
  const fields = ['gates.cooldownMs', 'gates.noReturnMs', 'prices.currency'].map(fieldOf)
  assert.equal(leaningText(fields, SITE_POLICY), '3 of 3 fields are as they ship.')
  const gates = { ...SITE_POLICY.gates, cooldownMs: 60_000, noReturnMs: 86_400_000 }
  assert.equal(
    leaningText(fields, { ...SITE_POLICY, gates }),
    '1 of 3 fields are as they ship, 1 more ready to move, 1 more careful.',
  )
})

test('my changes go on from what somebody else has set, and what both changed is named', () => {
  const base = draftOf(SITE_POLICY)
  const mine = edited(base, { 'gates.cooldownMs': '1 h', 'prices.perKwh': '0.3' })
  const theirs = edited({ ...base, name: 'night' }, { 'gates.cooldownMs': '2 h', 'gates.noReturnMs': '12 h' })
  const { draft, clashes } = goOnFrom(base, mine, theirs)
  assert.deepEqual(clashes, ['gates.cooldownMs'])
  assert.equal(draft.name, 'night')
  assert.equal(draft.texts['gates.cooldownMs'], '1 h')
  assert.equal(draft.texts['gates.noReturnMs'], '12 h')
  assert.equal(draft.texts['prices.perKwh'], '0.3')
})
