/** Moves that nobody of ours ordered: noticed, and yielded to. */
import type { HostId, VmId } from '../../terms/ids.ts'
import type { ForeignMove } from '../../terms/intent.ts'
import { DAY_MS, type EpochMs, HOUR_MS } from '../../terms/units.ts'

/** A move of ours that was seen done. */
export interface OwnMove {
  readonly vmId: VmId
  readonly from: HostId
  readonly to: HostId
  readonly doneAt: EpochMs
}

/** Who undoes our moves this often within this long is another balancer, or a person who means it. */
export const REVERSALS_MOST = 2
export const REVERSALS_WITHIN_MS = HOUR_MS
export const YIELD_MS = DAY_MS

/** Takes a VM back to where a move of ours of the last day took it from. */
export function isReversal(foreign: ForeignMove, own: readonly OwnMove[]): boolean {
  return own.some(
    ({ vmId, from, to, doneAt }) =>
      vmId === foreign.vmId && from === foreign.to && to === foreign.from && foreign.seenAt - doneAt < DAY_MS,
  )
}

/** Has this VM been taken back so often that we leave it to whoever does it?
 *  @param reversals of all VMs, those of this moment included */
export function shouldYield(vmId: VmId, reversals: readonly ForeignMove[], now: EpochMs): boolean {
  const recent = reversals.filter((move) => move.vmId === vmId && now - move.seenAt < REVERSALS_WITHIN_MS)
  return recent.length >= REVERSALS_MOST
}
