import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../tools/property.ts'
import { parseVmId } from '../../terms/ids.ts'
import { Luck } from '../../terms/luck.ts'
import { DIMENSIONS, type DimensionName, dimensionIndex, isPresent, readDimension } from '../../terms/personality.ts'
import { type Reading, READING_LENGTH } from '../../terms/reading.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import { OnBoard } from './on-board.ts'
import { parsePhaseModel } from './phases.ts'
import { PHASES_1 } from './phases-1.ts'

/** Begins on a slot and on a part of the window. */
const START = 1_000_000 * HOUR_MS
const PART_MS = HOUR_MS / 12

function onBoard(): OnBoard {
  const options = { vmId: parseVmId('vm-1'), sender: 'agent-1', cores: 4, refCoresPerCore: 1.5 }
  return new OnBoard({ ...options, windowMs: HOUR_MS, phases: PHASES_1 })
}

/** Readings of a VM's life: some measures are absent, spans and gaps are uneven. */
interface Step {
  readonly gapMs: number
  readonly spanMs: number
  readonly cpu: number | undefined
  readonly disk: number | undefined
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    gapMs: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 40 * MINUTE_MS })),
    spanMs: fc.integer({ min: 1, max: 20 * MINUTE_MS }),
    cpu: fc.option(fc.double({ min: 0, max: 4, noNaN: true }), { nil: undefined }),
    disk: fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 60 },
)

function readingsOf(life: readonly Step[]): readonly Reading[] {
  let at = START
  return life.map(({ gapMs, spanMs, cpu, disk }) => {
    at += gapMs + spanMs
    const values = new Float64Array(READING_LENGTH).fill(Number.NaN)
    if (cpu !== undefined) values[dimensionIndex('cpuRefCoresMean')] = cpu
    if (disk !== undefined) values[dimensionIndex('diskWriteBytesPerSec')] = disk
    return { at, spanMs, values }
  })
}

/** The mean of a measure over a window, from all readings at once: each weighs by what it spans of the window. */
function batchMean(readings: readonly Reading[], name: DimensionName, from: number): number | undefined {
  let sum = 0
  let weights = 0
  for (const { at, spanMs, values } of readings) {
    const value = values[dimensionIndex(name)]
    const overlapMs = at - Math.max(from, at - spanMs)
    if (Number.isNaN(value) || overlapMs <= 0) continue
    sum += value * overlapMs
    weights += overlapMs
  }
  return weights > 0 ? sum / weights : undefined
}

function assertNear(actual: number | undefined, expected: number | undefined): void {
  if (actual === undefined || expected === undefined) assert.equal(actual, expected)
  else assert.ok(Math.abs(actual - expected) <= 1e-5 * Math.max(1e-3, Math.abs(expected)), `${actual}, not ${expected}`)
}

test('a streaming window tells what all readings at once would', () => {
  checkProperty(
    fc.property(steps, (life) => {
      const readings = readingsOf(life)
      const subject = onBoard()
      for (const reading of readings) subject.observe(reading)
      const now = readings[readings.length - 1].at
      const vector = subject.vector(now, 0)
      const oldest = now - vector.windowMs
      // Twelve parts and the one that is being filled.
      assert.ok(oldest >= (Math.ceil(now / PART_MS) - 13) * PART_MS)
      const cpu = batchMean(readings, 'cpuRefCoresMean', oldest)
      assertNear(readDimension(vector, 'cpuRefCoresMean'), cpu === undefined ? undefined : cpu * 1.5)
      assertNear(readDimension(vector, 'diskWriteBytesPerSec'), batchMean(readings, 'diskWriteBytesPerSec', oldest))
      const covered = readings.reduce((sum, { at, spanMs }) => sum + Math.max(0, at - Math.max(oldest, at - spanMs)), 0)
      assertNear(vector.coverage, Math.min(1, covered / vector.windowMs))
    }),
  )
})

