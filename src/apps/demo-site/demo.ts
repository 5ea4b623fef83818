/** `ethos serve --demo`: the real server over a simulated cluster, at sixty times the machine's pace. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { PacedClock } from '../../drivers/paced-clock.ts'
import { WallClock } from '../../drivers/wall-clock.ts'
import { DAY_MS, type EpochMs, HOUR_MS } from '../../terms/units.ts'
import { SLOT_MS } from '../../terms/usage.ts'
import { Authority } from '../server/authority.ts'
import { openDataFolder } from '../server/data-folder.ts'
import { entryUrl } from '../entry-url.ts'
import { withSite } from '../server/open-site.ts'
import { type SiteServer, startSiteServer } from '../server/site-server.ts'
import { Agents } from './agents.ts'
import { demoCluster } from './cluster.ts'
import { followedBy, readRecorded, TraceLoad } from './load.ts'
import { begunAt, markBegun, readStand, tellPast } from './past.ts'
import { DemoPlatform } from './platform.ts'
import { Reporters } from './reporters.ts'
import { ClusterSocket } from './wire.ts'
import { DemoWorld } from './world.ts'

/** How many times faster than the machine's clock the site's goes. */
export const DEMO_SPEED = 60
/** Draws where VMs run first, and minutes within recorded slots. With the hour below it was searched for: docs/demo.md. */
const SEED = 20
/** The recording's slot with which the demo begins: day 14, 03:30, when web servers get busier for hours. */
const FROM_SLOT = 14 * 288 + 42
/** So that the site's hours are the recording's. */
const HOUR_OF_DAY = 3.5
/** The day of the week on which it begins, whenever it is started: 3 is Wednesday. */
const WEEKDAY = 3
/** 1970 began on a Thursday. */
const FIRST_WEEKDAY = 4
const WEEK_MS = 7 * DAY_MS
/** The file in its folder, whatever `ETHOS_STORE` says: what is imagined has no place in a store that servers share. */
const OWN_STORE = ''

export interface DemoOptions {
  /** Absent: a folder of its own, removed at the end. */
  readonly data?: string
  readonly host: string
  readonly port: number
  readonly version: string
  readonly log: Logger
  readonly areMetricsOpen: boolean
  /** Room for what turns are judged on. Absent: it is not kept. */
  readonly turnBytesMax?: number
}

export interface Demo {
  readonly server: SiteServer
  readonly clock: PacedClock
  /** Ends everything; a folder of its own is removed. */
  close(): Promise<void>
}

/** Rejects as `startSiteServer` does. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const own = mkdtempSync(join(tmpdir(), 'ethos-demo-'))
  const ends: (() => unknown)[] = [() => rmSync(own, { recursive: true, force: true })]
  const close = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end()
  }
  try {
    return { ...(await begin(options, own, ends)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function begin(options: DemoOptions, own: string, ends: (() => unknown)[]): Promise<Omit<Demo, 'close'>> {
  const folder = openDataFolder(options.data ?? join(own, 'data'))
  const { world, agents, from } = await makeWorld(folder)
  const clock = PacedClock.begin(from, DEMO_SPEED)
  const path = join(own, 'cluster.sock')
  const socket = await ClusterSocket.open(new DemoPlatform(world, () => clock.now()), path)
  ends.push(() => socket.close())
  const { host, port, version, log, areMetricsOpen, turnBytesMax } = options
  const server = await startSiteServer({
    dataFolder: folder,
    storeUrl: OWN_STORE,
    host,
    port,
    names: [host],
    isPlain: true,
    version,
    log,
    areMetricsOpen,
    ...(turnBytesMax === undefined ? {} : { turnBytesMax }),
    clock,
    peopleClock: new WallClock(),
    pace: clock.pace,
    holder: `demo:${folder}`,
    mover: { controllerEntry: entryUrl(import.meta.url, './controller'), platform: path },
  })
  ends.push(() => server.close())
  const reporters = new Reporters(world, { agents, store: server.store, clock, log })
  reporters.start()
  ends.push(() => reporters.close())
  return { server, clock }
}

interface Made {
  readonly world: DemoWorld
  readonly agents: Agents
  readonly from: EpochMs
}

/** As it was left in the folder; or new, with its past told. */
async function makeWorld(folder: string): Promise<Made> {
  const recorded = readRecorded()
  const followed = followedBy(recorded)
  const cluster = demoCluster(SEED)
  const before = begunAt(folder)
  const begun = before ?? lastBeginning(Date.now())
  const load = new TraceLoad({ recorded, followed, from: begun, fromSlot: FROM_SLOT, seed: SEED })
  return withSite({ data: folder, store: OWN_STORE }, async (store) => {
    if (before === undefined) {
      const world = new DemoWorld(cluster, load)
      const agents = new Agents(world, begun)
      // A folder in which VMs are known and no authority is, is a damaged one.
      await Authority.open(folder, new WallClock())
      await tellPast(store, world, begun)
      await agents.learn(store, begun, true)
      markBegun(folder, begun)
      return { world, agents, from: begun }
    }
    const { at, hostOf } = await readStand(store)
    const hosts = new Map<string, number>(cluster.hosts.map(({ id }, h) => [id, h]))
    const placed = Int32Array.from(cluster.vms, ({ id }, v) => hosts.get(hostOf.get(id) ?? '') ?? cluster.placed[v])
    const world = new DemoWorld(cluster, load, placed)
    const from = Math.max(begun, at + 1)
    const agents = new Agents(world, from)
    await agents.learn(store, Math.floor(from / SLOT_MS) * SLOT_MS, false)
    return { world, agents, from }
  })
}

/** The newest instant of the weekday and hour at which the demo begins. */
function lastBeginning(now: EpochMs): EpochMs {
  const first = (((WEEKDAY - FIRST_WEEKDAY + 7) % 7) * DAY_MS + HOUR_OF_DAY * HOUR_MS) % WEEK_MS
  return first + Math.floor((now - first) / WEEK_MS) * WEEK_MS
}
