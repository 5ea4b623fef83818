import { createHash } from 'node:crypto'
import type { EpochMs } from '../../terms/units.ts'
import { StoreError } from '../../world/errors.ts'
import type { Journal, JournalLine } from '../../world/site-store.ts'
import type { Database, Queries, Row } from './database.ts'
import { numbers, pieces, texts } from './arrays.ts'
import { fenced, validTokens } from './leases.ts'

/** Lines that are read at a time when the whole chain is looked at. */
const VERIFY_LINES = 2000
const UNFIT = /[\n\r\0]|^$/

const LINES_AT_ONCE = 500
const APPEND = `
  INSERT INTO journal SELECT number, at, line, substring($5::bytea FROM place FOR 32)
  FROM unnest($1::bigint[], $2::float8[], $3::text[], $4::int[]) AS told (number, at, line, place)`

/** A line that waits to be written. */
interface Waiting {
  readonly line: string
  readonly at: EpochMs
  readonly token: number | undefined
  readonly resolve: (number: number) => void
  readonly reject: (error: unknown) => void
}

/** Lines whose digests are a chain. `journal_ends` has the digest of the newest line, and that of the newest that retention has taken away:
 *  what is left begins there. */
export class PostgresJournal implements Journal {
  private readonly database: Database
  private readonly waiting: Waiting[] = []
  private isWriting = false

  constructor(database: Database) {
    this.database = database
  }

  /** Lines that are asked for while others are made durable wait together, and are one transaction. */
  append(line: string, at: EpochMs, token?: number): Promise<number> {
    if (UNFIT.test(line) || !line.isWellFormed()) {
      const told = 'is empty, has a line break or a NUL, or ends within a character'
      return Promise.reject(new StoreError('invalid', `${this.database.name}: a line of the journal ${told}.`))
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ line, at, token, resolve, reject })
      if (!this.isWriting) void this.writeWaiting()
    })
  }

  async from(number: number, most: number): Promise<readonly JournalLine[]> {
    const sql = 'SELECT number, at, line FROM journal WHERE number >= $1 ORDER BY number LIMIT $2'
    return (await this.database.all(sql, number, most)).map(lineOf)
  }

  async last(most: number): Promise<readonly JournalLine[]> {
    const sql = 'SELECT number, at, line FROM journal ORDER BY number DESC LIMIT $1'
    return (await this.database.all(sql, most)).map(lineOf).toReversed()
  }

  private async writeWaiting(): Promise<void> {
    this.isWriting = true
    while (this.waiting.length > 0) {
      const some = this.waiting.splice(0, LINES_AT_ONCE)
      try {
        const answers = await this.database.write((queries) => appendAll(queries, some, this.database.name))
        some.forEach(({ resolve, reject }, i) => {
          const answer = answers[i]
          if (typeof answer === 'number') resolve(answer)
          else reject(answer)
        })
      } catch (error) {
        for (const { reject } of some) reject(error)
      }
    }
    this.isWriting = false
  }

  verify(): ReturnType<Journal['verify']> {
    return this.database.look((queries) => verifyChain(queries))
  }
}

/** Numbers of the lines, or why one is refused. Whoever appends is alone until it is durable: numbers have no holes, and each digest is of the line
 *  before. */
async function appendAll(
  queries: Queries,
  lines: readonly Pick<Waiting, 'line' | 'at' | 'token'>[],
  name: string,
): Promise<readonly (number | StoreError)[]> {
  const head = await queries.first('SELECT number, digest FROM journal_ends WHERE is_head FOR UPDATE')
  const valid = await validTokens(
    queries,
    lines.flatMap(({ token }) => token ?? []),
  )
  let number = Number(head?.['number'] ?? 0)
  let digest = head?.['digest'] as Uint8Array
  const rows: { readonly number: number; readonly at: EpochMs; readonly line: string; readonly digest: Uint8Array }[] =
    []
  const answers = lines.map(({ line, at, token }) => {
    if (token !== undefined && !valid.has(token)) return fenced(name, token)
    number++
    digest = digestOf(digest, { number, at, line })
    rows.push({ number, at, line, digest })
    return number
  })
  if (rows.length === 0) return answers
  const digests = pieces(rows.map((row) => row.digest))
  await queries.run(
    APPEND,
    numbers(rows.map((row) => row.number)),
    numbers(rows.map((row) => row.at)),
    texts(rows.map((row) => row.line)),
    digests.places,
    digests.bytes,
  )
  await queries.run('UPDATE journal_ends SET number = $1, digest = $2 WHERE is_head', number, digest)
  return answers
}

/** SHA-256 over the digest before and the line with its number and instant. */
export function digestOf(before: Uint8Array, { number, at, line }: JournalLine): Buffer {
  return createHash('sha256').update(before).update(`${number} ${at} ${line}`).digest()
}

/** Each line is there, and is what its digest says; the last is the one that was appended last. */
export async function verifyChain(queries: Queries): ReturnType<Journal['verify']> {
  const ends = await queries.all('SELECT is_head, number, digest FROM journal_ends')
  const tail = ends.find((row) => row['is_head'] === false)
  const head = ends.find((row) => row['is_head'] === true)
  let number = Number(tail?.['number'] ?? 0)
  let digest = (tail?.['digest'] ?? Buffer.alloc(32)) as Uint8Array
  let lines = 0
  for (;;) {
    const sql = 'SELECT number, at, line, digest FROM journal WHERE number > $1 ORDER BY number LIMIT $2'
    const rows = await queries.all(sql, number, VERIFY_LINES)
    for (const row of rows) {
      const line = lineOf(row)
      const expected = digestOf(digest, line)
      const isWhole = line.number === number + 1 && Buffer.compare(expected, row['digest'] as Uint8Array) === 0
      if (!isWhole) return { kind: 'broken', number: number + 1 }
      digest = expected
      number++
      lines++
    }
    if (rows.length < VERIFY_LINES) break
  }
  const isEnd = number === Number(head?.['number']) && Buffer.compare(digest, head?.['digest'] as Uint8Array) === 0
  return isEnd ? { kind: 'whole', lines } : { kind: 'broken', number: number + 1 }
}

function lineOf(row: Row): JournalLine {
  return { number: Number(row['number']), at: Number(row['at']), line: String(row['line']) }
}
