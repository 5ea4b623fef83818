import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../tools/property.ts'
import { REPOSITORY } from '../../tools/repository.ts'
import { ParseError } from './parse.ts'
import {
  encodePolicy,
  PRODUCTION_POLICY,
  type Policy,
  parsePolicy,
  SITE_POLICY,
  SITE_SAFETY,
  withSafety,
  zeroText,
} from './policy.ts'
import { HOUR_MS, MINUTE_MS } from './units.ts'

const SECTIONS = [
  'prices',
  'forecast',
  'contention',
  'consolidation',
  'gates',
  'limits',
] as const satisfies readonly (keyof Policy)[]

test('what a policy leaves out keeps the production default', () => {
  assert.deepEqual(parsePolicy({}), PRODUCTION_POLICY)
  const policy = parsePolicy({ name: 'night', comment: 'cheap power', prices: { perKwh: 0.1 } })
  assert.deepEqual(policy, {
    ...PRODUCTION_POLICY,
    name: 'night',
    prices: { ...PRODUCTION_POLICY.prices, perKwh: 0.1 },
  })
})

test('the production policy obeys its own rules and reads back as it was written', () => {
  assert.deepEqual(parsePolicy(JSON.parse(encodePolicy(PRODUCTION_POLICY))), PRODUCTION_POLICY)
})

test('a limit that was lifted stays lifted once it was kept', () => {
  const lifted = parsePolicy({ gates: { movesPerTurnMax: null }, limits: { migrationsPerHostMax: null } })
  assert.equal(lifted.limits.migrationsPerHostMax, undefined)
  assert.deepEqual(parsePolicy(JSON.parse(encodePolicy(lifted))), lifted)
})

test('defaults are whatever the caller says they are', () => {
  const night = parsePolicy({ name: 'night', forecast: { horizonMs: 2 * HOUR_MS } })
  assert.deepEqual(parsePolicy({}, 'policy', night), night)
})

test('a field nobody knows is refused, in every section', () => {
  assert.throws(() => parsePolicy({ price: {} }), /policy\.price: \{\} .*known are: name, comment, prices/)
  for (const section of SECTIONS) {
    checkProperty(
      fc.property(fc.string({ minLength: 1 }), (name) => {
        if (name in PRODUCTION_POLICY[section]) return
        assert.throws(() => parsePolicy({ [section]: JSON.parse(`{${JSON.stringify(name)}: 1}`) }), ParseError)
      }),
      { runs: 30 },
    )
  }
})

test('a limit in the wrong section is refused: it would be read by nobody', () => {
  assert.throws(() => parsePolicy({ prices: { cpuAllocationMax: 2 } }), /policy\.prices\.cpuAllocationMax: 2/)
  assert.throws(() => parsePolicy({ limits: { movesPerTurnMax: 2 } }), /policy\.limits\.movesPerTurnMax: 2/)
  assert.throws(() => parsePolicy({ forecast: { cpuAllocationMax: null } }), /policy\.forecast\.cpuAllocationMax: null/)
})

test('null lifts a limit, and only a limit', () => {
  const policy = parsePolicy({
    gates: { movesPerTurnMax: null },
    limits: { cpuAllocationMax: null, memoryAllocationMax: null, migrationsPerHostMax: null },
  })
  assert.equal('movesPerTurnMax' in policy.gates, false)
  assert.deepEqual(policy.limits, {})
  assert.equal(parsePolicy({ limits: { cpuAllocationMax: 2 } }, 'policy', policy).limits.cpuAllocationMax, 2)
  assert.throws(() => parsePolicy({ gates: { cooldownMs: null } }), /policy\.gates\.cooldownMs: null/)
})

test('flags are flags, words are words and numbers are numbers', () => {
  assert.equal(parsePolicy({ consolidation: { isEnabled: false } }).consolidation.isEnabled, false)
  const bad = [
    { consolidation: { isEnabled: 'false' } },
    { prices: { currency: 1 } },
    { prices: { currency: 'too long a name' } },
    { prices: { perKwh: '0.25' } },
    { prices: { perKwh: -0.01 } },
    { prices: { perKwh: Number.NaN } },
    { prices: [] },
    { name: 7 },
    [],
    null,
  ]
  for (const value of bad) assert.throws(() => parsePolicy(value), ParseError, JSON.stringify(value))
})

