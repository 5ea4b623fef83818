/** Between schema 0, of the server that only listened, and schema 1. What schema 0 has no place for stays in the file when one goes back, and is there
 *  again afterwards; vectors of which an hour's one is left are not told to schema 0, which would take them for the bytes that a guest sent. */
import { ParseError } from '../../terms/parse.ts'
import type { VmId } from '../../terms/ids.ts'
import { encodePersonality, parsePersonality } from '../../terms/personality-codec.ts'
import { personalityFromBytes } from '../../terms/personality-bytes.ts'
import type { EpochMs } from '../../terms/units.ts'
import { FLAG_APART, FLAG_CLOCK_OFF, FLAG_HOURLY } from '../site-store/vector-flags.ts'
import { bytesOf, FullVectors, hourOf } from './full-vectors.ts'
import type { Database, Row } from './database.ts'
import { SCHEMA_1 } from './schema.ts'
import { UsageSlabs } from './usage-slabs.ts'

/** As it was. */
export const SCHEMA_0 = `
  CREATE TABLE agents (
    vm TEXT PRIMARY KEY, joinedAt REAL NOT NULL, heardAt REAL, certificateEndsAt REAL, viaChannel INTEGER NOT NULL DEFAULT 0,
    banned INTEGER NOT NULL DEFAULT 0, quarantine TEXT, quarantinedAt REAL, isReleased INTEGER NOT NULL DEFAULT 0,
    isSkewed INTEGER NOT NULL DEFAULT 0, newest INTEGER, kept INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE TABLE senders (
    vm TEXT NOT NULL, sender TEXT NOT NULL, place INTEGER NOT NULL, sequence INTEGER NOT NULL, sinceVector INTEGER NOT NULL,
    PRIMARY KEY (vm, sender)) STRICT, WITHOUT ROWID;
  CREATE TABLE counts (
    vm TEXT NOT NULL, what TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (vm, what)) STRICT, WITHOUT ROWID;
  CREATE TABLE tokens (
    id TEXT PRIMARY KEY, secretDigest TEXT NOT NULL, vm TEXT NOT NULL, expiresAt REAL NOT NULL, usedAt REAL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS audit (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, what TEXT NOT NULL, vm TEXT, whence TEXT NOT NULL, reason TEXT NOT NULL) STRICT;
  CREATE TABLE vectors (
    id INTEGER PRIMARY KEY, vm TEXT NOT NULL, sender TEXT NOT NULL, sequence INTEGER NOT NULL, arrivedAt REAL NOT NULL, windowEnd REAL NOT NULL,
    isSkewed INTEGER NOT NULL, isApart INTEGER NOT NULL DEFAULT 0, line TEXT NOT NULL, UNIQUE (vm, sender, sequence)) STRICT;
  CREATE INDEX vectorsOfVm ON vectors (vm, id);
  CREATE TABLE IF NOT EXISTS phases (
    version INTEGER PRIMARY KEY, model TEXT NOT NULL, digest TEXT NOT NULL, installedAt REAL NOT NULL,
    isCurrent INTEGER NOT NULL DEFAULT 0) STRICT;
`

const TABLES_0 = ['agents', 'senders', 'counts', 'tokens', 'vectors']
/** Those that refer to others first. */
const TABLES_1 = ['formerSenders', 'wordCounts', 'fullVectors', 'joinTokens', 'identities']

const VM_OF = '(SELECT id FROM vms WHERE name = old.vm)'
const CURRENT_OF = 'SELECT max(place) FROM senders WHERE senders.vm = old.vm'

