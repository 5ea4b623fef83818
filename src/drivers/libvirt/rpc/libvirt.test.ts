import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { LibvirtDaemon, withoutLibvirt } from '../../../../tools/libvirt-daemon.ts'
import { TestAuthority, withoutCertificates } from '../../../../tools/test-certificates.ts'
import { EVENT_KINDS } from './events.ts'
import { serveHost } from './fake-host.ts'
import { FakeServer } from './fake-server.ts'
import { openLibvirt } from './libvirt.ts'
import { libvirtContract, type LibvirtSubject } from './libvirt.contract.ts'

let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'ethos-rpc-'))
  if (withoutCertificates !== false) return
  const known = new TestAuthority(join(folder, 'pki'))
  known.sign('server', 'IP:127.0.0.1')
  known.sign('client')
  new TestAuthority(join(folder, 'strange')).sign('client')
  mkdirSync(join(folder, 'broken'))
  for (const name of ['cacert', 'clientcert', 'clientkey']) writeFileSync(join(folder, 'broken', `${name}.pem`), 'none')
})
after(() => rmSync(folder, { recursive: true, force: true }))

if (withoutCertificates === false) libvirtContract('the fake daemon', fakeSubject)
else test(`the fake daemon and the client`, { skip: withoutCertificates }, () => undefined)

if (withoutLibvirt === false) describe('of Debian', realContract)
else test('libvirtd and the client', { skip: withoutLibvirt }, () => undefined)

/** Its three ways in are three fakes that share a host. */
async function fakeSubject(): Promise<LibvirtSubject> {
  const pki = join(folder, 'pki')
  const read = (name: string): Buffer => readFileSync(join(pki, name))
  const tls = { ca: read('cacert.pem'), cert: read('servercert.pem'), key: read('serverkey.pem') }
  const path = join(folder, 'sock')
  const unix = await FakeServer.listen({ path })
  const tcp = await FakeServer.listen({ host: '127.0.0.1' })
  const secure = await FakeServer.listen({ host: '127.0.0.1', tls })
  const servers = [unix, tcp, secure]
  const hosts = servers.map((server) => serveHost(server))
  const change = async (state: number, event: number): Promise<void> => {
    for (const [i, { domains }] of hosts.entries()) {
      for (const [uuid, domain] of domains) {
        domains.set(uuid, { ...domain, state })
        servers[i].emit(EVENT_KINDS.lifecycle, { domain: domain.domain, event, detail: 0 })
      }
    }
  }
  return {
    uris: {
      unix: `test+unix:///default?socket=${path}`,
      tcp: `test+tcp://127.0.0.1:${tcp.port}/default`,
      tls: `test+tls://127.0.0.1:${secure.port}/default?pkipath=${pki}`,
    },
    strangePki: join(folder, 'strange'),
    brokenPki: join(folder, 'broken'),
    suspend: () => change(3, 3),
    resume: () => change(1, 4),
    kill: () => unix.close(),
    dispose: async () => {
      await Promise.all(servers.map((server) => server.close().catch(() => undefined)))
    },
  }
}

/** One daemon for all sentences; the one that was killed is started again. */
function realContract(): void {
  let daemon: LibvirtDaemon
  before(async () => {
    daemon = await LibvirtDaemon.start()
  })
  after(() => daemon.remove())

  test("libvirt's own helper joins ssh to a user's daemon", async () => {
    const libvirt = await openLibvirt(`qemu+ssh://host/session?command=${daemon.nearbySsh()}`)
    assert.match(await libvirt.canonicalUri(), /^qemu:\/\/\/session$/)
    await libvirt.close()
  })

  libvirtContract('libvirtd', async () => ({
    uris: { unix: daemon.uri('unix'), tcp: daemon.uri('tcp'), tls: daemon.uri('tls') },
    strangePki: join(folder, 'strange'),
    brokenPki: join(folder, 'broken'),
    suspend: () => daemon.virshBeside('suspend', 'test'),
    resume: () => daemon.virshBeside('resume', 'test'),
    kill: () => daemon.kill(),
    dispose: () => daemon.revive(),
  }))
}
