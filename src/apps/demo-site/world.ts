/** The demo's hosts and VMs as they are: who runs where, what each gets, and copies under way. What the server may know of it comes in reports. */
import type { KeptReport, ReportedVm } from '../../terms/host-report.ts'
import { type HostCharacteristics, hostCapacityRefCores, wattsAt } from '../../terms/host.ts'
import { hashPair } from '../../terms/luck.ts'
import { type EpochMs, GiB, MINUTE_MS } from '../../terms/units.ts'
import { SLOT_MS, usageNameOf, type UsageSlot } from '../../terms/usage.ts'
import { vmSizeRefCores } from '../../terms/vm.ts'
import { type Activity, activityOf, usageOf } from './activity.ts'
import type { DemoCluster } from './cluster.ts'
import { type Copy, Copies } from './copies.ts'
import type { TraceLoad } from './load.ts'

/** What a host does for itself, in reference cores, and what a copy takes of each of its two hosts. */
const OWN_CORES = 0.3
/** No two minutes of it are the same. */
const OWN_NOISE = 0.1
const COPY_CORES = 0.5
const OWN_MEMORY_BYTES = 2 * GiB
/** Within a minute a host has moments busier than its mean. */
const PEAK = 1.1
/** The oldest servers measure no watts, and nobody tells any. */
const MEASURES_NO_WATTS = /^Acer/

export class DemoWorld {
  readonly cluster: DemoCluster
  readonly load: TraceLoad
  /** Index of the host that runs each VM. */
  readonly hostOf: Int32Array
  readonly copies: Copies
  /** Called when a VM has come to run elsewhere, before anybody is told. */
  onSettled: () => void = () => undefined
  private readonly capacities: readonly number[]
  private minute = NaN
  private shares = new Float64Array(0)
  private wanted = new Float64Array(0)

  /** @param hostOf where VMs run; absent: where they run first */
  constructor(cluster: DemoCluster, load: TraceLoad, hostOf = cluster.placed) {
    this.cluster = cluster
    this.load = load
    this.hostOf = Int32Array.from(hostOf)
    this.capacities = cluster.hosts.map(hostCapacityRefCores)
    this.copies = new Copies(this)
  }

  /** A VM runs on another host from now on. */
  settle(vm: number, host: number): void {
    this.hostOf[vm] = host
    this.minute = NaN
    this.onSettled()
  }

  hostIndex(id: string): number {
    return this.cluster.hosts.findIndex((host) => host.id === id)
  }

  vmIndex(id: string): number {
    return this.cluster.vms.findIndex((vm) => vm.id === id)
  }

  membersOf(host: number): readonly number[] {
    return [...this.hostOf.keys()].filter((vm) => this.hostOf[vm] === host)
  }

  activity(vm: number, at: EpochMs): Activity {
    this.look(at)
    const served = this.servedOn(this.hostOf[vm])
    return activityOf({ ...this.about(vm), at, share: this.shares[vm], served })
  }

  /** Reference cores that a host is busy with in the minute of an instant, its own work included. */
  busyCores(host: number, at: EpochMs): number {
    this.look(at)
    const noise = OWN_NOISE * (hashPair(host, Math.floor(at / MINUTE_MS), 8) / 2 ** 32)
    return Math.min(this.capacities[host], this.wanted[host] + this.ownCores(host) + noise)
  }

  /** What a host tells at the end of a window. */
  report(host: number, { at, windowMs, arrivedAt }: { at: EpochMs; windowMs: number; arrivedAt: EpochMs }): KeptReport {
    const within = at - 1
    const busy = this.busyCores(host, within)
    const running = this.membersOf(host).map((vm) => this.told(vm, within, 'running'))
    const incoming = this.copies
      .of(host)
      .flatMap(({ vm, to }) => (to === host ? [this.told(vm, within, 'incoming')] : []))
    const characteristics = this.cluster.hosts[host]
    return {
      hostId: characteristics.id,
      windowEnd: at,
      windowMs,
      state: 'on',
      cpuRefCoresMean: busy,
      cpuRefCoresMax: Math.min(this.capacities[host], busy * PEAK),
      memoryUsedBytes: this.memoryUsed(host, [...running, ...incoming]),
      ...this.watts(characteristics, busy / this.capacities[host]),
      vms: [...running, ...incoming],
      arrivedAt,
    }
  }

