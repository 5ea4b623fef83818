import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FakeDriver } from '../../../tools/server/fake-driver.ts'
import { TurnBench } from '../../../tools/server/turn-bench.ts'
import { SiteJournal } from '../../drivers/reported/site-journal.ts'
import type { Barrier } from '../../terms/cluster.ts'
import type { HostId, OrderId, VmId } from '../../terms/ids.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import { SLOT_MS } from '../../terms/usage.ts'
import { StoreError } from '../../world/errors.ts'
import { MovesDesk } from './moves-desk.ts'
import type { TermsOf } from './moves-desk-options.ts'
import { PlatformDesk } from './platform-desk.ts'
import { AUTOMATION_SETTING, type AutomationLevel, readSettings } from './site-settings.ts'
import { TurnTaker } from './turn-taker.ts'
import { MAINTENANCE_SETTING, OPT_OUTS_SETTING } from './wishes.ts'

const TERMS: TermsOf = () => ({
  terms: { mode: 'precopy', timeoutMs: 600_000, stalledMs: 150_000 },
  promise: { totalMs: 10_000, downtimeMs: 60, copiedBytes: 9e8, pConverge: 0.99 },
})

/** An imagined site, a platform in memory, and a desk between them. */
class DeskBench extends TurnBench {
  readonly driver = new FakeDriver(() => this.now)
  desk: MovesDesk
  isHolding = true
  private readonly platform: PlatformDesk | undefined

  constructor(platform?: PlatformDesk) {
    super()
    this.platform = platform
    this.desk = this.newDesk()
    this.site.vms.forEach((vm, v) => this.driver.hostOf.set(vm.id, this.site.hosts[this.site.hostOf[v]].id))
  }

  newDesk(): MovesDesk {
    const { store, driver } = this
    // A deadline is waited for by the machine's time: that of the bench stands between steps.
    const sleepUntil = (at: number) => sleep(at - this.now, undefined, { ref: false })
    const clock = { now: () => this.now, sleepUntil }
    this.desk = new MovesDesk({
      clock,
      driver,
      journal: new SiteJournal(store, clock, () => this.token),
      readSettings: () => readSettings(store),
      fence: () => (this.isHolding ? this.token : undefined),
      termsOf: TERMS,
      changed: () => undefined,
      ...(this.platform === undefined ? {} : { platform: this.platform }),
    })
    this.taker = new TurnTaker({ store, clock, everyMs: SLOT_MS, token: () => this.token, desk: this.desk })
    return this.desk
  }

  async set(name: string, value: unknown): Promise<void> {
    await this.store.settings.set(name, JSON.stringify(value), { who: 'test', at: this.now })
    await this.desk.heed()
  }

  level(level: AutomationLevel, isPaused = false): Promise<void> {
    return this.set(AUTOMATION_SETTING, { level, isPaused })
  }

  /** All VMs of the first host want their full size. */
  press(): void {
    this.site.hostOf.forEach((host, vm) => {
      if (host === 0) this.site.pressure.set(vm, 1)
    })
  }

  /** What is under way arrives, is seen twice, and hosts tell of it. */
  async arrive(): Promise<void> {
    for (const { order } of this.driver.arrive()) {
      const vm = this.site.vms.findIndex(({ id }) => id === order.vmId)
      this.site.hostOf[vm] = this.site.hosts.findIndex(({ id }) => id === order.to)
    }
    for (let look = 0; look < 3; look++) {
      this.now += 6 * SECOND_MS
      await this.desk.tick()
    }
  }

  async stepUntil(isSo: () => boolean): Promise<void> {
    for (let step = 0; step < 20 && !isSo(); step++) await this.step()
    assert.ok(isSo())
  }

  /** The platform is asked whether it would: the last thing before a call. */
  async untilAsked(): Promise<void> {
    for (let turn = 0; turn < 100_000 && this.driver.asked === 0; turn++) await new Promise(setImmediate)
    assert.ok(this.driver.asked > 0)
  }

  /** By whoever watches the clock, to all that remember. */
  async setForward(ms: number): Promise<void> {
    this.now += ms
    this.desk.clockStepped(ms)
    this.taker.clockStepped(ms)
    await this.desk.tick()
  }

  view() {
    return JSON.parse(this.desk.text()) as {
      readonly open: { id: string; vm: string; state: string; cause: object }[]
      readonly ended: { id: string; vm: string; state: string; promise?: object; figures?: object }[]
      readonly proposals: { id: string; vm: string; from: HostId; to: HostId; held?: string }[]
      readonly evacuations: { host: string; vms: number; leaving: number; stuck: { vm: string; reason: string }[] }[]
    }
  }
}

