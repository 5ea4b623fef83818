/** What the server remembers, in one SQLite file. */
import { closeSync, existsSync, openSync } from 'node:fs'
import { ParseError } from '../../terms/parse.ts'
import { StoreError } from '../../world/errors.ts'
import type { AdmissionRule, SiteStore } from '../../world/site-store.ts'
import { ChangeQueue } from './change-queue.ts'
import { Database } from './database.ts'
import { bring, takeLock } from './site-schema.ts'
import { latestVectors, vectorHistory } from './site-vectors.ts'
import { Tables } from './tables.ts'
import { siteUpkeep } from './upkeep.ts'

const SECRET_MODE = 0o600
/** SQLite's name for a store without a file: for tests. */
const IN_MEMORY = ':memory:'

export interface SqliteSiteOptions {
  /** How arrivals are judged: the rule of `engine/admission/senders.ts`. */
  readonly admit: AdmissionRule
  /** A file that is locked while the store is open, so that no second server runs with it. Absent: the store is used beside a server. */
  readonly lockPath?: string
}

/** Opens a store, makes it if it is missing, and brings it to the newest schema. Throws a `StoreError`: `locked` where another process has the lock,
 *  `newer` where a later version of Ethos has written it. */
export function openSqliteSite(path: string, { admit, lockPath }: SqliteSiteOptions): SiteStore {
  const lock = lockPath === undefined ? undefined : takeLock(lockPath, path)
  try {
    makeFile(path)
    const database = new Database(path)
    try {
      bring(database, lock !== undefined)
      return siteStore(new Tables(database, admit), () => lock?.close())
    } catch (error) {
      database.close()
      throw error
    }
  } catch (error) {
    lock?.close()
    throw error
  }
}

/** Its owner's alone, and so is what SQLite puts beside it. */
function makeFile(path: string): void {
  if (path === IN_MEMORY || existsSync(path)) return
  try {
    closeSync(openSync(path, 'a', SECRET_MODE))
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
    throw new StoreError('io', `${path}: it can not be made (${code}). May this user write there?`, { cause })
  }
}

/** What was written by us and can't be read was changed by somebody else. */
function readWhole<T>(path: string, what: () => T): T {
  try {
    return what()
  } catch (cause) {
    if (!(cause instanceof ParseError)) throw cause
    const remedy = 'Bring the file back from a copy, or ask `ethos store check`.'
    throw new StoreError('corrupt', `${path}: ${cause.message} ${remedy}`, { cause })
  }
}

type Part<Name extends keyof SiteStore> = SiteStore[Name]

interface Site {
  readonly tables: Tables
  readonly queue: ChangeQueue
  /** Reads now, as a promise. */
  readonly read: <T>(what: () => T) => Promise<T>
}

function siteStore(tables: Tables, unlock: () => void): SiteStore {
  const { database } = tables
  const queue = new ChangeQueue(database)
  const site: Site = { tables, queue, read: async (what) => readWhole(database.path, what) }
  return {
    name: `SQLite ${database.path}`,
    ...people(site),
    ...measured(site),
    ...written(site),
    upkeep: siteUpkeep(tables, queue),
    close: async () => {
      queue.close()
      database.close()
      unlock()
    },
  }
}

