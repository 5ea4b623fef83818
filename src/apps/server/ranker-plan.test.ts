/** The plan as a page shows it: each move with why now, by when, why not elsewhere, and why not another VM. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Check } from 'typebox/value'
import { aBench } from '../../../tools/server/desk-bench.ts'
import type { DeskBench } from '../../../tools/server/desk-site.ts'
import { bodyOf } from '../../../tools/server/live-site.ts'
import { TurnAnswers } from './ranker-answers.ts'
import { decodePacket, encodePacket, type TurnPacket } from './turn-packet.ts'
import { PlanView } from './views/plan.ts'

function planOf(packet: TurnPacket): PlanView {
  const answer = bodyOf(new TurnAnswers(decodePacket(encodePacket(packet))).answer({ what: 'plan' }, []))
  assert.ok(Check(PlanView, answer))
  return answer
}

async function withMoves(bench: DeskBench): Promise<TurnPacket> {
  for (let turn = 0; turn < 20; turn++) {
    const packet = await bench.step()
    if ((packet.result?.orders ?? []).some(({ class: kind }) => kind === 'contention')) return packet
  }
  throw new Error('no turn ordered anything')
}

test('a move says by when contention begins, by the models that it names, and what else there was', async () => {
  const bench = await aBench('shadow')
  const packet = await withMoves(bench)
  const { moves, models, policy, horizonMs, takenAt } = planOf(packet)
  assert.deepEqual(models, { forecast: 'look-back-kernel', suitability: 'expected-risk', cost: 'pre-copy-rounds' })
  assert.deepEqual([policy, takenAt], [packet.policy.name, undefined])
  for (const [i, move] of moves.entries()) {
    const { at } = packet.observation
    assert.equal(move.place, i + 1)
    if (move.class === 'contention') {
      const { earliestAt, probability = -1 } = move.deadline ?? {}
      const isLikely = probability >= packet.policy.contention.triggerProbability
      assert.equal(earliestAt !== undefined, isLikely)
      if (earliestAt !== undefined) assert.ok(earliestAt > at && earliestAt <= at + horizonMs)
      assert.ok(probability > 0)
      const says = `^Contention on ${move.from} begins within 1 h with [0-9]+ %|^VMs on ${move.from} want more`
      assert.match(move.whyNow, new RegExp(says))
    } else assert.match(move.whyNow, /^Nothing presses/)
    const [from, to] = move.bounds ?? []
    assert.deepEqual([from.host, to.host], [move.from, move.to])
    assert.ok(from.moved <= from.bound && to.moved >= to.bound)
    const chosen = move.otherHosts?.best.filter(({ isChosen }) => isChosen) ?? []
    assert.ok(chosen.length <= 1)
    const refused = (move.otherHosts?.refused ?? []).reduce((sum, { hosts }) => sum + hosts, 0)
    // Every host is suitable or refused, its own among the refused.
    assert.equal((move.otherHosts?.suitable ?? 0) + refused, bench.site.hosts.length)
    assert.ok(move.otherVms.length > 0 && move.otherVms.every(({ reason }) => reason !== ''))
    assert.ok(move.otherVms.every(({ vm }) => moves.every((other) => other.vm !== vm)))
  }
})

test('a plan of VMs that have gone since is told as it was, without what can not be known any more', async () => {
  const bench = await aBench('shadow')
  const packet = await withMoves(bench)
  const gone = packet.result?.orders.map((order) => ({ ...order, vmId: 'gone' as typeof order.vmId })) ?? []
  const { moves } = planOf({ ...packet, result: { events: [], orders: gone } })
  assert.deepEqual(
    moves.map(({ vm, otherHosts, otherVms }) => [vm, otherHosts, otherVms]),
    gone.map(() => ['gone', undefined, []]),
  )
})
