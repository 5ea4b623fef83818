/** What a VM is made of that may keep it where it is: read from its description alone, as it runs. */
import type { Findings } from './findings.ts'
import { isBelow, type LibvirtHost, type LibvirtSite } from './sites.ts'
import { attributeOf, childOf, childrenOf, textOf, type XmlElement } from './xml.ts'

export interface VmParts {
  readonly domain: XmlElement
  readonly name: string
  readonly site: LibvirtSite
  readonly target: LibvirtHost
  /** Bridges and networks that other VMs on the target use: they are there. */
  readonly networksInUse: ReadonlySet<string>
}

export function checkVm(parts: VmParts, findings: Findings): void {
  checkDisks(parts, findings)
  checkBootFiles(parts, findings)
  checkCards(parts, findings)
  checkDevices(parts, findings)
  checkMemoryKind(parts, findings)
}

interface Disk {
  readonly element: XmlElement
  readonly label: string
  readonly isReadOnly: boolean
}

function checkDisks(parts: VmParts, findings: Findings): void {
  let isOnSharedWritable = false
  for (const element of childrenOf(childOf(parts.domain, 'devices'), 'disk')) {
    const target = attributeOf(childOf(element, 'target'), 'dev') ?? 'a disk'
    const isReadOnly = childOf(element, 'readonly') !== undefined
    const label = `${target} of ${parts.name}`
    const isShared = checkDisk(parts, { element, label, isReadOnly }, findings)
    checkLayers(parts, element, label, findings)
    if (isShared && !isReadOnly && childOf(element, 'shareable') === undefined) isOnSharedWritable = true
  }
  if (isOnSharedWritable && (parts.site.lockManager ?? 'none') === 'none') {
    const what =
      parts.site.lockManager === undefined ? 'none is declared, and libvirt has none by default' : 'there is none'
    findings.warn(
      `${parts.name} writes to shared storage, and no lock manager keeps it from running twice (${what}): set lock_manager in qemu.conf, and lockManager here.`,
    )
  }
}

const LAYERS_MAX = 200

/** What lies below a disk is only read, and has to be there as well. What is being copied, or forgotten at the end, can not go. */
function checkLayers(parts: VmParts, disk: XmlElement, label: string, findings: Findings): void {
  if (childOf(disk, 'mirror') !== undefined) findings.refuse('in-flight', `${label} is being copied to another place.`)
  if (childOf(disk, 'transient') !== undefined) {
    findings.refuse('storage', `What is written to ${label} is kept on its host until the VM ends.`)
  }
  let layer = childOf(disk, 'backingStore')
  for (let depth = 1; layer !== undefined && depth < LAYERS_MAX; depth++) {
    checkDisk(parts, { element: layer, label: `layer ${depth} below ${label}`, isReadOnly: true }, findings)
    layer = childOf(layer, 'backingStore')
  }
}

/** Whether it is on storage that the target reaches. An empty drive has nothing to reach. */
function checkDisk(parts: VmParts, disk: Disk, findings: Findings): boolean {
  const source = childOf(disk.element, 'source')
  if (source === undefined || source.attributes.size === 0) return false
  const type = attributeOf(disk.element, 'type') ?? 'file'
  switch (type) {
    case 'file':
    case 'block':
      return checkPath(parts, disk, attributeOf(source, type === 'file' ? 'file' : 'dev'), findings)
    case 'network':
      return checkNetworkDisk(disk, source, findings)
    case 'volume':
      return checkVolume(parts, disk, source, findings)
    default:
      findings.refuse('storage', `${disk.label} is of the kind ${type}, which is of its host alone.`)
      return false
  }
}

function checkPath(
  { site, target }: VmParts,
  { label, isReadOnly }: Disk,
  path: string | undefined,
  findings: Findings,
): boolean {
  if (path === undefined || path === '') return false
  if (isBelow(path, site.sharedPaths ?? [])) return true
  if (isReadOnly) {
    findings.warn(`${label} reads ${path}; whether the same is on ${target.id} can not be asked. Declare sharedPaths.`)
    return false
  }
  const remedy = 'If it is shared, declare its folder in sharedPaths'
  findings.refuse('storage', `${label} is ${path}, which is not known to be shared with ${target.id}. ${remedy}.`)
  return false
}

/** By nature the same from everywhere, unless its server is said to be the host itself. */
function checkNetworkDisk({ label }: Disk, source: XmlElement, findings: Findings): boolean {
  const local = childrenOf(source, 'host').find(
    (host) =>
      attributeOf(host, 'transport') === 'unix' || /^(localhost|127\.|::1$)/.test(attributeOf(host, 'name') ?? ''),
  )
  if (local === undefined) return true
  const server = attributeOf(local, 'socket') ?? attributeOf(local, 'name') ?? 'a socket'
  findings.refuse('storage', `${label} comes from ${server}, which is another server on another host.`)
  return false
}

function checkVolume({ site, target }: VmParts, { label }: Disk, source: XmlElement, findings: Findings): boolean {
  const pool = attributeOf(source, 'pool') ?? '?'
  if (site.sharedPools?.includes(pool) === true) return true
  const remedy = 'If it is, declare it in sharedPools'
  findings.refuse(
    'storage',
    `${label} is in the pool ${pool}, which is not known to be shared with ${target.id}. ${remedy}.`,
  )
  return false
}

