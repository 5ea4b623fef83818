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

/** A connection costs some 130 KB: all of them together stay below the memory at which everybody is told to come later.
 *  A host behind whose address a thousand VMs stand reports from each every 5 minutes: 3 connections a second. */
export const CONNECTION_LIMITS: ConnectionLimits = {
  inAllMax: 3000,
  perAddressMax: 256,
  newPerAddress: { everyMs: 50, burst: 256 },
  requestsAtOnceMax: 4,
}

/** Who is connected. */
export class Connections {
  private readonly limits: ConnectionLimits
  private readonly clock: Pick<Clock, 'now'>
  /** By socket the name of the connection: TLS makes another socket of it, under the same name. The oldest stands first. */
  private readonly sockets = new Map<Socket, string>()
  /** Connections on which a request has come. */
  private readonly served = new Set<string>()
  private readonly byAddress = new Map<string, number>()
  private readonly beginnings: Buckets
  private readonly requests = new WeakMap<Socket, number>()
  /** Connections by address on which a request was answered and none is under way, the one that waits longest first. */
  private readonly idle = new Map<string, Set<Socket>>()
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
    const isCrowded = fromThere >= this.limits.perAddressMax && !this.endIdle(address)
    const isFull = this.sockets.size >= this.limits.inAllMax && !this.endSilent() && !this.endIdle(address)
    socket.on('error', () => undefined)
    if (isCrowded || isFull || this.beginnings.take(address, this.clock.now()) > 0) {
      socket.destroy()
      return
    }
    this.sockets.set(socket, nameOf(socket))
    this.byAddress.set(address, fromThere + 1)
    socket.once('close', () => this.forget(socket, address))
  }

  /** Whether a request is under way anywhere. */
  get isBusy(): boolean {
    return this.underWay > 0
  }

  /** A request begins on a connection. False if there are too many at once. */
  beginRequest(socket: Socket): boolean {
    const before = this.requests.get(socket)
    if (before === undefined) this.began(socket)
    const number = (before ?? 0) + 1
    this.requests.set(socket, number)
    this.underWay++
    this.forgetIdle(socket)
    return number <= this.limits.requestsAtOnceMax
  }

  endRequest(socket: Socket): void {
    this.underWay--
    const left = (this.requests.get(socket) ?? 1) - 1
    this.requests.set(socket, left)
    if (left > 0 || socket.destroyed) return
    const address = addressOf(socket)
    const waiting = this.idle.get(address) ?? new Set()
    this.idle.set(address, waiting.add(socket))
  }

  cutAll(): void {
    for (const socket of this.sockets.keys()) socket.destroy()
  }

  private began(socket: Socket): void {
    const address = addressOf(socket)
    const name = nameOf(socket)
    this.served.add(name)
    socket.once('close', () => {
      this.forgetIdle(socket, address)
      this.served.delete(name)
    })
  }

  /** Makes room, where there is none for anybody, by ending the oldest connection on which nothing was asked yet: an honest guest asks within a
   *  second, and who only holds connections open has to do it anew all the time. False if there is none. */
  private endSilent(): boolean {
    for (const [socket, name] of this.sockets) {
      if (this.served.has(name)) continue
      this.forget(socket, addressOf(socket))
      socket.destroy()
      return true
    }
    return false
  }

  /** Makes room for a new connection from an address by ending one from there that waits for nothing: many guests behind one address share
   *  what it may have. False if there is none. */
  private endIdle(address: string): boolean {
    const [longest] = this.idle.get(address) ?? []
    if (longest === undefined) return false
    this.forgetIdle(longest, address)
    longest.destroy()
    return true
  }

  private forgetIdle(socket: Socket, address = addressOf(socket)): void {
    const waiting = this.idle.get(address)
    waiting?.delete(socket)
    if (waiting?.size === 0) this.idle.delete(address)
  }

  private forget(socket: Socket, address: string): void {
    if (!this.sockets.delete(socket)) return
    const left = (this.byAddress.get(address) ?? 1) - 1
    if (left > 0) this.byAddress.set(address, left)
    else this.byAddress.delete(address)
  }
}

function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}|${remotePort}`
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
