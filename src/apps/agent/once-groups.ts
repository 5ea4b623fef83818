/** How the schema's dimensions, and what is measured beside them, are grouped for people. */
import type { SamplerName } from '../../drivers/guest/sampler.ts'
import { DIMENSIONS, type DimensionName, dimensionIndex, PERSONALITY_SCHEMA } from '../../terms/personality.ts'
import type { Detail } from '../../terms/reading.ts'
import type { SamplerDetails } from './watch.ts'

/** A heading, the run of the schema below it (from its first dimension on), and whose details stand there. */
interface Group {
  readonly title: string
  readonly from: DimensionName
  readonly samplers: readonly SamplerName[]
}

export const GROUPS = [
  { title: 'CPU', from: 'cpuRefCoresMean', samplers: ['cpu'] },
  { title: 'Memory', from: 'memoryUsedBytes', samplers: ['memory', 'dirty-pages'] },
  { title: 'Disk', from: 'diskReadBytesPerSec', samplers: ['disk'] },
  { title: 'Network', from: 'netReceiveBytesPerSec', samplers: ['network'] },
  { title: 'System and library calls', from: 'systemCallsFilePerSec', samplers: ['probes'] },
  { title: 'Processes', from: 'processCount', samplers: ['processes', 'sockets', 'cgroup'] },
  { title: 'Applications', from: 'applicationRequestsPerSec', samplers: ['applications'] },
  { title: 'Behaviour', from: 'cpuBurstiness', samplers: [] },
  { title: 'Forecast of CPU', from: 'forecastCpu5MinP50', samplers: [] },
] as const satisfies readonly Group[]
export type GroupTitle = (typeof GROUPS)[number]['title']

/** Dimensions of a group, in the order of the schema. */
export function dimensionsOf(title: GroupTitle): readonly (typeof PERSONALITY_SCHEMA)[number][] {
  const i = GROUPS.findIndex((group) => group.title === title)
  const next = i + 1 < GROUPS.length ? dimensionIndex(GROUPS[i + 1].from) : DIMENSIONS
  return PERSONALITY_SCHEMA.slice(dimensionIndex(GROUPS[i].from), next)
}

/** Details that belong to a group; those of pressure are spread by the resource that their names begin with. */
export function detailsOf(title: GroupTitle, all: readonly SamplerDetails[]): readonly Detail[] {
  const samplers: readonly string[] = GROUPS.find((group) => group.title === title)?.samplers ?? []
  const own = all
    .filter(({ sampler }) => samplers.includes(sampler))
    .flatMap(({ sampler, details }) => details.map((detail) => below(OWNERS.get(sampler), detail)))
  const resource = PRESSED.get(title)
  const pressure = all.find(({ sampler }) => sampler === 'pressure')?.details ?? []
  return [...pressure.filter(({ name }) => resource !== undefined && name.startsWith(resource)), ...own]
}

/** Samplers that share a group with another, and what their details stand below there. */
const OWNERS: ReadonlyMap<string, string> = new Map([
  ['sockets', 'who talks to whom'],
  ['cgroup', 'own control group'],
])

function below(owner: string | undefined, detail: Detail): Detail {
  return owner === undefined ? detail : { ...detail, name: `${owner}: ${detail.name}` }
}

const PRESSED: ReadonlyMap<GroupTitle, string> = new Map([
  ['CPU', 'cpu '],
  ['Memory', 'memory '],
  ['Disk', 'io '],
] as const)

/** Beginnings of names, by the sampler that measures those dimensions; the first that fits. All others are derived. */
const MEASURED_BY: readonly (readonly [RegExp, SamplerName])[] = [
  [/Pressure/, 'pressure'],
  [/^(cpuRef|cpu\w*Share|runQueue|contextSwitches)/, 'cpu'],
  [/^memoryDirtied/, 'dirty-pages'],
  [/^(memory|majorFaults|swap)/, 'memory'],
  [/^disk/, 'disk'],
  [/^net/, 'network'],
  [/^(systemCalls|libraryCalls)/, 'probes'],
  [/^(process|topProcess)/, 'processes'],
  [/^socketPeers/, 'sockets'],
  [/^application/, 'applications'],
]

/** Who measures a dimension in a guest; undefined for what is derived. */
export function samplerOf(name: DimensionName): SamplerName | undefined {
  return MEASURED_BY.find(([pattern]) => pattern.test(name))?.[1]
}
