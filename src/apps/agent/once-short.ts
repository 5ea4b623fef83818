/** The personality in a few sentences: what an operator would say of the machine. */
import { type DimensionName, type PersonalityVector, readDimension } from '../../terms/personality.ts'
import { showAmount } from './amounts.ts'
import type { GroupTitle } from './once-groups.ts'

/** A part of a sentence: about which dimension, shown in which unit, and how it is said. */
interface Part {
  readonly name: DimensionName
  readonly unit: string
  readonly say: (amount: string) => string
  /** Zero is what everybody expects: then it is left to the table below. */
  readonly isQuietAtZero?: boolean
}

const SENTENCES: readonly (readonly [GroupTitle, readonly Part[]])[] = [
  [
    'CPU',
    [
      { name: 'cpuRefCoresMean', unit: 'cores', say: (cores) => `${cores} busy` },
      share('cpuSystemShare', (part) => `${part} of that in the kernel`),
      quietShare('cpuStealShare', (part) => `${part} of the demand taken by the host`),
      quietShare('cpuPressureSome', (part) => `tasks waited for a CPU ${part} of the time`),
    ],
  ],
  [
    'Memory',
    [
      { name: 'memoryUsedBytes', unit: 'bytes', say: (used) => `${used} in use` },
      { name: 'memoryWorkingSetBytes', unit: 'bytes', say: (size) => `${size} with the files that it keeps at hand` },
      { name: 'memoryDirtiedBytesPerSec', unit: 'bytes/s', say: (rate) => `${rate} written` },
      quietShare('memoryPressureSome', (part) => `tasks waited for memory ${part} of the time`),
    ],
  ],
  [
    'Disk',
    [
      { name: 'diskReadBytesPerSec', unit: 'bytes/s', say: (rate) => `${rate} read` },
      { name: 'diskWriteBytesPerSec', unit: 'bytes/s', say: (rate) => `${rate} written` },
      { name: 'diskLatencyMs', unit: 'ms', say: (time) => `${time} a request` },
      quietShare('ioPressureSome', (part) => `tasks waited for a disk ${part} of the time`),
    ],
  ],
  [
    'Network',
    [
      { name: 'netReceiveBytesPerSec', unit: 'bytes/s', say: (rate) => `${rate} in` },
      { name: 'netSendBytesPerSec', unit: 'bytes/s', say: (rate) => `${rate} out` },
      {
        name: 'socketPeers',
        unit: '',
        say: (count) => `connected to ${count} other ${count === '1' ? 'machine' : 'machines'}`,
      },
    ],
  ],
  [
    'Processes',
    [
      { name: 'processCount', unit: 'processes', say: (count) => count },
      { name: 'processBirthsPerSec', unit: '', say: (rate) => `${rate} begun a second` },
      { name: 'processLifetimeSecMedian', unit: 's', say: (life) => `half of those that ended lived ${life} at most` },
      share('topProcessCpuShare', (part) => `the busiest took ${part} of the CPU time`),
    ],
  ],
  [
    'Applications',
    [
      { name: 'applicationRequestsPerSec', unit: '', say: (rate) => `${rate} requests a second` },
      { name: 'applicationLatencyMsMean', unit: 'ms', say: (time) => `${time} each` },
      share('applicationReadShare', (part) => `${part} of them read only`),
      share('applicationCacheHitShare', (part) => `${part} of look-ups found in a cache`),
      quietShare('applicationLockWaitShare', (part) => `${part} of the time waiting for locks`),
    ],
  ],
  [
    'Behaviour',
    [
      { name: 'phaseAgeMs', unit: 'ms', say: (time) => `in this phase for ${time}` },
      { name: 'rhythmPeriodMs', unit: 'ms', say: (time) => `repeats itself every ${time}` },
      quietShare('anomalyScore', (part) => `${part} unlike its own past`),
    ],
  ],
  [
    'Forecast of CPU',
    [
      { name: 'forecastCpu15MinP50', unit: 'cores', say: (cores) => `${cores} in 15 minutes` },
      { name: 'forecastCpu15MinP95', unit: 'cores', say: (cores) => `no more than ${cores} in 95 of 100 cases` },
    ],
  ],
]

/** For each group that has something to say the parts of one sentence, made of what is there: what is absent is left out. */
export function inShort(vector: PersonalityVector): readonly (readonly [GroupTitle, readonly string[]])[] {
  return SENTENCES.flatMap(([title, parts]) => {
    const told = parts.flatMap(({ name, unit, say, isQuietAtZero }) => {
      const value = readDimension(vector, name)
      return value === undefined || (value === 0 && isQuietAtZero === true) ? [] : [say(showAmount(value, unit))]
    })
    return told.length === 0 ? [] : [[title, told] as const]
  })
}

function share(name: DimensionName, say: Part['say']): Part {
  return { name, unit: 'fraction', say }
}

function quietShare(name: DimensionName, say: Part['say']): Part {
  return { ...share(name, say), isQuietAtZero: true }
}
