/** What is known of a VM and its way before it is moved: all that a promise may rest on. */
import type { EpochMs } from './units.ts'

export const MIGRATION_MODES = ['precopy', 'autoconverge', 'postcopy'] as const
export type MigrationMode = (typeof MIGRATION_MODES)[number]

/** Figures as the platform gives them before a move. Sizes in MiB (2^20 bytes), as QEMU and libvirt report them. */
export interface MoveFacts {
  readonly memoryMib: number
  /** Limit set on the link, in Mbit/s. Absent: none is set, and the hosts' processors are the limit. */
  readonly linkMbitPerSec?: number
  readonly mode: MigrationMode
  readonly downtimeLimitMs: number
  readonly timeoutSec: number
  /** Payload that a short probe carried from source to target. */
  readonly probeBytesPerSec: number
  /** By QEMU's page sampling over `dirtyWindowSec`. */
  readonly dirtyMibPerSec: number
  readonly dirtyWindowSec: number
  /** Further windows of the same sampling, where it was done more than once. */
  readonly moreDirtyWindows?: readonly { readonly mibPerSec: number; readonly windowSec: number }[]
  /** Load average of the source over a minute. */
  readonly load1: number
  /** CPU time of the whole QEMU process, in ms per second. */
  readonly cpuMsPerSec: number
  /** Resident memory of the QEMU process. */
  readonly residentMib: number
  /** Memory that the guest says it does not use. */
  readonly unusedMib: number
}

/** What a host tells of one VM that may be moved soon, in the units of `MoveFacts`. What could not be read is absent, and never zero. */
export interface VmFacts {
  /** When it was read. */
  readonly at: EpochMs
  readonly memoryMib?: number
  readonly downtimeLimitMs: number
  readonly dirtyMibPerSec?: number
  readonly dirtyWindowSec: number
  /** Of the further windows those that told. */
  readonly moreDirtyWindows?: NonNullable<MoveFacts['moreDirtyWindows']>
  /** What the host's load came to while its VM was sampled: cores that ran or waited for a disk. */
  readonly load1?: number
  readonly cpuMsPerSec?: number
  readonly residentMib?: number
  readonly unusedMib?: number
  /** Its owner allows that it runs before all of its memory has arrived. */
  readonly mayPostCopy: boolean
}
