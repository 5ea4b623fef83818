import type { DemandSeries } from '../terms/trace.ts'
import type { Vm } from '../terms/vm.ts'

/** Who lives now. The list of VMs stays the same object while nobody comes or goes. */
export class Roster {
  private readonly demand: DemandSeries
  private readonly byArrival: Int32Array
  private readonly byDeparture: Int32Array
  private readonly isAlive: Uint8Array
  private arrived = 0
  private departed = 0
  private living = 0
  private vmsNow: readonly Vm[] = []
  private rowsNow = new Int32Array(0)

  constructor(demand: DemandSeries) {
    this.demand = demand
    const { firstStep, lastStep } = demand
    const everLive = Int32Array.from(demand.vms.keys()).filter((row) => firstStep[row] <= lastStep[row])
    this.byArrival = everLive.toSorted((a, b) => firstStep[a] - firstStep[b] || a - b)
    this.byDeparture = everLive.toSorted((a, b) => lastStep[a] - lastStep[b] || a - b)
    this.isAlive = new Uint8Array(demand.vms.length)
  }

  /** The living, in the order of the trace. */
  get vms(): readonly Vm[] {
    return this.vmsNow
  }

  /** Row of the trace of each of `vms`. */
  get rows(): Int32Array {
    return this.rowsNow
  }

  /** True while every VM of the trace lives, so that rows and places in the list are the same. */
  get isFull(): boolean {
    return this.living === this.demand.vms.length
  }

  /** Rows of those that go and come at a step. The list changes only when there are any. */
  advance(step: number): { readonly leaving: Int32Array; readonly coming: Int32Array } {
    const { firstStep, lastStep } = this.demand
    const departedBefore = this.departed
    const arrivedBefore = this.arrived
    while (this.departed < this.byDeparture.length && lastStep[this.byDeparture[this.departed]] < step) this.departed++
    while (this.arrived < this.byArrival.length && firstStep[this.byArrival[this.arrived]] <= step) this.arrived++
    const leaving = this.byDeparture.subarray(departedBefore, this.departed)
    const coming = this.byArrival.subarray(arrivedBefore, this.arrived)
    for (const row of coming) this.isAlive[row] = 1
    for (const row of leaving) this.isAlive[row] = 0
    if (leaving.length > 0 || coming.length > 0) this.list(this.living + coming.length - leaving.length)
    return { leaving, coming }
  }

  private list(living: number): void {
    const { vms } = this.demand
    this.living = living
    const rows = new Int32Array(living)
    let n = 0
    for (let row = 0; row < vms.length; row++) if (this.isAlive[row] === 1) rows[n++] = row
    this.rowsNow = rows
    this.vmsNow = this.isFull ? vms : Array.from(rows, (row) => vms[row])
  }
}
