/** Builders for tests: the hosts and VMs of CloudSim's power examples, and observations made of them. */
import type { HostState, Inventory, MigrationInFlight } from '../../terms/cluster.ts'
import type { HostCharacteristics } from '../../terms/host.ts'
import { parseHostId, parseVmId } from '../../terms/ids.ts'
import { type Policy, PRODUCTION_POLICY } from '../../terms/policy.ts'
import type { Observation } from '../../terms/turn.ts'
import { GiB, MiB } from '../../terms/units.ts'
import type { Vm } from '../../terms/vm.ts'
import { INTERVAL_MS } from './overload.ts'

/** No limits, as CloudSim has none. */
export const UNLIMITED_POLICY: Policy = { ...PRODUCTION_POLICY, name: 'unlimited', limits: {} }

/** HP ProLiant ML110 G4: 2 cores of 1,860 MIPS. Watts: SPECpower_ssj2008 result of 27 January 2011 (Xeon 3040). */
export function aG4(index: number, changes: Partial<HostCharacteristics> = {}): HostCharacteristics {
  return {
    id: parseHostId(`host-${index}`),
    model: 'HP ProLiant ML110 G4',
    cpuType: 'Xeon 3040',
    cpuFlags: [],
    cores: 2,
    refCoresPerCore: 1.86,
    memoryBytes: 4 * GiB,
    storageType: 'hdd',
    networkBytesPerSec: 125_000_000,
    powerWatts: [86, 89.4, 92.6, 96, 99.5, 102, 106, 108, 112, 114, 117],
    benchmarks: {},
    ...changes,
  }
}

/** HP ProLiant ML110 G5: 2 cores of 2,660 MIPS. Watts: SPECpower_ssj2008 result of 24 January 2011 (Xeon 3075). */
export function aG5(index: number, changes: Partial<HostCharacteristics> = {}): HostCharacteristics {
  const powerWatts = [93.7, 97, 101, 105, 110, 116, 121, 125, 129, 133, 135]
  return {
    ...aG4(index),
    model: 'HP ProLiant ML110 G5',
    cpuType: 'Xeon 3075',
    refCoresPerCore: 2.66,
    powerWatts,
    ...changes,
  }
}

/** The four VM types of the examples: MIPS / 1000, and megabytes. */
const VM_TYPES = [
  { refCoresPerVcpu: 2.5, megabytes: 870 },
  { refCoresPerVcpu: 2, megabytes: 1740 },
  { refCoresPerVcpu: 1, megabytes: 1740 },
  { refCoresPerVcpu: 0.5, megabytes: 613 },
] as const

/** A VM of one of the four types, from 0 to 3. */
export function aVm(index: number, type: number, changes: Partial<Vm> = {}): Vm {
  const { refCoresPerVcpu, megabytes } = VM_TYPES[type]
  return { id: parseVmId(`vm-${index}`), vcpus: 1, refCoresPerVcpu, memoryBytes: megabytes * MiB, ...changes }
}

/** What a turn sees: hosts with a VM are on, the others off. */
export interface Sight {
  readonly hosts: readonly HostCharacteristics[]
  readonly vms: readonly Vm[]
  readonly hostOf: readonly number[]
  /** Demand in reference cores. */
  readonly cpu: readonly number[]
  readonly turn?: number
  readonly hostStates?: readonly HostState[]
  readonly migrations?: readonly MigrationInFlight[]
}

export function anInventory({ hosts, vms, hostOf, turn = 1, hostStates, migrations = [] }: Sight): Inventory {
  const states = hosts.map((_, host): HostState => (hostOf.includes(host) ? 'on' : 'off'))
  const at = turn * INTERVAL_MS
  return { at, hosts, hostStates: hostStates ?? states, vms, hostOf: Int32Array.from(hostOf), migrations, ended: [] }
}

export function anObservation(sight: Sight): Observation {
  const inventory = anInventory(sight)
  const columns = { cpu: Float32Array.from(sight.cpu) }
  const samples = { at: inventory.at, windowMs: INTERVAL_MS, columns }
  return { at: inventory.at, inventory, samples, personalities: [] }
}
