import { after, before, test } from 'node:test'
import { PostgresServer, withoutPostgres } from '../../../tools/postgres-server.ts'
import type { AdmissionRule } from '../../world/site-store.ts'
import { siteStoreContract, type SiteStorePlace } from '../../world/site-store.contract.ts'
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

const make = async (admit: AdmissionRule): Promise<SiteStorePlace> => {
  const schema = `site_${made++}`
  return { open: () => openPostgresSite(server?.url() ?? '', { admit, schema }) }
}

if (withoutPostgres === false) siteStoreContract('PostgreSQL', make)
else test('PostgreSQL is a store of a site', { skip: withoutPostgres }, () => undefined)
