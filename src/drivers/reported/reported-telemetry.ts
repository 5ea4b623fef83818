import type { Inventory } from '../../terms/cluster.ts'
import type { VmId } from '../../terms/ids.ts'
import type { PersonalityVector } from '../../terms/personality.ts'
import { type HostSampleBatch, RESOURCES, type Resource } from '../../terms/sample.ts'
import type { EpochMs } from '../../terms/units.ts'
import { SLOT_MS, slotOf, type UsageSeries } from '../../terms/usage.ts'
import { hostCapacityRefCores } from '../../terms/host.ts'
import { type Vm, vmSizeRefCores } from '../../terms/vm.ts'
import type { Clock } from '../../world/clock.ts'
import { TelemetryError } from '../../world/errors.ts'
import type { SiteStore } from '../../world/site-store.ts'
import type { Telemetry, TelemetrySource } from '../../world/telemetry-source.ts'
import type { SiteNotes } from './reported-hypervisor.ts'

/** A VM whose newest finished slot is empty is known by the one before, or by that before it: agents report every 5 to 15 minutes. */
const SLOTS_BACK = 3

/** What VMs use, by the slots that the store keeps: a host's word before a guest's, and no VM above what it was given. Time is the server's. */
export class ReportedTelemetry implements TelemetrySource {
  readonly name = 'reported usage'
  private readonly store: SiteStore
  private readonly clock: Clock
  private readonly notes: () => Pick<SiteNotes, 'doubts' | 'reports'>
  private readonly isGood: (vector: PersonalityVector) => boolean
  private readAt: EpochMs | undefined
  private readonly heard = new Map<VmId, EpochMs>()

  /** @param about.notes what hosts told, as of the inventory that is asked about
   *  @param about.isGood whether a vector's numbers are within what can be measured; others are left out */
  constructor(
    store: SiteStore,
    clock: Clock,
    about: {
      readonly notes: () => Pick<SiteNotes, 'doubts' | 'reports'>
      readonly isGood: (vector: PersonalityVector) => boolean
    },
  ) {
    this.store = store
    this.clock = clock
    this.notes = about.notes
    this.isGood = about.isGood
  }

  /** When the newest good vector of each VM arrived, as of the last read. */
  get heardAt(): ReadonlyMap<VmId, EpochMs> {
    return this.heard
  }

  async read(inventory: Inventory): Promise<Telemetry> {
    const at = slotOf(this.clock.now())
    const ids = inventory.vms.map(({ id }) => id)
    try {
      const series = await this.store.usage.seriesOf(ids, { from: at - SLOTS_BACK * SLOT_MS, to: at })
      const personalities = await this.readVectors(new Set<string>(ids))
      const columns = newestColumns(inventory.vms, series)
      const hostSamples = hostColumns(inventory, columns.cpu, this.notes())
      return {
        samples: { at, windowMs: SLOT_MS, columns },
        personalities,
        ...(hostSamples === undefined ? {} : { hostSamples }),
      }
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new TelemetryError('unreachable', `Usage can't be read from ${this.store.name}: ${why}`, { cause })
    }
  }

  /** Those that arrived since the last time; each is handed out once, and counts from its arrival, whatever its own clock says. */
  private async readVectors(known: ReadonlySet<string>): Promise<readonly PersonalityVector[]> {
    const now = this.clock.now()
    // The clock was set back: what arrived "later" than now was handed out already, and what comes now arrives before it.
    if (this.readAt !== undefined && this.readAt > now) this.readAt = now - SLOT_MS
    const kept = (await this.store.vectors.latest(this.readAt)).filter(({ arrivedAt }) => arrivedAt <= now)
    const good = kept.filter(({ vector }) => known.has(vector.vmId) && this.isGood(vector))
    for (const { arrivedAt } of kept) this.readAt = Math.max(arrivedAt, this.readAt ?? arrivedAt)
    for (const { vector, arrivedAt } of good) this.heard.set(vector.vmId, arrivedAt)
    for (const id of this.heard.keys()) if (!known.has(id)) this.heard.delete(id)
    return good.map(({ vector }) => vector)
  }
}

/** A number that a VM may be counted with: never below zero, never above what it was given, NaN where nobody measured. */
export function boundedUse(vm: Vm, resource: Resource, value: number): number {
  if (!(value >= 0) || value === Infinity) return NaN
  if (resource === 'cpu') return Math.min(value, vmSizeRefCores(vm))
  return resource === 'memory' ? Math.min(value, vm.memoryBytes) : value
}

function newestColumns(
  vms: readonly Vm[],
  series: readonly UsageSeries[],
): Readonly<Partial<Record<Resource, Float32Array>>> {
  const columns: Partial<Record<Resource, Float32Array>> = {}
  for (const resource of RESOURCES) {
    const column = new Float32Array(vms.length).fill(NaN)
    let isMeasured = false
    vms.forEach((vm, v) => {
      const slots = series[v].mean[resource]
      if (slots === undefined) return
      const newest = slots.findLast((value) => !Number.isNaN(value)) ?? NaN
      column[v] = boundedUse(vm, resource, newest)
      isMeasured ||= !Number.isNaN(column[v])
    })
    if (isMeasured) columns[resource] = column
  }
  return columns
}

/** What hosts measured of themselves. A report's window is another than the VMs' slot, so what counts is by how much the host was busier than its
 *  VMs within the report; it stands on top of what they used in the slot. A host in doubt, or one with a VM that nobody measured, is NaN. */
function hostColumns(
  { hosts, hostOf }: Inventory,
  cpu: Float32Array | undefined,
  { doubts, reports }: Pick<SiteNotes, 'doubts' | 'reports'>,
): HostSampleBatch | undefined {
  if (reports.size === 0) return undefined
  const slotRefCores = new Float64Array(hosts.length)
  for (let v = 0; v < hostOf.length; v++) if (hostOf[v] >= 0) slotRefCores[hostOf[v]] += cpu?.[v] ?? NaN
  const cpuRefCores = new Float32Array(hosts.length).fill(NaN)
  const memoryUsedBytes = new Float64Array(hosts.length).fill(NaN)
  const watts = new Float32Array(hosts.length).fill(NaN)
  hosts.forEach((host, h) => {
    const told = reports.get(host.id)
    if (told === undefined || doubts.has(host.id)) return
    const capacity = hostCapacityRefCores(host)
    const ownRefCores = (told.cpuRefCoresMean ?? NaN) - Math.min(capacity, told.vmsRefCores ?? NaN)
    cpuRefCores[h] = Math.max(0, Math.min(capacity, slotRefCores[h]) + ownRefCores)
    memoryUsedBytes[h] = told.memoryUsedBytes ?? NaN
    watts[h] = told.watts ?? NaN
  })
  return { cpuRefCores, memoryUsedBytes, watts }
}
