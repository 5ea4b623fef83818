/** Arrivals on their way to the store's thread, as a few columns: a copy of thousands of small objects would cost more than keeping them. */
import type { VmId } from '../../terms/ids.ts'
import { DIMENSIONS, MASK_BYTES, type PersonalityVector } from '../../terms/personality.ts'
import type { ArrivalOutcome, Arrivals, Intake } from '../../world/site-store.ts'

/** Numbers of one vector beside its values: sequence, windowEnd, windowMs, coverage, phases, clock off. */
const NUMBERS = 6

export interface PackedArrivals {
  /** Per VM: name, and at what instant; counts only where there are any. */
  readonly vms: readonly string[]
  readonly at: Float64Array
  readonly counts: readonly (readonly [number, Readonly<Record<string, number>>])[]
  /** Vectors of each VM. */
  readonly lengths: Uint32Array
  /** One after the other, by a line feed each: no sender holds one. */
  readonly senders: string
  readonly numbers: Float64Array
  readonly values: Float32Array<ArrayBuffer>
  readonly masks: Uint8Array<ArrayBuffer>
}

export function packArrivals(arrivals: readonly Arrivals[]): PackedArrivals {
  let count = 0
  for (const { vectors } of arrivals) count += vectors.length
  const numbers = new Float64Array(count * NUMBERS)
  const values = new Float32Array(count * DIMENSIONS)
  const masks = new Uint8Array(count * MASK_BYTES)
  const senders: string[] = []
  const counts: [number, Readonly<Record<string, number>>][] = []
  for (const [i, { vectors, isClockOff, counts: counted }] of arrivals.entries()) {
    for (const word in counted) {
      if (word !== '') counts.push([i, counted])
      break
    }
    for (let k = 0; k < vectors.length; k++) {
      const vector = vectors[k]
      const place = senders.length
      const at = place * NUMBERS
      numbers[at] = vector.sequence
      numbers[at + 1] = vector.windowEnd
      numbers[at + 2] = vector.windowMs
      numbers[at + 3] = vector.coverage
      numbers[at + 4] = vector.phases
      numbers[at + 5] = isClockOff[k] ? 1 : 0
      values.set(vector.values, place * DIMENSIONS)
      masks.set(vector.mask, place * MASK_BYTES)
      senders.push(vector.sender)
    }
  }
  return {
    vms: arrivals.map(({ vm }) => vm),
    at: Float64Array.from(arrivals, ({ at }) => at),
    counts,
    lengths: Uint32Array.from(arrivals, ({ vectors }) => vectors.length),
    senders: senders.join('\n'),
    numbers,
    values,
    masks,
  }
}

/** What need not be copied on its way. */
export function transferOf({ at, lengths, numbers, values, masks }: PackedArrivals): ArrayBuffer[] {
  return [at, lengths, numbers, values, masks].map(({ buffer }) => buffer as ArrayBuffer)
}

/** The same arrivals; the vectors look into the columns. */
export function unpackArrivals({
  vms,
  at,
  counts,
  lengths,
  senders,
  numbers,
  values,
  masks,
}: PackedArrivals): Arrivals[] {
  const names = senders.split('\n')
  const countsOf = new Map(counts)
  let place = 0
  return vms.map((name, i) => {
    const vm = name as VmId
    const vectors: PersonalityVector[] = []
    const isClockOff: boolean[] = []
    for (const end = place + lengths[i]; place < end; place++) {
      const from = place * NUMBERS
      vectors.push({
        vmId: vm,
        sender: names[place],
        sequence: numbers[from],
        windowEnd: numbers[from + 1],
        windowMs: numbers[from + 2],
        coverage: numbers[from + 3],
        phases: numbers[from + 4],
        values: values.subarray(place * DIMENSIONS, (place + 1) * DIMENSIONS),
        mask: masks.subarray(place * MASK_BYTES, (place + 1) * MASK_BYTES),
      })
      isClockOff.push(numbers[from + 5] === 1)
    }
    return { vm, at: at[i], vectors, isClockOff, counts: countsOf.get(i) ?? {} }
  })
}

/** What became of them, on its way back: nearly always all were heard. */
export interface PackedIntakes {
  /** One for each vector of a VM that was heard and is not among the others: 1 is accepted, 0 a duplicate. */
  readonly outcomes: Uint8Array<ArrayBuffer>
  /** Parallel to the VMs: how many outcomes, or a mark for one of the others. */
  readonly lengths: Uint32Array
  readonly others: readonly Intake[]
}

const OTHER = 0xffffffff

export function packIntakes(intakes: readonly Intake[]): PackedIntakes {
  const codes: number[] = []
  const others: Intake[] = []
  const lengths = Uint32Array.from(intakes, (intake) => {
    if (intake.kind === 'heard' && intake.quarantine === undefined) {
      for (const outcome of intake.outcomes) codes.push(outcome === 'accepted' ? 1 : 0)
      return intake.outcomes.length
    }
    others.push(intake)
    return OTHER
  })
  return { outcomes: Uint8Array.from(codes), lengths, others }
}

export function unpackIntakes({ outcomes, lengths, others }: PackedIntakes): Intake[] {
  let place = 0
  let other = 0
  return Array.from(lengths, (length): Intake => {
    if (length === OTHER) return others[other++]
    const heard: ArrivalOutcome[] = []
    for (const end = place + length; place < end; place++) heard.push(outcomes[place] === 1 ? 'accepted' : 'duplicate')
    return { kind: 'heard', outcomes: heard }
  })
}
