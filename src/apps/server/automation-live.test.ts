/** The whole way at the level `full`, in the controller's own process, over daemons that speak libvirt's protocol: contention is foreseen, facts are read, a
 *  move is promised and ordered once, and what came of it is in the ledger. */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { bodyOf, LiveSite, until } from '../../../tools/server/live-site.ts'
import { anIntent } from '../../drivers/libvirt/driver/builders.ts'
import { FakeSite } from '../../drivers/libvirt/driver/fake-site.ts'
import { LibvirtDriver } from '../../drivers/libvirt/driver/libvirt-driver.ts'
import type { LibvirtSite } from '../../drivers/libvirt/driver/sites.ts'
import { PRODUCTION_POLICY } from '../../terms/policy.ts'
import { readMoveLine } from '../../terms/move-record.ts'
import { LIBVIRT_SETTING } from './libvirt-setting.ts'
import { AUTOMATION_SETTING, POLICY_SETTING } from './site-settings.ts'
import type { MigrationsView } from './views/moves.ts'
import { ACCEPTED_WARNINGS_SETTING } from './wishes.ts'

const DIRTY_RATE = 427
const HOSTS = 3

interface Stage {
  readonly live: LiveSite
  readonly fake: FakeSite
  readonly site: LibvirtSite
  readonly set: (name: string, value: unknown) => Promise<unknown>
  readonly moves: () => MigrationsView | undefined
}

/** Contention is acted on when it is first seen, and no host is emptied to save energy. */
const POLICY = {
  ...PRODUCTION_POLICY,
  contention: { ...PRODUCTION_POLICY.contention, holdTurns: 1, ofTurns: 1 },
  consolidation: { ...PRODUCTION_POLICY.consolidation, isEnabled: false },
}

/** Hosts of fake daemons under the names of the imagined ones, of which the first is about to have too much to do. */
async function aStage(context: TestContext): Promise<Stage> {
  const live = new LiveSite({ hosts: HOSTS, vms: 18, cores: 13 })
  const sockets = join(live.folder, 'sockets')
  mkdirSync(sockets)
  const fake = await FakeSite.open(sockets, HOSTS)
  context.after(async () => {
    await live.close()
    await fake.close()
  })
  const { hosts, vms, hostOf, pressure } = live.site
  hostOf.forEach((host, vm) => {
    const { name } = fake.hosts[host]
    const stats = [
      { field: 'cpu.time', value: 5_000_000_000n },
      { field: 'balloon.maximum', value: 1_048_576n },
      { field: 'balloon.rss', value: 524_288n },
      { field: 'balloon.unused', value: 786_432n },
    ]
    fake.addVm(vms[vm].id, name, { stats })
    fake.host(name).dirtyRates.set(vms[vm].id, 2)
    if (host === 0) pressure.set(vm, 1)
  })
  await live.open()
  const named = fake.configuration.hosts.map((host, h) => ({ ...host, id: hosts[h].id, linkMbitPerSec: 8000 }))
  const site = { ...fake.configuration, hosts: named }
  const set = (name: string, value: unknown) =>
    live.store.settings.set(name, JSON.stringify(value), { who: 'test', at: Date.now() })
  const moves = (): MigrationsView | undefined => {
    const answer = live.judgement.moves.list()
    return answer.kind === 'json' ? (bodyOf(answer) as unknown as MigrationsView) : undefined
  }
  return { live, fake, site, set, moves }
}

/** What preflights warn of on this site: nobody here can tell whether the daemons' names lead anywhere. */
async function warningsOf({ live, site }: Stage): Promise<Record<string, object>> {
  const driver = new LibvirtDriver(site)
  const accepted: Record<string, object> = {}
  const ids = live.site.hosts.map(({ id }) => id)
  for (const [from, fromId] of ids.entries())
    for (const to of ids) {
      if (to === fromId) continue
      const intent = anIntent(live.site.vms[live.site.hostOf.indexOf(from)].id)
      const { warnings } = await driver.preflight({ ...intent, order: { ...intent.order, from: fromId, to } })
      for (const warning of warnings) accepted[warning] = { who: 'ann', at: 0, reason: 'they do' }
    }
  await driver.close()
  return accepted
}

test('at full, what is foreseen is moved by itself: with facts, a promise, one call, and an entry in the ledger', async (context) => {
  const stage = await aStage(context)
  const { live, fake, site, set, moves } = stage
  const warnings = await warningsOf(stage)
  assert.ok(Object.keys(warnings).length > 0)
  await set(ACCEPTED_WARNINGS_SETTING, warnings)
  await set(POLICY_SETTING, POLICY)
  await set(LIBVIRT_SETTING, site)
  await set(AUTOMATION_SETTING, { level: 'full', isPaused: false })
  await live.start()
  await until('a move is ordered', () => fake.performed.length > 0)
  const [{ domain }] = fake.performed
  const source = fake.hosts[0]
  const sampled = source.server.calls.find(
    ({ number, args }) => number === DIRTY_RATE && (args as { domain: { uuid: string } }).domain.uuid === domain.uuid,
  )
  assert.ok(sampled !== undefined, 'it was sampled before it was moved')
  await until('it has ended', async () => {
    await fake.finish()
    return moves()?.ended.some(({ vm, state }) => vm === domain.name && state === 'done')
  })
  const ended = moves()?.ended.find(({ vm }) => vm === domain.name)
  assert.deepEqual(ended?.cause, { kind: 'policy' })
  assert.ok((ended?.promise?.pConverge ?? 0) >= 0.9)
  assert.ok((ended?.promise?.totalMs ?? 0) > 0 && ended?.figures?.totalMs === 1400)
  assert.equal(fake.performed.filter((one) => one.domain.name === domain.name).length, 1)
  const ledger = await until('the ledger has it', () => {
    const told = moves()?.ledger
    return (told?.moves ?? 0) > 0 ? told : undefined
  })
  assert.ok(ledger.total !== undefined && ledger.pairs.some(({ from }) => from === ended?.from))

  const lines = (await live.store.journal.last(1000)).map(({ line }) => line)
  const steps = lines.flatMap((line) => readMoveLine(line) ?? []).filter(({ orderId }) => orderId === ended?.id)
  const [intent, sending] = steps
  assert.ok(intent.step === 'intent' && sending.step === 'sending')
  assert.ok(intent.intent.order.decidedAt <= intent.at && intent.at <= sending.at)
  const isOwn = (begin: string) => (line: string) => line.startsWith(begin) && line.includes(ended.id)
  assert.ok(lines.some(isOwn('{"kind":"move-promise"')))
  context.diagnostic(`decided to sent: ${sending.at - intent.intent.order.decidedAt} ms`)
})

test('what nobody has accepted holds the policy, and the proposal says which', async (context) => {
  const stage = await aStage(context)
  const { live, fake, site, set, moves } = stage
  await set(POLICY_SETTING, POLICY)
  await set(LIBVIRT_SETTING, site)
  await set(AUTOMATION_SETTING, { level: 'full', isPaused: false })
  await live.start()
  const begin = 'An operator has to accept first: '
  const held = await until('a proposal is held by it', () =>
    moves()?.proposals.find(({ held: why }) => why?.startsWith(begin) === true),
  )
  assert.ok(Object.keys(await warningsOf(stage)).includes((held.held ?? '').slice(begin.length)))
  assert.deepEqual(fake.performed, [])
})
