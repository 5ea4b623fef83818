/** What a host is and has, as its libvirt tells it: one look, bounded, and a failure is a value. What the protocol does not tell is not guessed: it stands in
 *  `untold`, with why. */
import type { HostId } from '../../../terms/ids.ts'
import { ParseError } from '../../../terms/parse.ts'
import { type EpochMs, KiB } from '../../../terms/units.ts'
import { DOMAIN_LIST, type Libvirt, LibvirtRemoteError, type Named, type NodeInfo } from '../rpc/libvirt.ts'
import {
  featuresOf,
  type GuestCpus,
  type GuestKind,
  type HostCapabilities,
  parseCapabilities,
  parseGuestCpus,
} from './capabilities.ts'
import type { HostLink } from './host-link.ts'
import { parsePool, type StoragePool } from './storage.ts'

export interface ToldHost {
  readonly kind: 'told'
  readonly hostId: HostId
  readonly at: EpochMs
  /** What it calls itself. */
  readonly hostname: string
  /** Like 9.0.0 and 7.2.22. */
  readonly libvirtVersion?: string
  readonly hypervisorVersion?: string
  readonly node?: NodeInfo
  /** KiB of the kernel's own words made bytes: all there is; and free, buffers and cached together. */
  readonly memoryBytes?: number
  readonly memoryFreeBytes?: number
  readonly capabilities?: HostCapabilities
  /** What guests of the host's own architecture may get, by KVM where it is there. */
  readonly guestCpus?: GuestCpus
  /** Every feature of the CPU that guests may get, and of the host's own, those of their models included. */
  readonly guestFeatures?: readonly string[]
  readonly hostFeatures?: readonly string[]
  /** Names of VMs that run. */
  readonly vms?: readonly string[]
  readonly pools?: readonly StoragePool[]
  /** libvirt's own networks; bridges of the host are not among what the protocol tells. */
  readonly networks?: readonly string[]
  /** What could not be told: a sentence each. */
  readonly untold: readonly string[]
}

export type HostInventory =
  | ToldHost
  | { readonly kind: 'unreachable'; readonly hostId: HostId; readonly at: EpochMs; readonly reason: string }

/** QEMU is asked what it can by starting it, once after each change of it: seconds on a slow machine. */
const WAIT_MS = 60_000
/** Of that, for one question: no more than four follow each other. */
const QUESTION_PART = 1 / 6
/** Pools of which one is described, at most. */
const POOLS_MAX = 64

/** Never rejects. @param waitMs how long one host is waited for; the others' news does not get older than that */
export async function takeInventory(link: HostLink, waitMs = WAIT_MS): Promise<HostInventory> {
  const unreachable = (error: unknown): HostInventory => {
    return { kind: 'unreachable', hostId: link.id, at: link.now(), reason: link.describe(error) }
  }
  const told = link.use((libvirt) => lookAt(link, libvirt, waitMs * QUESTION_PART)).catch(unreachable)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<HostInventory>((resolve) => {
    const what = `It did not tell what it is within ${waitMs} ms. Is it overloaded?`
    timer = setTimeout(() => resolve(unreachable(what)), waitMs)
  })
  const first = await Promise.race([told, late])
  clearTimeout(timer)
  return first
}

/** Its name is waited for as any call is: a host that does not tell even that is not there. */
async function lookAt(link: HostLink, libvirt: Libvirt, questionMs: number): Promise<HostInventory> {
  const untold: string[] = []
  const ask: Ask = (what, question) => orSaid({ what, untold, waitMs: questionMs }, question)
  const [hostname, library, hypervisor, node, memory, capabilities, vms, networks, pools] = await Promise.all([
    libvirt.hostname(),
    ask("libvirt's version", () => libvirt.libraryVersion()),
    ask("the hypervisor's version", () => libvirt.version()),
    ask('its processors', () => libvirt.nodeInfo()),
    ask('its memory', () => libvirt.nodeMemoryStats()),
    ask('what it can run', async () => parseCapabilities(await libvirt.capabilities())),
    ask('its VMs', () => libvirt.domains(DOMAIN_LIST.active)),
    ask('its networks', () => libvirt.networks()),
    ask('its storage', () => libvirt.pools()),
  ])
  const kib = (field: string): number | undefined => memory?.find((stat) => stat.field === field)?.value
  const [totalKib, freeKib] = [kib('total'), kib('free')]
  return {
    kind: 'told',
    hostId: link.id,
    at: link.now(),
    hostname,
    ...(library === undefined ? {} : { libvirtVersion: versionText(library) }),
    ...(hypervisor === undefined ? {} : { hypervisorVersion: versionText(hypervisor) }),
    ...(node === undefined ? {} : { node }),
    ...memoryOf(
      node,
      totalKib,
      freeKib === undefined ? undefined : freeKib + (kib('buffers') ?? 0) + (kib('cached') ?? 0),
    ),
    ...(capabilities === undefined ? {} : { capabilities, ...(await cpusOf(libvirt, capabilities, ask)) }),
    ...(vms === undefined ? {} : { vms: vms.map(({ name }) => name).toSorted() }),
    ...(pools === undefined ? {} : { pools: await describedPools(libvirt, pools, untold, ask) }),
    ...(networks === undefined ? {} : { networks: networks.map(({ name }) => name).toSorted() }),
    untold,
  }
}

