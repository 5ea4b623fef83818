/** What the client and a daemon with libvirt's test driver do together: run against the fake daemon and against libvirtd itself. */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { type Disposable, registerContract, type Sentences } from '../../../world/register.contract.ts'
import { isNoDomain, LIBVIRT_ERROR, LibvirtError, LibvirtRemoteError } from './errors.ts'
import { DOMAIN_STATS, FEATURE, type Libvirt, type LibvirtOptions, DOMAIN_LIST, openLibvirt } from './libvirt.ts'

/** A daemon that serves `test:///default`, and what the test does to it from outside. */
export interface LibvirtSubject extends Disposable {
  readonly uris: { readonly unix: string; readonly tcp: string; readonly tls: string }
  /** A certificate and a CA that the daemon does not know. */
  readonly strangePki: string
  /** Files that hold no certificates. */
  readonly brokenPki: string
  readonly suspend: () => Promise<void>
  readonly resume: () => Promise<void>
  /** As a crash does it. */
  readonly kill: () => Promise<void>
}

export function libvirtContract(name: string, make: () => Promise<LibvirtSubject>): void {
  registerContract(`${name} and the client`, make, SENTENCES, {})
}

const UUID = '6695eb01-f6a4-8304-79aa-97f2502e193f'
const RUNNING = 1
const PAUSED = 3

async function using(uri: string, use: (libvirt: Libvirt) => Promise<void>, options?: LibvirtOptions): Promise<void> {
  const libvirt = await openLibvirt(uri, options)
  try {
    await use(libvirt)
  } finally {
    await libvirt.close()
  }
}

function refusedAs(number: number): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof LibvirtRemoteError, String(error))
    assert.equal(error.number, number, error.message)
    return error.fate === 'refused'
  }
}

function isUnauthorised(error: unknown): boolean {
  assert.ok(error instanceof LibvirtError, String(error))
  assert.equal(error.code, 'unauthorised', error.message)
  return true
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; !holds(); i++) {
    assert.ok(i < 1000, 'never came to it')
    await pause(10)
  }
}

function portOf(uri: string): string {
  return /:(\d+)\//.exec(uri)?.[1] ?? ''
}

