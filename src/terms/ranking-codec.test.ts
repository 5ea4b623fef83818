import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkRoundTrip, finiteNumber } from '../../tools/property.ts'
import { WORKLOAD_TYPES } from './host.ts'
import { parseHostId, parseVmId } from './ids.ts'
import { ParseError } from './parse.ts'
import { LACKS } from './ranking.ts'
import {
  encodeMigrationScore,
  encodePerformance,
  encodeRanking,
  encodeVerdict,
  parseMigrationScore,
  parsePerformance,
  parseRanking,
  parseVerdict,
} from './ranking-codec.ts'

const refused = fc.record({
  kind: fc.constant('refused' as const),
  lacking: fc.constantFrom(...LACKS),
  shortBy: finiteNumber(),
  reason: fc.string(),
})
const verdict = fc.oneof(fc.constant({ kind: 'fits' as const }), refused)
const score = fc.record({
  total: finiteNumber(),
  terms: fc.record({
    performance: finiteNumber(),
    energy: finiteNumber(),
    load: finiteNumber(),
    migration: finiteNumber({ max: 0 }),
  }),
})
const term = fc.record(
  {
    workloadType: fc.constantFrom(...WORKLOAD_TYPES),
    weight: finiteNumber({ min: 0, max: 1 }),
    ratio: finiteNumber({ min: 0 }),
  },
  { requiredKeys: ['workloadType', 'weight'] },
)
const speed = fc.record(
  {
    factor: finiteNumber({ min: 0 }),
    spread: finiteNumber({ min: 0 }),
    wattsPerRefCore: finiteNumber(),
    isMixAssumed: fc.boolean(),
    terms: fc.array(term, { maxLength: 3 }),
  },
  { requiredKeys: ['factor', 'spread', 'isMixAssumed', 'terms'] },
)
const performance = fc.record(
  {
    latencyFactor: finiteNumber({ min: 0 }),
    throughput: finiteNumber({ min: 0, max: 1 }),
    addedWatts: finiteNumber(),
    speed,
  },
  { requiredKeys: ['latencyFactor', 'throughput', 'addedWatts'] },
)
const hostId = fc.nat(999).map((n) => parseHostId(`host-${n}`))
const ranking = fc.record({
  vmId: fc.nat(999).map((n) => parseVmId(`vm-${n}`)),
  ranked: fc.array(fc.record({ hostId, score, performance }), { maxLength: 5 }),
  refused: fc.array(fc.record({ hostId, verdict: refused }), { maxLength: 5 }),
})

test('a verdict reads back as it was written', () => {
  checkRoundTrip(verdict, encodeVerdict, parseVerdict)
})

test('a score reads back as it was written', () => {
  checkRoundTrip(score, encodeMigrationScore, parseMigrationScore)
})

test('a performance reads back as it was written', () => {
  checkRoundTrip(performance, encodePerformance, parsePerformance)
})

test('a ranking reads back as it was written, in its order', () => {
  checkRoundTrip(ranking, encodeRanking, parseRanking)
})

test('a refusal without what is lacking is no verdict', () => {
  const good = { kind: 'refused', lacking: 'cpu', shortBy: 2, reason: '2 reference cores short' }
  assert.deepEqual(parseVerdict(good), good)
  const bad = [
    { ...good, kind: 'maybe' },
    { ...good, lacking: 'luck' },
    { ...good, shortBy: Infinity },
    { ...good, reason: undefined },
    'fits',
    null,
  ]
  for (const value of bad) assert.throws(() => parseVerdict(value), ParseError)
})

test('a migration only ever costs: a score that profits from it is refused', () => {
  const terms = { performance: 1, energy: 0, load: 0, migration: 0 }
  assert.throws(() => parseMigrationScore({ total: 1, terms: { ...terms, migration: 0.1 } }), /score\.terms\.migration/)
})

test('a wrong entry is named by its place in the ranking', () => {
  const wrong = { vmId: 'vm-1', ranked: [], refused: [{ hostId: 'host-1', verdict: { kind: 'fits' } }] }
  assert.throws(() => parseRanking(wrong), /^ParseError: ranking\.refused\[0\]\.verdict\.kind/)
})
