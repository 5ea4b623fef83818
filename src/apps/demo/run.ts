/** One evening under one balancer, on real guests. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { FileStore } from '../../drivers/file-store.ts'
import { LibvirtDriver } from '../../drivers/libvirt/driver/libvirt-driver.ts'
import { WallClock } from '../../drivers/wall-clock.ts'
import { estimateMigration } from '../../engine/migration/estimate.ts'
import { alignRosters } from '../../engine/roster.ts'
import { initialState } from '../../engine/turn.ts'
import { Mover } from '../../loop/mover.ts'
import { MovingHypervisor } from '../../loop/moving-hypervisor.ts'
import { runLoop } from '../../loop/run-loop.ts'
import type { Inventory } from '../../terms/cluster.ts'
import { cpuDemand } from '../../terms/cpu-demand.ts'
import type { MigrationIntent } from '../../terms/intent.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import type { PersonalityVector } from '../../terms/personality.ts'
import { DAY_MS, SECOND_MS } from '../../terms/units.ts'
import type { AnyBalancer } from '../backtest/balancers.ts'
import type { Agents } from './agents.ts'
import { FastClock } from './fast-clock.ts'
import { timeOfDay } from './drawing.ts'
import { type Look, Meter } from './meter.ts'
import {
  DEMO_POLICY,
  type DemoScenario,
  hostsOf,
  imaginePast,
  LASTS_MS,
  quotaOfHost,
  shareOfHost,
  SLOT_MS,
  vmsOf,
  wantAt,
} from './scenario.ts'
import { GuestLost, type Stage } from './stage.ts'
import { InDemoTime, MeterHypervisor, MeterTelemetry } from './world.ts'

const LOOK_EVERY_MS = SECOND_MS
const PLAY_EVERY_MS = 500
const MOVER_EVERY_MS = 300
/** A guest that says nothing for so long was spoilt by the emulator. */
const SILENCE_MS_MAX = 12 * SECOND_MS
/** Copying faster takes more of the hosts' CPU than they have, and their guests wait for it. */
const MOVE_TERMS = { bandwidthMibPerSec: 24, timeoutMs: 60 * SECOND_MS, stalledMs: 20 * SECOND_MS }
/** CPU of a host while its guests boot, in cores: three of them boot on one. */
const BOOT_SHARE = 2
/** An agent's start takes some seven seconds of an emulated CPU. */
const AGENTS_START_MS = 40 * SECOND_MS
/** It tells once a minute. */
const AGENTS_TELL_MS_MAX = 90 * SECOND_MS
/** What booting left is done by then; and what a change of a host's CPU left. */
const SETTLE_MS = 2 * SECOND_MS
const REST_MS = 3 * SECOND_MS

/** A move as it came about. Instants in the demo's time. */
export interface DemoMove {
  readonly vm: string
  readonly from: string
  readonly to: string
  readonly orderedAt: number
  /** Absent: it was still under way when the evening ended. */
  readonly endedAt?: number
  readonly state: string
  readonly reason: string
}

export interface EveningRun {
  readonly policy: string
  /** What a guest at rest cost, beyond its work: share of a core. */
  readonly restShare: number
  /** What each host had: share of a core. */
  readonly hostShare: number
  readonly looks: readonly Look[]
  readonly moves: readonly DemoMove[]
  readonly refusals: readonly string[]
  /** What agents told of the evening's last minute. Absent: nobody asked them. */
  readonly agentsTold?: readonly PersonalityVector[]
}

export interface EveningOptions {
  readonly stage: Stage
  readonly scenario: DemoScenario
  readonly balancer: AnyBalancer
  /** What each host has, share of a core. Absent: measured out by what guests at rest cost. */
  readonly hostShare?: number
  readonly speed: number
  readonly seed: number
  readonly signal: AbortSignal
  /** Agents that run in the guests. Absent: none do. */
  readonly agents?: Agents
  /** Whether they are asked at the end, which takes a minute. Absent: they are not. */
  readonly asksAgents?: boolean
  /** Told of what happens, for people. */
  readonly tell: (text: string) => void
}

