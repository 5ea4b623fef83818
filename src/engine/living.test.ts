/** What must hold in whatever comes: small random clusters live through random demand. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { PROPERTY_SEED } from '../../tools/property.ts'
import { runLoop } from '../loop/run-loop.ts'
import { lrMmt, thrMmt } from '../rivals/cloudsim/balancers.ts'
import { none } from '../rivals/none.ts'
import { oracle } from '../rivals/oracle.ts'
import { proxlb } from '../rivals/proxlb.ts'
import { proxmoxCrs } from '../rivals/proxmox-crs.ts'
import { watcherStabilization } from '../rivals/watcher-stabilization.ts'
import { aDemand, STEP_MS } from '../simulator/builders.ts'
import { CLOUDSIM_RULES, HONEST_RULES } from '../simulator/rules.ts'
import { Simulation } from '../simulator/simulation.ts'
import { Luck } from '../terms/luck.ts'
import type { MigrationOrder } from '../terms/move.ts'
import { type Policy, SITE_SAFETY } from '../terms/policy.ts'
import type { DemandSeries } from '../terms/trace.ts'
import type { Balancer, Observation, Turn } from '../terms/turn.ts'
import { GiB, HOUR_MS } from '../terms/units.ts'
import { vmSizeRefCores } from '../terms/vm.ts'
import { aHost, aPolicy, aVm } from './builders.ts'
import type { EngineState } from './state.ts'
import { ethos, takeTurn } from './turn.ts'

/** Quick to act, so that a few hours hold many decisions. */
const EAGER = aPolicy({
  prices: { perMigration: 0.0001 },
  forecast: { lookBackMs: 2 * HOUR_MS },
  contention: { holdTurns: 1 },
  consolidation: { hostOnMsMin: 0, hostsPerTurnMax: 10 },
  gates: { cooldownMs: 600_000, noReturnMs: HOUR_MS, movesPerVmDayMax: 50 },
  limits: { migrationsPerHostMax: 2 },
})

interface Cluster {
  readonly hosts: number
  readonly vms: number
  readonly seed: number
}

const CLUSTERS: fc.Arbitrary<Cluster> = fc.record({
  hosts: fc.integer({ min: 2, max: 6 }),
  vms: fc.integer({ min: 2, max: 14 }),
  seed: fc.nat(1e6),
})

/** VMs of several sizes, some in groups and some pinned, whose demand jumps between a low and a high level of their own. */
function demandOf({ vms, seed }: Cluster, steps: number): DemandSeries {
  const luck = new Luck(seed)
  const list = Array.from({ length: vms }, (_, v) =>
    aVm(v, {
      vcpus: 1 + luck.below(2),
      memoryBytes: (1 + luck.below(4)) * GiB,
      ...(luck.below(4) === 0 ? { antiAffinityGroup: 'ab'[luck.below(2)] } : {}),
      ...(luck.below(8) === 0 ? { isPinned: true } : {}),
    }),
  )
  const rows = list.map((vm) => {
    const low = 0.4 * luck.fraction() * vmSizeRefCores(vm)
    const high = vmSizeRefCores(vm) * (0.4 + 0.6 * luck.fraction())
    let isHigh = false
    return Array.from({ length: steps }, () => {
      if (luck.below(6) === 0) isHigh = !isHigh
      return (isHigh ? high : low) * (0.9 + 0.1 * luck.fraction())
    })
  })
  return aDemand(rows, list)
}

interface Life {
  readonly orders: readonly (readonly MigrationOrder[])[]
}

interface Setup<State> {
  readonly balancer: Balancer<State>
  readonly cluster: Cluster
  readonly demand: DemandSeries
  readonly policy?: Policy
  readonly isCloudsim?: boolean
  readonly onTurn?: (turn: Turn<State>, observation: Observation) => void
}

/** Orders of each turn of a balancer's life with the demand. */
async function live<State>({ balancer, cluster, demand, ...rest }: Setup<State>): Promise<Life> {
  const policy = rest.policy ?? EAGER
  const simulation = new Simulation({
    demand,
    hosts: Array.from({ length: cluster.hosts * 2 }, (_, h) =>
      aHost(h, h % 2 === 0 ? {} : { model: 'Fast', refCoresPerCore: 1.5 }),
    ),
    rules: rest.isCloudsim === true ? CLOUDSIM_RULES : HONEST_RULES,
    seed: cluster.seed,
    policy,
    placeNew: ethos.placeNew,
  })
  const orders: (readonly MigrationOrder[])[] = []
  await runLoop({
    balancer,
    world: { clock: simulation, telemetry: simulation, hypervisor: simulation },
    policy,
    seed: cluster.seed,
    until: (demand.steps - 1) * demand.stepMs,
    onTurn: (turn, observation) => {
      orders.push(turn.orders)
      rest.onTurn?.(turn, observation)
    },
  })
  return { orders }
}

