import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../tools/property.ts'
import { readHostRecord } from './host-record.ts'
import type { HostMeasurement } from './host-measurement.ts'
import { HOST_MEASUREMENT_BYTES_MAX } from './host-measurement.ts'
import { decodeHostMeasurement, encodeHostMeasurement, medianOf, parseConclusion } from './host-measurement-codec.ts'
import { parseHostId } from './ids.ts'

const MEASUREMENT: HostMeasurement = {
  schema: 1,
  hostId: parseHostId('h1'),
  measuredAt: 1_800_000_000_000,
  durationMs: 180_000,
  suite: 'whole',
  interrupted: false,
  host: {
    cpuType: 'AMD EPYC 7742',
    cores: 64,
    refCoresPerCore: 1.2,
    memoryBytes: 2 ** 38,
    powerWatts: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    benchmarks: { integer: { score: 1.1, unit: 'x reference', spread: 0.01 } },
  },
  facts: [{ name: 'cacheBytes', of: 'L3', value: 2 ** 28, source: '/sys' }],
  runs: [
    {
      benchmark: 'integer-one',
      workloadType: 'integer',
      cores: 'one',
      loadStep: 0,
      tool: 'sysbench',
      toolVersion: '1.0.20',
      unit: 'events/s',
      better: 'more',
      values: [3, 1, 2],
      median: 2,
      spread: 0.5,
      ratioToReference: 1.1,
    },
  ],
  missing: [
    { what: 'network-tcp', reason: 'no-tool', detail: 'd', cost: 'c', remedy: 'r', workloadType: 'network' },
    { what: 'load steps', reason: 'no-tool', detail: 'd', cost: 'c', remedy: 'r' },
  ],
  power: {
    powerSource: 'estimated',
    explanation: 'e',
    steps: [{ load: 0, watts: 5 }],
    errorAtIdle: 0.1,
    errorAtFullLoad: 0.2,
  },
  quiet: {
    isQuiet: false,
    busyBefore: 0.5,
    loadPerCore: 3,
    stealShare: 0,
    busyBetweenMax: 1,
    explanation: 'not quiet',
  },
}

test('a measurement survives being written and read', () => {
  assert.deepEqual(decodeHostMeasurement(encodeHostMeasurement(MEASUREMENT)), MEASUREMENT)
})

test('what is wrong is refused with its place, its value and the remedy', () => {
  const wrong: readonly (readonly [path: string, value: unknown, message: RegExp])[] = [
    ['schema', 2, /measurement.schema: 2 is not usable. Expected 1/],
    ['hostId', 'a b', /measurement.hostId: "a b"/],
    ['suite', 'long', /measurement.suite.*quick, whole/],
    ['host.cores', 0, /measurement.host.cores: 0 is not usable/],
    ['host.colour', 'red', /measurement.host.colour.*Unknown field/],
    ['host.id', 'h2', /measurement.host.id.*Unknown field/],
    ['host.powerWatts', [1, 2], /eleven watts/],
    ['runs.0.values', [], /at least one value/],
    ['runs.0.median', 3, /median of its values is 2/],
    ['runs.0.loadStep', 2, /runs\[0\].loadStep: 2 is not usable. Expected a finite number from 0 to 1/],
    ['runs.0.values', [-1], /runs\[0\].values\[0\]: -1/],
    ['runs.0.note', 'x'.repeat(1001), /at most 1000 characters/],
    ['facts.0.name', 'weather', /facts\[0\].name/],
    ['missing.0.reason', 'tired', /missing\[0\].reason/],
    ['power.powerSource', 'guess', /powerSource/],
    ['quiet.busyBefore', 1.5, /busyBefore/],
  ]
  for (const [path, value, message] of wrong) {
    const document: unknown = JSON.parse(encodeHostMeasurement(MEASUREMENT))
    setAt(document, path.split('.'), value)
    assert.throws(() => decodeHostMeasurement(JSON.stringify(document)), { name: 'ParseError', message }, path)
  }
})

test('text that is too long, or no JSON, is refused before it is read further', () => {
  assert.throws(
    () => decodeHostMeasurement('x'.repeat(HOST_MEASUREMENT_BYTES_MAX + 1)),
    /Expected at most 1048576 bytes/,
  )
  assert.throws(() => decodeHostMeasurement('{'), { name: 'ParseError' })
})

test('any one field replaced by rubbish is read or refused by name, never another error', () => {
  const paths = pathsOf(JSON.parse(encodeHostMeasurement(MEASUREMENT)))
  checkProperty(
    fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
      const document: unknown = JSON.parse(encodeHostMeasurement(MEASUREMENT))
      setAt(document, path, value)
      try {
        decodeHostMeasurement(JSON.stringify(document))
      } catch (error) {
        assert.equal((error as Error).name, 'ParseError', String(error))
      }
    }),
  )
})

test('corrections win over what was measured, and what both lack is named', () => {
  const measurement = encodeHostMeasurement(MEASUREMENT)
  const hostId = parseHostId('h1')
  assert.throws(() => readHostRecord({ hostId, measurement }), /host h1.model: missing/)
  const corrections = JSON.stringify({ model: 'M', storageType: 'nvme', networkBytesPerSec: 1e9, cores: 60 })
  const host = readHostRecord({ hostId, measurement, corrections })
  assert.deepEqual([host.cores, host.memoryBytes, host.storageType], [60, 2 ** 38, 'nvme'])
})

test('a conclusion holds only what was there', () => {
  assert.deepEqual(parseConclusion({}, 'host'), {})
  assert.deepEqual(parseConclusion({ storageType: 'ssd' }, 'host'), { storageType: 'ssd' })
})

test('the median of an even number of values is the mean of both middles', () => {
  assert.equal(medianOf([4, 1, 3, 2]), 2.5)
  assert.equal(medianOf([9]), 9)
})

type Path = readonly string[]

function pathsOf(value: unknown, before: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [before]
  return [before, ...Object.entries(value).flatMap(([name, item]) => pathsOf(item, [...before, name]))].filter(
    (path) => path.length > 0,
  )
}

function setAt(value: unknown, path: Path, item: unknown): void {
  const [name, ...rest] = path
  const fields = value as Record<string, unknown>
  if (rest.length === 0) fields[name] = item
  else setAt(fields[name], rest, item)
}
