/** Hosts and VMs of the demo, and where each VM runs first. */
import { type HostCharacteristics, hostCapacityRefCores } from '../../terms/host.ts'
import { parseVmId } from '../../terms/ids.ts'
import { Luck } from '../../terms/luck.ts'
import { GiB } from '../../terms/units.ts'
import { type Vm, vmSizeRefCores } from '../../terms/vm.ts'
import { APPLICATIONS, type Application } from './applications.ts'
import { demoHosts } from './fleet.ts'

/** These run on hosts apart from each other. */
const APART = new Set(['dns', 'ldap'])
/** A host is filled to this share of its memory at first: somebody has to have room. */
const MEMORY_MAX = 0.85
/** So many hosts are looked at for each VM, and the least filled of them taken: as uneven as clusters are that grew over years. */
const LOOKED_AT = 1

export interface DemoCluster {
  readonly hosts: readonly HostCharacteristics[]
  readonly vms: readonly Vm[]
  /** Parallel to the VMs. */
  readonly applications: readonly Application[]
  readonly hasAgent: readonly boolean[]
  /** Index of the host on which each VM runs first. */
  readonly placed: Int32Array
}

/** The same hosts and VMs each time; the seed draws where VMs run first, from their sizes alone. */
export function demoCluster(seed: number): DemoCluster {
  const hosts = demoHosts()
  const members = APPLICATIONS.flatMap((application) =>
    Array.from({ length: application.count }, (_, i) => ({ application, i })),
  )
  const vms = members.map(({ application, i }) => vmOf(application, i))
  return {
    hosts,
    vms,
    applications: members.map(({ application }) => application),
    hasAgent: members.map(({ application: { withoutAgent }, i }) => withoutAgent === 0 || (i + 1) % withoutAgent !== 0),
    placed: place(hosts, vms, new Luck(seed)),
  }
}

function vmOf({ name, vcpus, gibPerVcpu }: Application, i: number): Vm {
  const size = vcpus[i % vcpus.length]
  return {
    id: parseVmId(`${name}-${String(i + 1).padStart(2, '0')}`),
    vcpus: size,
    refCoresPerVcpu: 1,
    memoryBytes: size * gibPerVcpu * GiB,
    ...(APART.has(name) ? { antiAffinityGroup: name } : {}),
  }
}

/** The largest first, as who fills shelves does. */
function place(hosts: readonly HostCharacteristics[], vms: readonly Vm[], luck: Luck): Int32Array {
  const placed = new Int32Array(vms.length).fill(-1)
  const memory = new Float64Array(hosts.length)
  const sizes = new Float64Array(hosts.length)
  const groups = hosts.map(() => new Set<string>())
  const order = vms.map((_, v) => v).toSorted((a, b) => vms[b].memoryBytes - vms[a].memoryBytes || a - b)
  for (const v of order) {
    const { memoryBytes, antiAffinityGroup } = vms[v]
    const fits = (h: number): boolean =>
      memory[h] + memoryBytes <= hosts[h].memoryBytes * MEMORY_MAX &&
      (antiAffinityGroup === undefined || !groups[h].has(antiAffinityGroup))
    const fitting = hosts.flatMap((_, h) => (fits(h) ? [h] : []))
    if (fitting.length === 0) throw new Error(`No host of the demo has room for ${vms[v].id}.`)
    const looked = Array.from({ length: LOOKED_AT }, () => fitting[luck.below(fitting.length)])
    const fill = (h: number): number => sizes[h] / hostCapacityRefCores(hosts[h])
    const host = looked.reduce((best, h) => (fill(h) < fill(best) ? h : best))
    placed[v] = host
    memory[host] += memoryBytes
    sizes[host] += vmSizeRefCores(vms[v])
    if (antiAffinityGroup !== undefined) groups[host].add(antiAffinityGroup)
  }
  return placed
}
