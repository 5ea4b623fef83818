import type { Address, Looks } from '../machine.ts'

/** Kinds that are found by themselves. */
export type FoundKind = 'postgresql' | 'mysql' | 'redis' | 'web'

/** Something on this machine that may be an application of that kind. */
export interface Candidate {
  readonly kind: FoundKind
  readonly address: Address
}

/** Sockets beyond are not looked at. A line is some 100 bytes. */
const UNIX_BYTES_MAX = 256 * 1024
const TCP_BYTES_MAX = 256 * 1024
/** More of them are no VM, but somebody who wants us busy. */
const CANDIDATES_MAX = 16

/** Where only the system and its services make sockets. Nobody is believed who listens in a folder that everyone may write to: whoever came
 *  first would be taken for the database. */
const SAFE = ['/run/', '/var/run/', '/var/lib/']
const UNSAFE = ['/run/user/', '/run/lock/', '/var/run/user/', '/var/run/lock/', '/run/shm/']
const REDIS_PORT = 6379
const WEB_PORTS = [80, 8080]
/** Of a socket that listens, in /proc/net/unix: SO_ACCEPTCON. */
const LISTENS = ' 00010000 '
/** State LISTEN in /proc/net/tcp. */
const LISTEN = ' 0A '

/** Looks for applications on local sockets: by the names of sockets that listen, and by ports on loopback. Talks to nobody. */
export function discover(looks: Looks): readonly Candidate[] {
  const found: Candidate[] = []
  for (const path of listeningPaths(looks)) {
    const kind = kindOfPath(path)
    if (kind !== undefined) found.push({ kind, address: { path } })
  }
  const ports = listeningPorts(looks)
  const hasRedisSocket = found.some(({ kind }) => kind === 'redis')
  if (ports.has(REDIS_PORT) && !hasRedisSocket)
    found.push({ kind: 'redis', address: { host: '127.0.0.1', port: REDIS_PORT } })
  for (const port of WEB_PORTS) if (ports.has(port)) found.push({ kind: 'web', address: { host: '127.0.0.1', port } })
  return found.slice(0, CANDIDATES_MAX)
}

function listeningPaths(looks: Looks): ReadonlySet<string> {
  const text = looks.readText('/proc/net/unix', UNIX_BYTES_MAX)
  const paths = new Set<string>()
  if (text === undefined) return paths
  for (let at = text.indexOf(' /'); at >= 0; at = text.indexOf(' /', at + 1)) {
    const end = text.indexOf('\n', at)
    // A last line that is cut names another path.
    if (end < 0) break
    const start = text.lastIndexOf('\n', at) + 1
    const listens = text.indexOf(LISTENS, start)
    if (listens >= 0 && listens < at) paths.add(text.slice(at + 1, end))
  }
  return paths
}

function kindOfPath(path: string): FoundKind | undefined {
  if (path.includes('/../') || !SAFE.some((folder) => path.startsWith(folder))) return undefined
  if (UNSAFE.some((folder) => path.startsWith(folder))) return undefined
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (/^\.s\.PGSQL\.\d{1,5}$/.test(name)) return 'postgresql'
  if (name === 'mysqld.sock' || name === 'mysql.sock' || name === 'mariadb.sock') return 'mysql'
  return /^(redis|valkey)[\w.-]*\.sock$/.test(name) && !name.includes('sentinel') ? 'redis' : undefined
}

/** Ports with a listener that 127.0.0.1 reaches. Addresses stand in the byte order of the processor, so only all zeros and loopback count. */
function listeningPorts(looks: Looks): ReadonlySet<number> {
  const ports = new Set<number>()
  for (const path of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const text = looks.readText(path, TCP_BYTES_MAX) ?? ''
    for (let at = text.indexOf(LISTEN); at >= 0; at = text.indexOf(LISTEN, at + 1)) {
      const start = text.lastIndexOf('\n', at) + 1
      const colon = text.indexOf(':', text.indexOf(':', start) + 1)
      const address = text.slice(text.lastIndexOf(' ', colon) + 1, colon)
      const reaches = /^0+$/.test(address) || address === '0100007F' || address === '7F000001'
      if (reaches) ports.add(Number.parseInt(text.slice(colon + 1, colon + 5), 16))
    }
  }
  return ports
}