function memoryOf(
  node: NodeInfo | undefined,
  totalKib: number | undefined,
  freeKib: number | undefined,
): Pick<ToldHost, 'memoryBytes' | 'memoryFreeBytes'> {
  const allKib = totalKib ?? node?.memoryKib
  return {
    ...(allKib === undefined ? {} : { memoryBytes: allKib * KiB }),
    ...(freeKib === undefined ? {} : { memoryFreeBytes: freeKib * KiB }),
  }
}

type Ask = <Told>(what: string, question: () => Promise<Told>) => Promise<Told | undefined>

/** What guests may get, and all features by name: libvirt knows what a model's name stands for. */
async function cpusOf(
  libvirt: Libvirt,
  capabilities: HostCapabilities,
  ask: Ask,
): Promise<Pick<ToldHost, 'guestCpus' | 'guestFeatures' | 'hostFeatures'>> {
  const { cpu, architecture = '' } = capabilities
  const guest = ownGuest(capabilities)
  const hostFeatures =
    cpu?.model === undefined
      ? undefined
      : await ask("its CPU's features", async () =>
          featuresOf(await libvirt.baselineCpu([cpu.xml], { isExpanded: true })),
        )
  const virtualisation = guest?.virtualisations.includes('kvm') === true ? 'kvm' : guest?.virtualisations[0]
  const of = { architecture, ...(virtualisation === undefined ? {} : { virtualisation }) }
  const guestCpus =
    architecture === ''
      ? undefined
      : await ask("guests' CPUs", async () => parseGuestCpus(await libvirt.domainCapabilities(of), architecture))
  const hostModel = guestCpus?.hostModel
  const guestFeatures =
    hostModel === undefined
      ? undefined
      : await ask("features of guests' CPUs", async () =>
          featuresOf(await libvirt.baselineHypervisorCpu([hostModel.xml], of, { isExpanded: true })),
        )
  return {
    ...(guestCpus === undefined ? {} : { guestCpus }),
    ...(guestFeatures === undefined ? {} : { guestFeatures }),
    ...(hostFeatures === undefined ? {} : { hostFeatures }),
  }
}

/** Guests of the host's own architecture. */
export function ownGuest({ guests, architecture }: HostCapabilities): GuestKind | undefined {
  return guests.find((guest) => guest.architecture === architecture)
}

/** One after the other, so that a pool that hangs holds up one call of the four that a connection has; behind it no other is asked. */
async function describedPools(
  libvirt: Libvirt,
  named: readonly Named[],
  untold: string[],
  ask: Ask,
): Promise<readonly StoragePool[]> {
  if (named.length > POOLS_MAX) untold.push(`Only ${POOLS_MAX} of ${named.length} storage pools were looked at.`)
  const described: StoragePool[] = []
  for (const pool of named.slice(0, POOLS_MAX)) {
    const told = await ask(`pool ${pool.name}`, async () => parsePool(pool.name, await libvirt.poolXml(pool)))
    if (told !== undefined) described.push(told)
    else if (untold.at(-1)?.endsWith(LATE) === true) break
  }
  return described
}

const LATE = 'It did not answer in time.'

interface Questioning {
  readonly what: string
  readonly untold: string[]
  readonly waitMs: number
}

/** That a host refuses one question, hangs over it or answers it with nonsense says nothing of the others; that it can't be reached still rejects. */
async function orSaid<Told>(
  { what, untold, waitMs }: Questioning,
  ask: () => Promise<Told>,
): Promise<Told | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => resolve(LATE), waitMs)
  })
  try {
    const told = await Promise.race([ask(), late])
    if (told !== LATE) return told
    untold.push(`Not told: ${what}. ${LATE}`)
  } catch (error) {
    if (!(error instanceof LibvirtRemoteError) && !(error instanceof ParseError)) throw error
    untold.push(`Not told: ${what}. ${error.message}`)
  } finally {
    clearTimeout(timer)
  }
  return undefined
}

/** 7 002 022 is 7.2.22. */
function versionText(version: number): string {
  return `${Math.floor(version / 1e6)}.${Math.floor(version / 1000) % 1000}.${version % 1000}`
}
