/** A VM's character, from a store in memory and a ranker that says fixed things. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { aVectorOf } from '../../../../tools/builders.ts'
import type { KeptReport } from '../../../terms/host-report.ts'
import { parseHostId, parseVmId, type VmId } from '../../../terms/ids.ts'
import { encodePersonality } from '../../../terms/personality-codec.ts'
import { DAY_MS, GiB, HOUR_MS, MiB } from '../../../terms/units.ts'
import { SLOT_MS, slotOf } from '../../../terms/usage.ts'
import type { CharacterView } from '../views/character.ts'
import { ApiBench } from './builders.ts'
import { anIdentity, FakeAnswers, FakeStore } from './fakes/builders.ts'

const store = new FakeStore()
const answers = new FakeAnswers()
const bench = new ApiBench({ store, answers })
const NOW = slotOf(bench.now)
const [AGENT, BARE, YOUNG] = ['<img/onerror=x>', '=cmd()', 'young'].map((name) => parseVmId(name))
let token = ''

before(async () => {
  bench.now = NOW
  await bench.start()
  token = await bench.token('viewer')
  store.kept.identities.set(AGENT, anIdentity(AGENT))
  store.kept.identities.set(YOUNG, anIdentity(YOUNG))
  await store.hosts.report([aReport()])
  // A week of one core, two where an hour was odd; what its agent told of the last hour.
  const slots = (7 * DAY_MS) / SLOT_MS
  const odd = slots - (2 * DAY_MS) / SLOT_MS
  for (const vmId of [AGENT, BARE])
    await store.usage.put(
      Array.from({ length: slots }, (_, i) => ({
        vmId,
        slotAt: NOW - (slots - i) * SLOT_MS,
        mean: { cpu: i === odd ? 3.5 : 1, memory: 3 * GiB },
        max: {},
      })),
    )
  for (let i = 12; i > 0; i--) tell(AGENT, { at: NOW - i * SLOT_MS, phase: i > 6 ? 3 : 7 })
})
after(() => bench.stop())
beforeEach(() => {
  const vector = encodePersonality(
    aVectorOf({ cpuRefCoresMean: 1, cpuBurstiness: 0.2 }, { vmId: AGENT, sender: 'server', windowEnd: NOW }),
  )
  const quartiles = { p25: 0.1, p50: 0.2, p75: 0.3, vms: 9 }
  answers.answer = {
    kind: 'json',
    text: JSON.stringify({
      asOf: NOW,
      degraded: ['A reason.'],
      vm: AGENT,
      class: { text: 'VMs with 4 vCPUs', vms: 9 },
      axes: { cpu: { value: 0.25, rank: 0.7, quartiles }, disk: { quartiles } },
      vector,
    }),
  }
})

const aReported = (id: VmId, mean: object) => ({
  vm: { id, vcpus: 4, refCoresPerVcpu: 1, memoryBytes: 4 * GiB },
  state: 'running' as const,
  mean,
  max: {},
})

function aReport(): KeptReport {
  const vms = [aReported(AGENT, { cpu: 1 }), aReported(BARE, { cpu: 1 }), aReported(YOUNG, {})]
  return { hostId: parseHostId('host-1'), windowEnd: NOW, windowMs: 1, state: 'on', vms, arrivedAt: NOW }
}

function tell(vmId: VmId, { at, phase }: { readonly at: number; readonly phase: number }): void {
  const numbers = { memoryDirtiedBytesPerSec: 2 * MiB, memoryWorkingSetBytes: GiB, phase }
  const vector = aVectorOf(numbers, { vmId, windowEnd: at, phases: 1, coverage: 0.9 })
  store.kept.vectors.push({ vector, arrivedAt: at, isClockOff: false })
}

async function ask(vm: VmId): Promise<CharacterView> {
  const { status, json, text } = await bench.ask({ path: `/v1/vms/${encodeURIComponent(vm)}/character`, token })
  assert.equal(status, 200, text)
  return json as unknown as CharacterView
}

test('a VM is told in sentences, each with who told it, how much was measured, and how long ago', async () => {
  const { sentences, degraded, vm, model } = await ask(AGENT)
  assert.deepEqual([degraded, vm, model], [['A reason.'], AGENT, 'week-and-vectors'])
  const byTopic = new Map(sentences.map((sentence) => [sentence.about, sentence]))
  assert.match(
    byTopic.get('cpu')?.text ?? '',
    /^Lightly used: 1\.00 reference cores on the mean, 25 % of its size; .*steady\.$/,
  )
  assert.equal(byTopic.get('cpu')?.toldBy, 'host')
  assert.equal(byTopic.get('memory')?.text, 'Memory steady at 3 GiB of 4 GiB; 1 GiB of it are written again and again.')
  const dirtying = byTopic.get('dirtying')
  assert.deepEqual(dirtying, {
    about: 'dirtying',
    text: 'Writes 2 MiB/s of its memory anew.',
    toldBy: 'guest',
    coverage: 0.9,
    ageMs: SLOT_MS,
  })
  assert.match(byTopic.get('phase')?.text ?? '', /^In the phase "compute" for \d+ min\.$/)
})

test('it stands beside VMs of its size on each axis, and where it does not, why', async () => {
  const { radar } = await ask(AGENT)
  assert.deepEqual(radar.class, { text: 'VMs with 4 vCPUs', vms: 9 })
  const axes = new Map(radar.axes.map((axis) => [axis.axis, axis]))
  assert.equal(radar.axes.length, 7)
  const { value, rank, quartiles, toldBy, absent } = axes.get('cpu') ?? { absent: 'gone' }
  assert.deepEqual([value, rank, quartiles?.vms, toldBy, absent], [0.25, 0.7, 9, 'host', undefined])
  // Nobody measured its disks, and others' are known.
  assert.deepEqual([axes.get('disk')?.value, axes.get('disk')?.quartiles?.vms], [undefined, 9])
  assert.match(axes.get('disk')?.absent ?? '', /nobody measures/)
  // What only guests tell is compared by what their agents told: of this one alone.
  assert.deepEqual([axes.get('dirtying')?.value, axes.get('dirtying')?.quartiles], [2 * MiB, undefined])
})

test('the week, its phases and what was unlike it are told with instants', async () => {
  const { week, phases, anomalies, rhythm } = await ask(AGENT)
  assert.deepEqual([week.days.length, week.days[0].length, week.measured], [7, 24, 1])
  assert.ok(week.days.flat().every((cores) => cores !== null && cores >= 1 && cores < 1.3))
  assert.deepEqual(
    phases.segments.map(({ name, from, to }) => [name, NOW - from, NOW - to]),
    [
      ['busy writer', 13 * SLOT_MS, 7 * SLOT_MS],
      ['compute', 7 * SLOT_MS, SLOT_MS],
    ],
  )
  assert.deepEqual([phases.version, phases.now?.name, phases.toldBy], [1, 'compute', 'guest'])
  const [odd, ...others] = anomalies
  assert.deepEqual([odd.resource, odd.value, odd.to - odd.from, others], ['cpu', 3.5, SLOT_MS, []])
  assert.match(odd.text, /^CPU: 3\.50 reference cores where 1\.00 reference cores are usual, from .* UTC for 5 min\.$/)
  assert.equal(rhythm.absent, 'no period found')
})

test('a VM without an agent is told by what its host counted, and what is absent says so', async () => {
  const { phases, absent, sentences } = await ask(BARE)
  assert.ok(sentences.every(({ about, toldBy }) => toldBy === 'host' || about === 'memory'))
  // Its phases are the bands of what it uses of its size: a quarter is low, and still busy after it was, for that ends below 0.24.
  assert.deepEqual([phases.version, phases.now?.name, phases.toldBy], [0, 'busy', 'host'])
  assert.equal(phases.segments[0].name, 'low')
  const why = absent.find(({ what }) => what.includes('runQueueLength'))?.why
  assert.equal(why, 'no agent in the guest')
})

test('a VM of which nobody told anything has no sentences, and every part says why', async () => {
  answers.answer = { kind: 'unavailable', reason: 'The ranker is started anew.' }
  const { sentences, radar, week, phases, rhythm, anomalies, absent, degraded } = await ask(YOUNG)
  assert.deepEqual([sentences, anomalies, phases.segments, week.measured], [[], [], [], 0])
  assert.match(degraded[0], /The ranker is started anew/)
  assert.ok(radar.axes.every((axis) => axis.value === undefined && axis.absent !== undefined))
  assert.ok(week.days.flat().every((cores) => cores === null))
  assert.ok(phases.absent !== undefined && rhythm.absent !== undefined)
  assert.deepEqual(absent[0], { what: 'week', why: '0.0 of the last 7 days were measured' })
  assert.match(absent[1].why, /its agent has told nothing in the last seven days/)
})

test('an agent that fell silent is named as the reason', async () => {
  bench.now = NOW + 5 * HOUR_MS
  try {
    const { absent } = await ask(AGENT)
    assert.ok(absent.some(({ why }) => why === 'its agent has told nothing for 5 h'))
  } finally {
    bench.now = NOW
  }
})

test('a VM that nobody knows is not found', async () => {
  assert.equal((await bench.ask({ path: '/v1/vms/stranger/character', token })).status, 404)
})
