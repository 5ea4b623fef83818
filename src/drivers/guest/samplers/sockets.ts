import type { Looks } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import { putDependencies } from './dependencies.ts'
import { Peers, TABLE_BYTES_MAX } from './peers.ts'
import { classOfPort } from './process-class.ts'
import { numberAfter } from './scan.ts'
import { findingOf, tell } from './tell.ts'

/** Reading the tables walks the kernel's whole hash of sockets, in use or not: 3.8 ms a table where it has 262 144 buckets (24 GiB of
 *  memory, measured). So they are read seldom: at every fourth look, and at fewer where it takes longer than this per look on average. */
const COST_MS_PER_LOOK = 0.4
const EVERY_LOOKS_MIN = 4
const EVERY_LOOKS_MAX = 60
/** A table is left unread where the kernel says that no socket is in it. */
const TABLES = [
  { path: '/proc/net/tcp', counts: '/proc/net/sockstat', line: 'TCP:' },
  { path: '/proc/net/tcp6', counts: '/proc/net/sockstat6', line: 'TCP6:' },
  { path: '/proc/net/udp', counts: '/proc/net/sockstat', line: 'UDP:' },
  { path: '/proc/net/udp6', counts: '/proc/net/sockstat6', line: 'UDP6:' },
] as const

/** Who talks to whom: distinct addresses of other machines at the far end of connected TCP and UDP sockets, from /proc/net. Addresses are counted
 *  and forgotten; people are told classes of programs and services, by port, and keyed hashes of addresses. */
export class SocketsSampler implements Sampler {
  readonly name = 'sockets'
  readonly isCheap = false
  private readonly looks: Looks & { monotonicMs(): number }
  private readonly peerName: (address: string) => string
  private looksLeft = 0
  private peers = Number.NaN

  /** @param peerName a name for an address, from which the address can't be told; details show it */
  constructor(looks: Looks & { monotonicMs(): number }, peerName: (address: string) => string) {
    this.looks = looks
    this.peerName = peerName
  }

  sample(look: Look, into: ReadingWriter): void {
    if (this.looksLeft <= 0 || look.wantsDetails) {
      const startMs = this.looks.monotonicMs()
      const peers = this.read(look.wantsDetails)
      const costMs = this.looks.monotonicMs() - startMs
      this.looksLeft = Math.min(EVERY_LOOKS_MAX, Math.max(EVERY_LOOKS_MIN, Math.ceil(costMs / COST_MS_PER_LOOK)))
      this.peers = peers?.remote.size ?? Number.NaN
      if (peers !== undefined && look.wantsDetails) this.putDetails(peers, into)
    }
    this.looksLeft--
    into.put('socketPeers', this.peers)
  }

  findings(): readonly Finding[] {
    const what = 'peers over TCP and UDP'
    const peers = this.read(false)
    if (peers === undefined) return [findingOf('sockets', what, '/proc/net/tcp', false)]
    const because = peers.isCut
      ? 'there are more sockets than are looked at: the number is a floor, for netlink can not be asked from here'
      : '/proc/net/tcp, tcp6, udp, udp6: addresses of connected sockets'
    const seen: Finding = { sampler: 'sockets', what, state: peers.isCut ? 'partly' : 'seen', because }
    return [seen, dependenciesFinding(this.looks)]
  }

  private read(wantsConnections: boolean): Peers | undefined {
    const texts = TABLES.map(({ path, counts, line }) => {
      if (numberAfter(this.looks.readText(counts, 1024) ?? '', line) === 0) return ''
      return this.looks.readText(path, TABLE_BYTES_MAX)
    })
    if (texts.every((text) => text === undefined)) return undefined
    const peers = new Peers()
    // Listeners first, of both families: they tell which end of a connection is the service.
    for (let i = 0; i < 2; i++) peers.addListeners(texts[i] ?? '')
    for (const text of texts) peers.addConnected(text ?? '', wantsConnections)
    peers.settle()
    return peers
  }

  private putDetails(peers: Peers, into: ReadingWriter): void {
    const { listening, connections } = peers
    const services = [...new Set([...listening].map(classOfPort))].toSorted()
    tell(into, 'listening ports', 'ports', listening.size)
    if (services.length > 0) into.detail({ name: 'services by port', unit: '', value: services.join(', ') })
    const local = connections.filter(({ remoteAddress }) => peers.isOwn(remoteAddress)).length
    tell(into, 'connections to other machines', 'connections', connections.length - local)
    tell(into, 'connections within', 'connections', local / 2)
    putDependencies(this.looks, peers, { peerName: this.peerName, into })
  }
}

function dependenciesFinding(looks: Looks): Finding {
  const what = 'which program talks to whom'
  if (looks.list('/proc/1/fd') !== undefined)
    return { sampler: 'sockets', what, state: 'seen', because: '/proc/PID/fd, as classes' }
  const because = 'only the own open files may be seen: services are told by port'
  const remedy = 'run the agent as root, or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH; nothing that is sent needs it'
  return { sampler: 'sockets', what, state: 'partly', because, remedy }
}
