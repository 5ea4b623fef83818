import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseVmId } from '../../terms/ids.ts'
import { type DimensionName, dimensionIndex, DIMENSIONS, isPresent, readDimension } from '../../terms/personality.ts'
import { encodePersonality, parsePersonality, WIRE_BYTES_MAX } from '../../terms/personality-codec.ts'
import { type Measure, type Reading, READING_LENGTH } from '../../terms/reading.ts'
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import { OnBoard } from './on-board.ts'
import { PHASES_1 } from './phases-1.ts'
import { HISTORY_MEASURES, SlotHistory } from './slot-history.ts'

const START = 1_000_000 * HOUR_MS

function onBoard(): OnBoard {
  const options = { vmId: parseVmId('vm-1'), sender: 'agent-1', cores: 4, refCoresPerCore: 1 }
  return new OnBoard({ ...options, windowMs: HOUR_MS, phases: PHASES_1 })
}

function aReading(at: number, measured: Partial<Record<Measure, number>>, spanMs = 5 * SECOND_MS): Reading {
  const values = new Float64Array(READING_LENGTH).fill(Number.NaN)
  for (const [name, value] of Object.entries(measured)) values[dimensionIndex(name as DimensionName)] = value
  return { at, spanMs, values }
}

/** Readings every five seconds. */
function live(subject: OnBoard, from: number, forMs: number, cpuAt: (at: number) => number): boolean {
  let phaseChanged = false
  for (let at = from; at < from + forMs; at += 5 * SECOND_MS) {
    phaseChanged = subject.observe(aReading(at, { cpuRefCoresMean: cpuAt(at) })).phaseChanged || phaseChanged
  }
  return phaseChanged
}

test('a mean is weighted by the time that each reading spans', () => {
  const subject = onBoard()
  subject.observe(aReading(START, { cpuRefCoresMean: 1 }, 5000))
  subject.observe(aReading(START + 15_000, { cpuRefCoresMean: 3 }, 15_000))
  // (1 x 5 s + 3 x 15 s) / 20 s = 2.5
  assert.equal(readDimension(subject.vector(START + 15_000, 0), 'cpuRefCoresMean'), 2.5)
})

test('what nobody measured is absent, and does not pull down the mean of what was', () => {
  const subject = onBoard()
  subject.observe(aReading(START, { cpuRefCoresMean: 1, runQueueLength: 4 }))
  subject.observe(aReading(START + 5000, { cpuRefCoresMean: 1 }))
  const vector = subject.vector(START + 5000, 0)
  assert.equal(readDimension(vector, 'runQueueLength'), 4)
  assert.equal(readDimension(vector, 'diskLatencyMs'), undefined)
})

test('the vector names what was looked at: less than the window at first, the window later', () => {
  const subject = onBoard()
  live(subject, START, 10 * MINUTE_MS, () => 1)
  // The first reading spans the five seconds before the start; the last stands five seconds before the end.
  assert.equal(subject.vector(START + 595_000, 0).windowMs, 600_000)
  live(subject, START + 10 * MINUTE_MS, 3 * HOUR_MS, () => 1)
  const { windowMs, coverage } = subject.vector(START + 190 * MINUTE_MS, 1)
  assert.ok(windowMs >= HOUR_MS && windowMs <= HOUR_MS + 5 * MINUTE_MS, String(windowMs))
  assert.ok(coverage > 0.99)
})

test('what is older than the window is forgotten', () => {
  const subject = onBoard()
  live(subject, START, HOUR_MS, () => 4)
  live(subject, START + HOUR_MS, 2 * HOUR_MS, () => 1)
  const vector = subject.vector(START + 3 * HOUR_MS, 0)
  assert.equal(readDimension(vector, 'cpuRefCoresMean'), 1)
  assert.equal(readDimension(vector, 'cpuRefCoresMax'), 1)
})

test('the P95 is within two per cent of the true one', () => {
  const subject = onBoard()
  // Levels 0.01 to 1.00 in turn: 95 of 100 readings are at most 0.95.
  live(subject, START, HOUR_MS, (at) => (((at / 5000) % 100) + 1) / 100)
  const p95 = readDimension(subject.vector(START + HOUR_MS, 0), 'cpuRefCoresP95') ?? 0
  assert.ok(Math.abs(p95 / 0.95 - 1) <= 0.021, String(p95))
})

