import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Static } from 'typebox'
import { bodyOf } from '../../../tools/server/live-site.ts'
import { TurnBench } from '../../../tools/server/turn-bench.ts'
import type { TurnContext } from '../../engine/context.ts'
import { behindBest, performanceBands } from '../../engine/suitability/bands.ts'
import { getSuitableHosts } from '../../engine/suitability/rank.ts'
import { estimateMove } from '../../engine/suitability/score.ts'
import { percentText } from '../../terms/shown.ts'
import { GiB } from '../../terms/units.ts'
import { TurnAnswers } from './ranker-answers.ts'
import { bandsRow, refusalRow } from './ranker-rows.ts'
import { decodePacket, encodePacket } from './turn-packet.ts'
import type { HostLoadsView, HostsForView, PlacementsView, WhyView } from './views/judgement.ts'
import type { OutlookView } from './views/outlook.ts'

const bench = new TurnBench()
let answers: TurnAnswers

before(async () => {
  await bench.open()
  await bench.turn()
  answers = new TurnAnswers(decodePacket(encodePacket(await bench.step())))
})
after(() => bench.close())

function loads(): Static<typeof HostLoadsView>['hosts'] {
  return (bodyOf(answers.answer({ what: 'host-loads' }, [])) as unknown as Static<typeof HostLoadsView>).hosts
}

test('VMs to come never fill a host beyond its memory, and who finds no room is told what is lacking and by how much', () => {
  let homeless = 0
  for (const [count, memoryGiB] of [
    [1, 70],
    [4, 40],
    [12, 30],
    [40, 10],
  ] as const) {
    const question = { vms: [{ id: 'new', count, vcpus: 1, memoryBytes: memoryGiB * GiB }] }
    const told = bodyOf(answers.answer({ what: 'place', question }, [])) as unknown as Static<typeof PlacementsView>
    const added = new Map<string, number>()
    for (const { host, vm } of told.placements)
      if (host !== undefined) added.set(host, (added.get(host) ?? 0) + vm.memoryBytes)
    for (const { host, allocated, capacity } of loads())
      assert.ok(allocated.memoryBytes + (added.get(host) ?? 0) <= capacity.memoryBytes, `${count} of ${memoryGiB} GiB`)
    for (const { host, refused } of told.placements) {
      if (host !== undefined) continue
      homeless++
      assert.equal(refused.length, bench.site.hosts.length)
      for (const { verdict } of refused) {
        assert.equal(verdict.lacking, 'memory')
        assert.equal(verdict.unit, 'bytes')
        assert.ok(verdict.shortBy > 0 && verdict.reason.includes('GiB'))
      }
    }
  }
  assert.ok(homeless > 0)
})

test('a host is loaded as it reports, as its VMs are forecast, and as they were promised', () => {
  const { cores, memoryBytes } = bench.site.hosts[0]
  for (const [h, { state, current, predicted, allocated, capacity, vms, inFlight }] of loads().entries()) {
    const report = bench.site.report(h, bench.now)
    assert.deepEqual([state, vms, inFlight], ['on', report.vms.length, { arriving: 0, leaving: 0 }])
    assert.deepEqual(capacity, { cpuRefCores: cores, memoryBytes })
    assert.equal(current.cpuRefCoresMean, report.cpuRefCoresMean)
    // Nothing measures its watts: they are read off its curve.
    assert.ok(current.wattsAreEstimated && (current.watts ?? 0) >= 100)
    assert.ok(predicted.cpuRefCoresBound >= predicted.cpuRefCoresMean)
    const promised = report.vms.reduce((sum, { vm }) => sum + vm.memoryBytes, 0)
    assert.equal(allocated.memoryBytes, promised)
  }
})

test('every host is ranked or refused for every VM, best first, and each number is finite', () => {
  for (const { id: vm } of bench.site.vms) {
    const told = bodyOf(answers.answer({ what: 'hosts-for', vm }, ['A reason.'])) as unknown as HostsForView
    assert.deepEqual(told.degraded, ['A reason.'])
    const totals = told.ranked.map(({ score }) => score.total)
    assert.deepEqual(
      totals,
      totals.toSorted((a, b) => b - a),
    )
    const names = [...told.ranked, ...told.refused].map(({ host }) => host)
    assert.deepEqual(names.toSorted(), bench.site.hosts.map(({ id }) => id).toSorted())
    for (const { score } of told.ranked) {
      const sum = Object.values(score.terms).reduce((total, term) => total + term, 0)
      assert.ok(Number.isFinite(score.total) && Math.abs(score.total - sum) < 1e-9)
    }
  }
})

