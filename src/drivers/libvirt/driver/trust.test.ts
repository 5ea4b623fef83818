/** Hosts over TLS: whoever is not to be trusted is no source of data and no target of moves, until its certificate is. */
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { TestAuthority, withoutCertificates } from '../../../../tools/test-certificates.ts'
import { parseHostId } from '../../../terms/ids.ts'
import { serveHost } from '../rpc/fake-host.ts'
import { FakeServer } from '../rpc/fake-server.ts'
import { anIntent } from './builders.ts'
import { LibvirtDriver } from './libvirt-driver.ts'

const HOST = parseHostId('host-1')

function aFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-trust-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A daemon whose certificate is for `names`, and a driver that trusts what is in `pki`. */
async function served(
  context: TestContext,
  { authority, pki }: { readonly authority: TestAuthority; readonly pki: string },
): Promise<{ driver: LibvirtDriver; server: FakeServer }> {
  const read = (name: string): Buffer => readFileSync(join(authority.folder, name))
  const tls = { ca: read('cacert.pem'), cert: read('servercert.pem'), key: read('serverkey.pem') }
  const server = await FakeServer.listen({ host: '127.0.0.1', tls })
  serveHost(server)
  const uri = `qemu+tls://127.0.0.1:${server.port}/system?pkipath=${pki}`
  const peer = { id: parseHostId('host-2'), uri: 'qemu+tls://host-2.invalid/system' }
  const hosts = [{ id: HOST, uri, peerUri: 'qemu+tls://host-1.invalid/system' }, peer]
  const driver = new LibvirtDriver(
    { hosts },
    { firstWaitMs: 1, probeEveryMs: 20, connectTimeoutMs: 20_000, hostWaitMs: 60_000 },
  )
  context.after(async () => {
    await driver.close()
    await server.close()
  })
  return { driver, server }
}

test('a strange authority is not trusted; once its certificate is put in place it is, without a restart', {
  skip: withoutCertificates,
}, async (context) => {
  const folder = aFolder(context)
  const pki = join(folder, 'mine')
  const authority = new TestAuthority(join(folder, 'theirs'))
  authority.sign('server', 'IP:127.0.0.1')
  authority.sign('client')
  new TestAuthority(pki).sign('client')
  const { driver, server } = await served(context, { authority, pki })
  const [listing] = await driver.list()
  assert.ok(listing?.kind === 'unreachable' && /not trusted|self-signed/.test(listing.reason), JSON.stringify(listing))
  const call = await driver.migrate(anIntent('test'), 1)
  assert.equal(call.kind, 'never-sent')
  assert.deepEqual(server.calls, [])
  cpSync(authority.folder, pki, { recursive: true })
  const looks = async (): Promise<boolean> => (await driver.list())[0]?.kind === 'listed'
  for (let tries = 0; !(await looks()); tries++) {
    assert.ok(tries < 1000)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
})

test('a certificate of another host is not trusted', { skip: withoutCertificates }, async (context) => {
  const authority = new TestAuthority(join(aFolder(context), 'pki'))
  authority.sign('server', 'DNS:host-9')
  authority.sign('client')
  const { driver, server } = await served(context, { authority, pki: authority.folder })
  const seen = await driver.observe(anIntent('test').order.vmId, HOST)
  assert.ok(seen.kind === 'unreachable' && /127\.0\.0\.1/.test(seen.reason), JSON.stringify(seen))
  await assert.rejects(
    driver.preflight(anIntent('test')),
    (error) => error instanceof Error && /trusted/.test(error.message),
  )
  assert.deepEqual(server.calls, [])
})
