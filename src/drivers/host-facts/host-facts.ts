/** All that can be read about a host without measuring. */
import type { HostConclusion, HostFact } from '../../terms/host-measurement.ts'
import { KiB } from '../../terms/units.ts'
import { fact, readCpuFacts } from './cpu-facts.ts'
import { type FactFiles, readWholeNumber } from './fact-files.ts'
import { isMemoryFilesystem, readStorageFacts } from './storage-facts.ts'

export interface HostFacts {
  readonly facts: readonly HostFact[]
  /** What follows for the host's characteristics; speed, power and benchmarks come from measuring. */
  readonly host: HostConclusion
  /** Characteristics that could not be read, or are to be doubted, with the reason. */
  readonly doubts: readonly { readonly what: string; readonly why: string }[]
  readonly isVirtualised: boolean
  /** The folder lies in memory: no disk is there to be tested. */
  readonly isInMemory: boolean
  readonly sockets: number
  readonly threads?: number
  readonly lastCacheBytes?: number
}

const BITS_PER_MBIT = 1e6
/** Interfaces that carry no link of their own, or one that is counted elsewhere. */
const VIRTUAL_INTERFACE = /^(?:lo|veth|docker|br-|virbr|vnet|tap|tun|ifb|dummy|wg|cni|flannel|cali)/

/** @param folder where disks are tested; absent: the storage's kind is not read */
export function readHostFacts(files: FactFiles, folder?: string): HostFacts {
  const cpu = readCpuFacts(files)
  const memoryBytes = readMemoryBytes(files)
  const storage = folder === undefined ? { facts: [], doubt: 'no folder was named' } : readStorageFacts(files, folder)
  const network = readLinks(files)
  const model = readModel(files) ?? (cpu.isVirtualised ? 'virtual machine' : undefined)
  const storageType = 'storageType' in storage ? storage.storageType : undefined
  const doubts = [
    ...(cpu.cores === undefined
      ? [{ what: 'cores', why: 'neither /proc/cpuinfo nor /sys/devices/system/cpu could be read' }]
      : []),
    ...(memoryBytes === undefined ? [{ what: 'memoryBytes', why: '/proc/meminfo has no MemTotal' }] : []),
    ...(storage.doubt === undefined ? [] : [{ what: 'storageType', why: storage.doubt }]),
    ...(network.bytesPerSec === undefined
      ? [{ what: 'networkBytesPerSec', why: 'no interface tells its link speed' }]
      : []),
  ]
  return {
    facts: [
      ...fact('model', model, '/sys/class/dmi/id'),
      ...cpu.facts,
      ...fact('architecture', process.arch, 'uname'),
      ...fact('numaNodes', countNodes(files), '/sys/devices/system/node'),
      ...fact('memoryBytes', memoryBytes, '/proc/meminfo'),
      ...fact('kernel', files.read('/proc/sys/kernel/osrelease'), '/proc/sys/kernel/osrelease'),
      ...storage.facts,
      ...network.facts,
    ],
    host: {
      ...(model === undefined ? {} : { model }),
      ...(cpu.cpuType === undefined ? {} : { cpuType: cpu.cpuType }),
      ...(cpu.flags.length === 0 ? {} : { cpuFlags: cpu.flags }),
      ...(cpu.cores === undefined ? {} : { cores: cpu.cores }),
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(storageType === undefined ? {} : { storageType }),
      ...(network.bytesPerSec === undefined ? {} : { networkBytesPerSec: network.bytesPerSec }),
    },
    doubts,
    isVirtualised: cpu.isVirtualised,
    isInMemory: storage.facts.some(({ name, value }) => name === 'filesystem' && isMemoryFilesystem(value)),
    sockets: Number(cpu.facts.find(({ name }) => name === 'sockets')?.value ?? 1),
    ...(cpu.threads === undefined ? {} : { threads: cpu.threads }),
    ...(cpu.lastCacheBytes === undefined ? {} : { lastCacheBytes: cpu.lastCacheBytes }),
  }
}

function readMemoryBytes(files: FactFiles): number | undefined {
  const kib = /^MemTotal:\s+(?<kib>\d{1,12}) kB$/m.exec(files.read('/proc/meminfo') ?? '')?.groups?.['kib']
  return kib === undefined || kib === '0' ? undefined : Number(kib) * KiB
}

/** Makers who left their mainboard's fields empty say so in many ways. */
const NO_NAME =
  /^(?:to be filled|default string|system (?:product name|manufacturer)|not specified|none|unknown|0+$|empty)/i

function readModel(files: FactFiles): string | undefined {
  const words = ['sys_vendor', 'product_name'].flatMap((name) => {
    const text = files.read(`/sys/class/dmi/id/${name}`)
    return text === undefined || text === '' || NO_NAME.test(text) ? [] : [text]
  })
  const told = words.length > 0 ? words.join(' ') : files.read('/proc/device-tree/model')?.replaceAll('\0', '')
  return told === undefined || told === '' ? undefined : told.slice(0, 200)
}

function countNodes(files: FactFiles): number | undefined {
  const nodes = files.list('/sys/devices/system/node').filter((name) => /^node\d+$/.test(name))
  return nodes.length === 0 ? undefined : nodes.length
}

/** The fastest link that is up counts: VMs leave by it. Bonds tell the sum of their members, which are passed over. */
function readLinks(files: FactFiles): { facts: readonly HostFact[]; bytesPerSec?: number } {
  const links = files
    .list('/sys/class/net')
    .filter((name) => !VIRTUAL_INTERFACE.test(name))
    .flatMap((name) => {
      const folder = `/sys/class/net/${name}`
      const mbits = readWholeNumber(files, `${folder}/speed`)
      const isUp = files.read(`${folder}/operstate`) !== 'down'
      const isMember = files.list(folder).includes('bonding_slave')
      // -1 is the kernel's way of saying that nobody knows; so is the largest 32-bit number of old drivers.
      if (mbits === undefined || mbits <= 0 || mbits >= 4_294_967_295 || !isUp || isMember) return []
      return [{ name, bytesPerSec: (mbits * BITS_PER_MBIT) / 8 }]
    })
  const facts = links.flatMap(({ name, bytesPerSec }) =>
    fact('networkBytesPerSec', bytesPerSec, `/sys/class/net/${name}/speed`, name),
  )
  return links.length === 0 ? { facts } : { facts, bytesPerSec: Math.max(...links.map((link) => link.bytesPerSec)) }
}