/** Rows that need no more than SQL. Whoever is named in another table without being known has no identity to belong to. */
const FORWARD = `
  INSERT OR IGNORE INTO vms (name) SELECT vm FROM agents ORDER BY vm;
  INSERT INTO identities (vm, joinedAt, heardAt, certificateEndsAt, via, isBanned, quarantine, quarantinedAt, isReleased, isClockOff)
    SELECT ${VM_OF}, joinedAt, heardAt, certificateEndsAt, CASE WHEN viaChannel = 1 THEN 'channel' ELSE 'https' END, banned, quarantine,
      quarantinedAt, isReleased, isSkewed FROM agents AS old;
  UPDATE identities SET (sender, sequence, since) = (SELECT sender, sequence, sinceVector FROM senders AS old
    WHERE old.vm = (SELECT name FROM vms WHERE id = identities.vm) ORDER BY place DESC LIMIT 1)
    WHERE vm IN (SELECT ${VM_OF} FROM senders AS old);
  UPDATE identities SET hasForgotten = 1 WHERE (SELECT count(*) FROM senders JOIN vms ON name = senders.vm WHERE vms.id = identities.vm) >= 64;
  INSERT INTO formerSenders SELECT ${VM_OF}, place, sender, sequence FROM senders AS old WHERE place < (${CURRENT_OF}) AND vm IN (SELECT vm FROM agents);
  UPDATE identities SET
    accepted = coalesce((SELECT number FROM counts JOIN vms ON name = counts.vm WHERE vms.id = identities.vm AND what = 'accepted'), 0),
    duplicates = coalesce((SELECT number FROM counts JOIN vms ON name = counts.vm WHERE vms.id = identities.vm AND what = 'duplicates'), 0);
  INSERT INTO wordCounts SELECT ${VM_OF}, what, number FROM counts AS old
    WHERE what NOT IN ('accepted', 'duplicates') AND vm IN (SELECT vm FROM agents);
  INSERT INTO joinTokens (id, secretDigest, vm, expiresAt, usedAt) SELECT id, secretDigest, vm, expiresAt, usedAt FROM tokens;
`

const BACK = `
  INSERT INTO agents SELECT name, joinedAt, heardAt, certificateEndsAt, via <> 'https', isBanned, quarantine, quarantinedAt, isReleased, isClockOff,
    nullif(newest, 0), kept FROM identities JOIN vms ON vms.id = identities.vm;
  INSERT INTO senders SELECT name, sender, row_number() OVER (PARTITION BY vm ORDER BY place), sequence, 0
    FROM formerSenders JOIN vms ON vms.id = formerSenders.vm;
  INSERT INTO senders SELECT name, sender, 1 + (SELECT count(*) FROM formerSenders WHERE formerSenders.vm = identities.vm),
    sequence, since FROM identities JOIN vms ON vms.id = identities.vm WHERE sender IS NOT NULL;
  INSERT INTO counts SELECT name, what, number FROM wordCounts JOIN vms ON vms.id = wordCounts.vm;
  INSERT INTO counts SELECT name, 'accepted', accepted FROM identities JOIN vms ON vms.id = identities.vm WHERE accepted > 0;
  INSERT INTO counts SELECT name, 'duplicates', duplicates FROM identities JOIN vms ON vms.id = identities.vm WHERE duplicates > 0;
  INSERT INTO tokens SELECT id, secretDigest, vm, expiresAt, usedAt FROM joinTokens WHERE vm IS NOT NULL;
  CREATE TABLE hostJoinTokens AS SELECT * FROM joinTokens WHERE host IS NOT NULL;
`

/** Schema 0 to 1, within the caller's transaction; from nothing, where there is none. @param onRow called with the share that is done */
export function forwardTo1(database: Database, onRow: (share: number) => void): void {
  const hadTables = isThere(database, 'agents')
  database.execute(SCHEMA_1)
  if (hadTables) {
    database.execute(FORWARD)
    takeLines(database, onRow)
  }
  if (isThere(database, 'hostJoinTokens')) {
    database.execute('INSERT INTO joinTokens SELECT * FROM hostJoinTokens; DROP TABLE hostJoinTokens')
  }
  for (const table of TABLES_0) database.execute(`DROP TABLE IF EXISTS ${table}`)
}

/** Schema 1 to 0, within the caller's transaction. */
export function backTo0(database: Database, onRow: (share: number) => void): void {
  database.execute(SCHEMA_0)
  database.execute(BACK)
  tellLines(database, onRow)
  for (const table of TABLES_1) database.execute(`DROP TABLE ${table}`)
}

