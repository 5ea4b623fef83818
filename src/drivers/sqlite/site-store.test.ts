import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { siteStoreContract } from '../../world/site-store.contract.ts'
import { openSqliteSite } from './site-store.ts'

siteStoreContract('SQLite', async (admit) => {
  const folder = await mkdtemp(join(tmpdir(), 'ethos-site-'))
  return {
    open: async () => openSqliteSite(join(folder, 'site.sqlite'), { admit }),
    dispose: () => rm(folder, { recursive: true }),
  }
})
