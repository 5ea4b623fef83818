/** `ethos serve --demo`: the real server over a simulated cluster, at sixty times the machine's pace. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { PacedClock } from '../../drivers/paced-clock.ts'
import { WallClock } from '../../drivers/wall-clock.ts'
import type { EpochMs } from '../../terms/units.ts'
import { slotOf } from '../../terms/usage.ts'
import { Authority } from '../server/authority.ts'
import { openDataFolder } from '../server/data-folder.ts'
import { entryUrl } from '../entry-url.ts'
import { withSite } from '../server/open-site.ts'
import { type SiteServer, startSiteServer } from '../server/site-server.ts'
import { Agents } from './agents.ts'
import { BEGINNING, type Beginning, lastInstantOf } from './beginning.ts'
import { demoCluster } from './cluster.ts'
import { giveMemoryBack } from './give-back.ts'
import { followedBy, readRecorded, TraceLoad } from './load.ts'
import { movedOf, placedAfter, readMark, writeMark } from './mark.ts'
import { newestIn, tellPast } from './past.ts'
import { DemoPlatform } from './platform.ts'
import { Reporters } from './reporters.ts'
import { ClusterSocket } from './wire.ts'
import { DemoWorld } from './world.ts'

/** How many times faster than the machine's clock the site's goes. */
export const DEMO_SPEED = 60
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
  /** Of a new demo; one that goes on has its own. Absent: the one that was chosen. */
  readonly beginning?: Beginning
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
  const remove = (): void => rmSync(own, { recursive: true, force: true })
  // Also where the process ends in another way: nobody can be told anything once the terminal is closed.
  process.once('exit', remove)
  const ends: (() => unknown)[] = [() => process.off('exit', remove), remove]
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
  const { world, agents, from } = await makeWorld(folder, options.beginning ?? BEGINNING)
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
  giveMemoryBack()
  return { server, clock }
}

interface Made {
  readonly world: DemoWorld
  readonly agents: Agents
  readonly from: EpochMs
}

/** As it was left in the folder; or new, with its past told. */
async function makeWorld(folder: string, wanted: Beginning): Promise<Made> {
  const before = readMark(folder)
  const mark = before ?? { begunAt: lastInstantOf(wanted, Date.now()), ...wanted, isTold: false, moved: {} }
  if (before === undefined) writeMark(folder, mark)
  const { begunAt: begun, seed, slot, isTold, moved } = mark
  const recorded = readRecorded()
  const load = new TraceLoad({ recorded, followed: followedBy(recorded), from: begun, fromSlot: slot, seed })
  const cluster = demoCluster(seed)
  const world = new DemoWorld(cluster, load, placedAfter(cluster, moved))
  world.onSettled = () => writeMark(folder, { ...mark, isTold: true, moved: movedOf(world) })
  return withSite({ data: folder, store: OWN_STORE }, async (store) => {
    const from = isTold ? Math.max(begun, (await newestIn(store)) + 1) : begun
    const agents = new Agents(world, from)
    if (isTold) await agents.learn(store, slotOf(from), false)
    else {
      // A folder in which VMs are known and no authority is, is a damaged one.
      await Authority.open(folder, new WallClock())
      await tellPast(store, world, begun)
      await agents.learn(store, begun, true)
      writeMark(folder, { ...mark, isTold: true })
    }
    return { world, agents, from }
  })
}
