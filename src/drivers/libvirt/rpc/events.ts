/** What a daemon tells by itself, for those that asked: registered by number, delivered by the number it gave back. */
import { array, type Codec, INT, struct } from './codec.ts'
import type { RpcConnection } from './connection.ts'
import { DOMAIN, type Domain } from './domain.ts'
import { protocolError } from './errors.ts'
import { JOB_STATS_MAX } from './limits.ts'
import { DOMAIN_PROCEDURES } from './procedures-domain.ts'
import { TYPED_PARAMETER, type TypedParameter } from './typed-parameters.ts'
import type { XdrReader } from './xdr.ts'

/** A VM was defined, started, paused, resumed or stopped, or is gone; numbers of virDomainEventType and its details. */
export interface LifecycleEvent {
  readonly domain: Domain
  readonly event: number
  readonly detail: number
}

/** The source of a migration begins to copy memory once more. */
export interface MigrationIterationEvent {
  readonly domain: Domain
  readonly iteration: number
}

/** A job ended well or badly, with all its figures by libvirt's names. */
export interface JobCompletedEvent {
  readonly domain: Domain
  readonly parameters: readonly TypedParameter[]
}

/** Ends with the connection, or before. */
export interface Subscription {
  close(): Promise<void>
}

interface EventKind<Event> {
  /** virDomainEventID. */
  readonly id: number
  /** The procedure under which it comes. */
  readonly procedure: number
  readonly codec: Codec<Event>
}

interface WithCallback {
  readonly callback: number
}

export const EVENT_KINDS = {
  lifecycle: {
    id: 0,
    procedure: 318,
    codec: struct<LifecycleEvent>({ domain: DOMAIN, event: INT, detail: INT }),
  },
  migrationIteration: {
    id: 20,
    procedure: 359,
    codec: struct<MigrationIterationEvent>({ domain: DOMAIN, iteration: INT }),
  },
  jobCompleted: {
    id: 21,
    procedure: 363,
    codec: struct<JobCompletedEvent>({ domain: DOMAIN, parameters: array(TYPED_PARAMETER, JOB_STATS_MAX) }),
  },
} as const

/** How an event stands in its message: after the number of its registration. */
export const CALLBACK: Codec<WithCallback> = struct<WithCallback>({ callback: INT })

const READERS = new Map<number, (payload: XdrReader) => unknown>(
  Object.values(EVENT_KINDS).map(({ procedure, codec }) => [procedure, codec.read]),
)
/** Kept for a registration whose answer has not come yet: an event may be faster. */
const HELD_MAX = 1024
const HELD_BYTES_MAX = 4_194_304

interface Held {
  readonly callback: number
  readonly procedure: number
  readonly event: unknown
}

interface Taker {
  readonly procedure: number
  readonly handler: (event: never) => void
}

/** The registrations of one connection. */
export class DomainEvents {
  private readonly connection: RpcConnection
  private readonly takers = new Map<number, Taker>()
  private held: Held[] = []
  private heldBytes = 0
  private registering = 0

  private readonly onHandlerError: (error: unknown) => void

  constructor(connection: RpcConnection, onHandlerError = throwLater) {
    this.connection = connection
    this.onHandlerError = onHandlerError
    connection.onEvent((procedure, payload) => this.take(procedure, payload))
  }

  /** @param handler is called as events come
   *  @param domain only of this one */
  async subscribe<Event>(
    kind: EventKind<Event>,
    handler: (event: Event) => void,
    domain?: Domain,
  ): Promise<Subscription> {
    this.registering++
    try {
      const callback = await this.connection.call(DOMAIN_PROCEDURES.registerEvent, { eventId: kind.id, domain })
      this.takers.set(callback, { procedure: kind.procedure, handler })
      const early = this.held.filter((held) => held.callback === callback)
      for (const { procedure, event } of early) this.deliver(callback, procedure, event)
      return { close: () => this.unsubscribe(callback) }
    } finally {
      this.registering--
      if (this.registering === 0) {
        this.held = []
        this.heldBytes = 0
      }
    }
  }

  private async unsubscribe(callback: number): Promise<void> {
    if (!this.takers.delete(callback) || !this.connection.isOpen) return
    await this.connection.call(DOMAIN_PROCEDURES.deregisterEvent, callback)
  }

  /** Events of kinds that nobody here asked for are passed over: newer daemons may have more to say. */
  private take(procedure: number, payload: XdrReader): void {
    const read = READERS.get(procedure)
    if (read === undefined) return
    const bytes = payload.left
    const { callback } = CALLBACK.read(payload)
    const event = read(payload)
    payload.finish()
    if (this.takers.has(callback)) this.deliver(callback, procedure, event)
    // One that is no longer wanted may be under way still.
    else if (this.registering > 0) this.hold({ callback, procedure, event }, bytes)
  }

  private hold(held: Held, bytes: number): void {
    if (this.held.length >= HELD_MAX || this.heldBytes + bytes > HELD_BYTES_MAX) return
    this.held.push(held)
    this.heldBytes += bytes
  }

  private deliver(callback: number, procedure: number, event: unknown): void {
    const taker = this.takers.get(callback)
    if (taker === undefined) return
    if (taker.procedure !== procedure) {
      throw protocolError(`An event of procedure ${procedure} for a registration of procedure ${taker.procedure}.`)
    }
    try {
      taker.handler(event as never)
    } catch (error) {
      // Not ours: the connection is to live on.
      this.onHandlerError(error)
    }
  }
}

function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}
