/** What the demo's cluster answers to whoever manages it, as libvirt would: looks, a preflight, copies, and what a promise rests on. */
import type { MigrationIntent, MoveProgress, Sighting } from '../../terms/intent.ts'
import type { HostId, VmId } from '../../terms/ids.ts'
import { hashPair } from '../../terms/luck.ts'
import type { VmFacts } from '../../terms/move-facts.ts'
import type { Refused } from '../../terms/ranking.ts'
import { type EpochMs, GiB, MiB, SECOND_MS } from '../../terms/units.ts'
import type { CallEnd, HostListing, Preflight } from '../../world/migration-driver.ts'
import type { PlatformHost } from '../../world/platform-reader.ts'
import type { VmFactsAnswer } from '../../world/vm-facts-reader.ts'
import { DOWNTIME_LIMIT_MS } from '../../simulator/migration-physics.ts'
import type { DemoWorld } from './world.ts'

/** Windows of page sampling, of a second each, as Ethos asks libvirt for. */
const WINDOWS = 5
/** What two windows of the same second differ by, either way. */
const WINDOW_NOISE = 0.12
/** The process of a VM holds so much beside its memory. */
const PROCESS_MIB = 180
const VERSION = 'simulated'

export class DemoPlatform {
  private readonly world: DemoWorld
  private readonly now: () => EpochMs
  private highestFence = 0

  constructor(world: DemoWorld, now: () => EpochMs) {
    this.world = world
    this.now = now
  }

  list(): readonly HostListing[] {
    const { hosts, vms } = this.world.cluster
    return hosts.map(({ id }, h) => {
      const here = [...this.world.membersOf(h), ...this.arrivingAt(h)]
      const listed = here.map((vm) => ({ vmId: vms[vm].id, sighting: this.sight(vm, h) }))
      return { kind: 'listed', hostId: id, vms: listed }
    })
  }

  observe({ vmId, hostId }: { readonly vmId: VmId; readonly hostId: HostId }): Sighting {
    const [vm, host] = [this.world.vmIndex(vmId), this.world.hostIndex(hostId)]
    if (host < 0) return { kind: 'unreachable', at: this.now(), reason: `There is no host ${hostId}.` }
    return this.sight(vm, host)
  }

  preflight({ order }: MigrationIntent): Preflight {
    const { cluster, copies } = this.world
    const [vm, to] = [this.world.vmIndex(order.vmId), this.world.hostIndex(order.to)]
    if (vm < 0 || to < 0)
      return { refusals: [no('location-unknown', 1, `${order.vmId} or ${order.to} is not there.`)], warnings: [] }
    const arriving = copies.of(to).flatMap((copy) => (copy.to === to ? [copy.vm] : []))
    const taken = [...this.world.membersOf(to), ...arriving, vm].reduce((sum, v) => sum + cluster.vms[v].memoryBytes, 0)
    const short = taken - cluster.hosts[to].memoryBytes
    const reason = `${order.to} lacks ${(short / GiB).toFixed(1)} GiB of memory for ${order.vmId}.`
    return { refusals: short > 0 ? [no('memory', short, reason)] : [], warnings: [] }
  }

  /** A reason why nothing was begun; undefined: the copy goes on, and its end is told. */
  migrate(intent: MigrationIntent, fence: number, onEnd: (end: CallEnd) => void): string | undefined {
    if (fence < this.highestFence) return `Fence ${fence} is below ${this.highestFence}.`
    this.highestFence = fence
    const { order } = intent
    const vm = this.world.vmIndex(order.vmId)
    const [refusal] = this.preflight(intent).refusals
    if (refusal !== undefined) return refusal.reason
    if (this.world.hostOf[vm] !== this.world.hostIndex(order.from))
      return `${order.vmId} does not run on ${order.from}.`
    if (this.world.copies.ofVm(vm) !== undefined) return `${order.vmId} is being copied already.`
    this.world.copies.begin(intent, this.now(), onEnd)
    return undefined
  }

  progress({ vmId }: { readonly vmId: VmId }): MoveProgress | undefined {
    this.world.copies.tick(this.now())
    return this.world.copies.progress(this.world.vmIndex(vmId))
  }

