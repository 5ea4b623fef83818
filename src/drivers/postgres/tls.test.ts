import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { PostgresServer, withoutPostgres } from '../../../tools/postgres-server.ts'
import { runAs, skipWithout } from '../../../tools/real-servers.ts'
import { admit } from '../../engine/admission/senders.ts'
import { StoreError } from '../../world/errors.ts'
import { openPostgresSite } from './site.ts'

const OPENSSL = '/usr/bin/openssl'
const skip = withoutPostgres || skipWithout(OPENSSL)
let server: PostgresServer
before(async () => {
  if (skip !== false) return
  server = await PostgresServer.start({
    hba: 'hostssl all ethos 127.0.0.1/32 scram-sha-256\nhost all ethos all reject',
  })
  certify('IP:127.0.0.1')
})
after(async () => {
  if (skip === false) await server.remove()
})

/** A certificate that is its own authority, for a name or address. The server takes it up at once. */
function certify(name: string): void {
  const file = (base: string): string => join(server.folder.path, 'data', base)
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const paths = ['-keyout', file('server.key'), '-out', file('server.crt')]
  runAs('postgres', OPENSSL, [...words, ...paths, '-subj', '/CN=a test', '-addext', `subjectAltName=${name}`])
  server.sql('ALTER SYSTEM SET ssl = on')
  server.sql('SELECT pg_reload_conf()')
}

function url(words: string): string {
  return `${server.url()}?${words.replace('CA', join(server.folder.path, 'data', 'server.crt'))}`
}

/** The server takes its new certificate up some moments after it was told to. */
async function becomes(words: string, expected: 'open' | 'invalid'): Promise<void> {
  for (let tries = 1; ; tries++) {
    const found = await outcomeOf(words)
    if (found === expected || tries === 100) return assert.equal(found, expected, words)
  }
}

async function outcomeOf(words: string): Promise<string> {
  try {
    const store = await openPostgresSite(url(words), { admit })
    await store.close()
    return 'open'
  } catch (error) {
    assert.ok(error instanceof StoreError, String(error))
    return error.code
  }
}

test('a server is who its certificate says, by the authority and by the name', { skip }, async () => {
  await becomes('sslmode=verify-full&sslrootcert=CA', 'open')
  const store = await openPostgresSite(url('sslmode=verify-full&sslrootcert=CA'), { admit })
  const lines = "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'ethos'"
  assert.equal(server.sql(lines).trim(), 't')
  await store.close()
  // Of no authority that this machine knows.
  await becomes('sslmode=verify-full', 'invalid')
  await becomes('sslmode=require', 'open')
  certify('DNS:other.example')
  await becomes('sslmode=verify-full&sslrootcert=CA', 'invalid')
  await becomes('sslmode=verify-ca&sslrootcert=CA', 'open')
})

test('a server that insists on TLS refuses what is not encrypted', { skip }, async () => {
  await becomes('sslmode=disable', 'invalid')
})
