import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HostOutlookView, LoadHistoryView, OutlookView } from '../../../src/apps/server/views/outlook.ts'
import {
  type ClusterRow,
  hurting,
  noForecastText,
  riskText,
  rowsOf,
  stepText,
  stripText,
  ticksBeside,
} from './cluster.ts'

const HOUR_MS = 3_600_000

function aHost(host: string, more: Partial<HostOutlookView> = {}): HostOutlookView {
  return {
    host,
    state: 'on',
    vms: 3,
    capacity: { cpuRefCores: 16, memoryBytes: 1 },
    now: {},
    allocated: { cpu: 0, memory: 0 },
    inFlight: { arriving: 0, leaving: 0 },
    ordered: { arriving: 0, leaving: 0 },
    ...more,
  }
}

function anOutlook(hosts: HostOutlookView[]): OutlookView {
  const models = { demand: 'd', contention: 'c' }
  const head = { asOf: 0, degraded: [], models, stepMs: HOUR_MS, steps: 2, horizonMs: 2 * HOUR_MS }
  return { ...head, highFraction: 0.9, triggerProbability: 0.3, hosts }
}

const contention = (probability: number, isAlarmed = false) => ({ probability, isAlarmed, cumulative: [] })
const history: LoadHistoryView = {
  asOf: 0,
  from: 0,
  stepMs: HOUR_MS,
  steps: 2,
  hosts: [{ host: 'b', capacity: {}, cpu: [0.25, null], cpuFrom: 'host', memoryFrom: 'host' }],
}
const demand = { p10: [0.1, 0.2], p50: [0.3, 0.4], p90: [0.5, 0.6] }
const outlook = anOutlook([aHost('a'), aHost('b', { demand })])

function rowOf(host: string, of = outlook): ClusterRow {
  const row = rowsOf(history, of).find((one) => one.host === host)
  assert.ok(row, host)
  return row
}

test('every host that is told of has a row, whether it has a past, a forecast or both', () => {
  const rows = rowsOf(history, outlook).map(({ host, past, next }) => [host, past !== undefined, next !== undefined])
  assert.deepEqual(
    rows.toSorted((a, b) => String(a[0]).localeCompare(String(b[0]))),
    [
      ['a', false, true],
      ['b', true, true],
    ],
  )
  assert.deepEqual(rowsOf(undefined, undefined), [])
})

test('a host without a forecast is said to have none, and not to expect nothing', () => {
  assert.equal(stripText(rowOf('a'), outlook), 'a: CPU not measured, no forecast')
  assert.equal(noForecastText(rowOf('a'), outlook), 'no forecast')
  const empty = anOutlook([aHost('a', { vms: 0 })])
  assert.equal(noForecastText(rowOf('a', empty), empty), 'no forecast: it carries no VMs')
  assert.equal(noForecastText(rowOf('b'), outlook), undefined)
  assert.equal(stripText(rowOf('b'), outlook), 'b: CPU 25 %, expected at most 40 % ahead, its band up to 60 %')
})

test('before the outlook was told nobody says that there is no forecast', () => {
  const [row] = rowsOf(history, undefined)
  assert.equal(noForecastText(row, undefined), undefined)
  assert.equal(stripText(row, undefined), 'b: CPU 25 %, what is ahead is not known yet')
})

test('a step of the strip is told with its hour: measured, or forecast with its band', () => {
  const told = { history, outlook }
  assert.equal(stepText(rowOf('b'), { isAhead: false, index: 0 }, told), 'b at 00:00 UTC: measured 25 %')
  assert.equal(stepText(rowOf('b'), { isAhead: false, index: 1 }, told), 'b at 01:00 UTC: not measured')
  // The past ends at 02:00; the second step ahead ends two hours later.
  assert.equal(
    stepText(rowOf('b'), { isAhead: true, index: 1 }, told),
    'b at 04:00 UTC: forecast 40 %, between 20 % and 60 % (8 of 10)',
  )
  assert.equal(stepText(rowOf('a'), { isAhead: true, index: 0 }, told), 'a at 03:00 UTC: no forecast')
  assert.equal(stepText(rowOf('b'), { isAhead: false, index: 0 }, { history: undefined, outlook }), '')
})

test('who hurts is whoever is acted on or above the trigger, the likeliest first', () => {
  const of = anOutlook([
    aHost('quiet', { contention: contention(0.29) }),
    aHost('alarmed', { contention: contention(0.1, true) }),
    aHost('likely', { contention: contention(0.3) }),
    aHost('empty'),
  ])
  assert.deepEqual(
    hurting(of).map(({ host }) => host),
    ['likely', 'alarmed'],
  )
})

test('a host that hurts is told with when and how likely', () => {
  assert.equal(
    riskText(aHost('a', { contention: contention(0.4) }), 2 * HOUR_MS),
    'may be short of CPU within 2 h (40 %).',
  )
  const soon = { ...contention(0.8, true), medianMs: HOUR_MS }
  assert.equal(
    riskText(aHost('a', { contention: soon }), 2 * HOUR_MS),
    'may be short of CPU in about 1 h (80 %): the last turn has no VM leave it, and the plan says why.',
  )
})

test('what is done about it is told: who is leaving, who is to leave', () => {
  const alarmed = { contention: contention(0.8, true) }
  const leaving = aHost('a', {
    ...alarmed,
    inFlight: { arriving: 0, leaving: 2 },
    ordered: { arriving: 0, leaving: 1 },
  })
  assert.equal(riskText(leaving, HOUR_MS), 'may be short of CPU within 1 h (80 %): 2 VMs are leaving it.')
  const ordered = aHost('a', { ...alarmed, ordered: { arriving: 0, leaving: 1 } })
  assert.equal(riskText(ordered, HOUR_MS), 'may be short of CPU within 1 h (80 %): one VM is to leave it.')
})

test('an axis has no mark where its now stands', () => {
  assert.deepEqual(ticksBeside([0, 45, 50, 55, 56, 100], { from: 0, now: 50, to: 100 }, 0.06), [0, 56, 100])
})
