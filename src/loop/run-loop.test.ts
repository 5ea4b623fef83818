import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseOrderId } from '../terms/ids.ts'
import type { MigrationOrder } from '../terms/move.ts'
import { PRODUCTION_POLICY } from '../terms/policy.ts'
import type { Balancer, TurnEvent } from '../terms/turn.ts'
import { aDemand, aHost, anOrder, aSimulation, STEP_MS } from '../simulator/builders.ts'
import { MemoryStore } from '../simulator/memory-store.ts'
import { HONEST_RULES } from '../simulator/rules.ts'
import { HypervisorError, StoreError, TelemetryError } from '../world/errors.ts'
import type { Hypervisor } from '../world/hypervisor.ts'
import { runLoop, type World } from './run-loop.ts'

const FLAT = [0.2, 0.3, 0.4, 0.3, 0.2, 0.1]
const UNTIL = 5 * STEP_MS

test("turns come at the balancer's cadence, up to and including the last instant", async () => {
  const { balancer, seenAt } = aBalancer(() => [])
  const end = await runLoop({ balancer, world: aWorld(), policy: PRODUCTION_POLICY, seed: 1, until: UNTIL })
  assert.deepEqual(seenAt, [300_000, 600_000, 900_000, 1_200_000, 1_500_000])
  assert.deepEqual([end.turns, end.reason, end.state], [5, 'until', 5])
})

test('turns that one long turn made late are left out', async () => {
  const world = aWorld()
  const { balancer, seenAt } = aBalancer(() => [])
  const telemetry = {
    name: 'slow',
    read: async (...asked: Parameters<typeof world.telemetry.read>) => {
      const told = await world.telemetry.read(...asked)
      if (world.clock.now() === 300_000) await world.clock.sleepUntil(1_000_000)
      return told
    },
  }
  await runLoop({ balancer, world: { ...world, telemetry }, policy: PRODUCTION_POLICY, seed: 1, until: UNTIL })
  // The first turn ends at 1,000,000: 600,000 has passed, 900,000 is the latest that has come, and then on as planned.
  assert.deepEqual(seenAt, [1_000_000, 1_000_000, 1_200_000, 1_500_000])
})

test('a limit on turns ends the loop', async () => {
  const { balancer } = aBalancer(() => [])
  const end = await runLoop({
    balancer,
    world: aWorld(),
    policy: PRODUCTION_POLICY,
    seed: 1,
    until: UNTIL,
    turnsMax: 2,
  })
  assert.deepEqual([end.turns, end.reason], [2, 'turns-max'])
})

test('a trace that comes to its end ends the loop', async () => {
  const { balancer } = aBalancer(() => [])
  const end = await runLoop({ balancer, world: aWorld(), policy: PRODUCTION_POLICY, seed: 1, until: 100 * STEP_MS })
  assert.deepEqual([end.turns, end.reason], [5, 'exhausted'])
})

test('a turn is on record before the platform hears of its orders', async () => {
  const world = aWorld()
  const heard: string[] = []
  const store = new MemoryStore()
  const hypervisor = listening(world, async (order: MigrationOrder) => {
    const lines = await linesOf(store)
    assert.ok(lines.at(-1)?.includes(order.id))
    heard.push(order.id)
  })
  const { balancer } = aBalancer((turn) => (turn === 0 ? [anOrder(0, 0, 1)] : []))
  await runLoop({ balancer, world: { ...world, hypervisor, store }, policy: PRODUCTION_POLICY, seed: 1, until: UNTIL })
  assert.deepEqual(heard, ['order-0-0-1'])
})

test('orders that are advice only are on record, and none of them is begun', async () => {
  const world = aWorld()
  const heard: string[] = []
  const store = new MemoryStore()
  const hypervisor = listening(world, async (order: MigrationOrder) => void heard.push(order.id))
  const { balancer } = aBalancer((turn) => (turn === 0 ? [anOrder(0, 0, 1)] : []))
  const doubting: typeof balancer = {
    ...balancer,
    takeTurn: (...seen) => ({ ...balancer.takeTurn(...seen), adviceOnly: ['An invariant broke.'] }),
  }
  const options = { world: { ...world, hypervisor, store }, policy: PRODUCTION_POLICY, seed: 1, until: UNTIL }
  await runLoop({ ...options, balancer: doubting })
  assert.deepEqual(heard, [])
  assert.ok((await linesOf(store)).some((line) => line.includes('order-0-0-1')))
})

test('what cannot be recorded is not done', async () => {
  const world = aWorld()
  const store = new MemoryStore()
  const full = {
    append: async (line: string) => {
      if (line.includes('order-')) throw new StoreError('full', 'No room.')
      await store.append(line)
    },
    lines: () => store.lines(),
    close: () => store.close(),
  }
  const { balancer } = aBalancer((turn) => (turn === 1 ? [anOrder(0, 0, 1)] : []))
  await assert.rejects(
    runLoop({ balancer, world: { ...world, store: full }, policy: PRODUCTION_POLICY, seed: 1, until: UNTIL }),
    StoreError,
  )
  assert.deepEqual((await world.hypervisor.inventory()).migrations, [])
})

