import type { Looks } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import { lineEnd, numberAfter, perSecond, rise, Scanner, startOfLine } from './scan.ts'
import { findingOf, tell } from './tell.ts'

const BYTES_MAX = 256 * 1024
/** Receive: bytes packets errs drop fifo frame compressed multicast; transmit: bytes packets errs drop fifo colls carrier compressed. */
const FIELDS = 16
const RECEIVED_BYTES = 0
const RECEIVED_PACKETS = 1
const RECEIVE_ERRORS = 2
const RECEIVED_DROPS = 3
const SENT_BYTES = 8
const SENT_PACKETS = 9
const SEND_ERRORS = 10
const SENT_DROPS = 11
const INTERFACES_MAX = 1024
/** Which interfaces lead out of the guest is asked again this often. */
const NAMES_EVERY_MS = 60_000

interface Interface {
  readonly was: Float64Array
  /** Number of the look in which it was last seen. */
  seenIn: number
}

/** Network of the guest: interfaces of /proc/net/dev that lead out of it, retransmits of /proc/net/snmp. Bridges, bonds, veths and tunnels
 *  carry what a device of the guest carries too, and would count it twice. */
export class NetworkSampler implements Sampler {
  readonly name = 'network'
  readonly isCheap = true
  private readonly looks: Looks
  private readonly scanner = new Scanner()
  private readonly is = new Float64Array(FIELDS)
  private readonly sum = new Float64Array(FIELDS)
  private readonly interfaces = new Map<string, Interface>()
  private outward: Outward = { how: 'name', names: new Set() }
  private namesAtMs = -Infinity
  private look = 0
  private retransmits = Number.NaN
  private segments = Number.NaN
  private lastMs = Number.NaN

  constructor(looks: Looks) {
    this.looks = looks
  }

  sample(look: Look, into: ReadingWriter): void {
    const spanMs = look.monotonicMs - this.lastMs
    this.lastMs = look.monotonicMs
    if (look.monotonicMs - this.namesAtMs >= NAMES_EVERY_MS) {
      this.outward = outwardInterfaces(this.looks)
      this.namesAtMs = look.monotonicMs
    }
    this.look++
    // Without a look before this one nothing is known to have risen.
    this.sum.fill(this.interfaces.size === 0 ? Number.NaN : 0)
    this.addLines(this.looks.readText('/proc/net/dev', BYTES_MAX) ?? '')
    let known = 0
    for (const [name, { seenIn }] of this.interfaces) {
      if (seenIn === this.look) known++
      else this.interfaces.delete(name)
    }
    if (known > 0) putSum(this.sum, { look, spanMs, into })
    const counts = this.looks.readText('/proc/net/snmp', BYTES_MAX) ?? ''
    const retransmits = tcpCount(counts, 'RetransSegs', this.scanner)
    const segments = tcpCount(counts, 'OutSegs', this.scanner)
    const sentAgain = rise(this.retransmits, retransmits)
    const sent = rise(this.segments, segments)
    into.put('netRetransmitsPerSec', perSecond(sentAgain, spanMs))
    this.retransmits = retransmits
    this.segments = segments
    if (!look.wantsDetails) return
    // OutSegs leaves out those that are sent again (RFC 1213, tcpOutSegs).
    tell(into, 'TCP segments sent again', 'fraction', sentAgain / (sent + sentAgain))
    const sockets = this.looks.readText('/proc/net/sockstat', BYTES_MAX) ?? ''
    tell(into, 'sockets of all kinds', 'sockets', numberAfter(sockets, 'sockets:'))
    tell(into, 'TCP sockets over IPv4', 'sockets', numberAfter(sockets, 'TCP:'))
  }

  findings(): readonly Finding[] {
    const what = 'bytes, packets, drops'
    const { how, names } = outwardInterfaces(this.looks)
    const listed = [...names].toSorted().join(', ')
    const text = this.looks.readText('/proc/net/dev', BYTES_MAX)
    const isCounted = how === 'name' || [...names].some((name) => text?.includes(`${name}:`))
    const traffic: Finding =
      text === undefined || isCounted
        ? findingOf('network', what, '/proc/net/dev', text !== undefined)
        : names.size === 0
          ? { sampler: 'network', what, state: 'absent', because: 'this guest has no interface' }
          : {
              sampler: 'network',
              what,
              state: 'absent',
              because: `/proc/net/dev does not count ${listed}: /sys is that of another network namespace`,
              remedy: 'run the agent in the network namespace of the guest itself',
            }
    const counts = this.looks.readText('/proc/net/snmp', BYTES_MAX) ?? ''
    return [
      traffic.state === 'absent'
        ? traffic
        : how === 'device'
          ? { ...traffic, because: `/proc/net/dev: ${listed}` }
          : how === 'name'
            ? {
                ...traffic,
                state: 'partly',
                because: '/sys/class/net can not be read: interfaces are told by their names',
                remedy: 'mount /sys in the guest',
              }
            : {
                ...traffic,
                state: 'partly',
                because: `no interface has a device: all are counted (${listed})`,
              },
      findingOf(
        'network',
        'TCP retransmits',
        '/proc/net/snmp',
        !Number.isNaN(tcpCount(counts, 'RetransSegs', this.scanner)),
      ),
    ]
  }

