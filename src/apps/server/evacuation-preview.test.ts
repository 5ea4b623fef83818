/** What it would take to empty a host, asked before anybody asks for it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Check } from 'typebox/value'
import { anOrder } from '../../../tools/builders.ts'
import { aBench } from '../../../tools/server/desk-bench.ts'
import { bodyOf } from '../../../tools/server/live-site.ts'
import { type HostId, parseHostId, parseVmId } from '../../terms/ids.ts'
import { HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { previewText } from '../cli/evacuation-text.ts'
import type { MoveLogEntry } from '../../engine/state.ts'
import { type Policy, type SafetyPolicy, SITE_POLICY, SITE_SAFETY } from '../../terms/policy.ts'
import { leavingLimits, startsOf, type UnderWay } from './evacuation-times.ts'
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

/** The site's policy, but for some of its limits. */
function policyWith(safety: Partial<SafetyPolicy>): Policy {
  return { ...SITE_POLICY, safety: { ...SITE_SAFETY, ...safety } }
}

/** Starts of so many that take so long and go to hosts of their own. */
function startsFor(durationsMs: readonly number[], policy: Policy = SITE_POLICY, log: readonly MoveLogEntry[] = []) {
  const leaves = durationsMs.map((durationMs, i) => ({ to: `target-${i}`, durationMs }))
  return startsOf('kvm-1', leaves, { limits: leavingLimits(policy), log, now: HOUR_MS })
}

test('two go at a time, eight are ordered in a minute, and sixty within an hour', () => {
  // Lanes: 0 takes 10 and 30, 1 takes 20 and then the last at 20.
  assert.deepEqual(startsFor([10, 20, 30, 5]), [0, 0, 10, 20])
  const short = startsFor(Array.from({ length: 61 }, () => 1))
  assert.deepEqual([short[7], short[8], short[60]], [3, MINUTE_MS, HOUR_MS])
})

test('a policy that lets fewer go is kept to, and what the hour has seen already counts', () => {
  const fewer = policyWith({ evacuationsPerHostHourMax: 2 })
  assert.deepEqual(startsFor([1, 1, 1, 1, 1], fewer), [0, 0, HOUR_MS, HOUR_MS, 2 * HOUR_MS])
  assert.deepEqual(startsFor([1, 1, 1], policyWith({ evacuationsPerClusterHourMax: 1 })), [0, HOUR_MS, 2 * HOUR_MS])
  assert.deepEqual(startsFor([10, 10, 10], policyWith({ migrationsPerClusterMax: 1 })), [0, 10, 20])
  const before = { vmId: parseVmId('web-9'), class: 'evacuation', at: HOUR_MS / 2 } as const
  const off = { ...before, from: 'kvm-1', to: 'kvm-7' }
  assert.deepEqual(startsFor([1, 1], fewer, [off]), [0, HOUR_MS / 2])
  // To the same target from another host: the target's hour has room for one more.
  const toTarget = { ...before, from: 'kvm-8', to: 'target-0' }
  assert.deepEqual(startsFor([1, 1], fewer, [toTarget, toTarget]), [HOUR_MS / 2, HOUR_MS / 2])
  // Of other classes, and of longer ago, none counts.
  const others = [
    { ...off, class: 'contention' as const },
    { ...off, at: 0 },
  ]
  assert.deepEqual(startsFor([1, 1], fewer, [...others, ...others]), [0, 0])
})

test('the preview goes by the policy and the log of the turn that it looks at', async () => {
  const bench = await aBench('partial')
  const host = bench.site.hosts[1].id
  const packet = await bench.step()
  const { at } = packet.observation
  const policy = { ...packet.policy, safety: { ...SITE_SAFETY, evacuationsPerHostHourMax: 2 } }
  const entry = { vmId: parseVmId('web-9'), from: host, class: 'evacuation', at: at - HOUR_MS / 2 } as const
  const before = { ...packet.before, moveLog: [...packet.before.moveLog, entry] }
  const { moves } = previewOf({ ...packet, policy, before }, host)
  assert.deepEqual(
    moves.slice(0, 3).map(({ startsInMs }) => startsInMs),
    [0, HOUR_MS / 2, HOUR_MS],
  )
  const none = { ...policy, safety: { ...policy.safety, evacuationsPerClusterHourMax: 0 } }
  const barred = previewOf({ ...packet, policy: none }, host)
  assert.deepEqual([barred.moves, barred.totalMs, barred.stuck.length], [[], 0, barred.vms])
  assert.match(barred.stuck[0].reason, /evacuationsPerClusterHourMax/)
})

function own(endsInMs: number): UnderWay {
  return { from: 'kvm-1', endsInMs }
}

function other(endsInMs: number): UnderWay {
  return { from: 'kvm-2', endsInMs }
}