/** Fresh guests, the evening, and what came of it. Rejects with a `GuestLost` where the emulator spoilt one. */
export async function playEvening(options: EveningOptions): Promise<EveningRun> {
  const { stage, scenario, speed, signal, tell } = options
  await stage.clear()
  await stage.limit(BOOT_SHARE)
  await stage.boot(scenario.guests, signal)
  const names = scenario.hosts
  const uris = new Map(await Promise.all(names.map(async (name) => [name, await stage.uriOf(name, 'unix')] as const)))
  const meter = await Meter.open(uris)
  const driver = await openDriver(stage, uris)
  const store = await FileStore.open(join(stage.folder, `${options.balancer.name}-${Date.now()}.journal`))
  const mover = new Mover({ driver, store, clock: new WallClock(), fence: () => 1, isWarningAccepted: () => true })
  const ending = new AbortController()
  const isOver = AbortSignal.any([signal, ending.signal])
  const clock = new FastClock(speed, isOver)
  try {
    await startCourses(options)
    if (options.agents !== undefined) await pause(AGENTS_START_MS, undefined, { signal })
    const restShare = await measureRest(options, uris)
    const hostShare = options.hostShare ?? shareOfHost(scenario, restShare, availableParallelism())
    await stage.limit(quotaOfHost(hostShare))
    await pause(SETTLE_MS, undefined, { signal })
    tell(
      `${timeOfDay(0)}  the evening begins; a guest at rest costs ${restShare.toFixed(2)} cores, a host has ${hostShare.toFixed(2)}.`,
    )
    clock.start()
    await meter.look(0)
    const work = [
      every(LOOK_EVERY_MS, isOver, async () => void (await meter.look(clock.now()))),
      every(PLAY_EVERY_MS, isOver, () => playCourses(options, meter, clock)),
      every(MOVER_EVERY_MS, isOver, () => mover.tick()),
      watchLife(options, isOver),
    ]
    const refusals = await Promise.race([
      live(options, { meter, mover, clock, store, restShare, hostShare }),
      ...work.map(neverFulfilled),
    ])
    await meter.look(clock.now())
    ending.abort()
    await Promise.all(work)
    const evening = { policy: options.balancer.name, restShare, hostShare, looks: meter.looks, refusals }
    return { ...evening, moves: movesOf(mover, clock), ...(await askAgents(options)) }
  } finally {
    ending.abort()
    await driver.close()
    await meter.close()
    await store.close()
  }
}

async function askAgents(options: EveningOptions): Promise<Pick<EveningRun, 'agentsTold'>> {
  const { agents, scenario, signal, tell } = options
  if (agents === undefined || options.asksAgents !== true) return {}
  tell('the evening is over; agents in the guests tell once a minute.')
  return { agentsTold: await agents.ask(scenario.guests, AGENTS_TELL_MS_MAX, signal) }
}

interface Parts {
  readonly meter: Meter
  readonly mover: Mover
  readonly clock: FastClock
  readonly store: FileStore
  /** What a guest costs beyond its work: share of a core. */
  readonly restShare: number
  /** What a host has: share of a core. */
  readonly hostShare: number
}

/** The loop of production on this world. Returns what the platform refused. */
async function live(
  options: EveningOptions,
  { meter, mover, clock, store, restShare, hostShare }: Parts,
): Promise<readonly string[]> {
  const { scenario, balancer, seed, tell } = options
  const [hosts, vms] = [hostsOf(scenario, hostShare), vmsOf(scenario, hostShare)]
  const intentOf = (order: MigrationOrder): MigrationIntent => {
    const vm = vms.find(({ id }) => id === order.vmId)
    const link = hosts[0].networkBytesPerSec
    const { durationMs, downtimeMs, copiedBytes, converges } = estimateMigration(
      { memoryBytes: vm?.memoryBytes ?? 0, busyRefCores: 0 },
      link,
    )
    return {
      // The mover's clock is the machine's: it refuses an order that is a minute old.
      order: { ...order, decidedAt: Date.now() },
      cause: { kind: 'policy' },
      terms: { mode: 'precopy', ...MOVE_TERMS },
      promise: { totalMs: durationMs, downtimeMs, copiedBytes, pConverge: converges ? 1 : 0 },
    }
  }
  const base = new MeterHypervisor(meter, hosts, vms)
  const refusals: string[] = []
  const hypervisor = new InDemoTime(new MovingHypervisor({ base, mover, intentOf }), clock, ({ vmId }, reason) => {
    refusals.push(`${timeOfDay(clock.now())} ${vmId}: ${reason}`)
    tell(`${timeOfDay(clock.now())}  refused: ${reason}`)
  })
  const past = rememberPast(options, await base.inventory(), restShare)
  await runLoop({
    balancer: balancer.name === 'ethos' ? { ...balancer, start: () => past } : balancer,
    world: { clock, telemetry: new MeterTelemetry(meter, clock), hypervisor, store },
    policy: DEMO_POLICY,
    seed,
    until: LASTS_MS,
    onTurn: ({ orders }, { at }) => {
      for (const { vmId, from, to, reason } of orders)
        tell(`${timeOfDay(at)}  ${vmId} is to go from ${from} to ${to}. ${reason}`)
    },
  })
  return refusals
}

