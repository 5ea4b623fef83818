/** The seed's `InitiateMigration`: from a move on the sheet to an order that the loop will ask of the platform. */
import type { OrderId } from '../../terms/ids.ts'
import type { MigrationOrder, Move } from '../../terms/move.ts'
import type { EpochMs } from '../../terms/units.ts'

/** Order ids rise within a run: turn, then place in the turn. They are the same in every replay. */
export function initiateMigration(move: Move, at: EpochMs, turn: number, place: number): MigrationOrder {
  return {
    id: `ethos-${turn}-${place}` as OrderId,
    vmId: move.vmId,
    from: move.from,
    to: move.to,
    decidedAt: at,
    class: move.class,
    reason: move.reason,
    move,
  }
}
