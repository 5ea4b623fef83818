/** A day of a large site in one process, by a clock that runs as fast as the work is done: hosts and guests tell, a turn is taken every five minutes, what is
 *  old is packed, and the ranker opens the turn and answers. What grows would show here. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { RankerDesk } from '../../src/apps/server/ranker-desk.ts'
import type { FromRanker } from '../../src/apps/server/ranker-messages.ts'
import { encodePacket, type TurnPacket } from '../../src/apps/server/turn-packet.ts'
import { TurnTaker } from '../../src/apps/server/turn-taker.ts'
import { CONTROLLER_LEASE } from '../../src/apps/server/controller-writes.ts'
import { type EpochMs, HOUR_MS, MINUTE_MS } from '../../src/terms/units.ts'
import { SLOT_MS, slotOf } from '../../src/terms/usage.ts'
import { RETENTION, type SiteStore } from '../../src/world/site-store.ts'
import type { ImaginedSite } from './imagined-site.ts'
import { growthOf } from './growth.ts'

/** Memory is looked at every half an hour. */
const TURNS_PER_LOOK = HOUR_MS / 2 / SLOT_MS
/** As a host relays them. */
const BATCH = 500
const RANKINGS_PER_TURN = 5
/** As the server does every minute (`server.ts`). */
const PACKS_MAX = 50
/** Share of the hours that caches take to fill, and the past that a forecast looks back on. */
const WARM = 1 / 4
/** Vectors are kept so long at full, rather than for two days: then as many go as come, as in a store that is older than that. */
const VECTORS_MS = 6 * HOUR_MS

export interface HoursSeen {
  readonly turns: number
  readonly orders: number
  /** Of each turn: to see, to judge and to record, in ms of CPU and of the wall clock. */
  readonly turnCpuMs: readonly number[]
  readonly turnMs: readonly number[]
  /** Of each turn's message: to write and to open. */
  readonly openCpuMs: readonly number[]
  readonly rankingMs: readonly number[]
  /** The longest of each turn's steps of packing. */
  readonly tendMsMax: readonly number[]
  readonly packed: number
  readonly deleted: number
  /** After each half of an hour: what the machine gave, and what is left on the heap once it is swept. */
  readonly rssBytes: readonly number[]
  readonly heapBytes: readonly number[]
  readonly storeBytes: readonly number[]
}

export interface HoursOptions {
  readonly site: ImaginedSite
  /** As the server has it: a thread writes. */
  readonly store: SiteStore
  /** As the controller and the ranker have it: a connection of their own, of which they only read. */
  readonly reading: SiteStore
  readonly from: EpochMs
  readonly hours: number
  readonly say: (what: string) => void
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] }

/** Takes turns for some hours. Throws where one is not taken, or is not answered from. */
export async function runHours(options: HoursOptions): Promise<HoursSeen> {
  const { hours, say } = options
  const day = new SiteDay(options)
  await day.begin()
  for (let look = 1; look <= 2 * hours; look++) {
    for (let turn = 0; turn < TURNS_PER_LOOK; turn++) await day.step()
    await day.weigh()
    const { rssBytes, heapBytes, turnCpuMs } = day.seen
    const mean = turnCpuMs.slice(-TURNS_PER_LOOK).reduce((sum, ms) => sum + ms, 0) / TURNS_PER_LOOK
    const memory = [rssBytes, heapBytes].map((of) => `${Math.round((of.at(-1) ?? 0) / 2 ** 20)} MiB`).join(', heap ')
    say(`hour ${look / 2}: ${memory}; a turn took ${mean.toFixed(0)} ms of CPU`)
  }
  return day.seen
}

class SiteDay {
  readonly seen: Mutable<HoursSeen> = {
    turns: 0,
    orders: 0,
    turnCpuMs: [],
    turnMs: [],
    openCpuMs: [],
    rankingMs: [],
    tendMsMax: [],
    packed: 0,
    deleted: 0,
    rssBytes: [],
    heapBytes: [],
    storeBytes: [],
  }
  private readonly options: HoursOptions
  private readonly taker: TurnTaker
  private readonly ranker: RankerDesk
  private readonly sweep: () => void
  private now: EpochMs
  private token = -1
  private heard: FromRanker[] = []

  constructor(options: HoursOptions) {
    this.options = options
    this.now = slotOf(options.from) + SLOT_MS
    const clock = { now: () => this.now, sleepUntil: async () => undefined }
    const { store, reading } = options
    // As in the controller: what it writes goes through the server.
    const own: SiteStore = { ...reading, journal: store.journal, leases: store.leases }
    this.taker = new TurnTaker({ store: own, clock, everyMs: SLOT_MS, token: () => this.token })
    this.ranker = new RankerDesk(
      async () => reading,
      clock,
      (message) => void this.heard.push(message),
    )
    setFlagsFromString('--expose-gc')
    this.sweep = runInNewContext('gc') as () => void
  }

  async begin(): Promise<void> {
    const { store, site } = this.options
    this.token = (await store.leases.take(CONTROLLER_LEASE, 'day', this.now, 1000 * HOUR_MS))?.token ?? -1
    const via = (v: number) => ({ host: site.hosts[site.hostOf[v]].id })
    await Promise.all(site.vms.map(({ id }, v) => store.identities.admit(id, this.now, via(v))))
  }

