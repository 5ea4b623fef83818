/** The store of one process: SQLite writes in a thread of its own, so that a disk which makes it wait makes nobody else wait. Small reads run on a
 *  connection of the main thread that only reads: in WAL mode it waits for no writer. */
import { Worker } from 'node:worker_threads'
import { admit } from '../../engine/admission/senders.ts'
import { openSqliteSite } from '../../drivers/sqlite/site-store.ts'
import { StoreError } from '../../world/errors.ts'
import type { Arrivals, SiteStore } from '../../world/site-store.ts'
import { entryUrl } from '../entry-url.ts'
import { packArrivals, type PackedArrivals, type PackedIntakes, transferOf, unpackIntakes } from './packed-arrivals.ts'
import {
  type FromThread,
  isTake,
  type PartName,
  type Place,
  PLACES,
  receiveError,
  type ThreadOrder,
} from './store-wire.ts'
import { THREAD_LIMITS } from './young-memory.ts'

/** A thread that dies again sooner than this is started again only then. */
const RESTART_MS = 1000

export interface ThreadedOptions {
  /** Told of a thread that died. */
  readonly onDeath?: (reason: string) => void
}

export interface ThreadedStore extends SiteStore {
  /** Ends the thread that writes as an accident would: for tests. */
  killWriter(): Promise<void>
}

/** Opens the store of a file. Rejects with a `StoreError`. */
export async function openThreadedSite(path: string, options: ThreadedOptions = {}): Promise<ThreadedStore> {
  const writer = new StoreThread({ path }, options)
  try {
    // The file is made, or brought up to date, before anybody reads it.
    await writer.call('leases', 'release', ['', ''])
    return new Threads(path, writer, options).store()
  } catch (error) {
    await writer.close()
    throw error
  }
}

class Threads {
  private readonly path: string
  private readonly writer: StoreThread
  private readonly options: ThreadedOptions
  /** For reading; made when they are first called. */
  private readonly readers = new Map<Place, StoreThread>()

  constructor(path: string, writer: StoreThread, options: ThreadedOptions) {
    this.path = path
    this.writer = writer
    this.options = options
  }

  store(): ThreadedStore {
    const here = openSqliteSite(this.path, { admit })
    const parts = Object.entries(PLACES).map(([part, places]) => {
      const own = here[part as PartName] as unknown as Record<string, (...args: readonly unknown[]) => unknown>
      const methods = Object.entries(places).map(([method, place]) => [
        method,
        (...args: readonly unknown[]) =>
          place === 'here' ? own[method](...args) : this.thread(place).call(part as PartName, method, args),
      ])
      return [part, Object.fromEntries(methods)]
    })
    const close = async (): Promise<void> => {
      await Promise.all([this.writer, ...this.readers.values()].map((thread) => thread.close()))
      await here.close()
    }
    const killWriter = (): Promise<void> => this.writer.kill()
    return { ...(Object.fromEntries(parts) as Omit<SiteStore, 'name' | 'close'>), name: here.name, close, killWriter }
  }

  private thread(place: Exclude<Place, 'here'>): StoreThread {
    if (place === 'writer') return this.writer
    const known = this.readers.get(place)
    if (known !== undefined) return known
    const thread = new StoreThread({ path: this.path }, this.options)
    this.readers.set(place, thread)
    return thread
  }
}

interface Waiting {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
  readonly progress?: (share: number) => void
}

/** A thread, and who waits for its answers. It is started again when it dies; who waited is told that it did. */
class StoreThread {
  private readonly order: ThreadOrder
  private readonly options: ThreadedOptions
  private worker: Worker | undefined
  private startedAt = -Infinity
  private readonly waiting = new Map<number, Waiting>()
  private next = 0
  private isClosed = false

  constructor(order: ThreadOrder, options: ThreadedOptions) {
    this.order = order
    this.options = options
  }

  call(part: PartName, method: string, args: readonly unknown[]): Promise<unknown> {
    if (this.isClosed) return Promise.reject(new StoreError('closed', `${this.order.path} is closed.`))
    const worker = this.started()
    if (worker === undefined)
      return Promise.reject(
        new StoreError('io', `${this.order.path}: its thread died, and is started again in a second.`),
      )
    const id = this.next++
    const last = args.at(-1)
    const progress = typeof last === 'function' ? (last as Waiting['progress']) : undefined
    const plain = progress === undefined ? args : args.slice(0, -1)
    return new Promise((resolve, reject) => {
      const settle = isTake({ part, method })
        ? (result: unknown) => resolve(unpackIntakes(result as PackedIntakes))
        : resolve
      this.waiting.set(id, { resolve: settle, reject, ...(progress === undefined ? {} : { progress }) })
      const packed: PackedArrivals | undefined = isTake({ part, method })
        ? packArrivals(plain[0] as readonly Arrivals[])
        : undefined
      const sent = {
        id,
        part,
        method,
        args: packed === undefined ? plain : [packed],
        hasProgress: progress !== undefined,
      }
      worker.postMessage(sent, packed === undefined ? [] : transferOf(packed))
    })
  }

  /** Makes what waits, and ends. */
  async close(): Promise<void> {
    this.isClosed = true
    const { worker } = this
    if (worker === undefined) return
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    worker.postMessage('close', [])
    await ended
  }

  async kill(): Promise<void> {
    await this.worker?.terminate()
  }

  private started(): Worker | undefined {
    if (this.worker !== undefined) return this.worker
    const now = performance.now()
    if (now - this.startedAt < RESTART_MS) return undefined
    this.startedAt = now
    const worker = new Worker(entryUrl(import.meta.url, './store-thread'), {
      workerData: this.order,
      resourceLimits: THREAD_LIMITS,
    })
    let reason = 'it ended'
    worker.on('message', (message: FromThread) => this.hear(message))
    worker.on('error', (error) => (reason = error instanceof Error ? error.message : String(error)))
    worker.on('exit', () => this.died(reason))
    this.worker = worker
    return worker
  }

  private hear(message: FromThread): void {
    const waiting = this.waiting.get(message.id)
    if (waiting === undefined) return
    if ('progress' in message) return waiting.progress?.(message.progress)
    this.waiting.delete(message.id)
    if ('error' in message) waiting.reject(receiveError(message.error))
    else waiting.resolve(message.result)
  }

  private died(reason: string): void {
    this.worker = undefined
    const error = new StoreError(
      'io',
      `${this.order.path}: its thread died (${reason}). What was not answered may not be kept.`,
    )
    for (const { reject } of this.waiting.values()) reject(error)
    this.waiting.clear()
    if (!this.isClosed) this.options.onDeath?.(reason)
  }
}