test('no number that is not finite leaves, whatever came in', () => {
  const wild = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Infinity, -Infinity, 1e308, -1e308, 0))
  const reading = fc.record({ at: wild, spanMs: wild, value: wild })
  checkProperty(
    fc.property(fc.array(reading, { maxLength: 40 }), (wildReadings) => {
      const subject = onBoard()
      let now = START
      for (const { at, spanMs, value } of wildReadings) {
        subject.observe({ at: START + at, spanMs, values: new Float64Array(READING_LENGTH).fill(value) })
        now += MINUTE_MS
      }
      const vector = subject.vector(now, 0)
      for (let i = 0; i < DIMENSIONS; i++) assert.ok(!isPresent(vector, i) || Number.isFinite(vector.values[i]))
      assert.ok(vector.coverage >= 0 && vector.coverage <= 1 && vector.windowMs >= 1)
    }),
  )
})

/** A life with habits: noise, an hour's rhythm, disk and network. */
function live(subject: OnBoard, { from, to, everyMs }: { from: number; to: number; everyMs: number }): number {
  let changes = 0
  for (let at = from + everyMs; at <= to; at += everyMs) {
    const luck = new Luck(at / everyMs)
    const values = new Float64Array(READING_LENGTH).fill(Number.NaN)
    values[dimensionIndex('cpuRefCoresMean')] =
      0.5 + 0.3 * Math.sin((at / HOUR_MS) * 2 * Math.PI) + 0.1 * luck.fraction()
    values[dimensionIndex('diskWriteBytesPerSec')] = 1e5 * luck.fraction()
    values[dimensionIndex('netSendBytesPerSec')] = 2e5 * luck.fraction()
    if (subject.observe({ at, spanMs: everyMs, values }).phaseChanged) changes++
  }
  return changes
}

test('looks every second and every five seconds tell the same, but for what is between them', () => {
  const [often, seldom] = [SECOND_MS, 5 * SECOND_MS].map((everyMs) => {
    const subject = onBoard()
    live(subject, { from: START, to: START + 2 * HOUR_MS, everyMs })
    return subject.vector(START + 2 * HOUR_MS, 0)
  })
  for (const name of ['cpuRefCoresMean', 'cpuRefCoresP95', 'diskWriteBytesPerSec'] as const) {
    const [a, b] = [readDimension(often, name) ?? 0, readDimension(seldom, name) ?? 1]
    assert.ok(Math.abs(a / b - 1) < 0.05, `${name}: ${a} ${b}`)
  }
  assert.equal(often.windowMs, seldom.windowMs)
})

test('a restart is not to be seen: what was kept goes on as if nothing had been', () => {
  const whole = onBoard()
  const stopAt = START + 30 * HOUR_MS + 7 * MINUTE_MS + 40 * SECOND_MS
  live(whole, { from: START, to: stopAt, everyMs: 20 * SECOND_MS })
  const text = whole.snapshot()
  assert.ok(text.length <= 64 * 1024, String(text.length))
  const again = onBoard()
  assert.equal(again.restore(text, stopAt), 'restored')
  // The window is not kept: after two hours both have seen all of it.
  const end = stopAt + 2 * HOUR_MS
  for (const subject of [whole, again]) live(subject, { from: stopAt, to: end, everyMs: 20 * SECOND_MS })
  assert.deepEqual(again.vector(end, 1), whole.vector(end, 1))
  assert.equal(again.snapshot(), whole.snapshot())
})

test('a snapshot that was cut short, or has one letter changed, is refused; so is one of a day ago and one from the future', () => {
  const subject = onBoard()
  live(subject, { from: START, to: START + 3 * HOUR_MS, everyMs: MINUTE_MS })
  const now = START + 3 * HOUR_MS
  const text = subject.snapshot()
  const restored = (damaged: string, at: number): string => onBoard().restore(damaged, at)
  assert.equal(restored(text, now + 23 * HOUR_MS), 'restored')
  assert.equal(restored(text, now + 25 * HOUR_MS), 'refused')
  assert.equal(restored(text, now - HOUR_MS), 'refused')
  checkProperty(
    fc.property(fc.nat(text.length - 1), fc.constantFrom('A', '9', '"', ''), (place, letter) => {
      const damaged = text.slice(0, place) + letter + text.slice(place + 1)
      if (damaged !== text) assert.equal(restored(damaged, now), 'refused')
      assert.equal(restored(text.slice(0, place), now), 'refused')
    }),
    { runs: 100 },
  )
  checkProperty(fc.property(fc.string(), (rubbish) => assert.equal(restored(rubbish, now), 'refused')))
})

