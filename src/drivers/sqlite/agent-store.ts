/** What the server keeps of agents, in one SQLite file: tokens, identities, senders, vectors. Every change is on disk when its call returns. */
import { DatabaseSync } from 'node:sqlite'
import type { EpochMs } from '../../terms/units.ts'

export interface TokenRow {
  readonly id: string
  /** SHA-256 of the secret, in hexadecimal: the secret itself is not kept. */
  readonly secretDigest: string
  readonly vm: string
  readonly expiresAt: EpochMs
  readonly usedAt: EpochMs | null
}

export interface VectorRow {
  readonly vm: string
  readonly sender: string
  readonly sequence: number
  readonly digest: string
  readonly arrivedAt: EpochMs
  readonly line: string
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS tokens (id TEXT PRIMARY KEY, secretDigest TEXT NOT NULL, vm TEXT NOT NULL, expiresAt REAL NOT NULL, usedAt REAL);
  CREATE TABLE IF NOT EXISTS agents (vm TEXT PRIMARY KEY, joinedAt REAL NOT NULL, heardAt REAL, banned INTEGER NOT NULL DEFAULT 0, quarantine TEXT);
  CREATE TABLE IF NOT EXISTS senders (vm TEXT NOT NULL, place INTEGER NOT NULL, sender TEXT NOT NULL, sequence INTEGER NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (vm, place));
  CREATE TABLE IF NOT EXISTS vectors (vm TEXT NOT NULL, sender TEXT NOT NULL, sequence INTEGER NOT NULL, arrivedAt REAL NOT NULL, line TEXT NOT NULL,
    PRIMARY KEY (vm, sender, sequence)) WITHOUT ROWID;
`

export interface AgentRow {
  readonly vm: string
  readonly joinedAt: EpochMs
  readonly heardAt: EpochMs | null
  readonly banned: number
  readonly quarantine: string | null
}

export interface SenderRow {
  readonly sender: string
  readonly sequence: number
  readonly digest: string
}

/** Rows in and out; who may write what is judged elsewhere. */
export class AgentStore {
  private readonly database: DatabaseSync

  /** @param path a file, made if missing; `:memory:` for tests */
  constructor(path: string) {
    this.database = new DatabaseSync(path)
    this.database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;')
    this.database.exec(SCHEMA)
  }

  addToken({ id, secretDigest, vm, expiresAt }: Omit<TokenRow, 'usedAt'>): void {
    this.database.prepare('INSERT INTO tokens VALUES (?, ?, ?, ?, NULL)').run(id, secretDigest, vm, expiresAt)
  }

  token(id: string): TokenRow | undefined {
    return this.database.prepare('SELECT * FROM tokens WHERE id = ?').get(id) as TokenRow | undefined
  }

  /** Marks a token as used and its VM as joined, both or neither; false if somebody was faster. */
  useToken(id: string, vm: string, at: EpochMs): boolean {
    return this.whole(() => {
      const { changes } = this.database
        .prepare('UPDATE tokens SET usedAt = ? WHERE id = ? AND usedAt IS NULL')
        .run(at, id)
      if (changes !== 1) return false
      this.database
        .prepare(
          'INSERT INTO agents (vm, joinedAt) VALUES (?, ?) ON CONFLICT (vm) DO UPDATE SET joinedAt = excluded.joinedAt',
        )
        .run(vm, at)
      return true
    })
  }

  agent(vm: string): AgentRow | undefined {
    return this.database.prepare('SELECT * FROM agents WHERE vm = ?').get(vm) as AgentRow | undefined
  }

  agents(): readonly AgentRow[] {
    return this.database.prepare('SELECT * FROM agents ORDER BY vm').all() as unknown as readonly AgentRow[]
  }

  ban(vm: string): void {
    this.database.prepare('UPDATE agents SET banned = 1 WHERE vm = ?').run(vm)
  }

  quarantine(vm: string, reason: string | null): void {
    this.database.prepare('UPDATE agents SET quarantine = ? WHERE vm = ?').run(reason, vm)
  }

  senders(vm: string): readonly SenderRow[] {
    return this.database
      .prepare('SELECT sender, sequence, digest FROM senders WHERE vm = ? ORDER BY place')
      .all(vm) as unknown as readonly SenderRow[]
  }

  /** Keeps vectors and what is then known of the VM's senders, all or nothing. */
  keep(vm: string, vectors: readonly VectorRow[], senders: readonly SenderRow[], at: EpochMs): void {
    this.whole(() => {
      const insert = this.database.prepare('INSERT INTO vectors VALUES (?, ?, ?, ?, ?)')
      for (const { sender, sequence, arrivedAt, line } of vectors) insert.run(vm, sender, sequence, arrivedAt, line)
      this.database.prepare('DELETE FROM senders WHERE vm = ?').run(vm)
      const put = this.database.prepare('INSERT INTO senders VALUES (?, ?, ?, ?, ?)')
      senders.forEach(({ sender, sequence, digest }, place) => put.run(vm, place, sender, sequence, digest))
      this.database.prepare('UPDATE agents SET heardAt = ? WHERE vm = ?').run(at, vm)
    })
  }

  /** Lines of one VM in the order of arrival within each sender. */
  lines(vm: string): readonly string[] {
    const rows = this.database
      .prepare('SELECT line FROM vectors WHERE vm = ? ORDER BY sender, sequence')
      .all(vm) as unknown as readonly { line: string }[]
    return rows.map(({ line }) => line)
  }

  close(): void {
    this.database.close()
  }

  private whole<T>(change: () => T): T {
    this.database.exec('BEGIN IMMEDIATE')
    try {
      const result = change()
      this.database.exec('COMMIT')
      return result
    } catch (error) {
      this.database.exec('ROLLBACK')
      throw error
    }
  }
}
