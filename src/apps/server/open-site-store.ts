import { openPostgresSite } from '../../drivers/postgres/site.ts'
import { openSqliteSite } from '../../drivers/sqlite/site-store.ts'
import { admit } from '../../engine/admission/senders.ts'
import type { SiteStore } from '../../world/site-store.ts'

/** Where the site's store is, for processes and threads that open it for themselves. It passes between them as it is; it is never shown, for an
 *  address may hold a password. */
export type StoreConfig =
  | { readonly kind: 'sqlite' /** The file. */; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string }

/** Opens it beside the server, whose lock it is. Rejects with a `StoreError`. */
export async function openSiteStore(config: StoreConfig): Promise<SiteStore> {
  return config.kind === 'sqlite'
    ? Promise.resolve(openSqliteSite(config.path, { admit }))
    : openPostgresSite(config.url, { admit })
}