test('a reading that is not newer is dropped and counted', () => {
  const subject = onBoard()
  subject.observe(aReading(START, { cpuRefCoresMean: 1 }))
  subject.observe(aReading(START, { cpuRefCoresMean: 100 }))
  subject.observe(aReading(START - 5000, { cpuRefCoresMean: 100 }))
  assert.equal(subject.dropped, 2)
  assert.equal(readDimension(subject.vector(START, 0), 'cpuRefCoresMax'), 1)
})

test('a VM that begins to compute changes its phase, once, and one that flutters does not', () => {
  const subject = onBoard()
  assert.equal(
    live(subject, START, HOUR_MS, () => 0.01),
    false,
  )
  assert.equal(subject.phaseName, 'idle')
  // Ten seconds of work in each minute are no change of phase.
  assert.equal(
    live(subject, START + HOUR_MS, HOUR_MS, (at) => (at % MINUTE_MS < 10_000 ? 0.4 : 0.01)),
    false,
  )
  assert.equal(
    live(subject, START + 2 * HOUR_MS, 10 * MINUTE_MS, () => 4),
    true,
  )
  assert.notEqual(subject.phaseName, 'idle')
})

/** Two waves: of four minutes and of an hour and a half. */
function wave(at: number): number {
  return 1 + 0.2 * Math.sin(at / 40_000) + 0.1 * Math.sin(at / 900_000)
}

test('a day of ordinary life is no anomaly and no change; a leap is both', () => {
  const subject = onBoard()
  live(subject, START, 24 * HOUR_MS, wave)
  const ordinary = subject.vector(START + 24 * HOUR_MS, 0)
  assert.ok((readDimension(ordinary, 'anomalyScore') ?? 1) < 0.5)
  live(subject, START + 24 * HOUR_MS, 20 * MINUTE_MS, () => 4)
  const leapt = subject.vector(START + 24 * HOUR_MS + 20 * MINUTE_MS, 1)
  assert.ok((readDimension(leapt, 'anomalyScore') ?? 0) > 0.9)
  assert.ok((readDimension(leapt, 'changeScore') ?? 0) > Math.abs(readDimension(ordinary, 'changeScore') ?? 0))
})

test('the forecast of a steady VM is its level, and the band is not below it nor above the VM', () => {
  const subject = onBoard()
  live(subject, START, 6 * HOUR_MS, () => 2)
  const vector = subject.vector(START + 6 * HOUR_MS, 0)
  for (const minutes of [5, 15, 30, 60]) {
    const p50 = readDimension(vector, `forecastCpu${minutes}MinP50` as DimensionName) ?? Number.NaN
    const p95 = readDimension(vector, `forecastCpu${minutes}MinP95` as DimensionName) ?? Number.NaN
    assert.ok(Math.abs(p50 - 2) < 1e-6 && p95 >= p50 && p95 <= 4, `${minutes}: ${p50} ${p95}`)
  }
})

test('the history outlives a restart: the forecast after it is the one before it', () => {
  const before = onBoard()
  live(before, START, 6 * HOUR_MS, (at) => 1 + Math.sin(at / HOUR_MS))
  const after = onBoard()
  const now = START + 6 * HOUR_MS
  assert.equal(after.restore(before.snapshot(), now), 'restored')
  assert.ok(before.snapshot().length < 64 * 1024)
  after.observe(aReading(now, { cpuRefCoresMean: 1 }))
  for (const name of ['forecastCpu30MinP50', 'cpuPersistence'] as const) {
    const was = readDimension(before.vector(now, 0), name) ?? Number.NaN
    const is = readDimension(after.vector(now, 0), name) ?? Number.NaN
    assert.ok(Math.abs(was - is) < 1e-3, `${name}: ${was} ${is}`)
  }
  assert.equal(after.phaseName, before.phaseName)
})

for (const rubbish of ['', '{', 'null', '[]', '{"version":1}', '{"version":1,"slotMs":300000,"slot":1,"rows":[[1]]}']) {
  test(`a snapshot of ${JSON.stringify(rubbish)} is refused, and nothing is thrown`, () => {
    assert.equal(onBoard().restore(rubbish, START), 'refused')
  })
}

