import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FakeDriver } from '../../../tools/server/fake-driver.ts'
import { until } from '../../../tools/server/live-site.ts'
import { TurnBench } from '../../../tools/server/turn-bench.ts'
import { WatchedClock } from '../../drivers/watched-clock.ts'
import { HOUR_MS } from '../../terms/units.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { StoreError } from '../../world/errors.ts'
import { ControllerLoop } from './controller-loop.ts'
import type { ControllerMessage } from './controller-messages.ts'
import type { TermsOf } from './moves-desk-options.ts'
import { decodePacket } from './turn-packet.ts'

const EVERY_MS = 200
const TERMS: TermsOf = () => ({ terms: { mode: 'precopy', timeoutMs: 600_000, stalledMs: 150_000 } })

const NO_BARRIERS = { pairs: new Map(), vms: new Map() }

interface Running {
  readonly loop: ControllerLoop
  readonly driver: FakeDriver
  readonly bench: TurnBench
  readonly told: readonly ControllerMessage[]
  /** Added to the machine's clock. */
  offsetMs: number
}

/** A loop on a store in memory; ended with the test. */
async function run(context: TestContext, change: (store: SiteStore) => SiteStore = (store) => store): Promise<Running> {
  const bench = new TurnBench()
  const told: ControllerMessage[] = []
  bench.now = Date.now()
  await bench.site.register(bench.store, bench.now)
  await bench.site.tellPast(bench.store, { from: bench.now - HOUR_MS, to: bench.now })
  await bench.site.tellReports(bench.store, bench.now)
  const stop = new AbortController()
  const dial = { offsetMs: 0 }
  const watched = new WatchedClock(() => Date.now() + dial.offsetMs)
  const now = (): number => watched.now()
  const clock = { now, sleepUntil: (at: number) => sleep(at - now(), undefined, { ref: false }) }
  const onClockStep = (listener: (steppedMs: number) => void): void => watched.onStep(listener)
  const driver = new FakeDriver(now)
  bench.site.vms.forEach((vm, v) => driver.hostOf.set(vm.id, bench.site.hosts[bench.site.hostOf[v]].id))
  const options = { everyMs: EVERY_MS, holder: 'loop', leaseMs: 60_000 }
  const tell = (message: ControllerMessage): void => void told.push(message)
  const driverOf = (setting: string | undefined) => (setting === undefined ? undefined : driver)
  const platformReaderOf = () => ({ look: async () => ({ at: now(), hosts: [], barriers: NO_BARRIERS }) })
  const makers = { driverOf, onClockStep, platformReaderOf, termsOf: TERMS }
  const world = { ...makers, store: change(bench.store), clock, tell, signal: stop.signal }
  const loop = new ControllerLoop(options, world)
  const ended = loop.run()
  context.after(async () => {
    stop.abort()
    await ended
    await bench.close()
  })
  return Object.assign(dial, { bench, told, loop, driver })
}

function turnsOf({ told }: Running): readonly Extract<ControllerMessage, { kind: 'turn' }>[] {
  return told.flatMap((message) => (message.kind === 'turn' ? [message] : []))
}

function heldOf(running: Running): readonly string[] {
  return turnsOf(running).flatMap(({ packet }) => decodePacket(packet).held)
}

test('a clock that was set forward lets one turn pass without orders, one that was set back all until it is where it was', async (context) => {
  const running = await run(context)
  await until('two turns are taken', () => turnsOf(running).length >= 2)
  assert.ok(heldOf(running).every((reason) => !reason.startsWith('The clock')))
  for (const offsetMs of [HOUR_MS, -HOUR_MS]) {
    running.offsetMs = offsetMs
    const told = offsetMs > 0 ? /The clock was set by 3600\.\d s/ : /The clock was set by -7200\.\d s/
    await until('it is noticed', () => heldOf(running).some((reason) => told.test(reason)))
    const before = turnsOf(running).length
    // Turns go on at their pace, whatever the clock says.
    await until('turns go on', () => turnsOf(running).length >= before + 2)
    const behind = turnsOf(running)
      .slice(before)
      .map(({ packet }) => decodePacket(packet).held.some((reason) => /^The clock is 7\d{3} s behind/.test(reason)))
    assert.ok(behind.every((isHeld) => isHeld === offsetMs < 0))
  }
})

