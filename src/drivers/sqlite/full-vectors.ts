import { numberOf, personalityFromBytes, personalityToBytes } from '../../terms/personality-bytes.ts'
import type { PersonalityVector } from '../../terms/personality.ts'
import type { VmId } from '../../terms/ids.ts'
import { TOLD_LATE_MS } from '../../terms/usage-fold.ts'
import { HOUR_MS, type EpochMs } from '../../terms/units.ts'
import type { KeptVector } from '../../world/site-store.ts'
import { StoreError } from '../../world/errors.ts'
import { ParseError } from '../../terms/parse.ts'
import type { VectorRow } from '../site-store/hourly-packing.ts'
import { FLAG_APART, FLAG_CLOCK_OFF } from '../site-store/vector-flags.ts'
import type { Database } from './database.ts'

export interface FullRow extends VectorRow {
  readonly id: number
  readonly before: number
}

const ADD = 'INSERT INTO fullVectors (id, vm, before, arrivedAt, flags, data) VALUES (?, ?, ?, ?, ?, ?)'
const ONE = 'SELECT id, before, arrivedAt, flags, data FROM fullVectors WHERE id = ?'

/** All vectors of the last days in the order of their arrival. Each names the one before of its VM, so that one VM's are found from its newest back
 *  without an index, which would cost a page for each vector that arrives. Ids are never used twice. */
export class FullVectors {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  /** The id that comes next. */
  nextId(): number {
    const gone = `SELECT value FROM facts WHERE name = 'vectorsGone'`
    const sql = `SELECT max(coalesce((SELECT max(id) FROM fullVectors), 0), coalesce((${gone}), 0)) AS id`
    return Number(this.database.first(sql)?.['id']) + 1
  }

  add(vm: number, { id, before, arrivedAt, flags, data }: FullRow): void {
    this.database.statement(ADD).run(id, vm, before, arrivedAt, flags, data)
  }

  /** From one back to the oldest that is there. */
  *back(newest: number): Generator<FullRow> {
    for (let id = newest; id > 0; ) {
      const row = this.database.first(ONE, id) as unknown as FullRow | undefined
      if (row === undefined) return
      yield row
      id = row.before
    }
  }

  /** Bytes that are kept of a VM, by sender and number. */
  bytesByNumber(head: number): ReadonlyMap<string, Uint8Array> {
    const found = new Map<string, Uint8Array>()
    for (const { data } of this.back(head)) {
      const { sender, sequence } = numberOf(data)
      found.set(`${sequence} ${sender}`, data)
    }
    return found
  }

  /** Keeps a VM's vectors from a row on out of all decisions. Returns how many those are, and the newest that is left. */
  keepApart(head: number, since: number): { readonly apart: number; readonly newest: number } {
    let apart = 0
    for (const { id, flags } of this.back(head)) {
      if (id < since && (flags & FLAG_APART) === 0) return { apart, newest: id }
      if (id < since || (flags & FLAG_APART) !== 0) continue
      this.database.run('UPDATE fullVectors SET flags = ? WHERE id = ?', flags | FLAG_APART, id)
      apart++
    }
    return { apart, newest: 0 }
  }

  /** Deletes those up to an id; it is noted, for no id is used twice. */
  remove(upTo: number): void {
    this.database.run('DELETE FROM fullVectors WHERE id <= ?', upTo)
    const sql = `INSERT INTO facts VALUES ('vectorsGone', ?) ON CONFLICT DO UPDATE SET value = excluded.value`
    this.database.run(sql, upTo)
  }

  /** Of one VM within a span by arrival, newest first, those kept apart left out; at most `most`. */
  history(
    head: number,
    vm: VmId,
    { from, to, most }: { readonly from: EpochMs; readonly to: EpochMs; readonly most: number },
  ): KeptVector[] {
    const found: KeptVector[] = []
    for (const row of this.back(head)) {
      if (row.arrivedAt < from || found.length >= most) break
      if (row.arrivedAt < to && (row.flags & FLAG_APART) === 0) found.push(keptVector(row, vm, this.database.path))
    }
    return found
  }
}

/** A vector to be kept, as it will be: its bytes, and the hour that it is of. */
export function bytesOf(vector: PersonalityVector): Uint8Array {
  return personalityToBytes(vector)
}

/** The hour in which a vector counts as the hour's: that in which its window ends, where that can be believed, otherwise that in which it came. */
export function hourOf(windowEnd: EpochMs, arrivedAt: EpochMs, flags: number): number {
  const isOdd =
    (flags & FLAG_CLOCK_OFF) !== 0 || windowEnd > arrivedAt + HOUR_MS || windowEnd < arrivedAt - TOLD_LATE_MS
  return Math.floor(((isOdd ? arrivedAt : windowEnd) - 1) / HOUR_MS)
}

export function keptVector({ arrivedAt, flags, data }: VectorRow, vm: VmId, path: string): KeptVector {
  try {
    return { vector: personalityFromBytes(data, vm), arrivedAt, isClockOff: (flags & FLAG_CLOCK_OFF) !== 0 }
  } catch (cause) {
    if (!(cause instanceof ParseError)) throw cause
    const remedy = 'Bring the file back from a copy, or ask `ethos store check`.'
    throw new StoreError('corrupt', `${path}: a vector of ${vm} is damaged: ${cause.message} ${remedy}`, { cause })
  }
}
