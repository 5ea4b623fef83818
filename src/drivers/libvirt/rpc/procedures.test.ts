import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { aFake } from './builders.ts'
import { type Codec, INT, NOTHING } from './codec.ts'
import { REMOTE_ERROR } from './domain.ts'
import { LibvirtError } from './errors.ts'
import { EVENT_KINDS } from './events.ts'
import { startPostCopy } from './libvirt.ts'
import { procedure } from './procedure.ts'
import { sendableProcedures } from './procedures.ts'
import { DOMAIN_PROCEDURES } from './procedures-domain.ts'
import { HOST_PROCEDURES } from './procedures-host.ts'
import { MIGRATION_PROCEDURES } from './procedures-migration.ts'
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
  88 STORAGE_POOL_GET_XML_DESC
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
  281 CONNECT_LIST_ALL_STORAGE_POOLS
  283 CONNECT_LIST_ALL_NETWORKS
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
  await libvirt.domainXml(VM)
  await libvirt.domainXml(VM, { isInactive: true })
  // VIR_DOMAIN_XML_SECURE is 1, and MIGRATABLE, which implies it, 8.
  assert.deepEqual(
    server.calls.slice(-2).map(({ args }) => args),
    [
      { domain: VM, flags: 0 },
      { domain: VM, flags: 2 },
    ],
  )
})

function isRefused(error: unknown): boolean {
  return error instanceof LibvirtError && error.code === 'argument'
}

test('flags and wishes that would do more are refused, even with a bare call', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open()
  const move = {
    domain: VM,
    destinationUri: 'qemu+tls://there/system',
    parameters: [],
    cookie: new Uint8Array(),
    flags: 3,
  }
  const before = server.calls.length
  // Not live, not peer to peer, undefined here and not defined there, paused, disks in part, without protection, off, back from post-copy.
  for (const flags of [2, 1, 3 | (1 << 4), 3 | (1 << 5), 3 | (1 << 7), 3 | (1 << 8), 3 | (1 << 10), 3 | (1 << 19)])
    await assert.rejects(libvirt.call(MIGRATION_PROCEDURES.perform, { ...move, flags }), isRefused, `${flags}`)
  for (const field of ['destination_name', 'destination_xml', 'persistent_xml', 'anything']) {
    const parameters = [{ field, type: 'string', value: 'x' }] as const
    await assert.rejects(libvirt.call(MIGRATION_PROCEDURES.perform, { ...move, parameters }), isRefused, field)
  }
  for (const flags of [1, 2])
    await assert.rejects(
      libvirt.call(MIGRATION_PROCEDURES.startDirtyRate, { domain: VM, seconds: 1, flags }),
      isRefused,
    )
  for (const flags of [1, 8])
    await assert.rejects(libvirt.call(DOMAIN_PROCEDURES.xml, { domain: VM, flags }), isRefused)
  assert.equal(server.calls.length, before)
})

/** Payloads as libvirtd 9.0.0 sent them for test:///default, in hexadecimal, and what they say. */
const RECORDED = [
  [
    'statistics',
    DOMAIN_PROCEDURES.allStats.result,
    '0000000100000004746573746695eb01f6a4830479aa97f2502e193f00000001' +
      '000000020000000b73746174652e73746174650000000001000000010000000c73746174652e726561736f6e0000000100000000',
    [
      {
        domain: VM,
        parameters: [
          { field: 'state.state', value: 1 },
          { field: 'state.reason', value: 0 },
        ],
      },
    ],
  ],
  [
    'sizes of a domain',
    DOMAIN_PROCEDURES.info.result,
    '00000001000000000080000000000000002000000000000218ec034225c23638',
    { state: 1, memoryMaxKib: 8_388_608, memoryKib: 2_097_152, cpus: 2, cpuTimeNs: 0x18ec034225c23638n },
  ],
  [
    'a host',
    HOST_PROCEDURES.nodeInfo.result,
    `${'0000006900000036000000380000003600'.padEnd(256, '0')}00000000003000000000001000000578${'00000002'.repeat(4)}`,
    {
      model: 'i686',
      memoryKib: 3_145_728,
      cpus: 16,
      mhz: 1400,
      numaNodes: 2,
      socketsPerNode: 2,
      coresPerSocket: 2,
      threadsPerCore: 2,
    },
  ],
  [
    'a refusal',
    REMOTE_ERROR,
    '0000002a0000000c0000000100000010446f6d61696e206e6f7420666f756e64000000020000000000000001' +
      '00000010446f6d61696e206e6f7420666f756e640000000000000000ffffffffffffffff00000000',
    { number: 42, domain: 12, level: 2, text: 'Domain not found', details: ['Domain not found'] },
  ],
  [
    'an event',
    EVENT_KINDS.lifecycle.codec,
    '00000004746573746695eb01f6a4830479aa97f2502e193f000000010000000300000000',
    { domain: VM, event: 3, detail: 0 },
  ],
] as [string, Codec<unknown>, string, unknown][]

for (const [what, codec, hexadecimal, value] of RECORDED) {
  test(`${what} on the wire as libvirtd sent it is read, and written alike`, () => {
    const reader = new XdrReader(Buffer.from(hexadecimal, 'hex'))
    assert.deepEqual(codec.read(reader), value)
    reader.finish()
    const writer = new XdrWriter()
    codec.write(writer, value)
    assert.equal(writer.finish().toString('hex'), hexadecimal)
  })
}
