/** The driver and Debian's libvirtd with its test driver: it lists and describes a VM, and can neither measure nor move it. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { LibvirtDaemon, withoutLibvirt } from '../../../../tools/libvirt-daemon.ts'
import { parseHostId, parseVmId } from '../../../terms/ids.ts'
import { anIntent } from './builders.ts'
import { LibvirtDriver } from './libvirt-driver.ts'
import { checkWholeSite } from './site-check.ts'
import { LibvirtStatistics } from './statistics.ts'

const HOST_1 = parseHostId('host-1')
const VM = parseVmId('test')
const PATIENT = { vmWaitMs: 20_000, hostWaitMs: 60_000, callTimeoutMs: 30_000, connectTimeoutMs: 20_000 }

if (withoutLibvirt === false) describe('the driver and libvirtd', real)
else test('the driver and libvirtd', { skip: withoutLibvirt }, () => undefined)

async function optOutIn(driver: LibvirtDriver): Promise<string | undefined> {
  const [listing] = await driver.list()
  return listing?.kind === 'listed' ? listing.vms[0]?.optOut : 'not listed'
}

function real(): void {
  let daemon: LibvirtDaemon
  let driver: LibvirtDriver
  before(async () => {
    daemon = await LibvirtDaemon.start()
    const hosts = [
      { id: HOST_1, uri: daemon.uri('unix'), peerUri: 'qemu+tls://host-1.invalid/system' },
      { id: parseHostId('host-2'), uri: daemon.uri('tcp'), peerUri: 'qemu+tls://host-2.invalid/system' },
    ]
    driver = new LibvirtDriver({ hosts }, { ...PATIENT, firstWaitMs: 10, probeEveryMs: 100 })
  })
  after(async () => {
    await driver.close()
    await daemon.remove()
  })

  test('what runs there is listed and seen, paused when others pause it', async () => {
    for (const listing of await driver.list()) {
      assert.ok(listing.kind === 'listed', JSON.stringify(listing))
      assert.deepEqual(
        listing.vms.map(({ vmId, optOut, sighting: { presence, hasJob } }) => ({ vmId, optOut, presence, hasJob })),
        [{ vmId: VM, optOut: undefined, presence: 'running', hasJob: false }],
      )
    }
    await daemon.virshBeside('suspend', 'test')
    const paused = await driver.observe(VM, HOST_1)
    await daemon.virshBeside('resume', 'test')
    assert.ok(paused.kind === 'seen' && paused.presence === 'paused', JSON.stringify(paused))
    const nowhere = await driver.observe(parseVmId('nobody'), HOST_1)
    assert.ok(nowhere.kind === 'seen' && nowhere.presence === 'absent')
  })

  test('its owner has it left alone by libvirt metadata, and by a word in its description', async () => {
    const own = ['metadata', 'test', '--uri', 'urn:ethos:vm']
    await daemon.virshBeside(...own, '--key', 'ethos', '--set', "<vm migration='off' reason='licence'/>", '--live')
    assert.match((await optOutIn(driver)) ?? '', /migration="off": licence/)
    await daemon.virshBeside(...own, '--remove', '--live')
    assert.equal(await optOutIn(driver), undefined)
    await daemon.virshBeside('desc', 'test', '--live', 'ethos:stay')
    assert.match((await optOutIn(driver)) ?? '', /description says ethos:stay/)
    await daemon.virshBeside('desc', 'test', '--live', 'plain')
  })

  test('preflight finds that it can not go: it is on both, and much can not be asked', async () => {
    const { refusals, warnings } = await driver.preflight(anIntent('test'))
    assert.ok(
      refusals.some(({ lacking }) => lacking === 'location-unknown'),
      JSON.stringify(refusals),
    )
    for (const sentence of [...refusals.map(({ reason }) => reason), ...warnings])
      assert.ok(sentence.length < 400, sentence)
  })

  test('a move is refused by its driver, and the VM is where it was', async () => {
    const call = await driver.migrate(anIntent('test'), 1)
    assert.ok(call.kind === 'sent', JSON.stringify(call))
    const end = await call.ended
    assert.equal(end.kind, 'failed', end.reason)
    const seen = await driver.observe(VM, HOST_1)
    assert.ok(seen.kind === 'seen' && seen.presence === 'running')
    await driver.cancel(VM, HOST_1)
  })

  test('statistics come in one call, and say what this driver has', async () => {
    const statistics = new LibvirtStatistics(driver.hosts)
    await statistics.look()
    const [look] = await statistics.look()
    assert.ok(look?.kind === 'told' && look.vms[0]?.stats.fields.get('state.state') === 1)
  })

  test('a site is checked whole: what its driver can not tell is said, and what it can is there', async () => {
    const hosts = [...driver.hosts.values()].map(({ host }) => host)
    const check = await checkWholeSite({ hosts, sharedPools: ['default-pool'] }, driver.hosts, { loadSpanMs: 1 })
    for (const host of check.hosts) {
      assert.ok(host.kind === 'told', JSON.stringify(host))
      assert.deepEqual([host.libvirtVersion?.split('.').length, host.vms, host.networks], [3, ['test'], ['default']])
      assert.deepEqual(
        host.pools?.map(({ name, type, path }) => [name, type, path]),
        [['default-pool', 'dir', '/default-pool']],
      )
      assert.deepEqual([host.node?.cpus, host.capabilities?.cells.length], [16, 2])
      assert.match(host.untold.join('\n'), /Not told: guests' CPUs\. .*not supported/)
    }
    // It names no model, so that nothing can be said of its CPU.
    assert.deepEqual([check.cpus.sharedFeatures, check.baseline], [undefined, undefined])
  })

  test('a daemon that is killed is unreachable, and found again once it is back', async () => {
    await daemon.kill()
    assert.equal((await driver.list())[0]?.kind, 'unreachable')
    await daemon.revive()
    for (let tries = 0; (await driver.observe(VM, HOST_1)).kind !== 'seen'; tries++) {
      assert.ok(tries < 1000)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  })
}
