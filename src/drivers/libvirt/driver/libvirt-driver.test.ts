import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { parseHostId, parseVmId } from '../../../terms/ids.ts'
import { HypervisorError } from '../../../world/errors.ts'
import type { HostListing, ListedVm, MoveCall } from '../../../world/migration-driver.ts'
import { EVENT_KINDS } from '../rpc/events.ts'
import { type Domain, openLibvirt } from '../rpc/libvirt.ts'
import { FakeRefusal, silence } from '../rpc/fake-server.ts'
import { DOMAIN_PROCEDURES } from '../rpc/procedures-domain.ts'
import { aDrivenSite, anIntent, type DrivenSite } from './builders.ts'
import { aDomainXml, FAKE_STATE, type FakeSite } from './fake-site.ts'
import { LibvirtDriver, type LibvirtDriverOptions } from './libvirt-driver.ts'
import type { LibvirtSite } from './sites.ts'

const HOST_1 = parseHostId('host-1')
const HOST_2 = parseHostId('host-2')
const WEB = parseVmId('web-1')
/** Of a move on the fake site. */
const FIGURES = { totalMs: 1400, downtimeMs: 154, copiedBytes: 113_246_208, rounds: 3 }

async function driven(
  context: TestContext,
  changes?: Partial<LibvirtSite>,
  options?: LibvirtDriverOptions,
): Promise<DrivenSite & { readonly domain: Domain }> {
  const made = await aDrivenSite(changes, options)
  context.after(made.dispose)
  return { ...made, domain: made.site.addVm('web-1', 'host-1') }
}

function vmsOf(listing: HostListing | undefined): readonly ListedVm[] {
  assert.ok(listing?.kind === 'listed', JSON.stringify(listing))
  return listing.vms
}

function sentNumbers(site: FakeSite, host: string): readonly number[] {
  return site.host(host).server.calls.map(({ number }) => number)
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1))
}

async function endOf(call: MoveCall): Promise<string> {
  assert.ok(call.kind === 'sent', JSON.stringify(call))
  return (await call.ended).kind
}

function isRefusal(pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof HypervisorError && error.code === 'refused' && pattern.test(error.message)
}

test('names that can be no id are left out, told once, and hide no other VM', async (context) => {
  const notes: string[] = []
  const { site, driver } = await driven(context, {}, { note: (text) => notes.push(text) })
  for (const name of ['', ' ', 'two words', 'x'.repeat(1000), 'ünicode', '"quoted"', '\u202Eevil', 'a\nb']) {
    site.addVm(name, 'host-1')
  }
  site.addVm('<img/onerror=alert(1)>', 'host-1')
  site.addVm('__proto__', 'host-1')
  for (let i = 0; i < 2; i++) {
    const ids = vmsOf((await driver.list())[0]).map(({ vmId }) => vmId)
    assert.deepEqual(ids.toSorted(), ['<img/onerror=alert(1)>', '__proto__', 'web-1'])
  }
  assert.equal(notes.length, 8)
  assert.ok(
    notes.every((note) => note.length < 300 && /^[ -~]*$/.test(note)),
    notes.join('\n'),
  )
})

test('a VM whose description is garbage is left alone, and hides no other', async (context) => {
  const { site, driver } = await driven(context)
  site.addVm('odd', 'host-1', { xml: '<domain><graphics passwd="xyzzy">' })
  const vms = vmsOf((await driver.list())[0])
  assert.deepEqual(
    vms.map(({ vmId, optOut }) => [vmId, optOut === undefined]),
    [
      ['web-1', true],
      ['odd', false],
    ],
  )
  assert.match(vms[1]?.optOut ?? '', /^whether it may be moved can not be read/)
  assert.doesNotMatch(JSON.stringify(vms), /xyzzy/)
})

test('VMs that hang are waited for briefly, asked once, and cost neither the others nor the connection', async (context) => {
  const { site, driver } = await driven(context, {}, { vmWaitMs: 50 })
  const { server } = site.host('host-1')
  for (const name of ['hung-1', 'hung-2', 'hung-3']) site.addVm(name, 'host-1')
  server.on(DOMAIN_PROCEDURES.jobStats, ({ domain }) =>
    domain.name.startsWith('hung') ? silence() : { type: 0, parameters: [] },
  )
  for (let i = 0; i < 5; i++) {
    const vms = vmsOf((await driver.list())[0])
    assert.equal(vms.length, 4)
    const hung = vms.find(({ vmId }) => vmId === 'hung-1')
    assert.equal(hung?.sighting.hasJob, true)
    assert.match(hung?.sighting.detail ?? '', /^running \(booted\); its job is not known: .*50 ms\. Does its QEMU hang/)
    assert.equal((await driver.observe(WEB, HOST_1)).kind, 'seen')
  }
  assert.ok(server.callsInWorkHighest <= 4)
  assert.equal(server.openConnections, 1)
  const asked = (): readonly unknown[] =>
    server.calls.filter(({ number, args }) => number === 298 && JSON.stringify(args).includes('hung'))
  await until(() => asked().length === 2)
  await driver.list()
  assert.equal(asked().length, 2)
})

