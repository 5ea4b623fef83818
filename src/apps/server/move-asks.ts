/** What people ask of moves under way. */
import type { Mover } from '../../loop/mover.ts'
import type { HostId, OrderId, VmId } from '../../terms/ids.ts'
import type { AskResult } from './controller-messages.ts'
import { moveView } from './moves-text.ts'

/** Asks that a migration end where it began. */
export async function cancelMove(mover: Mover | undefined, vmId: VmId, who: string): Promise<AskResult> {
  const cancelling = (await mover?.cancel(vmId, who)) ?? 'nothing-under-way'
  if (cancelling === 'asked') return { kind: 'done', text: `${vmId} was asked to stay where it is.` }
  if (cancelling === 'nothing-under-way') return { kind: 'unknown' }
  const reason = `${vmId} runs on its new host already, with memory still on the old one: it can't be taken back.`
  return { kind: 'refused', reason }
}

/** A person says that a host is off for good. */
export async function vouchOff(mover: Mover | undefined, hostId: HostId, who: string): Promise<AskResult> {
  const number = (await mover?.vouch(hostId, who)) ?? 0
  if (number === 0) return { kind: 'unknown' }
  return { kind: 'done', text: `It counts as off for ${number} moves that have not ended.` }
}

/** What came of an order that was tried, as people are shown it; undefined: it was not. */
export function triedAs(mover: Mover | undefined, id: OrderId): object | undefined {
  if (mover?.isKnown(id) !== true) return undefined
  const { open, ended } = mover.view()
  const record = [...open.map((move) => move.record), ...ended].find(({ intent }) => intent.order.id === id)
  return record === undefined ? {} : moveView(record)
}
