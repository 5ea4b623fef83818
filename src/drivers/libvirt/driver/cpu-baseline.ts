/** Whose VMs whose CPU can take: which CPU all hosts of a site share, which stand apart and by what, and what to set. Pure, over inventories. */
import type { HostId } from '../../../terms/ids.ts'
import type { DescribedCpu, GuestCpus } from './capabilities.ts'
import { ownGuest, type ToldHost } from './inventory.ts'

/** Hosts that are alike in all that a VM's CPU depends on. */
export interface CpuKind {
  readonly hosts: readonly HostId[]
  readonly architecture?: string
  readonly vendor?: string
  /** Of the CPU that a VM of mode `host-model` gets there; else the host's own. */
  readonly cpu?: DescribedCpu
  readonly virtualisation?: string
  /** Every one of that CPU. Absent: libvirt did not tell. */
  readonly features?: readonly string[]
  readonly usableModels: readonly string[]
  /** Machine types with a version: `pc-q35-7.2`. */
  readonly machines: readonly string[]
}

/** Whether hosts of one kind would take a VM that has all of another kind's CPU. */
export interface CpuPair {
  readonly from: CpuKind
  readonly to: CpuKind
  readonly verdict: 'yes' | 'no' | 'unknown'
  /** Why not, or why nothing can be said. */
  readonly reason?: string
  /** Features that a VM may have there and could not get here. */
  readonly featuresLacking: readonly string[]
  /** Machine types that are known there and not here: VMs of these stay. */
  readonly machinesLacking: readonly string[]
}

/** Hosts that are not as most are. */
export interface Apart {
  readonly kind: CpuKind
  readonly reason: string
  /** Against the kind that most hosts are of. */
  readonly featuresLacking: readonly string[]
  readonly featuresMore: readonly string[]
}

export interface CpuBaseline {
  /** The one with most hosts first; among equals, the one with fewer features, whose VMs can go furthest. */
  readonly kinds: readonly CpuKind[]
  /** One for each two kinds, both ways. */
  readonly pairs: readonly CpuPair[]
  readonly apart: readonly Apart[]
  /** Features that all hosts can give. Absent where one did not tell, or their CPUs are of different makers. */
  readonly sharedFeatures?: readonly string[]
  /** Named models that all can give. */
  readonly sharedModels: readonly string[]
}

const VERSIONED = /-\d+\.\d+/

export function cpuBaseline(hosts: readonly ToldHost[]): CpuBaseline {
  const kinds = kindsOf(hosts)
  const pairs = kinds.flatMap((from) => kinds.filter((to) => to !== from).map((to) => cpuPair(from, to)))
  const sharedFeatures = sharedFeaturesOf(kinds)
  return {
    kinds,
    pairs,
    apart: apartOf(kinds),
    ...(sharedFeatures === undefined ? {} : { sharedFeatures }),
    sharedModels: common(kinds.map(({ usableModels }) => usableModels)),
  }
}

/** Whether `to` would take a VM that has all of `from`'s CPU; of one kind both may be. */
export function cpuPair(from: CpuKind, to: CpuKind): CpuPair {
  const machinesLacking = without(from.machines, to.machines)
  const lacking = from.features === undefined || to.features === undefined ? [] : without(from.features, to.features)
  const pair = { from, to, featuresLacking: lacking, machinesLacking }
  const difference = differenceOf(from, to)
  if (difference !== undefined) return { ...pair, verdict: 'no', reason: difference }
  if (from.features === undefined || to.features === undefined) {
    if (from.cpu?.model !== undefined && from.cpu.xml === to.cpu?.xml) return { ...pair, verdict: 'yes' }
    const silent = from.features === undefined ? from : to
    return { ...pair, verdict: 'unknown', reason: `What the CPU of ${listed(silent.hosts)} can is not told.` }
  }
  if (lacking.length === 0) return { ...pair, verdict: 'yes' }
  return { ...pair, verdict: 'no', reason: `It lacks ${listed(lacking)}.` }
}

/** What no feature makes good; undefined: nothing that is known. */
export function differenceOf(from: CpuKind, to: CpuKind): string | undefined {
  for (const [what, here, there] of [
    ['Its architecture', from.architecture, to.architecture],
    ['The maker of its CPU', from.vendor, to.vendor],
  ] as const) {
    if (here !== undefined && there !== undefined && here !== there) return `${what} is ${there}, not ${here}.`
  }
  if (from.virtualisation !== 'kvm' || to.virtualisation === undefined || to.virtualisation === 'kvm') return undefined
  return 'It has no KVM: is virtualisation on in its firmware, and is /dev/kvm there?'
}

/** What to do so that VMs can go everywhere; undefined where they can. @param asked the CPU that libvirt says all of them share */
export function cpuRemedy({ kinds, pairs, sharedModels }: CpuBaseline, asked?: DescribedCpu): string | undefined {
  if (pairs.every(({ verdict }) => verdict === 'yes')) return undefined
  const differs = pairs.find(({ from, to }) => differenceOf(from, to) !== undefined)
  if (differs !== undefined) {
    const groups = kinds.map(({ hosts }) => listed(hosts)).join(' / ')
    return `No CPU is common to all: ${differs.reason ?? ''} VMs move within each group only: ${groups}.`
  }
  if (asked?.model !== undefined) {
    return (
      `Set VMs' CPU to ${asked.model} as ethos libvirt check --json gives it under baseline; host-model and ` +
      `host-passthrough tie them to their kind of host. It holds from a VM's next start.`
    )
  }
  if (sharedModels.length > 0) {
    return `Set VMs' CPU to a model that all hosts can give: ${listed(sharedModels)}. It holds from a VM's next start.`
  }
  return 'Which CPU they share can not be told: ask on one host with virsh hypervisor-cpu-baseline.'
}

