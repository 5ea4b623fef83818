/** Whether the target can be what the VM needs: its CPU, its machine type, its room. Asked of both hosts' libvirt. */
import { GiB, KiB } from '../../../terms/units.ts'
import { type Libvirt, LibvirtRemoteError } from '../rpc/libvirt.ts'
import type { Findings } from './findings.ts'
import { attributeOf, childOf, childrenOf, parseXml, textOf, type XmlElement } from './xml.ts'

export interface HostParts {
  readonly domain: XmlElement
  readonly name: string
  /** Asks the source; that *it* can't be reached is no fault of the target. */
  readonly askSource: <Told>(ask: (source: Libvirt) => Promise<Told>) => Promise<Told>
  readonly target: Libvirt
  readonly targetId: string
}

/** What QEMU takes beside the guest's memory: page tables, buffers, its own code (180 to 210 MB in all for a guest of 128, measured). */
const OVERHEAD_BYTES = 0.1 * GiB
const UNITS: ReadonlyMap<string, number> = new Map([
  ['b', 1],
  ['bytes', 1],
  ['KB', 1e3],
  ['k', KiB],
  ['KiB', KiB],
  ['MB', 1e6],
  ['M', KiB ** 2],
  ['MiB', KiB ** 2],
  ['GB', 1e9],
  ['G', KiB ** 3],
  ['GiB', KiB ** 3],
])

export async function checkHost(parts: HostParts, findings: Findings): Promise<void> {
  await Promise.all([checkRoom(parts, findings), checkCpu(parts, findings), checkMachine(parts, findings)])
}

/** All of its memory, for a move may bring all of it: what is free, and what the target's kernel can give back. */
async function checkRoom({ domain, name, target, targetId }: HostParts, findings: Findings): Promise<void> {
  const wanted = memoryBytesOf(domain)
  if (wanted === undefined) return findings.warn(`How much memory ${name} has is not in its description.`)
  const stats = await unlessRefused(() => target.nodeMemoryStats())
  if (typeof stats === 'string') {
    return findings.warn(`How much memory ${targetId} has free can not be asked: ${stats}`)
  }
  const kib = (field: string): number => stats.find((stat) => stat.field === field)?.value ?? 0
  const free = (kib('free') + kib('buffers') + kib('cached')) * KiB
  const short = wanted + OVERHEAD_BYTES - free
  if (short > 0) {
    const [needs, has] = [wanted + OVERHEAD_BYTES, free].map((bytes) => (bytes / GiB).toFixed(1))
    findings.refuse(
      'memory',
      `${name} needs ${needs} GiB, QEMU's own included; ${targetId} has ${has} GiB free.`,
      short,
    )
  }
}

function memoryBytesOf(domain: XmlElement): number | undefined {
  const element = childOf(domain, 'currentMemory') ?? childOf(domain, 'memory')
  const unit = UNITS.get(attributeOf(element, 'unit') ?? 'KiB')
  const text = textOf(element)
  return unit === undefined || !/^\d{1,15}$/.test(text) ? undefined : Number(text) * unit
}

/** The target's hypervisor is asked whether it can give the guest the CPU that it has. Where it says no and the source says the same of the CPU that it
 *  gives right now, the comparison is worth nothing (QEMU without KVM lacks flags of models that it runs): then the hosts' own CPUs are compared. */
async function checkCpu(parts: HostParts, findings: Findings): Promise<void> {
  const cpu = childOf(parts.domain, 'cpu')
  const mode = attributeOf(cpu, 'mode')
  const isHosts = mode === 'host-passthrough' || mode === 'maximum'
  // Without one it is the machine type's own, the same everywhere.
  if (cpu === undefined || (!isHosts && childOf(cpu, 'model') === undefined)) return
  if (!isHosts) {
    const there = await compare((ask) => ask(parts.target), parts.domain, cpu)
    if (there === 'identical' || there === 'superset') return
    const here = there === 'incompatible' ? await compare(parts.askSource, parts.domain, cpu) : there
    if (there === 'incompatible' && (here === 'identical' || here === 'superset')) {
      const model = textOf(childOf(cpu, 'model'))
      return findings.refuse('cpu-flags', `${parts.targetId} can not give ${parts.name} all of its CPU, ${model}.`)
    }
  }
  await compareHosts(parts, isHosts, findings)
}

