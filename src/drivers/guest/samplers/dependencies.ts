import type { Looks } from '../machine.ts'
import type { ReadingWriter } from '../sampler.ts'
import type { Connection, Peers } from './peers.ts'
import { classOf, classOfPort, type ProcessClass } from './process-class.ts'
import { tell } from './tell.ts'

/** Open files that are asked whose socket they are: a tenth of a second of work at most, and only for people. */
const LINKS_MAX = 16_384
const PROCESSES_MAX = 2048
const EDGES_SHOWN = 8

/** Who talks to whom, as classes: a process here to a process here, or to a peer, whose address is a keyed hash. Needs the right to see the
 *  open files of others; connections whose process may not be seen are told as such. */
export function putDependencies(looks: Looks, peers: Peers, { peerName, into }: DependencyView): void {
  const { connections, listening } = peers
  const owners = ownersOf(looks, new Set(connections.map(({ inode }) => inode)))
  const byEnd = new Map(connections.map((connection) => [connection.local, connection]))
  const edges = new Map<string, number>()
  let unseen = 0
  for (const connection of connections) {
    const isInward = listening.has(connection.localPort)
    const isLocal = peers.isOwn(connection.remoteAddress)
    // Of a connection within the machine both ends are listed: the end that called tells of it.
    if (isLocal && isInward) continue
    const owner = owners.get(connection.inode)
    if (owner === undefined) unseen++
    const here = owner ?? 'unseen'
    const edge = isLocal
      ? `${here} -> ${farOwner(connection, byEnd, owners)} here`
      : isInward
        ? `${peerName(connection.remoteAddress)} -> ${owner ?? classOfPort(connection.localPort)}`
        : `${here} -> ${classOfPort(connection.remotePort)} at ${peerName(connection.remoteAddress)}`
    edges.set(edge, (edges.get(edge) ?? 0) + 1)
  }
  const strongest = [...edges].toSorted((a, b) => b[1] - a[1]).slice(0, EDGES_SHOWN)
  for (const [edge, count] of strongest) tell(into, edge, 'connections', count)
  if (unseen > 0) tell(into, 'connections of processes that may not be seen', 'connections', unseen)
}

export interface DependencyView {
  /** A name for an address, from which the address can't be told. */
  readonly peerName: (address: string) => string
  readonly into: ReadingWriter
}

function farOwner(
  connection: Connection,
  byEnd: ReadonlyMap<string, Connection>,
  owners: ReadonlyMap<number, ProcessClass>,
): ProcessClass {
  const far = byEnd.get(connection.remote)
  return (far === undefined ? undefined : owners.get(far.inode)) ?? classOfPort(connection.remotePort)
}

/** Class of the process that holds a socket, by the socket's inode: /proc/PID/fd/N is a link to `socket:[INODE]`. */
function ownersOf(looks: Looks, wanted: ReadonlySet<number>): ReadonlyMap<number, ProcessClass> {
  const owners = new Map<number, ProcessClass>()
  let links = 0
  const pids = (looks.list('/proc') ?? []).filter((name) => name >= '1' && name < ':').slice(0, PROCESSES_MAX)
  for (const pid of pids) {
    if (owners.size === wanted.size) break
    let kind: ProcessClass | undefined
    for (const file of looks.list(`/proc/${pid}/fd`) ?? []) {
      if (++links > LINKS_MAX) return owners
      const link = looks.readLink(`/proc/${pid}/fd/${file}`) ?? ''
      if (!link.startsWith('socket:[')) continue
      const inode = Number.parseInt(link.slice(8), 10)
      if (!wanted.has(inode)) continue
      kind ??= classOf((looks.readText(`/proc/${pid}/comm`, 64) ?? '').trim())
      owners.set(inode, kind)
    }
  }
  return owners
}
