import type { HostId, VmId } from '../terms/ids.ts'
import type { VmFacts } from '../terms/move-facts.ts'

/** Reads what a promise rests on, ahead of a move. It looks and samples; nothing of a VM is changed. */
export interface VmFactsReader {
  /** Takes seconds, and one VM of a host at a time. Never rejects: what can't be read is a value. */
  read(vmId: VmId, hostId: HostId): Promise<VmFactsAnswer>
  /** Limit that is set on the way between two hosts, in Mbit/s. Undefined: none is set. */
  linkMbitPerSec(from: HostId, to: HostId): number | undefined
}

export type VmFactsAnswer =
  | { readonly kind: 'read'; readonly facts: VmFacts }
  | { readonly kind: 'unreadable'; readonly reason: string }