const benches: DeskBench[] = []
after(async () => {
  for (const bench of benches) await bench.close()
})

async function aBench(level: AutomationLevel, platform?: PlatformDesk): Promise<DeskBench> {
  const bench = new DeskBench(platform)
  benches.push(bench)
  await bench.open()
  await bench.desk.open()
  await bench.level(level)
  bench.press()
  await bench.turn()
  return bench
}

test('where moves are real no policy goes without its limits of safety; in shadow it is as it was set', async () => {
  const bench = await aBench('partial')
  assert.ok((await readSettings(bench.store)).policy.safety !== undefined)
  await bench.level('shadow')
  assert.equal((await readSettings(bench.store)).policy.safety, undefined)
})

test('what the policy decides leaves at full alone, with the policy as its cause, and after it is on record', async () => {
  for (const level of ['shadow', 'advisory', 'partial'] as const) {
    const bench = await aBench(level)
    for (let turn = 0; turn < 4; turn++) await bench.step()
    assert.ok(bench.orders.length > 0)
    assert.deepEqual(bench.driver.calls, [], level)
    assert.ok(bench.view().proposals.length > 0)
  }
  const bench = await aBench('full')
  await bench.stepUntil(() => bench.driver.calls.length > 0)
  const [{ intent, fence }] = bench.driver.calls
  assert.deepEqual([intent.cause, fence], [{ kind: 'policy' }, bench.token])
  const lines = (await bench.store.journal.last(100)).map(({ line }) => line)
  const turnAt = lines.findIndex((line) => line.startsWith('{"kind":"turn"') && line.includes(intent.order.id))
  const intentAt = lines.findIndex((line) => line.startsWith('{"kind":"move","step":"intent"'))
  assert.ok(turnAt >= 0 && turnAt < intentAt)
  // Nobody moves it again before it has arrived.
  const moving = bench.view().open.map(({ vm }) => vm)
  assert.equal(new Set(bench.driver.calls.map(({ intent: { order } }) => order.vmId)).size, bench.driver.calls.length)
  await bench.arrive()
  const { open, ended } = bench.view()
  assert.deepEqual([open, ended.map(({ state }) => state)], [[], moving.map(() => 'done')])
  // What was promised stands beside what came.
  assert.deepEqual(Object.keys(ended[0].promise ?? {}), ['totalMs', 'downtimeMs', 'copiedBytes', 'pConverge'])
  assert.deepEqual(ended[0].figures, { totalMs: 12_000, downtimeMs: 80, copiedBytes: 1e9 })
})

test('a person approves one proposal, and that one leaves once, at that word', async () => {
  const bench = await aBench('partial')
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  const [{ id, vm }] = bench.view().proposals
  const ask = { what: 'approve', orderId: id as OrderId, who: 'ann' } as const
  const answers = await Promise.all([bench.desk.answer(ask), bench.desk.answer(ask)])
  assert.deepEqual(answers.map(({ kind }) => kind).sort(), ['done', 'refused'])
  assert.deepEqual((await bench.desk.answer(ask)).kind, 'unknown')
  assert.equal(bench.driver.calls.length, 1)
  assert.deepEqual(bench.driver.calls[0].intent.cause, { kind: 'operator', who: 'ann' })
  assert.deepEqual(bench.driver.calls[0].intent.order.vmId, vm)
})

test('a proposal is judged anew when it is approved: a VM that was opted out, and a level that was lowered, stay', async () => {
  const bench = await aBench('partial')
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  const [{ id, vm }] = bench.view().proposals
  const ask = { what: 'approve', orderId: id as OrderId, who: 'ann' } as const
  await bench.set(OPT_OUTS_SETTING, { [vm]: { who: 'bob', at: 0, reason: 'licence' } })
  const optedOut = await bench.desk.answer(ask)
  assert.match(optedOut.kind === 'refused' ? optedOut.reason : '', /bob wants .* left alone: licence/)
  await bench.set(OPT_OUTS_SETTING, {})
  await bench.level('advisory')
  const lowered = await bench.desk.answer(ask)
  assert.match(lowered.kind === 'refused' ? lowered.reason : '', /Automation is advisory: nothing is moved/)
  assert.deepEqual(bench.driver.calls, [])
})