test('moves under way hold their places: off the same host two, and in the whole cluster five', () => {
  const limits = leavingLimits(SITE_POLICY)
  const starts = (underWay: readonly UnderWay[], count = 3) => {
    const leaves = Array.from({ length: count }, (_, i) => ({ to: `target-${i}`, durationMs: 100 }))
    return startsOf('kvm-1', leaves, { limits, log: [], now: HOUR_MS, underWay })
  }
  assert.deepEqual([limits.atOnce, limits.clusterAtOnce], [2, 5])
  // One place is free at once and again at 100, the other at 30.
  assert.deepEqual(starts([own(30)]), [0, 30, 100])
  // Of three the one that ends last and the one before it hold the two places.
  assert.deepEqual(starts([own(30), own(50), own(10)]), [30, 50, 130])
  // Five go elsewhere: the first begins as the first of them ends, and the third when a place of this host is free.
  assert.deepEqual(starts([40, 20, 60, 80, 90].map(other)), [20, 40, 120])
  assert.deepEqual(starts([40, 20, 60, 80].map(other)), [0, 20, 100])
})

test('what the newest turn ordered is not planned again, counts against the hour, and holds its places', async () => {
  const bench = await aBench('partial')
  const host = bench.site.hosts[1].id
  await bench.step()
  const { moves: planned } = previewOf(await bench.step(), host)
  await bench.set(MAINTENANCE_SETTING, { [host]: { who: 'ann', at: bench.now, reason: 'new disks' } })
  const packet = await bench.step()
  // As if the turn had let fewer go.
  const ordered = (packet.result?.orders ?? []).filter(({ from }) => from === host).slice(0, 2)
  assert.deepEqual(
    ordered.map(({ class: kind }) => kind),
    ['evacuation', 'evacuation'],
  )
  const result = { events: [], orders: ordered }
  const policy = { ...packet.policy, safety: { ...SITE_SAFETY, evacuationsPerHostHourMax: ordered.length + 1 } }
  const { moves, stuck, vms, hosts } = previewOf({ ...packet, policy, result }, host)
  const names = new Set<string>(ordered.map(({ vmId }) => vmId))
  assert.equal(vms, planned.length)
  assert.ok(moves.every(({ vm }) => !names.has(vm)))
  assert.deepEqual(stuck.map(({ vm }) => vm).sort(), [...names].sort())
  assert.match(stuck[0].reason, /on its way already/)
  // They have left the host, and are where they were sent.
  assert.deepEqual(hosts.find((one) => one.host === host)?.vms, { before: vms, after: 0 })
  for (const { to } of ordered) assert.ok(hosts.some((one) => one.host === to && one.vms.after > one.vms.before))
  // The hour has room for one more, and only once a place is free.
  assert.ok(moves.length > 1 && moves[0].startsInMs > 0 && moves[0].startsInMs < HOUR_MS)
  assert.equal(moves[1].startsInMs, HOUR_MS)
})

test('a VM that is on its way already leaves one place fewer', async () => {
  const bench = await aBench('partial')
  const packet = await bench.step()
  const host = bench.site.hosts[1].id
  const [first] = previewOf(packet, host).moves
  const { inventory, at } = packet.observation
  const going = { orderId: anOrder().id, vmId: parseVmId(first.vm), from: host, to: parseHostId(first.to) }
  const startsWhen = (startedAt: number): readonly number[] => {
    const migrations = [{ ...going, startedAt }]
    const observation = { ...packet.observation, inventory: { ...inventory, migrations } }
    return previewOf({ ...packet, observation }, host).moves.map(({ startsInMs }) => startsInMs)
  }
  const [one, two] = startsWhen(at)
  assert.ok(one === 0 && two > 0)
  // What should have ended holds no place.
  assert.deepEqual(startsWhen(at - HOUR_MS).slice(0, 2), [0, 0])
})

test('what the policy decided is a proposal, and does not count, unless automation is at full', async () => {
  const bench = await aBench('partial')
  const packet = await bench.step()
  const host = bench.site.hosts[1].id
  const [{ vm, to }] = previewOf(packet, host).moves
  const order = anOrder({ vmId: parseVmId(vm), from: host, to: parseHostId(to), decidedAt: bench.now })
  const result = { events: [], orders: [order] }
  const stuckAt = (level: 'partial' | 'full', adviceOnly?: readonly string[]) => {
    const told = { ...result, ...(adviceOnly === undefined ? {} : { adviceOnly }) }
    return previewOf({ ...packet, automation: { ...packet.automation, level }, result: told }, host).stuck.length
  }
  assert.deepEqual([stuckAt('partial'), stuckAt('full'), stuckAt('full', ['An invariant broke.'])], [0, 1, 0])
})

test('a host that nobody knows is unknown', async () => {
  const bench = await aBench('shadow')
  const answers = new TurnAnswers(decodePacket(encodePacket(await bench.step())))
  assert.deepEqual(answers.answer({ what: 'evacuation', host: 'nowhere' as HostId }, []), {
    kind: 'unknown',
    what: 'host nowhere',
  })
})
