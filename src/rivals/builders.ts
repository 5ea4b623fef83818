/** Builders for the rivals' tests: small clusters, with the unremarkable filled in. */
import { aPlainHost } from '../terms/builders.ts'
import type { HostState, Inventory, MigrationInFlight } from '../terms/cluster.ts'
import type { HostCharacteristics } from '../terms/host.ts'
import { parseVmId } from '../terms/ids.ts'
import { PRODUCTION_POLICY, type Policy } from '../terms/policy.ts'
import type { DemandSeries } from '../terms/trace.ts'
import type { Balancer, Observation } from '../terms/turn.ts'
import { GiB, MINUTE_MS } from '../terms/units.ts'
import type { Vm } from '../terms/vm.ts'

/** Samples come every five minutes. */
export const STEP_MS = 5 * MINUTE_MS

/** CloudSim's: nothing is limited but what VM sizes demand of a first home. */
export const NO_LIMITS: Policy = { ...PRODUCTION_POLICY, limits: {} }

/** 10 reference cores, 100 GiB; 100 W idle and 200 W full, straight in between, so best at full load. */
export function aHost(index: number, changes: Partial<HostCharacteristics> = {}): HostCharacteristics {
  return aPlainHost(index, { cores: 10, memoryBytes: 100 * GiB, ...changes })
}

/** 4 vCPUs of one reference core, 10 GiB. */
export function aVm(index: number, changes: Partial<Vm> = {}): Vm {
  return { id: parseVmId(`vm-${index}`), vcpus: 4, refCoresPerVcpu: 1, memoryBytes: 10 * GiB, ...changes }
}

export interface Situation {
  readonly hosts: readonly HostCharacteristics[]
  /** One entry a VM: where it runs, what it takes now in reference cores and bytes, and what is unlike `aVm`. */
  readonly vms: readonly {
    readonly on: number
    readonly cpu?: number
    readonly memory?: number
    readonly changes?: Partial<Vm>
  }[]
  readonly states?: readonly HostState[]
  readonly migrations?: readonly MigrationInFlight[]
  readonly at?: number
}

/** What a turn would observe. Memory that no VM was measured with is missing as a column. */
export function anObservation(situation: Situation): Observation {
  const { hosts, vms, at = 0 } = situation
  const inventory: Inventory = {
    at,
    hosts,
    hostStates: situation.states ?? hosts.map(() => 'on'),
    vms: vms.map(({ changes }, i) => aVm(i, changes)),
    hostOf: Int32Array.from(vms, ({ on }) => on),
    migrations: situation.migrations ?? [],
    ended: [],
  }
  const memory = vms.some((vm) => vm.memory !== undefined)
    ? { memory: Float32Array.from(vms, (vm) => vm.memory ?? Number.NaN) }
    : {}
  const columns = { cpu: Float32Array.from(vms, (vm) => vm.cpu ?? Number.NaN), ...memory }
  return { at, inventory, samples: { at, windowMs: STEP_MS, columns }, personalities: [] }
}

/** Who goes where, told as `vm-0: host-0 > host-1`. */
export function movesOf<State>(
  balancer: Balancer<State>,
  situation: Situation,
  policy: Policy = NO_LIMITS,
  state: State = balancer.start({ seed: 1 }),
): string[] {
  const { orders } = balancer.takeTurn(state, anObservation(situation), policy)
  return orders.map(({ vmId, from, to }) => `${vmId}: ${from} > ${to}`)
}

/** Demands in reference cores: one list per VM, one number per step. */
export function aFuture(vms: readonly Vm[], rows: readonly (readonly number[])[]): DemandSeries {
  const steps = rows[0]?.length ?? 0
  const cpu = new Float32Array(vms.length * steps)
  rows.forEach((row, vm) => row.forEach((demand, step) => (cpu[step * vms.length + vm] = demand)))
  const firstStep = new Int32Array(vms.length)
  return { vms, stepMs: STEP_MS, steps, columns: { cpu }, firstStep, lastStep: firstStep.map(() => steps - 1) }
}
