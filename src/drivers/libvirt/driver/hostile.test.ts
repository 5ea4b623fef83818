/** A platform that is broken or hostile: each time a value or a typed error, the others told as ever, nothing given away, nothing sent but what is listed. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { parseHostId, parseVmId } from '../../../terms/ids.ts'
import { HypervisorError } from '../../../world/errors.ts'
import type { MigrationDriver } from '../../../world/migration-driver.ts'
import { EVENT_KINDS } from '../rpc/events.ts'
import { silence } from '../rpc/fake-server.ts'
import type { Procedure } from '../rpc/procedure.ts'
import { DOMAIN_PROCEDURES } from '../rpc/procedures-domain.ts'
import { HOST_PROCEDURES } from '../rpc/procedures-host.ts'
import type { TypedParameter } from '../rpc/typed-parameters.ts'
import { aDrivenSite, anIntent, type DrivenSite } from './builders.ts'
import { aDomainXml, type FakeSite } from './fake-site.ts'
import { LibvirtStatistics } from './statistics.ts'

const HOST_1 = parseHostId('host-1')
const HOST_2 = parseHostId('host-2')
const WEB = parseVmId('web-1')

async function driven(context: TestContext): Promise<DrivenSite> {
  const made = await aDrivenSite({}, { callTimeoutMs: 3000 })
  context.after(made.dispose)
  made.site.addVm('web-1', 'host-1')
  made.site.addVm('web-2', 'host-2')
  return made
}

function rejected(error: unknown): string {
  assert.ok(error instanceof HypervisorError, String(error))
  return error.message
}

/** Every verb but `migrate`; each gives a value or a `HypervisorError`. */
async function askEverything(driver: MigrationDriver): Promise<readonly string[]> {
  const answers = await Promise.all([
    driver.list(),
    driver.observe(WEB, HOST_1),
    driver.observe(WEB, HOST_2),
    driver.preflight(anIntent('web-1')).catch(rejected),
    driver.progress(WEB, HOST_1).catch(rejected),
    driver.cancel(WEB, HOST_1).catch(rejected),
  ])
  return answers.map((answer) => JSON.stringify(answer) ?? '')
}

/** What a daemon sends in place of what was asked for. */
const ODD: readonly (readonly [string, (site: FakeSite) => void])[] = [
  [
    'noise as soon as it is asked',
    onAsked(DOMAIN_PROCEDURES.allStats, (site) =>
      site.host('host-1').server.sendRaw(Buffer.from('<html>503 Service Unavailable</html>')),
    ),
  ],
  [
    'a length beyond all limits',
    onAsked(DOMAIN_PROCEDURES.allStats, (site) => site.host('host-1').server.sendRaw(Buffer.from('ffffffff', 'hex'))),
  ],
  ['the end of the connection', onAsked(DOMAIN_PROCEDURES.allStats, (site) => site.host('host-1').server.cut())],
  ['silence', onAsked(DOMAIN_PROCEDURES.allStats, () => undefined)],
  ['errors only', refusing(Object.values({ ...HOST_PROCEDURES, ...DOMAIN_PROCEDURES }))],
]

function onAsked<Args, Result>(
  procedure: Procedure<Args, Result>,
  act: (site: FakeSite) => void,
): (site: FakeSite) => void {
  return (site) =>
    site.host('host-1').server.on(procedure, () => {
      act(site)
      return silence()
    })
}

function refusing(procedures: readonly unknown[]): (site: FakeSite) => void {
  return (site) => {
    for (const procedure of procedures as readonly Procedure<unknown, unknown>[]) {
      if (procedure === (HOST_PROCEDURES.authList as unknown)) continue
      site.host('host-1').server.on(procedure, () => {
        throw new Error('internal error')
      })
    }
  }
}

for (const [what, arrange] of ODD) {
  test(`a host that answers with ${what} is told as such, and the other is listed as ever`, async (context) => {
    const { site, driver } = await driven(context)
    arrange(site)
    const [first, second] = await driver.list()
    assert.ok(first?.kind === 'unreachable' && first.reason.startsWith('host-1: '), JSON.stringify(first))
    assert.ok(first.reason.length < 500 && !first.reason.includes('<html>'))
    assert.ok(second?.kind === 'listed' && second.vms.length === 1)
    await askEverything(driver)
  })
}

test('a host that was broken is asked again by itself, and listed', async (context) => {
  const { site, driver } = await driven(context)
  const { server } = site.host('host-1')
  server.on(DOMAIN_PROCEDURES.allStats, () => {
    server.sendRaw(Buffer.alloc(64))
    return silence()
  })
  for (let i = 0; i < 6; i++) assert.equal((await driver.list())[0]?.kind, 'unreachable')
  server.on(DOMAIN_PROCEDURES.allStats, () => [])
  let listing = (await driver.list())[0]
  while (listing?.kind !== 'listed') listing = (await driver.list())[0]
  assert.deepEqual(listing.vms, [])
})

test('a host with hundreds of VMs that all hang tells of all; those that there is no time to ask are left alone', async (context) => {
  const { site, driver, dispose } = await aDrivenSite({}, { vmWaitMs: 100 })
  context.after(dispose)
  for (let i = 0; i < 500; i++) site.addVm(`vm-${i}`, 'host-1')
  const { server } = site.host('host-1')
  server.on(DOMAIN_PROCEDURES.jobStats, silence)
  server.on(DOMAIN_PROCEDURES.xml, silence)
  const [listing] = await driver.list()
  assert.ok(listing?.kind === 'listed', JSON.stringify(listing))
  assert.equal(listing.vms.length, 500)
  assert.ok(listing.vms.every(({ optOut, sighting }) => optOut !== undefined && sighting.hasJob))
})

