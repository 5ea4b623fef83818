import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AUTOMATION_LEVELS } from '../../../src/apps/server/site-settings.ts'
import {
  consequences,
  isRaise,
  isStoppedSince,
  lackingFor,
  LEVELS,
  needsConfirm,
  needsToken,
  type Wish,
} from './policy-levels.ts'

const at = (level: Wish['level'], isPaused = false): Wish => ({ level, isPaused })
const given = { confirm: '', token: '', isTokenNeeded: true, isAdmin: true }

test('the page knows the levels of the server, in its order', () => {
  assert.deepEqual(
    LEVELS.map(({ level }) => level),
    AUTOMATION_LEVELS,
  )
})

test('more is allowed by a higher level and by the end of a pause, less by neither', () => {
  assert.equal(isRaise(at('shadow'), at('partial')), true)
  assert.equal(isRaise(at('full', true), at('full')), true)
  assert.equal(isRaise(at('shadow', true), at('full', true)), true)
  assert.equal(isRaise(at('full'), at('partial')), false)
  assert.equal(isRaise(at('full'), at('full', true)), false)
})

test('what was asked before all automation was stopped does not end that, and to go on is another question', () => {
  const full = at('full')
  assert.equal(isStoppedSince(at('partial'), { before: at('partial', true), after: full }), true)
  assert.equal(isStoppedSince(at('partial'), { before: at('partial'), after: full }), false)
  assert.equal(isStoppedSince(at('partial'), { before: at('partial', true), after: at('full', true) }), false)
  assert.equal(isStoppedSince(at('full', true), { before: at('full', true), after: full }), false)
})

test('the level is typed once more only where VMs are then moved that were not before', () => {
  assert.equal(needsConfirm(at('off'), at('advisory')), false)
  assert.equal(needsConfirm(at('advisory'), at('partial')), true)
  assert.equal(needsConfirm(at('full', true), at('full')), true)
  assert.equal(needsConfirm(at('full'), at('partial')), false)
})

test('lowering wants nothing more, raising wants role, word and token', () => {
  const down = { before: at('full'), after: at('off') }
  const up = { before: at('shadow'), after: at('full') }
  assert.equal(lackingFor(down, { ...given, isAdmin: false }), undefined)
  assert.match(lackingFor(up, { ...given, isAdmin: false }) ?? '', /role admin/)
  assert.match(lackingFor(up, { ...given, confirm: 'ful' }) ?? '', /Type full/)
  assert.match(lackingFor(up, { ...given, confirm: 'full' }) ?? '', /token once more/)
  assert.equal(lackingFor(up, { ...given, confirm: 'full', token: 'ethos_1_2' }), undefined)
  assert.equal(lackingFor(up, { ...given, confirm: ' full ', isTokenNeeded: false }), undefined)
})

test('a token that was shown is good until its time is over', () => {
  assert.equal(needsToken(undefined, 10), true)
  assert.equal(needsToken({}, 10), true)
  assert.equal(needsToken({ confirmedUntil: 11 }, 10), false)
  assert.equal(needsToken({ confirmedUntil: 10 }, 10), true)
})

test('what a level means is said in the words of the documentation', () => {
  assert.deepEqual(consequences(at('shadow'), at('full')), [
    'At full turns are taken. Orders: carried out, or proposed where they may not be.',
    'What is moved: also what the policy decides.',
    'VMs are moved without anybody being asked, within budgets and windows.',
  ])
  assert.deepEqual(consequences(at('full'), at('full', true)), [
    'Nothing is begun any more. Moves under way go on and are followed.',
  ])
  assert.deepEqual(consequences(at('full', true), at('partial', true)), [
    'At partial turns are taken. Orders: proposals.',
    'It stays paused: until that is ended, nothing is begun.',
  ])
})