test('a price that nobody asks is refused with what is the most', () => {
  for (const name of ['perKwh', 'perUnservedCoreHour', 'perCopiedGiB', 'perDowntimeSecond', 'perMigration']) {
    assert.equal(parsePolicy({ prices: { [name]: 1e6 } }).prices.perKwh, name === 'perKwh' ? 1e6 : 0.25)
    for (const price of [1_000_001, 1e308])
      assert.throws(
        () => parsePolicy({ prices: { [name]: price } }),
        new RegExp(`^ParseError: policy\\.prices\\.${name}: .* Expected a finite number.* 1000000`),
      )
  }
})

test('a budget that is none is refused with its value, the bound and what to write instead; 0 and the bound itself are not', () => {
  const bounds = {
    'consolidation.hostsPerTurnMax': 1000,
    'gates.movesPerVmDayMax': 100,
    'gates.movesPerTurnMax': 10_000,
    'limits.migrationsPerHostMax': 100,
    'safety.outboundPerHostMax': 100,
    'safety.migrationsPerSlowLinkMax': 100,
    'safety.migrationsPerClusterMax': 1000,
    'safety.movesPerHostHourMax': 1000,
    'safety.movesPerClusterHourMax': 10_000,
    'safety.energyMovesPerHostHourMax': 1000,
    'safety.energyMovesPerClusterHourMax': 10_000,
    'safety.evacuationsPerHostHourMax': 1000,
    'safety.evacuationsPerClusterHourMax': 10_000,
    'safety.settleWindows': 288,
    'safety.strikesMax': 100,
  }
  for (const [field, max] of Object.entries(bounds)) {
    const [section, name] = field.split('.')
    const withValue = (value: number): Policy => parsePolicy({ [section]: { [name]: value } })
    for (const value of [0, max]) {
      const parsed = Object.fromEntries(Object.entries(withValue(value)))
      assert.equal(Reflect.get(Object(parsed[section]), name), value, field)
    }
    for (const value of [max + 1, 1e9, 1.5, -1, Number.NaN])
      assert.throws(
        () => withValue(value),
        {
          name: 'ParseError',
          message: new RegExp(
            `^policy\\.${field}: ${value} .* whole number from 0 to ${max}: .* 0: ${zeroText(field)}`,
          ),
        },
        `${field} ${value}`,
      )
  }
  assert.throws(() => parsePolicy({ gates: { movesPerTurnMax: 1e9 } }), /, null: no limit\.$/)
  assert.throws(() => parsePolicy({ safety: { strikesMax: 1e9 } }), /0: orders are always advice\.$/)
  assert.throws(() => parsePolicy({ safety: { strikesMax: null } }), /strikesMax: null/)
})

test('a sum of sizes above a hundred times what is there is no limit that anybody means', () => {
  for (const name of ['cpuAllocationMax', 'memoryAllocationMax']) {
    parsePolicy({ limits: { [name]: 100 } })
    assert.throws(
      () => parsePolicy({ limits: { [name]: 1e9 } }),
      new RegExp(`limits\\.${name}: 1000000000 .* to 100\\.`),
    )
  }
})

test('what 0 comes to is told of counts alone', () => {
  assert.equal(zeroText('safety.movesPerClusterHourMax'), 'nothing is moved by it')
  assert.equal(zeroText('prices.perKwh'), undefined)
  assert.equal(zeroText('constructor'), undefined)
})

test('each policy that ships can be read', () => {
  const folder = join(REPOSITORY, 'scenarios/policies')
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
  assert.ok(files.length >= 2)
  for (const file of files) parsePolicy(JSON.parse(readFileSync(join(folder, file), 'utf8')), file)
})

test('percent where a fraction is meant is refused', () => {
  const bad = [
    { contention: { highFraction: 95 } },
    { contention: { triggerProbability: 30 } },
    { gates: { confidenceMin: 90 } },
    { forecast: { quantile: 99 } },
  ]
  for (const value of bad) assert.throws(() => parsePolicy(value), ParseError, JSON.stringify(value))
})

