import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { aHost } from '../../tools/builders.ts'
import { checkProperty, checkRoundTrip, finiteNumber } from '../../tools/property.ts'
import {
  encodeHost,
  hostCapacityRefCores,
  parseHost,
  parsePowerCurve,
  STORAGE_TYPES,
  WORKLOAD_TYPES,
  wattsAt,
} from './host.ts'
import { ParseError } from './parse.ts'

/** HP ProLiant ML110 G4 (Xeon 3040), SPECpower_ssj2008, as CloudSim quotes it. */
const G4 = [86, 89.4, 92.6, 96, 99.5, 102, 106, 108, 112, 114, 117]

test('capacity counts fast cores as more', () => {
  // 2 cores x 1.86.
  assert.equal(hostCapacityRefCores(aHost({ cores: 2, refCoresPerCore: 1.86 })), 3.72)
})

test('watts at the eleven points are the measured ones', () => {
  G4.forEach((watts, tenth) => assert.equal(wattsAt(G4, tenth / 10), watts))
})

test('between two points watts are drawn on a straight line', () => {
  // 25 % is halfway from 92.6 W (20 %) to 96 W (30 %): 94.3 W.
  assert.ok(Math.abs(wattsAt(G4, 0.25) - 94.3) < 1e-9)
  // 91 % is a tenth of the way from 114 W to 117 W: 114.3 W.
  assert.ok(Math.abs(wattsAt(G4, 0.91) - 114.3) < 1e-9)
})

test('a load beyond the ends draws what is drawn at the ends', () => {
  assert.equal(wattsAt(G4, 1.7), 117)
  assert.equal(wattsAt(G4, -0.1), 86)
  assert.ok(Number.isNaN(wattsAt(G4, Number.NaN)))
})

test('more load never draws fewer watts', () => {
  const curve = fc
    .array(finiteNumber({ min: 0, max: 1e6 }), { minLength: 11, maxLength: 11 })
    .map((watts) => watts.toSorted((a, b) => a - b))
  const load = finiteNumber({ min: 0, max: 1 })
  checkProperty(
    fc.property(curve, load, load, (watts, a, b) => {
      const low = wattsAt(watts, Math.min(a, b))
      const high = wattsAt(watts, Math.max(a, b))
      // Rounding may cost the last digit of a double.
      assert.ok(low <= high * (1 + 1e-12), `${low} > ${high}`)
      assert.ok(low >= watts[0] && high <= watts[10] * (1 + 1e-12))
    }),
  )
})

test('a power curve is eleven watts that never fall, and the refusal says which does', () => {
  const falling = [...G4]
  falling[4] = 90
  const cases: readonly (readonly [value: unknown, message: RegExp])[] = [
    [undefined, /host\.powerWatts: missing\. A host needs its power curve/],
    [null, /A host needs its power curve/],
    [G4.slice(1), /host\.powerWatts: 10 is not usable\. Expected eleven watts/],
    [[...G4, 120], /Expected eleven watts/],
    ['86', /Expected a list/],
    [falling, /host\.powerWatts\[4\]: 90 is not usable\. Watts may not fall with load; 96 stands before it\./],
    [G4.with(3, Number.NaN), /host\.powerWatts\[3\]: NaN/],
    [G4.with(0, -1), /host\.powerWatts\[0\]: -1/],
  ]
  for (const [value, message] of cases) assert.throws(() => parsePowerCurve(value, 'host.powerWatts'), message)
  const nothing = Array.from({ length: 11 }, () => 0)
  assert.deepEqual(parsePowerCurve(nothing, 'p'), nothing)
})

const benchmark = fc.record(
  { score: finiteNumber({ min: 0 }), unit: fc.string({ maxLength: 32 }), spread: finiteNumber({ min: 0, max: 10 }) },
  { requiredKeys: ['score', 'unit'] },
)
const benchmarks = fc.dictionary(fc.constantFrom(...WORKLOAD_TYPES), benchmark, { noNullPrototype: true })

test('a host reads back as it was written, benchmarks included', () => {
  const host = fc
    .record(
      {
        model: fc.string({ maxLength: 200 }),
        cpuFlags: fc.array(fc.string({ maxLength: 64 }), { maxLength: 5 }),
        cores: fc.integer({ min: 1, max: 65_536 }),
        storageType: fc.constantFrom(...STORAGE_TYPES),
        pricePerHour: finiteNumber({ min: 0, max: 1e6 }),
        benchmarks,
      },
      { requiredKeys: [] },
    )
    .map((rest) => aHost(rest))
  checkRoundTrip(host, encodeHost, parseHost)
})

test('what a host can not be is refused by name', () => {
  const bad: readonly (readonly [field: string, value: unknown, place: string])[] = [
    ['id', 'two words', 'hosts[1].id'],
    ['cores', 0, 'hosts[1].cores'],
    ['cores', 2.5, 'hosts[1].cores'],
    ['refCoresPerCore', 0, 'hosts[1].refCoresPerCore'],
    ['memoryBytes', 0, 'hosts[1].memoryBytes'],
    ['storageType', 'tape', 'hosts[1].storageType'],
    ['networkBytesPerSec', '1G', 'hosts[1].networkBytesPerSec'],
    ['pricePerHour', -1, 'hosts[1].pricePerHour'],
    ['cpuFlags', [1], 'hosts[1].cpuFlags[0]'],
    ['benchmarks', { juggling: { score: 1, unit: 'balls' } }, 'hosts[1].benchmarks workload type'],
    ['benchmarks', { crypto: { score: -1, unit: 'MiB/s' } }, 'hosts[1].benchmarks.crypto.score'],
    ['benchmarks', { crypto: { score: 1 } }, 'hosts[1].benchmarks.crypto.unit'],
    ['benchmarks', [], 'hosts[1].benchmarks'],
  ]
  for (const [field, value, place] of bad) {
    assert.throws(
      () => parseHost({ ...aHost(), [field]: value }, 'hosts[1]'),
      (error) => error instanceof ParseError && error.place === place,
      `${field} = ${JSON.stringify(value)}`,
    )
  }
})
