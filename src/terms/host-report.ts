import type { HostId } from './ids.ts'
import type { EpochMs } from './units.ts'
import type { ByResource } from './usage.ts'
import type { Vm } from './vm.ts'

/** What one host says of itself and of the VMs on it, every minute or five: who reports is the host, never a guest. */
export interface HostReport {
  readonly hostId: HostId
  /** End of the window by the host's clock; the server's time of arrival is what counts. */
  readonly windowEnd: EpochMs
  readonly windowMs: number
  readonly state: 'on' | 'maintenance'
  /** Busy reference cores of the whole host, its own work included. Absent: not measured. */
  readonly cpuRefCoresMean?: number
  readonly cpuRefCoresMax?: number
  readonly memoryUsedBytes?: number
  /** Measured watts. Absent: nothing measures them; see the host's power curve. */
  readonly watts?: number
  readonly vms: readonly ReportedVm[]
}

/** One VM as its host sees it. */
export interface ReportedVm {
  readonly vm: Vm
  /** `incoming`: its memory is arriving, it does not run here yet. `paused` VMs keep their memory. */
  readonly state: 'running' | 'paused' | 'incoming'
  readonly mean: ByResource
  readonly max: ByResource
  /** A migration away from here that the platform has accepted. */
  readonly leavingTo?: HostId
}

/** A report as the server keeps it. */
export interface KeptReport extends HostReport {
  readonly arrivedAt: EpochMs
  /** Two machines report under this name at a time, and this is what one of them said. */
  readonly isShared?: true
}
