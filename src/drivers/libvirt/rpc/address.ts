/** libvirt's connection URIs: `driver[+transport]://[user@][host][:port]/[path][?parameters]` (https://libvirt.org/uri.html). */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { LibvirtError } from './errors.ts'
import { TCP_PORT, TLS_PORT } from './limits.ts'

/** Where to connect, and the name under which the daemon is asked to open. */
export interface Address {
  /** As it was given, for messages. */
  readonly uri: string
  /** What CONNECT_OPEN is given: the URI as the daemon itself would use it. Empty lets it choose. */
  readonly name: string
  readonly target: Target
}

export type Target = UnixTarget | TcpTarget | TlsTarget | SshTarget

export interface UnixTarget {
  readonly transport: 'unix'
  readonly path: string
}

export interface TcpTarget {
  readonly transport: 'tcp'
  readonly host: string
  readonly port: number
}

export interface TlsTarget {
  readonly transport: 'tls'
  readonly host: string
  readonly port: number
  /** A folder with cacert.pem, clientcert.pem and clientkey.pem; absent: libvirt's usual places. */
  readonly pkiPath?: string
  /** False with `no_verify=1`: whoever answers is believed to be the host. */
  readonly isVerified: boolean
}

export interface SshTarget {
  readonly transport: 'ssh'
  readonly host: string
  readonly port?: number
  readonly user?: string
  /** The ssh program. */
  readonly command: string
  readonly keyFile?: string
  /** False with `no_verify=1`: a host key that was never seen is accepted. */
  readonly isVerified: boolean
  /** What joins ssh to the daemon over there: libvirt's own helper, netcat, or the helper if it is there. */
  readonly proxy: 'auto' | 'native' | 'netcat'
  readonly netcat: string
  /** The daemon's socket over there, for netcat. */
  readonly socketPath: string
}

export interface AddressOptions {
  readonly isReadOnly?: boolean
  /** Of the process, by default its own. Whether we are root decides where a session's socket is. */
  readonly isRoot?: boolean
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly exists?: (path: string) => boolean
}

const SYSTEM_SOCKETS = '/var/run/libvirt'
/** Parameters that say how to connect. All others go on to the daemon. */
const OURS = new Set([
  'name',
  'command',
  'socket',
  'auth',
  'netcat',
  'keyfile',
  'pkipath',
  'mode',
  'proxy',
  'no_verify',
  'no_tty',
  'no_sanity',
])
/** What libvirt knows and we do not do: refused, because to pass it over could be less safe than what was asked for. */
const NOT_OURS = new Set(['tls_priority', 'known_hosts', 'known_hosts_verify', 'sshauth', 'authfile'])

interface Parts {
  readonly uri: string
  readonly driver: string
  readonly transport: Target['transport']
  readonly host: string
  readonly port: number | undefined
  readonly user: string | undefined
  readonly path: string
  readonly parameters: readonly (readonly [string, string])[]
}

/** Throws an `address` error that says what is wrong with the URI. */
export function parseAddress(uri: string, options: AddressOptions = {}): Address {
  const parts = splitUri(uri)
  return { uri, name: nameOf(parts), target: targetOf(parts, options) }
}

function splitUri(uri: string): Parts {
  const match = /^(?<driver>[a-z][a-z0-9.-]*)(?:\+(?<transport>[a-z0-9]+))?:/i.exec(uri)
  const url = URL.canParse(uri) ? new URL(uri) : undefined
  if (match?.groups === undefined || url === undefined || uri.includes('\0')) {
    throw wrong(uri, 'is no URI. Expected one like qemu:///system or qemu+tls://host/system.')
  }
  const { driver, transport } = match.groups
  if (url.hash !== '') throw wrong(uri, 'has a fragment (#), which means nothing to libvirt.')
  if (url.password !== '') throw wrong(uri, 'holds a password. libvirt takes none there, and URIs end in logs.')
  const host = decode(uri, url.hostname.replace(/^\[(.*)\]$/, '$1'))
  const parts = {
    uri,
    driver: driver ?? '',
    host,
    port: url.port === '' ? undefined : Number(url.port),
    user: url.username === '' ? undefined : decode(uri, url.username),
    path: url.pathname,
    parameters: splitQuery(uri, url.search),
  }
  return { ...parts, transport: transportOf(uri, transport?.toLowerCase(), host) }
}

function transportOf(uri: string, named: string | undefined, host: string): Target['transport'] {
  if (named === undefined) return host === '' ? 'unix' : 'tls'
  if (named === 'unix' && host !== '')
    throw wrong(uri, `names the host ${host} for a unix socket, which is always local.`)
  if (named === 'unix' || named === 'tcp' || named === 'tls' || named === 'ssh') return named
  const remedy = named.startsWith('libssh') ? ` Maybe: ssh instead of ${named}` : ''
  throw wrong(uri, `has the transport ${named}; unix, tcp, tls and ssh are known here.${remedy}`)
}

function splitQuery(uri: string, search: string): readonly (readonly [string, string])[] {
  const pairs = search
    .replace(/^\?/, '')
    .split(/[&;]/)
    .filter((pair) => pair !== '')
  return pairs.map((pair) => {
    const equals = pair.indexOf('=')
    const [name, value] = equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
    return [decode(uri, name), decode(uri, value)] as const
  })
}

function decode(uri: string, text: string): string {
  try {
    const plain = decodeURIComponent(text)
    if (!plain.includes('\0')) return plain
  } catch {
    // Told below.
  }
  throw wrong(uri, `has ${JSON.stringify(text)}, in which a % is followed by what is no character.`)
}

