import { createHash } from 'node:crypto'
import type { EpochMs } from '../../terms/units.ts'
import { StoreError } from '../../world/errors.ts'
import type { JournalLine } from '../../world/site-store.ts'
import type { Database, Row } from './database.ts'

const DIGEST_BYTES = 32
/** Where the oldest line is chained to, once older ones were deleted. */
const BASE = 'journalBase'

export type Verified =
  | { readonly kind: 'whole'; readonly lines: number }
  | { readonly kind: 'broken'; readonly number: number }

interface Link {
  readonly number: number
  readonly digest: Uint8Array
}

/** Append-only lines, each with the SHA-256 of the digest before it, its number, its instant and its text. Changes are made within a transaction. */
export class JournalTable {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  append(line: string, at: EpochMs, token?: number): number {
    if (line === '' || /[\n\r\0]/.test(line) || !line.isWellFormed()) {
      const told = 'is empty, has a line break or a NUL, or ends within a character'
      throw new StoreError('invalid', `${this.database.path}: a line of the journal ${told}.`)
    }
    if (token !== undefined) this.refuseFenced(token)
    const last = this.newest() ?? this.base()
    const number = last.number + 1
    const digest = digestOf(last.digest, { number, at, line })
    this.database.run('INSERT INTO journal VALUES (?, ?, ?, ?)', number, at, line, digest)
    this.note('journalHead', number, digest)
    return number
  }

  from(number: number, most: number): readonly JournalLine[] {
    const sql = 'SELECT number, at, line FROM journal WHERE number >= ? ORDER BY number LIMIT ?'
    return this.database.all(sql, number, most).map(lineOf)
  }

  last(most: number): readonly JournalLine[] {
    const sql = 'SELECT number, at, line FROM journal ORDER BY number DESC LIMIT ?'
    return this.database.all(sql, most).map(lineOf).toReversed()
  }

  /** @param onLine called with the number of each line that was looked at */
  verify(onLine: (number: number) => void = () => undefined): Verified {
    let { number, digest } = this.base()
    for (const row of this.database.each('SELECT * FROM journal ORDER BY number')) {
      const line = lineOf(row)
      const expected = digestOf(digest, line)
      if (line.number !== number + 1) return { kind: 'broken', number: number + 1 }
      if (!isEqual(expected, row['digest'])) return { kind: 'broken', number: line.number }
      ;({ number } = line)
      digest = expected
      onLine(number)
    }
    const head = this.link('journalHead')
    if (head === undefined) return { kind: 'whole', lines: 0 }
    if (head.number > number) return { kind: 'broken', number: number + 1 }
    if (head.number < number || !isEqual(digest, head.digest)) return { kind: 'broken', number: head.number + 1 }
    return { kind: 'whole', lines: number - this.base().number }
  }

  /** Deletes lines that are older, of the oldest so many; the newest stays. Returns how many. */
  prune(before: EpochMs, most: number): number {
    const sql = 'SELECT number, at, digest FROM journal ORDER BY number LIMIT ?'
    const oldest = this.database.all(sql, most)
    const young = oldest.findIndex((row) => Number(row['at']) >= before)
    const head = this.newest()?.number ?? 0
    const due = (young < 0 ? oldest : oldest.slice(0, young)).filter((row) => Number(row['number']) < head)
    const end = due.at(-1)
    if (end === undefined) return 0
    this.note(BASE, Number(end['number']), end['digest'] as Uint8Array)
    return this.database.run('DELETE FROM journal WHERE number <= ?', Number(end['number']))
  }

  private newest(): Link | undefined {
    const row = this.database.first('SELECT number, digest FROM journal ORDER BY number DESC LIMIT 1')
    return row === undefined ? undefined : { number: Number(row['number']), digest: row['digest'] as Uint8Array }
  }

  private base(): Link {
    return this.link(BASE) ?? { number: 0, digest: new Uint8Array(DIGEST_BYTES) }
  }

  private link(name: string): Link | undefined {
    const value = this.database.first('SELECT value FROM facts WHERE name = ?', name)?.['value']
    if (typeof value !== 'string') return undefined
    const [number, digest] = value.split(' ')
    return { number: Number(number), digest: Buffer.from(digest, 'hex') }
  }

  private note(name: string, number: number, digest: Uint8Array): void {
    const sql = 'INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value'
    this.database.run(sql, name, `${number} ${Buffer.from(digest).toString('hex')}`)
  }

  private refuseFenced(token: number): void {
    if (this.database.first('SELECT 1 FROM leases WHERE token = ?', token) !== undefined) return
    const told = 'another process has taken it over. This one must stop acting'
    throw new StoreError('fenced', `${this.database.path}: the lease ${token} is held no longer: ${told}.`)
  }
}

function digestOf(before: Uint8Array, { number, at, line }: JournalLine): Uint8Array {
  return createHash('sha256').update(before).update(`${number} ${at} ${line}`).digest()
}

function isEqual(expected: Uint8Array, told: unknown): boolean {
  return told instanceof Uint8Array && Buffer.compare(expected, told) === 0
}

function lineOf(row: Row): JournalLine {
  return { number: Number(row['number']), at: Number(row['at']), line: String(row['line']) }
}
