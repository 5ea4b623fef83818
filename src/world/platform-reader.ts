import type { Barriers } from '../terms/cluster.ts'
import type { HostId } from '../terms/ids.ts'
import type { EpochMs } from '../terms/units.ts'

/** Asks a platform what its hosts are and have. Changes nothing. */
export interface PlatformReader {
  /** Takes as long as the slowest host is waited for. Never rejects for what a host does. */
  look(): Promise<PlatformLook>
}

export interface PlatformLook {
  readonly at: EpochMs
  readonly hosts: readonly PlatformHost[]
  readonly barriers: Barriers
}

export type PlatformHost =
  | ToldPlatformHost
  | { readonly kind: 'unreachable'; readonly hostId: HostId; readonly at: EpochMs; readonly reason: string }

/** One host in the platform's own words. What it did not tell is absent, and said in `untold`. */
export interface ToldPlatformHost {
  readonly kind: 'told'
  readonly hostId: HostId
  readonly at: EpochMs
  /** What it calls itself. */
  readonly hostname: string
  readonly version?: string
  readonly hypervisorVersion?: string
  readonly architecture?: string
  /** Of the CPU that a guest may get: its name, its maker, and how many features it has. */
  readonly cpuModel?: string
  readonly cpuVendor?: string
  readonly cpuFeatures?: number
  readonly virtualisation?: string
  readonly threads?: number
  readonly memoryBytes?: number
  /** Free, and what the kernel can give back. */
  readonly memoryFreeBytes?: number
  readonly pools?: readonly { readonly name: string; readonly type: string; readonly source?: string }[]
  readonly networks?: readonly string[]
  /** Names of VMs that run. */
  readonly vms?: readonly string[]
  readonly untold: readonly string[]
}
