/** How our moves ended, in the log of them: what failed makes a VM rest longer, and a host that received one must settle. */
import type { MigrationEnd } from '../../terms/move.ts'
import type { MoveLogEntry } from '../state.ts'

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
