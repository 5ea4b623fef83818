/** A site that nobody has: hosts and VMs with loads that follow the hour, told to a store as real ones would be. Whoever uses it says when. */
import type { HostCharacteristics } from '../../src/terms/host.ts'
import type { KeptReport } from '../../src/terms/host-report.ts'
import { parseHostId, parseVmId } from '../../src/terms/ids.ts'
import { hashPair } from '../../src/terms/luck.ts'
import { DIMENSIONS, dimensionIndex, MASK_BYTES, type PersonalityVector } from '../../src/terms/personality.ts'
import { DAY_MS, type EpochMs, GiB, MINUTE_MS } from '../../src/terms/units.ts'
import { type ByResource, SLOT_MS, slotOf, type UsageSlot } from '../../src/terms/usage.ts'
import { type Vm, vmSizeRefCores } from '../../src/terms/vm.ts'
import type { HostRow, SiteStore } from '../../src/world/site-store.ts'

export interface ImaginedSiteOptions {
  readonly hosts: number
  readonly vms: number
  readonly seed: number
  /** Of each host. Absent: 64. */
  readonly cores?: number
  /** How many times faster than the clock the hours of its load go by. Absent: 1. */
  readonly speed?: number
}

/** Sizes that VMs have, in vCPUs; GiB of memory are twice as many. */
const SIZES = [1, 2, 2, 4, 4, 8]
/** Share of its size that a VM wants in the mean, at most. */
const SHARE_MAX = 0.45

export class ImaginedSite {
  readonly hosts: readonly HostCharacteristics[]
  readonly vms: readonly Vm[]
  /** Where each VM runs; whoever moves one writes here. */
  readonly hostOf: Int32Array
  /** Shares of their size that some VMs want whatever the hour, by index. */
  readonly pressure = new Map<number, number>()
  private readonly seed: number
  private readonly speed: number
  private sequence = 0

  constructor({ hosts, vms, seed, cores = 64, speed = 1 }: ImaginedSiteOptions) {
    this.seed = seed
    this.speed = speed
    this.hosts = Array.from({ length: hosts }, (_, h) => imagineHost(h, cores))
    this.vms = Array.from({ length: vms }, (_, v) => imagineVm(v, SIZES[Math.floor(this.draw(v, 0) * SIZES.length)]))
    this.hostOf = Int32Array.from({ length: vms }, (_, v) => v % hosts)
  }

  hostRow(host: number, at: EpochMs): HostRow {
    const { id, ...characteristics } = this.hosts[host]
    return { hostId: id, measurement: JSON.stringify({ host: characteristics }), changedAt: at }
  }

  /** What the host tells of the window that ends at an instant. */
  report(host: number, at: EpochMs, windowMs = MINUTE_MS, here = this.byHost()[host]): KeptReport {
    const vms = here.map((v) => ({ vm: this.vms[v], state: 'running' as const, ...this.use(v, at) }))
    const { id: hostId, memoryBytes, cores } = this.hosts[host]
    // What its VMs want beyond its cores they wait for.
    const wanted = vms.reduce((sum, { mean }) => sum + (mean.cpu ?? 0), 0)
    const busy = Math.min(cores * 0.98, wanted)
    return {
      hostId,
      windowEnd: at,
      windowMs,
      state: 'on',
      // Its own work on top, and a little that no two windows share.
      cpuRefCoresMean: busy + 0.1 + 0.01 * this.draw(host, at),
      cpuRefCoresMax: Math.min(cores, busy * 1.2 + 0.1),
      memoryUsedBytes: Math.min(memoryBytes, vms.length * GiB),
      vms,
      arrivedAt: at,
    }
  }

  /** Indices of the VMs on each host; one that is nowhere is in none. */
  byHost(): readonly (readonly number[])[] {
    const byHost: number[][] = this.hosts.map(() => [])
    this.hostOf.forEach((host, vm) => byHost[host]?.push(vm))
    return byHost
  }

  /** What all VMs use in the slot that begins at an instant. */
  slots(slotAt: EpochMs): readonly UsageSlot[] {
    return this.vms.map(({ id: vmId }, v) => ({ vmId, slotAt, ...this.use(v, slotAt + SLOT_MS / 2) }))
  }