test('a host is emptied at a person’s word, what can not leave is told, and nothing new goes there', async () => {
  const bench = await aBench('partial')
  const host = bench.site.hosts[1].id
  const here = bench.site.vms.filter((_, v) => bench.site.hostOf[v] === 1)
  const pinned = here[0].id
  await bench.set(OPT_OUTS_SETTING, { [pinned]: { who: 'bob', at: 0, reason: 'licence' } })
  await bench.set(MAINTENANCE_SETTING, { [host]: { who: 'ann', at: bench.now, reason: 'new disks' } })
  for (let turn = 0; turn < 20 && bench.driver.calls.length < here.length - 1; turn++) {
    await bench.step()
    await bench.arrive()
  }
  await bench.step()
  const causes = new Set(bench.driver.calls.map(({ intent: { cause } }) => JSON.stringify(cause)))
  assert.deepEqual([...causes], [JSON.stringify({ kind: 'evacuation', hostId: host, who: 'ann' })])
  assert.ok(bench.driver.calls.every(({ intent: { order } }) => order.from === host && order.to !== host))
  const [evacuation] = bench.view().evacuations
  assert.deepEqual([evacuation.vms, evacuation.leaving], [1, 0])
  assert.deepEqual(
    evacuation.stuck.map(({ vm }) => vm),
    [pinned],
  )
  // Taken back, and nothing more leaves; below partial nothing would have.
  assert.equal(bench.driver.calls.length, here.length - 1)
})

test('below partial a host in maintenance is left as it is', async () => {
  const bench = await aBench('advisory')
  await bench.set(MAINTENANCE_SETTING, { [bench.site.hosts[1].id]: { who: 'ann', at: bench.now, reason: 'disks' } })
  for (let turn = 0; turn < 3; turn++) await bench.step()
  assert.deepEqual(bench.driver.calls, [])
  assert.ok(bench.orders.every(({ class: kind }) => kind !== 'evacuation'))
})

test('once a pause is heeded no call leaves, however many wait just before theirs', async () => {
  const bench = await aBench('partial')
  const open = Promise.withResolvers<void>()
  bench.driver.gate = open.promise
  await bench.set(MAINTENANCE_SETTING, { [bench.site.hosts[1].id]: { who: 'ann', at: bench.now, reason: 'disks' } })
  const turn = bench.step()
  await bench.untilAsked()
  // The setting alone, as another server's API would set it; then what this one's controller is told.
  await bench.level('partial', true)
  open.resolve()
  await turn
  assert.ok(bench.driver.asked > 0)
  assert.deepEqual(bench.driver.calls, [])
  await bench.level('partial')
  await bench.step()
  assert.ok(bench.driver.calls.length > 0)
})

test('a pause that this process was not told of is seen by the look at the setting before each call', async () => {
  const { bench, open, turn } = await amidEvacuation()
  const paused = JSON.stringify({ level: 'partial', isPaused: true })
  await bench.store.settings.set(AUTOMATION_SETTING, paused, { who: 'elsewhere', at: bench.now })
  open.resolve()
  await turn
  assert.deepEqual(bench.driver.calls, [])
})

test('who lost the lease sends nothing, also not what was handed in before', async () => {
  const { bench, open, turn } = await amidEvacuation()
  bench.isHolding = false
  bench.desk.close()
  open.resolve()
  await turn
  assert.deepEqual(bench.driver.calls, [])
})

test('a new process takes over what is under way before any turn, and sends none of it again', async () => {
  const bench = await aBench('full')
  await bench.stepUntil(() => bench.driver.calls.length > 0)
  const sent = bench.driver.calls.length
  bench.desk.close()
  await bench.newDesk().open()
  assert.deepEqual(
    bench.view().open.map(({ id }) => id),
    bench.driver.calls.map(({ intent }) => intent.order.id),
  )
  await bench.turn()
  assert.equal(bench.driver.calls.length, sent)
  await bench.arrive()
  assert.deepEqual(
    bench.view().ended.map(({ state }) => state),
    bench.driver.calls.map(() => 'done'),
  )
})

test('a migration under way is cancelled at any level, and what is not under way is nobody’s', async () => {
  const bench = await aBench('full')
  await bench.stepUntil(() => bench.driver.calls.length > 0)
  const { vmId } = bench.driver.calls[0].intent.order
  await bench.level('off', true)
  assert.equal((await bench.desk.answer({ what: 'cancel', vmId, who: 'ann' })).kind, 'done')
  assert.deepEqual(bench.driver.cancelled, [vmId])
  assert.equal((await bench.desk.answer({ what: 'cancel', vmId: 'nobody' as VmId, who: 'ann' })).kind, 'unknown')
})