test('orders that the platform refuses are told on the next line, and the others are begun', async () => {
  const store = new MemoryStore()
  const { balancer } = aBalancer((turn) => (turn === 0 ? [anOrder(0, 1, 0), anOrder(1, 1, 0), anOrder(7, 0, 1)] : []))
  await runLoop({ balancer, world: { ...aWorld(), store }, policy: PRODUCTION_POLICY, seed: 1, until: UNTIL })
  const turns = (await linesOf(store)).slice(1).map((line) => JSON.parse(line))
  assert.deepEqual(turns[0].refused, [])
  assert.deepEqual(
    turns[1].refused.map((event: TurnEvent) => [event.kind, 'vmId' in event && event.vmId]),
    [
      ['move-refused', 'vm-0'],
      ['move-refused', 'vm-7'],
    ],
  )
  assert.equal(turns[1].seen.ended[0].vmId, 'vm-1')
  assert.deepEqual(turns[2].refused, [])
})

test('a platform that fails to begin is told too; one that answers nonsense ends the loop', async () => {
  for (const code of ['unreachable', 'unauthorised', 'busy', 'refused', 'protocol'] as const) {
    const world = aWorld()
    const hypervisor = {
      name: 'failing',
      inventory: () => world.hypervisor.inventory(),
      preflight: async () => ({ kind: 'fits' }) as const,
      cancel: world.hypervisor.cancel.bind(world.hypervisor),
      begin: async () => {
        throw new HypervisorError(code, 'It fails.')
      },
    }
    const { balancer } = aBalancer((turn) => (turn === 4 ? [anOrder(0, 0, 1)] : []))
    const running = runLoop({
      balancer,
      world: { ...world, hypervisor },
      policy: PRODUCTION_POLICY,
      seed: 1,
      until: UNTIL,
    })
    if (code === 'protocol') await assert.rejects(running, HypervisorError)
    else assert.equal((await running).refused[0].kind, 'move-refused')
  }
})

test('a turn in which nothing could be seen is left out and told on the next line', async () => {
  const world = aWorld()
  const store = new MemoryStore()
  const telemetry = {
    name: 'failing',
    read: async (...asked: Parameters<typeof world.telemetry.read>) => {
      if (world.clock.now() === 600_000) throw new TelemetryError('unreachable', 'No answer.')
      return world.telemetry.read(...asked)
    },
  }
  const { balancer, seenAt } = aBalancer(() => [])
  await runLoop({ balancer, world: { ...world, telemetry, store }, policy: PRODUCTION_POLICY, seed: 1, until: UNTIL })
  assert.deepEqual(seenAt, [300_000, 900_000, 1_200_000, 1_500_000])
  const lines = await linesOf(store)
  assert.deepEqual(JSON.parse(lines[2]).refused, [{ kind: 'note', text: 'Turn left out, nothing seen: No answer.' }])
})

test('the same seed gives the same record byte for byte, and another seed another', async () => {
  const first = await recordWithSeed(1)
  assert.deepEqual(await recordWithSeed(1), first)
  const other = await recordWithSeed(2)
  assert.equal(other.length, first.length)
  // Not only the header, which names the seed: what the migrations took is another too.
  assert.notDeepEqual(other.slice(1), first.slice(1))
})

test('the header says how to read the record, and by whom and with what it was made', async () => {
  const [header] = await recordWithSeed(3)
  assert.deepEqual(JSON.parse(header), {
    kind: 'header',
    schema: 1,
    balancer: 'scripted',
    seed: 3,
    cadence: { firstMs: STEP_MS, everyMs: STEP_MS },
    policy: PRODUCTION_POLICY,
  })
})

async function recordWithSeed(seed: number): Promise<readonly string[]> {
  const store = new MemoryStore()
  const { balancer } = aBalancer((turn) => {
    const [from, to] = turn % 2 === 0 ? [0, 1] : [1, 0]
    return [{ ...anOrder(0, from, to), id: parseOrderId(`turn-${turn}`) }]
  })
  await runLoop({ balancer, world: { ...aWorld(seed), store }, policy: PRODUCTION_POLICY, seed, until: UNTIL })
  return linesOf(store)
}

/** Two VMs on two hosts. */
function aWorld(seed = 1): World {
  const hosts = [aHost(0), aHost(1)]
  const simulation = aSimulation({ demand: aDemand([FLAT, FLAT]), hosts, startOn: [0, 1], rules: HONEST_RULES, seed })
  return { clock: simulation, telemetry: simulation, hypervisor: simulation }
}

/** One who orders by script, and remembers when it was asked. Its state counts its turns. */
function aBalancer(ordersOf: (turn: number) => readonly MigrationOrder[]): {
  readonly balancer: Balancer<number>
  readonly seenAt: readonly number[]
} {
  const seenAt: number[] = []
  const balancer: Balancer<number> = {
    name: 'scripted',
    cadence: { firstMs: STEP_MS, everyMs: STEP_MS },
    start: () => 0,
    placeNew: ({ newVms }) => new Int32Array(newVms.length),
    takeTurn: (turn, { at }) => {
      seenAt.push(at)
      return { state: turn + 1, events: [], orders: ordersOf(turn) }
    },
  }
  return { balancer, seenAt }
}

async function linesOf(store: MemoryStore): Promise<readonly string[]> {
  const lines: string[] = []
  for await (const line of store.lines()) lines.push(line)
  return lines
}

/** The world's platform, heard by a test in place of carrying out. */
function listening({ hypervisor }: World, begin: (order: MigrationOrder) => Promise<void>): Hypervisor {
  return {
    name: 'listening',
    inventory: () => hypervisor.inventory(),
    preflight: (order) => hypervisor.preflight(order),
    cancel: (vmId) => hypervisor.cancel(vmId),
    begin,
  }
}
