/** A sheet of its own, with VMs on it that do not exist yet: what is tried there leaves the turn's own sheet as it is. */
import { HOST_UNKNOWN } from '../../terms/cluster.ts'
import type { Vm } from '../../terms/vm.ts'
import { vmSizeRefCores } from '../../terms/vm.ts'
import type { TurnContext } from '../context.ts'
import { Paces } from './paces.ts'
import type { Levels } from '../profile/levels.ts'
import type { WorkMix } from '../profile/work-mix.ts'

/** A VM to come as the sheet counts it. */
export interface Newcomer {
  readonly vm: Vm
  /** Expected demand, in reference cores, and its variance. */
  readonly mean: number
  readonly variance: number
  /** What kind of work it does. Absent: as the VM that it is like, or nobody knows. */
  readonly mix?: WorkMix
  /** The VM whose past demand stands for its own. Absent: it has none, and wants its mean at all times. */
  readonly likeVm?: number
}

/** A copy of the sheet on which the newcomers, nowhere yet, follow the VMs that exist: the first is number `hostOf.length` of the old sheet. */
export function branchContext(context: TurnContext, newcomers: readonly Newcomer[]): TurnContext {
  const { observation, state, paces } = context
  const known = observation.inventory.vms.length
  const vms = [...observation.inventory.vms, ...newcomers.map(({ vm }) => vm)]
  const vmIndex = new Map(state.vmIndex)
  newcomers.forEach(({ vm }, i) => vmIndex.set(vm.id, known + i))
  const levels = extendLevels(context.levels, newcomers)
  const cpuHistory = state.cpuHistory.map((column) => extendHistory(column, newcomers))
  const movedAt = extend(state.movedAt, newcomers.length, -Infinity)
  const inventory = { ...observation.inventory, vms, hostOf: extendPlaces(observation.inventory.hostOf, vms.length) }
  return {
    ...context,
    state: { ...state, vms, vmIndex, cpuHistory, movedAt },
    observation: { ...observation, inventory },
    levels,
    loads: context.loads.branch(cpuHistory, levels),
    ...(paces === undefined ? {} : { paces: new Paces(paces.speeds, extendMixes(paces.mixes, newcomers)) }),
    hostOf: extendPlaces(context.hostOf, vms.length),
    members: context.members.map((members) => [...members]),
    memoryBytes: context.memoryBytes.slice(),
    sizes: context.sizes.slice(),
    inFlight: Uint8Array.from({ length: vms.length }, (_, v) => (v < known ? context.inFlight[v] : 0)),
    leaving: extendPlaces(context.leaving, vms.length),
    copies: context.copies.slice(),
  }
}

function extendLevels(levels: Levels, newcomers: readonly Newcomer[]): Levels {
  const known = levels.size.length
  const count = newcomers.length
  const size = extend(levels.size, count, 0)
  const mean = extend(levels.mean, count, 0)
  const variance = extend(levels.variance, count, 0)
  const last = extend(levels.last, count, 0)
  const samples = new Uint16Array(known + count)
  samples.set(levels.samples)
  newcomers.forEach((newcomer, i) => {
    size[known + i] = vmSizeRefCores(newcomer.vm)
    mean[known + i] = newcomer.mean
    variance[known + i] = newcomer.variance
    last[known + i] = newcomer.mean
    if (newcomer.likeVm !== undefined) samples[known + i] = levels.samples[newcomer.likeVm]
  })
  return { size, mean, variance, samples, last }
}

function extendHistory(column: Float32Array, newcomers: readonly Newcomer[]): Float32Array {
  const longer = new Float32Array(column.length + newcomers.length)
  longer.set(column)
  newcomers.forEach(({ likeVm }, i) => {
    longer[column.length + i] = likeVm === undefined ? NaN : column[likeVm]
  })
  return longer
}

function extendMixes(
  mixes: readonly (WorkMix | undefined)[],
  newcomers: readonly Newcomer[],
): readonly (WorkMix | undefined)[] {
  return [...mixes, ...newcomers.map(({ mix, likeVm }) => mix ?? (likeVm === undefined ? undefined : mixes[likeVm]))]
}

function extend(column: Float64Array, count: number, value: number): Float64Array {
  const longer = new Float64Array(column.length + count).fill(value)
  longer.set(column)
  return longer
}

function extendPlaces(column: Int32Array, length: number): Int32Array {
  const longer = new Int32Array(length).fill(HOST_UNKNOWN)
  longer.set(column)
  return longer
}