type Comparison = 'identical' | 'superset' | 'incompatible' | 'unknown'

async function compare(askHost: HostParts['askSource'], domain: XmlElement, cpu: XmlElement): Promise<Comparison> {
  const type = childOf(childOf(domain, 'os'), 'type')
  const of = {
    ...given('emulator', textOf(childOf(childOf(domain, 'devices'), 'emulator'))),
    ...given('architecture', attributeOf(type, 'arch')),
    ...given('machine', attributeOf(type, 'machine')),
    ...given('virtualisation', attributeOf(domain, 'type')),
  }
  const told = await unlessRefused(() => askHost((libvirt) => libvirt.compareHypervisorCpu(cpu.source, of)))
  return told === 'identical' || told === 'superset' || told === 'incompatible' ? told : 'unknown'
}

/** A host's CPU that can all that the source's can, can all that the guest may have been given of it. */
async function compareHosts(parts: HostParts, isHosts: boolean, findings: Findings): Promise<void> {
  const { askSource, target, targetId, name } = parts
  const told = await unlessRefused(async () => {
    const root = parseXml(await askSource((source) => source.capabilities()), "the source's capabilities")
    const cpu = childOf(childOf(root, 'host'), 'cpu')
    return cpu === undefined ? 'its source does not tell its own' : target.compareCpu(cpu.source)
  })
  if (told === 'identical') return
  if (told === 'superset') {
    if (!isHosts) return
    return findings.warn(
      `${name} has its host's own CPU, and that of ${targetId} is not the same: it may see features come.`,
    )
  }
  if (told === 'incompatible' && isHosts) {
    return findings.refuse('cpu-flags', `${name} has its host's own CPU, and that of ${targetId} can not do all of it.`)
  }
  const why = told === 'incompatible' ? `the CPU of ${targetId} lacks some of what its host has` : told
  findings.warn(`Whether ${targetId} can give ${name} its CPU can not be told: ${why}.`)
}

/** A machine type that the target's QEMU does not know can not be continued there. */
async function checkMachine({ domain, name, target, targetId }: HostParts, findings: Findings): Promise<void> {
  const type = childOf(childOf(domain, 'os'), 'type')
  const [machine, architecture] = [attributeOf(type, 'machine'), attributeOf(type, 'arch')]
  if (machine === undefined || architecture === undefined) return
  const told = await unlessRefused(async () => parseXml(await target.capabilities(), "the target's capabilities"))
  if (typeof told === 'string') return findings.warn(`What ${targetId} can run can not be asked: ${told}`)
  const guests = childrenOf(told, 'guest')
    .map((guest) => childOf(guest, 'arch'))
    .filter((arch) => attributeOf(arch, 'name') === architecture)
  // A driver without machine types tells none.
  const machines = guests.flatMap((arch) => [arch, ...childrenOf(arch, 'domain')].flatMap(machinesOf))
  if (machines.length === 0 || machines.includes(machine)) return
  findings.refuse('host-state', `${targetId} knows no machine type ${machine}, which ${name} is of. Is its QEMU older?`)
}

function machinesOf(element: XmlElement | undefined): readonly string[] {
  return childrenOf(element, 'machine').map(textOf)
}

/** What was asked for, or why the host refused to tell; that it can't be reached still rejects. */
export async function unlessRefused<Told>(ask: () => Promise<Told>): Promise<Told | string> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof LibvirtRemoteError) return error.message
    throw error
  }
}

function given<Name extends string>(name: Name, value: string | undefined): { readonly [Key in Name]?: string } {
  return value === undefined || value === '' ? {} : ({ [name]: value } as { readonly [Key in Name]: string })
}
