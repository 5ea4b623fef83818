/** Why a dimension is absent here: not what it may mean anywhere, but what was found in the way. */
import type { Finding } from '../../drivers/guest/sampler.ts'
import { type DimensionName, isPresent, PERSONALITY_SCHEMA, type PersonalityVector } from '../../terms/personality.ts'
import { samplerOf } from './once-groups.ts'
import type { SamplerDetails } from './watch.ts'

export interface OnceView {
  readonly vector: PersonalityVector
  readonly looks: number
  readonly phaseName?: string
  /** Who saw a dimension: the guest told it, or the host saw it. */
  readonly witness: 'guest' | 'host'
  readonly details: readonly SamplerDetails[]
  readonly findings: readonly Finding[]
}

/** Names of absent dimensions by the reason, in the order of the schema. */
export function absentByReason(view: OnceView): ReadonlyMap<string, readonly DimensionName[]> {
  const byReason = new Map<string, DimensionName[]>()
  PERSONALITY_SCHEMA.forEach(({ name }, i) => {
    if (isPresent(view.vector, i)) return
    const reason = reasonOf(name, view)
    byReason.set(reason, [...(byReason.get(reason) ?? []), name])
  })
  return byReason
}

/** What happened to be absent though it can be seen, and why. */
const NOTHING_HAPPENED: ReadonlyMap<DimensionName, string> = new Map([
  ['diskLatencyMs', 'no disk request ended while it was looked at'],
  ['processLifetimeSecMedian', 'no process ended while it was looked at'],
  ['cpuUserShare', 'nothing ran'],
  ['cpuSystemShare', 'nothing ran'],
  ['topProcessCpuShare', 'nothing ran'],
  [
    'applicationRequestsPerSec',
    'no application that counts requests has answered twice yet: look for longer, --for 20s',
  ],
  ['applicationLatencyMsMean', 'no application told how long requests took'],
  ['applicationReadShare', 'no application told which requests only read'],
  ['applicationCacheHitShare', 'no application told of a cache that was used'],
  ['applicationLockWaitShare', 'no application told of locks'],
])

/** For one dimension. Without findings, as in a vector that was made elsewhere, it is what the schema says. */
export function reasonOf(name: DimensionName, { findings, witness }: Pick<OnceView, 'findings' | 'witness'>): string {
  const general = PERSONALITY_SCHEMA.find((dimension) => dimension.name === name)?.absentMeans ?? ''
  const sampler = samplerOf(name)
  if (sampler === undefined || witness === 'host' || findings.length === 0) return general
  const own = findings.filter((finding) => finding.sampler === sampler)
  if (own.length === 0) return `the sampler ${sampler} is switched off`
  const nearest = own.filter(({ what }) => concerns(what, name))
  const about = nearest.length > 0 ? nearest : own
  const inTheWay = about.filter(({ state }) => state === 'absent').map(({ because }) => because)
  if (inTheWay.length > 0 && inTheWay.length === about.length) return inTheWay[0]
  return NOTHING_HAPPENED.get(name) ?? 'two looks could not be compared: a counter was missing, or went back'
}

/** Words of a finding that concerns only some of its sampler's dimensions, and which. */
const ONLY: readonly (readonly [RegExp, RegExp])[] = [
  [/^steal/, /^cpuSteal/],
  [/^pressure of cpu/, /^cpu/],
  [/^pressure of memory/, /^memory/],
  [/^pressure of io/, /^io/],
  [/^used, cached/, /^memory/],
  [/^major faults/, /^(majorFaults|swap)/],
  [/^bytes, packets/, /^net(Receive|Send)/],
  [/^TCP retransmits/, /^netRetransmits/],
  [/^births and deaths/, /^process(Births|Deaths)/],
  [/^processes: number/, /^(processCount|processLifetime|topProcess)/],
  [/^CPU by mode/, /^(cpu(?!Steal)|runQueue|contextSwitches)/],
  [/^which program talks/, /^$/],
  [/^system calls/, /^systemCalls/],
  [/^library calls/, /^libraryCalls/],
]

function concerns(what: string, name: DimensionName): boolean {
  const only = ONLY.find(([words]) => words.test(what))
  return only === undefined || only[1].test(name)
}
