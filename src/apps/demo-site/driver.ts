/** Moves the demo's VMs: a driver as any, over the socket of the simulated cluster. */
import { createConnection, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { HostId, OrderId, VmId } from '../../terms/ids.ts'
import type { MigrationIntent, MoveProgress, Sighting } from '../../terms/intent.ts'
import { SECOND_MS } from '../../terms/units.ts'
import type { Clock } from '../../world/clock.ts'
import { HypervisorError } from '../../world/errors.ts'
import type { CallEnd, HostListing, MigrationDriver, MoveCall, Preflight } from '../../world/migration-driver.ts'
import type { PlatformHost, PlatformLook, PlatformReader } from '../../world/platform-reader.ts'
import type { VmFactsAnswer, VmFactsReader } from '../../world/vm-facts-reader.ts'
import { MIGRATION_MBIT_PER_SEC } from './fleet.ts'
import type { DemoVerb, FromCluster, ToCluster } from './wire.ts'

/** Sampling a VM's pages takes so long, of the site's time. */
const SAMPLING_MS = 6 * SECOND_MS
const LOST: CallEnd = { kind: 'unknown', reason: 'the connection to the simulated cluster was lost' }

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

export class DemoDriver implements MigrationDriver, VmFactsReader, PlatformReader {
  readonly name = 'simulated cluster'
  private readonly path: string
  private readonly clock: Clock
  private socket: Socket | undefined
  private readonly waiting = new Map<number, Waiting>()
  private readonly moves = new Map<OrderId, (end: CallEnd) => void>()
  private lastId = 0

  /** @param path of the cluster's socket */
  constructor(path: string, clock: Clock) {
    this.path = path
    this.clock = clock
  }

  list(): Promise<readonly HostListing[]> {
    return this.ask('list')
  }

  async observe(vmId: VmId, hostId: HostId): Promise<Sighting> {
    try {
      return await this.ask<Sighting>('observe', { vmId, hostId })
    } catch (error) {
      return {
        kind: 'unreachable',
        at: this.clock.now(),
        reason: error instanceof Error ? error.message : String(error),
      }
    }
  }

  preflight(intent: MigrationIntent): Promise<Preflight> {
    return this.ask('preflight', intent)
  }

  async migrate(intent: MigrationIntent, fence: number, objection?: () => string | undefined): Promise<MoveCall> {
    const { id } = intent.order
    const objected = objection?.()
    if (objected !== undefined) return { kind: 'never-sent', reason: objected }
    if (this.moves.has(id)) return { kind: 'never-sent', reason: `Order ${id} was sent before.` }
    const { promise: ended, resolve } = Promise.withResolvers<CallEnd>()
    this.moves.set(id, resolve)
    try {
      const reason = await this.send<string | undefined>({ verb: 'migrate', about: { intent, fence } })
      if (reason === undefined) return { kind: 'sent', ended }
      this.moves.delete(id)
      return { kind: 'never-sent', reason }
    } catch {
      resolve(LOST)
      return { kind: 'sent', ended }
    }
  }

  progress(vmId: VmId, hostId: HostId): Promise<MoveProgress | undefined> {
    return this.ask('progress', { vmId, hostId })
  }

  cancel(vmId: VmId, hostId: HostId): Promise<void> {
    return this.ask('cancel', { vmId, hostId })
  }

  linkMbitPerSec(): number {
    return MIGRATION_MBIT_PER_SEC
  }

  async read(vmId: VmId, hostId: HostId): Promise<VmFactsAnswer> {
    try {
      await this.clock.sleepUntil(this.clock.now() + SAMPLING_MS)
      return await this.ask<VmFactsAnswer>('facts', { vmId, hostId })
    } catch (error) {
      return { kind: 'unreadable', reason: error instanceof Error ? error.message : String(error) }
    }
  }

  async look(): Promise<PlatformLook> {
    const hosts = await this.ask<readonly PlatformHost[]>('look')
    return { at: this.clock.now(), hosts, barriers: { pairs: new Map(), vms: new Map() } }
  }

  async close(): Promise<void> {
    this.socket?.destroy()
    await Promise.resolve()
  }

  private ask<T>(verb: DemoVerb, about?: unknown): Promise<T> {
    return this.send<T>({ verb, about })
  }

  private async send<T>(asked: DistributiveOmit<ToCluster, 'id'>): Promise<T> {
    const socket = this.connect()
    const id = ++this.lastId
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      socket.write(`${JSON.stringify({ id, ...asked })}\n`)
    })
  }

  private connect(): Socket {
    if (this.socket !== undefined) return this.socket
    const socket = createConnection(this.path)
    this.socket = socket
    createInterface({ input: socket }).on('line', (line) => this.hear(JSON.parse(line) as FromCluster))
    socket.on('error', () => undefined)
    socket.once('close', () => this.lost(socket))
    return socket
  }

  private hear(message: FromCluster): void {
    if ('ended' in message) {
      this.moves.get(message.ended)?.(message.end)
      return
    }
    const waiting = this.waiting.get(message.id)
    this.waiting.delete(message.id)
    if ('error' in message) waiting?.reject(new HypervisorError('unreachable', message.error))
    else waiting?.resolve(message.value)
  }

  private lost(socket: Socket): void {
    if (this.socket === socket) this.socket = undefined
    const error = new HypervisorError('unreachable', 'The simulated cluster gives no answer.')
    for (const { reject } of this.waiting.values()) reject(error)
    this.waiting.clear()
    for (const end of this.moves.values()) end(LOST)
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
