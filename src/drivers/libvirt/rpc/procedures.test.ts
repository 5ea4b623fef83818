import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { aFake } from './builders.ts'
import { INT, NOTHING } from './codec.ts'
import { LibvirtError } from './errors.ts'
import { startPostCopy } from './libvirt.ts'
import { procedure } from './procedure.ts'
import { sendableProcedures } from './procedures.ts'
import { DOMAIN_PROCEDURES } from './procedures-domain.ts'
import { XdrReader, XdrWriter } from './xdr.ts'

const VM = { name: 'test', uuid: '6695eb01-f6a4-8304-79aa-97f2502e193f', id: 1 }

/** Every procedure that can ever leave this client, by its number in libvirt's program. Whoever adds one here says what it can do to a VM. */
const ALL = `
  1 CONNECT_OPEN
  2 CONNECT_CLOSE
  4 CONNECT_GET_VERSION
  6 NODE_GET_INFO
  7 CONNECT_GET_CAPABILITIES
  14 DOMAIN_GET_XML_DESC
  16 DOMAIN_GET_INFO
  23 DOMAIN_LOOKUP_BY_NAME
  24 DOMAIN_LOOKUP_BY_UUID
  59 CONNECT_GET_HOSTNAME
  60 CONNECT_SUPPORTS_FEATURE
  66 AUTH_LIST
  70 AUTH_POLKIT
  110 CONNECT_GET_URI
  157 CONNECT_GET_LIB_VERSION
  158 CONNECT_COMPARE_CPU
  162 CONNECT_BASELINE_CPU
  163 DOMAIN_GET_JOB_INFO
  164 DOMAIN_ABORT_JOB
  166 DOMAIN_MIGRATE_SET_MAX_DOWNTIME
  194 DOMAIN_GET_BLOCK_INFO
  207 DOMAIN_MIGRATE_SET_MAX_SPEED
  212 DOMAIN_GET_STATE
  227 NODE_GET_CPU_STATS
  228 NODE_GET_MEMORY_STATS
  242 DOMAIN_MIGRATE_GET_MAX_SPEED
  265 DOMAIN_GET_METADATA
  273 CONNECT_LIST_ALL_DOMAINS
  298 DOMAIN_GET_JOB_STATS
  305 DOMAIN_MIGRATE_PERFORM3_PARAMS
  316 CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY
  317 CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY
  342 CONNECT_GET_DOMAIN_CAPABILITIES
  344 CONNECT_GET_ALL_DOMAIN_STATS
  387 DOMAIN_MIGRATE_GET_MAX_DOWNTIME
  393 CONNECT_COMPARE_HYPERVISOR_CPU
  394 CONNECT_BASELINE_HYPERVISOR_CPU
  427 DOMAIN_START_DIRTY_RATE_CALC`

function listed(isPostCopyAllowed: boolean): string[] {
  const all = sendableProcedures({ isPostCopyAllowed }).toSorted((a, b) => a.number - b.number)
  return all.map(({ number, name }) => `${number} ${name}`)
}

test('these procedures can be sent, and no other', () => {
  const expected = ALL.trim()
    .split('\n')
    .map((line) => line.trim())
  assert.deepEqual(listed(false), expected)
  assert.deepEqual(
    listed(true).filter((line) => !expected.includes(line)),
    ['364 DOMAIN_MIGRATE_START_POST_COPY'],
  )
})

test('none of them has a name that ends, begins, pauses or forgets a VM', () => {
  const forbidden =
    /DESTROY|SHUTDOWN|REBOOT|RESET|SUSPEND|RESUME|CREATE|DEFINE|UNDEFINE|SAVE|RESTORE|MANAGED|SET_(?!MAX)|ATTACH|DETACH|INJECT|SEND|FINISH|CONFIRM/
  assert.deepEqual(
    listed(true).filter((line) => forbidden.test(line)),
    [],
  )
})

test('procedures are made in three files, each of which stands in the list', () => {
  const folder = import.meta.dirname
  const sources = readdirSync(folder).filter(
    (name) => name.endsWith('.ts') && !/\.test\.ts$|^fake-|^builders/.test(name),
  )
  const makers = sources.filter((name) => /\bprocedure\(/.test(readFileSync(join(folder, name), 'utf8')))
  assert.deepEqual(makers.toSorted(), ['procedures-domain.ts', 'procedures-host.ts', 'procedures-migration.ts'])
})

test('the client imports nothing but Node and itself: it stands alone', () => {
  const folder = import.meta.dirname
  const sources = readdirSync(folder).filter((name) => name.endsWith('.ts') && !/\.(test|contract)\.ts$/.test(name))
  assert.ok(sources.length > 20)
  for (const name of sources) {
    for (const [, specifier] of readFileSync(join(folder, name), 'utf8').matchAll(/\bfrom '([^']+)'/g))
      assert.match(specifier ?? '', /^(node:[\w/]+|\.\/[\w-]+\.ts)$/, name)
  }
})

test('a procedure made elsewhere is refused, even under a number that may be sent', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open()
  const before = server.calls.length
  for (const made of [procedure('DOMAIN_DESTROY', 12, INT, NOTHING), procedure('DOMAIN_ABORT_JOB', 164, INT, NOTHING)])
    await assert.rejects(libvirt.call(made, 1), (error) => error instanceof LibvirtError && error.code === 'argument')
  assert.equal(server.calls.length, before)
})

test('post-copy is begun by nobody who did not open the connection for it', async (context) => {
  const { server, open } = await aFake(context)
  const plain = await open()
  await assert.rejects(
    startPostCopy(plain, VM),
    (error) => error instanceof LibvirtError && /isPostCopyAllowed/.test(error.message),
  )
  assert.ok(!server.calls.some(({ number }) => number === 364))
  const allowed = await open({ isPostCopyAllowed: true })
  await assert.rejects(startPostCopy(allowed, VM), (error) => error instanceof LibvirtError && error.code === 'refused')
  assert.ok(server.calls.some(({ number }) => number === 364))
})

test('secrets are never asked for with a description', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open()
  await libvirt.domainXml(VM, 0xff)
  // 1 would be VIR_DOMAIN_XML_SECURE; 2 and 8 are inactive and migratable.
  assert.deepEqual(server.calls.at(-1)?.args, { domain: VM, flags: 10 })
})

test('a domain and its statistics are on the wire as libvirt 9.0 sent them', () => {
  // Recorded from libvirtd, test:///default: CONNECT_GET_ALL_DOMAIN_STATS.
  const recorded = Buffer.from(
    '000000010000000474657374' +
      '6695eb01f6a4830479aa97f2502e193f00000001' +
      '000000020000000b73746174652e73746174650000000001000000010000000c73746174652e726561736f6e0000000100000000',
    'hex',
  )
  const reader = new XdrReader(recorded)
  const records = DOMAIN_PROCEDURES.allStats.result.read(reader)
  reader.finish()
  const parameters = [
    { field: 'state.state', value: 1 },
    { field: 'state.reason', value: 0 },
  ]
  assert.deepEqual(records, [{ domain: VM, parameters }])
  const writer = new XdrWriter()
  DOMAIN_PROCEDURES.allStats.result.write(writer, records)
  assert.deepEqual(writer.finish(), recorded)
})