test('a policy that contradicts itself is refused with both values', () => {
  assert.throws(
    () => parsePolicy({ contention: { lowFraction: 0.96 } }),
    /policy\.contention\.lowFraction: 0\.96 .*below highFraction \(0\.95\)/,
  )
  assert.throws(() => parsePolicy({ contention: { lowFraction: 0.95 } }), /lowFraction: 0\.95/)
  assert.throws(() => parsePolicy({ contention: { holdTurns: 4 } }), /holdTurns: 4 .*can't exceed ofTurns \(3\)/)
  for (const quantile of [0.5, 1]) assert.throws(() => parsePolicy({ forecast: { quantile } }), /forecast\.quantile/)
})

test('what would divide by zero, never trigger or be forgotten is refused with place and value', () => {
  const bad = {
    'forecast.lookBackMs: 0': { forecast: { lookBackMs: 0 } },
    'forecast.lookBackMs: 59999': { forecast: { lookBackMs: MINUTE_MS - 1 } },
    'forecast.horizonMs: 0': { forecast: { horizonMs: 0 } },
    'forecast.horizonMs: 1': { forecast: { horizonMs: 1 } },
    'contention.highFraction: 0': { contention: { highFraction: 0, lowFraction: 0 } },
    'contention.ofTurns: 0': { contention: { ofTurns: 0, holdTurns: 0 } },
    'contention.ofTurns: 9': { contention: { ofTurns: 9 } },
    'contention.holdTurns: 0': { contention: { holdTurns: 0 } },
  }
  for (const [message, value] of Object.entries(bad))
    assert.throws(() => parsePolicy(value), { name: 'ParseError', message: new RegExp(`^policy\\.${message} `) })
})

test('the edges of what is allowed: a minute, one turn of one, eight of eight, prices and margin of nothing', () => {
  const edges = [
    { forecast: { lookBackMs: MINUTE_MS, horizonMs: MINUTE_MS } },
    { contention: { holdTurns: 1, ofTurns: 1 } },
    { contention: { holdTurns: 8, ofTurns: 8 } },
    { prices: { perKwh: 0, perUnservedCoreHour: 0 }, gates: { marginFraction: 0 } },
  ]
  for (const value of edges) parsePolicy(value)
})

test('a site limits what is done at a time and within the hour; a part of that is overlaid, null lifts it, and production has none', () => {
  assert.equal(parsePolicy({}).safety, undefined)
  assert.deepEqual(parsePolicy({ safety: {} }).safety, SITE_SAFETY)
  assert.deepEqual(parsePolicy({ safety: { movesPerHostHourMax: 1 } }).safety, {
    ...SITE_SAFETY,
    movesPerHostHourMax: 1,
  })
  assert.deepEqual(parsePolicy({}, 'policy', SITE_POLICY), SITE_POLICY)
  assert.equal(parsePolicy({ safety: null }, 'policy', SITE_POLICY).safety, undefined)
  assert.deepEqual(parsePolicy(JSON.parse(encodePolicy(SITE_POLICY))), SITE_POLICY)
  assert.throws(() => parsePolicy({ safety: { moves: 1 } }), /moves/)
  assert.throws(() => parsePolicy({ safety: { coverageMin: 80 } }), /coverageMin/)
})

test('where moves are real the safety section is never missing: what a site has of its own stands', () => {
  assert.deepEqual(withSafety(PRODUCTION_POLICY), { ...PRODUCTION_POLICY, safety: SITE_SAFETY })
  const own = parsePolicy({ safety: { movesPerHostHourMax: 1 } })
  assert.equal(withSafety(own), own)
})

test('acting at once is off unless a margin is given, and a null takes it away again', () => {
  assert.equal(parsePolicy({}).contention.atOnceMarginMs, undefined)
  assert.equal(parsePolicy({ contention: { atOnceMarginMs: 60_000 } }).contention.atOnceMarginMs, 60_000)
  assert.equal(
    parsePolicy({ contention: { atOnceMarginMs: null } }, 'policy', SITE_POLICY).contention.atOnceMarginMs,
    undefined,
  )
})
