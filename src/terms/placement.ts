import { parseVmId, type VmId } from './ids.ts'
import {
  ParseError,
  parseFields,
  parseList,
  parseNumber,
  parseOptional,
  parseText,
  refuseUnknownFields,
} from './parse.ts'
import type { PersonalityVector } from './personality.ts'
import { parsePersonality } from './personality-codec.ts'
import { parseCpuFlags } from './vm.ts'

/** VMs that one question may ask about. */
export const WANTED_VMS_MAX = 256

/** A VM to come, as somebody who asks for a place describes it: by its size, as like another, or with a personality measured elsewhere.
 *  What is left out is taken from the VM that it is like. */
export interface WantedVm {
  /** What the answer calls it; must not be the id of a VM that exists. */
  readonly id: VmId
  readonly vcpus?: number
  /** Absent, and like nobody: as most VMs of the cluster have it. */
  readonly refCoresPerVcpu?: number
  readonly memoryBytes?: number
  readonly antiAffinityGroup?: string
  readonly cpuFlags?: readonly string[]
  /** A VM of this cluster that it will be like, in size and demand. */
  readonly like?: VmId
  /** How it behaved where it ran before. */
  readonly personality?: PersonalityVector
}

/** Where would these go, all of them together? */
export interface PlacementQuestion {
  readonly vms: readonly WantedVm[]
}

const FIELDS = [
  'id',
  'count',
  'vcpus',
  'refCoresPerVcpu',
  'memoryBytes',
  'antiAffinityGroup',
  'cpuFlags',
  'like',
  'personality',
] as const

/** Reads `{ "vms": [...] }`. An entry with `"count": n` stands for n alike, called `id-1` to `id-n`; one without an id is called by its place.
 *  Throws a `ParseError`. */
export function parsePlacementQuestion(value: unknown, place = 'placement'): PlacementQuestion {
  const fields = parseFields(value, place)
  refuseUnknownFields(fields, ['vms'], place)
  const entries = parseList(fields['vms'], `${place}.vms`, WANTED_VMS_MAX)
  const vms = entries.flatMap((entry, i) => parseWanted(entry, `${place}.vms[${i}]`, i))
  if (vms.length === 0 || vms.length > WANTED_VMS_MAX) {
    throw new ParseError(`${place}.vms`, vms.length, `Expected 1 to ${WANTED_VMS_MAX} VMs, counts included.`)
  }
  const ids = new Set<string>()
  for (const { id } of vms) {
    if (ids.has(id)) throw new ParseError(`${place}.vms`, id, 'Two of the VMs have this id.')
    ids.add(id)
  }
  return { vms }
}

function parseWanted(value: unknown, place: string, index: number): readonly WantedVm[] {
  const fields = parseFields(value, place)
  refuseUnknownFields(fields, FIELDS, place)
  const size = { min: 1, max: 4096, integer: true }
  const like = parseOptional(fields['like'], (id) => parseVmId(id, `${place}.like`))
  const vcpus = parseOptional(fields['vcpus'], (n) => parseNumber(n, `${place}.vcpus`, size))
  const memoryBytes = parseOptional(fields['memoryBytes'], (n) =>
    parseNumber(n, `${place}.memoryBytes`, { min: 0, max: 2 ** 53 - 1 }),
  )
  if (like === undefined && (vcpus === undefined || memoryBytes === undefined)) {
    throw new ParseError(
      place,
      undefined,
      'A VM to come needs `vcpus` and `memoryBytes`, or `like` with the id of a VM.',
    )
  }
  const speed = parseOptional(fields['refCoresPerVcpu'], (n) =>
    parseNumber(n, `${place}.refCoresPerVcpu`, { min: 1e-6, max: 1e6 }),
  )
  const group = parseOptional(fields['antiAffinityGroup'], (text) => parseText(text, `${place}.antiAffinityGroup`, 64))
  const cpuFlags = parseOptional(fields['cpuFlags'], (list) => parseCpuFlags(list, `${place}.cpuFlags`))
  const personality = parseOptional(fields['personality'], (line) =>
    parsePersonality(typeof line === 'string' ? line : JSON.stringify(line), `${place}.personality`),
  )
  const wanted = {
    ...(vcpus === undefined ? {} : { vcpus }),
    ...(speed === undefined ? {} : { refCoresPerVcpu: speed }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(group === undefined ? {} : { antiAffinityGroup: group }),
    ...(cpuFlags === undefined ? {} : { cpuFlags }),
    ...(like === undefined ? {} : { like }),
    ...(personality === undefined ? {} : { personality }),
  }
  const count = parseOptional(fields['count'], (n) =>
    parseNumber(n, `${place}.count`, { min: 1, max: WANTED_VMS_MAX, integer: true }),
  )
  const id = fields['id'] ?? `new-${index + 1}`
  if (count === undefined) return [{ id: parseVmId(id, `${place}.id`), ...wanted }]
  const name = parseText(id, `${place}.id`, 60)
  return Array.from({ length: count }, (_, i) => ({ id: parseVmId(`${name}-${i + 1}`, `${place}.id`), ...wanted }))
}
