import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SiteStore } from '../../world/site-store.ts'
import { siteStoreContract } from '../../world/site-store.contract.ts'
import { openSqliteSite } from './site-store.ts'

siteStoreContract('SQLite', async (admit) => {
  const folder = await mkdtemp(join(tmpdir(), 'ethos-site-'))
  const path = join(folder, 'site.sqlite')
  const opened: SiteStore[] = []
  const open = async () => {
    const store = openSqliteSite(path, { admit })
    opened.push(store)
    return store
  }
  return {
    store: await open(),
    reopen: open,
    beside: open,
    dispose: async () => {
      for (const store of opened) await store.close()
      await rm(folder, { recursive: true })
    },
  }
})
