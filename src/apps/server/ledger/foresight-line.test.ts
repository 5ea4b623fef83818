import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aContext, aFlight, aHost, anObservation, aPolicy, STEP_MS } from '../../../engine/builders.ts'
import { STAY_REASONS } from '../../../terms/turn.ts'
import { type Foreseen, ForesightKeeper, SAMPLED_HOSTS_MAX } from './foresight-line.ts'
import { readForesight } from './foresight-read.ts'

/** Hosts of 4 cores with a VM each that wants 1. */
function foreseen(hosts: number, contention: Readonly<Record<number, number>> = {}, at = 0): Foreseen {
  const cluster = {
    hosts: Array.from({ length: hosts }, (_, h) => aHost(h)),
    hostOf: Array.from({ length: hosts }, (_, v) => v),
    demand: Array.from({ length: hosts }, () => 1),
    at,
  }
  const { state } = aContext(cluster)
  const column = (value: number) => new Float32Array(hosts).fill(value)
  const chances = column(0)
  for (const [host, chance] of Object.entries(contention)) chances[Number(host)] = chance
  return {
    state,
    observation: anObservation(cluster),
    policy: aPolicy(),
    hostForecast: { horizonMs: 12 * STEP_MS, p50: column(1), p95: column(1.5), contention: chances },
  }
}

test('what is written is read again: demand, forecast, and how far the engine trusts itself', () => {
  const line = new ForesightKeeper().line(foreseen(2, { 1: 0.3 }, 7 * STEP_MS))
  const { at, rows, hosts, trigger, trust, horizonMs } = readForesight(line)
  assert.deepEqual([at, hosts, trigger, horizonMs], [7 * STEP_MS, 2, 0.2, 12 * STEP_MS])
  const { members, ...row } = rows.get('host-1') ?? assert.fail()
  assert.match(members ?? '', /^[0-9a-z]+$/)
  assert.deepEqual(row, {
    at: 7 * STEP_MS,
    vms: 1,
    isSampled: true,
    capacity: 4,
    demand: 1,
    p50: 1,
    p95: 1.5,
    contention: 0.3,
  })
  assert.deepEqual([trust.isTrusted, trust.isDemoted, trust.marginFactor, trust.bandSd], [true, false, 1, 3])
})

test('intervals step by step are kept each quarter of an hour, and are those of the futures', () => {
  const keeper = new ForesightKeeper()
  const [kept, left] = [3, 4].map((slot) => readForesight(keeper.line(foreseen(2, {}, slot * STEP_MS))))
  // A VM that always wants the same: each future is as the past.
  assert.deepEqual(kept.rows.get('host-0')?.ahead, [1, 1, 1, 1, 1, 1, 1, 1])
  assert.equal(left.rows.get('host-0')?.ahead, undefined)
  assert.equal(kept.models.ahead, 'look-back-futures')
})

test('of many hosts always the same are kept, and beyond them those on which contention is foreseen, for two horizons', () => {
  const keeper = new ForesightKeeper()
  const quiet = readForesight(keeper.line(foreseen(150)))
  assert.deepEqual([quiet.hosts, quiet.rows.size], [150, SAMPLED_HOSTS_MAX])
  const hot = Array.from({ length: 150 }, (_, h) => h).find((h) => !quiet.rows.has(`host-${h}`)) ?? assert.fail()
  const alarmed = readForesight(keeper.line(foreseen(150, { [hot]: 0.5 }, STEP_MS)))
  assert.equal(alarmed.rows.get(`host-${hot}`)?.isSampled, false)
  assert.deepEqual([...alarmed.rows.keys()].slice(0, SAMPLED_HOSTS_MAX), [...quiet.rows.keys()])
  const later = readForesight(keeper.line(foreseen(150, {}, 24 * STEP_MS)))
  assert.ok(later.rows.has(`host-${hot}`))
  const over = readForesight(keeper.line(foreseen(150, {}, 27 * STEP_MS)))
  assert.equal(over.rows.size, SAMPLED_HOSTS_MAX)
})

test('a host that a VM is on its way to or from is not checked, and what a host measures beyond its VMs is its demand', () => {
  const seen = foreseen(3)
  const { observation } = seen
  const busy = {
    ...observation,
    inventory: { ...observation.inventory, migrations: [aFlight(0, 0, 1)] },
    hostSamples: { cpuRefCores: Float32Array.of(NaN, 3, 400) },
  }
  const { rows } = readForesight(new ForesightKeeper().line({ ...seen, observation: busy }))
  assert.deepEqual(
    ['host-0', 'host-1', 'host-2'].map((host) => rows.get(host)?.members === undefined),
    [true, true, false],
  )
  // Nonsense counts as no more than what the host has, beside its VMs: as the engine takes it.
  assert.deepEqual(
    ['host-0', 'host-1', 'host-2'].map((host) => rows.get(host)?.demand),
    [1, 3, 5],
  )
})

test('hosts that waited for another turn are told with how many VMs', () => {
  const seen = foreseen(3)
  const stayed = Uint8Array.of(0, STAY_REASONS.indexOf('hold-not-reached'), STAY_REASONS.indexOf('cooldown'))
  const { waits } = readForesight(new ForesightKeeper().line({ ...seen, stayed }))
  assert.deepEqual([...waits], [['host-1', 1]])
})

test('hosts without VMs, and chances that nobody knows, are not made up', () => {
  const seen = foreseen(2)
  const { hostForecast } = seen
  const some = { ...hostForecast, p50: Float32Array.of(NaN, 1), contention: Float32Array.of(NaN, NaN) }
  const { rows, hosts } = readForesight(new ForesightKeeper().line({ ...seen, hostForecast: some }))
  assert.deepEqual([hosts, [...rows.keys()], rows.get('host-1')?.contention], [1, ['host-1'], NaN])
})