  /** What all VMs used in the slot that begins at an instant, before anybody contended for anything. */
  slots(slotAt: EpochMs): readonly UsageSlot[] {
    return this.cluster.vms.map((vm, number) => {
      const { mean: share, highest } = this.load.slot(number, slotAt)
      const asked = { ...this.about(number), at: slotAt + SLOT_MS / 2, share, served: 1 }
      const { mean, max } = usageOf(vm, activityOf(asked))
      return { vmId: vm.id, slotAt, mean, max: { ...max, cpu: vmSizeRefCores(vm) * highest } }
    })
  }

  /** What all hosts used in the same slot, minute by minute as they would have reported it, had VMs been where they are now.
   *  @param vms as `slots` tells them */
  hostSlots(slotAt: EpochMs, vms: readonly UsageSlot[]): readonly UsageSlot[] {
    const minutes = Array.from({ length: SLOT_MS / MINUTE_MS }, (_, m) => slotAt + m * MINUTE_MS)
    const busy = minutes.map((at) => this.capacities.map((_, host) => this.busyCores(host, at)))
    return this.cluster.hosts.map(({ id }, host) => {
      const cores = busy.map((ofHosts) => ofHosts[host])
      const members = this.membersOf(host).map((vm) => vms[vm])
      return {
        vmId: usageNameOf(id),
        slotAt,
        mean: {
          cpu: cores.reduce((sum, one) => sum + one) / cores.length,
          memory: this.memoryUsed(host, members),
        },
        max: { cpu: Math.min(this.capacities[host], Math.max(...cores) * PEAK) },
      }
    })
  }

  about(number: number) {
    return { vm: this.cluster.vms[number], habits: this.cluster.applications[number].habits, number }
  }

  private told(vm: number, at: EpochMs, state: 'running' | 'incoming'): ReportedVm {
    const own = this.cluster.vms[vm]
    const use = usageOf(own, this.activity(vm, at))
    const copy = this.copies.ofVm(vm)
    // A host that a VM comes to has its memory, and not yet its work.
    if (state === 'incoming') return { vm: own, state, mean: { cpu: 0, memory: use.mean.memory ?? 0 }, max: {} }
    return { vm: own, state, ...use, ...leavingTo(copy, this.cluster.hosts) }
  }

  private memoryUsed(host: number, vms: readonly Pick<UsageSlot, 'mean'>[]): number {
    const used = vms.reduce((sum, { mean }) => sum + (mean.memory ?? 0), OWN_MEMORY_BYTES)
    return Math.min(used, this.cluster.hosts[host].memoryBytes)
  }

  private watts({ model, powerWatts }: HostCharacteristics, load: number) {
    return MEASURES_NO_WATTS.test(model) ? {} : { watts: Math.round(wattsAt(powerWatts, load) * 10) / 10 }
  }

  private ownCores(host: number): number {
    return OWN_CORES + COPY_CORES * this.copies.of(host).length
  }

  /** A host that is asked for more than it has gives each VM the same share of what it wants. */
  private servedOn(host: number): number {
    const room = Math.max(0, this.capacities[host] - this.ownCores(host))
    return this.wanted[host] <= room ? 1 : room / this.wanted[host]
  }

  /** Demand of a minute, worked out once. */
  private look(at: EpochMs): void {
    const minute = Math.floor(at / MINUTE_MS)
    if (minute === this.minute) return
    this.minute = minute
    this.shares = Float64Array.from(this.hostOf, (_, vm) => this.load.minute(vm, at))
    this.wanted = new Float64Array(this.cluster.hosts.length)
    this.hostOf.forEach((host, vm) => {
      this.wanted[host] += vmSizeRefCores(this.cluster.vms[vm]) * this.shares[vm]
    })
  }
}

function leavingTo(copy: Copy | undefined, hosts: DemoCluster['hosts']): Pick<ReportedVm, 'leavingTo'> {
  return copy === undefined ? {} : { leavingTo: hosts[copy.to].id }
}