/** The last of a name wins, as in libvirt; names know no case. */
function parameter({ parameters }: Parts, wanted: string): string | undefined {
  const value = parameters.findLast(([name]) => name.toLowerCase() === wanted)?.[1]
  return value === '' ? undefined : value
}

function isSet(parts: Parts, wanted: string): boolean {
  const value = parameter(parts, wanted)
  return value !== undefined && value !== '0'
}

function nameOf(parts: Parts): string {
  const given = parameter(parts, 'name')
  if (given !== undefined) return given
  if (parts.driver.toLowerCase() === 'remote') return ''
  const passed = parts.parameters.filter(([name]) => !OURS.has(name.toLowerCase()))
  const query = passed.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')
  return `${parts.driver}://${parts.path === '' ? '/' : parts.path}${query === '' ? '' : `?${query}`}`
}

function targetOf(parts: Parts, options: AddressOptions): Target {
  const refused = parts.parameters.find(([name]) => NOT_OURS.has(name.toLowerCase()))
  if (refused !== undefined) throw wrong(parts.uri, `asks for ${refused[0]}, which this client does not do.`)
  const auth = parameter(parts, 'auth')?.toLowerCase()
  if (auth !== undefined && auth !== 'polkit')
    throw wrong(parts.uri, `asks for auth=${auth}; only polkit is known here.`)
  const { transport, port } = parts
  if (transport === 'ssh') return sshTarget(parts, options)
  if (transport === 'unix') return { transport, path: parameter(parts, 'socket') ?? localSocket(parts, options) }
  const host = parts.host === '' ? 'localhost' : parts.host
  if (transport === 'tcp') return { transport, host, port: port ?? TCP_PORT }
  const isVerified = !isSet(parts, 'no_verify')
  return { transport, host, port: port ?? TLS_PORT, isVerified, ...given('pkiPath', parameter(parts, 'pkipath')) }
}

function sshTarget(parts: Parts, { isReadOnly = false }: AddressOptions): SshTarget {
  if (parts.host === '') throw wrong(parts.uri, 'names no host for ssh.')
  const socket = parameter(parts, 'socket')
  const netcat = parameter(parts, 'netcat')
  const proxy = proxyOf(parts, { socket, netcat })
  // We can not look over there; libvirtd's socket, or that of virtproxyd in its place.
  const socketPath = socket ?? `${SYSTEM_SOCKETS}/libvirt-sock${isReadOnly ? '-ro' : ''}`
  return {
    transport: 'ssh',
    host: parts.host,
    command: parameter(parts, 'command') ?? 'ssh',
    isVerified: !isSet(parts, 'no_verify'),
    proxy,
    netcat: netcat ?? 'nc',
    socketPath,
    ...given('port', parts.port),
    ...given('user', parts.user),
    ...given('keyFile', parameter(parts, 'keyfile')),
  }
}

function proxyOf(
  parts: Parts,
  { socket, netcat }: { readonly socket: string | undefined; readonly netcat: string | undefined },
): SshTarget['proxy'] {
  const wanted = parameter(parts, 'proxy')?.toLowerCase()
  if (wanted !== undefined && wanted !== 'auto' && wanted !== 'native' && wanted !== 'netcat') {
    throw wrong(parts.uri, `asks for proxy=${wanted}; auto, native and netcat are known.`)
  }
  if (wanted === 'native' && (netcat !== undefined || socket !== undefined)) {
    throw wrong(parts.uri, 'asks for proxy=native, which takes neither netcat nor socket.')
  }
  // libvirt's helper finds the socket by itself and can not be given one.
  if (netcat !== undefined || socket !== undefined) return 'netcat'
  if (wanted !== undefined) return wanted
  return parts.path === '/session' ? 'native' : 'auto'
}

/** A daemon per driver where its socket is there, else the one daemon for all. */
function localSocket(parts: Parts, options: AddressOptions): string {
  const { isReadOnly = false, isRoot = process.getuid?.() === 0, exists = existsSync } = options
  const mode = parameter(parts, 'mode')?.toLowerCase() ?? 'auto'
  if (mode !== 'auto' && mode !== 'direct' && mode !== 'legacy') {
    throw wrong(parts.uri, `asks for mode=${mode}; auto, direct and legacy are known.`)
  }
  const isSession = parts.path === '/session' && !isRoot
  const folder = isSession ? sessionFolder(options.environment ?? process.env) : SYSTEM_SOCKETS
  const ending = isReadOnly && !isSession ? 'sock-ro' : 'sock'
  const direct = join(folder, `virt${parts.driver.toLowerCase()}d-${ending}`)
  if (mode === 'direct' || (mode === 'auto' && exists(direct))) return direct
  return join(folder, `libvirt-${ending}`)
}

function sessionFolder(environment: Readonly<Record<string, string | undefined>>): string {
  const { XDG_RUNTIME_DIR: runtime, XDG_CACHE_HOME: cache, HOME: home } = environment
  if (runtime !== undefined && runtime !== '') return join(runtime, 'libvirt')
  return join(cache !== undefined && cache !== '' ? cache : join(home ?? homedir(), '.cache'), 'libvirt')
}

function given<Name extends string, Value>(name: Name, value: Value | undefined): { readonly [Key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [Key in Name]: Value })
}

function wrong(uri: string, what: string): LibvirtError {
  return new LibvirtError('address', `${uri.replaceAll(/:[^:@/]*@/g, ':...@')} ${what}`)
}