function people({ tables, queue, read }: Site): {
  identities: Part<'identities'>
  joinTokens: Part<'joinTokens'>
  apiTokens: Part<'apiTokens'>
} {
  const { identities, joinTokens, apiTokens } = tables
  return {
    identities: {
      find: (vm) => read(() => identities.find(vm)),
      list: () => read(() => identities.list()),
      certify: (vm, at, endsAt) => queue.soon(() => identities.certify(vm, at, endsAt)),
      join: (tokenId, at, endsAt) => queue.soon(() => joinWith(tables, tokenId, { at, endsAt })),
      admit: (vm, at, via) => queue.soon(() => identities.admit(vm, at, via)),
      ban: (vm, at) => queue.soon(() => identities.ban(vm, at)),
      release: (vm) => queue.soon(() => identities.release(vm)),
      count: (vm, what, number) => queue.soon(() => identities.count(vm, what, number)),
    },
    joinTokens: {
      add: (token) => queue.soon(() => joinTokens.add(token)),
      find: (id) => read(() => joinTokens.find(id)),
      list: () => read(() => joinTokens.list()),
      revoke: (id) => queue.soon(() => joinTokens.revoke(id)),
    },
    apiTokens: {
      addFirst: (token) => queue.soon(() => apiTokens.addFirst(token)),
      add: (token) => queue.soon(() => apiTokens.add(token)),
      find: (id) => read(() => apiTokens.find(id)),
      list: () => read(() => apiTokens.list()),
      revoke: (id, at) => queue.soon(() => apiTokens.revoke(id, at)),
      used: (ids, at) => queue.soon(() => apiTokens.used(ids, at)),
    },
  }
}

function joinWith(
  { joinTokens, identities }: Tables,
  tokenId: string,
  { at, endsAt }: { readonly at: number; readonly endsAt: number },
): boolean {
  const token = joinTokens.find(tokenId)
  if (token === undefined || !joinTokens.use(tokenId, at)) return false
  if ('vm' in token.for) identities.join(token.for.vm, at, endsAt)
  return true
}

function measured({ tables, queue, read }: Site): {
  vectors: Part<'vectors'>
  usage: Part<'usage'>
  hosts: Part<'hosts'>
} {
  const { intake, usage, hosts } = tables
  return {
    vectors: {
      take: (arrivals) => queue.soon(() => intake.take(arrivals)),
      latest: (after) => read(() => latestVectors(tables, after)),
      history: (vm, span) => read(() => vectorHistory(tables, vm, span)),
    },
    usage: {
      put: (slots) => queue.soon(() => usage.put(slots)),
      series: (vm, span) => read(() => usage.seriesOf([vm], span)[0]),
      seriesOf: (vms, span) => read(() => usage.seriesOf(vms, span)),
      hostSeries: (of, span) => read(() => usage.hostSeries(of, span)),
    },
    hosts: {
      find: (host) => read(() => hosts.find(host)),
      list: () => read(() => hosts.list()),
      put: (row, standing) => queue.soon(() => hosts.put(row, standing)),
      measurements: (host, most) => read(() => hosts.measurements(host, most)),
      remove: (host) => queue.soon(() => hosts.remove(host)),
      report: (reports) =>
        queue.soon(() => {
          for (const report of reports) if (hosts.report(report)) usage.report(report)
        }),
      reports: () => read(() => hosts.reports()),
    },
  }
}

function written({ tables, queue, read }: Site): {
  journal: Part<'journal'>
  audit: Part<'audit'>
  phases: Part<'phases'>
  settings: Part<'settings'>
  leases: Part<'leases'>
} {
  const { journal, audit, phases, settings, leases } = tables
  return {
    journal: {
      append: (line, at, token) => queue.soon(() => journal.append(line, at, token)),
      from: (number, most) => read(() => journal.from(number, most)),
      last: (most) => read(() => journal.last(most)),
      verify: () => read(() => journal.verify()),
    },
    audit: {
      add: (record) => queue.soon(() => audit.add(record)),
      last: (most, before) => read(() => audit.last(most, before)),
    },
    phases: {
      add: (row) => queue.soon(() => phases.add(row)),
      list: () => read(() => phases.list()),
      current: () => read(() => phases.current()),
      use: (version) => queue.soon(() => phases.use(version)),
    },
    settings: {
      get: (name) => read(() => settings.get(name)),
      set: (name, text, by) => queue.soon(() => settings.set(name, text, by)),
      history: (name, most) => read(() => settings.history(name, most)),
    },
    leases: {
      take: (name, holder, at, forMs) => queue.soon(() => leases.take(name, holder, { at, forMs })),
      release: (name, holder) => queue.soon(() => leases.release(name, holder)),
    },
  }
}
