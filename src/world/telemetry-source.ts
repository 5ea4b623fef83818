import type { Inventory } from '../terms/cluster.ts'
import type { PersonalityVector } from '../terms/personality.ts'
import type { HostSampleBatch, SampleBatch } from '../terms/sample.ts'

export interface Telemetry {
  readonly samples: SampleBatch
  /** What hosts say of themselves over the same window. Absent: nobody measures them. */
  readonly hostSamples?: HostSampleBatch
  /** Sent by agents since the last read; one vector is handed out once. */
  readonly personalities: readonly PersonalityVector[]
}

/** What we ask of whoever measures VMs: agents, hypervisor statistics, a recording. Rejects only with a `TelemetryError`. */
export interface TelemetrySource {
  readonly name: string
  /** The latest finished window of every VM of the inventory, as columns parallel to its list. */
  read(inventory: Inventory): Promise<Telemetry>
}