  private addLines(text: string): void {
    let count = 0
    for (let at = 0; at < text.length && count < INTERFACES_MAX; at = lineEnd(text, at) + 1) {
      const end = lineEnd(text, at)
      // A name may itself hold a colon (an alias, `eth0:1`): numbers have none.
      const colon = text.lastIndexOf(':', end)
      if (colon < at) continue
      const name = text.slice(at, colon).trim()
      if (!this.leadsOut(name)) continue
      count++
      this.scanner.reset(text, colon + 1, end)
      for (let i = 0; i < FIELDS; i++) this.is[i] = this.scanner.next()
      let each = this.interfaces.get(name)
      if (each === undefined) {
        // Of an interface that just came only the rise from now on is known.
        each = { was: Float64Array.from(this.is), seenIn: this.look }
        this.interfaces.set(name, each)
      }
      // A counter that went back (made anew, or wrapped) makes the sum absent: one that lacks an interface would be taken for the whole.
      for (let i = 0; i < FIELDS; i++) this.sum[i] += rise(each.was[i], this.is[i])
      each.was.set(this.is)
      each.seenIn = this.look
    }
  }

  private leadsOut(name: string): boolean {
    if (name === 'lo' || name === '') return false
    if (this.outward.how === 'name') return !VIRTUAL.some((prefix) => name.startsWith(prefix))
    return this.outward.names.has(name)
  }
}

function putSum(
  sum: Float64Array,
  { look, spanMs, into }: { readonly look: Look; readonly spanMs: number; readonly into: ReadingWriter },
): void {
  into.put('netReceiveBytesPerSec', perSecond(sum[RECEIVED_BYTES], spanMs))
  into.put('netReceivePacketsPerSec', perSecond(sum[RECEIVED_PACKETS], spanMs))
  into.put('netSendBytesPerSec', perSecond(sum[SENT_BYTES], spanMs))
  into.put('netSendPacketsPerSec', perSecond(sum[SENT_PACKETS], spanMs))
  if (!look.wantsDetails) return
  tell(into, 'drops, receiving', '1/s', perSecond(sum[RECEIVED_DROPS], spanMs))
  tell(into, 'drops, sending', '1/s', perSecond(sum[SENT_DROPS], spanMs))
  tell(into, 'errors', '1/s', perSecond(sum[RECEIVE_ERRORS] + sum[SEND_ERRORS], spanMs))
}

/** Beginnings of names that stand on other interfaces, for where /sys can't be asked. */
const VIRTUAL = [
  ...'veth br- br0 docker lxc virbr vnet bond team tun tap wg vlan vxlan dummy cali cilium'.split(' '),
  ...'flannel cni ifb gre sit ip6tnl macvlan ipvlan nlmon ovs tailscale'.split(' '),
]

/** Interfaces that lead out of the guest, and how that is known: by a device behind them; because all must do, as in a network
 *  namespace where none has one; or, without /sys, by name. */
interface Outward {
  readonly how: 'device' | 'all' | 'name'
  readonly names: ReadonlySet<string>
}

function outwardInterfaces(looks: Looks): Outward {
  const names = looks.list('/sys/class/net')?.slice(0, INTERFACES_MAX)
  if (names === undefined) return { how: 'name', names: new Set() }
  const withDevice = new Set(names.filter((name) => looks.readLink(`/sys/class/net/${name}/device`) !== undefined))
  if (withDevice.size === 0) return { how: 'all', names: new Set(names.filter((name) => name !== 'lo')) }
  // One below another that has a device itself (a virtual function below its paravirtual twin) is counted by that one already.
  const isBelow = (name: string) => {
    const master = looks.readLink(`/sys/class/net/${name}/master`)
    return master !== undefined && withDevice.has(master.slice(master.lastIndexOf('/') + 1))
  }
  return { how: 'device', names: new Set([...withDevice].filter((name) => !isBelow(name))) }
}

/** A count of TCP: the line of names says where it stands; the next line has the numbers. MaxConn may be -1, which is one number too. */
function tcpCount(text: string, field: string, scanner: Scanner): number {
  const names = startOfLine(text, 'Tcp:')
  if (names < 0) return Number.NaN
  const namesEnd = lineEnd(text, names)
  const name = text.indexOf(` ${field}`, names)
  const values = namesEnd + 1
  if (name < 0 || name > namesEnd || !text.startsWith('Tcp:', values)) return Number.NaN
  let before = 0
  for (let at = names; at < name; at++) if (text.charCodeAt(at) === 32) before++
  return scanner.reset(text, values, lineEnd(text, values)).skip(before).next()
}
