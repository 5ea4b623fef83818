/** What a host's libvirt says of its hardware and of what it can run: two XML documents, read. What they leave out is absent. */
import { KiB } from '../../../terms/units.ts'
import { attributeOf, childOf, childrenOf, parseXml, textOf, type XmlElement } from './xml.ts'

/** A CPU as libvirt describes one. */
export interface DescribedCpu {
  readonly model?: string
  readonly vendor?: string
  /** The element, for questions about it. */
  readonly xml: string
}

export interface NumaCell {
  readonly id: number
  readonly memoryBytes?: number
  readonly cpus: number
  /** Pages that are set aside or, of the smallest size, all there are. */
  readonly pages: readonly { readonly sizeBytes: number; readonly count: number }[]
}

/** What one architecture of guests finds there. */
export interface GuestKind {
  readonly architecture: string
  readonly emulator?: string
  /** Aliases like `q35` among them. */
  readonly machines: readonly string[]
  /** Such as `kvm`, `qemu`. */
  readonly virtualisations: readonly string[]
}

export interface HostCapabilities {
  readonly uuid?: string
  readonly architecture?: string
  readonly cpu?: DescribedCpu
  readonly cells: readonly NumaCell[]
  readonly pageSizesBytes: readonly number[]
  readonly canMigrateLive: boolean
  /** Such as `tcp`, `rdma`. */
  readonly migrationTransports: readonly string[]
  readonly guests: readonly GuestKind[]
}

/** What the hypervisor can give a guest of one kind. */
export interface GuestCpus {
  readonly virtualisation: string
  /** What a VM of mode `host-model` gets. */
  readonly hostModel?: DescribedCpu
  readonly canPassThrough: boolean
  /** Named models that can be given here. */
  readonly usableModels: readonly string[]
}

/** Throws a `ParseError`. */
export function parseCapabilities(xml: string): HostCapabilities {
  const root = parseXml(xml, 'the capabilities')
  const host = childOf(root, 'host')
  const cpu = childOf(host, 'cpu')
  const migration = childOf(host, 'migration_features')
  const uuid = textOf(childOf(host, 'uuid'))
  const architecture = textOf(childOf(cpu, 'arch'))
  return {
    ...(uuid === '' ? {} : { uuid: uuid.toLowerCase() }),
    ...(architecture === '' ? {} : { architecture }),
    ...(cpu === undefined ? {} : { cpu: describedCpu(cpu, cpu.source) }),
    cells: childrenOf(childOf(childOf(host, 'topology'), 'cells'), 'cell').map(cellOf),
    pageSizesBytes: childrenOf(cpu, 'pages').map((pages) => (countOf(attributeOf(pages, 'size')) ?? 0) * KiB),
    canMigrateLive: childOf(migration, 'live') !== undefined,
    migrationTransports: childrenOf(childOf(migration, 'uri_transports')).map(textOf),
    guests: childrenOf(root, 'guest').flatMap((guest) => childrenOf(guest, 'arch').map(guestOf)),
  }
}

/** Throws a `ParseError`. @param architecture of the guests, which the model's element leaves out */
export function parseGuestCpus(xml: string, architecture: string): GuestCpus {
  const root = parseXml(xml, "the domains' capabilities")
  const modes = childrenOf(childOf(root, 'cpu'), 'mode').filter((mode) => attributeOf(mode, 'supported') === 'yes')
  const named = (name: string): XmlElement | undefined => modes.find((mode) => attributeOf(mode, 'name') === name)
  const hostModel = named('host-model')
  const custom = childrenOf(named('custom'), 'model').filter((model) => attributeOf(model, 'usable') === 'yes')
  const parts = childrenOf(hostModel)
    .map(({ source }) => source)
    .join('')
  return {
    virtualisation: textOf(childOf(root, 'domain')),
    ...(hostModel === undefined || childOf(hostModel, 'model') === undefined
      ? {}
      : { hostModel: describedCpu(hostModel, `<cpu><arch>${architecture}</arch>${parts}</cpu>`) }),
    canPassThrough: named('host-passthrough') !== undefined,
    usableModels: custom.map(textOf),
  }
}

/** Every feature that a CPU written out in full has, in the order of their names. Throws a `ParseError`. */
export function featuresOf(xml: string): readonly string[] {
  return childrenOf(parseXml(xml, 'a CPU'), 'feature')
    .filter((feature) => attributeOf(feature, 'policy') !== 'disable')
    .map((feature) => attributeOf(feature, 'name') ?? '')
    .filter((name) => name !== '')
    .toSorted()
}

export function describedCpu(element: XmlElement, xml: string): DescribedCpu {
  const model = textOf(childOf(element, 'model'))
  const vendor = textOf(childOf(element, 'vendor'))
  return { ...(model === '' ? {} : { model }), ...(vendor === '' ? {} : { vendor }), xml }
}

function cellOf(cell: XmlElement): NumaCell {
  const memoryKib = countOf(textOf(childOf(cell, 'memory')))
  const pages = childrenOf(cell, 'pages').map((element) => ({
    sizeBytes: (countOf(attributeOf(element, 'size')) ?? 0) * KiB,
    count: countOf(textOf(element)) ?? 0,
  }))
  return {
    id: countOf(attributeOf(cell, 'id')) ?? 0,
    ...(memoryKib === undefined ? {} : { memoryBytes: memoryKib * KiB }),
    cpus: childrenOf(childOf(cell, 'cpus'), 'cpu').length,
    pages,
  }
}

function guestOf(arch: XmlElement): GuestKind {
  const emulator = textOf(childOf(arch, 'emulator'))
  const domains = childrenOf(arch, 'domain')
  const machines = [arch, ...domains].flatMap((element) => childrenOf(element, 'machine').map(textOf))
  return {
    architecture: attributeOf(arch, 'name') ?? '',
    ...(emulator === '' ? {} : { emulator }),
    machines: [...new Set(machines)],
    virtualisations: domains.map((domain) => attributeOf(domain, 'type') ?? ''),
  }
}

/** Whole and not negative, or nothing. */
export function countOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