test('a host that is slow to list is unreachable for now, and keeps the others waiting no longer than told', async (context) => {
  const { site, driver } = await driven(context, {}, { hostWaitMs: 3000 })
  site.host('host-2').server.on(DOMAIN_PROCEDURES.allStats, silence)
  const [first, second] = await driver.list()
  assert.equal(vmsOf(first).length, 1)
  assert.ok(second?.kind === 'unreachable')
  assert.match(second.reason, /^host-2: It did not list its VMs within 3000 ms/)
})

test('wishes become flags and parameters of the one call', async (context) => {
  const flags = {
    live: 1,
    peerToPeer: 2,
    persist: 8,
    undefine: 16,
    abortOnError: 1 << 12,
    autoConverge: 1 << 13,
    tls: 1 << 16,
  }
  const { site, driver, dispose } = await aDrivenSite({ isEncrypted: true })
  context.after(dispose)
  site.addVm('web-1', 'host-1', { isTransient: false })
  site.fates.push('refused')
  await endOf(await driver.migrate(anIntent('web-1', { mode: 'autoconverge', bandwidthMibPerSec: 12.7 }), 1))
  assert.deepEqual(
    site.performed.map((request) => [request.destinationUri, request.flags, request.parameters]),
    [
      [
        'qemu+tcp://host-2.invalid/system',
        Object.values(flags).reduce((sum, flag) => sum + flag, 0),
        [{ field: 'bandwidth', type: 'unsignedHyper', value: 12n }],
      ],
    ],
  )
})

test('a plain move of a transient VM has no wish but to be live, peer to peer, and to end at an error of storage', async (context) => {
  const { site, driver } = await driven(context)
  site.fates.push('refused')
  await endOf(await driver.migrate(anIntent('web-1'), 1))
  assert.deepEqual([site.performed[0]?.flags, site.performed[0]?.parameters], [1 + 2 + (1 << 12), []])
})

test('post-copy is prepared and begun, after the first pass and once, only for an order that says so', async (context) => {
  for (const mode of ['precopy', 'postcopy'] as const) {
    const { site, driver, domain } = await driven(context, { postCopyVms: ['web-1'] })
    const call = await driver.migrate(anIntent('web-1', { mode }), 1)
    await until(() => site.moves.length === 1)
    const { server } = site.host('host-1')
    assert.equal((site.performed[0]?.flags ?? 0) & (1 << 15), mode === 'postcopy' ? 1 << 15 : 0)
    for (const iteration of [1, 2, 3]) server.emit(EVENT_KINDS.migrationIteration, { domain, iteration })
    if (mode === 'postcopy') {
      await until(() => sentNumbers(site, 'host-1').includes(364))
      const seen = await driver.observe(WEB, HOST_2)
      assert.equal(seen.kind === 'seen' && seen.presence, 'post-copy')
      assert.equal((await driver.progress(WEB, HOST_1))?.isPostCopy, true)
      await assert.rejects(driver.cancel(WEB, HOST_1), isRefusal(/would lose the guest/))
      assert.ok(!sentNumbers(site, 'host-1').includes(164))
    }
    await site.finish()
    await endOf(call)
    assert.equal(sentNumbers(site, 'host-1').filter((number) => number === 364).length, mode === 'postcopy' ? 1 : 0)
  }
})

test('a job that is no migration away from there is left alone', async (context) => {
  const { site, driver, domain } = await driven(context)
  site.host('host-1').jobs.set(domain.uuid, { operation: 9 })
  await assert.rejects(driver.cancel(WEB, HOST_1), isRefusal(/with a job \(backup\); only a migration away/))
  assert.equal(await driver.progress(WEB, HOST_1), undefined)
  site.host('host-1').jobs.set(domain.uuid, 'in')
  await assert.rejects(driver.cancel(WEB, HOST_1), isRefusal(/migrating here/))
  await assert.rejects(driver.progress(WEB, HOST_1), isRefusal(/the source has the figures/))
  assert.ok(!sentNumbers(site, 'host-1').includes(164))
})

