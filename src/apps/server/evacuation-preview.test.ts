/** What it would take to empty a host, asked before anybody asks for it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Check } from 'typebox/value'
import { aBench } from '../../../tools/server/desk-bench.ts'
import { bodyOf } from '../../../tools/server/live-site.ts'
import type { HostId } from '../../terms/ids.ts'
import { HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { previewText } from '../cli/evacuation-text.ts'
import { startsOf } from './evacuation-preview.ts'
import { TurnAnswers } from './ranker-answers.ts'
import { decodePacket, encodePacket, type TurnPacket } from './turn-packet.ts'
import { EvacuationPreviewView } from './views/preview.ts'
import { MAINTENANCE_SETTING, OPT_OUTS_SETTING } from './wishes.ts'

function previewOf(packet: TurnPacket, host: HostId): EvacuationPreviewView {
  const answers = new TurnAnswers(decodePacket(encodePacket(packet)))
  const loads = bodyOf(answers.answer({ what: 'host-loads' }, []))
  const answer = bodyOf(answers.answer({ what: 'evacuation', host }, []))
  assert.ok(Check(EvacuationPreviewView, answer))
  // The sheet that all others are answered from is left as it was found.
  assert.deepEqual(bodyOf(answers.answer({ what: 'host-loads' }, [])), loads)
  return answer
}

test('every VM of the host goes somewhere once or is told with why not, and hosts get as full as what comes to them', async () => {
  const bench = await aBench('partial')
  const host = bench.site.hosts[1].id
  const here = bench.site.vms.filter((_, v) => bench.site.hostOf[v] === 1)
  await bench.set(OPT_OUTS_SETTING, { [here[0].id]: { who: 'bob', at: 0, reason: 'licence' } })
  const packet = await bench.step()
  const { vms, moves, stuck, hosts, conflicts, isComplete, totalMs, copiedBytes } = previewOf(packet, host)
  const told = [...moves, ...stuck].map(({ vm }) => vm).sort()
  assert.deepEqual(told, here.map(({ id }) => id as string).sort())
  assert.deepEqual([vms, isComplete, stuck.map(({ vm }) => vm)], [here.length, false, [here[0].id]])
  assert.match(conflicts[0].text, new RegExp(`^${host} is to be emptied, and ${here[0].id} on it may not be moved`))
  assert.ok(conflicts[0].isNew && moves.every(({ to }) => to !== host))
  for (const { host: name, vms: count, memory, cpu } of hosts) {
    const come = moves.filter(({ to }) => to === name)
    const gone = name === host ? moves : []
    assert.equal(count.after, count.before + come.length - gone.length)
    const bytes = (list: typeof moves): number => list.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0)
    assert.equal(memory.allocatedAfter, memory.allocatedBefore + bytes(come) - bytes(gone))
    assert.ok(memory.allocatedAfter <= memory.bytes)
    if (come.length > 0) assert.ok(cpu.meanAfter > cpu.meanBefore)
  }
  assert.equal(totalMs, Math.max(...moves.map(({ startsInMs, durationMs }) => startsInMs + durationMs)))
  assert.equal(
    copiedBytes,
    moves.reduce((sum, move) => sum + move.copiedBytes, 0),
  )
  assert.match(previewText(previewOf(packet, host)), new RegExp(`^${moves.length} of ${vms} VMs on ${host} would go`))
})

test('what is told is what then happens: emptied at a person’s word, its VMs begin in that order', async () => {
  const bench = await aBench('partial')
  const host = bench.site.hosts[1].id
  const packet = await bench.step()
  const { moves } = previewOf(packet, host)
  await bench.set(MAINTENANCE_SETTING, { [host]: { who: 'ann', at: bench.now, reason: 'new disks' } })
  await bench.turn()
  const first = bench.driver.calls.map(({ intent: { order } }) => [order.vmId as string, order.to as string])
  assert.ok(first.length > 0)
  assert.deepEqual(
    first,
    moves.slice(0, first.length).map(({ vm, to }) => [vm, to]),
  )
})

test('two go at a time, eight are ordered in a minute, and sixty within an hour', () => {
  // Lanes: 0 takes 10 and 30, 1 takes 20 and then the last at 20.
  assert.deepEqual(startsOf([10, 20, 30, 5], 2), [0, 0, 10, 20])
  const short = startsOf(
    Array.from({ length: 61 }, () => 1),
    2,
  )
  assert.deepEqual([short[7], short[8], short[60]], [3, MINUTE_MS, HOUR_MS])
})

test('a host that nobody knows is unknown', async () => {
  const bench = await aBench('shadow')
  const answers = new TurnAnswers(decodePacket(encodePacket(await bench.step())))
  assert.deepEqual(answers.answer({ what: 'evacuation', host: 'nowhere' as HostId }, []), {
    kind: 'unknown',
    what: 'host nowhere',
  })
})
