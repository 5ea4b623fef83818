/** The working sheet of one turn: what was observed, what follows from it, and what has been planned so far. */
import { HOST_UNKNOWN, type HostState, type MigrationInFlight } from '../terms/cluster.ts'
import type { VmId } from '../terms/ids.ts'
import type { Policy } from '../terms/policy.ts'
import type { Observation } from '../terms/turn.ts'
import { HOUR_MS } from '../terms/units.ts'
import type { Vm } from '../terms/vm.ts'
import { checkHosts, type HostCheck } from './forecast/host-check.ts'
import { HostLoads } from './forecast/host-loads.ts'
import { migrationThreshold } from './learn/threshold.ts'
import type { Levels } from './profile/levels.ts'
import type { EngineState, MoveLogEntry } from './state.ts'
import { Budgets } from './suitability/budgets.ts'
import type { Fleet } from './suitability/fleet.ts'
import { Paces } from './suitability/paces.ts'

export interface TurnContext {
  readonly state: EngineState
  readonly observation: Observation
  readonly policy: Policy
  readonly levels: Levels
  readonly fleet: Fleet
  /** Share by which gain must exceed cost, as learnt. */
  readonly marginFraction: number
  readonly loads: HostLoads
  /** What hosts measured of themselves, beside what their VMs add up to. Absent: they measure nothing. */
  readonly hostCheck?: HostCheck
  /** Where each VM is, planned moves included; HOST_UNKNOWN where nobody knows. */
  readonly hostOf: Int32Array
  /** VMs on each host, planned moves included; VMs on their way count on both. */
  readonly members: number[][]
  /** Configured memory committed on each host, in bytes. */
  readonly memoryBytes: Float64Array
  /** Sum of VM sizes committed on each host, in reference cores. */
  readonly sizes: Float64Array
  /** 1 where the VM is on its way. */
  readonly inFlight: Uint8Array
  /** Host that each VM is on its way from, as observed; HOST_UNKNOWN where it is not on its way. */
  readonly leaving: Int32Array
  /** Migrations out of and into each host: under way, and planned in this turn. */
  readonly copies: Uint16Array
  /** What the site's safety policy leaves. Absent: it limits nothing. */
  readonly budgets?: Budgets
  /** How fast hosts do the VMs' kinds of work. Absent: no host has benchmarks. */
  readonly paces?: Paces
  /** Moves of the last 24 hours by VM. */
  readonly recentMoves: ReadonlyMap<VmId, readonly MoveLogEntry[]>
}

/** @param state the state after this turn's samples went in: its rosters are the observation's. */
export function openContext(state: EngineState, observation: Observation, policy: Policy, levels: Levels): TurnContext {
  const { hosts, vms, hostOf, migrations } = observation.inventory
  const hostCheck = checkHosts(observation, state.fleet, state.cpuHistory.at(-1))
  const context: TurnContext = {
    state,
    observation,
    policy,
    levels,
    fleet: state.fleet,
    marginFraction: migrationThreshold(state.threshold, policy).marginFraction,
    loads: new HostLoads(
      hosts.length,
      state.cpuHistory,
      levels,
      state.threshold.bandSd,
      state.fleet.capacity.map((capacity) => capacity * policy.contention.highFraction),
    ),
    ...(hostCheck === undefined ? {} : { hostCheck }),
    hostOf: Int32Array.from(hostOf),
    members: hosts.map(() => []),
    memoryBytes: new Float64Array(hosts.length),
    sizes: new Float64Array(hosts.length),
    inFlight: new Uint8Array(vms.length),
    leaving: new Int32Array(vms.length).fill(HOST_UNKNOWN),
    copies: new Uint16Array(hosts.length),
    ...(policy.safety === undefined ? {} : { budgets: new Budgets(policy.safety, state, observation) }),
    ...(state.fleet.speeds === undefined
      ? {}
      : {
          paces: new Paces(
            state.fleet.speeds,
            vms.map(({ id }) => state.mixes.get(id)),
          ),
        }),
    recentMoves: groupByVm(state.moveLog),
  }
  for (let v = 0; v < vms.length; v++) if (hostOf[v] !== HOST_UNKNOWN) commit(context, v, hostOf[v])
  for (const migration of migrations) commitMigration(context, migration)
  hostCheck?.ownRefCores.forEach((cores, h) => context.loads.addOwnWork(h, cores))
  return context
}

/** A VM on its way is committed on both hosts, also where nobody knows on which of them it runs. */
function commitMigration(context: TurnContext, migration: MigrationInFlight): void {
  const vm = context.state.vmIndex.get(migration.vmId)
  const from = context.state.hostIndex.get(migration.from)
  const to = context.state.hostIndex.get(migration.to)
  if (vm === undefined || from === undefined || to === undefined) return
  context.inFlight[vm] = 1
  context.leaving[vm] = from
  context.copies[from]++
  context.copies[to]++
  for (const host of from === to ? [to] : [from, to]) if (context.hostOf[vm] !== host) commit(context, vm, host)
}

/** Puts `vm` on the sheet of `host`. */
export function commit(context: TurnContext, vm: number, host: number): void {
  context.loads.add(vm, host)
  context.members[host].push(vm)
  context.memoryBytes[host] += vmAt(context, vm).memoryBytes
  context.sizes[host] += context.levels.size[vm]
}

/** Takes `vm` off the sheet of `host`. */
export function release(context: TurnContext, vm: number, host: number): void {
  context.loads.remove(vm, host)
  const members = context.members[host]
  members.splice(members.indexOf(vm), 1)
  context.memoryBytes[host] -= vmAt(context, vm).memoryBytes
  context.sizes[host] -= context.levels.size[vm]
}

/** Moves `vm` on the sheet, for trying out and for planning. */
export function shift(context: TurnContext, vm: number, to: number): void {
  release(context, vm, context.hostOf[vm])
  commit(context, vm, to)
  context.hostOf[vm] = to
}

export function vmAt(context: TurnContext, vm: number): Vm {
  return context.observation.inventory.vms[vm]
}

export function hostStateAt(context: TurnContext, host: number): HostState {
  return context.observation.inventory.hostStates[host]
}

/** Windows in the horizon: at least one. */
export function horizonSteps(context: TurnContext): number {
  return Math.max(1, Math.round(context.policy.forecast.horizonMs / context.observation.samples.windowMs))
}

export function horizonHours(context: TurnContext): number {
  return context.policy.forecast.horizonMs / HOUR_MS
}

function groupByVm(log: readonly MoveLogEntry[]): Map<VmId, MoveLogEntry[]> {
  const groups = new Map<VmId, MoveLogEntry[]>()
  for (const entry of log) {
    const group = groups.get(entry.vmId)
    if (group === undefined) groups.set(entry.vmId, [entry])
    else group.push(entry)
  }
  return groups
}
