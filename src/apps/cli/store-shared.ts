/** What `ethos store` does where several servers share a PostgreSQL. */
import { resolve } from 'node:path'
import { MIGRATIONS } from '../../drivers/postgres/schema.ts'
import { migratePostgresSite, openPostgresSite } from '../../drivers/postgres/site.ts'
import { admit } from '../../engine/admission/senders.ts'
import { MiB } from '../../terms/units.ts'
import type { Finding, OnProgress, SiteStore } from '../../world/site-store.ts'
import { UsageError } from '../usage-error.ts'

/** The URL of the store that is shared; undefined: it is a file. */
export function sharedUrl(store = process.env['ETHOS_STORE']): string | undefined {
  return store === undefined || store === '' ? undefined : store
}

export interface Looked {
  /** Without a password. */
  readonly store: string
  readonly findings: readonly Finding[]
}

/** Changes nothing, not even the schema. */
export function checkShared(url: string, onProgress: OnProgress): Promise<Looked> {
  return withStore(url, async (store) => ({ store: store.name, findings: await store.upkeep.check(onProgress) }))
}

/** Returns where it was written to. */
export function backupShared(url: string, file: string, onProgress: OnProgress): Promise<string> {
  const to = resolve(file)
  return withStore(url, async (store) => {
    await store.upkeep.backup(to, onProgress)
    return to
  })
}

/** @param to absent: the newest */
export async function migrateShared(
  url: string,
  to: string | undefined,
): Promise<{ readonly before: number; readonly schema: number }> {
  const schema = to === undefined ? MIGRATIONS.length : Number(to)
  if (!Number.isInteger(schema) || schema < 1 || schema > MIGRATIONS.length)
    throw new UsageError('--to', to, `Expected a whole number from 1 to ${MIGRATIONS.length}.`)
  return { before: await migratePostgresSite(url, schema), schema }
}

export function sizeShared(
  url: string,
): Promise<{ readonly store: string; readonly bytes: number; readonly told: string }> {
  return withStore(url, async (store) => {
    const bytes = await store.upkeep.sizeBytes()
    return { store: store.name, bytes, told: `tables and indexes: ${(bytes / MiB).toFixed(1)} MiB` }
  })
}

async function withStore<T>(url: string, use: (store: SiteStore) => Promise<T>): Promise<T> {
  const store = await openPostgresSite(url, { admit, isSchemaLeft: true })
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}
