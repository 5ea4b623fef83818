import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DimensionName, readDimension } from '../../terms/personality.ts'
import type { SampleBatch } from '../../terms/sample.ts'
import { HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { aVm, STEP_MS } from '../builders.ts'
import { alignRosters } from '../roster.ts'
import { initialState } from '../turn.ts'
import { measureLevels } from './levels.ts'
import { emptyProfiles, getPersonalityVector, PERSONALITY_EVERY_MS, type Profiles, updateProfiles } from './profiles.ts'

interface Seen {
  readonly at?: number
  readonly was?: Profiles
  readonly columns?: SampleBatch['columns']
}

/** Profiles of VMs of size 2 with the given past, one row each. */
function profile(rows: readonly (readonly number[])[], { at = 0, was, columns }: Seen = {}): Profiles {
  const history = rows[0].map((_, k) => Float32Array.from(rows, (row) => row[k]))
  const vms = rows.map((_, v) => aVm(v))
  const samples = { at, windowMs: STEP_MS, columns: columns ?? {} }
  return updateProfiles(was ?? emptyProfiles(rows.length), history, measureLevels(vms, history), samples)
}

function read(profiles: Profiles, name: DimensionName, vm = 0): number | undefined {
  const values = profiles.values.subarray((vm * profiles.values.length) / profiles.phase.length)
  const mask = profiles.mask.subarray((vm * profiles.mask.length) / profiles.phase.length)
  return readDimension({ values, mask }, name)
}

function flat(demand: number, windows = 12): readonly number[] {
  return Array.from({ length: windows }, () => demand)
}

function assertNear(actual: number | undefined, expected: number): void {
  assert.ok(actual !== undefined && Math.abs(actual - expected) < 1e-5, `${actual} is not ${expected}`)
}

test('the last window is what the VM uses, the past is what it may use', () => {
  const rising = Array.from({ length: 40 }, (_, k) => k / 20)
  const profiles = profile([rising])
  assertNear(read(profiles, 'cpuRefCoresMean'), 39 / 20)
  // 38 of 40 lie below the 39th: 0.95 x 40 = 38, counted from 0.
  assertNear(read(profiles, 'cpuRefCoresP95'), 38 / 20)
  assertNear(read(profiles, 'cpuRefCoresMax'), 39 / 20)
})

test('what nobody measured is absent, and so is all that would follow from it', () => {
  const profiles = profile([flat(1), flat(NaN)])
  for (const name of ['cpuRefCoresMean', 'cpuRefCoresP95', 'phase', 'forecastCpu60MinP50', 'anomalyScore'] as const) {
    assert.notEqual(read(profiles, name, 0), undefined, name)
    assert.equal(read(profiles, name, 1), undefined, name)
  }
  assert.equal(read(profiles, 'memoryUsedBytes'), undefined)
  assert.equal(read(profiles, 'cpuUserShare'), undefined)
})

test('what was measured and was zero is zero', () => {
  const profiles = profile([flat(0)], { columns: { diskRead: Float32Array.of(0), netSend: Float32Array.of(NaN) } })
  assert.equal(read(profiles, 'cpuRefCoresMean'), 0)
  assert.equal(read(profiles, 'diskReadBytesPerSec'), 0)
  assert.equal(read(profiles, 'netSendBytesPerSec'), undefined)
})

test("the hypervisor's counters are passed on", () => {
  const columns = { memory: Float32Array.of(5e8), diskWrite: Float32Array.of(7), netReceive: Float32Array.of(9) }
  const profiles = profile([flat(1)], { columns })
  assert.equal(read(profiles, 'memoryUsedBytes'), 5e8)
  assert.equal(read(profiles, 'diskWriteBytesPerSec'), 7)
  assert.equal(read(profiles, 'netReceiveBytesPerSec'), 9)
})

test('three samples show no behaviour yet', () => {
  assert.equal(read(profile([[1, 2, 1]]), 'cpuPersistence'), undefined)
  assert.notEqual(read(profile([[1, 2, 1, 2]]), 'cpuPersistence'), undefined)
})

test('a forecast begins at the last value and fades into the mean', () => {
  const calm = Array.from({ length: 36 }, (_, k) => (k < 30 ? 0.2 : 1.6))
  const profiles = profile([calm, flat(0.2, 36)])
  const ahead = (['5', '15', '30', '60'] as const).map(
    (minutes) => read(profiles, `forecastCpu${minutes}MinP50`) ?? NaN,
  )
  ahead.forEach((demand, i) => assert.ok(demand < (i === 0 ? 1.6 : ahead[i - 1]), ahead.join(' ')))
  assert.ok(ahead[3] > 0.2)
})

test('the band of a forecast widens with time and stays within the size of the VM', () => {
  const noisy = Array.from({ length: 36 }, (_, k) => 0.5 + 0.3 * Math.sin(k) + 0.02 * k)
  const profiles = profile([noisy])
  const width = (['5', '15', '30', '60'] as const).map(
    (minutes) =>
      (read(profiles, `forecastCpu${minutes}MinP95`) ?? 0) - (read(profiles, `forecastCpu${minutes}MinP50`) ?? 0),
  )
  width.forEach((w, i) => assert.ok(w >= 0 && (i === 0 || w >= width[i - 1] - 1e-6), width.join(' ')))
  const full = profile([flat(2, 36)])
  assertNear(read(full, 'forecastCpu60MinP95'), 2)
})

test('an ordinary last value is no anomaly, an unheard-of one is', () => {
  const usual = Array.from({ length: 36 }, (_, k) => 0.3 + 0.02 * (k % 3))
  const others = Array.from({ length: 9 }, () => usual)
  const jump = [...usual.slice(0, 35), 2]
  const profiles = profile([usual, jump, ...others])
  assert.equal(read(profiles, 'anomalyScore', 0), 0)
  assert.ok((read(profiles, 'anomalyScore', 1) ?? 0) > 0.7)
  assert.ok((read(profiles, 'changeScore', 1) ?? 0) > (read(profiles, 'changeScore', 0) ?? 0))
})

test('the period of a sine is told in milliseconds, and none of noiseless rest', () => {
  const daily = Array.from({ length: 72 }, (_, k) => 1 + Math.sin((2 * Math.PI * k) / 12))
  const profiles = profile([daily, flat(1, 72)])
  assert.equal(read(profiles, 'rhythmPeriodMs', 0), 12 * STEP_MS)
  assert.ok((read(profiles, 'rhythmStrength', 0) ?? 0) > 0.6)
  assert.equal(read(profiles, 'rhythmPeriodMs', 1), undefined)
  assert.equal(read(profiles, 'rhythmStrength', 1), 0)
})

test('rhythms are sought once an hour and kept in between', () => {
  const daily = Array.from({ length: 72 }, (_, k) => 1 + Math.sin((2 * Math.PI * k) / 12))
  const first = profile([daily])
  const kept = profile([flat(1, 72)], { was: first, at: PERSONALITY_EVERY_MS })
  assert.equal(read(kept, 'rhythmPeriodMs'), 12 * STEP_MS)
  const sought = profile([flat(1, 72)], { was: kept, at: HOUR_MS })
  assert.equal(read(sought, 'rhythmPeriodMs'), undefined)
})

test('phases begin at 5, 30 and 80 % of the size', () => {
  // Of 2 cores: 0.1, 0.6 and 1.6.
  for (const [demand, phase] of [
    [0, 0],
    [0.09, 0],
    [0.11, 1],
    [0.59, 1],
    [0.61, 2],
    [1.59, 2],
    [1.61, 3],
  ] as const) {
    assert.equal(read(profile([flat(demand)]), 'phase'), phase, `${demand}`)
  }
})

test('a phase is left only when its edge is passed by a fifth: what dithers around it stays', () => {
  let profiles = profile([flat(0.59)])
  const told: (number | undefined)[] = []
  // The edge at 0.6 is passed upwards at 0.72 and downwards at 0.48.
  ;[0.65, 0.71, 0.73, 0.59, 0.49, 0.47].forEach((demand, i) => {
    profiles = profile([flat(demand)], { was: profiles, at: (i + 1) * PERSONALITY_EVERY_MS })
    told.push(read(profiles, 'phase'))
  })
  assert.deepEqual(told, [1, 1, 2, 2, 2, 1])
})

test('a phase is as old as the last change of it', () => {
  const first = profile([flat(0.3)])
  const second = profile([flat(0.4)], { was: first, at: 20 * MINUTE_MS })
  assert.equal(read(second, 'phaseAgeMs'), 20 * MINUTE_MS)
  const third = profile([flat(1)], { was: second, at: 40 * MINUTE_MS })
  assert.deepEqual([read(third, 'phase'), read(third, 'phaseAgeMs')], [2, 0])
})

test('a personality is worked out every quarter of an hour, and numbered', () => {
  const first = profile([flat(1)])
  assert.equal(first.sequence, 1)
  assert.equal(profile([flat(1)], { was: first, at: 14 * MINUTE_MS }), first)
  assert.equal(profile([flat(1)], { was: first, at: 15 * MINUTE_MS }).sequence, 2)
})

test('a vector is given for a VM that is known, once it has been worked out', () => {
  const vms = [aVm(0), aVm(1)]
  const inventory = { at: 0, hosts: [], hostStates: [], vms, hostOf: Int32Array.of(-1, -1), migrations: [], ended: [] }
  const before = alignRosters(initialState(), inventory)
  assert.equal(getPersonalityVector(before, aVm(1).id), undefined)
  const rows = [flat(0.2, 4), [NaN, 1, 1, 1]]
  const cpuHistory = rows[0].map((_, k) => Float32Array.from(rows, (row) => row[k]))
  const state = { ...before, cpuHistory, profiles: profile(rows, { at: HOUR_MS }) }
  const vector = getPersonalityVector(state, aVm(1).id)
  assert.ok(vector !== undefined)
  assert.deepEqual([vector.vmId, vector.sender, vector.windowEnd, vector.coverage], ['vm-1', 'server', HOUR_MS, 0.75])
  assert.equal(readDimension(vector, 'cpuRefCoresMean'), 1)
  assert.equal(getPersonalityVector(state, aVm(7).id), undefined)
})