/** QEMU opens them again where it comes to. Firmware is a part of the host's packages, and its variables travel with the memory. */
function checkBootFiles({ domain, name, site, target }: VmParts, findings: Findings): void {
  for (const kind of ['kernel', 'initrd', 'dtb']) {
    const path = textOf(childOf(childOf(domain, 'os'), kind))
    if (path === '' || isBelow(path, site.sharedPaths ?? [])) continue
    findings.warn(`${name} boots ${path}; whether it is on ${target.id} can not be asked. Declare sharedPaths.`)
  }
}

/** Kinds of cards that know no network of their host by name, and those that are hardware of it. */
const CARDS_ANYWHERE = new Set(['user', 'mcast', 'udp', 'client', 'server', 'null'])
const CARDS_OF_HARDWARE = new Set(['hostdev', 'vdpa'])

function checkCards(parts: VmParts, findings: Findings): void {
  for (const { type, network } of cardsOf(parts.domain)) {
    if (CARDS_OF_HARDWARE.has(type)) {
      findings.refuse('pinned', `${parts.name} has a network card of its host's hardware (${type}).`)
      continue
    }
    checkNetwork(parts, `${type} ${network ?? 'without a name'}`, network, findings)
  }
}

export interface NetworkCard {
  readonly type: string
  /** By name. Absent: it has none. */
  readonly network?: string
}

/** Cards that tie a VM to something of its host: a network by name, or hardware. */
export function cardsOf(domain: XmlElement): readonly NetworkCard[] {
  return childrenOf(childOf(domain, 'devices'), 'interface').flatMap((card): NetworkCard[] => {
    const type = attributeOf(card, 'type') ?? 'network'
    if (CARDS_ANYWHERE.has(type)) return []
    // Of a running VM, a network tells its bridge too, which is the host's own affair.
    const name = type === 'network' ? 'network' : type === 'bridge' ? 'bridge' : 'dev'
    const network = attributeOf(childOf(card, 'source'), name)
    return [{ type, ...(network === undefined ? {} : { network }) }]
  })
}

function checkNetwork(
  { name, target, networksInUse }: VmParts,
  label: string,
  network: string | undefined,
  findings: Findings,
): void {
  if (network !== undefined && (target.networks?.includes(network) === true || networksInUse.has(network))) return
  if (network === undefined || target.networks === undefined) {
    findings.warn(`${name} is on ${label}; whether ${target.id} has it can not be asked. Declare its networks.`)
    return
  }
  findings.refuse(
    'network',
    `${name} is on ${label}, which ${target.id} does not have (${target.networks.join(', ')}).`,
  )
}

/** Names of bridges and networks that a running VM uses. */
export function networksOf(domain: XmlElement): readonly string[] {
  return childrenOf(childOf(domain, 'devices'), 'interface').flatMap((card) => {
    const source = childOf(card, 'source')
    const names = ['network', 'bridge', 'dev'].map((name) => attributeOf(source, name))
    return names.filter((name) => name !== undefined)
  })
}

/** Devices that are a piece of their host, by element; undefined: that one is none. */
const BOUND: ReadonlyMap<string, (device: XmlElement) => string | undefined> = new Map([
  [
    'hostdev',
    (device) => `hardware passed through (${attributeOf(device, 'type') ?? attributeOf(device, 'mode') ?? '?'})`,
  ],
  ['filesystem', () => 'a folder of its host'],
  ['shmem', () => 'memory shared with others of its host'],
  ['smartcard', (device) => (attributeOf(device, 'mode') === 'passthrough' ? undefined : 'a smart card of its host')],
  ['input', (device) => (isOneOf(device, 'passthrough', 'evdev') ? 'an input device of its host' : undefined)],
  ['serial', physicalPort],
  ['parallel', physicalPort],
  ['tpm', (device) => (backendOf(device) === 'passthrough' ? "its host's TPM" : undefined)],
  ['memory', (device) => (attributeOf(device, 'model') === 'dimm' ? undefined : memoryOf(device))],
])

function checkDevices({ domain, name, target, site }: VmParts, findings: Findings): void {
  for (const device of childrenOf(childOf(domain, 'devices'))) {
    const bound = BOUND.get(device.name)?.(device)
    if (bound !== undefined) findings.refuse('pinned', `${name} has ${bound}, which stays where it is.`)
    if (device.name === 'tpm' && backendOf(device) === 'emulator' && (site.sharedPaths ?? []).length === 0) {
      findings.warn(`${name} has an emulated TPM; whether ${target.id} can run one (swtpm) can not be asked.`)
    }
  }
  const secrecy = childOf(domain, 'launchSecurity')
  if (secrecy !== undefined) {
    findings.refuse(
      'pinned',
      `${name} has its memory sealed (${attributeOf(secrecy, 'type') ?? '?'}) to its host's CPU.`,
    )
  }
}

function isOneOf(device: XmlElement, ...types: readonly string[]): boolean {
  return types.includes(attributeOf(device, 'type') ?? '')
}

function physicalPort(device: XmlElement): string | undefined {
  return isOneOf(device, 'dev') ? 'a port of its host' : undefined
}

function backendOf(device: XmlElement): string | undefined {
  return attributeOf(childOf(device, 'backend'), 'type')
}

/** Persistent memory lives in a file or a device of its host; virtio-mem is plain memory. */
function memoryOf(device: XmlElement): string | undefined {
  const model = attributeOf(device, 'model') ?? '?'
  return model === 'virtio-mem' ? undefined : `memory of the model ${model}`
}

function checkMemoryKind({ domain, name, target }: VmParts, findings: Findings): void {
  if (childOf(childOf(domain, 'memoryBacking'), 'hugepages') === undefined) return
  findings.warn(`${name} has its memory in huge pages; how many are free on ${target.id} is not asked.`)
}
