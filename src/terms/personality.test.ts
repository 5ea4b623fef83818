import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aVector } from '../../tools/builders.ts'
import {
  DIMENSIONS,
  dimensionIndex,
  isPresent,
  MASK_BYTES,
  PERSONALITY_SCHEMA,
  PERSONALITY_SCHEMA_VERSION,
  readDimension,
} from './personality.ts'

/** Schema v1 as agents in the field send it. This list is never edited: a new version gets a list of its own. */
const SCHEMA_V1 = `
0 cpuRefCoresMean: reference cores
1 cpuRefCoresP95: reference cores
2 cpuRefCoresMax: reference cores
3 cpuUserShare: fraction of CPU time
4 cpuSystemShare: fraction of CPU time
5 cpuStealShare: fraction of demand
6 runQueueLength: tasks
7 cpuPressureSome: fraction of time
8 contextSwitchesPerSec: 1/s
9 memoryUsedBytes: bytes
10 memoryWorkingSetBytes: bytes
11 memoryCachedBytes: bytes
12 memoryDirtiedBytesPerSec: bytes/s
13 majorFaultsPerSec: 1/s
14 swapBytesPerSec: bytes/s
15 memoryPressureSome: fraction of time
16 diskReadBytesPerSec: bytes/s
17 diskWriteBytesPerSec: bytes/s
18 diskReadOpsPerSec: 1/s
19 diskWriteOpsPerSec: 1/s
20 diskLatencyMs: ms
21 ioPressureSome: fraction of time
22 netReceiveBytesPerSec: bytes/s
23 netSendBytesPerSec: bytes/s
24 netReceivePacketsPerSec: 1/s
25 netSendPacketsPerSec: 1/s
26 netRetransmitsPerSec: 1/s
27 systemCallsFilePerSec: 1/s
28 systemCallsNetworkPerSec: 1/s
29 systemCallsMemoryPerSec: 1/s
30 systemCallsProcessPerSec: 1/s
31 systemCallsTimePerSec: 1/s
32 systemCallsSyncPerSec: 1/s
33 systemCallsOtherPerSec: 1/s
34 libraryCallsTlsPerSec: 1/s
35 libraryCallsAllocatorPerSec: 1/s
36 libraryCallsDnsPerSec: 1/s
37 processCount: processes
38 processBirthsPerSec: 1/s
39 processDeathsPerSec: 1/s
40 processLifetimeSecMedian: s
41 topProcessCpuShare: fraction of CPU time
42 socketPeers: peers
43 applicationRequestsPerSec: 1/s
44 applicationLatencyMsMean: ms
45 applicationReadShare: fraction of requests
46 applicationCacheHitShare: fraction of look-ups
47 applicationLockWaitShare: fraction of time
48 cpuBurstiness: standard deviation over mean
49 cpuPersistence: autocorrelation at one window
50 rhythmPeriodMs: ms
51 rhythmStrength: fraction of variance
52 phase: number of the phase in the phase model that the vector names
53 phaseAgeMs: ms
54 changeScore: standard deviations
55 anomalyScore: fraction: 0 ordinary, 1 never seen
56 forecastCpu5MinP50: reference cores
57 forecastCpu5MinP95: reference cores
58 forecastCpu15MinP50: reference cores
59 forecastCpu15MinP95: reference cores
60 forecastCpu30MinP50: reference cores
61 forecastCpu30MinP95: reference cores
62 forecastCpu60MinP50: reference cores
63 forecastCpu60MinP95: reference cores
`

test('schema v1 is frozen: names, order and units', () => {
  assert.equal(PERSONALITY_SCHEMA_VERSION, 1)
  assert.deepEqual(
    PERSONALITY_SCHEMA.map(({ name, unit }, i) => `${i} ${name}: ${unit}`),
    SCHEMA_V1.trim().split('\n'),
  )
})

test('there are sixty-four dimensions, and a bit for each', () => {
  assert.equal(DIMENSIONS, 64)
  assert.equal(MASK_BYTES, 8)
})

test('each dimension has a name of its own, and says what its absence means', () => {
  assert.equal(new Set(PERSONALITY_SCHEMA.map(({ name }) => name)).size, DIMENSIONS)
  for (const { name, unit, absentMeans } of PERSONALITY_SCHEMA) {
    assert.match(name, /^[a-z][A-Za-z0-9]+$/)
    assert.ok(unit.length > 0 && absentMeans.length > 0, name)
  }
})

test('a name that ends in a unit has that unit', () => {
  for (const { name, unit } of PERSONALITY_SCHEMA) {
    if (name.endsWith('BytesPerSec')) assert.equal(unit, 'bytes/s', name)
    else if (name.endsWith('PerSec')) assert.equal(unit, '1/s', name)
    else if (name.endsWith('Bytes')) assert.equal(unit, 'bytes', name)
    else if (/Ms(?:Mean|P\d+)?$/.test(name)) assert.equal(unit, 'ms', name)
    else if (/Share$|Some$/.test(name)) assert.match(unit, /^fraction of /, name)
  }
})

test('every dimension is found at its place', () => {
  PERSONALITY_SCHEMA.forEach(({ name }, i) => assert.equal(dimensionIndex(name), i))
})

test('bits are counted from the lowest of the first byte', () => {
  const mask = new Uint8Array(MASK_BYTES)
  mask[0] = 0b0000_0010
  mask[7] = 0b1000_0000
  const present = PERSONALITY_SCHEMA.flatMap((_, i) => (isPresent({ mask }, i) ? [i] : []))
  assert.deepEqual(present, [1, 63])
})

test('absent is not zero', () => {
  const vector = aVector()
  assert.equal(readDimension(vector, 'cpuRefCoresMean'), undefined)
  vector.mask[0] = 1
  assert.equal(readDimension(vector, 'cpuRefCoresMean'), 0)
  vector.values[0] = 1.5
  assert.equal(readDimension(vector, 'cpuRefCoresMean'), 1.5)
})
