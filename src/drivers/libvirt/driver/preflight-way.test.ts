/** Preflight where a host falls silent, or the way between two hosts is not to be trusted. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HypervisorError } from '../../../world/errors.ts'
import type { Preflight } from '../../../world/migration-driver.ts'
import { silence } from '../rpc/fake-server.ts'
import { LibvirtError, openLibvirt } from '../rpc/libvirt.ts'
import { HOST_PROCEDURES } from '../rpc/procedures-host.ts'
import { aDrivenSite, anIntent } from './builders.ts'
import { aCapabilitiesXml } from './fake-site.ts'
import { LibvirtDriver, type LibvirtDriverOptions } from './libvirt-driver.ts'

test('a source that falls silent is told as such, and not as a fault of the target', async (context) => {
  const { site, driver, dispose } = await aDrivenSite({}, { callTimeoutMs: 1500 })
  context.after(dispose)
  site.addVm('web-1', 'host-1')
  for (const { name } of site.hosts) site.host(name).cpuResult = 0
  site.host('host-1').server.on(HOST_PROCEDURES.capabilities, silence)
  await assert.rejects(
    driver.preflight(anIntent('web-1')),
    (error) => error instanceof HypervisorError && error.code === 'unreachable' && error.message.startsWith('host-1: '),
  )
  site.host('host-1').server.on(HOST_PROCEDURES.capabilities, () => aCapabilitiesXml([]))
  site.host('host-2').server.on(HOST_PROCEDURES.capabilities, silence)
  const { refusals } = await driver.preflight(anIntent('web-1'))
  assert.deepEqual(
    refusals.map(({ lacking, reason }) => [lacking, /^The target can not be asked. host-2: /.test(reason)]),
    [['host-state', true]],
  )
})

/** The way between the hosts, as it looks from here. */
function way(error: LibvirtError): LibvirtDriverOptions {
  const open: typeof openLibvirt = (uri, options) => {
    if (uri.endsWith('.invalid/system')) return Promise.reject(error)
    return openLibvirt(uri, options)
  }
  return { open }
}

test('a way that is not to be trusted is refused, and one that can not be tried from here is told', async (context) => {
  const driven = await aDrivenSite()
  context.after(driven.dispose)
  const hosts = driven.site.configuration.hosts.map((host) => ({
    ...host,
    peerUri: `qemu+tls://${host.id}.invalid/system`,
  }))
  driven.site.addVm('web-1', 'host-1')
  const preflight = async (error: LibvirtError): Promise<Preflight> => {
    const driver = new LibvirtDriver({ ...driven.site.configuration, hosts }, way(error))
    context.after(() => driver.close())
    return driver.preflight(anIntent('web-1'))
  }
  const expired = await preflight(new LibvirtError('unauthorised', 'its certificate has expired.'))
  assert.deepEqual(
    expired.refusals.map(({ lacking, reason }) => [lacking, reason]),
    [['network', 'The way from host-1 to host-2 is not to be trusted. its certificate has expired.']],
  )
  const hidden = await preflight(new LibvirtError('unreachable', 'no route.'))
  assert.deepEqual(hidden, {
    refusals: [],
    warnings: ['Whether host-1 reaches host-2 can not be told from here. no route.'],
  })
})

test('a way whose keys lie on the source is not tried with ours: it is told, not refused', async (context) => {
  const driven = await aDrivenSite()
  context.after(driven.dispose)
  const hosts = driven.site.configuration.hosts.map((host) => ({
    ...host,
    peerUri: `qemu+tls://${host.id}.invalid/system?pkipath=/etc/pki/of-the-source`,
  }))
  driven.site.addVm('web-1', 'host-1')
  const driver = new LibvirtDriver({ ...driven.site.configuration, hosts })
  context.after(() => driver.close())
  const { refusals, warnings } = await driver.preflight(anIntent('web-1'))
  assert.deepEqual(refusals, [])
  assert.match(warnings.join(' '), /^Whether host-1 reaches host-2 can not be told from here: its keys lie on host-1/)
})
