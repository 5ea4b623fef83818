/** The hosts of the demo: servers of the shipped fleets, with what those do not tell assumed here. */
import { serverCatalogue } from '../../drivers/fleets.ts'
import type { BenchmarkResult, HostCharacteristics, WorkloadType } from '../../terms/host.ts'
import { parseHostId } from '../../terms/ids.ts'
import { SCORE_UNIT } from '../../drivers/host-bench/reference.ts'

/** Set aside for migrations on each host's network, in Mbit/s: so that a copy takes long enough to be watched. */
export const MIGRATION_MBIT_PER_SEC = 1000

/** Kinds of server in the order of the hosts' names, with how fast one of their cores is at kinds of work that SPECpower does not tell of: assumed, by the
 *  age of the processor and by what its generation brought (faster ciphers, more channels of memory), and told nowhere as measured. */
const KINDS: readonly {
  readonly server: string
  readonly count: number
  readonly speeds: Partial<Record<WorkloadType, number>>
}[] = [
  {
    server: 'acer-r380-f2',
    count: 2,
    speeds: { crypto: 0.35, compression: 0.62, 'memory-bandwidth': 0.55, 'memory-latency': 1.05, 'system-call': 0.85 },
  },
  {
    server: 'inspur-nf5280m5-4214',
    count: 3,
    speeds: { crypto: 0.7, compression: 0.78, 'memory-bandwidth': 0.8, 'memory-latency': 0.95, 'system-call': 0.65 },
  },
  {
    server: 'inspur-nf5280m5-6238r',
    count: 4,
    speeds: { crypto: 0.8, compression: 0.9, 'memory-bandwidth': 0.7, 'memory-latency': 0.9, 'system-call': 0.75 },
  },
  {
    server: 'ltechkorea-lkg-2212-c',
    count: 3,
    speeds: { crypto: 0.95, compression: 1.02, 'memory-bandwidth': 0.95, 'memory-latency': 1, 'system-call': 0.9 },
  },
]
/** Of the assumed scores, as standard deviation over mean. */
const SPREAD = 0.03

/** Twelve hosts of four kinds, `kvm-01` to `kvm-12`. Throws a `ParseError` where the shipped fleets lack one of the kinds. */
export function demoHosts(): readonly HostCharacteristics[] {
  const catalogue = serverCatalogue()
  const servers = KINDS.flatMap(({ server, count, speeds }) => {
    const found = catalogue.get(server)
    if (found === undefined) throw new Error(`The shipped fleets have no server ${server}.`)
    return Array.from({ length: count }, () => ({ ...found, benchmarks: { ...found.benchmarks, ...scores(speeds) } }))
  })
  return servers.map((server, h) => ({ ...server, id: parseHostId(`kvm-${String(h + 1).padStart(2, '0')}`) }))
}

function scores(speeds: Partial<Record<WorkloadType, number>>): Partial<Record<WorkloadType, BenchmarkResult>> {
  return Object.fromEntries(
    Object.entries(speeds).map(([type, score]) => [type, { score, unit: SCORE_UNIT, spread: SPREAD }]),
  )
}
