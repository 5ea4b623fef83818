import { HOST_UNKNOWN } from '../terms/cluster.ts'
import type { Vm } from '../terms/vm.ts'

/** Where every VM of the trace runs, and what each host has promised. VMs are rows of the trace, hosts indices. */
export class Placement {
  /** Where each VM runs; `HOST_UNKNOWN` while it does not live. */
  readonly hostOf: Int32Array
  /** VMs on each host and on their way to it. */
  readonly occupants: Int32Array
  /** Configured memory of those VMs. */
  readonly committedBytes: Float64Array
  private readonly vms: readonly Vm[]

  constructor(vms: readonly Vm[], hosts: number) {
    this.vms = vms
    this.hostOf = new Int32Array(vms.length).fill(HOST_UNKNOWN)
    this.occupants = new Int32Array(hosts)
    this.committedBytes = new Float64Array(hosts)
  }

  arrive(vm: number, host: number): void {
    this.reserve(vm, host)
    this.hostOf[vm] = host
  }

  depart(vm: number): void {
    this.release(vm, this.hostOf[vm])
    this.hostOf[vm] = HOST_UNKNOWN
  }

  /** Room for a VM that is on its way: while it moves it counts on both hosts. */
  reserve(vm: number, host: number): void {
    this.occupants[host]++
    this.committedBytes[host] += this.vms[vm].memoryBytes
  }

  /** Gives up the room that `reserve` took. */
  release(vm: number, host: number): void {
    this.occupants[host]--
    this.committedBytes[host] -= this.vms[vm].memoryBytes
  }

  /** The VM now runs on `host`, where room was reserved, and leaves the room it had. */
  settle(vm: number, host: number): void {
    this.release(vm, this.hostOf[vm])
    this.hostOf[vm] = host
  }
}
