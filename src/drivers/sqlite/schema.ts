/** The tables of schema 1, as they are made. Versions and the ways between them: `migrations.ts`.
 *
 *  VMs are integers within: a name of up to 64 characters in each row would be more than the numbers it stands for. */

/** What identities, vectors and usage are kept in. */
const HEARD = `
  CREATE TABLE IF NOT EXISTS vms (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE identities (
    vm INTEGER PRIMARY KEY REFERENCES vms (id), joinedAt REAL NOT NULL, heardAt REAL, certificateEndsAt REAL, via TEXT NOT NULL,
    isBanned INTEGER NOT NULL DEFAULT 0, quarantine TEXT, quarantinedAt REAL, isReleased INTEGER NOT NULL DEFAULT 0,
    isClockOff INTEGER NOT NULL DEFAULT 0,
    sender TEXT, sequence INTEGER NOT NULL DEFAULT 0, since INTEGER NOT NULL DEFAULT 0,
    hasForgotten INTEGER NOT NULL DEFAULT 0,
    head INTEGER NOT NULL DEFAULT 0, newest INTEGER NOT NULL DEFAULT 0, kept INTEGER NOT NULL DEFAULT 0, keptApart INTEGER NOT NULL DEFAULT 0,
    accepted INTEGER NOT NULL DEFAULT 0, duplicates INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE TABLE formerSenders (
    vm INTEGER NOT NULL REFERENCES identities (vm), place INTEGER NOT NULL, sender TEXT NOT NULL, sequence INTEGER NOT NULL,
    PRIMARY KEY (vm, place)) STRICT, WITHOUT ROWID;
  CREATE TABLE wordCounts (
    vm INTEGER NOT NULL REFERENCES identities (vm), what TEXT NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (vm, what)) STRICT, WITHOUT ROWID;
  CREATE TABLE fullVectors (
    id INTEGER PRIMARY KEY, vm INTEGER NOT NULL, before INTEGER NOT NULL, arrivedAt REAL NOT NULL, flags INTEGER NOT NULL,
    data BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS staleVectors (
    vm INTEGER PRIMARY KEY REFERENCES vms (id), arrivedAt REAL NOT NULL, flags INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS hourlyVectors (key INTEGER PRIMARY KEY, isPacked INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS hourlyOpen ON hourlyVectors (key) WHERE isPacked = 0;
  CREATE TABLE IF NOT EXISTS usageSlabs (key INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS usageDays (key INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
`

const TOKENS = `
  CREATE TABLE joinTokens (
    id TEXT PRIMARY KEY, secretDigest TEXT NOT NULL, vm TEXT, host TEXT, expiresAt REAL NOT NULL, usedAt REAL,
    CHECK ((vm IS NULL) <> (host IS NULL))) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS apiTokens (
    id TEXT PRIMARY KEY, secretDigest TEXT NOT NULL, role TEXT NOT NULL, name TEXT NOT NULL, createdAt REAL NOT NULL, expiresAt REAL,
    revokedAt REAL, usedAt REAL) STRICT, WITHOUT ROWID;
`

const SITE = `
  CREATE TABLE IF NOT EXISTS hosts (
    host TEXT PRIMARY KEY, measurement TEXT, measuredAt REAL, corrections TEXT, changedAt REAL NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS measurements (id INTEGER PRIMARY KEY, host TEXT NOT NULL, at REAL NOT NULL, measurement TEXT NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS measurementsOfHost ON measurements (host, id);
  CREATE TABLE IF NOT EXISTS reports (host TEXT PRIMARY KEY, arrivedAt REAL NOT NULL, report TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS journal (number INTEGER PRIMARY KEY, at REAL NOT NULL, line TEXT NOT NULL, digest BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS settings (
    name TEXT NOT NULL, version INTEGER NOT NULL, text TEXT NOT NULL, who TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (name, version)) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS leases (
    name TEXT PRIMARY KEY, holder TEXT NOT NULL, token INTEGER NOT NULL UNIQUE, endsAt REAL NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS audit (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, what TEXT NOT NULL, vm TEXT, whence TEXT NOT NULL, reason TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS phases (
    version INTEGER PRIMARY KEY, model TEXT NOT NULL, digest TEXT NOT NULL, installedAt REAL NOT NULL,
    isCurrent INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
`

export const SCHEMA_1 = HEARD + TOKENS + SITE