/** Lives through random clusters and looks at each of their turns. */
function checkLives(
  look: (turn: Turn<EngineState>, observation: Observation, before: EngineState) => void,
  { runs, steps, policy = EAGER }: { readonly runs: number; readonly steps: number; readonly policy?: Policy },
): Promise<number> {
  let moves = 0
  const one = async (cluster: Cluster): Promise<void> => {
    let before = ethos.start({ seed: cluster.seed })
    await live({
      balancer: ethos,
      cluster,
      demand: demandOf(cluster, steps),
      policy,
      onTurn: (turn, observation) => {
        look(turn, observation, before)
        before = turn.state
        moves += turn.orders.length
      },
    })
  }
  return fc.assert(fc.asyncProperty(CLUSTERS, one), { seed: PROPERTY_SEED, numRuns: runs }).then(() => moves)
}

/** Takes each turn twice, and looks whether it left its inputs alone. */
const DOUBLED: Balancer<EngineState> = {
  ...ethos,
  takeTurn: (before, observation, policy) => {
    const given = structuredClone({ before, observation })
    const turn = takeTurn(before, observation, policy)
    assert.deepEqual({ before, observation }, given)
    const again = takeTurn(before, observation, policy)
    assert.deepEqual(again, turn)
    return turn
  },
}

test('a turn changes nothing that it is given, and taken again gives the same', async () => {
  let moves = 0
  await fc.assert(
    fc.asyncProperty(CLUSTERS, async (cluster) => {
      const { orders } = await live({ balancer: DOUBLED, cluster, demand: demandOf(cluster, 30) })
      moves += orders.flat().length
    }),
    { seed: PROPERTY_SEED, numRuns: 12 },
  )
  assert.ok(moves > 20, `${moves} moves`)
})

test('no turn breaks an invariant, by an eager policy or by a site that limits', async () => {
  for (const policy of [
    EAGER,
    { ...EAGER, safety: { ...SITE_SAFETY, movesShareHourMax: 1, movesPerHostHourMax: 8 } },
  ]) {
    const moves = await checkLives(({ adviceOnly }) => assert.equal(adviceOnly, undefined), {
      // A site acts seldom: more lives hold as many moves.
      runs: policy.safety === undefined ? 30 : 80,
      steps: 40,
      policy,
    })
    assert.ok(moves > 50, `${moves} moves`)
  }
})

test('a VM gets one order a turn at most, and none while it is on its way', async () => {
  const moves = await checkLives(
    ({ orders }, { inventory }) => {
      const ids = orders.map(({ vmId }) => vmId)
      assert.equal(new Set(ids).size, ids.length)
      for (const { vmId } of inventory.migrations) assert.ok(!ids.includes(vmId), `${vmId} is on its way`)
      for (const { vmId } of orders) assert.notEqual(inventory.vms.find(({ id }) => id === vmId)?.isPinned, true)
    },
    { runs: 40, steps: 40 },
  )
  assert.ok(moves > 50, `${moves} moves`)
})

test('on every target, memory, sizes and groups hold with all that is on its way counted on both hosts', async () => {
  const moves = await checkLives(
    ({ orders }, { inventory }) => {
      const { hosts, vms, hostOf, migrations } = inventory
      for (const target of new Set(orders.map(({ to }) => to))) {
        const host = hosts.findIndex(({ id }) => id === target)
        const coming = new Set(
          [...orders, ...migrations].filter(({ to, from }) => to === target || from === target).map(({ vmId }) => vmId),
        )
        const there = vms.filter(({ id }, v) => hostOf[v] === host || coming.has(id))
        const memory = there.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0)
        const sizes = there.reduce((sum, vm) => sum + vmSizeRefCores(vm), 0)
        const groups = there.flatMap(({ antiAffinityGroup }) => antiAffinityGroup ?? [])
        assert.ok(memory <= hosts[host].memoryBytes, `${target}: ${memory / GiB} GiB`)
        assert.ok(sizes <= 4 * hosts[host].cores * hosts[host].refCoresPerCore, `${target}: ${sizes} cores of sizes`)
        assert.equal(new Set(groups).size, groups.length, `${target}: ${groups.join(' ')}`)
        assert.ok(
          orders.every(({ from }) => from !== target),
          `${target} gives and takes`,
        )
      }
    },
    { runs: 40, steps: 40 },
  )
  assert.ok(moves > 50, `${moves} moves`)
})

