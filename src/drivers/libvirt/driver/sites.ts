/** Which hosts there are, how each is reached, and what an operator says of them that libvirt's protocol does not tell. */
import { type HostId, ID_LENGTH_MAX, parseHostId } from '../../../terms/ids.ts'
import { ParseError } from '../../../terms/parse.ts'
import { LibvirtError, parseAddress } from '../rpc/libvirt.ts'

/** One libvirt. URIs are as libvirt's own ([docs/libvirt.md](../../../../docs/libvirt.md)). */
export interface LibvirtHost {
  readonly id: HostId
  /** How we reach it. */
  readonly uri: string
  /** How the *other hosts' daemons* reach it to hand a VM over; by default `uri`, where that names a host. */
  readonly peerUri?: string
  /** Where the memory goes, like tcp://10.0.0.2; by default what the host calls itself. */
  readonly dataUri?: string
  /** Bridges and libvirt networks that are there. Absent: not known, and what is not known is a warning of every preflight. */
  readonly networks?: readonly string[]
  /** What its link may carry of one move, in Mbit/s. Each is held to the smaller of both hosts', and promised by it until some have shown their pace. */
  readonly linkMbitPerSec?: number
}

/** What is true of all hosts of a site. */
export interface LibvirtSite {
  readonly hosts: readonly LibvirtHost[]
  /** Folders that are the same storage on all hosts: a disk below them is reached from everywhere. */
  readonly sharedPaths?: readonly string[]
  /** Storage pools of which the same is true. */
  readonly sharedPools?: readonly string[]
  /** Which lock manager qemu.conf has on all hosts. The protocol does not tell; libvirt's own default is none. */
  readonly lockManager?: 'lockd' | 'sanlock' | 'none'
  /** Memory travels in TLS between QEMUs: wants libvirt's migration certificates on all hosts. */
  readonly isEncrypted?: boolean
  /** VMs to leave alone, by name, beside those that say so themselves. */
  readonly optOuts?: readonly string[]
  /** VMs that may be moved by post-copy, by name, beside those that say so themselves. The loss of either host or of the network then loses the guest. */
  readonly postCopyVms?: readonly string[]
  /** The pause that a move may end with, in ms; QEMU's own default is 300. */
  readonly downtimeLimitMs?: number
}

const HOSTS_MAX = 10_000
const DOWNTIME_LIMIT_MS_MAX = 2_000_000
const LINK_MBIT_MAX = 10_000_000
/** Where clouds keep their keys: no hypervisor answers there. */
const LINK_LOCAL = /^(169\.254\.|fe[89ab][0-9a-f]:|::ffff:169\.254\.|::ffff:a9fe:)/i
const LOOPBACK = /^(localhost|127\..*|::1|::ffff:127\..*|0\.0\.0\.0|::)$/i

/** Throws a `ParseError` that names the host and the field. A password in a URI is refused and not repeated. */
export function checkSite(site: LibvirtSite): ReadonlyMap<HostId, LibvirtHost> {
  const { hosts, downtimeLimitMs } = site
  if (hosts.length > HOSTS_MAX) throw new ParseError('hosts', hosts.length, `At most ${HOSTS_MAX} hosts may be.`)
  const byId = new Map<HostId, LibvirtHost>()
  for (const host of hosts) {
    const id = parseHostId(host.id, 'hosts[].id')
    if (byId.has(id)) throw new ParseError(`hosts ${id}`, id, 'It is there twice; ids name one host each.')
    checkUri(host.uri, `hosts ${id}.uri`)
    if (host.peerUri !== undefined) checkPeer(host.peerUri, `hosts ${id}.peerUri`)
    if (host.dataUri !== undefined) checkData(host.dataUri, `hosts ${id}.dataUri`)
    checkLink(host.linkMbitPerSec, `hosts ${id}.linkMbitPerSec`)
    byId.set(id, host)
  }
  if (downtimeLimitMs !== undefined && !isWholeWithin(downtimeLimitMs, DOWNTIME_LIMIT_MS_MAX)) {
    throw new ParseError('downtimeLimitMs', downtimeLimitMs, `Whole ms from 1 to ${DOWNTIME_LIMIT_MS_MAX} may be.`)
  }
  return byId
}

/** As other hosts' daemons reach this one; undefined where the configuration does not say and `uri` leads to a socket of this machine. */
export function peerUriOf({ uri, peerUri }: LibvirtHost): string | undefined {
  if (peerUri !== undefined) return peerUri
  const { target } = parseAddress(uri)
  return target.transport === 'unix' || LOOPBACK.test(target.host) ? undefined : uri
}

/** Whether a path lies below one of the folders; `..` in it leads nowhere good. */
export function isBelow(path: string, folders: readonly string[]): boolean {
  if (path.split('/').includes('..')) return false
  return folders.some((folder) => path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`))
}

function checkUri(uri: string, place: string): void {
  const target = targetOf(uri, place)
  if (target.transport !== 'unix' && LINK_LOCAL.test(target.host)) {
    throw new ParseError(place, target.host, 'Addresses of the link alone are where clouds keep keys, not libvirt.')
  }
}

function checkPeer(uri: string, place: string): void {
  checkUri(uri, place)
  const target = targetOf(uri, place)
  if (target.transport !== 'unix' && target.host !== '' && !LOOPBACK.test(target.host)) return
  throw new ParseError(place, uri, 'Other hosts have to reach it there. Maybe: qemu+tls://its-name/system')
}

function checkData(uri: string, place: string): void {
  const host = /^(?:tcp|rdma):\/\/(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+))(?::\d{1,5})?\/?$/i.exec(uri)
  const name = host?.[1] ?? host?.[2]
  if (name !== undefined && !LOOPBACK.test(name) && !LINK_LOCAL.test(name)) return
  throw new ParseError(place, uri.length > ID_LENGTH_MAX * 4 ? '...' : uri, 'Expected one like tcp://10.0.0.2.')
}

function checkLink(mbit: number | undefined, place: string): void {
  // Less than 9 Mbit/s is less than a MiB/s, the least that libvirt can be told.
  if (mbit === undefined || (Number.isFinite(mbit) && mbit >= 9 && mbit <= LINK_MBIT_MAX)) return
  throw new ParseError(place, mbit, `9 to ${LINK_MBIT_MAX} Mbit/s may be. Leave it out where nothing limits moves.`)
}

function targetOf(uri: string, place: string): ReturnType<typeof parseAddress>['target'] {
  try {
    return parseAddress(uri).target
  } catch (cause) {
    if (!(cause instanceof LibvirtError)) throw cause
    // The error's own words leave passwords out; the URI itself would not.
    throw new ParseError(place, '(a URI)', cause.message)
  }
}

function isWholeWithin(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= max
}