test('a clock that is put back by an hour begins a new window and loses no history', () => {
  const subject = onBoard()
  live(subject, { from: START, to: START + 6 * HOUR_MS, everyMs: 20 * SECOND_MS })
  const was = readDimension(subject.vector(START + 6 * HOUR_MS, 0), 'cpuPersistence')
  const back = START + 5 * HOUR_MS
  live(subject, { from: back, to: back + 4 * MINUTE_MS, everyMs: 20 * SECOND_MS })
  const vector = subject.vector(back + 4 * MINUTE_MS, 1)
  assert.equal(subject.dropped, 0)
  assert.equal(vector.windowMs, 4 * MINUTE_MS)
  assert.equal(vector.coverage, 1)
  assert.ok(Math.abs((readDimension(vector, 'cpuPersistence') ?? 0) - (was ?? 1)) < 0.05)
})

test('a clock that is put back by ten seconds costs ten seconds of readings, which are counted', () => {
  const subject = onBoard()
  live(subject, { from: START, to: START + MINUTE_MS, everyMs: 5 * SECOND_MS })
  const back = START + 50 * SECOND_MS
  live(subject, { from: back, to: back + MINUTE_MS, everyMs: 5 * SECOND_MS })
  // 55 s and 60 s are not newer than 60 s.
  assert.equal(subject.dropped, 2)
})

test('after two hours of suspension the window holds only what came since; after twenty minutes a third of it is a gap', () => {
  const subject = onBoard()
  live(subject, { from: START, to: START + 2 * HOUR_MS, everyMs: 5 * SECOND_MS })
  const resumed = START + 4 * HOUR_MS
  live(subject, { from: resumed, to: resumed + 10 * MINUTE_MS, everyMs: 5 * SECOND_MS })
  const soon = subject.vector(resumed + 10 * MINUTE_MS, 0)
  assert.deepEqual([soon.windowMs, soon.coverage], [10 * MINUTE_MS, 1])
  const again = resumed + 90 * MINUTE_MS
  live(subject, { from: resumed + 10 * MINUTE_MS, to: again - 20 * MINUTE_MS, everyMs: 5 * SECOND_MS })
  live(subject, { from: again, to: again + 5 * MINUTE_MS, everyMs: 5 * SECOND_MS })
  const gapped = subject.vector(again + 5 * MINUTE_MS, 1)
  // 65 minutes of parts (12 closed and the one just filled), 20 of them a gap.
  assert.equal(gapped.windowMs, 65 * MINUTE_MS)
  assert.ok(Math.abs(gapped.coverage - 45 / 65) < 1e-6, String(gapped.coverage))
})

test('a vector long after the last reading tells nothing of the window, and says that nothing of it was seen', () => {
  const subject = onBoard()
  live(subject, { from: START, to: START + HOUR_MS, everyMs: 5 * SECOND_MS })
  const vector = subject.vector(START + 6 * HOUR_MS, 0)
  assert.equal(vector.coverage, 0)
  assert.equal(readDimension(vector, 'cpuRefCoresMean'), undefined)
})

test('a day of looks every second takes no more room than an hour of them', () => {
  const subject = onBoard()
  const values = new Float64Array(READING_LENGTH).fill(1)
  // Room that is in use is what a snapshot and the parts of a window hold: both are of fixed length.
  for (let at = START; at < START + 2 * DAY_MS; at += SECOND_MS) subject.observe({ at, spanMs: SECOND_MS, values })
  const first = subject.snapshot().length
  for (let at = START + 2 * DAY_MS; at < START + 3 * DAY_MS; at += SECOND_MS)
    subject.observe({ at, spanMs: SECOND_MS, values })
  assert.ok(subject.snapshot().length <= first + 64)
})

