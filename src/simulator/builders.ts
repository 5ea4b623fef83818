/** Builders for tests: small imagined clusters, with the unremarkable filled in. */
import { HOST_UNKNOWN } from '../terms/cluster.ts'
import { aPlainHost } from '../terms/builders.ts'
import type { HostCharacteristics } from '../terms/host.ts'
import { parseHostId, parseOrderId, parseVmId } from '../terms/ids.ts'
import type { MigrationOrder } from '../terms/move.ts'
import { PRODUCTION_POLICY } from '../terms/policy.ts'
import type { DemandSeries } from '../terms/trace.ts'
import { GiB, MiB, MINUTE_MS } from '../terms/units.ts'
import type { Vm } from '../terms/vm.ts'
import { CLOUDSIM_RULES } from './rules.ts'
import { Simulation, type SimulationOptions } from './simulation.ts'

/** Samples come every five minutes. */
export const STEP_MS = 5 * MINUTE_MS

/** 2 reference cores, 8 GiB, 1 Gbit/s; 100 W idle and 200 W full, straight in between. */
export function aHost(index: number, changes: Partial<HostCharacteristics> = {}): HostCharacteristics {
  return aPlainHost(index, { cores: 2, memoryBytes: 8 * GiB, ...changes })
}

/** 1 vCPU, 1000 MiB: CloudSim's copy takes 1000 x 0.016 = 16 s. */
export function aVm(row: number, changes: Partial<Vm> = {}): Vm {
  return { id: parseVmId(`vm-${row}`), vcpus: 1, refCoresPerVcpu: 1, memoryBytes: 1000 * MiB, ...changes }
}

/** One list of demands per VM, in reference cores; NaN before it comes and after it has gone. */
export function aDemand(rows: readonly (readonly number[])[], vms = rows.map((_, row) => aVm(row))): DemandSeries {
  const steps = rows[0]?.length ?? 0
  const cpu = new Float32Array(rows.length * steps)
  rows.forEach((row, vm) => row.forEach((demand, step) => (cpu[step * rows.length + vm] = demand)))
  return {
    vms,
    stepMs: STEP_MS,
    steps,
    columns: { cpu },
    firstStep: Int32Array.from(rows, (row) => row.findIndex(livesAt)),
    lastStep: Int32Array.from(rows, (row) => row.findLastIndex(livesAt)),
  }
}

function livesAt(demand: number): boolean {
  return !Number.isNaN(demand)
}

/** A simulation in which VM i starts on host `startOn[i]`; absent: all on the first. Two hosts, if nothing else is
 *  said. */
export function aSimulation(
  options: Partial<SimulationOptions> & { readonly demand: DemandSeries; readonly startOn?: readonly number[] },
): Simulation {
  const { startOn, demand } = options
  return new Simulation({
    hosts: [aHost(0), aHost(1)],
    rules: CLOUDSIM_RULES,
    seed: 1,
    policy: PRODUCTION_POLICY,
    placeNew: ({ inventory, newVms }) =>
      Int32Array.from(newVms, (index) =>
        startOn === undefined ? 0 : (startOn[demand.vms.indexOf(inventory.vms[index])] ?? HOST_UNKNOWN),
      ),
    ...options,
  })
}

/** An order with an id made of what it asks, so that it is the same in every run. */
export function anOrder(vm: number, from: number, to: number, id = `order-${vm}-${from}-${to}`): MigrationOrder {
  return {
    id: parseOrderId(id),
    vmId: parseVmId(`vm-${vm}`),
    from: parseHostId(`host-${from}`),
    to: parseHostId(`host-${to}`),
    decidedAt: 0,
    class: 'operator',
    reason: 'the test wants it',
  }
}