test('burstiness and persistence are of the slots of a day', () => {
  const subject = onBoard()
  // Slots of 1 and 3 in turn: mean 2, deviation 1, and each is the opposite of the one before it.
  live(subject, START, 24 * HOUR_MS, (at) => (Math.ceil(at / (5 * MINUTE_MS)) % 2 === 0 ? 1 : 3))
  const vector = subject.vector(START + 24 * HOUR_MS, 0)
  assert.ok(Math.abs((readDimension(vector, 'cpuBurstiness') ?? 0) - 0.5) < 0.01)
  assert.equal(readDimension(vector, 'cpuPersistence'), 0)
  // Periods are sought from three slots on: two in turn are told as four.
  assert.equal(readDimension(vector, 'rhythmPeriodMs'), 20 * MINUTE_MS)
})

test('a rhythm of an hour is found once three hours of it were seen', () => {
  const subject = onBoard()
  live(subject, START, 12 * HOUR_MS, (at) => 1 + 0.5 * Math.sin((at / HOUR_MS) * 2 * Math.PI))
  const vector = subject.vector(START + 12 * HOUR_MS, 0)
  assert.equal(readDimension(vector, 'rhythmPeriodMs'), HOUR_MS)
})

test('a gap of an hour leaves absent slots and no number that is not finite', () => {
  const subject = onBoard()
  live(subject, START, 3 * HOUR_MS, () => 1)
  live(subject, START + 4 * HOUR_MS, HOUR_MS, () => 1)
  const vector = subject.vector(START + 5 * HOUR_MS, 0)
  for (let i = 0; i < DIMENSIONS; i++) if (isPresent(vector, i)) assert.ok(Number.isFinite(vector.values[i]))
  const line = encodePersonality(vector)
  assert.ok(line.length <= WIRE_BYTES_MAX)
  assert.equal(encodePersonality(parsePersonality(line)), line)
})

/** What is cheap is seen each second and what is costly each fifth, as on demand: the processes born since the costly look before. */
function liveMixed(subject: OnBoard, from: number, seconds: number, cpuAt: (second: number) => number): void {
  for (let second = 1; second <= seconds; second++) {
    const at = from + second * SECOND_MS
    const isAll = second % 5 === 0
    const reading = aReading(at, { cpuRefCoresMean: cpuAt(second) }, SECOND_MS)
    if (!isAll) {
      subject.observe(reading)
      continue
    }
    const spansMs = new Float64Array(READING_LENGTH).fill(Number.NaN)
    spansMs[dimensionIndex('processBirthsPerSec')] = 5 * SECOND_MS
    reading.values[dimensionIndex('processBirthsPerSec')] = cpuAt(second)
    subject.observe({ ...reading, spansMs })
  }
}

test('a mix of looks each second and each five seconds tells the same means as the truth', () => {
  const subject = onBoard()
  // 10 min each five seconds at 1 core, 5 min each second at 2 cores: (600 x 1 + 300 x 2) / 900 s = 1.3333.
  for (let k = 1; k <= 120; k++) {
    subject.observe(aReading(START + 5000 * k, { cpuRefCoresMean: 1, processBirthsPerSec: 10 }))
  }
  liveMixed(subject, START + 10 * MINUTE_MS, 300, () => 2)
  const vector = subject.vector(START + 15 * MINUTE_MS, 0)
  assert.ok(Math.abs((readDimension(vector, 'cpuRefCoresMean') ?? 0) - 4 / 3) < 1e-6)
  // What is costly counts with the five seconds that it spans, not with the one since the cheap look: (600 x 10 + 300 x 2) / 900 = 7.3333.
  assert.ok(Math.abs((readDimension(vector, 'processBirthsPerSec') ?? 0) - 22 / 3) < 1e-6)
  assert.equal(vector.coverage, 1)
})

test('the history of what is costly has no holes for the cheap looks between', () => {
  const history = new SlotHistory(5 * MINUTE_MS, 288)
  const births = dimensionIndex('processBirthsPerSec')
  for (let second = 1; second <= 3600; second++) {
    const reading = aReading(START + second * SECOND_MS, { cpuRefCoresMean: 1 }, SECOND_MS)
    const spansMs = new Float64Array(READING_LENGTH).fill(Number.NaN)
    spansMs[births] = 5 * SECOND_MS
    // 0 in the first half of each slot, 10 in the second.
    if (second % 5 === 0) reading.values[births] = (second - 1) % 300 < 150 ? 0 : 10
    history.add(second % 5 === 0 ? { ...reading, spansMs } : reading)
  }
  const row = HISTORY_MEASURES.indexOf('processBirthsPerSec')
  assert.deepEqual(
    Array.from({ length: history.length }, (_, k) => history.ago(row, k + 1)),
    Array.from({ length: 11 }, () => 5),
  )
})