  cancel({ vmId }: { readonly vmId: VmId }): void {
    this.world.copies.cancel(this.world.vmIndex(vmId), this.now())
  }

  /** What libvirt and QEMU would tell of a VM before it is moved. */
  facts({ vmId, hostId }: { readonly vmId: VmId; readonly hostId: HostId }): VmFactsAnswer {
    const at = this.now()
    const [vm, host] = [this.world.vmIndex(vmId), this.world.hostIndex(hostId)]
    if (vm < 0 || this.world.hostOf[vm] !== host)
      return { kind: 'unreadable', reason: `${vmId} does not run on ${hostId}.` }
    const { given, memoryBytes } = this.world.activity(vm, at)
    const { dirtyBytesPerSec, hotBytes } = this.world.copies.writing(vm, at)
    // Of pages that are written again within the second each counts once.
    const mib = (hotBytes * (1 - Math.exp(-dirtyBytesPerSec / hotBytes))) / MiB
    const windows = Array.from({ length: WINDOWS }, (_, w) => ({
      mibPerSec: this.wobble(mib, vm, at + w),
      windowSec: 1,
    }))
    const [{ mibPerSec }, ...more] = windows
    const memoryMib = this.world.cluster.vms[vm].memoryBytes / MiB
    const facts: VmFacts = {
      at,
      memoryMib,
      downtimeLimitMs: DOWNTIME_LIMIT_MS,
      dirtyMibPerSec: mibPerSec,
      dirtyWindowSec: 1,
      moreDirtyWindows: more,
      load1: this.world.busyCores(host, at),
      cpuMsPerSec: given * SECOND_MS,
      residentMib: memoryBytes / MiB + PROCESS_MIB,
      unusedMib: Math.max(0, memoryMib - memoryBytes / MiB),
      mayPostCopy: false,
    }
    return { kind: 'read', facts }
  }

  look(): readonly PlatformHost[] {
    const { hosts, vms } = this.world.cluster
    return hosts.map((host, h) => {
      const members = this.world.membersOf(h)
      const used = members.reduce((sum, vm) => sum + vms[vm].memoryBytes, 0)
      return {
        kind: 'told',
        hostId: host.id,
        at: this.now(),
        hostname: `${host.id}.demo.invalid`,
        version: VERSION,
        hypervisorVersion: VERSION,
        architecture: 'x86_64',
        cpuModel: host.cpuType,
        threads: host.cores * 2,
        memoryBytes: host.memoryBytes,
        memoryFreeBytes: Math.max(0, host.memoryBytes - used),
        networks: ['br0'],
        vms: members.map((vm) => vms[vm].id),
        untold: [],
      }
    })
  }

  private arrivingAt(host: number): readonly number[] {
    return this.world.copies.of(host).flatMap((copy) => (copy.to === host ? [copy.vm] : []))
  }

  private sight(vm: number, host: number): Extract<Sighting, { kind: 'seen' }> {
    const at = this.now()
    this.world.copies.tick(at)
    const copy = this.world.copies.ofVm(vm)
    const isHere = this.world.hostOf[vm] === host
    const seen = { kind: 'seen', at } as const
    if (copy === undefined) {
      const presence = isHere ? 'running' : 'absent'
      return { ...seen, presence, hasJob: false, detail: presence }
    }
    if (isHere) {
      const presence = copy.live.phase === 'switching' ? 'handing-over' : 'running'
      return { ...seen, presence, hasJob: true, detail: `${presence}, is being copied` }
    }
    if (copy.to === host) return { ...seen, presence: 'incoming', hasJob: true, detail: 'waits for its memory' }
    return { ...seen, presence: 'absent', hasJob: false, detail: 'absent' }
  }

  private wobble(value: number, vm: number, key: number): number {
    return value * (1 + WINDOW_NOISE * (2 * (hashPair(vm, Math.floor(key), 7) / 2 ** 32) - 1))
  }
}

function no(lacking: Refused['lacking'], shortBy: number, reason: string): Refused {
  return { kind: 'refused', lacking, shortBy, reason }
}
