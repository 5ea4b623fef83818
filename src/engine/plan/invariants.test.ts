import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import type { MigrationOrder, Move } from '../../terms/move.ts'
import { type Policy, SITE_SAFETY } from '../../terms/policy.ts'
import type { Observation, Turn } from '../../terms/turn.ts'
import { GiB, HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { aFlight, aHost, anObservation, aPolicy, aVm, type SmallCluster, STEP_MS } from '../builders.ts'
import type { EngineState, MoveLogEntry } from '../state.ts'
import { HOST_RULES, VM_GATES } from '../suitability/rules.ts'
import { initialState, takeTurn } from '../turn.ts'
import { breaches } from './invariants.ts'

/** Host 0 is asked for 4.5 of its 4 cores, in every window but the newest: a forecast, and nobody is short now. Host 1 carries little. */
const CROWDED: SmallCluster = {
  hosts: [aHost(0), aHost(1), aHost(2)],
  hostOf: [0, 0, 0, 0, 1],
  demand: [0.6, 1.2, 1.3, 1.4, 0.2].map((cores) => Array.from({ length: 12 }, (_, k) => (k < 11 ? cores : cores / 2))),
  at: 30 * HOUR_MS,
}

const NO_PACKING = { consolidation: { isEnabled: false } }
const SITE = aPolicy({ ...NO_PACKING, safety: SITE_SAFETY })

interface Taken {
  readonly before: EngineState
  readonly turn: Turn<EngineState>
  readonly observation: Observation
  readonly policy: Policy
}

/** The turn of the newest window, with the past given behind it. */
function take(cluster: SmallCluster, policy: Policy, state: Partial<EngineState> = {}): Taken {
  const last = anObservation(cluster)
  const { inventory } = last
  const watching = { ...policy, gates: { ...policy.gates, movesPerTurnMax: 0 } }
  const rows = cluster.demand.map((row) => (typeof row === 'number' ? Array.from({ length: 12 }, () => row) : row))
  const windows = rows[0].length
  let before = initialState()
  for (let k = 0; k < windows - 1; k++) {
    const at = last.at - (windows - 1 - k) * STEP_MS
    const samples = { at, windowMs: STEP_MS, columns: { cpu: Float32Array.from(rows, (row) => row[k]) } }
    before = takeTurn(before, { at, inventory: { ...inventory, at }, samples, personalities: [] }, watching).state
  }
  before = { ...before, ...state }
  return { before, turn: takeTurn(before, last, policy), observation: last, policy }
}

function invariantsBroken({ before, turn, observation, policy }: Taken): readonly string[] {
  return [...new Set(breaches(before, turn, observation, policy).map(({ invariant }) => invariant))].toSorted()
}

function movedFrom(vm: number, from: number, minutesAgo: number, changes: Partial<MoveLogEntry> = {}): MoveLogEntry {
  return { vmId: aVm(vm).id, from: `host-${from}`, at: 30 * HOUR_MS - minutesAgo * MINUTE_MS, ...changes }
}

test('a turn that relieves a crowded host breaks nothing, by either policy', () => {
  for (const policy of [aPolicy(NO_PACKING), SITE]) {
    const taken = take(CROWDED, policy)
    assert.equal(taken.turn.orders.length, 1)
    assert.deepEqual(breaches(taken.before, taken.turn, taken.observation, policy), [])
    assert.equal(taken.turn.adviceOnly, undefined)
  }
})

/** A guard, a cluster in which it alone stands in the way of a move, and what must cry when it is gone. */
interface Mutant {
  readonly guard: string
  readonly cries: string
  readonly cluster?: Partial<SmallCluster>
  readonly policy?: Policy
  readonly state?: Partial<EngineState>
}

const CROWD = CROWDED.hostOf.map((_, v) => v)
/** Host 1 is the only target. */
const TWO_HOSTS = { hosts: [aHost(0), aHost(1)] }

const RULES_OFF: readonly Mutant[] = [
  { guard: 'host-state', cries: 'I8 constraints', cluster: { ...TWO_HOSTS, hostStates: ['on', 'maintenance'] } },
  {
    guard: 'memory',
    cries: 'I7 capacity',
    cluster: { ...TWO_HOSTS, vms: CROWD.map((v) => aVm(v, { memoryBytes: v === 4 ? 15.5 * GiB : GiB })) },
  },
  {
    guard: 'allocation',
    cries: 'I7 capacity',
    cluster: { ...TWO_HOSTS, vms: CROWD.map((v) => aVm(v, { vcpus: v === 4 ? 3 : 2 })) },
    policy: aPolicy({ ...NO_PACKING, limits: { cpuAllocationMax: 1 } }),
  },
  {
    guard: 'anti-affinity',
    cries: 'I8 constraints',
    cluster: {
      ...TWO_HOSTS,
      vms: CROWD.map((v) => aVm(v, { antiAffinityGroup: v === 4 ? 'all' : `g${v}` })).map((vm, v) =>
        v < 4 ? { ...vm, antiAffinityGroup: 'all' } : vm,
      ),
    },
  },
  {
    guard: 'cpu-flags',
    cries: 'I8 constraints',
    cluster: {
      hosts: [aHost(0, { cpuFlags: ['avx2'] }), aHost(1, { cpuFlags: ['sse2'] })],
      vms: CROWD.map((v) => aVm(v, { cpuFlags: ['avx2'] })),
    },
  },
  {
    guard: 'measured-load',
    cries: 'I7 capacity',
    cluster: {
      ...TWO_HOSTS,
      demand: [...CROWDED.demand.slice(0, 4), 1],
      hostSamples: { cpuRefCores: Float32Array.of(2.25, 0) },
    },
  },
  {
    guard: 'measured-memory',
    cries: 'I7 capacity',
    cluster: { ...TWO_HOSTS, hostSamples: { memoryUsedBytes: Float64Array.of(4 * GiB, 15.5 * GiB) } },
  },
  {
    guard: 'no-return',
    cries: 'I11 no return',
    cluster: TWO_HOSTS,
    state: { moveLog: CROWD.map((v) => movedFrom(v, 1, 300)) },
  },
  {
    guard: 'no-return',
    cries: 'I17 no oscillation',
    cluster: TWO_HOSTS,
    policy: aPolicy({ ...NO_PACKING, gates: { noReturnMs: 0 } }),
    state: {
      moveLog: CROWD.flatMap((v) => [movedFrom(v, 0, 900, { to: 'host-1' }), movedFrom(v, 1, 700, { to: 'host-0' })]),
    },
  },
  {
    guard: 'concurrency',
    cries: 'I9 concurrency',
    cluster: {
      ...TWO_HOSTS,
      hosts: [aHost(0), aHost(1), aHost(2)],
      hostOf: [0, 0, 0, 0, 1, 2],
      demand: [...CROWDED.demand, 3.3],
      vms: [0, 1, 2, 3, 4, 5].map((v) => aVm(v, { vcpus: 4 })),
      migrations: [aFlight(4, 2, 1)],
    },
    policy: aPolicy({ ...NO_PACKING, limits: { migrationsPerHostMax: 1 } }),
  },
  {
    guard: 'convergence',
    cries: 'I12 benefit',
    cluster: { hosts: [aHost(0, { networkBytesPerSec: 1e6 }), aHost(1, { networkBytesPerSec: 1e6 })] },
    policy: aPolicy({ ...NO_PACKING, prices: { perUnservedCoreHour: 1e6, perCopiedGiB: 0, perDowntimeSecond: 0 } }),
  },
  {
    guard: 'demand',
    cries: 'I7 capacity',
    cluster: { ...TWO_HOSTS, demand: [...CROWDED.demand.slice(0, 4), 3.3] },
    policy: aPolicy({ ...NO_PACKING, prices: { perUnservedCoreHour: 100 } }),
  },
  {
    guard: 'host-budget',
    cries: 'I10 budgets',
    cluster: TWO_HOSTS,
    policy: { ...SITE, safety: { ...SITE_SAFETY, movesShareHourMax: 1, settleWindows: 0 } },
    state: {
      moveLog: [1, 2, 3, 4].map((i) => ({ ...movedFrom(9, 5, 50 - i, { to: 'host-1' }), vmId: aVm(20 + i).id })),
    },
  },
  {
    guard: 'settling',
    cries: 'gate 3 settling',
    cluster: TWO_HOSTS,
    policy: { ...SITE, safety: { ...SITE_SAFETY, movesShareHourMax: 1 } },
    state: {
      moveLog: [
        {
          ...movedFrom(9, 5, 10, {
            to: 'host-1',
            end: { at: 30 * HOUR_MS - 5 * MINUTE_MS, tookMs: MINUTE_MS, isDone: true },
          }),
          vmId: aVm(20).id,
        },
      ],
    },
  },
]

const GATES_OFF: readonly Mutant[] = [
  { guard: 'objected', cries: 'I8 constraints', cluster: { objections: new Map(CROWD.map((v) => [aVm(v).id, 'no'])) } },
  { guard: 'pinned', cries: 'I8 constraints', cluster: { vms: CROWD.map((v) => aVm(v, { isPinned: true })) } },
  { guard: 'location-unknown', cries: 'I6 unknown is frozen', cluster: { hostStates: ['unreachable', 'on', 'on'] } },
  {
    guard: 'cooldown',
    cries: 'gate 5 cooldown',
    state: {
      moveLog: CROWD.map((v) => movedFrom(v, 9, 20)),
      movedAt: Float64Array.from(CROWD, () => 30 * HOUR_MS - 20 * MINUTE_MS),
    },
  },
  {
    guard: 'move-budget',
    cries: 'I10 budgets',
    policy: aPolicy({ ...NO_PACKING, gates: { movesPerVmDayMax: 1 } }),
    state: { moveLog: CROWD.map((v) => movedFrom(v, 9, 400)) },
  },
]

for (const { guard, cries, cluster, policy = aPolicy(NO_PACKING), state } of RULES_OFF) {
  test(`with the rule ${guard} switched off, ${cries} cries`, () => {
    const rule = HOST_RULES.find(({ name }) => name === guard)
    assert.ok(rule !== undefined)
    const guarded = take({ ...CROWDED, ...cluster }, policy, state)
    assert.deepEqual(invariantsBroken(guarded), [])
    const off = mock.method(rule, 'shortBy', () => 0)
    const loose = take({ ...CROWDED, ...cluster }, policy, state)
    off.mock.restore()
    assert.ok(
      invariantsBroken(loose).includes(cries),
      `${invariantsBroken(loose).join()} of ${loose.turn.orders.length}`,
    )
    assert.ok((loose.turn.adviceOnly ?? []).length > 0)
  })
}

for (const { guard, cries, cluster, policy = aPolicy(NO_PACKING), state } of GATES_OFF) {
  test(`with the gate ${guard} switched off, ${cries} cries`, () => {
    const guarded = take({ ...CROWDED, ...cluster }, policy, state)
    assert.deepEqual(invariantsBroken(guarded), [])
    const off = VM_GATES.filter(({ lacking }) => lacking === guard).map((gate) =>
      mock.method(gate, 'isShut', () => false),
    )
    const loose = take({ ...CROWDED, ...cluster }, policy, state)
    for (const { mock: one } of off) one.restore()
    assert.ok(
      invariantsBroken(loose).includes(cries),
      `${invariantsBroken(loose).join()} of ${loose.turn.orders.length}`,
    )
  })
}

/** What a planner that errs would hand out: the order of a good turn, spoilt. */
const SPOILT: readonly (readonly [string, string, (order: MigrationOrder) => Partial<MigrationOrder>, Policy?])[] = [
  ['of a VM that is not there', 'I6 unknown is frozen', () => ({ vmId: aVm(99).id })],
  ['off a host where it is not', 'I6 unknown is frozen', () => ({ from: aHost(2).id })],
  ['to where it is', 'I8 constraints', ({ from }) => ({ to: from })],
  ['decided in another turn', 'I15 fresh plan', ({ decidedAt }) => ({ decidedAt: decidedAt - STEP_MS })],
  ['that a person is said to have given', 'I14 authority', () => ({ class: 'operator' })],
  ['for energy where nothing is to be emptied', 'I14 authority', () => ({ class: 'energy' })],
  ['that nobody reckoned', 'I12 benefit', () => ({ move: undefined as never })],
  ['that costs what it gains', 'I12 benefit', ({ move }) => ({ move: { ...move!, cost: move!.gain } })],
  ['that gains no number', 'I12 benefit', ({ move }) => ({ move: { ...move!, gain: NaN } })],
  ['that is a guess', 'I12 benefit', ({ move }) => ({ move: { ...move!, confidence: 0.01 } })],
  [
    'that surely gains less than it costs, at a site',
    'I12 benefit',
    ({ move }) => ({ move: { ...move!, gainAtLeast: move!.cost } }),
    SITE,
  ],
  ['of which nothing is sure, at a site', 'I12 benefit', ({ move }) => ({ move: withoutSure(move!) }), SITE],
  [
    'whose copy does not end',
    'I12 benefit',
    ({ move }) => ({ move: { ...move!, estimate: { ...move!.estimate, converges: false } } }),
  ],
]

function withoutSure(move: Move): Move {
  const { gainAtLeast, ...rest } = move
  assert.ok(gainAtLeast !== undefined)
  return rest
}

for (const [what, cries, spoil, policy = aPolicy(NO_PACKING)] of SPOILT) {
  test(`an order ${what} is cried out: ${cries}`, () => {
    const taken = take(CROWDED, policy)
    const [order] = taken.turn.orders
    const turn = { ...taken.turn, orders: [{ ...order, ...spoil(order) }] }
    assert.ok(invariantsBroken({ ...taken, turn }).includes(cries), invariantsBroken({ ...taken, turn }).join())
  })
}

test('two orders for one VM, and one for a VM on its way, are cried out', () => {
  const taken = take(CROWDED, aPolicy(NO_PACKING))
  const [order] = taken.turn.orders
  const twice = { ...taken.turn, orders: [order, { ...order, to: aHost(2).id }] }
  assert.ok(invariantsBroken({ ...taken, turn: twice }).includes('I3 one order'))
  const flying = breaches(taken.before, taken.turn, taken.observation, taken.policy, [order])
  assert.deepEqual([...new Set(flying.map(({ invariant }) => invariant))], ['I3 one order'])
})

test('more orders than a turn may have are cried out', () => {
  const taken = take(CROWDED, aPolicy(NO_PACKING))
  const policy = aPolicy({ ...NO_PACKING, gates: { movesPerTurnMax: 0 } })
  assert.deepEqual(invariantsBroken({ ...taken, policy }), ['I10 budgets'])
})

test('a turn that forgets what it ordered is cried out', () => {
  const taken = take(CROWDED, aPolicy(NO_PACKING))
  const { state } = taken.turn
  const forgetful: readonly Partial<EngineState>[] = [
    { moveLog: [] },
    { moveLog: state.moveLog.map((entry) => ({ ...entry, to: 'host-9' })) },
    { movedAt: new Float64Array(state.movedAt.length).fill(-Infinity) },
    { promises: [] },
  ]
  for (const changes of forgetful) {
    const turn = { ...taken.turn, state: { ...state, ...changes } }
    assert.deepEqual(invariantsBroken({ ...taken, turn }), ['on record'])
  }
})

test('a host relieved without its trigger having held is cried out', () => {
  const taken = take(CROWDED, aPolicy(NO_PACKING))
  for (const bits of [0b000, 0b001, 0b110]) {
    const turn = { ...taken.turn, state: { ...taken.turn.state, triggerHistory: Uint8Array.of(bits, 0, 0) } }
    assert.deepEqual(invariantsBroken({ ...taken, turn }), ['gate 2 hold'])
  }
})

test('orders on samples of long ago are cried out', () => {
  const taken = take(CROWDED, aPolicy(NO_PACKING))
  const samples = { ...taken.observation.samples, at: taken.observation.at - 4 * STEP_MS }
  assert.deepEqual(invariantsBroken({ ...taken, observation: { ...taken.observation, samples } }), ['I15 fresh plan'])
})

test('a site counts moves on record that its platform does not show yet', () => {
  const taken = take(CROWDED, SITE)
  const others = [5, 6, 7, 8, 9].map((v) => aFlight(v, 2, 2))
  const found = breaches(taken.before, taken.turn, taken.observation, SITE, others)
  assert.deepEqual([...new Set(found.map(({ invariant }) => invariant))], ['I9 concurrency'])
})

test('a planner that does not know of the gap, or of how full energy may fill a host, is found out', () => {
  // Host 1 would have 3.2 of its 4 cores: 0.6 below contention, and vm-1 wanted 1.2.
  const vms = CROWD.map((v) => aVm(v, { isPinned: v === 0 }))
  const cluster = { ...CROWDED, ...TWO_HOSTS, vms, demand: [...CROWDED.demand.slice(0, 4), 1.6] }
  const loose = take(cluster, aPolicy({ ...NO_PACKING, forecast: { quantile: 0.51 } }))
  const site = { ...loose, policy: { ...loose.policy, safety: FREE } }
  assert.deepEqual(invariantsBroken(loose), [])
  assert.ok(invariantsBroken(site).includes('gate 3 hysteresis'), invariantsBroken(site).join())
  const roomy = take(CROWDED, aPolicy(NO_PACKING))
  const orders = roomy.turn.orders.map((order) => ({ ...order, class: 'energy' as const }))
  const policy = aPolicy({ safety: { ...FREE, energyLowFraction: 0.1 } })
  const filled = invariantsBroken({ ...roomy, turn: { ...roomy.turn, orders }, policy })
  assert.ok(filled.includes('gate 3 hysteresis'), filled.join())
})

test('a planner that does not know of the budget of energy is found out', () => {
  const roomy = take(CROWDED, aPolicy({}), { moveLog: [{ ...another(20, 8, 9), class: 'energy' }] })
  const orders = roomy.turn.orders.map((order) => ({ ...order, class: 'energy' as const }))
  const one = aPolicy({ safety: { ...FREE, energyMovesPerClusterHourMax: 1 } })
  assert.ok(invariantsBroken({ ...roomy, turn: { ...roomy.turn, orders }, policy: one }).includes('I10 budgets'))
  assert.ok(!invariantsBroken({ ...roomy, policy: one }).includes('I10 budgets'))
})

const FREE = { ...SITE_SAFETY, movesShareHourMax: 1 }

/** A VM of somebody else's that moved 40 minutes ago. */
function another(vm: number, from: number, to: number): MoveLogEntry {
  return { ...movedFrom(0, from, 40, { to: `host-${to}` }), vmId: aVm(vm).id }
}

const ARRIVED = { at: 30 * HOUR_MS - 5 * MINUTE_MS, tookMs: MINUTE_MS, isDone: true }

/** What the last hour holds, and the limit of a site that one more move off host 0 would break. */
const UNLIMITED: readonly (readonly [string, string, object, readonly MoveLogEntry[], SmallCluster['migrations']])[] = [
  ['its share of VMs within the hour', 'I10 budgets', {}, [another(20, 8, 9)], []],
  ['its moves within the hour', 'I10 budgets', { ...FREE, movesPerClusterHourMax: 1 }, [another(20, 8, 9)], []],
  ['the moves of a host within the hour', 'I10 budgets', { ...FREE, movesPerHostHourMax: 1 }, [another(20, 0, 9)], []],
  ['moves out of a host at a time', 'I9 concurrency', { ...FREE, outboundPerHostMax: 1 }, [], [aFlight(3, 0, 2)]],
  ['what a link carries', 'I9 concurrency', { ...FREE, migrationsPerSlowLinkMax: 1 }, [], [aFlight(3, 0, 2)]],
  ['moves at a time', 'I9 concurrency', { ...FREE, migrationsPerClusterMax: 1 }, [], [aFlight(3, 2, 2)]],
  ['a host that settles', 'gate 3 settling', FREE, [{ ...another(20, 8, 1), end: ARRIVED }], []],
  ['a host to which one is on its way', 'gate 3 settling', FREE, [], [aFlight(4, 2, 1)]],
]

for (const [limit, cries, safety, moveLog, migrations] of UNLIMITED) {
  test(`a planner that does not know of ${limit} is found out: ${cries}`, () => {
    const site = { ...SITE, safety: { ...SITE_SAFETY, ...safety } }
    const cluster = {
      ...CROWDED,
      hosts: [aHost(0), aHost(1)],
      ...(migrations?.length === 0 ? {} : { hosts: CROWDED.hosts ?? [], migrations: migrations ?? [] }),
    }
    const loose = take(cluster, aPolicy(NO_PACKING), { moveLog })
    assert.ok(loose.turn.orders.length > 0)
    assert.ok(
      invariantsBroken({ ...loose, policy: site }).includes(cries),
      invariantsBroken({ ...loose, policy: site }).join(),
    )
    assert.deepEqual(invariantsBroken(take(cluster, site, { moveLog })), [])
  })
}