const SENTENCES: Sentences<LibvirtSubject> = {
  'it is opened, says what it is, and is closed': async ({ uris }) => {
    const libvirt = await openLibvirt(uris.unix)
    assert.notEqual(await libvirt.hostname(), '')
    assert.equal(await libvirt.canonicalUri(), 'test:///default')
    assert.equal(await libvirt.version(), 2)
    assert.ok((await libvirt.libraryVersion()) >= 9_000_000)
    assert.match(await libvirt.capabilities(), /^<capabilities>[^]*<arch>i686<\/arch>/)
    await libvirt.close()
    assert.equal((await libvirt.ended).code, 'closed')
    await assert.rejects(libvirt.hostname(), (error) => error instanceof LibvirtError && error.fate === 'never-sent')
  },

  'a host has as many CPUs as its parts make, and tells what they did': ({ uris }) =>
    using(uris.unix, async (libvirt) => {
      const { model, cpus, numaNodes, socketsPerNode, coresPerSocket, threadsPerCore } = await libvirt.nodeInfo()
      assert.equal(model, 'i686')
      assert.equal(cpus, numaNodes * socketsPerNode * coresPerSocket * threadsPerCore)
      const stats = new Map((await libvirt.nodeCpuStats()).map(({ field, value }) => [field, value]))
      for (const field of ['user', 'kernel', 'idle']) assert.ok((stats.get(field) ?? 0) > 0, field)
    }),

  'domains are listed, and found by name and UUID': ({ uris }) =>
    using(uris.unix, async (libvirt) => {
      const [domain, ...others] = await libvirt.domains(DOMAIN_LIST.active)
      assert.deepEqual([domain.name, domain.uuid, others], ['test', UUID, []])
      assert.deepEqual(await libvirt.domainByName('test'), domain)
      assert.deepEqual(await libvirt.domainByUuid(UUID), domain)
    }),

  'a domain that does not exist is refused as that': ({ uris }) =>
    using(uris.unix, async (libvirt) => {
      await assert.rejects(libvirt.domainByName('nobody'), isNoDomain)
      await assert.rejects(libvirt.domainByUuid(UUID.replace(/^6/, '7')), isNoDomain)
      const [domain] = await libvirt.domains()
      await assert.rejects(libvirt.domainXml({ ...domain, uuid: UUID.replace(/^6/, '7') }), isNoDomain)
    }),

  'a domain has a state, sizes and a description': ({ uris }) =>
    using(uris.unix, async (libvirt) => {
      const domain = await libvirt.domainByName('test')
      assert.equal((await libvirt.domainState(domain)).state, RUNNING)
      const { state, memoryMaxKib, memoryKib, cpus, cpuTimeNs } = await libvirt.domainInfo(domain)
      assert.deepEqual([state, memoryMaxKib, memoryKib, cpus], [RUNNING, 8_388_608, 2_097_152, 2])
      assert.ok(cpuTimeNs > 0n)
      assert.match(await libvirt.domainXml(domain), new RegExp(`<domain type='test'[^]*<uuid>${UUID}</uuid>`))
    }),

  'statistics of all domains come in one call, of some if some are named': ({ uris }) =>
    using(uris.unix, async (libvirt) => {
      const [record, ...others] = await libvirt.domainStats(DOMAIN_STATS.state)
      assert.deepEqual([record.domain.uuid, others], [UUID, []])
      const state = record.parameters.find(({ field }) => field === 'state.state')
      assert.equal(state?.value, RUNNING)
      const of = [await libvirt.domainByName('test')]
      assert.equal((await libvirt.domainStats(0, { of })).length, 1)
    }),

  'what a domain has not is refused by number': ({ uris }) =>
    using(uris.unix, async (libvirt) => {
      const domain = await libvirt.domainByName('test')
      await assert.rejects(
        libvirt.domainMetadata(domain, 'https://ethos.invalid/'),
        refusedAs(LIBVIRT_ERROR.noDomainMetadata),
      )
      await assert.rejects(libvirt.blockInfo(domain, '/none'), refusedAs(LIBVIRT_ERROR.invalidArgument))
      await assert.rejects(libvirt.jobStats(domain), refusedAs(LIBVIRT_ERROR.notSupported))
      await assert.rejects(libvirt.abortJob(domain), refusedAs(LIBVIRT_ERROR.notSupported))
      assert.ok(libvirt.isOpen)
    }),

  'two hundred calls at once are all answered': ({ uris }) =>
    using(uris.tcp, async (libvirt) => {
      const names = await Promise.all(Array.from({ length: 200 }, () => libvirt.hostname()))
      assert.equal(new Set(names).size, 1)
    }),

  'a VM that is paused and resumed by others is told of, until nobody wants to know': ({ uris, suspend, resume }) =>
    using(uris.unix, async (libvirt) => {
      const seen: string[] = []
      const domain = await libvirt.domainByName('test')
      const all = await libvirt.onLifecycle((event) => seen.push(`${event.domain.name} ${event.event}`))
      const one = await libvirt.onLifecycle((event) => seen.push(`this ${event.event}`), domain)
      await libvirt.onLifecycle((event) => seen.push(`other ${event.event}`), {
        ...domain,
        uuid: UUID.replace(/^6/, '7'),
      })
      await suspend()
      await until(() => seen.length === 2)
      assert.equal((await libvirt.domainState(domain)).state, PAUSED)
      await one.close()
      await resume()
      await until(() => seen.length === 3)
      await all.close()
      await suspend()
      await libvirt.hostname()
      // 3 is suspended, 4 resumed.
      assert.deepEqual(seen.toSorted(), ['test 3', 'test 4', 'this 3'])
    }),

  'it answers pings, and says that it does': ({ uris }) =>
    using(
      uris.unix,
      async (libvirt) => {
        assert.equal(await libvirt.supportsFeature(FEATURE.keepalive), true)
        assert.equal(await libvirt.supportsFeature(FEATURE.eventCallback), true)
        // Without an answer it would be dead after 3.5 s at most.
        const ended = await Promise.race([libvirt.ended, pause(4500)])
        assert.equal(ended, undefined)
      },
      { keepalive: { intervalMs: 500, count: 5 } },
    ),

  'a driver that it has not is refused when opening': async ({ uris }) => {
    const uri = `${uris.unix}&name=nothing:///system`
    await assert.rejects(openLibvirt(uri), (error) => error instanceof LibvirtRemoteError && error.code === 'refused')
  },

  'read-only it tells the same': ({ uris }) =>
    using(
      uris.unix,
      async (libvirt) => {
        const domain = await libvirt.domainByName('test')
        assert.equal((await libvirt.domainState(domain)).state, RUNNING)
      },
      { isReadOnly: true },
    ),

  'a move that its driver can not do is refused, and the VM is where it was': ({ uris }) =>
    using(uris.unix, async (libvirt) => {
      const domain = await libvirt.domainByName('test')
      const { ended } = await libvirt.beginMigration(domain, 'qemu+tls://elsewhere/system', { definition: 'transient' })
      const end = await ended
      assert.ok(end.kind === 'failed' && refusedAs(LIBVIRT_ERROR.notSupported)(end.error))
      assert.equal((await libvirt.domainState(domain)).state, RUNNING)
    }),

  'TCP and TLS carry the same, and TLS both ways knows who is there': async ({ uris, strangePki, brokenPki }) => {
    for (const uri of [uris.unix, uris.tcp, uris.tls])
      await using(uri, async (libvirt) => assert.equal((await libvirt.domainByName('test')).uuid, UUID))
    const withPki = (pki: string): string => uris.tls.replace(/pkipath=.*/, `pkipath=${pki}`)
    // Its CA did not sign the daemon's certificate.
    await assert.rejects(openLibvirt(withPki(strangePki)), isUnauthorised)
    // We believe anybody, and the daemon does not believe us.
    await assert.rejects(openLibvirt(`${withPki(strangePki)}&no_verify=1`), isUnauthorised)
    await assert.rejects(openLibvirt(withPki('/nowhere')), isUnauthorised)
    await assert.rejects(openLibvirt(withPki(brokenPki)), isUnauthorised)
  },

  'plain words to a TLS port, and TLS to a plain one, end soon': async ({ uris }) => {
    const plain = uris.tcp.replace(portOf(uris.tcp), portOf(uris.tls))
    const tls = uris.tls.replace(portOf(uris.tls), portOf(uris.tcp))
    const options = { connectTimeoutMs: 2000, callTimeoutMs: 2000 }
    for (const uri of [plain, tls]) {
      await assert.rejects(openLibvirt(uri, options), (error) => {
        assert.ok(error instanceof LibvirtError, String(error))
        return ['unreachable', 'protocol', 'unauthorised'].includes(error.code)
      })
    }
  },

  'a daemon that is killed ends the connection, and can not be reached': async ({ uris, kill }) => {
    const libvirt = await openLibvirt(uris.unix)
    await kill()
    const end = await libvirt.ended
    assert.deepEqual([end.code, end.fate], ['lost', 'unknown'])
    await assert.rejects(libvirt.hostname(), (error) => error instanceof LibvirtError && error.fate === 'never-sent')
    await assert.rejects(
      openLibvirt(uris.unix),
      (error) => error instanceof LibvirtError && error.code === 'unreachable',
    )
  },
}
