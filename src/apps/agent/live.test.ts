import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DimensionName, dimensionIndex } from '../../terms/personality.ts'
import { type Measure, type Reading, READING_LENGTH } from '../../terms/reading.ts'
import { CHEAP_MEASURES, liveAsJson, liveHeading, showLive } from './live.ts'

function aReading(measured: Partial<Record<Measure, number>>): Reading {
  const values = new Float64Array(READING_LENGTH).fill(Number.NaN)
  for (const [name, value] of Object.entries(measured)) values[dimensionIndex(name as DimensionName)] = value
  return { at: Date.UTC(2026, 0, 1, 12, 0, 1), spanMs: 1000, values }
}

test('a line has a value with its unit under each name, and a dash where there is none', () => {
  const reading = aReading({ cpuRefCoresMean: 0.5, cpuUserShare: 0.8, memoryUsedBytes: 3 * 2 ** 30, runQueueLength: 0 })
  const line = showLive(reading, { refCoresPerCore: 2 })
  // Two reference cores a core: half a core is one.
  assert.match(line, /^12:00:01 +1\.00 +80 % +- +- +0 +- +- +- +3 GiB +- +- +- +- +-\n$/)
})

test('lines are as long as their heading and fit on a screen, however large the values are', () => {
  const [groups, names] = liveHeading().split('\n')
  const most = Object.fromEntries(CHEAP_MEASURES.map((name) => [name, name.includes('Share') ? 1 : 999.4 * 2 ** 20]))
  const line = showLive(aReading({ ...most, cpuRefCoresMean: 128, runQueueLength: 1234, diskLatencyMs: 99.99 }), {
    refCoresPerCore: 1,
  })
  assert.ok(groups.length <= names.length && names.length <= 120, String(names.length))
  assert.equal(names.length, showLive(aReading({}), { refCoresPerCore: 1 }).length - 1)
  assert.ok(line.split(/ {1,}/).length > 14)
})

test('for a program every cheap measure is there by its name, or is named as absent', () => {
  const text = liveAsJson(aReading({ cpuRefCoresMean: 0.123456789, memoryUsedBytes: 123_456_789_012 }), {
    refCoresPerCore: 1,
  })
  assert.equal(text.indexOf('\n'), text.length - 1)
  const { at, spanMs, measures, absent } = JSON.parse(text) as Record<string, unknown>
  assert.deepEqual([at, spanMs], ['2026-01-01T12:00:01.000Z', 1000])
  assert.deepEqual(measures, { cpuRefCoresMean: 0.123457, memoryUsedBytes: 123_456_789_012 })
  assert.equal((absent as string[]).length, CHEAP_MEASURES.length - 2)
  assert.ok(!CHEAP_MEASURES.includes('memoryDirtiedBytesPerSec') && !CHEAP_MEASURES.includes('processCount'))
})
