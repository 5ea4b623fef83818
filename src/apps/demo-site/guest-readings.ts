/** What the agent within a demo's VM would read: CPU and waiting as they are, all else by the habits of its application. */
import { dimensionIndex } from '../../terms/personality.ts'
import { type Measure, READING_LENGTH, type Reading } from '../../terms/reading.ts'
import type { EpochMs } from '../../terms/units.ts'
import type { Vm } from '../../terms/vm.ts'
import type { Activity } from './activity.ts'
import type { Habits } from './applications.ts'

/** What an agent of a demo's VM may do. */
export interface Rights {
  /** System and library calls are counted by a helper that needs privileges. */
  readonly mayTrace: boolean
  /** So is memory written, by another one. */
  readonly seesDirtiedMemory: boolean
}

export interface ReadingAsked {
  readonly vm: Vm
  readonly habits: Habits
  readonly activity: Activity
  readonly rights: Rights
  readonly at: EpochMs
  readonly spanMs: number
}

/** Share of calls that a program makes for each kind beside files and networks. */
const CALLS = { memory: 0.06, process: 0.01, time: 0.12, sync: 0.2, other: 0.1 }
const PACKET_BYTES = 900
/** A disk that is asked for so many bytes a second makes half of the tasks wait. */
const DISK_BYTES_PER_SEC = 120e6

export function readingOf(asked: ReadingAsked): Reading {
  const values = new Float64Array(READING_LENGTH).fill(Number.NaN)
  for (const tell of [cpuOf, memoryOf, trafficOf, callsOf, processesOf]) {
    const told = tell(asked)
    for (const name in told) values[dimensionIndex(name as Measure)] = told[name as Measure] ?? Number.NaN
  }
  return { at: asked.at, spanMs: asked.spanMs, values }
}

type Told = Partial<Record<Measure, number>>

function cpuOf({ vm, habits, activity: { given, wanted, waited, work } }: ReadingAsked): Told {
  return {
    cpuRefCoresMean: given / vm.refCoresPerVcpu,
    cpuUserShare: 1 - habits.systemShare,
    cpuSystemShare: habits.systemShare,
    cpuStealShare: waited,
    runQueueLength: wanted * 1.2,
    cpuPressureSome: Math.min(1, waited + 0.02 * (wanted / vm.vcpus)),
    contextSwitchesPerSec: work * habits.contextSwitches,
  }
}

function memoryOf({ activity: { memoryBytes, work }, habits, rights }: ReadingAsked): Told {
  return {
    memoryUsedBytes: memoryBytes,
    memoryWorkingSetBytes: memoryBytes * 0.7,
    memoryCachedBytes: memoryBytes * 0.22,
    majorFaultsPerSec: 0,
    swapBytesPerSec: 0,
    memoryPressureSome: 0,
    ...(rights.seesDirtiedMemory ? { memoryDirtiedBytesPerSec: work * habits.dirtiedBytes } : {}),
  }
}

function trafficOf({ activity, habits }: ReadingAsked): Told {
  const { diskReadBytesPerSec, diskWriteBytesPerSec, netReceiveBytesPerSec, netSendBytesPerSec } = activity
  const asked = (diskReadBytesPerSec + diskWriteBytesPerSec) / DISK_BYTES_PER_SEC
  return {
    diskReadBytesPerSec,
    diskWriteBytesPerSec,
    diskReadOpsPerSec: diskReadBytesPerSec / habits.diskOpBytes,
    diskWriteOpsPerSec: diskWriteBytesPerSec / habits.diskOpBytes,
    diskLatencyMs: 0.4 + 6 * asked,
    ioPressureSome: asked / (1 + asked),
    netReceiveBytesPerSec,
    netSendBytesPerSec,
    netReceivePacketsPerSec: netReceiveBytesPerSec / PACKET_BYTES,
    netSendPacketsPerSec: netSendBytesPerSec / PACKET_BYTES,
    netRetransmitsPerSec: netSendBytesPerSec / PACKET_BYTES / 20_000,
  }
}

function callsOf({ activity: { work, waited }, habits, rights }: ReadingAsked): Told {
  const all = work * (habits.fileCalls + habits.networkCalls)
  const traced: Told = {
    systemCallsFilePerSec: work * habits.fileCalls,
    systemCallsNetworkPerSec: work * habits.networkCalls,
    systemCallsMemoryPerSec: all * CALLS.memory,
    systemCallsProcessPerSec: all * CALLS.process,
    systemCallsTimePerSec: all * CALLS.time,
    systemCallsSyncPerSec: all * CALLS.sync,
    systemCallsOtherPerSec: all * CALLS.other,
    libraryCallsTlsPerSec: work * habits.tlsCalls,
    libraryCallsAllocatorPerSec: all * 3,
    libraryCallsDnsPerSec: work * 0.5,
  }
  // Whoever waits for a CPU answers so much later.
  const requests = habits.requests
  const answers: Told =
    requests === undefined
      ? {}
      : {
          applicationRequestsPerSec: work * requests,
          applicationLatencyMsMean: (1000 * (0.4 / requests)) / Math.max(0.05, 1 - waited),
          applicationReadShare: 0.8,
        }
  return { ...(rights.mayTrace ? traced : {}), ...answers }
}

function processesOf({ activity: { work }, habits }: ReadingAsked): Told {
  const births = work * habits.systemShare * 2
  return {
    processCount: habits.processes,
    processBirthsPerSec: births,
    processDeathsPerSec: births,
    processLifetimeSecMedian: 40,
    topProcessCpuShare: 0.55,
    socketPeers: Math.round(habits.networkCalls / 150),
  }
}
