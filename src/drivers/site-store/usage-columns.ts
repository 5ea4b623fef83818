import type { VmId } from '../../terms/ids.ts'
import { RESOURCES, type Resource } from '../../terms/sample.ts'
import type { EpochMs } from '../../terms/units.ts'
import type { UsageSeries } from '../../terms/usage.ts'

/** Numbers of one slot of one VM: the means of all resources, then the highest. */
export const NUMBERS = RESOURCES.length * 2

/** Columns of one VM while they are filled: made when the first number comes, for a resource that nobody measured has none. */
export class UsageColumns {
  private readonly columns: (Float32Array | undefined)[] = Array.from({ length: NUMBERS }, () => undefined)
  private readonly slots: number
  /** Columns that are wanted: from this one on, and up to this one. */
  readonly from: number
  readonly to: number

  /** @param meanOf this resource's mean alone. Absent: all columns */
  constructor(slots: number, meanOf?: Resource) {
    this.slots = slots
    this.from = meanOf === undefined ? 0 : RESOURCES.indexOf(meanOf)
    this.to = meanOf === undefined ? NUMBERS : this.from + 1
  }

  /** One column, into which a number is to be written, and never NaN: NaN is where nobody has. */
  column(column: number): Float32Array {
    return (this.columns[column] ??= new Float32Array(this.slots).fill(Number.NaN))
  }

  set(column: number, slot: number, number: number): void {
    this.column(column)[slot] = number
  }

  series(vmId: VmId, firstSlotAt: EpochMs): UsageSeries {
    const of = (offset: number): Partial<Record<Resource, Float32Array>> => {
      const found: Partial<Record<Resource, Float32Array>> = {}
      RESOURCES.forEach((resource, i) => {
        const column = this.columns[offset + i]
        if (column !== undefined) found[resource] = column
      })
      return found
    }
    return { vmId, firstSlotAt, slots: this.slots, mean: of(0), max: of(RESOURCES.length) }
  }
}