  /** Five minutes. */
  async step(): Promise<void> {
    const { site, store } = this.options
    await site.tellReports(store, this.now, SLOT_MS)
    for (let begin = 0; begin < site.vms.length; begin += BATCH) await this.tellVectors(begin)
    // A minute after the slot, when all hosts have reported.
    this.now += MINUTE_MS
    const bytes = encodePacket(await this.turn())
    await this.open(bytes)
    await this.tend()
    this.now += SLOT_MS - MINUTE_MS
  }

  async weigh(): Promise<void> {
    const { seen } = this
    seen.rssBytes.push(process.memoryUsage.rss())
    this.sweep()
    seen.heapBytes.push(process.memoryUsage().heapUsed)
    seen.storeBytes.push(await this.options.store.upkeep.sizeBytes())
  }

  private async tellVectors(begin: number): Promise<void> {
    const { site, store } = this.options
    const vms = [...site.vms.keys()].slice(begin, begin + BATCH)
    const intakes = await store.vectors.take(
      vms.map((v) => ({
        vm: site.vms[v].id,
        at: this.now,
        vectors: [site.vector(v, this.now)],
        isClockOff: [false],
        counts: {},
      })),
    )
    const refused = intakes.find(({ kind }) => kind === 'shut-out')
    if (refused !== undefined) throw new Error(`A vector was not taken: ${JSON.stringify(refused)}`)
  }

  private async turn(): Promise<TurnPacket> {
    const { seen } = this
    const [before, begin] = [process.cpuUsage(), performance.now()]
    const taken = await this.taker.take()
    seen.turnMs.push(performance.now() - begin)
    seen.turnCpuMs.push(cpuMs(before))
    if (taken.kind === 'none') throw new Error(`Turn ${seen.turns} was not taken: ${taken.reason}`)
    seen.turns++
    seen.orders += taken.packet.result?.orders.length ?? 0
    return taken.packet
  }

  private async open(bytes: Uint8Array): Promise<void> {
    const { seen, options } = this
    const before = process.cpuUsage()
    await this.ranker.hear({ kind: 'load', packet: bytes })
    seen.openCpuMs.push(cpuMs(before))
    for (let id = 0; id < RANKINGS_PER_TURN; id++) {
      const { id: vm } = options.site.vms[(seen.turns * 7 + id * 1009) % options.site.vms.length]
      const begin = performance.now()
      await this.ranker.hear({ kind: 'ask', id, question: { what: 'hosts-for', vm }, degraded: [] })
      seen.rankingMs.push(performance.now() - begin)
    }
    const bad = this.heard.find((told) => told.kind === 'failed' || ('answer' in told && told.answer.kind !== 'json'))
    if (bad !== undefined) throw new Error(`Turn ${seen.turns} was not answered from: ${JSON.stringify(bad)}`)
    this.heard = []
  }

  private async tend(): Promise<void> {
    const { seen, options } = this
    let longestMs = 0
    for (let minute = 0; minute < SLOT_MS / MINUTE_MS; minute++) {
      for (let part = 0; part < PACKS_MAX; part++) {
        const begin = performance.now()
        const told = await options.store.upkeep.tend(this.now, { ...RETENTION, vectorsMs: VECTORS_MS })
        longestMs = Math.max(longestMs, performance.now() - begin)
        seen.packed += told.packed
        seen.deleted += told.deleted
        if (told.isDone) break
      }
    }
    seen.tendMsMax.push(longestMs)
  }
}

/** What came of it, in names and numbers. Growth is that of the last three quarters. */
export function figuresOf(seen: HoursSeen): Readonly<Record<string, number>> {
  const warm = Math.floor(seen.rssBytes.length * WARM)
  const [rss, heap, store] = [seen.rssBytes, seen.heapBytes, seen.storeBytes].map((bytes) => {
    const { mean, slope, error } = growthOf(bytes.slice(warm).map((value) => value / 2 ** 20))
    return { mean, perHour: 2 * slope, error: 2 * error }
  })
  return {
    turns: seen.turns,
    ordersProposed: seen.orders,
    ...quantiles('turnCpuMs', seen.turnCpuMs),
    ...quantiles('turnMs', seen.turnMs),
    ...quantiles('openTurnCpuMs', seen.openCpuMs),
    ...quantiles('rankingMs', seen.rankingMs),
    ...quantiles('packingStepMsMax', seen.tendMsMax),
    rowsPacked: seen.packed,
    rowsDeleted: seen.deleted,
    rssMiBMax: Math.round(Math.max(...seen.rssBytes) / 2 ** 20),
    rssMiBMean: rss.mean,
    rssMiBPerHour: rss.perHour,
    rssMiBPerHourError: rss.error,
    heapMiBMean: heap.mean,
    heapMiBPerHour: heap.perHour,
    heapMiBPerHourError: heap.error,
    storeMiB: Math.round((seen.storeBytes.at(-1) ?? 0) / 2 ** 20),
    storeMiBPerHour: store.perHour,
  }
}

/** Median, 99th of a hundred and highest. */
export function quantiles(name: string, values: readonly number[]): Readonly<Record<string, number>> {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number => tenth(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))])
  return { [`${name}P50`]: at(0.5), [`${name}P99`]: at(0.99), [`${name}Max`]: tenth(sorted.at(-1) ?? NaN) }
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10
}

function cpuMs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
