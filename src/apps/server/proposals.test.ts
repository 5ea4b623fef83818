/** Proposals, from the turn that makes them to the one who approves them: across starts, clocks and what the platform says. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aBench } from '../../../tools/server/desk-bench.ts'
import type { Barrier } from '../../terms/cluster.ts'
import type { HostId, OrderId } from '../../terms/ids.ts'
import { HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { StoreError } from '../../world/errors.ts'
import { PlatformDesk } from './platform-desk.ts'

test('proposals survive the process that made them, with why they were held, and one of them leaves once', async () => {
  const bench = await aBench('partial')
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  const before = bench.view().proposals
  bench.desk.close()
  await bench.newDesk().open()
  assert.deepEqual(bench.view().proposals, before)
  const ask = { what: 'approve', orderId: before[0].id as OrderId, who: 'ann' } as const
  // Nothing has been seen by this process: it can't judge anew.
  const early = await bench.desk.answer(ask)
  assert.match(early.kind === 'refused' ? early.reason : '', /No turn has been taken since the start/)
  await bench.step()
  assert.equal((await bench.desk.answer(ask)).kind, 'done')
  bench.desk.close()
  await bench.newDesk().open()
  assert.ok(bench.view().proposals.every(({ id }) => id !== before[0].id))
  assert.deepEqual(await bench.desk.answer(ask), { kind: 'unknown' })
  assert.equal(bench.driver.calls.length, 1)
  assert.deepEqual(bench.driver.calls[0].intent.cause, { kind: 'operator', who: 'ann' })
})

test('a proposal is told by the journal before the intent that its approval makes, and not at all once it is half an hour old', async () => {
  const bench = await aBench('partial')
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  await bench.desk.tick()
  const [{ id }] = bench.view().proposals
  await bench.desk.answer({ what: 'approve', orderId: id as OrderId, who: 'ann' })
  const lines = (await bench.store.journal.last(100)).map(({ line }) => line)
  const proposedAt = lines.findIndex((line) => line.startsWith('{"kind":"proposal"') && line.includes(id))
  const intentAt = lines.findIndex((line) => line.startsWith('{"kind":"move","step":"intent"'))
  assert.ok(proposedAt >= 0 && proposedAt < intentAt)
  bench.desk.close()
  bench.now += HOUR_MS / 2
  await bench.newDesk().open()
  assert.deepEqual(bench.view().proposals, [])
})

test('a proposal that the store did not take is written when it takes lines again', async () => {
  const bench = await aBench('partial')
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  const append = bench.store.journal.append.bind(bench.store.journal)
  await bench.desk.tick()
  await bench.stepUntil(() => bench.desk.proposals.list(bench.now).length > 0)
  const [{ order }] = bench.desk.proposals.list(bench.now)
  bench.store.journal.append = () => Promise.reject(new StoreError('io', 'No space left on device.'))
  bench.desk.proposals.add(order, 'said otherwise')
  await bench.desk.tick()
  bench.store.journal.append = append
  await bench.desk.tick()
  const told = (await bench.store.journal.last(50)).filter(({ line }) => line.includes('said otherwise'))
  assert.equal(told.length, 1)
})

test('a clock that is set forward ends no proposal early, and no rest: neither here nor in the next process', async () => {
  const bench = await aBench('partial')
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  const [{ id, vm }] = bench.view().proposals
  const was = bench.orders.find((order) => order.id === id)?.decidedAt ?? 0
  await bench.setForward(HOUR_MS)
  assert.deepEqual(
    bench.view().proposals.map((proposal) => proposal.id),
    [id],
  )
  const restOf = async (): Promise<number> => {
    const { before } = await bench.step()
    return before.movedAt[before.vmIndex.get(vm) ?? -1]
  }
  assert.equal(await restOf(), was + HOUR_MS)
  bench.desk.close()
  await bench.newDesk().open()
  assert.equal(await restOf(), was + HOUR_MS)
  bench.now += 30 * MINUTE_MS
  await bench.desk.tick()
  assert.ok(bench.view().proposals.every((proposal) => proposal.id !== id))
})

test('to a host that the platform bars no turn orders anything, and what was proposed before it was known is refused', async () => {
  const barriers = { pairs: new Map<HostId, ReadonlyMap<HostId, Barrier>>(), vms: new Map() }
  const look = { at: 0, hosts: [], barriers }
  const platform = new PlatformDesk(
    { look: () => Promise.resolve(look) },
    { changed: () => undefined, failed: () => undefined },
  )
  const bench = await aBench('partial', platform)
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  const [{ id, from, to }] = bench.view().proposals
  const maker: Barrier = { lacking: 'cpu-flags', reason: 'The maker of its CPU is AMD, not Intel.' }
  barriers.pairs.set(from, new Map([[to, maker]]))
  const told = await bench.desk.answer({ what: 'approve', orderId: id as OrderId, who: 'ann' })
  assert.deepEqual(told, { kind: 'refused', reason: maker.reason })
  const others = bench.site.hosts.map((host) => host.id)
  for (const one of others) barriers.pairs.set(one, new Map(others.map((other) => [other, maker])))
  const before = bench.orders.length
  for (let turn = 0; turn < 12; turn++) await bench.step()
  assert.equal(bench.orders.length, before)
  barriers.pairs.clear()
  for (let turn = 0; turn < 12; turn++) await bench.step()
  assert.ok(bench.orders.length > before)
})
