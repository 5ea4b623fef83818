/** What copying a running VM takes, by a physics of the simulator's own: the engine's estimate must not know it. */
import type { Luck } from '../terms/luck.ts'
import { MiB, SECOND_MS } from '../terms/units.ts'
import type { Vm } from '../terms/vm.ts'

/** What a migration takes in truth. */
export interface Copy {
  readonly durationMs: number
  readonly downtimeMs: number
  /** All rounds together. */
  readonly copiedBytes: number
  readonly rounds: number
}

/** What a VM is busy with when its copy starts. */
export interface CopyActivity {
  readonly cpuRefCores: number
  /** Memory that holds anything: pages of zeros are not sent. */
  readonly usedBytes: number
  /** What the network and the disk bring in: it lands in memory. */
  readonly incomingBytesPerSec: number
}

/** Share of its demand a VM loses while it is copied: CloudSim's constant (Beloglazov and Buyya 2012, section 3.3). */
export const COPY_SLOWDOWN = 0.1

/** Goodput of TCP over Ethernet with 1500-byte frames: 1448 of 1538 bytes on the wire. */
export const LINK_EFFICIENCY = 1448 / 1538
/** A guest that does nothing still ticks, logs and caches: 1,000 pages of 4 KiB a second (Clark et al., NSDI 2005,
 *  idle guests). */
export const IDLE_DIRTY_BYTES_PER_SEC = 4 * MiB
/** What a busy reference core writes to fresh pages: between SPECint's compression and its compiler in the same
 *  paper's figure 2. */
const DIRTY_BYTES_PER_REF_CORE_SECOND = 24 * MiB
/** Share of used memory that is rewritten again and again: a tenth at rest, up to half under full load of all vCPUs. */
export const HOT_SHARE_AT_REST = 0.1
export const HOT_SHARE_OF_LOAD = 0.4
/** Xen gives up converging after this many rounds. */
const ROUNDS_MAX = 29
/** QEMU halts the guest once the rest fits into its downtime limit, and so is down for about that long however idle
 *  it is. */
export const DOWNTIME_LIMIT_MS = 300
/** Connecting, and telling the target about the devices, before the first page: measured on QEMU 7.2. */
export const SET_UP_MS = 470
/** Device state, the switch to the target and the gratuitous ARP. */
export const SWITCH_OVER_MS = 60

/** CloudSim's copy: configured memory over half of 1 Gbit/s, reckoned as its examples do (megabytes times 8000 over
 *  500,000). */
export function copyAsCloudSim(vm: Vm): Copy {
  const durationMs = (((vm.memoryBytes / MiB) * 8000 * 2) / 1e6) * SECOND_MS
  return { durationMs, downtimeMs: 0, copiedBytes: vm.memoryBytes, rounds: 1 }
}

/** Rounds of pre-copy: each sends what the VM dirtied during the one before; pages dirtied twice are sent once (the
 *  hot set
 *  saturates). The VM halts for the last round. */
export function copyInRounds(
  vm: Vm,
  activity: CopyActivity,
  link: { readonly bytesPerSec: number; readonly jitterFraction: number; readonly luck: Luck },
): Copy {
  const wobble = () => 1 + link.jitterFraction * (2 * link.luck.fraction() - 1)
  const bytesPerSec = link.bytesPerSec * LINK_EFFICIENCY * wobble()
  const load = Math.min(1, activity.cpuRefCores / (vm.vcpus * vm.refCoresPerVcpu))
  const hotBytes = activity.usedBytes * (HOT_SHARE_AT_REST + HOT_SHARE_OF_LOAD * load)
  const dirtyBytesPerSec =
    IDLE_DIRTY_BYTES_PER_SEC +
    DIRTY_BYTES_PER_REF_CORE_SECOND * activity.cpuRefCores +
    Math.max(0, activity.incomingBytesPerSec)

  const restBytesMax = (bytesPerSec * DOWNTIME_LIMIT_MS) / SECOND_MS
  let roundBytes = activity.usedBytes
  let extraBytes = 0
  let rounds = 1
  while (roundBytes > restBytesMax && rounds < ROUNDS_MAX) {
    const seconds = roundBytes / bytesPerSec
    roundBytes = hotBytes * (1 - Math.exp((-dirtyBytesPerSec * seconds) / hotBytes))
    extraBytes += roundBytes
    rounds++
  }
  const haltedMs = Math.max(DOWNTIME_LIMIT_MS, (roundBytes / bytesPerSec) * SECOND_MS)
  const downtimeMs = (haltedMs + SWITCH_OVER_MS) * wobble()
  const copiedBytes = Math.round(activity.usedBytes + extraBytes * wobble())
  const sendingMs = (copiedBytes / bytesPerSec) * SECOND_MS
  return { durationMs: SET_UP_MS + Math.max(sendingMs, haltedMs) + SWITCH_OVER_MS, downtimeMs, copiedBytes, rounds }
}
