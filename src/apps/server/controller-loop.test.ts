import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { until } from '../../../tools/server/live-site.ts'
import { TurnBench } from '../../../tools/server/turn-bench.ts'
import { HOUR_MS } from '../../terms/units.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { StoreError } from '../../world/errors.ts'
import { ControllerLoop } from './controller-loop.ts'
import type { ControllerMessage } from './controller-messages.ts'
import { decodePacket } from './turn-packet.ts'

const EVERY_MS = 200

interface Running {
  readonly bench: TurnBench
  readonly told: readonly ControllerMessage[]
  /** Added to the machine's clock. */
  offsetMs: number
}

/** A loop on a store in memory; ended with the test. */
async function run(context: TestContext, change: (store: SiteStore) => SiteStore = (store) => store): Promise<Running> {
  const bench = new TurnBench()
  const told: ControllerMessage[] = []
  const running = { bench, told, offsetMs: 0 }
  bench.now = Date.now()
  await bench.site.register(bench.store, bench.now)
  await bench.site.tellPast(bench.store, { from: bench.now - HOUR_MS, to: bench.now })
  await bench.site.tellReports(bench.store, bench.now)
  const stop = new AbortController()
  const clock = { now: () => Date.now() + running.offsetMs, sleepUntil: async () => undefined }
  const options = { everyMs: EVERY_MS, holder: 'loop', leaseMs: 60_000 }
  const tell = (message: ControllerMessage): void => void told.push(message)
  const ended = new ControllerLoop(options, { store: change(bench.store), clock, tell, signal: stop.signal }).run()
  context.after(async () => {
    stop.abort()
    await ended
    await bench.close()
  })
  return running
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