test('a target is known by its refusal to tell figures, in the numbers of either version', async (context) => {
  const { site, driver } = await driven(context)
  site.addVm('web-2', 'host-2', FAKE_STATE.handingOver)
  const presences: string[] = []
  // 9.0 says that it is unsupported, others that it is invalid; 3 is of hypervisors that have no jobs, and 38 says nothing.
  for (const number of [84, 55, 3, 38]) {
    site.host('host-2').server.on(DOMAIN_PROCEDURES.jobStats, () => {
      throw new FakeRefusal(number, 'migration statistics are available only on the source host')
    })
    const seen = await driver.observe(parseVmId('web-2'), HOST_2)
    assert.ok(seen.kind === 'seen')
    presences.push(`${seen.presence} ${seen.hasJob}`)
  }
  assert.deepEqual(presences, ['incoming true', 'incoming true', 'handing-over false', 'handing-over true'])
})

test('a job that ended while it was to be cancelled leaves nothing to do', async (context) => {
  const { site, driver, domain } = await driven(context)
  const { jobs, server } = site.host('host-1')
  jobs.set(domain.uuid, 'out')
  // No move is behind it: the fake refuses to end it, and has no job when it is asked again.
  server.on(DOMAIN_PROCEDURES.state, () => {
    jobs.delete(domain.uuid)
    return FAKE_STATE.running
  })
  await driver.cancel(WEB, HOST_1)
  assert.ok(sentNumbers(site, 'host-1').includes(164))
})

test('progress is told in the units of the protocol', async (context) => {
  const { site, driver } = await driven(context)
  site.fates.push('hangs')
  await driver.migrate(anIntent('web-1'), 1)
  await until(() => site.moves.length === 1)
  assert.deepEqual(await driver.progress(WEB, HOST_1), {
    elapsedMs: 700,
    copiedBytes: 56_623_104,
    remainingBytes: 56_623_104,
    rounds: 1,
    copiedBytesPerSec: 117_000_000,
    // 2500 pages of 4096 bytes.
    dirtyBytesPerSec: 10_240_000,
    throttle: 0.2,
    isPostCopy: false,
  })
})

test('figures come in the event of the end, else from the target, without making it forget them', async (context) => {
  for (const isEventLost of [false, true]) {
    const { site, driver } = await driven(context)
    if (isEventLost) site.host('host-1').server.emit = () => undefined
    const call = await driver.migrate(anIntent('web-1'), 1)
    await until(() => site.moves.length === 1)
    await site.finish()
    const end = call.kind === 'sent' ? await call.ended : undefined
    assert.deepEqual(end?.figures, FIGURES)
    const asked = site.host('host-2').server.calls.filter(({ number }) => number === 298)
    assert.deepEqual(
      asked.map(({ args }) => (args as { readonly flags: number }).flags),
      isEventLost ? [3] : [],
    )
  }
})

test('the longest pause is set while it moves, where the site says one', async (context) => {
  const { site, driver } = await driven(context, { downtimeLimitMs: 150 })
  await driver.migrate(anIntent('web-1'), 1)
  await until(() => sentNumbers(site, 'host-1').includes(166))
  const { server } = site.host('host-1')
  const args = server.calls.find(({ number }) => number === 166)?.args as { readonly downtimeMs: number }
  assert.equal(args.downtimeMs, 150)
  const own = server.calls.find(({ number }) => number === 305)?.connection
  assert.equal(server.calls.find(({ number }) => number === 166)?.connection, own)
})

test('a move goes on when the driver is closed, and its end is unknown', async (context) => {
  const { site, driver } = await driven(context)
  const call = await driver.migrate(anIntent('web-1'), 1)
  await until(() => site.moves.length === 1)
  await driver.close()
  assert.equal(await endOf(call), 'unknown')
  await site.finish()
  assert.deepEqual(site.runsOn('web-1'), ['host-2'])
  // Who goes on from there was not told what it took: the target has that still.
  const next = new LibvirtDriver(site.configuration)
  context.after(() => next.close())
  const seen = await next.observe(WEB, HOST_2)
  assert.deepEqual(seen.kind === 'seen' ? [seen.presence, seen.figures] : seen, ['running', FIGURES])
})

test('whoever takes over while an order is on its way to be sent keeps it from being sent', async (context) => {
  const { site, driver, openGate } = await drivenBehindGate(context)
  const older = driver.migrate(anIntent('web-1'), 1)
  const newer = driver.migrate({ ...anIntent('web-1'), order: { ...anIntent('web-1').order, to: HOST_1 } }, 2)
  openGate(undefined)
  const [old, refused] = await Promise.all([older, newer])
  assert.ok(old.kind === 'never-sent' && /fence 1 is behind 2/.test(old.reason), JSON.stringify(old))
  assert.equal(refused.kind, 'never-sent')
  assert.equal(site.performed.length, 0)
})