  /** What the agent within a VM tells, honestly. */
  vector(vm: number, at: EpochMs): PersonalityVector {
    const values = new Float32Array(DIMENSIONS)
    const mask = new Uint8Array(MASK_BYTES)
    const { mean } = this.use(vm, at)
    const told = { cpuRefCoresMean: mean.cpu ?? 0, memoryUsedBytes: mean.memory ?? 0 }
    for (const [name, value] of Object.entries(told)) {
      const place = dimensionIndex(name as keyof typeof told)
      values[place] = value
      mask[place >> 3] |= 1 << (place & 7)
    }
    const about = { windowEnd: at, windowMs: SLOT_MS, coverage: 1, phases: 0 }
    return { vmId: this.vms[vm].id, sender: 'imagined', sequence: this.sequence++, ...about, values, mask }
  }

  /** Registers all hosts, and lets all VMs in. */
  async register(store: SiteStore, at: EpochMs): Promise<void> {
    await Promise.all(this.hosts.map((_, h) => store.hosts.put(this.hostRow(h, at))))
  }

  /** Tells the usage of all slots that begin in a span. */
  async tellPast(store: SiteStore, { from, to }: { readonly from: EpochMs; readonly to: EpochMs }): Promise<void> {
    for (let slotAt = slotOf(from); slotAt < to; slotAt += SLOT_MS) await store.usage.put(this.slots(slotAt))
  }

  /** Each host reports. */
  async tellReports(store: SiteStore, at: EpochMs, windowMs = MINUTE_MS): Promise<void> {
    const byHost = this.byHost()
    await store.hosts.report(this.hosts.map((_, h) => this.report(h, at, windowMs, byHost[h])))
  }

  /** Each agent of some VMs reports. */
  async tellVectors(store: SiteStore, vms: readonly number[], at: EpochMs): Promise<void> {
    for (const v of vms) await store.identities.admit(this.vms[v].id, at, 'channel')
    const arrivals = vms.map((v) => ({
      vm: this.vms[v].id,
      at,
      vectors: [this.vector(v, at)],
      isClockOff: [false],
      counts: {},
    }))
    await store.vectors.take(arrivals)
  }

  private use(vm: number, at: EpochMs): { readonly mean: ByResource; readonly max: ByResource } {
    const cpu = vmSizeRefCores(this.vms[vm]) * this.share(vm, at)
    const { memoryBytes } = this.vms[vm]
    const bytes = 1e6 * this.draw(vm, 2)
    const mean = {
      cpu,
      memory: memoryBytes * 0.5,
      diskRead: bytes,
      diskWrite: bytes,
      netReceive: bytes,
      netSend: bytes,
    }
    return { mean, max: { ...mean, cpu: Math.min(vmSizeRefCores(this.vms[vm]), cpu * 1.2) } }
  }

  /** Share of its size that a VM wants: by the hour, each with a peak of its own, and a tenth of noise from slot to slot. */
  private share(vm: number, at: EpochMs): number {
    const noise = 0.95 + 0.1 * this.draw(vm, Math.floor(at / MINUTE_MS))
    const pressed = this.pressure.get(vm)
    if (pressed !== undefined) return Math.min(1, pressed * noise)
    const day = Math.sin(2 * Math.PI * ((at * this.speed) / DAY_MS + this.draw(vm, 1)))
    return SHARE_MAX * this.draw(vm, 3) * (0.6 + 0.4 * day) * noise
  }

  private draw(a: number, b: number): number {
    return hashPair(a, b, this.seed) / 2 ** 32
  }
}

function imagineHost(index: number, cores: number): HostCharacteristics {
  return {
    id: parseHostId(`host-${String(index).padStart(4, '0')}`),
    model: 'Imagined R1',
    cpuType: 'Imagined CPU',
    cpuFlags: [],
    cores,
    refCoresPerCore: 1,
    memoryBytes: cores * 8 * GiB,
    storageType: 'nvme',
    networkBytesPerSec: 1.25e9,
    powerWatts: [100, 130, 150, 170, 190, 210, 230, 250, 270, 290, 310],
    benchmarks: {
      integer: { score: 1000 * cores, unit: 'events/s' },
      // Of three kinds of hosts each is good at something else.
      crypto: { score: 100 * cores * (index % 3 === 0 ? 2 : 1), unit: 'MiB/s' },
      'memory-bandwidth': { score: 50 * cores * (index % 3 === 1 ? 2 : 1), unit: 'MiB/s' },
      'system-call': { score: 70 * cores * (index % 3 === 2 ? 2 : 1), unit: 'calls/s' },
    },
  }
}

function imagineVm(index: number, vcpus: number): Vm {
  const id = parseVmId(`vm-${String(index).padStart(5, '0')}`)
  return { id, vcpus, refCoresPerVcpu: 1, memoryBytes: vcpus * 2 * GiB }
}