test('a change of the model is no change of the phase, even where the new one looks at what the old one did not', () => {
  const subject = onBoard()
  live(subject, { from: START, to: START + HOUR_MS, everyMs: 20 * SECOND_MS })
  const first = PHASES_1.features.slice(0, 1)
  const narrow = { version: 2, names: ['little', 'much'], features: first, centroids: [[-1], [50]] }
  subject.usePhases(parsePhaseModel(narrow))
  let changes = live(subject, { from: START + HOUR_MS, to: START + 2 * HOUR_MS, everyMs: 20 * SECOND_MS })
  assert.equal(subject.phaseName, 'little')
  // Context switches and memory were no features before: what is learnt of them in the first minute is no news.
  const axes = (['contextSwitchesPerSec', 'memoryUsedBytes', 'diskWriteBytesPerSec'] as const).map((dimension) => {
    return { dimension, unit: 1, perCore: false, centre: 0, scale: 1, weight: 1 }
  })
  const wide = {
    version: 3,
    names: ['low', 'high'],
    features: axes,
    centroids: [
      [0, 0, 0],
      [9, 9, 9],
    ],
  }
  subject.usePhases(parsePhaseModel(wide))
  changes += live(subject, { from: START + 2 * HOUR_MS, to: START + 3 * HOUR_MS, everyMs: 20 * SECOND_MS })
  assert.equal(changes, 0)
  const vector = subject.vector(START + 3 * HOUR_MS, 0)
  assert.equal(vector.phases, 3)
  assert.ok((readDimension(vector, 'phase') ?? 9) < wide.names.length)
})

test('a restart is seen in a vector by what nobody looked at meanwhile, and by nothing else', () => {
  const through = onBoard()
  live(through, { from: START, to: START + 3 * HOUR_MS, everyMs: 5 * SECOND_MS })
  const before = onBoard()
  live(before, { from: START, to: START + 2.5 * HOUR_MS, everyMs: 5 * SECOND_MS })
  const text = before.snapshot()
  assert.ok(text.length <= 65_536, `${text.length}`)
  const after = onBoard()
  assert.equal(after.restore(text, START + 2.5 * HOUR_MS), 'restored')
  live(after, { from: START + 2.5 * HOUR_MS, to: START + 3 * HOUR_MS, everyMs: 5 * SECOND_MS })
  const now = START + 3 * HOUR_MS
  const [one, other] = [through.vector(now, 0), after.vector(now, 0)]
  assert.deepEqual([other.mask, other.windowMs], [one.mask, one.windowMs])
  assert.ok(Math.abs(one.coverage - other.coverage) < 1e-4)
  for (const name of [
    'cpuRefCoresMean',
    'cpuRefCoresP95',
    'cpuRefCoresMax',
    'diskWriteBytesPerSec',
    'netSendBytesPerSec',
  ] as const) {
    const [a, b] = [readDimension(one, name) ?? 0, readDimension(other, name) ?? 1]
    assert.ok(Math.abs(a / b - 1) < 1e-5, `${name}: ${a} ${b}`)
  }
  const late = onBoard()
  late.restore(text, START + 2.5 * HOUR_MS)
  live(late, { from: START + 2.75 * HOUR_MS, to: now, everyMs: 5 * SECOND_MS })
  const { coverage, windowMs } = late.vector(now, 0)
  assert.equal(windowMs, one.windowMs)
  assert.ok(Math.abs(coverage - (windowMs - HOUR_MS / 4) / windowMs) < 0.01, `${coverage}`)
})

test('the fullest snapshot there may be is taken back', () => {
  const before = onBoard()
  const values = new Float64Array(READING_LENGTH)
  const day = [START, START + DAY_MS, 5 * MINUTE_MS]
  const hours = [START + DAY_MS, START + DAY_MS + 2 * HOUR_MS, SECOND_MS / 2]
  for (const [from, to, everyMs] of [day, hours]) {
    for (let at = from + everyMs; at <= to; at += everyMs) {
      const luck = new Luck(at)
      for (let i = 0; i < READING_LENGTH; i++) values[i] = 0.001 * 1.04 ** luck.below(361)
      before.observe({ at, spanMs: everyMs, values })
    }
  }
  const text = before.snapshot()
  assert.ok(text.length > 65_536 && text.length < 131_072, `${text.length}`)
  assert.equal(onBoard().restore(text, START + DAY_MS + 2 * HOUR_MS), 'restored')
})