test('what is written of a ranking is what the engine ranked, to ten places at least', () => {
  const { context } = answers as unknown as { readonly context: TurnContext }
  for (const { id } of bench.site.vms) {
    const vm = context.state.vmIndex.get(id) ?? -1
    const ranking = getSuitableHosts(context, vm)
    const told = bodyOf(answers.answer({ what: 'hosts-for', vm: id }, [])) as unknown as HostsForView
    const expected = {
      ranked: ranking.ranked.map(({ hostId, score, performance }, i) => {
        const migration = estimateMove(context, vm, context.state.hostIndex.get(hostId) ?? -1)
        const isSomewhere = context.hostOf[vm] >= 0
        const host = context.state.hostIndex.get(hostId) ?? -1
        const bands = bandsRow(performanceBands(context, { vm, host }, performance))
        const behind = behindBest(score, ranking.ranked[0].score)
        const told = { score, performance: { ...performance, bands }, ...(behind === undefined ? {} : { behind }) }
        return { host: hostId, rank: i + 1, ...told, ...(isSomewhere ? { migration } : {}) }
      }),
      refused: ranking.refused.map(({ hostId, verdict }) => ({ host: hostId, verdict: refusalRow(verdict) })),
    }
    assert.deepEqual(rounded({ ranked: told.ranked, refused: told.refused }), rounded(expected))
  }
})

/** Alike but for what a rounding at the twelfth place may change. */
function rounded(value: object): unknown {
  return JSON.parse(JSON.stringify(value), (_, inner: unknown) =>
    typeof inner === 'number' ? Number(inner.toFixed(10)) + 0 : inner,
  )
}

test('why a VM stayed is a sentence, whatever the reason', () => {
  for (const { id: vm } of bench.site.vms) {
    const why = bodyOf(answers.answer({ what: 'why', vm }, [])) as unknown as Static<typeof WhyView>
    assert.ok(why.sentence.endsWith('.') && (why.order !== undefined || why.stayed !== undefined))
  }
})

function share(part: number | undefined, of: number): number {
  return Math.round(((part ?? 0) / of) * 1000) / 1000
}

test('every host has an outlook: as it reports, as it is promised, and its demand ahead with a band', () => {
  const told = bodyOf(answers.answer({ what: 'outlook' }, ['A reason.'])) as unknown as OutlookView
  assert.deepEqual([told.degraded, told.asOf], [['A reason.'], answers.packet.observation.at])
  assert.deepEqual(
    told.hosts.map(({ host }) => host),
    bench.site.hosts.map(({ id }) => id).toSorted(),
  )
  const byHost = new Map(loads().map((load) => [load.host, load]))
  for (const { host, vms, now, allocated, demand, contention, capacity } of told.hosts) {
    const load = byHost.get(host) as HostLoadsView['hosts'][number]
    // Not rounded: people are shown it in per cent, and what is rounded twice is another figure.
    assert.equal(
      percentText(now.cpu ?? Number.NaN),
      percentText((load.current.cpuRefCoresMean ?? Number.NaN) / capacity.cpuRefCores),
    )
    assert.equal(now.memory, (load.current.memoryUsedBytes ?? Number.NaN) / capacity.memoryBytes)
    assert.equal(allocated.memory, load.allocated.memoryBytes / capacity.memoryBytes)
    assert.equal(vms, load.vms)
    assert.equal(demand === undefined, vms === 0)
    for (const column of [demand?.p10, demand?.p50, demand?.p90]) assert.equal(column?.length ?? told.steps, told.steps)
    demand?.p50.forEach((p50, i) => assert.ok(demand.p10[i] <= p50 && p50 <= demand.p90[i]))
    assert.equal(contention?.probability, load.predicted.contention)
    assert.equal(contention?.cumulative.at(-1), share(contention?.probability, 1))
    assert.equal(contention?.cumulative.length, told.horizonMs / told.stepMs)
  }
  // Asked again it is the same, but for what is wrong just now.
  const again = bodyOf(answers.answer({ what: 'outlook' }, []))
  assert.deepEqual({ ...again, degraded: ['A reason.'] }, told)
})
