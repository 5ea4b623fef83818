/** Recorded moves with what came of them: what the cost model is learned from and measured on. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type MoveCells, numberIn, readMoves } from '../../src/drivers/traces/moves-csv.ts'
import type { MoveFacts } from '../../src/terms/move-facts.ts'
import { MiB } from '../../src/terms/units.ts'
import { REPOSITORY } from '../repository.ts'

export const MOVES_FOLDER = join(REPOSITORY, 'traces', 'live-migrations')

export interface FinishedMove {
  readonly row: string
  readonly facts: MoveFacts
  /** Moves with the same settings on the same guest belong together: never learned from one and judged on another. */
  readonly group: string
  /** The guest between two boots: a stricter way to hold out. */
  readonly guest: string
  /** From which host to which. */
  readonly pair: string
  /** Done within the time allowed. */
  readonly converged: boolean
  /** Pages that held something (MiB), counted by QEMU. */
  readonly usedMib: number
  /** What only the guest knows, and no promise may read: how fast it rewrote pages, and over how much memory it walked. Absent: nobody counted. */
  readonly truth?: { readonly bytesPerSec: number; readonly workingSetBytes: number }
  /** Absent where it was given up. */
  readonly ended?: { readonly totalMs: number; readonly downtimeMs: number; readonly bytesMib: number }
}

/** @param path of a CSV with results; the recorded moves that ship where absent */
export function readFinishedMoves(path = join(MOVES_FOLDER, 'migrations.csv')): readonly FinishedMove[] {
  const results: Omit<FinishedMove, 'row' | 'facts'>[] = []
  const rows = readMoves(readFileSync(path), path, (cells, place) => results.push(resultOf(cells, place)))
  return rows.map(({ row, facts }, i) => ({ row, facts, ...results[i], group: groupOf(results[i].group, row) }))
}

function resultOf(cells: MoveCells, place: string): Omit<FinishedMove, 'row' | 'facts'> {
  const read = (column: string): number => numberIn(cells, column, place) ?? Number.NaN
  const converged = cells.get('converged') === 'True'
  const truth = { bytesPerSec: read('pre_true_dirty_mb_s') * 1e6, workingSetBytes: read('span_mb') * MiB }
  const ended = { totalMs: read('total_time_ms'), downtimeMs: read('downtime_ms'), bytesMib: read('bytes_mib') }
  return {
    group: cells.get('repeat_group') ?? '0',
    guest: ['batch', 'guest', 'guest_generation'].map((column) => cells.get(column) ?? '').join(' '),
    pair: `${cells.get('src') ?? ''} to ${cells.get('dst') ?? ''}`,
    converged,
    usedMib: read('mem_total_mib') - read('constant_pages') / 256,
    ...(Number.isNaN(truth.bytesPerSec + truth.workingSetBytes) ? {} : { truth }),
    ...(converged ? { ended } : {}),
  }
}

function groupOf(repeats: string, row: string): string {
  return repeats === '0' || repeats === '' ? `row ${row}` : `repeats ${repeats}`
}