/** The engine as it would be after the day before: see `imaginePast`. Rivals remember nothing. */
function rememberPast(
  { scenario, seed }: EveningOptions,
  inventory: Inventory,
  restShare: number,
): ReturnType<typeof initialState> {
  const windows = DAY_MS / SLOT_MS - 1
  return { ...alignRosters(initialState(), inventory), cpuHistory: imaginePast(scenario, { windows, seed, restShare }) }
}

/** What guests at rest cost here, beyond the work that they were told to do: mean share of a core. By then what booting left is done. */
async function measureRest({ scenario, signal }: EveningOptions, uris: ReadonlyMap<string, string>): Promise<number> {
  const meter = await Meter.open(uris)
  try {
    await pause(SETTLE_MS, undefined, { signal })
    const begun = performance.now()
    await meter.look(0)
    await pause(REST_MS, undefined, { signal })
    const { guests } = await meter.look(1)
    const spanSec = (performance.now() - begun) / SECOND_MS
    const shares = scenario.guests.map((guest) => {
      const { usedSec, delaySec } = guests.get(guest.name) ?? { usedSec: 0, delaySec: 0 }
      return cpuDemand({ ran: usedSec / spanSec, waited: delaySec / spanSec }) - wantAt(guest, 0)
    })
    return Math.max(0, shares.reduce((sum, share) => sum + share, 0) / shares.length)
  } finally {
    await meter.close()
  }
}

async function openDriver(stage: Stage, uris: ReadonlyMap<string, string>): Promise<LibvirtDriver> {
  const hosts = await Promise.all(
    [...uris].map(async ([name, uri]) => ({
      id: name as MigrationOrder['from'],
      uri,
      peerUri: await stage.uriOf(name, 'tcp'),
      networks: ['br0'],
    })),
  )
  return new LibvirtDriver({ hosts, lockManager: 'none' })
}

async function startCourses({ stage, scenario }: EveningOptions): Promise<void> {
  for (const guest of scenario.guests) {
    const host = scenario.hosts[guest.home]
    for (let tries = 0; !(await stage.setCpu(guest.name, host, wantAt(guest, 0))); tries++)
      if (tries === 10) throw new GuestLost(`${guest.name} takes no word on its channel.`)
  }
}

/** What each guest was told last, by name, in whole per cent. */
const told = new WeakMap<Meter, Map<string, number>>()

async function playCourses({ stage, scenario }: EveningOptions, meter: Meter, clock: FastClock): Promise<void> {
  const was = told.get(meter) ?? new Map<string, number>()
  told.set(meter, was)
  await Promise.all(
    scenario.guests.map(async (guest) => {
      const host = meter.latest?.guests.get(guest.name)?.host
      const want = wantAt(guest, clock.now())
      const percent = Math.round(want * 100)
      if (host === undefined || was.get(guest.name) === percent) return
      if (await stage.setCpu(guest.name, host, want)) was.set(guest.name, percent)
    }),
  )
}

async function watchLife({ stage, scenario }: EveningOptions, signal: AbortSignal): Promise<void> {
  const heard = new Map<string, { readonly beats: number; readonly at: number }>()
  await every(2 * SECOND_MS, signal, async () => {
    for (const { name } of scenario.guests) {
      const [beats, now] = [stage.beats(name), performance.now()]
      const was = heard.get(name)
      if (was === undefined || beats > was.beats) heard.set(name, { beats, at: now })
      const isSilent = was !== undefined && beats <= was.beats && now - was.at > SILENCE_MS_MAX
      const panic = stage.panicOf(name)
      if (panic !== undefined || isSilent) throw new GuestLost(`${name} ${panic ?? 'fell silent'}`)
    }
  })
}

/** Calls until the signal; rejects with what a call rejects with. */
async function every(everyMs: number, signal: AbortSignal, call: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    const begun = performance.now()
    await call()
    const leftMs = Math.max(1, everyMs - (performance.now() - begun))
    await pause(leftMs, undefined, { signal }).catch(() => undefined)
  }
}

function neverFulfilled(work: Promise<void>): Promise<never> {
  return new Promise((_, reject) => void work.catch(reject))
}

function movesOf(mover: Mover, clock: FastClock): readonly DemoMove[] {
  const { open, ended } = mover.view()
  return [...ended, ...open.map(({ record }) => record)]
    .filter(({ sentAt, closed }) => sentAt !== undefined && closed?.state !== 'not-started')
    .map(({ intent: { order }, recordedAt, closed }) => ({
      vm: order.vmId,
      from: order.from,
      to: order.to,
      orderedAt: clock.at(recordedAt),
      ...(closed === undefined ? {} : { endedAt: clock.at(closed.at) }),
      state: closed?.state ?? 'under way',
      reason: order.reason,
    }))
}