test('a clock that is set an hour forward cancels no move that is under way, and the lease stays where it is', async (context) => {
  const running = await run(context)
  const { bench, driver, told } = running
  await until('a turn is taken', () => turnsOf(running).length > 0)
  await set(running, 'maintenance', { [bench.site.hosts[1].id]: { who: 'ann', at: 0, reason: 'new disks' } })
  await set(running, 'automation', { level: 'partial' })
  await set(running, 'libvirt', { hosts: [{ id: 'kvm-1', uri: 'qemu+tls://kvm-1/system' }] })
  await until('a move leaves', () => driver.calls.length > 0)
  running.offsetMs = HOUR_MS
  const before = turnsOf(running).length
  await until('turns go on', () => turnsOf(running).length > before + 2)
  assert.deepEqual([driver.cancelled, driver.isClosed], [[], false])
  assert.ok(told.every(({ kind }) => kind !== 'standby'))
  const stepped = (await bench.store.journal.last(200)).filter(({ line }) =>
    line.startsWith('{"kind":"mover","what":"clock"'),
  )
  assert.equal(stepped.length, 1)
  // What the platform says of its hosts is told beside.
  assert.ok(told.some(({ kind }) => kind === 'platform'))
})

test('it stands by while another holds the lease', async (context) => {
  const running = await run(context, (store) => ({
    ...store,
    leases: { take: async () => undefined, release: async () => undefined },
  }))
  await until('it stands by', () => running.told.some(({ kind }) => kind === 'standby'))
  assert.deepEqual(turnsOf(running), [])
})

test('a store that fails is told, and turns go on once it is back', async (context) => {
  let isBroken = false
  const running = await run(context, (store) => ({
    ...store,
    settings: {
      set: (...about) => store.settings.set(...about),
      history: (...about) => store.settings.history(...about),
      get: async (name) => {
        if (isBroken) throw new StoreError('io', 'disk I/O error')
        return store.settings.get(name)
      },
    },
  }))
  await until('a turn is taken', () => turnsOf(running).length > 0)
  isBroken = true
  await until('the trouble is told', () =>
    running.told.some((message) => message.kind === 'trouble' && message.reason === 'disk I/O error'),
  )
  const before = turnsOf(running).length
  isBroken = false
  await until('turns go on', () => turnsOf(running).length > before + 1)
})

async function set({ bench, loop }: Running, name: string, value: object): Promise<void> {
  await bench.store.settings.set(name, JSON.stringify(value), { who: 'test', at: Date.now() })
  assert.deepEqual((await loop.answer({ what: 'heed' })).kind, 'done')
}

test('settings are heeded between turns: a host is emptied, a pause stops it at once, a driver comes and goes', async (context) => {
  const running = await run(context)
  const { bench, driver, loop, told } = running
  await until('a turn is taken', () => turnsOf(running).length > 0)
  const host = bench.site.hosts[1].id
  await set(running, 'maintenance', { [host]: { who: 'ann', at: 0, reason: 'new disks' } })
  await set(running, 'automation', { level: 'partial' })
  await until('turns go on', () => turnsOf(running).length > 2)
  // Nobody could: no driver is set.
  assert.deepEqual(driver.calls, [])
  await set(running, 'libvirt', { hosts: [{ id: host, uri: 'qemu+tls://kvm-1/system' }] })
  await until('a move leaves', () => driver.calls.length > 0)
  await set(running, 'automation', { level: 'partial', isPaused: true })
  const sent = driver.calls.length
  const before = turnsOf(running).length
  driver.arrive()
  await until('turns go on', () => turnsOf(running).length > before + 2)
  assert.equal(driver.calls.length, sent)
  assert.ok(told.some((message) => message.kind === 'moves' && message.text.includes('"cause":{"kind":"evacuation"')))
  await set(running, 'libvirt', { hosts: [] })
  assert.ok(driver.isClosed)
  assert.equal((await loop.answer({ what: 'cancel', vmId: bench.site.vms[0].id, who: 'ann' })).kind, 'unknown')
})

test('of two controllers only the one with the lease begins moves; when it loses it, it begins none any more', async (context) => {
  let isTaken = false
  const running = await run(context, (store) => ({
    ...store,
    leases: {
      take: async (...about) => (isTaken ? undefined : store.leases.take(...about)),
      release: (...about) => store.leases.release(...about),
    },
  }))
  await until('a turn is taken', () => turnsOf(running).length > 0)
  isTaken = true
  await until('it stands by', () => running.told.some(({ kind }) => kind === 'standby'))
  const maintenance = { [running.bench.site.hosts[1].id]: { who: 'ann', at: 0, reason: 'new disks' } }
  for (const [name, value] of Object.entries({ maintenance, automation: { level: 'partial' }, libvirt: { hosts: [] } }))
    await running.bench.store.settings.set(name, JSON.stringify(value), { who: 'test', at: Date.now() })
  assert.equal((await running.loop.answer({ what: 'heed' })).kind, 'done')
  const answer = await running.loop.answer({ what: 'cancel', vmId: running.bench.site.vms[0].id, who: 'ann' })
  assert.match(answer.kind === 'refused' ? answer.reason : '', /does not take the turns/)
  await sleep(3 * EVERY_MS)
  assert.deepEqual(running.driver.calls, [])
})
