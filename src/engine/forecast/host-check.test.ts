import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty, finiteNumber } from '../../../tools/property.ts'
import type { HostSampleBatch } from '../../terms/sample.ts'
import { GiB } from '../../terms/units.ts'
import { aContext, aFlight, aHost, anObservation, aPolicy, aVm, type SmallCluster } from '../builders.ts'
import { firstBroken, refuse } from '../suitability/rules.ts'
import { initialState, takeTurn } from '../turn.ts'

/** VM 0 on host 0; VM 1 on host 1, which wants a core of its four. */
const TWO: SmallCluster = { hosts: [aHost(0), aHost(1)], hostOf: [0, 1], demand: [0.5, 1] }

function measured(cores: number, rest: Partial<HostSampleBatch> = {}): Partial<SmallCluster> {
  return { hostSamples: { cpuRefCores: Float32Array.of(NaN, cores), ...rest } }
}

function judge(changes: Partial<SmallCluster>): string {
  const context = aContext({ ...TWO, ...changes })
  const broken = firstBroken(context, 0, 1)
  return broken === undefined ? 'fits' : `${broken.name}: ${refuse(context, broken, 0, 1).reason}`
}

test('where hosts measure nothing, a host wants what its VMs want', () => {
  assert.equal(aContext(TWO).loads.mean[1], aContext({ ...TWO, hostSamples: {} }).loads.mean[1])
})

test('work of a host that is no VM’s comes on top of its VMs’', () => {
  // 1.5 measured less 1 of its VM.
  const with05 = aContext({ ...TWO, ...measured(1.5) })
  assert.ok(Math.abs(with05.loads.mean[1] - aContext(TWO).loads.mean[1] - 0.5) < 1e-6)
  assert.equal(judge(measured(1.5)), 'fits')
})

test('a host that does less than its VMs say, or far more, or more than it can, is not believed', () => {
  // 0.7 of the 1 core that its VM wants: 30 % are missing. 1.7: 0.7 of 4 cores are its own, 17.5 %.
  for (const cores of [0, 0.7, 1.7, 4.7, -1, Infinity])
    assert.match(judge(measured(cores)), /^measured-load: host-1 says/)
  for (const cores of [0.9, 1, 1.1, 1.55]) assert.equal(judge(measured(cores)), 'fits')
})

test('demand that waits is no contradiction: a full host does no more than it can', () => {
  const full = { demand: [0.5, 2, 2, 2], hostOf: [0, 1, 1, 1] }
  assert.doesNotMatch(judge({ ...measured(4), ...full }), /measured-load/)
})

test('where a VM was not measured, what a host does beyond the others may be that VM’s', () => {
  const unmeasured = { demand: [0.5, 1, NaN], hostOf: [0, 1, 1] }
  assert.equal(judge({ ...measured(2), ...unmeasured }), 'fits')
  assert.match(judge({ ...measured(0.5), ...unmeasured }), /measured-load/)
})

test('a host that is not believed is no reason to move anybody, and the turn says so', () => {
  const crowded: SmallCluster = {
    hosts: [aHost(0), aHost(1)],
    hostOf: [0, 0, 0, 0, 1],
    demand: [0.6, 1.2, 1.3, 1.4, 0.2],
  }
  const turnWith = (changes: Partial<SmallCluster>): ReturnType<typeof takeTurn> => {
    const observation = anObservation({ ...crowded, ...changes })
    const later = { ...observation, at: 300_000, inventory: { ...observation.inventory, at: 300_000 } }
    return takeTurn(takeTurn(initialState(), observation, aPolicy()).state, later, aPolicy())
  }
  assert.ok(turnWith({}).orders.length > 0)
  const doubtful = turnWith({ hostSamples: { cpuRefCores: Float32Array.of(0, NaN) } })
  assert.deepEqual(doubtful.orders, [])
  assert.ok(doubtful.events.some((event) => event.kind === 'note' && /host-0 says it does 0\.00/.test(event.text)))
})

test('memory in use refuses what configured memory would take, with what is arriving counted', () => {
  const vms = [aVm(0, { memoryBytes: 4 * GiB }), aVm(1, { memoryBytes: 4 * GiB }), aVm(2, { memoryBytes: 3 * GiB })]
  const hostSamples = { memoryUsedBytes: Float64Array.of(NaN, 10 * GiB) }
  const cluster = { hosts: [aHost(0), aHost(1)], vms, hostOf: [0, 1, 0], demand: [0.1, 0.1, 0.1], hostSamples }
  // 10 + 4 of 16 GiB; with 3 more on their way there, one is missing.
  assert.equal(judge(cluster), 'fits')
  const arriving = judge({ ...cluster, migrations: [aFlight(2, 0, 1)] })
  assert.match(
    arriving,
    /^measured-memory: host-1 has 10\.00 of 16\.00 GiB in use and 3\.00 arriving; the VM needs 4\.00\.$/,
  )
})

test('whatever VMs say, a host is never taken to be idler than it measures itself', () => {
  const cores = finiteNumber({ min: 0, max: 4 })
  const vms = fc.array(cores, { minLength: 1, maxLength: 4 })
  checkProperty(
    fc.property(vms, cores, (demand, busy) => {
      const hostSamples = { cpuRefCores: Float32Array.of(busy) }
      const context = aContext({ hostOf: demand.map(() => 0), demand, hostSamples })
      assert.ok(context.loads.bound(0) >= busy - 1e-5, `${context.loads.bound(0)} for ${busy}`)
    }),
  )
})

test('a sample that no VM can have was not measured; one above its size was', () => {
  const observation = anObservation({ hostOf: [0, 0, 0, 0], demand: [1e9, -5, Infinity, 6] })
  const { state } = takeTurn(initialState(), observation, aPolicy())
  assert.deepEqual([...(state.cpuHistory.at(-1) ?? [])], [NaN, NaN, NaN, 6])
})
