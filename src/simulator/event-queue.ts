import type { EpochMs } from '../terms/units.ts'

interface SimulatedEvent {
  readonly at: EpochMs
  /** Breaks ties: what was scheduled first happens first. */
  readonly sequence: number
  readonly happen: (at: EpochMs) => void
}

/** What is going to happen, earliest first: a binary heap. */
export class EventQueue {
  private readonly heap: SimulatedEvent[] = []
  private scheduled = 0

  schedule(at: EpochMs, happen: (at: EpochMs) => void): void {
    const { heap } = this
    const event = { at, sequence: this.scheduled++, happen }
    let i = heap.length
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!comesBefore(event, heap[parent])) break
      heap[i] = heap[parent]
      i = parent
    }
    heap[i] = event
  }

  /** Instant of the next event; Infinity when nothing is scheduled. */
  nextAt(): EpochMs {
    return this.heap.length === 0 ? Infinity : this.heap[0].at
  }

  /** Lets the next event happen. */
  happenNext(): void {
    const { heap } = this
    const [first] = heap
    const last = heap.pop()
    if (last === undefined) return
    if (heap.length > 0) sink(heap, last)
    first.happen(first.at)
  }
}

function sink(heap: SimulatedEvent[], event: SimulatedEvent): void {
  let i = 0
  for (;;) {
    let child = 2 * i + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && comesBefore(heap[child + 1], heap[child])) child++
    if (!comesBefore(heap[child], event)) break
    heap[i] = heap[child]
    i = child
  }
  heap[i] = event
}

function comesBefore(a: SimulatedEvent, b: SimulatedEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence)
}
