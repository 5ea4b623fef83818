import type { VmId } from '../../terms/ids.ts'
import type { EpochMs } from '../../terms/units.ts'
import type { KnownSenders } from '../../world/site-store.ts'
import type { Database, Row } from './database.ts'
import type { VmNames } from './vm-names.ts'

type Sender = KnownSenders['senders'][number]

/** What an arrival of one VM is judged by, and what changes with each. */
export interface Standing {
  readonly vm: number
  isBanned: boolean
  isQuarantined: boolean
  isReleased: boolean
  /** The current sender last. */
  senders: readonly Sender[]
  /** Senders were dropped from the list: of one that is not in it, vectors may be kept all the same. */
  hasForgotten: boolean
  /** Row of the current sender's first vector. */
  since: number
  /** Newest row, and newest row that is not kept apart; 0: none. */
  head: number
  newest: number
  /** The hour that last got a vector; undefined: not known. */
  hour: number | undefined
}

/** What a transaction adds to one VM's row. */
export interface HeardNow {
  readonly at: EpochMs
  /** Absent: no new vector. */
  readonly isClockOff?: boolean
  readonly accepted: number
  readonly duplicates: number
}

const HEARD = `UPDATE identities SET heardAt = ?, isClockOff = coalesce(?, isClockOff), isReleased = ?, sender = ?, sequence = ?, since = ?, hasForgotten = ?,
  head = ?, newest = ?, kept = kept + ?, accepted = accepted + ?, duplicates = duplicates + ? WHERE vm = ?`
const FORMER = 'INSERT INTO formerSenders (vm, place, sender, sequence) VALUES (?, ?, ?, ?)'

/** The rows of `identities` that arrivals need, remembered. Whoever changes what they are judged by raises `standingsVersion`, so that another process's
 *  ban is seen by the next transaction. */
export class Standings {
  private readonly database: Database
  private readonly names: VmNames
  private readonly known = new Map<string, Standing>()
  private version = -1

  constructor(database: Database, names: VmNames) {
    this.database = database
    this.names = names
  }

  /** Within the transaction that will use them: forgets all, if another process or an operator changed one. */
  refresh(): void {
    const version = Number(
      this.database.first(`SELECT value FROM facts WHERE name = 'standingsVersion'`)?.['value'] ?? 0,
    )
    if (version !== this.version) this.known.clear()
    this.version = version
  }

  /** Within a transaction that changes what arrivals are judged by. */
  changed(): void {
    const sql = `INSERT INTO facts VALUES ('standingsVersion', 1) ON CONFLICT DO UPDATE SET value = value + 1`
    this.database.run(sql)
    this.known.clear()
  }

  /** Undefined: no identity. */
  of(vm: VmId): Standing | undefined {
    let standing = this.known.get(vm)
    if (standing === undefined) {
      standing = this.read(vm)
      if (standing !== undefined) this.known.set(vm, standing)
    }
    return standing
  }

  /** Writes what arrivals changed. @param isNewSender the list of senders is another */
  write(standing: Standing, now: HeardNow, isNewSender: boolean): void {
    const { vm, senders, since, hasForgotten, head, newest, isReleased } = standing
    const current = senders.at(-1)
    const isOff = now.isClockOff === undefined ? null : now.isClockOff ? 1 : 0
    this.database
      .statement(HEARD)
      .run(
        now.at,
        isOff,
        isReleased ? 1 : 0,
        current?.sender ?? null,
        current?.sequence ?? 0,
        since,
        hasForgotten ? 1 : 0,
        head,
        newest,
        now.accepted,
        now.accepted,
        now.duplicates,
        vm,
      )
    if (!isNewSender) return
    this.database.run('DELETE FROM formerSenders WHERE vm = ?', vm)
    senders
      .slice(0, -1)
      .forEach(({ sender, sequence }, place) => this.database.run(FORMER, vm, place, sender, sequence))
  }

  forget(): void {
    this.known.clear()
  }

  private read(name: VmId): Standing | undefined {
    const vm = this.names.find(name)
    if (vm === undefined) return undefined
    const sql = `SELECT isBanned, quarantine IS NOT NULL AS isQuarantined, isReleased, sender, sequence, since, hasForgotten,
      head, newest
      FROM identities WHERE vm = ?`
    const row = this.database.first(sql, vm)
    if (row === undefined) return undefined
    const former = this.database.all('SELECT sender, sequence FROM formerSenders WHERE vm = ? ORDER BY place', vm)
    return { vm, ...flagsOf(row), senders: [...(former as unknown as Sender[]), ...currentOf(row)], ...rowsOf(row) }
  }
}

function flagsOf(row: Row): Pick<Standing, 'isBanned' | 'isQuarantined' | 'isReleased'> {
  return {
    isBanned: row['isBanned'] === 1,
    isQuarantined: row['isQuarantined'] === 1,
    isReleased: row['isReleased'] === 1,
  }
}

function rowsOf(row: Row): Pick<Standing, 'since' | 'hasForgotten' | 'head' | 'newest' | 'hour'> {
  return {
    hasForgotten: row['hasForgotten'] === 1,
    since: Number(row['since']),
    head: Number(row['head']),
    newest: Number(row['newest']),
    hour: undefined,
  }
}

function currentOf(row: Row): readonly Sender[] {
  const sender = row['sender']
  return typeof sender === 'string' ? [{ sender, sequence: Number(row['sequence']) }] : []
}
