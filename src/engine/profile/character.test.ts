import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aVectorOf } from '../../../tools/builders.ts'
import { parseVmId } from '../../terms/ids.ts'
import { DAY_MS, GiB, HOUR_MS, KiB, MiB, MINUTE_MS } from '../../terms/units.ts'
import { SLOT_MS, type UsageSeries } from '../../terms/usage.ts'
import { bestKnown, type CharacterGrounds, describeCharacter } from './character.ts'
import { weekGrid, weekRhythm } from './week.ts'

const MONDAY = Date.UTC(2026, 0, 5)
const SLOTS = (7 * DAY_MS) / SLOT_MS
const NOW = MONDAY + 7 * DAY_MS

function groundsOf(
  mean: UsageSeries['mean'],
  rest: Partial<Omit<CharacterGrounds, 'week' | 'now'>> = {},
): CharacterGrounds {
  const usage: UsageSeries = { vmId: parseVmId('web'), firstSlotAt: MONDAY, slots: SLOTS, mean, max: {} }
  return {
    now: NOW,
    vectors: [],
    ...rest,
    week: { usage, grid: weekGrid(mean.cpu, MONDAY), rhythm: weekRhythm(mean.cpu), toldBy: 'host', ageMs: 0 },
  }
}

function column(of: (day: number, hour: number) => number): Float32Array {
  return Float32Array.from({ length: SLOTS }, (_, slot) =>
    of(Math.floor((slot * SLOT_MS) / DAY_MS), Math.floor(((slot * SLOT_MS) % DAY_MS) / HOUR_MS)),
  )
}

const textsOf = (grounds: CharacterGrounds): readonly string[] => describeCharacter(grounds).map(({ text }) => text)

test('a VM of an office is described as anybody would, each sentence with what it rests on', () => {
  const cpu = column((day, hour) => (day < 5 && hour >= 8 && hour < 18 ? 1.2 : 0.02))
  const mean = { cpu, memory: column(() => 3.1 * GiB), diskWrite: column(() => 2 * MiB), netSend: column(() => KiB) }
  const sentences = describeCharacter(groundsOf(mean, { size: { refCores: 4, memoryBytes: 4 * GiB } }))
  assert.deepEqual(
    sentences.map(({ about, text }) => [about, text]),
    [
      // 50 of 168 hours of 1.2, 118 of 0.02: 0.371 cores.
      [
        'cpu',
        'Lightly used: 0.37 reference cores on the mean, 9.3 % of its size; one time in ten above 1.20 reference cores.',
      ],
      ['week', 'Busy on weekdays from 8 to 18 UTC: 1.20 reference cores, and 0.02 reference cores otherwise.'],
      ['memory', 'Memory steady at 3.1 GiB of 4 GiB.'],
      ['disk', 'Writes 2 MiB/s of its disks.'],
      ['network', 'Hardly uses its network: sends 1 KiB/s.'],
      sentences.filter(({ about }) => about === 'rhythm').map(({ about, text }) => [about, text])[0],
    ],
  )
  assert.match(sentences.at(-1)?.text ?? '', /^Repeats itself every 24 h; that explains \d\d % of how its CPU varies/)
  // The host counted its CPU; how much of its memory is in use only the guest can tell.
  assert.deepEqual(
    sentences.slice(0, 3).map(({ toldBy, coverage }) => [toldBy, coverage]),
    [
      ['host', 1],
      ['host', 1],
      ['guest', 1],
    ],
  )
})

test('what nobody told is not spoken of', () => {
  assert.deepEqual(describeCharacter(groundsOf({})), [])
  assert.deepEqual(textsOf(groundsOf({ cpu: column(() => NaN) })), [])
})

test('a young VM is described by its newest vector, which says how old it is and how much of it was seen', () => {
  const vector = aVectorOf(
    { cpuRefCoresMean: 0.05, memoryUsedBytes: GiB, memoryDirtiedBytesPerSec: 3 * MiB, cpuStealShare: 0.12 },
    { sender: 'agent-1', windowEnd: NOW - 5 * MINUTE_MS, coverage: 0.8 },
  )
  const sentences = describeCharacter(
    groundsOf(
      {},
      { vectors: [vector], phase: { name: 'compute', sinceMs: 3 * HOUR_MS, toldBy: 'guest', ageMs: 1000 } },
    ),
  )
  assert.deepEqual(
    sentences.map(({ text }) => text),
    [
      'CPU: 0.05 reference cores on the mean.',
      'It suffers: 12 % of its CPU demand it waits for its host.',
      'Memory at 1 GiB.',
      'Writes 3 MiB/s of its memory anew.',
      'In the phase "compute" for 3 h.',
    ],
  )
  const [{ about: _, text: __, ...rests }] = sentences
  assert.deepEqual(rests, { toldBy: 'guest', coverage: 0.8, ageMs: 5 * MINUTE_MS })
})

test('what a host counted stands before what a guest told; what only a guest can tell is told by the guest', () => {
  const agent = aVectorOf({ cpuRefCoresMean: 9, memoryUsedBytes: 7 }, { sender: 'agent-1', windowEnd: NOW })
  const server = aVectorOf({ cpuRefCoresMean: 1, memoryUsedBytes: 5 }, { sender: 'server', windowEnd: NOW })
  const grounds = { vectors: [agent, server], now: NOW }
  const [cpu, memory] = (['cpuRefCoresMean', 'memoryUsedBytes'] as const).map((name) => bestKnown(grounds, name))
  assert.deepEqual([cpu?.value, cpu?.toldBy, memory?.value, memory?.toldBy], [1, 'host', 7, 'guest'])
  assert.equal(bestKnown(grounds, 'diskLatencyMs'), undefined)
})

const toldOf = (numbers: Parameters<typeof aVectorOf>[0]): readonly string[] =>
  textsOf(groundsOf({}, { vectors: [aVectorOf(numbers, { windowEnd: NOW })] }))

test('what is unlike itself is said, and what is ordinary is not', () => {
  assert.deepEqual(toldOf({ anomalyScore: 0.95 }), [
    'Unlike itself just now: 0.95, where 0 is ordinary and 1 was never seen.',
  ])
  assert.deepEqual(toldOf({ changeScore: -6.5 }), [
    'Its CPU has changed: 6.50 standard deviations less than it used to want.',
  ])
  assert.deepEqual(toldOf({ anomalyScore: 0.4, changeScore: 2, cpuPressureSome: 0.01 }), [])
})
