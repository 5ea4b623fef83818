import { after, before, test } from 'node:test'
import { PostgresServer, withoutPostgres } from '../../../tools/postgres-server.ts'
import type { AdmissionRule, SiteStore } from '../../world/site-store.ts'
import { siteStoreContract, type SiteStoreSubject } from '../../world/site-store.contract.ts'
import { openPostgresSite } from './site.ts'

let server: PostgresServer | undefined
let made = 0
before(async () => {
  if (withoutPostgres !== false) return
  // Nothing here is about what a loss of power leaves.
  server = await PostgresServer.start({ settings: { fsync: 'off', full_page_writes: 'off' } })
})
after(async () => {
  await server?.remove()
})

const make = async (admit: AdmissionRule): Promise<SiteStoreSubject> => {
  const schema = `site_${made++}`
  const opened: SiteStore[] = []
  const open = async () => {
    const store = await openPostgresSite(server?.url() ?? '', { admit, schema })
    opened.push(store)
    return store
  }
  return {
    store: await open(),
    reopen: open,
    beside: open,
    dispose: async () => {
      for (const store of opened) await store.close()
    },
  }
}

if (withoutPostgres === false) siteStoreContract('PostgreSQL', make)
else test('PostgreSQL is a store of a site', { skip: withoutPostgres }, () => undefined)
