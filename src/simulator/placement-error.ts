import type { HostCharacteristics } from '../terms/host.ts'
import { hostCapacityRefCores } from '../terms/host.ts'
import { GiB } from '../terms/units.ts'
import { type Vm, vmSizeRefCores } from '../terms/vm.ts'

/** A VM of the trace found no first host, so that the run means nothing. The message is for who chose trace and
 *  fleet. */
export class PlacementError extends Error {
  override readonly name = 'PlacementError'
  readonly vm: Vm

  constructor(vm: Vm, hosts: readonly HostCharacteristics[], problem: string) {
    const cores = hosts.map(hostCapacityRefCores)
    const memory = hosts.map((host) => host.memoryBytes)
    super(
      `VM ${vm.id} (${cut(vmSizeRefCores(vm))} reference cores, ${gib(vm.memoryBytes)} GiB) ${problem}. ` +
        `The ${hosts.length === 1 ? 'only host has' : `${hosts.length} hosts have`} ` +
        `${range(cores, cut)} reference cores and ${range(memory, gib)} GiB${hosts.length === 1 ? '' : ' each'}. ` +
        'Give the fleet more or larger hosts, or take fewer VMs.',
    )
    this.vm = vm
  }
}

function range(values: readonly number[], show: (value: number) => string): string {
  let [low, high] = [Infinity, -Infinity]
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)]
  return low === high ? show(low) : `${show(low)} to ${show(high)}`
}

function gib(bytes: number): string {
  return cut(bytes / GiB)
}

function cut(value: number): string {
  return String(Math.round(value * 100) / 100)
}
