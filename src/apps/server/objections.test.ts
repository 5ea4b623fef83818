/** A person's no, or not yet, to a proposal: across levels, starts, double clicks and two people at once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aBench } from '../../../tools/server/desk-bench.ts'
import type { DeskBench } from '../../../tools/server/desk-site.ts'
import type { OrderId } from '../../terms/ids.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { StoreError } from '../../world/errors.ts'
import type { AskResult } from './controller-messages.ts'
import { STAY_REASONS } from '../../terms/turn.ts'
import type { BudgetView } from './views/moves.ts'
import type { ObjectionView } from './views/proposals.ts'

interface Told {
  readonly objections: readonly ObjectionView[]
}

function objectionsOf(bench: DeskBench): readonly ObjectionView[] {
  return (JSON.parse(bench.desk.text()) as Told).objections
}

async function proposed(bench: DeskBench) {
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  return bench.view().proposals[0]
}

function reject(bench: DeskBench, id: string, who = 'ann'): Promise<AskResult> {
  const because = 'a batch runs'
  return bench.desk.answer({ what: 'object', kind: 'rejected', orderId: id as OrderId, who, because })
}

function postpone(bench: DeskBench, id: string, until: number, who = 'ann'): Promise<AskResult> {
  return bench.desk.answer({ what: 'object', kind: 'postponed', orderId: id as OrderId, who, until })
}

test('a rejected move is not proposed again for a day, and why is told in the words of who rejected it', async () => {
  const bench = await aBench('partial')
  const { id, vm, from, to } = await proposed(bench)
  const answer = await reject(bench, id)
  assert.equal(answer.kind, 'done')
  assert.ok(bench.view().proposals.every((proposal) => proposal.id !== id))
  const [objection] = objectionsOf(bench)
  const { what, who, until, because } = objection
  assert.deepEqual(
    [objection.vm, what, who, until, because],
    [vm, 'rejected', 'ann', bench.now + DAY_MS, 'a batch runs'],
  )
  const before = bench.orders.length
  for (let turn = 0; turn < 12; turn++) {
    const { observation, result } = await bench.step()
    const v = observation.inventory.vms.findIndex((one) => one.id === vm)
    const said = observation.inventory.objections?.get(observation.inventory.vms[v].id) ?? ''
    assert.match(said, new RegExp(`^ann rejected its move from ${from} to ${to} \\("a batch runs"\\)`))
    assert.notEqual(STAY_REASONS[result?.stayed?.[v] ?? 0], 'moves')
  }
  assert.ok(bench.orders.slice(before).every(({ vmId }) => vmId !== vm))
  // Its host is still pressed: others relieve it, and after a day it may be asked about again.
  bench.now += DAY_MS
  assert.deepEqual(objectionsOf(bench), [])
})

test('said twice by the same person it is one word, and in the journal once; said after another it is a conflict with what stands', async () => {
  const bench = await aBench('partial')
  const { id } = await proposed(bench)
  const [first, second] = await Promise.all([reject(bench, id), reject(bench, id)])
  assert.ok(first.kind === 'done' && first.isRepeated === undefined)
  assert.deepEqual(second, { ...first, isRepeated: true })
  bench.now += MINUTE_MS
  assert.deepEqual(await reject(bench, id), second)
  const lines = (await bench.store.journal.last(200)).filter(({ line }) => line.startsWith('{"kind":"objection"'))
  assert.equal(lines.length, 1)
  const other = await reject(bench, id, 'bob')
  const late = await postpone(bench, id, bench.now + HOUR_MS, 'bob')
  const approval = await bench.desk.answer({ what: 'approve', orderId: id as OrderId, who: 'bob' })
  for (const answer of [other, late, approval]) {
    assert.equal(answer.kind, 'refused')
    assert.match(answer.kind === 'refused' ? answer.reason : '', /^ann rejected it at /)
    assert.equal((answer.kind === 'refused' ? (answer.stands as ObjectionView) : undefined)?.who, 'ann')
  }
  assert.deepEqual(bench.driver.calls, [])
})

test('of two people who speak at once one was first, and the other is told who', async () => {
  const bench = await aBench('partial')
  const { id } = await proposed(bench)
  const answers = await Promise.all([reject(bench, id, 'ann'), reject(bench, id, 'bob')])
  assert.deepEqual(
    answers.map(({ kind }) => kind),
    ['done', 'refused'],
  )
  assert.equal(objectionsOf(bench)[0].who, 'ann')
})

test('what was carried out can not be rejected, and what stands is told', async () => {
  const bench = await aBench('partial')
  const { id, vm } = await proposed(bench)
  await bench.desk.answer({ what: 'approve', orderId: id as OrderId, who: 'ann' })
  const answer = await reject(bench, id, 'bob')
  assert.match(answer.kind === 'refused' ? answer.reason : '', /no proposal any more/)
  assert.equal((answer.kind === 'refused' ? (answer.stands as { vm: string }) : undefined)?.vm, vm)
  assert.deepEqual(await reject(bench, 'ethos-99-0', 'bob'), { kind: 'unknown' })
  assert.deepEqual(objectionsOf(bench), [])
})

test('a no survives the process that heard it', async () => {
  const bench = await aBench('partial')
  const { id, vm } = await proposed(bench)
  await reject(bench, id)
  const before = objectionsOf(bench)
  bench.desk.close()
  await bench.newDesk().open()
  assert.deepEqual(objectionsOf(bench), before)
  assert.ok(bench.view().proposals.every((proposal) => proposal.id !== id))
  const since = bench.orders.length
  for (let turn = 0; turn < 8; turn++) await bench.step()
  assert.ok(bench.orders.slice(since).every(({ vmId }) => vmId !== vm))
  assert.equal((await reject(bench, id)).kind, 'done')
})

test('a no of a version that wrote how a person came in is still that person’s own', async () => {
  const bench = await aBench('partial')
  const { id } = await proposed(bench)
  const [bySession, byToken] = ['token ann (0123456789abcdef) by session', 'token ann (0123456789abcdef)']
  await reject(bench, id, bySession)
  bench.desk.close()
  await bench.newDesk().open()
  assert.deepEqual(
    objectionsOf(bench).map(({ who }) => who),
    [byToken],
  )
  const again = await reject(bench, id, byToken)
  assert.ok(again.kind === 'done' && again.isRepeated === true)
  // A later word of the same person counts, and another's does not.
  const until = bench.now + HOUR_MS
  assert.equal((await postpone(bench, id, until, 'token bob (fedcba9876543210)')).kind, 'refused')
  assert.equal((await postpone(bench, id, until, byToken)).kind, 'done')
})

test('a no to one move of a VM holds against every other proposal of it, in this process and in the next', async () => {
  const bench = await aBench('partial')
  const { id, vm } = await proposed(bench)
  const first = bench.desk.proposals.find(id as OrderId, bench.now)?.order
  assert.ok(first)
  const second = { ...first, id: `${id}-later` as OrderId }
  bench.desk.proposals.add(second, 'a later turn said so')
  await bench.desk.tick()
  assert.equal((await reject(bench, second.id)).kind, 'done')
  // As if it had been proposed in the instant in which the no was heard.
  bench.desk.proposals.add(first)
  const approve = { what: 'approve', orderId: first.id, who: 'bob' } as const
  const answer = await bench.desk.answer(approve)
  assert.match(answer.kind === 'refused' ? answer.reason : '', /^ann rejected it at /)
  const other = await reject(bench, first.id, 'bob')
  assert.match(other.kind === 'refused' ? other.reason : '', /^ann rejected it at /)
  bench.desk.close()
  await bench.newDesk().open()
  assert.ok(bench.view().proposals.every((proposal) => proposal.vm !== vm))
  assert.deepEqual(await bench.desk.answer(approve), { kind: 'unknown' })
  assert.deepEqual(bench.driver.calls, [])
})

test('a postponed move is proposed again when its time has come, if it is still right, and is then approved', async () => {
  const bench = await aBench('partial')
  const { id } = await proposed(bench)
  const until = bench.now + 20 * MINUTE_MS
  assert.equal((await postpone(bench, id, until)).kind, 'done')
  await bench.step()
  assert.ok(bench.view().proposals.every((proposal) => proposal.id !== id))
  while (bench.now < until) await bench.step()
  await bench.desk.tick()
  const again = bench.view().proposals.find((proposal) => proposal.id === id)
  assert.match(again?.held ?? '', /^ann postponed it until .* which has come\.$/)
  assert.deepEqual(objectionsOf(bench), [])
  assert.equal((await bench.desk.answer({ what: 'approve', orderId: id as OrderId, who: 'ann' })).kind, 'done')
  assert.equal(bench.driver.calls.length, 1)
  // Not once more in the next process.
  bench.desk.close()
  await bench.newDesk().open()
  await bench.step()
  await bench.desk.tick()
  assert.ok(bench.view().proposals.every((proposal) => proposal.id !== id))
})

test('a postponement that ended while no process ran is looked at after the first turn, and what is right no more is not proposed', async () => {
  const bench = await aBench('partial')
  const { id, vm, to } = await proposed(bench)
  await postpone(bench, id, bench.now + 20 * MINUTE_MS)
  bench.desk.close()
  for (let step = 0; step < 5; step++) bench.now += 5 * MINUTE_MS
  // Meanwhile somebody moved it there by hand.
  const target = bench.site.hosts.findIndex((host) => host.id === to)
  bench.site.hostOf[bench.site.vms.findIndex((one) => one.id === vm)] = target
  await bench.newDesk().open()
  await bench.step()
  await bench.desk.tick()
  assert.ok(bench.view().proposals.every((proposal) => proposal.id !== id))
  const ended = (await bench.store.journal.last(100)).filter(({ line }) => line.includes('"what":"ended"'))
  assert.equal(ended.length, 1)
  assert.match(ended[0].line, /was to leave/)
})

test('an instant that has passed, or lies further than a week ahead, is none to postpone to', async () => {
  const bench = await aBench('partial')
  const { id } = await proposed(bench)
  for (const until of [bench.now, bench.now - 1, bench.now + 7 * DAY_MS + 1])
    assert.equal((await postpone(bench, id, until)).kind, 'refused')
  assert.equal(bench.view().proposals[0].id, id)
})

test('taken back, the proposal stands again while it is good, and the policy may move the VM', async () => {
  const bench = await aBench('partial')
  const { id } = await proposed(bench)
  const before = bench.view().proposals
  await reject(bench, id)
  const lift = { what: 'lift', kind: 'rejected', orderId: id as OrderId, who: 'bob' } as const
  assert.deepEqual(await bench.desk.answer({ ...lift, kind: 'postponed' }), { kind: 'unknown' })
  assert.equal((await bench.desk.answer(lift)).kind, 'done')
  assert.deepEqual(await bench.desk.answer(lift), { kind: 'unknown' })
  assert.deepEqual([bench.view().proposals, objectionsOf(bench)], [before, []])
  bench.desk.close()
  await bench.newDesk().open()
  assert.deepEqual(objectionsOf(bench), [])
})

test('a no that the store does not take was not said: the proposal stands', async () => {
  const bench = await aBench('partial')
  const { id } = await proposed(bench)
  const append = bench.store.journal.append.bind(bench.store.journal)
  bench.store.journal.append = () => Promise.reject(new StoreError('io', 'No space left on device.'))
  await assert.rejects(reject(bench, id), /No space left/)
  bench.store.journal.append = append
  assert.ok(bench.view().proposals.some((proposal) => proposal.id === id))
  assert.deepEqual(objectionsOf(bench), [])
})

function hour(at: number): string {
  return new Date(at).toISOString().slice(11, 16)
}

test('at full a move that waits for its window can be rejected, and does not leave when the window opens', async () => {
  const bench = await aBench('full')
  const windows = [
    {
      days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'],
      from: hour(bench.now + 40 * MINUTE_MS),
      to: hour(bench.now + 23 * HOUR_MS),
    },
  ]
  await bench.set('move-times', { timeZone: 'UTC', windows, blackouts: [] })
  const { id, vm, held } = await proposed(bench)
  assert.ok(held !== undefined)
  assert.equal((await reject(bench, id)).kind, 'done')
  for (let turn = 0; turn < 60; turn++) {
    await bench.step()
    await bench.arrive()
  }
  assert.ok(bench.driver.calls.length > 0)
  assert.ok(bench.driver.calls.every(({ intent: { order } }) => order.vmId !== vm))
})

test('a clock that is set forward ends no rejection early, also for the next process', async () => {
  const bench = await aBench('partial')
  const { id, vm } = await proposed(bench)
  await reject(bench, id)
  const [{ until }] = objectionsOf(bench)
  await bench.setForward(DAY_MS)
  assert.equal(objectionsOf(bench)[0].until, until + DAY_MS)
  bench.desk.close()
  await bench.newDesk().open()
  assert.deepEqual(
    objectionsOf(bench).map((one) => [one.vm, one.until]),
    [[vm, until + DAY_MS]],
  )
})

test('what was approved counts against the budget of people, on both hosts, until an hour has passed', async () => {
  const bench = await aBench('partial')
  const { id, from, to } = await proposed(bench)
  const at = bench.now
  await bench.desk.answer({ what: 'approve', orderId: id as OrderId, who: 'ann' })
  const budgets = (): readonly BudgetView[] => (JSON.parse(bench.desk.text()) as { budgets: BudgetView[] }).budgets
  const ofPeople = (): BudgetView | undefined => budgets().find(({ classes }) => classes.includes('operator'))
  const { used, most, freesAt, hosts } = ofPeople() ?? { used: -1, most: 0, hosts: [] }
  assert.deepEqual([used, most, freesAt], [1, 12, at + HOUR_MS])
  assert.deepEqual(
    hosts.map(({ host, used: times }) => [host, times]),
    [from, to].sort().map((host) => [host, 1]),
  )
  // A twentieth of 18 VMs is less than one, and one may always.
  assert.deepEqual(
    budgets().map((budget) => [budget.what, budget.most]),
    [
      ['moves of the policy', 1],
      ['of these, for energy', 1],
      ['moves that people ordered', 12],
      ['moves off emptied hosts', 120],
    ],
  )
  bench.now += HOUR_MS
  assert.deepEqual([ofPeople()?.used, ofPeople()?.freesAt], [0, undefined])
})

test('a VM whose move was rejected leaves all the same when a person empties its host', async () => {
  const bench = await aBench('partial')
  const { id, vm, from } = await proposed(bench)
  await reject(bench, id)
  await bench.set('maintenance', { [from]: { who: 'ann', at: bench.now, reason: 'new disks' } })
  for (let turn = 0; turn < 20; turn++) {
    await bench.step()
    await bench.arrive()
  }
  const moved = bench.driver.calls.find(({ intent }) => intent.order.vmId === vm)
  assert.equal(moved?.intent.cause.kind, 'evacuation')
})
