/** Builders for tests: small clusters as the engine sees them, with the unremarkable filled in. */
import { aPlainHost } from '../terms/builders.ts'
import type { Barriers, HostState, MigrationInFlight } from '../terms/cluster.ts'
import type { HostCharacteristics } from '../terms/host.ts'
import { parseHostId, parseOrderId, parseVmId, type VmId } from '../terms/ids.ts'
import { type Policy, parsePolicy } from '../terms/policy.ts'
import type { HostSampleBatch } from '../terms/sample.ts'
import type { Observation } from '../terms/turn.ts'
import { GiB, MINUTE_MS } from '../terms/units.ts'
import type { Vm } from '../terms/vm.ts'
import { openContext, type TurnContext } from './context.ts'
import { measureLevels } from './profile/levels.ts'
import { alignRosters } from './roster.ts'
import type { EngineState } from './state.ts'
import { initialState } from './turn.ts'

export const STEP_MS = 5 * MINUTE_MS

/** 4 reference cores, 16 GiB, 1 Gbit/s; 100 W idle and 200 W full, straight in between. */
export function aHost(index: number, changes: Partial<HostCharacteristics> = {}): HostCharacteristics {
  return aPlainHost(index, { cores: 4, memoryBytes: 16 * GiB, ...changes })
}

/** 2 reference cores, 1 GiB. */
export function aVm(index: number, changes: Partial<Vm> = {}): Vm {
  return { id: parseVmId(`vm-${index}`), vcpus: 2, refCoresPerVcpu: 1, memoryBytes: GiB, ...changes }
}

/** Production's policy with sections overlaid, as in a policy file. */
export function aPolicy(changes: Readonly<Record<string, object>> = {}): Policy {
  return parsePolicy(changes)
}

/** A cluster of which a test names what it is about. VMs get one row of past demand each, oldest window first. */
export interface SmallCluster {
  readonly hosts?: readonly HostCharacteristics[]
  readonly hostStates?: readonly HostState[]
  readonly vms?: readonly Vm[]
  /** Host of each VM. */
  readonly hostOf: readonly number[]
  /** Demand in reference cores; a number stands for a flat hour of it. */
  readonly demand: readonly (number | readonly number[])[]
  readonly migrations?: readonly MigrationInFlight[]
  /** What the platform says against moves. Absent: nobody asked it. */
  readonly barriers?: Barriers
  /** What people say against moves. Absent: nothing. */
  readonly objections?: ReadonlyMap<VmId, string>
  /** What hosts measure of themselves. Absent: nothing. */
  readonly hostSamples?: HostSampleBatch
  readonly policy?: Policy
  readonly at?: number
  /** What the engine remembers. */
  readonly state?: Partial<EngineState>
  /** Standard deviations above the mean at which the upper bound stands. */
  readonly bandSd?: number
}

/** What a turn sees of the cluster: its newest window. */
export function anObservation(cluster: SmallCluster): Observation {
  const { hostOf, demand, at = 0 } = cluster
  const rows = rowsOf(demand)
  const hosts = cluster.hosts ?? Array.from({ length: Math.max(...hostOf) + 1 }, (_, h) => aHost(h))
  return {
    at,
    inventory: {
      at,
      hosts,
      hostStates: cluster.hostStates ?? hosts.map(() => 'on' as const),
      vms: cluster.vms ?? hostOf.map((_, v) => aVm(v)),
      hostOf: Int32Array.from(hostOf),
      migrations: cluster.migrations ?? [],
      ended: [],
      ...(cluster.barriers === undefined ? {} : { barriers: cluster.barriers }),
      ...(cluster.objections === undefined ? {} : { objections: cluster.objections }),
    },
    samples: { at, windowMs: STEP_MS, columns: { cpu: Float32Array.from(rows, (row) => row[row.length - 1] ?? NaN) } },
    personalities: [],
    ...(cluster.hostSamples === undefined ? {} : { hostSamples: cluster.hostSamples }),
  }
}

/** The sheet of a turn, with the given past behind it. */
export function aContext(cluster: SmallCluster): TurnContext {
  const observation = anObservation(cluster)
  const { vms } = observation.inventory
  const aligned = alignRosters(initialState(), observation.inventory)
  const rows = rowsOf(cluster.demand)
  const cpuHistory = Array.from({ length: rows[0]?.length ?? 0 }, (_, k) => Float32Array.from(rows, (row) => row[k]))
  const threshold = { ...aligned.threshold, bandSd: cluster.bandSd ?? 3 }
  const state = { ...aligned, cpuHistory, threshold, ...cluster.state }
  return openContext(state, observation, cluster.policy ?? aPolicy(), measureLevels(vms, cpuHistory))
}

/** A copy under way between two of the hosts. */
export function aFlight(vm: number, from: number, to: number): MigrationInFlight {
  return {
    orderId: parseOrderId(`order-${vm}`),
    vmId: parseVmId(`vm-${vm}`),
    from: parseHostId(`host-${from}`),
    to: parseHostId(`host-${to}`),
    startedAt: 0,
  }
}

function rowsOf(demand: SmallCluster['demand']): readonly (readonly number[])[] {
  const length = Math.max(0, ...demand.map((row) => (typeof row === 'number' ? 0 : row.length))) || 12
  return demand.map((row) => (typeof row === 'number' ? Array.from({ length }, () => row) : row))
}
