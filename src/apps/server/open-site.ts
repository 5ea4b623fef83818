/** Which store a command or a server works on: the file in its data folder, or a PostgreSQL that several servers share. */
import { openSqliteSite } from '../../drivers/sqlite/site-store.ts'
import { admit } from '../../engine/admission/senders.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { UsageError } from '../usage-error.ts'
import { openDataFolder, storeFile } from './data-folder.ts'
import { openThreadedSite } from './threaded-store.ts'

export interface SiteOptions {
  /** The data folder. Absent: there is none, and the store must be named. */
  readonly data?: string
  /** `postgres://...`. Absent: what `ETHOS_STORE` says, else the file in the data folder. */
  readonly store?: string
  /** Whether a missing data folder is made. */
  readonly wanted?: 'made' | 'there'
  /** Writes in a thread of their own: for a server. A command has nobody who would wait. */
  readonly isThreaded?: boolean
  /** Told when a thread of the store died. */
  readonly onDeath?: (reason: string) => void
  /** Told what an operator should know of a PostgreSQL: that the way there is not encrypted. */
  readonly onWarning?: (warning: string) => void
}

/** Where a store is, as one process or thread tells another that opens it too. Never shown: an address may hold a password. */
export type StorePlace = Pick<SiteOptions, 'data' | 'store'>

/** Opens it. Throws a `UsageError` where it can not be meant, and a `StoreError` where it can not be opened. */
export async function openSite(options: SiteOptions): Promise<SiteStore> {
  const { data, store = process.env['ETHOS_STORE'], wanted = 'there', isThreaded = false, onDeath } = options
  if (store !== undefined && store !== '') return openShared(store, options.onWarning)
  if (data === undefined)
    throw new UsageError('--data', 'nothing', 'Expected the server’s data folder, or --store postgres://...')
  const path = storeFile(openDataFolder(data, wanted))
  if (isThreaded) return openThreadedSite(path, onDeath === undefined ? {} : { onDeath })
  return openSqliteSite(path, { admit })
}

/** Whether the store is the file in the data folder, and not one that servers share. */
export function isOwnFile({ storeUrl = process.env['ETHOS_STORE'] }: { readonly storeUrl?: string }): boolean {
  return storeUrl === undefined || storeUrl === ''
}

/** Opens the store, uses it and closes it. */
export async function withSite<T>(options: SiteOptions, use: (store: SiteStore) => Promise<T>): Promise<T> {
  const store = await openSite(options)
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}

async function openShared(url: string, onWarning: SiteOptions['onWarning']): Promise<SiteStore> {
  if (!/^postgres(ql)?:\/\//.test(url)) {
    // It may hold a password: its beginning is enough to see what was meant.
    const remedy =
      'Expected postgres://USER@HOST/DATABASE. Without --store and ETHOS_STORE the file in the data folder is used.'
    throw new UsageError('--store', `${url.slice(0, 10)}...`, remedy)
  }
  // Loaded when it is asked for: most sites have none.
  const { openPostgresSite } = await import('../../drivers/postgres/site.ts')
  return openPostgresSite(url, { admit, ...(onWarning === undefined ? {} : { onWarning }) })
}