test('a VM that says on its platform that it is to be left alone is pinned in the turn, and not ordered anywhere', async () => {
  const bench = await aBench('partial')
  const host = bench.site.hosts[1].id
  const first = bench.site.vms[bench.site.hostOf.indexOf(1)]
  bench.driver.optOuts.set(first.id, 'ethos:opt-out in its metadata')
  await bench.set(MAINTENANCE_SETTING, { [host]: { who: 'ann', at: bench.now, reason: 'new disks' } })
  const { observation } = await bench.step()
  assert.deepEqual(
    observation.inventory.vms.filter(({ isPinned }) => isPinned === true).map(({ id }) => id),
    [first.id],
  )
  assert.ok(bench.orders.every(({ vmId }) => vmId !== first.id))
  assert.ok(bench.view().evacuations[0].stuck.some(({ vm }) => vm === first.id))
})

test('proposals survive the process that made them, with why they were held, and one of them leaves once', async () => {
  const bench = await aBench('partial')
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  const before = bench.view().proposals
  bench.desk.close()
  await bench.newDesk().open()
  assert.deepEqual(bench.view().proposals, before)
  const ask = { what: 'approve', orderId: before[0].id as OrderId, who: 'ann' } as const
  // Nothing has been seen by this process: it can't judge anew.
  const early = await bench.desk.answer(ask)
  assert.match(early.kind === 'refused' ? early.reason : '', /No turn has been taken since the start/)
  await bench.step()
  assert.equal((await bench.desk.answer(ask)).kind, 'done')
  bench.desk.close()
  await bench.newDesk().open()
  assert.ok(bench.view().proposals.every(({ id }) => id !== before[0].id))
  assert.deepEqual(await bench.desk.answer(ask), { kind: 'unknown' })
  assert.equal(bench.driver.calls.length, 1)
  assert.deepEqual(bench.driver.calls[0].intent.cause, { kind: 'operator', who: 'ann' })
})

test('a proposal is told by the journal before the intent that its approval makes, and not at all once it is half an hour old', async () => {
  const bench = await aBench('partial')
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  await bench.desk.tick()
  const [{ id }] = bench.view().proposals
  await bench.desk.answer({ what: 'approve', orderId: id as OrderId, who: 'ann' })
  const lines = (await bench.store.journal.last(100)).map(({ line }) => line)
  const proposedAt = lines.findIndex((line) => line.startsWith('{"kind":"proposal"') && line.includes(id))
  const intentAt = lines.findIndex((line) => line.startsWith('{"kind":"move","step":"intent"'))
  assert.ok(proposedAt >= 0 && proposedAt < intentAt)
  bench.desk.close()
  bench.now += HOUR_MS / 2
  await bench.newDesk().open()
  assert.deepEqual(bench.view().proposals, [])
})

test('a proposal that the store did not take is written when it takes lines again', async () => {
  const bench = await aBench('partial')
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  const { append } = bench.store.journal
  await bench.desk.tick()
  await bench.stepUntil(() => bench.desk.proposals.list(bench.now).length > 0)
  const [{ order }] = bench.desk.proposals.list(bench.now)
  bench.store.journal.append = () => Promise.reject(new StoreError('io', 'No space left on device.'))
  bench.desk.proposals.add(order, 'said otherwise')
  await bench.desk.tick()
  bench.store.journal.append = append
  await bench.desk.tick()
  const told = (await bench.store.journal.last(50)).filter(({ line }) => line.includes('said otherwise'))
  assert.equal(told.length, 1)
})

test('a clock that is set forward ends no proposal early, and no rest: neither here nor in the next process', async () => {
  const bench = await aBench('partial')
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  const [{ id, vm }] = bench.view().proposals
  const was = bench.orders.find((order) => order.id === id)?.decidedAt ?? 0
  await bench.setForward(HOUR_MS)
  assert.deepEqual(
    bench.view().proposals.map((proposal) => proposal.id),
    [id],
  )
  const restOf = async (): Promise<number> => {
    const { before } = await bench.step()
    return before.movedAt[before.vmIndex.get(vm) ?? -1]
  }
  assert.equal(await restOf(), was + HOUR_MS)
  bench.desk.close()
  await bench.newDesk().open()
  assert.equal(await restOf(), was + HOUR_MS)
  bench.now += 30 * MINUTE_MS
  await bench.desk.tick()
  assert.ok(bench.view().proposals.every((proposal) => proposal.id !== id))
})

test('a pause survives the process that heard it', async () => {
  const bench = await aBench('partial')
  await bench.set(MAINTENANCE_SETTING, { [bench.site.hosts[1].id]: { who: 'ann', at: bench.now, reason: 'disks' } })
  await bench.level('partial', true)
  bench.desk.close()
  await bench.newDesk().open()
  for (let turn = 0; turn < 4; turn++) await bench.step()
  assert.deepEqual(bench.driver.calls, [])
})