interface Chain {
  head: number
  newest: number
  kept: number
  keptApart: number
  hour: number | undefined
}

/** Lines become bytes; what they tell of usage is kept. A line that can't be read is left out and counted. */
function takeLines(database: Database, onRow: (share: number) => void): void {
  const vectors = new FullVectors(database)
  const usage = new UsageSlabs(database)
  const numbers = new Map(database.all('SELECT name, id FROM vms').map(({ name, id }) => [name as string, Number(id)]))
  const last = Number(database.first('SELECT max(id) AS id FROM vectors')?.['id'] ?? 1)
  const chains = new Map<number, Chain>()
  let unread = 0
  for (const row of database.each('SELECT * FROM vectors ORDER BY id')) {
    const vm = numbers.get(row['vm'] as string)
    const vector = readLine(row)
    if (vm === undefined || vector === undefined) {
      unread++
      continue
    }
    const id = Number(row['id'])
    const arrivedAt: EpochMs = Number(row['arrivedAt'])
    const chain = chains.get(vm) ?? { head: 0, newest: 0, kept: 0, keptApart: 0, hour: undefined }
    const clock = row['isSkewed'] === 1 ? FLAG_CLOCK_OFF : 0
    const hour = hourOf(vector.windowEnd, arrivedAt, clock)
    const isApart = row['isApart'] === 1
    const flags = clock | (isApart ? FLAG_APART : 0) | (hour === chain.hour ? 0 : FLAG_HOURLY)
    vectors.add(vm, { id, before: chain.head, arrivedAt, flags, data: bytesOf(vector) })
    if (!isApart) usage.tell(vm, vector, { arrivedAt, isClockOff: clock !== 0 })
    chains.set(vm, follow(chain, { id, hour, isApart }))
    if (id % 1000 === 0) {
      usage.flush()
      onRow(id / last)
    }
  }
  usage.flush()
  const sql = 'UPDATE identities SET head = ?, newest = ?, kept = ?, keptApart = ? WHERE vm = ?'
  for (const [vm, { head, newest, kept, keptApart }] of chains) database.run(sql, head, newest, kept, keptApart, vm)
  if (unread > 0) database.run(`INSERT OR REPLACE INTO facts VALUES ('unreadLines', ?)`, unread)
}

function follow(
  { newest, kept, keptApart }: Chain,
  { id, hour, isApart }: { readonly id: number; readonly hour: number; readonly isApart: boolean },
): Chain {
  return { head: id, newest: isApart ? newest : id, kept: kept + 1, keptApart: keptApart + (isApart ? 1 : 0), hour }
}

function readLine(row: Row): ReturnType<typeof parsePersonality> | undefined {
  try {
    return parsePersonality(String(row['line']))
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}

function tellLines(database: Database, onRow: (share: number) => void): void {
  const last = Number(database.first('SELECT max(id) AS id FROM fullVectors')?.['id'] ?? 1)
  const sql =
    'INSERT INTO vectors (id, vm, sender, sequence, arrivedAt, windowEnd, isSkewed, isApart, line) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)'
  const rows = 'SELECT fullVectors.*, name FROM fullVectors JOIN vms ON vms.id = fullVectors.vm ORDER BY fullVectors.id'
  for (const row of database.each(rows)) {
    const { id, arrivedAt, flags, data } = row as unknown as {
      id: number
      arrivedAt: number
      flags: number
      data: Uint8Array
    }
    const vm = String(row['name']) as VmId
    const vector = personalityFromBytes(data, vm)
    const isOff = (flags & FLAG_CLOCK_OFF) === 0 ? 0 : 1
    const isApart = (flags & FLAG_APART) === 0 ? 0 : 1
    const { sender, sequence, windowEnd } = vector
    database.run(sql, id, vm, sender, sequence, arrivedAt, windowEnd, isOff, isApart, encodePersonality(vector))
    if (id % 1000 === 0) onRow(id / last)
  }
}

function isThere(database: Database, table: string): boolean {
  return database.first(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?`, table) !== undefined
}
