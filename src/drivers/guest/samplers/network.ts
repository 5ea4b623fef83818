import type { Looks } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import { lineEnd, perSecond, rise, Scanner, startOfLine } from './scan.ts'

const BYTES_MAX = 256 * 1024
/** Receive: bytes packets errs drop fifo frame compressed multicast; transmit: bytes packets errs drop fifo colls carrier compressed. */
const FIELDS = 16
const RECEIVED_BYTES = 0
const RECEIVED_PACKETS = 1
const RECEIVED_DROPS = 3
const SENT_BYTES = 8
const SENT_PACKETS = 9
const SENT_DROPS = 11
const INTERFACES_MAX = 1024
/** Which interfaces leave the guest is asked again this often. */
const NAMES_EVERY_MS = 60_000

/** Network of the guest from /proc/net/dev: interfaces that lead out of it. Those with a device behind them are taken; without /sys, all but the
 *  loopback and what stands on others by its name (bridges, veths, tunnels, bonds), which would count the same bytes twice. Retransmits from /proc/net/snmp. */
export class NetworkSampler implements Sampler {
  readonly name = 'network'
  readonly isCheap = true
  private readonly looks: Looks
  private readonly scanner = new Scanner()
  private readonly is = new Float64Array(FIELDS)
  private interfaces = new Map<string, Float64Array>()
  private outward: ReadonlySet<string> | undefined
  private namesAtMs = -Infinity
  private retransmits = Number.NaN
  private lastMs = Number.NaN

  constructor(looks: Looks) {
    this.looks = looks
  }

  sample(look: Look, into: ReadingWriter): void {
    const spanMs = look.monotonicMs - this.lastMs
    this.lastMs = look.monotonicMs
    const text = this.looks.readText('/proc/net/dev', BYTES_MAX)
    if (text !== undefined) this.putTraffic(text, { look, spanMs, into })
    const counts = this.looks.readText('/proc/net/snmp', BYTES_MAX)
    if (counts === undefined) return
    const retransmits = retransmitsOf(counts, this.scanner)
    into.put('netRetransmitsPerSec', perSecond(rise(this.retransmits, retransmits), spanMs))
    this.retransmits = retransmits
  }

  findings(): readonly Finding[] {
    const traffic = this.looks.readText('/proc/net/dev', BYTES_MAX)
    const counts = this.looks.readText('/proc/net/snmp', BYTES_MAX)
    const outward = outwardInterfaces(this.looks)
    const names = [...(outward ?? [])].toSorted().join(', ')
    const absent = { state: 'absent', remedy: 'mount /proc in the guest' } as const
    return [
      traffic === undefined
        ? { sampler: 'network', what: 'bytes, packets, drops', because: '/proc/net/dev can not be read', ...absent }
        : {
            sampler: 'network',
            what: 'bytes, packets, drops',
            state: outward === undefined ? 'partly' : 'seen',
            because:
              outward === undefined
                ? '/sys/class/net can not be read: told by names'
                : `/proc/net/dev: ${names || 'no interface'}`,
          },
      counts === undefined || Number.isNaN(retransmitsOf(counts, this.scanner))
        ? { sampler: 'network', what: 'TCP retransmits', because: '/proc/net/snmp can not be read', ...absent }
        : { sampler: 'network', what: 'TCP retransmits', state: 'seen', because: '/proc/net/snmp' },
    ]
  }

  private putTraffic(text: string, { look, spanMs, into }: { look: Look; spanMs: number; into: ReadingWriter }): void {
    if (look.monotonicMs - this.namesAtMs >= NAMES_EVERY_MS) {
      this.outward = outwardInterfaces(this.looks)
      this.namesAtMs = look.monotonicMs
    }
    const sum = new Float64Array(FIELDS)
    const seen = new Map<string, Float64Array>()
    let known = 0
    for (let at = 0; at < text.length && seen.size < INTERFACES_MAX; at = lineEnd(text, at) + 1) {
      const end = lineEnd(text, at)
      const colon = text.indexOf(':', at)
      if (colon < 0 || colon > end) continue
      const name = text.slice(at, colon).trim()
      if (!this.leadsOut(name)) continue
      this.scanner.reset(text, colon + 1, end)
      for (let i = 0; i < FIELDS; i++) this.is[i] = this.scanner.next()
      const was = this.interfaces.get(name)
      if (was !== undefined && addRise(was, this.is, sum)) known++
      const counters = was ?? new Float64Array(FIELDS)
      counters.set(this.is)
      seen.set(name, counters)
    }
    this.interfaces = seen
    if (known > 0) putSum(sum, { look, spanMs, into })
  }

  private leadsOut(name: string): boolean {
    if (name === 'lo' || name === '') return false
    return this.outward === undefined ? !STACKED.some((prefix) => name.startsWith(prefix)) : this.outward.has(name)
  }
}

const STACKED = [
  'veth',
  'br-',
  'docker',
  'virbr',
  'bond',
  'team',
  'tun',
  'tap',
  'wg',
  'vlan',
  'dummy',
  'cali',
  'flannel',
  'cni',
  'ifb',
  'gre',
  'sit',
]

/** Adds what an interface carried; false if a counter went back: the interface was made anew. */
function addRise(was: Float64Array, is: Float64Array, sum: Float64Array): boolean {
  for (let i = 0; i < FIELDS; i++) if (!(is[i] >= was[i])) return false
  for (let i = 0; i < FIELDS; i++) sum[i] += is[i] - was[i]
  return true
}

function putSum(sum: Float64Array, { look, spanMs, into }: { look: Look; spanMs: number; into: ReadingWriter }): void {
  into.put('netReceiveBytesPerSec', perSecond(sum[RECEIVED_BYTES], spanMs))
  into.put('netReceivePacketsPerSec', perSecond(sum[RECEIVED_PACKETS], spanMs))
  into.put('netSendBytesPerSec', perSecond(sum[SENT_BYTES], spanMs))
  into.put('netSendPacketsPerSec', perSecond(sum[SENT_PACKETS], spanMs))
  if (!look.wantsDetails) return
  const drops = perSecond(sum[RECEIVED_DROPS] + sum[SENT_DROPS], spanMs)
  if (Number.isFinite(drops)) into.detail({ name: 'drops', unit: '1/s', value: drops })
}

/** Interfaces with a device of their own, in containers the one end of a veth too; undefined where /sys can't be read. If none has a
 *  device, as in a network namespace, all but the loopback count. */
function outwardInterfaces(looks: Looks): ReadonlySet<string> | undefined {
  const names = looks.list('/sys/class/net')
  if (names === undefined) return undefined
  const withDevice = names.filter((name) => looks.access(`/sys/class/net/${name}/device`) === 'readable')
  return new Set(withDevice.length > 0 ? withDevice : names.filter((name) => name !== 'lo'))
}

/** The line of names says where RetransSegs stands; the next line has the numbers. MaxConn may be -1, which counts as one number. */
function retransmitsOf(text: string, scanner: Scanner): number {
  const names = startOfLine(text, 'Tcp:')
  if (names < 0) return Number.NaN
  const place = text.slice(names, lineEnd(text, names)).split(' ').indexOf('RetransSegs')
  const values = lineEnd(text, names) + 1
  if (place < 1 || !text.startsWith('Tcp:', values)) return Number.NaN
  return scanner
    .reset(text, values, lineEnd(text, values))
    .skip(place - 1)
    .next()
}
