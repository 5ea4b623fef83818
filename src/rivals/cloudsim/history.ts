import { HOST_UNKNOWN } from '../../terms/cluster.ts'
import type { VmId } from '../../terms/ids.ts'
import type { Observation } from '../../terms/turn.ts'
import type { Vm } from '../../terms/vm.ts'

/** Samples that a VM's history keeps: `HISTORY_LENGTH` of CloudSim's PowerVm. */
export const HISTORY_SAMPLES = 30

/** What a rival carries from turn to turn. Never changed once made; history columns are shared between states. */
export interface CloudsimState {
  readonly turn: number
  readonly vms: readonly Vm[]
  /** Demand of every VM in reference cores, parallel to `vms`, newest first; 0 where a VM was not there yet. */
  readonly history: readonly Float64Array[]
  /** Last known demand in reference cores; NaN for a VM that was never measured. */
  readonly lastKnown: Float64Array
  readonly hostOf: Int32Array
  /** A VM that came to its host later has a higher number: CloudSim keeps a host's VMs in this order, and ties fall by it. */
  readonly arrival: Float64Array
  readonly nextArrival: number
  /** Place of each VM's order among the last turn's orders; -1 where it had none. */
  readonly orderPlace: Int32Array
}

/** What a turn knows of the VMs, parallel to the inventory's list. */
export interface VmFacts {
  readonly vms: readonly Vm[]
  readonly history: readonly Float64Array[]
  /** Demand now in reference cores; 0 where it was never measured. */
  readonly demand: Float64Array
  /** 1 where nobody ever measured the VM: it stays where it is. */
  readonly isUnmeasured: Uint8Array
  readonly isMoving: Uint8Array
  readonly inOrderOfArrival: readonly number[]
  readonly indexOf: (vmId: VmId) => number | undefined
}

export function startState(): CloudsimState {
  return {
    turn: 0,
    vms: [],
    history: [],
    lastKnown: new Float64Array(0),
    hostOf: new Int32Array(0),
    arrival: new Float64Array(0),
    nextArrival: 0,
    orderPlace: new Int32Array(0),
  }
}

/** Takes in one observation: the state after it (still without orders) and what the turn may use of it. */
export function remember(
  state: CloudsimState,
  { inventory, samples }: Observation,
): { readonly state: CloudsimState; readonly facts: VmFacts } {
  const { vms, hostOf } = inventory
  const old = vms === state.vms ? state : carryOver(state, vms)
  const cpu = samples.columns.cpu
  const lastKnown = Float64Array.from(old.lastKnown, (before, vm) => {
    const sample = cpu === undefined ? Number.NaN : cpu[vm]
    return Number.isNaN(sample) ? before : sample
  })
  const demand = lastKnown.map((value) => (Number.isNaN(value) ? 0 : value))
  const history = [demand, ...old.history.slice(0, HISTORY_SAMPLES - 1)]
  const arrivals = noteArrivals(old, hostOf)

  const indices = new Map<VmId, number>()
  if (inventory.migrations.length > 0) vms.forEach((vm, i) => indices.set(vm.id, i))
  const isMoving = new Uint8Array(vms.length)
  for (const { vmId } of inventory.migrations) isMoving[indices.get(vmId) ?? vms.length] = 1
  const next = { ...old, ...arrivals, turn: state.turn + 1, history, lastKnown, hostOf: hostOf.slice() }
  return {
    state: next,
    facts: {
      vms,
      history,
      demand,
      isUnmeasured: Uint8Array.from(lastKnown, (value) => Number(Number.isNaN(value))),
      isMoving,
      inOrderOfArrival: sortedByArrival(next.arrival),
      indexOf: (vmId) => indices.get(vmId),
    },
  }
}

/** Samples from now back to the oldest that is not zero: CloudSim drops the zeros at the old end. */
export function historyLength(history: readonly Float64Array[], vm: number): number {
  let length = history.length
  while (length > 0 && history[length - 1][vm] === 0) length--
  return length
}

/** The state for another list of VMs: those that stayed keep what is known of them. */
function carryOver(state: CloudsimState, vms: readonly Vm[]): CloudsimState {
  const before = new Map(state.vms.map((vm, i) => [vm.id, i]))
  const source = vms.map((vm) => before.get(vm.id) ?? -1)
  const pick = (column: Float64Array, absent: number) =>
    Float64Array.from(source, (from) => (from < 0 ? absent : column[from]))
  return {
    ...state,
    vms,
    history: state.history.map((column) => pick(column, 0)),
    lastKnown: pick(state.lastKnown, Number.NaN),
    hostOf: Int32Array.from(source, (from) => (from < 0 ? HOST_UNKNOWN : state.hostOf[from])),
    arrival: pick(state.arrival, -1),
    orderPlace: Int32Array.from(source, (from) => (from < 0 ? -1 : state.orderPlace[from])),
  }
}

/** VMs that are not where they were came since: first those with the least memory to copy, then in order of their orders. */
function noteArrivals(old: CloudsimState, hostOf: Int32Array): Pick<CloudsimState, 'arrival' | 'nextArrival'> {
  const came: number[] = []
  hostOf.forEach((host, vm) => {
    if (host !== old.hostOf[vm] || old.arrival[vm] < 0) came.push(vm)
  })
  if (came.length === 0) return { arrival: old.arrival, nextArrival: old.nextArrival }
  const arrival = old.arrival.slice()
  const copied = (vm: number) => (old.orderPlace[vm] < 0 ? 0 : old.vms[vm].memoryBytes)
  came.sort((a, b) => copied(a) - copied(b) || old.orderPlace[a] - old.orderPlace[b] || a - b)
  came.forEach((vm, i) => {
    arrival[vm] = old.nextArrival + i
  })
  return { arrival, nextArrival: old.nextArrival + came.length }
}

function sortedByArrival(arrival: Float64Array): number[] {
  return Array.from(arrival.keys()).sort((a, b) => arrival[a] - arrival[b])
}
