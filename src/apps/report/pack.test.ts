import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inflateRawSync } from 'node:zlib'
import type { Column, Manifest } from './manifest.ts'
import { hostsEverOn, packRun } from './pack.ts'
import { CODES_TO_FULL, loadCode, probabilityCode } from './quantise.ts'
import { sampleRun } from './sample-run.ts'

interface Opened {
  readonly manifest: Manifest
  readonly loads: (column: Column) => Uint16Array
  readonly floats: (column: Column) => Float32Array
}

function open(base64: string): Opened {
  const bytes = new Uint8Array(inflateRawSync(Buffer.from(base64, 'base64')))
  const length = new DataView(bytes.buffer).getUint32(0, true)
  const start = 4 + length
  return {
    manifest: JSON.parse(new TextDecoder().decode(bytes.subarray(4, start))) as Manifest,
    loads: (column) => new Uint16Array(bytes.buffer, start + column.offset, column.length),
    floats: (column) => new Float32Array(bytes.buffer, start + column.offset, column.length),
  }
}

function shown(load: number): number {
  return (loadCode(load) - 1) / CODES_TO_FULL
}

test('a load keeps within half a step of 0.05 % of itself, and overload never becomes full', () => {
  for (let load = 0; load <= 1; load += 0.00007) assert.ok(Math.abs(shown(load) - load) <= 0.0002501)
  for (let load = 1.0000001; load < 30; load *= 1.001) {
    assert.ok(shown(load) > 1 && Math.abs(shown(load) - load) <= 0.0005, `${load} is shown as ${shown(load)}`)
  }
  assert.equal(loadCode(1e9), 65535)
})

test('off is not idle, and no forecast is not a probability of nothing', () => {
  assert.equal(loadCode(Number.NaN), 0)
  assert.equal(loadCode(0), 1)
  assert.equal(probabilityCode(Number.NaN), 0)
  assert.equal(probabilityCode(0), 1)
  assert.equal(probabilityCode(1), 255)
})

test('every load that was is in the page, at its host and step', () => {
  const run = sampleRun({ hosts: 7, vms: 60, steps: 50 })
  const { manifest, loads } = open(packRun(run))
  const hosts = run.hosts.length
  run.details.forEach((detail, i) => {
    const load = loads(manifest.policies[i].load)
    hostsEverOn(run, detail).forEach((host, row) => {
      for (let step = 0; step < run.steps; step++) {
        const expected = loadCode(detail.hostDemand[step * hosts + host] / run.hostCapacity[host])
        assert.equal(load[row * run.steps + step], expected)
      }
    })
  })
})

test('hosts that were never on are left out, and the longest on come first', () => {
  const run = sampleRun({ hosts: 30, vms: 40, steps: 40 })
  const rows = hostsEverOn(run, run.details[0])
  const stepsOn = (host: number): number =>
    Array.from({ length: run.steps }, (_, step) => run.details[0].hostDemand[step * 30 + host]).filter(
      (demand) => !Number.isNaN(demand),
    ).length
  assert.ok(rows.length < 30)
  rows.forEach((host, row) => {
    if (row > 0) assert.ok(stepsOn(host) <= stepsOn(rows[row - 1]))
  })
})

test('a run too long for the page shows the peak of several steps in one column', () => {
  // 40 hosts x 60 000 steps x 5 policies are 12 million cells, above 8 million: 2 steps to a column.
  const steps = 60_000
  const run = sampleRun({ hosts: 40, vms: 40, steps: 2 })
  const hostDemand = new Float32Array(40 * steps).fill(4)
  hostDemand[40 * 30_001] = 40
  const details = run.details.map((detail) => ({ policy: detail.policy, hostDemand, moves: [] }))
  const { manifest, loads, floats } = open(packRun({ ...run, steps, details }))
  assert.equal(manifest.stepsPerColumn, 2)
  assert.equal(manifest.columns, 30_000)
  assert.ok(loads(manifest.policies[0].load).includes(loadCode(40 / run.hostCapacity[0])))
  assert.equal(floats(manifest.policies[0].hostsOverloaded)[15_000], 1)
})

test('five policies, a day and 400 hosts stay below 3 MB', () => {
  assert.ok(packRun(sampleRun({ hosts: 400, vms: 2000 })).length < 3e6)
})
