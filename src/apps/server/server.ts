/** The server: agents join, renew and report over TLS 1.3 or over channels of their hosts (decision 0009), hosts report and relay (0013), and whatever
 *  else is added beside. */
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify, { type FastifyInstance, LogController } from 'fastify'
import type { Logger } from 'pino'
import { GiB, KiB, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import type { Clock } from '../../world/clock.ts'
import { RETENTION, type SiteStore } from '../../world/site-store.ts'
import { UsageError } from '../usage-error.ts'
import { answerNoName } from './api/route.ts'
import { Authority } from './authority.ts'
import { Channels, type ChannelOptions } from './channels.ts'
import { ClockWatch } from './clock-watch.ts'
import { CONNECTION_LIMITS, type ConnectionLimits, Connections } from './connections.ts'
import { lockDataFolder, openDataFolder } from './data-folder.ts'
import { Desk, type DeskLimits } from './desk.ts'
import { makeLog } from './log.ts'
import { isOwnFile, openSite, withSite } from './open-site.ts'
import { HostWatch } from './host-watch.ts'
import { Listening, refuseOtherNames, requireLoopback } from './listening.ts'
import { Relay, type RelayLimits } from './relay.ts'
import { addRoutes } from './routes.ts'
import { agreeOnAuthority } from './shared-authority.ts'
import { type Trouble, Troubles } from './trouble.ts'

/** Bounds that a test may set shorter. */
export interface ServerLimits extends Partial<DeskLimits>, Partial<RelayLimits>, Partial<ConnectionLimits> {
  readonly headerMs?: number
  readonly bodyMs?: number
  readonly idleMs?: number
  readonly bodyBytesMax?: number
  readonly memoryBytesSoft?: number
  readonly slowMs?: number
}

/** What everything that is added beside may use. */
export interface ServerParts {
  readonly desk: Desk
  readonly store: SiteStore
  readonly authority: Authority
  readonly trouble: Trouble
  readonly clock: Pick<Clock, 'now'>
  /** The machine's, by which people, certificates and connections live; the same but for a site at another pace. */
  readonly peopleClock: Pick<Clock, 'now'>
  readonly log: Logger
  /** Sees who reports under which name. */
  readonly watch: HostWatch
}

export interface ServerOptions {
  readonly dataFolder: string
  /** `postgres://...`; absent: the file in the data folder. */
  readonly storeUrl?: string
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  /** Plain HTTP, for people on this machine alone: without the routes of agents and hosts, and on a loopback address or not at all. */
  readonly isPlain?: boolean
  /** Names and addresses that agents call it by. */
  readonly names: readonly string[]
  /** Of the site: windows, turns and the ages of what is told go by it. */
  readonly clock: Pick<Clock, 'now'>
  /** Of people and of the machine: sessions, tokens, certificates and limits of callers go by it. Absent: `clock`. */
  readonly peopleClock?: Pick<Clock, 'now'>
  /** Silent without one. */
  readonly log?: Logger
  readonly channels?: ChannelOptions
  readonly limits?: ServerLimits
  /** The store as all of the server is to see it: whoever counts what is asked of it stands between. */
  readonly watched?: (store: SiteStore) => SiteStore
  /** Hears what was refused of VMs that nobody knows, such as lines that can't be read. */
  readonly countOfNobody?: (what: string, number: number) => void
  /** Adds routes beside those of agents and hosts, before anything is listened to. */
  readonly extend?: (app: FastifyInstance, parts: ServerParts) => void | Promise<void>
}

export interface RunningServer {
  readonly port: number
  readonly store: SiteStore
  readonly authority: Authority
  /** What is wrong at present, a sentence each. Where there is anything it is degraded, and nothing is started. */
  trouble(): readonly string[]
  /** What it does every minute: looks for a new root, renews its own certificate, packs and deletes what is old. */
  tend(): Promise<void>
  /** Answers what is under way, then ends. */
  close(): Promise<void>
}

type Bounds = { readonly [Name in keyof typeof LIMITS]: number }

/** Bounds of a request: reliability demands that every connection that says too little is closed within 15 s. */
const LIMITS = {
  headerMs: 10 * SECOND_MS,
  bodyMs: 15 * SECOND_MS,
  /** An agent that catches up sends its next batch sooner; one that reports every 5 minutes connects anew. */
  idleMs: 20 * SECOND_MS,
  bodyBytesMax: 64 * KiB,
  /** At full speed the garbage of batches comes to more than what is held: 100 000 VMs at their pace stay below 1 GiB. */
  memoryBytesSoft: 1.5 * GiB,
  slowMs: SECOND_MS,
} as const
const TEND_MS = MINUTE_MS
/** Parts of what is old that one tending packs or deletes at most: each is a transaction that others wait for. */
const PACKS_MAX = 50
/** Between two of them: a command beside the server looks every 100 ms at most whether the file is free (`sqlite3_busy_timeout`), and gave up after
 *  5 s where one part followed the other. */
const PACK_PAUSE_MS = 120
/** How long requests that are under way may take when we end. */
const CLOSE_MS = 5 * SECOND_MS
const CLOSE_LOOK_MS = 20

/** Listens. Rejects with a `UsageError` where it can't or, by plain HTTP, must not, and with a `StoreError` where its store can not be opened. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const log = options.log ?? makeLog('none', () => undefined)
  if (options.isPlain === true) requireLoopback(options)
  const folder = openDataFolder(options.dataFolder)
  // A file of a former version is carried over before the folder is ours: whoever carries over holds its lock.
  if (isOwnFile(options)) await withSite({ data: folder }, async () => undefined)
  const lock = lockDataFolder(folder)
  let store: SiteStore | undefined
  try {
    const onDeath = (reason: string): void => log.error({ reason }, 'a thread of the store died')
    const onWarning = (warning: string): void => log.warn({ reason: warning }, 'the store')
    const named = options.storeUrl === undefined ? {} : { store: options.storeUrl }
    const opened = await openSite({ data: folder, ...named, isThreaded: true, onDeath, onWarning })
    store = options.watched?.(opened) ?? opened
    const hasAgents = (await store.identities.list()).length > 0
    const peopleClock = options.peopleClock ?? options.clock
    const authority = await Authority.open(folder, peopleClock, hasAgents ? 'there' : 'made')
    await agreeOnAuthority(store, authority, { at: peopleClock.now(), folder })
    const running = await serve({ ...options, log }, { store, authority })
    return { ...running, close: () => running.close().finally(() => lock.close()) }
  } catch (error) {
    await store?.close()
    lock.close()
    throw error
  }
}

async function serve(
  options: ServerOptions & { readonly log: Logger },
  { store, authority }: Pick<RunningServer, 'store' | 'authority'>,
): Promise<RunningServer> {
  const { clock, peopleClock = clock, log } = options
  const limits: Bounds = { ...LIMITS, ...options.limits }
  const trouble = troublesTo(log)
  const { limits: bounds = {}, countOfNobody } = options
  const counted = countOfNobody === undefined ? {} : { countOfNobody }
  const desk = new Desk({ store, clock, log, limits: bounds, trouble, ...counted })
  await desk.lookAtPhases()
  const relay = new Relay(desk, bounds)
  const connections = new Connections({ ...CONNECTION_LIMITS, ...options.limits }, peopleClock)
  const { names, isPlain = false } = options
  const listening = new Listening({ authority, names, clock: peopleClock, limits, connections, isPlain })
  await listening.certify()
  const memory = new Memory(limits.memoryBytesSoft)
  const app = makeApp(listening, limits.bodyBytesMax, log)
  if (isPlain) refuseOtherNames(app)
  const watch = new HostWatch(() => clock.now())
  const parts: ServerParts = { desk, store, authority, trouble, clock, peopleClock, log, watch }
  const { slowMs, bodyBytesMax } = limits
  addRoutes(app, { desk, relay, watch, authority, hasRoom: () => memory.hasRoom(), slowMs, bodyBytesMax, isPlain })
  await options.extend?.(app, parts)
  await listen(app, options)
  const channels = new Channels(desk, log, options.channels ?? {})
  channels.start()
  const clockWatch = new ClockWatch(clock, trouble)
  const ending = new AbortController()
  let tending: Promise<void> | undefined
  const tend = (): Promise<void> => {
    tending = tendTo(parts, listening, { watch: clockWatch, isEnding: () => ending.signal.aborted })
    return tending
  }
  const timer = setInterval(() => void tend(), TEND_MS).unref()
  return {
    port: listening.port,
    store,
    authority,
    trouble: () => trouble.list(),
    tend,
    async close() {
      clearInterval(timer)
      ending.abort()
      clockWatch.close()
      await channels.close()
      const closing = app.close()
      for (let waitedMs = 0; connections.isBusy && waitedMs < CLOSE_MS; waitedMs += CLOSE_LOOK_MS)
        await sleep(CLOSE_LOOK_MS)
      await sleep(CLOSE_LOOK_MS)
      connections.cutAll()
      await closing
      // It would find the store closed.
      await tending
      await desk.tend().catch((error: unknown) => log.error({ reason: String(error) }, 'counts were lost'))
      await store.close()
    },
  }
}

/** What is wrong is said when it begins and when it ends. */
function troublesTo(log: Logger): Troubles {
  return new Troubles((key, sentence) => {
    if (sentence === undefined) log.info({ about: key }, 'degraded no more')
    else log.error({ about: key, reason: sentence }, 'degraded')
  })
}

/** What is done every minute. What fails is said, and keeps nothing else from being done. */
async function tendTo(
  { desk, store, authority, log }: ServerParts,
  listening: Listening,
  { watch, isEnding }: { readonly watch: ClockWatch; readonly isEnding: () => boolean },
): Promise<void> {
  const chores: Readonly<Record<string, () => unknown>> = {
    'look at the clock': () => watch.look(),
    'look for a new authority': () => authority.refresh(),
    'renew its certificate': () => listening.certify(),
    'count who was told to come later': () => desk.tend(),
    'look for a new phase model': () => desk.lookAtPhases(),
    'pack and delete what is old': () => packOld(desk, store, isEnding),
  }
  for (const [chore, act] of Object.entries(chores)) {
    try {
      await act()
    } catch (error) {
      log.error({ reason: error instanceof Error ? error.message : String(error) }, `could not ${chore}`)
    }
  }
}

async function packOld(desk: Desk, store: SiteStore, isEnding: () => boolean): Promise<void> {
  for (let part = 0; part < PACKS_MAX; part++) {
    const { isDone } = await desk.write(() => store.upkeep.tend(desk.now(), RETENTION))
    if (isDone || isEnding()) return
    await sleep(PACK_PAUSE_MS)
  }
}

/** Memory that this process uses, looked at once a second at most. */
class Memory {
  private readonly bytesSoft: number
  private at = -Infinity
  private isShort = false

  constructor(bytesSoft: number) {
    this.bytesSoft = bytesSoft
  }

  hasRoom(): boolean {
    const now = performance.now()
    if (now - this.at >= SECOND_MS) {
      this.at = now
      this.isShort = process.memoryUsage.rss() > this.bytesSoft
    }
    return !this.isShort
  }
}

function makeApp(listening: Listening, bodyLimit: number, log: Logger): FastifyInstance {
  return Fastify({
    // It would say that it listens, and on plain HTTP.
    loggerInstance: log.child({}, { level: log.level === 'silent' ? 'silent' : 'warn' }),
    // One line a request would be thousands an hour that nobody reads.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    forceCloseConnections: 'idle',
    frameworkErrors: answerNoName,
    serverFactory: (handler) => listening.create(handler),
  }) as unknown as FastifyInstance
}

async function listen(app: FastifyInstance, { host, port }: ServerOptions): Promise<void> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new UsageError('--listen', `${host}:${port}`, `It can not be listened on (${code}). Is it taken already?`)
  }
}
