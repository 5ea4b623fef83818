import type { HostId, VmId } from '../terms/ids.ts'
import type { Presence } from '../terms/intent.ts'

/** What one host holds of one VM. */
export interface Held {
  presence: Presence
  hasJob: boolean
}

/** Hosts, what each holds of each VM, and who can reach whom. What is true, whoever can see it. */
export class ImaginedMachines {
  readonly hosts: readonly HostId[]
  private readonly held = new Map<HostId, Map<VmId, Held>>()
  private readonly dead = new Set<HostId>()
  private readonly silent = new Map<HostId, number>()
  private readonly cut = new Set<string>()
  /** VMs that were seen to execute on two hosts at one instant, or whose every copy went. */
  readonly everDouble = new Set<VmId>()

  constructor(hosts: readonly HostId[]) {
    this.hosts = hosts
    for (const host of hosts) this.held.set(host, new Map())
  }

  at(host: HostId, vm: VmId): Held | undefined {
    return this.held.get(host)?.get(vm)
  }

  vmsOn(host: HostId): readonly VmId[] {
    return [...(this.held.get(host)?.keys() ?? [])]
  }

  put(host: HostId, vm: VmId, presence: Presence, hasJob = false): void {
    if (this.dead.has(host)) return
    this.held.get(host)?.set(vm, { presence, hasJob })
    if (this.executing(vm).length > 1) this.everDouble.add(vm)
  }

  remove(host: HostId, vm: VmId): void {
    this.held.get(host)?.delete(vm)
  }

  /** Where it really executes: in a sane world one host, for an instant of a hand-over none. */
  executing(vm: VmId): readonly HostId[] {
    return this.hosts.filter((host) => {
      const presence = this.at(host, vm)?.presence
      return presence === 'running' || presence === 'post-copy'
    })
  }

  isUp(host: HostId): boolean {
    return !this.dead.has(host)
  }

  /** A host without power holds nothing any more. */
  turnOff(host: HostId): void {
    this.dead.add(host)
    this.held.get(host)?.clear()
  }

  turnOn(host: HostId): void {
    this.dead.delete(host)
  }

  /** Its daemon, or our way to it, is away; several reasons may overlap. */
  silence(host: HostId, by: 1 | -1): void {
    this.silent.set(host, (this.silent.get(host) ?? 0) + by)
  }

  canBeAsked(host: HostId): boolean {
    return this.isUp(host) && (this.silent.get(host) ?? 0) <= 0
  }

  cutLink(a: HostId, b: HostId): void {
    this.cut.add(linkName(a, b))
  }

  mendLink(a: HostId, b: HostId): void {
    this.cut.delete(linkName(a, b))
  }

  areLinked(a: HostId, b: HostId): boolean {
    return this.isUp(a) && this.isUp(b) && !this.cut.has(linkName(a, b))
  }
}

function linkName(a: HostId, b: HostId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}
