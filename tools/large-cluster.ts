/** A large made-up cluster for benchmarks: hosts of three kinds with a score for every kind of work, ten VMs on each, six hours of past. */
import type { TurnContext } from '../src/engine/context.ts'
import { type HostCharacteristics, WORKLOAD_TYPES } from '../src/terms/host.ts'
import { Luck } from '../src/terms/luck.ts'
import { GiB } from '../src/terms/units.ts'
import { aContext, aHost, aPolicy, aVm } from '../src/engine/builders.ts'

const VMS_PER_HOST = 10
/** Six hours of five minutes each. */
const WINDOWS = 72

/** The same cluster for the same number of hosts. */
export function aLargeContext(hosts: number): TurnContext {
  const luck = new Luck(hosts)
  const vms = Array.from({ length: hosts * VMS_PER_HOST }, (_, v) =>
    aVm(v, {
      vcpus: [1, 2, 4, 8][luck.below(4)],
      memoryBytes: [2, 4, 8, 16][luck.below(4)] * GiB,
      ...(v % 20 === 0 ? { antiAffinityGroup: `group-${v % 400}` } : {}),
    }),
  )
  return aContext({
    hosts: Array.from({ length: hosts }, (_, h) =>
      aHost(h, {
        cores: [16, 24, 32][h % 3],
        refCoresPerCore: [1, 1.2, 1.5][h % 3],
        memoryBytes: [96, 128, 160][h % 3] * GiB,
        benchmarks: scores(h),
      }),
    ),
    hostStates: Array.from({ length: hosts }, (_, h) => (h % 50 === 49 ? 'maintenance' : 'on')),
    vms,
    hostOf: vms.map((_, v) => v % hosts),
    demand: vms.map(({ vcpus }) => {
      const level = 0.5 * luck.fraction()
      return Array.from({ length: WINDOWS }, () => Math.min(vcpus, vcpus * (level + 0.2 * luck.fraction())))
    }),
    policy: aPolicy(),
  })
}

function scores(host: number): HostCharacteristics['benchmarks'] {
  const score = (type: number): number => 1 + ((host * 7 + type * 3) % 10) / 10
  return Object.fromEntries(
    WORKLOAD_TYPES.map((type, t) => [type, { score: score(t), unit: 'x reference', spread: 0.03 }]),
  )
}
