/** What the server keeps of agents, in one SQLite file: identities, senders, vectors, counts, tokens, refusals. Every change is on disk when
 *  its call returns, or when the `whole` around it does. Who may write what is judged elsewhere. */
import type { EpochMs } from '../../terms/units.ts'
import { AuditTable } from './audit-table.ts'
import { Database, type Row } from './database.ts'
import { PhaseTable } from './phase-table.ts'
import { TokenTable } from './token-table.ts'
import { VectorTable } from './vector-table.ts'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS agents (
    vm TEXT PRIMARY KEY, joinedAt REAL NOT NULL, heardAt REAL, certificateEndsAt REAL, viaChannel INTEGER NOT NULL DEFAULT 0,
    banned INTEGER NOT NULL DEFAULT 0, quarantine TEXT, quarantinedAt REAL, isReleased INTEGER NOT NULL DEFAULT 0,
    isSkewed INTEGER NOT NULL DEFAULT 0, newest INTEGER, kept INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE TABLE IF NOT EXISTS senders (
    vm TEXT NOT NULL, sender TEXT NOT NULL, place INTEGER NOT NULL, sequence INTEGER NOT NULL, sinceVector INTEGER NOT NULL,
    PRIMARY KEY (vm, sender)) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS counts (
    vm TEXT NOT NULL, what TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (vm, what)) STRICT, WITHOUT ROWID;
`

/** One identity: a VM. */
export interface AgentRow {
  readonly vm: string
  readonly joinedAt: EpochMs
  readonly heardAt: EpochMs | null
  readonly certificateEndsAt: EpochMs | null
  /** 1: it is heard over a channel of its host, which needs no certificate. */
  readonly viaChannel: number
  readonly banned: number
  /** Why it is in quarantine; null if it is not. */
  readonly quarantine: string | null
  readonly quarantinedAt: EpochMs | null
  /** 1: released from quarantine, and nothing new was heard since. */
  readonly isReleased: number
  /** 1: its clock was off when it was last heard. */
  readonly isSkewed: number
  /** Vectors that are kept of it. */
  readonly kept: number
}

export interface SenderRow {
  readonly sender: string
  readonly sequence: number
}

export class AgentStore {
  readonly tokens: TokenTable
  readonly audit: AuditTable
  readonly vectors: VectorTable
  readonly phases: PhaseTable
  private readonly database: Database

  /** @param path a file, made if missing */
  constructor(path: string) {
    const tables = [TokenTable, AuditTable, VectorTable, PhaseTable].map((table) => table.SCHEMA)
    this.database = new Database(path, [SCHEMA, ...tables].join(''))
    this.tokens = new TokenTable(this.database)
    this.audit = new AuditTable(this.database)
    this.vectors = new VectorTable(this.database)
    this.phases = new PhaseTable(this.database)
  }

  /** All changes within are kept, or none. */
  whole<T>(change: () => T): T {
    return this.database.whole(change)
  }

  agent(vm: string): AgentRow | undefined {
    return this.database.first('SELECT * FROM agents WHERE vm = ?', vm) as unknown as AgentRow | undefined
  }

  agents(): readonly AgentRow[] {
    return this.database.all('SELECT * FROM agents ORDER BY vm') as unknown as readonly AgentRow[]
  }

  /** An identity begins, or is given anew. */
  admitAgent(vm: string, at: EpochMs): void {
    const sql = 'INSERT INTO agents (vm, joinedAt) VALUES (?, ?) ON CONFLICT DO UPDATE SET joinedAt = excluded.joinedAt'
    this.database.run(sql, vm, at)
  }

  /** An identity by construction begins; nothing changes if it is known. */
  admitChannel(vm: string, at: EpochMs): void {
    this.database.run('INSERT INTO agents (vm, joinedAt) VALUES (?, ?) ON CONFLICT DO NOTHING', vm, at)
    this.database.run('UPDATE agents SET viaChannel = 1 WHERE vm = ? AND viaChannel = 0', vm)
  }

  certify(vm: string, certificateEndsAt: EpochMs): void {
    this.database.run(
      'UPDATE agents SET certificateEndsAt = ?, viaChannel = 0 WHERE vm = ?',
      Math.round(certificateEndsAt),
      vm,
    )
  }

  /** Shuts a VM out, whether it has joined or not. Its tokens are worth nothing from then on. */
  ban(vm: string, at: EpochMs = 0): void {
    this.whole(() => {
      const sql = 'INSERT INTO agents (vm, joinedAt, banned) VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET banned = 1'
      this.database.run(sql, vm, at)
      this.tokens.revokeOf(vm)
    })
  }

  /** Puts a VM into quarantine, with all that was heard since its newest sender was; null ends it. */
  quarantine(vm: string, reason: string | null, at: EpochMs = 0): void {
    if (reason === null) return this.release(vm)
    this.whole(() => {
      const sql = 'UPDATE agents SET quarantine = ?, quarantinedAt = ?, isReleased = 0 WHERE vm = ?'
      this.database.run(sql, reason, at, vm)
      const row = this.database.first('SELECT sinceVector FROM senders WHERE vm = ? ORDER BY place DESC LIMIT 1', vm)
      if (row !== undefined) this.vectors.keepApart(vm, Number(row['sinceVector']))
    })
  }

  /** Ends quarantine and ban. Whoever is heard first is then the current sender. */
  release(vm: string): void {
    this.database.run(
      'UPDATE agents SET isReleased = CASE WHEN quarantine IS NULL THEN isReleased ELSE 1 END, ' +
        'quarantine = NULL, quarantinedAt = NULL, banned = 0 WHERE vm = ?',
      vm,
    )
  }

  /** Senders of a VM in the order in which they followed each other. */
  senders(vm: string): readonly SenderRow[] {
    const sql = 'SELECT sender, sequence FROM senders WHERE vm = ? ORDER BY place'
    return this.database.all(sql, vm) as unknown as readonly SenderRow[]
  }

  /** Notes the current sender's newest number. @param sinceVector row of its first vector, if it begins here @param keep how many senders */
  putSender(vm: string, { sender, sequence }: SenderRow, sinceVector: number, keep: number): void {
    const last = this.database.first('SELECT sender, place FROM senders WHERE vm = ? ORDER BY place DESC LIMIT 1', vm)
    if (last?.['sender'] === sender) {
      this.database.run('UPDATE senders SET sequence = ? WHERE vm = ? AND sender = ?', sequence, vm, sender)
      return
    }
    const place = Number(last?.['place'] ?? 0) + 1
    const sql =
      'INSERT INTO senders VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET ' +
      'place = excluded.place, sequence = excluded.sequence, sinceVector = excluded.sinceVector'
    this.database.run(sql, vm, sender, place, sequence, sinceVector)
    const excess =
      'DELETE FROM senders WHERE vm = ?1 AND sender NOT IN (SELECT sender FROM senders WHERE vm = ?1 ORDER BY place DESC LIMIT ?2)'
    this.database.run(excess, vm, keep)
    this.database.run('UPDATE agents SET isReleased = 0 WHERE vm = ? AND isReleased = 1', vm)
  }

  /** A VM was heard. */
  heard(vm: string, at: EpochMs, isSkewed: boolean | undefined): void {
    if (isSkewed === undefined) this.database.run('UPDATE agents SET heardAt = ? WHERE vm = ?', at, vm)
    else this.database.run('UPDATE agents SET heardAt = ?, isSkewed = ? WHERE vm = ?', at, isSkewed ? 1 : 0, vm)
  }

  /** Adds to what is counted of a VM. @param what one of few words */
  count(vm: string, what: string, number: number): void {
    const sql = 'INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET number = number + excluded.number'
    this.database.run(sql, vm, what, number)
  }

  /** What was counted: of one VM, or of all. */
  counts(vm?: string): ReadonlyMap<string, Readonly<Record<string, number>>> {
    const rows =
      vm === undefined
        ? this.database.all('SELECT * FROM counts ORDER BY vm, what')
        : this.database.all('SELECT * FROM counts WHERE vm = ? ORDER BY what', vm)
    const counts = new Map<string, Record<string, number>>()
    for (const row of rows) {
      const { vm, what, number } = row as Row & { vm: string; what: string; number: number }
      const of = counts.get(vm) ?? {}
      of[what] = number
      counts.set(vm, of)
    }
    return counts
  }

  /** Lines that are kept of one VM, in the order of their arrival. */
  lines(vm: string): readonly string[] {
    return this.vectors.linesOf(vm)
  }

  /** Whether the file is whole, as SQLite sees it. */
  isIntact(): boolean {
    return this.database.first('PRAGMA integrity_check')?.['integrity_check'] === 'ok'
  }

  close(): void {
    this.database.close()
  }
}
