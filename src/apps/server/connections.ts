/** Bounds on connections, before anything is said on them: so many at a time in all and from one address, and so many new ones. */
import type { Socket } from 'node:net'
import { type BucketLimits, Buckets } from '../../engine/admission/buckets.ts'
import type { Clock } from '../../world/clock.ts'

export interface ConnectionLimits {
  readonly inAllMax: number
  readonly perAddressMax: number
  /** New connections from one address: each costs us a handshake. */
  readonly newPerAddress: BucketLimits
  /** Requests under way on one connection: whoever does not wait for answers is cut off. */
  readonly requestsAtOnceMax: number
}

/** A host behind whose address a thousand VMs stand reports from each every 5 minutes: 3 connections a second. */
export const CONNECTION_LIMITS: ConnectionLimits = {
  inAllMax: 4096,
  perAddressMax: 256,
  newPerAddress: { everyMs: 50, burst: 256 },
  requestsAtOnceMax: 4,
}

/** Who is connected. */
export class Connections {
  private readonly limits: ConnectionLimits
  private readonly clock: Pick<Clock, 'now'>
  private readonly sockets = new Set<Socket>()
  private readonly byAddress = new Map<string, number>()
  private readonly beginnings: Buckets
  private readonly requests = new WeakMap<Socket, number>()
  private underWay = 0

  constructor(limits: ConnectionLimits, clock: Pick<Clock, 'now'>) {
    this.limits = limits
    this.clock = clock
    this.beginnings = new Buckets(limits.newPerAddress)
  }

  get count(): number {
    return this.sockets.size
  }

  /** Lets a new connection in, or cuts it off. */
  admit(socket: Socket): void {
    const address = addressOf(socket)
    const fromThere = this.byAddress.get(address) ?? 0
    const isTooMany = this.sockets.size >= this.limits.inAllMax || fromThere >= this.limits.perAddressMax
    socket.on('error', () => undefined)
    if (isTooMany || this.beginnings.take(address, this.clock.now()) > 0) {
      socket.destroy()
      return
    }
    this.sockets.add(socket)
    this.byAddress.set(address, fromThere + 1)
    socket.once('close', () => this.forget(socket, address))
  }

  /** Whether a request is under way anywhere. */
  get isBusy(): boolean {
    return this.underWay > 0
  }

  /** A request begins on a connection. False if there are too many at once. */
  beginRequest(socket: Socket): boolean {
    const number = (this.requests.get(socket) ?? 0) + 1
    this.requests.set(socket, number)
    this.underWay++
    return number <= this.limits.requestsAtOnceMax
  }

  endRequest(socket: Socket): void {
    this.underWay--
    this.requests.set(socket, (this.requests.get(socket) ?? 1) - 1)
  }

  cutAll(): void {
    for (const socket of this.sockets) socket.destroy()
  }

  private forget(socket: Socket, address: string): void {
    this.sockets.delete(socket)
    const left = (this.byAddress.get(address) ?? 1) - 1
    if (left > 0) this.byAddress.set(address, left)
    else this.byAddress.delete(address)
  }
}

/** One customer of the network: a whole address of IPv4, the first half of one of IPv6. */
export function addressOf(socket: Pick<Socket, 'remoteAddress'>): string {
  const address = (socket.remoteAddress ?? 'nobody').replace(/^::ffff:/, '')
  return address.includes(':') ? firstHalf(address) : address
}

function firstHalf(address: string): string {
  const [head = '', tail] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0')
  return `${[...before, ...(tail === undefined ? [] : zeros), ...after].slice(0, 4).join(':')}::/64`
}