test('an approval that the platform refused is no proposal any more, and is not told as on its way the second time', async () => {
  const bench = await aBench('partial')
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  const [{ id }] = bench.view().proposals
  const ask = { what: 'approve', orderId: id as OrderId, who: 'ann' } as const
  bench.driver.preflight = () =>
    Promise.resolve({
      refusals: [{ kind: 'refused', lacking: 'network', shortBy: 1, reason: 'No such bridge.' }],
      warnings: [],
    })
  assert.deepEqual(await bench.desk.answer(ask), { kind: 'refused', reason: 'No such bridge.' })
  assert.deepEqual(await bench.desk.answer(ask), { kind: 'unknown' })
  assert.deepEqual(bench.driver.calls, [])
})

test('a process whose clock was set a month forward takes over what is under way all the same', async () => {
  const bench = await aBench('full')
  await bench.stepUntil(() => bench.driver.calls.length > 0)
  bench.desk.close()
  bench.now += 30 * DAY_MS
  await bench.newDesk().open()
  assert.deepEqual(
    bench.view().open.map(({ id }) => id),
    bench.driver.calls.map(({ intent }) => intent.order.id),
  )
})

test('an approval while what hosts report can not be read is refused, and ends nothing', async () => {
  const bench = await aBench('partial')
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  const [{ id }] = bench.view().proposals
  bench.store.hosts.reports = () => Promise.reject(new StoreError('io', 'disk I/O error'))
  const told = await bench.desk.answer({ what: 'approve', orderId: id as OrderId, who: 'ann' })
  assert.ok(told.kind === 'refused' && /disk I\/O error/.test(told.reason), JSON.stringify(told))
  assert.ok(bench.view().proposals.some((proposal) => proposal.id === id))
})

test('what a VM said of itself is forgotten with the VM, and kept while a host can not be asked', async () => {
  const bench = await aBench('full')
  const { id } = bench.site.vms[0]
  const named = async (): Promise<readonly VmId[]> => {
    bench.now += HOUR_MS
    return [...(await bench.desk.owners.beside(new Map())).keys()]
  }
  bench.driver.optOuts.set(id, 'licensed by host')
  assert.deepEqual(await named(), [id])
  bench.driver.hostOf.delete(id)
  const list = bench.driver.list.bind(bench.driver)
  bench.driver.list = async () => [
    ...(await list()),
    { kind: 'unreachable', hostId: bench.site.hosts[0].id, reason: '' },
  ]
  assert.deepEqual(await named(), [id])
  bench.driver.list = list
  assert.deepEqual(await named(), [])
})

test('to a host that the platform bars no turn orders anything, and what was proposed before it was known is refused', async () => {
  const barriers = { pairs: new Map<HostId, ReadonlyMap<HostId, Barrier>>(), vms: new Map() }
  const look = { at: 0, hosts: [], barriers }
  const platform = new PlatformDesk({ look: () => Promise.resolve(look) }, () => undefined)
  const bench = await aBench('partial', platform)
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  const [{ id, from, to }] = bench.view().proposals
  const maker: Barrier = { lacking: 'cpu-flags', reason: 'The maker of its CPU is AMD, not Intel.' }
  barriers.pairs.set(from, new Map([[to, maker]]))
  const told = await bench.desk.answer({ what: 'approve', orderId: id as OrderId, who: 'ann' })
  assert.deepEqual(told, { kind: 'refused', reason: maker.reason })
  const others = bench.site.hosts.map((host) => host.id)
  for (const one of others) barriers.pairs.set(one, new Map(others.map((other) => [other, maker])))
  const before = bench.orders.length
  for (let turn = 0; turn < 12; turn++) await bench.step()
  assert.equal(bench.orders.length, before)
  barriers.pairs.clear()
  for (let turn = 0; turn < 12; turn++) await bench.step()
  assert.ok(bench.orders.length > before)
})

/** A host is being emptied, and the driver has been asked for the first move and waits. */
async function amidEvacuation() {
  const bench = await aBench('partial')
  await bench.set(MAINTENANCE_SETTING, { [bench.site.hosts[1].id]: { who: 'ann', at: bench.now, reason: 'disks' } })
  const open = Promise.withResolvers<void>()
  bench.driver.gate = open.promise
  const turn = bench.step()
  await bench.untilAsked()
  return { bench, open, turn }
}
