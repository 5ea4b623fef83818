import { numberOf, personalityFromBytes, personalityToBytes } from '../../terms/personality-bytes.ts'
import type { PersonalityVector } from '../../terms/personality.ts'
import type { VmId } from '../../terms/ids.ts'
import { HOUR_MS, type EpochMs } from '../../terms/units.ts'
import type { KeptVector } from '../../world/site-store.ts'
import { StoreError } from '../../world/errors.ts'
import { ParseError } from '../../terms/parse.ts'
import type { Database } from './database.ts'

/** What is said of a vector beside its bytes, as bits. */
export const FLAG_CLOCK_OFF = 1
/** Out of all decisions: it came while two machines used the identity. */
export const FLAG_APART = 2
/** The first of its hour, which outlives the others. */
export const FLAG_HOURLY = 4

export interface FullRow {
  readonly id: number
  readonly before: number
  readonly arrivedAt: EpochMs
  readonly flags: number
  readonly data: Uint8Array
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
    return Number(this.database.first('SELECT max(id) AS id FROM fullVectors')?.['id'] ?? 0) + 1
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

/** The hour in which a vector counts as the hour's: that of its window, unless its clock is off. */
export function hourOf(windowEnd: EpochMs, arrivedAt: EpochMs, isClockOff: boolean): number {
  return Math.floor((isClockOff ? arrivedAt : windowEnd) / HOUR_MS)
}

export function keptVector(
  { arrivedAt, flags, data }: Pick<FullRow, 'arrivedAt' | 'flags' | 'data'>,
  vm: VmId,
  path: string,
): KeptVector {
  try {
    return { vector: personalityFromBytes(data, vm), arrivedAt, isClockOff: (flags & FLAG_CLOCK_OFF) !== 0 }
  } catch (cause) {
    if (!(cause instanceof ParseError)) throw cause
    const remedy = 'Bring the file back from a copy, or ask `ethos store check`.'
    throw new StoreError('corrupt', `${path}: a vector of ${vm} is damaged: ${cause.message} ${remedy}`, { cause })
  }
}
