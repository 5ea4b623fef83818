/** Whether a vector is taken, known already, or a sign that two copies of one identity live (decision 0009). Pure. */

/** What is known of one sender: one run of one agent. */
export interface SenderState {
  readonly sender: string
  /** Newest sequence that was taken. */
  readonly sequence: number
}

/** What is known of one VM: its senders in the order in which they were last found to follow each other, the current one last. */
export interface VmSenders {
  readonly senders: readonly SenderState[]
  /** An operator has just ended a quarantine: whoever is heard first is the current sender, whichever it is. */
  readonly isReleased: boolean
}

export interface Arrival {
  readonly sender: string
  readonly sequence: number
  /** What is kept under this sender and number already: nothing, the same bytes, or other bytes. */
  readonly kept: 'nothing' | 'same' | 'other'
}

export type Admission =
  | { readonly kind: 'taken'; readonly next: VmSenders }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'quarantine'; readonly reason: string }

/** A VM of which nothing was heard. */
export const NO_SENDERS: VmSenders = { senders: [], isReleased: false }

/** Runs of an agent of which the newest sequence is remembered: an agent that is started anew every minute for an hour keeps its history. */
export const SENDERS_MAX = 64

const DUPLICATE: Admission = { kind: 'duplicate' }

/** Judges one arrival. Replaying any earlier arrival, in any order, changes nothing. */
export function admit(known: VmSenders, { sender, sequence, kept }: Arrival): Admission {
  if (kept === 'same') return DUPLICATE
  if (kept === 'other') {
    if (known.isReleased) return DUPLICATE
    const reason = `two vectors of ${sender} are number ${sequence} and differ: one identity is used twice`
    return { kind: 'quarantine', reason }
  }
  const place = known.senders.findIndex((state) => state.sender === sender)
  if (place < 0) return taken(known.senders, { sender, sequence })
  if (sequence <= known.senders[place].sequence) return DUPLICATE
  if (place < known.senders.length - 1 && !known.isReleased) {
    const newest = known.senders.at(-1)?.sender ?? ''
    const reason = `${sender} goes on after ${newest} was heard: one identity is used by two machines at a time`
    return { kind: 'quarantine', reason }
  }
  return taken(known.senders.toSpliced(place, 1), { sender, sequence })
}

function taken(others: readonly SenderState[], current: SenderState): Admission {
  return { kind: 'taken', next: { senders: [...others, current].slice(-SENDERS_MAX), isReleased: false } }
}
