import { parseVmId, type VmId } from './ids.ts'
import { type Fields, parseBoolean, parseFields, parseList, parseNumber, parseOptional, parseText } from './parse.ts'

/** A virtual machine as its owner ordered it: sizes, never behaviour.
 *
 *  CPU is counted in *reference cores*: 1 is the work that one core of speed 1 does in a second. A host's `refCoresPerCore`
 *  says how fast its cores are on that scale, so demand and capacity of unlike hosts can be added up and compared. */
export interface Vm {
  readonly id: VmId
  readonly vcpus: number
  /** The most reference cores one vCPU can ever use: 2.5 for CloudSim's 2500-MIPS VM, 1 where nothing else is known. */
  readonly refCoresPerVcpu: number
  readonly memoryBytes: number
  /** VMs of one group must not share a host (anti-affinity). Absent: no such rule. */
  readonly antiAffinityGroup?: string
  /** Opted out by its owner: never moved by us. */
  readonly isPinned?: boolean
  /** CPU flags without which its software does not run. Absent: none is known. */
  readonly cpuFlags?: readonly string[]
  /** It sees its host's CPU as it is, so that it may migrate only to hosts that offer the same flags. Absent: not known. */
  readonly isHostPassthrough?: boolean
}

/** What the VM may use at most, in reference cores: its size, as the first placement counts it. */
export function vmSizeRefCores(vm: Vm): number {
  return vm.vcpus * vm.refCoresPerVcpu
}

export function parseVm(value: unknown, place = 'vm'): Vm {
  const fields: Fields = parseFields(value, place)
  const antiAffinityGroup = parseOptional(fields['antiAffinityGroup'], (text) =>
    parseText(text, `${place}.antiAffinityGroup`, 64),
  )
  const isPinned = parseOptional(fields['isPinned'], (flag) => parseBoolean(flag, `${place}.isPinned`))
  const cpuFlags = parseOptional(fields['cpuFlags'], (list) => parseCpuFlags(list, `${place}.cpuFlags`))
  const isHostPassthrough = parseOptional(fields['isHostPassthrough'], (flag) =>
    parseBoolean(flag, `${place}.isHostPassthrough`),
  )
  return {
    id: parseVmId(fields['id'], `${place}.id`),
    vcpus: parseNumber(fields['vcpus'], `${place}.vcpus`, { min: 1, max: 4096, integer: true }),
    refCoresPerVcpu: parseNumber(fields['refCoresPerVcpu'], `${place}.refCoresPerVcpu`, { min: 1e-6, max: 1e6 }),
    memoryBytes: parseNumber(fields['memoryBytes'], `${place}.memoryBytes`, { min: 0, max: 2 ** 53 - 1 }),
    ...(antiAffinityGroup === undefined ? {} : { antiAffinityGroup }),
    ...(isPinned === undefined ? {} : { isPinned }),
    ...(cpuFlags === undefined ? {} : { cpuFlags }),
    ...(isHostPassthrough === undefined ? {} : { isHostPassthrough }),
  }
}

/** Flags as the kernel lists them, "avx2"; at most 1,000. */
export function parseCpuFlags(value: unknown, place: string): readonly string[] {
  return parseList(value, place, 1000).map((flag, i) => parseText(flag, `${place}[${i}]`, 64))
}

export function encodeVm(vm: Vm): string {
  return JSON.stringify(vm)
}