test('a window of another length, of the future or of long ago is not taken up', () => {
  const before = onBoard()
  live(before, { from: START, to: START + 2 * HOUR_MS, everyMs: 20 * SECOND_MS })
  const text = before.snapshot()
  const options = { vmId: parseVmId('vm-1'), sender: 'agent-1', cores: 4, refCoresPerCore: 1.5, phases: PHASES_1 }
  const other = new OnBoard({ ...options, windowMs: HOUR_MS / 2 })
  assert.equal(other.restore(text, START + 2 * HOUR_MS), 'restored')
  assert.equal(readDimension(other.vector(START + 2 * HOUR_MS, 0), 'cpuRefCoresMean'), undefined)
  const early = onBoard()
  early.restore(text, START + 2 * HOUR_MS - SECOND_MS)
  assert.equal(readDimension(early.vector(START + 2 * HOUR_MS - SECOND_MS, 0), 'cpuRefCoresMean'), undefined)
  const late = onBoard()
  assert.equal(late.restore(text, START + 8 * HOUR_MS), 'restored')
  assert.equal(readDimension(late.vector(START + 8 * HOUR_MS, 0), 'cpuRefCoresMean'), undefined)
  live(late, { from: START + 8 * HOUR_MS, to: START + 8 * HOUR_MS + 10 * MINUTE_MS, everyMs: 20 * SECOND_MS })
  const vector = late.vector(START + 8 * HOUR_MS + 10 * MINUTE_MS, 0)
  assert.ok(readDimension(vector, 'cpuRefCoresMean') !== undefined)
  assert.ok(vector.windowMs <= HOUR_MS + PART_MS, `${vector.windowMs}`)
})

test('what was kept under one phase model is not numbered by another: the history is taken up, the phase is not', () => {
  const before = onBoard()
  live(before, { from: START, to: START + 6 * HOUR_MS, everyMs: 20 * SECOND_MS })
  const subject = onBoard()
  subject.usePhases(parsePhaseModel({ ...PHASES_1, version: 2, names: PHASES_1.names.toReversed() }))
  assert.equal(subject.restore(before.snapshot(), START + 6 * HOUR_MS), 'restored')
  const vector = subject.vector(START + 6 * HOUR_MS, 0)
  assert.equal(vector.phases, 2)
  assert.equal(readDimension(vector, 'phase'), undefined)
  assert.ok(readDimension(vector, 'cpuPersistence') !== undefined)
})

test('a new phase model numbers from then on, and the vector names it; the history is kept', () => {
  const subject = onBoard()
  live(subject, { from: START, to: START + 6 * HOUR_MS, everyMs: 20 * SECOND_MS })
  const before = subject.vector(START + 6 * HOUR_MS, 0)
  const upsideDown = {
    ...PHASES_1,
    version: 7,
    names: PHASES_1.names.toReversed(),
    centroids: PHASES_1.centroids.toReversed(),
  }
  subject.usePhases(parsePhaseModel(JSON.parse(JSON.stringify(upsideDown))))
  const between = subject.vector(START + 6 * HOUR_MS, 1)
  assert.equal(between.phases, 7)
  assert.equal(readDimension(between, 'phase'), PHASES_1.names.length - 1 - (readDimension(before, 'phase') ?? -1))
  assert.equal(readDimension(between, 'phaseAgeMs'), readDimension(before, 'phaseAgeMs'))
  live(subject, { from: START + 6 * HOUR_MS, to: START + 6 * HOUR_MS + 20 * SECOND_MS, everyMs: 20 * SECOND_MS })
  const after = subject.vector(START + 6 * HOUR_MS + 20 * SECOND_MS, 2)
  assert.deepEqual([before.phases, after.phases], [PHASES_1.version, 7])
  const [was, is] = [readDimension(before, 'phase') ?? -1, readDimension(after, 'phase') ?? -1]
  assert.equal(is, PHASES_1.names.length - 1 - was)
  // One more slot was closed: 73 of them in place of 72.
  const [past, present] = [before, after].map((vector) => readDimension(vector, 'cpuPersistence') ?? -1)
  assert.ok(Math.abs(past - present) < 0.02, `${past} ${present}`)
})
