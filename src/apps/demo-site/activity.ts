/** What a VM of the demo does in a minute: CPU by the recording, all else by the habits of its application. */
import { cpuDemand } from '../../terms/cpu-demand.ts'
import { hashPair } from '../../terms/luck.ts'
import type { EpochMs, Fraction } from '../../terms/units.ts'
import { MINUTE_MS } from '../../terms/units.ts'
import type { ByResource } from '../../terms/usage.ts'
import { type Vm, vmSizeRefCores } from '../../terms/vm.ts'
import type { Habits } from './applications.ts'

/** Rates of a minute lie so far about those of the habits, either way. */
const NOISE: Fraction = 0.2
/** A guest with nothing to do still does what so much of its size would do. */
const RESTING: Fraction = 0.01
/** Within a minute there are moments busier than its mean. */
const PEAK = 1.25

export interface Activity {
  /** Reference cores that it wanted, and that it got. */
  readonly wanted: number
  readonly given: number
  /** Share of the time in which a CPU of its was ready to run and had to wait. */
  readonly waited: Fraction
  readonly memoryBytes: number
  readonly diskReadBytesPerSec: number
  readonly diskWriteBytesPerSec: number
  readonly netReceiveBytesPerSec: number
  readonly netSendBytesPerSec: number
  /** Of what its habits do by the core second, how much it does in a second. */
  readonly work: number
}

/** Whose activity, when, and how busy. */
export interface ActivityAsked {
  readonly vm: Vm
  readonly habits: Habits
  /** Its number, for the draw of luck. */
  readonly number: number
  readonly at: EpochMs
  /** Of its size that it wants. */
  readonly share: Fraction
  /** Of what VMs of its host want, how much they get. */
  readonly served: Fraction
}

export function activityOf({ vm, habits, number, at, share, served }: ActivityAsked): Activity {
  const size = vmSizeRefCores(vm)
  const wanted = size * share
  const given = wanted * served
  const noise = (key: number): number =>
    1 + NOISE * (2 * (hashPair(number, Math.floor(at / MINUTE_MS), key) / 2 ** 32) - 1)
  const work = Math.max(given, size * RESTING)
  return {
    wanted,
    given,
    // Who slept half of the rest of the time sleeps half of the time that he waits: the same as `cpuDemand` takes, the other way round.
    waited: wanted > 0 ? 1 - served : 0,
    memoryBytes:
      vm.memoryBytes * Math.min(0.97, (habits.memoryAtRest + habits.memoryOfLoad * share) * (0.98 + 0.02 * noise(1))),
    diskReadBytesPerSec: work * habits.diskReadBytes * noise(2),
    diskWriteBytesPerSec: work * habits.diskWriteBytes * noise(3),
    netReceiveBytesPerSec: work * habits.netReceiveBytes * noise(4),
    netSendBytesPerSec: work * habits.netSendBytes * noise(5),
    work: work * noise(6),
  }
}

/** As a host's reporter tells it: CPU is what the VM ran, and what it would have run of the time that it waited. */
export function usageOf(vm: Vm, activity: Activity): { readonly mean: ByResource; readonly max: ByResource } {
  const size = vmSizeRefCores(vm)
  const { given, waited, memoryBytes } = activity
  const cpu = size * cpuDemand({ ran: given / size, waited })
  const mean = {
    cpu,
    memory: memoryBytes,
    diskRead: activity.diskReadBytesPerSec,
    diskWrite: activity.diskWriteBytesPerSec,
    netReceive: activity.netReceiveBytesPerSec,
    netSend: activity.netSendBytesPerSec,
  }
  return { mean, max: { ...mean, cpu: Math.min(size, cpu * PEAK) } }
}
