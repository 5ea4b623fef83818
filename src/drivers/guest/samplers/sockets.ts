import type { Looks } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import { classOfPort, type ProcessClass } from './process-class.ts'
import { lineEnd } from './scan.ts'

/** The list of sockets is as long as there are sockets, so it is read at every fourth look only, and no further than this: some 1 700
 *  sockets of 150 bytes a line. Netlink would be cheaper; it is not to be had without native code. */
const EVERY_LOOKS = 4
const BYTES_MAX = 256 * 1024
const ESTABLISHED = '01'
const LISTEN = '0A'
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'] as const

interface Peers {
  readonly remote: Set<string>
  readonly listening: Set<number>
  /** Connections in, by class of the service here; and out, by class of the service there. */
  readonly inward: Map<ProcessClass, number>
  readonly outward: Map<ProcessClass, number>
  isCut: boolean
}

/** Who talks to whom: distinct remote addresses of established TCP connections, loopback aside, from /proc/net/tcp. Addresses are counted and
 *  forgotten; what is told is a number, and for people the classes of services at both ends, by port. */
export class SocketsSampler implements Sampler {
  readonly name = 'sockets'
  readonly isCheap = false
  private readonly looks: Looks
  private look = 0
  private peers = Number.NaN

  constructor(looks: Looks) {
    this.looks = looks
  }

  sample(look: Look, into: ReadingWriter): void {
    const isDue = this.look % EVERY_LOOKS === 0 || look.wantsDetails
    this.look++
    if (isDue) {
      const peers = this.read()
      this.peers = peers?.remote.size ?? Number.NaN
      if (peers !== undefined && look.wantsDetails) putDetails(peers, into)
    }
    into.put('socketPeers', this.peers)
  }

  findings(): readonly Finding[] {
    const peers = this.read()
    const what = 'peers over TCP'
    if (peers === undefined)
      return [
        {
          sampler: 'sockets',
          what,
          state: 'absent',
          because: '/proc/net/tcp can not be read',
          remedy: 'mount /proc in the guest',
        },
      ]
    if (!peers.isCut)
      return [{ sampler: 'sockets', what, state: 'seen', because: '/proc/net/tcp and tcp6, by address and port' }]
    const because = `more sockets than fit in ${BYTES_MAX / 1024} KiB of text: the rest is not counted`
    return [{ sampler: 'sockets', what, state: 'partly', because }]
  }

  private read(): Peers | undefined {
    const peers: Peers = {
      remote: new Set(),
      listening: new Set(),
      inward: new Map(),
      outward: new Map(),
      isCut: false,
    }
    let isSeen = false
    // Listeners first: they tell which end of a connection is the service.
    const texts = TABLES.map((table) => this.looks.readText(table, BYTES_MAX))
    for (const state of [LISTEN, ESTABLISHED]) {
      for (const text of texts) {
        if (text === undefined) continue
        isSeen = true
        if (text.length >= BYTES_MAX) peers.isCut = true
        for (let at = lineEnd(text, 0) + 1; at < text.length; at = lineEnd(text, at) + 1)
          scanLine(text, at, state, peers)
      }
    }
    return isSeen ? peers : undefined
  }
}

/** `  0: 0100007F:1F90 00000000:0000 0A ...`: number, local, remote, state. */
function scanLine(text: string, at: number, state: string, peers: Peers): void {
  const local = text.indexOf(': ', at) + 2
  const localPort = text.indexOf(':', local)
  const remote = localPort + 6
  const remotePort = text.indexOf(':', remote)
  if (local < 2 || localPort < 0 || remotePort < 0 || remotePort > lineEnd(text, at)) return
  if (text.slice(remotePort + 6, remotePort + 8) !== state) return
  const here = Number.parseInt(text.slice(localPort + 1, localPort + 5), 16)
  if (state === LISTEN) {
    peers.listening.add(here)
    return
  }
  const address = text.slice(remote, remotePort)
  if (isLoopback(address)) return
  peers.remote.add(address)
  const isInward = peers.listening.has(here)
  const kind = classOfPort(isInward ? here : Number.parseInt(text.slice(remotePort + 1, remotePort + 5), 16))
  const counts = isInward ? peers.inward : peers.outward
  counts.set(kind, (counts.get(kind) ?? 0) + 1)
}

/** Addresses stand in the byte order of the machine: 127.x.y.z ends in 7F on little-endian ones, and begins with it on others. */
function isLoopback(address: string): boolean {
  if (address.length === 8) return address.endsWith('7F') || address.startsWith('7F')
  if (address === '00000000000000000000000001000000' || address === '00000000000000000000000000000001') return true
  const isMapped = address.startsWith('0000000000000000FFFF0000') || address.startsWith('00000000000000000000FFFF')
  return isMapped && (address.endsWith('7F') || address.startsWith('7F', 24))
}

function putDetails(peers: Peers, into: ReadingWriter): void {
  if (peers.inward.size > 0) into.detail({ name: 'connections in, to', unit: '', value: show(peers.inward) })
  if (peers.outward.size > 0) into.detail({ name: 'connections out, to', unit: '', value: show(peers.outward) })
  into.detail({ name: 'listening ports', unit: 'ports', value: peers.listening.size })
}

function show(counts: ReadonlyMap<ProcessClass, number>): string {
  return [...counts].map(([kind, count]) => `${count} ${kind}`).join(', ')
}