test('no host takes part in more migrations at a time than it may, those just ordered included', async () => {
  const moves = await checkLives(
    ({ orders }, { inventory }) => {
      const copies = new Map<string, number>()
      for (const host of [...orders, ...inventory.migrations].flatMap(({ from, to }) => [from, to])) {
        copies.set(host, (copies.get(host) ?? 0) + 1)
      }
      for (const [host, count] of copies) assert.ok(count <= 2, `${host} takes part in ${count}`)
    },
    { runs: 40, steps: 40 },
  )
  assert.ok(moves > 50, `${moves} moves`)
})

test('each VM is given exactly one reason: it moves, or why it stays', async () => {
  await checkLives(
    ({ orders, stayed }, { inventory }) => {
      const moving = inventory.vms.filter((_, v) => stayed?.[v] === 0).map(({ id }) => id)
      assert.deepEqual(moving.toSorted(), orders.map(({ vmId }) => vmId).toSorted())
    },
    { runs: 10, steps: 30 },
  )
})

test('the same seed gives the same decisions', async () => {
  await fc.assert(
    fc.asyncProperty(CLUSTERS, async (cluster) => {
      const demand = demandOf(cluster, 30)
      assert.deepEqual(
        await live({ balancer: ethos, cluster, demand }),
        await live({ balancer: ethos, cluster, demand }),
      )
    }),
    { seed: PROPERTY_SEED, numRuns: 10 },
  )
})

/** The same demand up to and including a step; after that, each row in another order. */
function withOtherFuture(demand: DemandSeries, after: number, seed: number): DemandSeries {
  const luck = new Luck(seed)
  const vms = demand.vms.length
  const cpu = Float32Array.from(demand.columns.cpu ?? [])
  for (let vm = 0; vm < vms; vm++) {
    for (let step = after + 1; step < demand.steps; step++) {
      const other = after + 1 + luck.below(demand.steps - after - 1)
      const kept = cpu[step * vms + vm]
      cpu[step * vms + vm] = cpu[other * vms + vm]
      cpu[other * vms + vm] = kept
    }
  }
  return { ...demand, columns: { ...demand.columns, cpu } }
}

/** Whether decisions up to a step stay the same when all demand after it is shuffled; and how many there were. */
async function livesBlind<State>(
  make: (demand: DemandSeries) => Balancer<State>,
  isCloudsim = false,
): Promise<{ readonly isBlind: boolean; readonly moves: number }> {
  let moves = 0
  let isBlind = true
  for (let seed = 1; seed <= 10; seed++) {
    const cluster = { hosts: 4, vms: 12, seed }
    const demand = demandOf(cluster, 48)
    const after = 30
    const until = async (series: DemandSeries) => {
      const { orders } = await live({ balancer: make(series), cluster, demand: series, isCloudsim })
      return orders.flat().filter(({ decidedAt }) => decidedAt <= after * STEP_MS)
    }
    const known = await until(demand)
    const shuffled = await until(withOtherFuture(demand, after, seed))
    moves += known.length
    isBlind &&= JSON.stringify(known) === JSON.stringify(shuffled)
  }
  return { isBlind, moves }
}

test('nobody sees the future: with all samples after an instant shuffled, decisions up to it are the same', async () => {
  const ours = await livesBlind(() => ethos)
  assert.ok(ours.isBlind && ours.moves > 20, `${ours.moves} moves`)
  for (const rival of [none, proxmoxCrs, watcherStabilization, proxlb] as const) {
    assert.ok((await livesBlind(() => rival as Balancer<unknown>)).isBlind, rival.name)
  }
  for (const rival of [thrMmt, lrMmt]) {
    const { isBlind, moves } = await livesBlind(() => rival, true)
    assert.ok(isBlind && moves > 0, `${rival.name}: ${moves} moves`)
  }
})

test('the check bites: one who knows the future decides otherwise in another one', async () => {
  assert.equal((await livesBlind((demand) => oracle(demand, 4 * HOUR_MS))).isBlind, false)
})

test('constant load moves nobody, once the look-back is full of it', async () => {
  await fc.assert(
    fc.asyncProperty(CLUSTERS, async (cluster) => {
      const vms = [...demandOf(cluster, 1).vms]
      const luck = new Luck(cluster.seed)
      const steps = 12 * 12
      const demand = aDemand(
        vms.map((vm) => {
          const level = vmSizeRefCores(vm) * luck.fraction()
          return Array.from({ length: steps }, () => level)
        }),
        vms,
      )
      const { orders } = await live({ balancer: ethos, cluster, demand, policy: aPolicy() })
      // Six hours of look-back, and two for the last moves to be carried out and settle.
      assert.deepEqual(orders.slice(8 * 12).flat(), [])
    }),
    { seed: PROPERTY_SEED, numRuns: 20 },
  )
})