test('who objects while a connection is being made keeps the order from being sent: a pause is no older than the call', async (context) => {
  const { site, driver, openGate } = await drivenBehindGate(context)
  let reason: string | undefined
  const call = driver.migrate(anIntent('web-1'), 1, () => reason)
  reason = 'An operator paused automation.'
  openGate(undefined)
  assert.deepEqual(await call, { kind: 'never-sent', reason })
  assert.equal(site.performed.length, 0)
})

test('what people want is read once more when all else is ready, and nothing is sent where it can not be', async (context) => {
  const { site, driver, openGate } = await drivenBehindGate(context)
  let reason: string | undefined
  let looks = 0
  const call = driver.migrate(
    anIntent('web-1'),
    1,
    () => reason,
    () => {
      looks++
      // As another server of the store has it since.
      reason = 'An operator paused automation.'
      return Promise.resolve()
    },
  )
  assert.equal(looks, 0)
  openGate(undefined)
  assert.deepEqual(await call, { kind: 'never-sent', reason: 'An operator paused automation.' })
  assert.equal(looks, 1)
  assert.equal(site.performed.length, 0)
})

test('what is no longer running is not moved, and a fence that is no number moves nothing', async (context) => {
  const { site, driver } = await driven(context)
  site.change('web-1', 'host-1', FAKE_STATE.pausedByUser)
  const paused = await driver.migrate(anIntent('web-1'), 1)
  assert.ok(paused.kind === 'never-sent' && /paused \(user\)/.test(paused.reason))
  assert.equal((await driver.migrate(anIntent('web-1'), Number.NaN)).kind, 'never-sent')
  assert.equal(site.performed.length, 0)
})

test('a word against it that came after the preflight keeps an order from being sent', async (context) => {
  const { site, driver, domain } = await driven(context)
  const reasons: string[] = []
  for (const [mode, more] of [
    ['precopy', '<title>ethos:stay</title>'],
    ['postcopy', ''],
    ['precopy', '<broken'],
  ] as const) {
    site.change('web-1', 'host-1', { xml: aDomainXml('web-1', domain.uuid, { more }) })
    const call = await driver.migrate(anIntent('web-1', { mode }), 1)
    assert.ok(call.kind === 'never-sent')
    reasons.push(call.reason)
  }
  assert.match(reasons[0] ?? '', /web-1 on host-1: it is to be left alone: its title says ethos:stay/)
  assert.match(reasons[1] ?? '', /post-copy, which can lose a guest/)
  assert.match(reasons[2] ?? '', /its description: .*character/)
  assert.equal(site.performed.length, 0)
})

test('an order that is cancelled before it could be sent is not sent', async (context) => {
  const { promise: gate, resolve: openGate } = Promise.withResolvers<undefined>()
  const { site } = await driven(context)
  let isGated = false
  const open: typeof openLibvirt = async (uri, options) => {
    if (isGated) await gate
    return openLibvirt(uri, options)
  }
  const driver = new LibvirtDriver(site.configuration, { ...site.linkOptions, open })
  context.after(() => driver.close())
  await driver.list()
  isGated = true
  const ordered = driver.migrate(anIntent('web-1'), 1)
  await driver.cancel(WEB, HOST_1)
  openGate(undefined)
  const call = await ordered
  assert.ok(call.kind === 'never-sent' && /cancelled before/.test(call.reason), JSON.stringify(call))
  assert.equal(site.performed.length, 0)
})

test('a host without a URI for others is no target, and says how to give it one', async (context) => {
  const { site } = await driven(context)
  const hosts = site.configuration.hosts.map(({ id, uri }) => ({ id, uri }))
  const driver = new LibvirtDriver({ ...site.configuration, hosts }, site.linkOptions)
  context.after(() => driver.close())
  const call = await driver.migrate(anIntent('web-1'), 1)
  assert.ok(call.kind === 'never-sent' && /Set peerUri, like qemu\+tls/.test(call.reason))
  const { refusals } = await driver.preflight(anIntent('web-1'))
  assert.deepEqual(
    refusals.map(({ lacking }) => lacking),
    ['host-state'],
  )
})

/** A driver that gets no connection before the gate is opened. */
async function drivenBehindGate(context: TestContext) {
  const { promise: gate, resolve: openGate } = Promise.withResolvers<undefined>()
  const { site } = await driven(context)
  const open: typeof openLibvirt = async (uri, options) => {
    await gate
    return openLibvirt(uri, options)
  }
  const driver = new LibvirtDriver(site.configuration, { ...site.linkOptions, open })
  context.after(() => driver.close())
  return { site, driver, openGate }
}
