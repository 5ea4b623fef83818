/** What the demo's VMs want of their CPUs: the recorded VMs that they follow, slot by slot, and minutes within them. */
import { type AzureCpu, readAzureCpu } from '../../drivers/traces/azure.ts'
import { hashPair } from '../../terms/luck.ts'
import { type EpochMs, type Fraction, MINUTE_MS } from '../../terms/units.ts'
import { SLOT_MS } from '../../terms/usage.ts'
import { APPLICATIONS } from './applications.ts'

const SLOTS_PER_DAY = 288
const MINUTES = SLOT_MS / MINUTE_MS

/** Which recorded VM somebody follows, and by how many days it is put forward. */
export interface Followed {
  readonly row: number
  readonly days: number
}

/** CPU of recorded VMs: the mean of each five minutes, and the highest of the readings within. */
export interface Recorded {
  readonly mean: AzureCpu
  readonly highest: AzureCpu
}

/** 124 VMs over 27 days, as they ship with Ethos. */
export function readRecorded(): Recorded {
  return { mean: readAzureCpu('avg'), highest: readAzureCpu('max') }
}

/** Whom each VM of the demo follows, parallel to the applications' VMs in their order. */
export function followedBy({ mean: { ids } }: Recorded): readonly Followed[] {
  const rowOf = new Map(ids.map((id, row) => [id, row]))
  const used = new Map<string, number>()
  return APPLICATIONS.flatMap(({ count, follows }) =>
    Array.from({ length: count }, (_, i) => {
      const id = follows[i % follows.length]
      const row = rowOf.get(id)
      if (row === undefined) throw new Error(`The trace has no VM ${id}.`)
      const days = used.get(id) ?? 0
      used.set(id, days + 1)
      return { row, days }
    }),
  )
}

export interface LoadOptions {
  readonly recorded: Recorded
  readonly followed: readonly Followed[]
  /** At this instant, which begins a slot, the recording is at this slot. It goes round. */
  readonly from: EpochMs
  readonly fromSlot: number
  readonly seed: number
}

export class TraceLoad {
  private readonly options: LoadOptions

  constructor(options: LoadOptions) {
    this.options = options
  }

  /** Mean share in the slot that an instant lies in, and the highest within. Nobody measured: nothing was wanted. */
  slot(vm: number, at: EpochMs): { readonly mean: Fraction; readonly highest: Fraction } {
    const { recorded, followed, from, fromSlot } = this.options
    const { row, days } = followed[vm]
    const since = Math.floor((at - from) / SLOT_MS) + fromSlot + days * SLOTS_PER_DAY
    const { slots } = recorded.mean
    const place = row * slots + (((since % slots) + slots) % slots)
    const mean = shareAt(recorded.mean, place)
    return { mean, highest: Math.max(mean, shareAt(recorded.highest, place)) }
  }

  /** Share in the minute that an instant lies in. The five of a slot are drawn: their mean is the recorded mean, and none is above the recorded highest. */
  minute(vm: number, at: EpochMs): Fraction {
    const { mean, highest } = this.slot(vm, at)
    const begin = Math.floor(at / SLOT_MS) * MINUTES
    let sum = 0
    for (let m = 0; m < MINUTES; m++) sum += this.draw(vm, begin + m)
    const off = this.draw(vm, Math.floor(at / MINUTE_MS)) - sum / MINUTES
    // A draw lies within 1 of the mean of five, so that it stays within what was recorded and above nothing.
    return mean + off * Math.min(mean, highest - mean)
  }

  private draw(vm: number, minute: number): number {
    return hashPair(vm, minute, this.options.seed) / 2 ** 32
  }
}

function shareAt({ bytes, shareOf }: AzureCpu, place: number): Fraction {
  return shareOf[bytes[place]] || 0
}