/** For messages: a few names, and how many more. */
export function listed(names: readonly string[], max = 8): string {
  const rest = names.length - max
  return rest <= 0 ? names.join(', ') : `${names.slice(0, max).join(', ')} and ${rest} more`
}

function kindsOf(hosts: readonly ToldHost[]): readonly CpuKind[] {
  const kinds = new Map<string, CpuKind>()
  for (const host of hosts.toSorted((a, b) => (a.hostId < b.hostId ? -1 : 1))) {
    const { hosts: ids, ...kind } = kindOf(host)
    const key = JSON.stringify(kind)
    kinds.set(key, { ...kind, hosts: [...(kinds.get(key)?.hosts ?? []), ...ids] })
  }
  return [...kinds.values()].toSorted(
    (a, b) => b.hosts.length - a.hosts.length || (a.features?.length ?? 0) - (b.features?.length ?? 0),
  )
}

/** Guests' CPUs where both their model and its features are told, for they are what a VM gets; else the host's own. */
function kindOf({ hostId, capabilities, guestCpus, guestFeatures, hostFeatures }: ToldHost): CpuKind {
  const isGuests = guestCpus?.hostModel !== undefined && guestFeatures !== undefined
  const cpu = isGuests ? guestCpus.hostModel : (capabilities?.cpu ?? guestCpus?.hostModel)
  const features = isGuests ? guestFeatures : hostFeatures
  const [architecture, vendor] = [capabilities?.architecture, cpu?.vendor]
  const guest = capabilities === undefined ? undefined : ownGuest(capabilities)
  const virtualisation = virtualisationOf(guestCpus, guest?.virtualisations ?? [])
  return {
    hosts: [hostId],
    ...(architecture === undefined ? {} : { architecture }),
    ...(vendor === undefined ? {} : { vendor }),
    ...(cpu === undefined ? {} : { cpu: { ...cpu, xml: withoutOwn(cpu.xml) } }),
    ...(virtualisation === undefined ? {} : { virtualisation }),
    ...(features === undefined ? {} : { features }),
    usableModels: (guestCpus?.usableModels ?? []).toSorted(),
    machines: (guest?.machines ?? []).filter((machine) => VERSIONED.test(machine)).toSorted(),
  }
}

function virtualisationOf(guestCpus: GuestCpus | undefined, known: readonly string[]): string | undefined {
  const told = guestCpus?.virtualisation ?? ''
  if (told !== '') return told
  return known.includes('kvm') ? 'kvm' : known[0]
}

/** Microcode, and how many sockets there are, make no other CPU of it. */
function withoutOwn(xml: string): string {
  return xml.replaceAll(/\s*<(microcode|signature|topology|counter|pages|maxphysaddr)\b[^>]*\/>/g, '')
}

function apartOf([most, ...others]: readonly CpuKind[]): readonly Apart[] {
  if (most === undefined) return []
  return others.map((kind) => {
    const [all, own] = [most.features ?? [], kind.features ?? []]
    const isTold = most.features !== undefined && kind.features !== undefined
    const [featuresLacking, featuresMore] = isTold ? [without(all, own), without(own, all)] : [[], []]
    return { kind, featuresLacking, featuresMore, reason: apartText(most, kind, featuresLacking, featuresMore) }
  })
}

function apartText(most: CpuKind, kind: CpuKind, lacking: readonly string[], more: readonly string[]): string {
  const machines = [without(most.machines, kind.machines), without(kind.machines, most.machines)]
  const parts = [
    differenceOf(most, kind) ?? differenceOf(kind, most) ?? '',
    lacking.length === 0 ? '' : `It lacks ${listed(lacking)}.`,
    more.length === 0 ? '' : `It has ${listed(more)} beside.`,
    machines[0].length === 0 ? '' : `It does not know machine types ${listed(machines[0], 3)}: is its QEMU older?`,
    machines[1].length === 0 ? '' : `It alone knows machine types ${listed(machines[1], 3)}.`,
  ].filter((part) => part !== '')
  if (parts.length > 0) return parts.join(' ')
  const isSilent = most.features === undefined || kind.features === undefined
  return isSilent ? 'What its CPU can is not told.' : 'Its CPU has the same features under another name.'
}

function sharedFeaturesOf(kinds: readonly CpuKind[]): readonly string[] | undefined {
  const [first] = kinds
  if (first === undefined || kinds.some((kind) => differenceOf(first, kind) !== undefined)) return undefined
  const all = kinds.map(({ features }) => features).filter((features) => features !== undefined)
  return all.length === kinds.length ? common(all) : undefined
}

function common([first = [], ...rest]: readonly (readonly string[])[]): readonly string[] {
  const sets = rest.map((names) => new Set(names))
  return first.filter((name) => sets.every((set) => set.has(name)))
}

function without(names: readonly string[], others: readonly string[]): readonly string[] {
  const known = new Set(others)
  return names.filter((name) => !known.has(name))
}
