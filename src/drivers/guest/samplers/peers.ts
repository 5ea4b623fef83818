/** Reads the kernel's tables of sockets: Documentation/networking/proc_net_tcp.rst of Linux. */
import { lineEnd, Scanner } from './scan.ts'

/** Sockets of one table that are looked at; the rest is known to be there and not looked at. */
export const SOCKETS_MAX = 4096
/** A line has 150 bytes with IPv4 addresses, and up to 200 with IPv6. */
export const TABLE_BYTES_MAX = 256 * 1024
const LISTEN = '0A'
const ESTABLISHED = '01'

/** A connected socket; ends are `address:port` in the kernel's hexadecimal digits. */
export interface Connection {
  readonly local: string
  readonly localPort: number
  readonly remote: string
  readonly remoteAddress: string
  readonly remotePort: number
  readonly inode: number
}

/** Sockets of this machine, and whom they are connected to. */

export class Peers {
  /** Addresses beyond this machine, as the kernel writes them; one of IPv4 that is mapped into IPv6 counts as itself. */
  readonly remote = new Set<string>()
  readonly listening = new Set<number>()
  /** Filled on demand: it costs an object a connection. */
  readonly connections: Connection[] = []
  isCut = false
  private readonly own = new Set<string>()
  private readonly scanner = new Scanner()

  /** Takes in what listens. The kernel lists listeners first (net/ipv4/tcp_ipv4.c): it ends at the first that does not. */
  addListeners(table: string): void {
    for (let at = lineEnd(table, 0) + 1; at < table.length; at = lineEnd(table, at) + 1) {
      const local = table.indexOf(':', table.indexOf(': ', at) + 2)
      const remote = table.indexOf(':', local + 6)
      if (local < at || remote < 0 || remote > lineEnd(table, at) || !table.startsWith(LISTEN, remote + 6)) return
      this.listening.add(Number.parseInt(table.slice(local + 1, local + 5), 16))
    }
  }

  /** Takes in what is connected: `  0: 0100007F:1F90 0200000A:0050 01 ...`, that is number, local, remote, state. */
  addConnected(table: string, wantsConnections: boolean): void {
    if (table.length >= TABLE_BYTES_MAX) this.isCut = true
    let count = 0
    for (let at = lineEnd(table, 0) + 1; at < table.length; at = lineEnd(table, at) + 1) {
      if (++count > SOCKETS_MAX) {
        this.isCut = true
        return
      }
      const local = table.indexOf(': ', at) + 2
      const localEnd = table.indexOf(':', local)
      const remote = localEnd + 6
      const remoteEnd = table.indexOf(':', remote)
      if (local < 2 || localEnd < 0 || remoteEnd < 0 || remoteEnd > lineEnd(table, at)) continue
      if (!table.startsWith(ESTABLISHED, remoteEnd + 6)) continue
      const here = plainAddress(table.slice(local, localEnd))
      const there = plainAddress(table.slice(remote, remoteEnd))
      this.own.add(here)
      this.remote.add(there)
      if (!wantsConnections) continue
      const localPort = Number.parseInt(table.slice(localEnd + 1, localEnd + 5), 16)
      const remotePort = Number.parseInt(table.slice(remoteEnd + 1, remoteEnd + 5), 16)
      this.connections.push({
        local: `${here}:${localPort}`,
        localPort,
        remote: `${there}:${remotePort}`,
        remoteAddress: there,
        remotePort,
        inode: this.inodeAt(table, remoteEnd + 8),
      })
    }
  }

  /** Leaves out what is no other machine. Once, when all is taken in. */
  settle(): void {
    for (const address of this.remote) if (this.isOwn(address)) this.remote.delete(address)
  }

  /** An address of this machine: of the loopback, or one that some socket here has for its own end. */
  isOwn(address: string): boolean {
    return this.own.has(address) || isLoopback(address)
  }

  /** Behind the state: queues, timer, retransmits, user, timeout, inode. */
  private inodeAt(table: string, from: number): number {
    let at = from
    for (let field = 0; field < 5; field++) {
      while (table.charCodeAt(at) === 32) at++
      at = table.indexOf(' ', at)
      if (at < 0) return Number.NaN
    }
    return this.scanner.reset(table, at, lineEnd(table, from)).next()
  }
}

const MAPPED_LITTLE = '0000000000000000FFFF0000'
const MAPPED_BIG = '00000000000000000000FFFF'

function plainAddress(address: string): string {
  const isMapped = address.length === 32 && (address.startsWith(MAPPED_LITTLE) || address.startsWith(MAPPED_BIG))
  return isMapped ? address.slice(24) : address
}

/** Addresses stand in the byte order of the machine: 127.x.y.z ends in 7F on little-endian ones, which are all that Debian has released since 2017. */
function isLoopback(address: string): boolean {
  if (address.length === 8) return address.endsWith('7F')
  return address === '00000000000000000000000001000000' || address === '00000000000000000000000000000001'
}
