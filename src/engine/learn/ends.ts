/** How our moves ended, in the log of them: what failed makes a VM rest longer, and a host that received one must settle. */
import type { MigrationEnd, MigrationOrder } from '../../terms/move.ts'
import type { EngineState, MoveLogEntry } from '../state.ts'

/** The log with the ends that were told since. An end belongs to the newest move of its VM off the same host that has none. */
export function noteEnds(log: readonly MoveLogEntry[], ended: readonly MigrationEnd[]): readonly MoveLogEntry[] {
  if (ended.length === 0 || log.length === 0) return log
  const next = [...log]
  for (const { vmId, from, startedAt, endedAt, result } of ended) {
    const i = next.findLastIndex((entry) => entry.vmId === vmId && entry.from === from && entry.end === undefined)
    if (i < 0) continue
    const end = { at: endedAt, tookMs: Math.max(0, endedAt - startedAt), isDone: result === 'done' }
    next[i] = { ...next[i], end }
  }
  return next
}

/** What the log keeps of an order. */
export function logEntry({ vmId, from, to, decidedAt, class: moveClass }: MigrationOrder): MoveLogEntry {
  return { vmId, from, to, class: moveClass, at: decidedAt }
}

/** The state with an order that no turn gave, but a person or an emptied host: the VM rests after it, and its budget counts it. */
export function rememberOrder(state: EngineState, order: MigrationOrder): EngineState {
  const movedAt = Float64Array.from(state.movedAt)
  const vm = state.vmIndex.get(order.vmId)
  if (vm !== undefined) movedAt[vm] = order.decidedAt
  return { ...state, movedAt, moveLog: [...state.moveLog, logEntry(order)] }
}