const STATES: readonly TypedParameter[][] = [
  [],
  [{ field: 'state.state', value: 'running' }],
  [{ field: 'state.state', value: Number.NaN }],
  [{ field: 'state.state', value: -1 }],
  [{ field: 'state.state', value: 1e9 }],
  [{ field: 'state.state', value: true }],
  [{ field: '__proto__', value: 1 }],
]

test('a VM that is told oddly is listed as paused, with the words for it, and hides no other', async (context) => {
  const { site, driver } = await driven(context)
  const { server } = site.host('host-1')
  server.on(DOMAIN_PROCEDURES.allStats, () =>
    STATES.map((parameters, i) => ({
      domain: { name: `odd-${i}`, uuid: `00000000-0000-4000-8000-00000000010${i}`, id: i },
      parameters,
    })),
  )
  const [listing] = await driver.list()
  assert.ok(listing?.kind === 'listed')
  assert.deepEqual(
    listing.vms.map(({ sighting }) => sighting.presence),
    STATES.map(() => 'paused'),
  )
  // None of them can be asked for a description: all are left alone.
  assert.ok(listing.vms.every(({ optOut }) => optOut !== undefined))
})

test('job figures that can not be are absent', async (context) => {
  const { site, driver } = await driven(context)
  const { server } = site.host('host-1')
  server.on(DOMAIN_PROCEDURES.jobStats, () => ({
    type: 2,
    parameters: [
      { field: 'operation', value: 5 },
      { field: 'time_elapsed', value: -5n },
      { field: 'data_processed', value: 'lots' },
      { field: 'data_remaining', value: Number.POSITIVE_INFINITY },
      { field: 'memory_iteration', value: Number.NaN },
      { field: 'auto_converge_throttle', value: 900 },
    ],
  }))
  assert.deepEqual(await driver.progress(WEB, HOST_1), { elapsedMs: 0, throttle: 1, isPostCopy: false })
})

/** Numbers of all that the driver may ever send, and why. */
const ALLOWED = new Map([
  [1, 'open'],
  [2, 'close'],
  [7, 'capabilities: CPU and machine types'],
  [14, 'description of a VM, without secrets'],
  [23, 'find a VM by name'],
  [24, 'find a VM by UUID'],
  [60, 'what the host can do'],
  [66, 'how to say who we are'],
  [158, "compare a host's CPU"],
  [164, 'end a migration'],
  [166, 'limit its pause'],
  [212, 'state of a VM'],
  [228, 'free memory'],
  [273, 'list VMs'],
  [298, 'job of a VM'],
  [305, 'move'],
  [316, 'be told of ends and passes'],
  [344, 'statistics'],
  [364, 'begin post-copy, for an order that says so'],
  [393, "compare a hypervisor's CPU"],
  [427, 'measure the dirty rate'],
])

test('a full run sends what is listed and nothing else, gives no secret away, and asks for none', async (context) => {
  const canary = 'c4n4ry-5ecret'
  const said: string[] = []
  const { site, driver, dispose } = await aDrivenSite(
    { downtimeLimitMs: 100, postCopyVms: ['web-1'] },
    { note: (text) => said.push(text) },
  )
  context.after(dispose)
  const { uuid } = site.addVm('web-1', 'host-1')
  const secrets = {
    devices:
      `<graphics type='vnc' passwd='${canary}'/><disk type='network'><auth><secret usage='${canary}'/></auth>` +
      "<source protocol='rbd'><host name='c'/></source><target dev='vdc'/></disk>",
    more: `<metadata><x:token xmlns:x='urn:x'>${canary}</x:token></metadata>`,
  }
  site.change('web-1', 'host-1', { xml: aDomainXml('web-1', uuid, secrets) })
  const broken = site.addVm('web-2', 'host-1', {
    xml: `<domain><metadata>${canary}</metadata><a &${canary}; b='${canary}'`,
  })
  said.push(...(await askEverything(driver)))
  said.push(JSON.stringify(await new LibvirtStatistics(driver.hosts).startDirtyRates(HOST_1, 1)))
  for (const fate of ['refused', 'fails', 'hangs', 'moves'] as const) {
    site.fates.push(fate)
    const call = await driver.migrate(anIntent('web-1', { mode: 'postcopy' }), 1)
    const server = site.host('host-1').server
    if (fate !== 'refused') {
      while (site.moves.length === 0) await new Promise((resolve) => setImmediate(resolve))
      said.push(...(await askEverything(driver).catch(() => [])))
      server.emit(EVENT_KINDS.migrationIteration, { domain: { name: 'web-1', uuid, id: 1 }, iteration: 2 })
      if (site.moves.length > 0) await site.finish()
    }
    if (call.kind === 'sent' && fate !== 'hangs') said.push(JSON.stringify(await call.ended))
  }
  said.push(String(await driver.preflight({ ...anIntent('web-2') }).catch((error: unknown) => error)))
  assert.ok(broken.id > 0)
  for (const host of site.hosts) {
    for (const { number, procedure, args } of host.server.calls) {
      assert.ok(ALLOWED.has(number), `${number} ${procedure}`)
      if (number === 14) assert.equal((args as { readonly flags: number }).flags, 0)
    }
  }
  assert.ok(said.length > 10)
  for (const text of said) assert.ok(!text.includes('c4n4ry'), text)
})
