/** Whether a vector is taken, known already, or a sign that two copies of one identity live (decision 0009). Pure. */

/** What is known of one sender: one run of one agent. */
export interface SenderState {
  readonly sender: string
  /** Newest sequence that was taken. */
  readonly sequence: number
  /** Digest of the line that had it: the same number with other content is another agent's. */
  readonly digest: string
}

/** What is known of one VM: its senders in the order in which they were first heard. */
export interface VmSenders {
  readonly senders: readonly SenderState[]
}

export interface Arrival {
  readonly sender: string
  readonly sequence: number
  readonly digest: string
}

export type Admission =
  | { readonly kind: 'taken'; readonly next: VmSenders }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'quarantine'; readonly reason: string }

/** A VM of which nothing was heard. */
export const NO_SENDERS: VmSenders = { senders: [] }

/** Runs of an agent of which the newest sequence is remembered: an agent that is started anew every minute for an hour keeps its history. */
const SENDERS_MAX = 64

/** Judges one arrival. Replaying any earlier arrival, in any order, changes nothing. */
export function admit(known: VmSenders, { sender, sequence, digest }: Arrival): Admission {
  const place = known.senders.findIndex((state) => state.sender === sender)
  if (place < 0) {
    const senders = [...known.senders, { sender, sequence, digest }].slice(-SENDERS_MAX)
    return { kind: 'taken', next: { senders } }
  }
  const state = known.senders[place]
  if (sequence === state.sequence && digest !== state.digest)
    return {
      kind: 'quarantine',
      reason: `two vectors of ${sender} are number ${sequence} and differ: one identity is used twice`,
    }
  if (sequence <= state.sequence) return { kind: 'duplicate' }
  if (place < known.senders.length - 1) {
    const newest = known.senders.at(-1)?.sender ?? ''
    return {
      kind: 'quarantine',
      reason: `${sender} goes on after ${newest} was heard: one identity is used by two machines at a time`,
    }
  }
  const senders = known.senders.with(place, { sender, sequence, digest })
  return { kind: 'taken', next: { senders } }
}
