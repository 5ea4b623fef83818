/** What applications the agent is to ask, and how: filled from sections of the agent's one file. */
import { ParseError } from '../../../terms/parse.ts'
import { SECOND_MS } from '../../../terms/units.ts'
import type { Address } from '../machine.ts'
import { parseSelectors, type Selector } from './selector.ts'

/** A server with a protocol of its own. Without a place it is sought where it usually listens. */
export interface ServerSettings {
  /** Told to people where there are several. */
  readonly name: string
  readonly address?: Address
  readonly user?: string
  /** A file of mode 0600 with the password alone in it. */
  readonly passwordFile?: string
  /** PostgreSQL: which database holds `pg_stat_statements`, and is signed in to. */
  readonly database?: string
}

/** A status page or a page of metrics. */
export interface PageSettings {
  readonly name: string
  /** `http://host:port/path`, or `unix:/path/of/socket:/path`. */
  readonly url: string
  readonly user?: string
  readonly passwordFile?: string
}

/** Which metric stands for which measure. Each is a sum over selectors. */
export interface MetricMapping {
  /** Counter of requests. */
  readonly requests?: readonly Selector[]
  /** Histogram or summary of durations. */
  readonly latency?: readonly Selector[]
  readonly latencyUnit?: 's' | 'ms'
  readonly reads?: readonly Selector[]
  readonly writes?: readonly Selector[]
  readonly cacheHits?: readonly Selector[]
  readonly cacheMisses?: readonly Selector[]
  /** Counter of seconds that requests waited for locks. */
  readonly lockWaitSeconds?: readonly Selector[]
  /** Gauges, for what an application tells as a level already. */
  readonly requestsPerSec?: readonly Selector[]
  readonly latencyMs?: readonly Selector[]
  readonly readShare?: readonly Selector[]
  readonly cacheHitShare?: readonly Selector[]
  readonly lockWaitShare?: readonly Selector[]
}

export interface PrometheusSettings extends PageSettings {
  /** Empty: the usual names of HTTP metrics are tried. */
  readonly mapping: MetricMapping
}

export interface OtlpSettings {
  /** Where metrics are taken; 4318 is the port that OTLP over HTTP is registered for. Only ever on loopback. */
  readonly port: number
  /** Empty: the semantic conventions. */
  readonly mapping: MetricMapping
}

/** Everything has a default: nothing configured is `DEFAULT_APPLICATIONS`. */
export interface ApplicationSettings {
  /** Whether applications on usual local sockets are asked without being configured, and without credentials. */
  readonly discover: boolean
  readonly everyMs: number
  readonly postgresql: readonly ServerSettings[]
  readonly mysql: readonly ServerSettings[]
  readonly redis: readonly ServerSettings[]
  readonly nginx: readonly PageSettings[]
  readonly apache: readonly PageSettings[]
  readonly prometheus: readonly PrometheusSettings[]
  readonly otlp?: OtlpSettings
}

/** Rates of applications need no finer look than this. */
const EVERY_MS = 15 * SECOND_MS
/** The port of OTLP over HTTP (OpenTelemetry protocol specification 1.x). */
const OTLP_PORT = 4318

export const DEFAULT_APPLICATIONS: ApplicationSettings = {
  discover: true,
  everyMs: EVERY_MS,
  postgresql: [],
  mysql: [],
  redis: [],
  nginx: [],
  apache: [],
  prometheus: [],
}

/** How a value in the file is read. */
export type KeyKind = 'switch' | 'seconds' | 'port' | 'path' | 'host' | 'word' | 'url' | 'unit' | 'selectors'

const SERVER_KEYS = {
  socket: 'path',
  host: 'host',
  port: 'port',
  user: 'word',
  'password-file': 'path',
} as const satisfies Record<string, KeyKind>
const PAGE_KEYS = { url: 'url', user: 'word', 'password-file': 'path' } as const satisfies Record<string, KeyKind>
const MAPPING_KEYS = {
  requests: 'selectors',
  latency: 'selectors',
  'latency-unit': 'unit',
  reads: 'selectors',
  writes: 'selectors',
  'cache-hits': 'selectors',
  'cache-misses': 'selectors',
  'lock-wait-seconds': 'selectors',
  'requests-per-sec': 'selectors',
  'latency-ms': 'selectors',
  'read-share': 'selectors',
  'cache-hit-share': 'selectors',
  'lock-wait-share': 'selectors',
} as const satisfies Record<string, KeyKind>

/** Sections of the file that are about applications, and their keys. All but `applications` and `otlp` may stand several times with a
 *  name behind: `[redis sessions]`. */
export const APPLICATION_KEYS = {
  applications: { discover: 'switch', every: 'seconds' },
  postgresql: { ...SERVER_KEYS, database: 'word' },
  mysql: SERVER_KEYS,
  redis: SERVER_KEYS,
  nginx: PAGE_KEYS,
  apache: PAGE_KEYS,
  prometheus: { ...PAGE_KEYS, ...MAPPING_KEYS },
  otlp: { listen: 'switch', port: 'port', ...MAPPING_KEYS },
} as const satisfies Record<string, Readonly<Record<string, KeyKind>>>
type SectionKind = keyof typeof APPLICATION_KEYS

/** A value and where it stands in the file, so that a complaint can say so. */
interface Setting {
  readonly value: string
  readonly place: string
}
type Section = ReadonlyMap<string, Setting>

/** More applications than anybody has in one VM. */
const APPLICATIONS_MAX = 32
const NAME = /^[A-Za-z0-9._-]{1,40}$/

/** Whether a section of the file is one of ours: `redis` and `redis sessions` are. */
export function isApplicationSection(section: string): boolean {
  return Object.hasOwn(APPLICATION_KEYS, section.split(' ')[0])
}

/** Reads the sections that are about applications, and leaves others alone. Throws `ParseError` for what can't be meant. */
export function parseApplicationSettings(sections: ReadonlyMap<string, Section>): ApplicationSettings {
  const lists = { postgresql: [], mysql: [], redis: [], nginx: [], apache: [], prometheus: [] } as {
    postgresql: ServerSettings[]
    mysql: ServerSettings[]
    redis: ServerSettings[]
    nginx: PageSettings[]
    apache: PageSettings[]
    prometheus: PrometheusSettings[]
  }
  let settings = DEFAULT_APPLICATIONS
  let count = 0
  for (const [title, section] of sections) {
    if (!isApplicationSection(title)) continue
    const kind = title.split(' ')[0] as SectionKind
    const name = title.slice(kind.length).trim()
    const place = section.values().next().value?.place ?? `[${title}]`
    if (name !== '' && !NAME.test(name))
      throw new ParseError(place, title, 'Expected a name of letters, digits, dot, dash.')
    if (++count > APPLICATIONS_MAX) throw new ParseError(place, title, `At most ${APPLICATIONS_MAX} applications.`)
    refuseUnknown(section, Object.keys(APPLICATION_KEYS[kind]))
    if (kind === 'applications') settings = { ...settings, ...readGeneral(section) }
    else if (kind === 'otlp') settings = { ...settings, ...readOtlp(section) }
    else if (kind === 'prometheus')
      lists.prometheus.push({ ...readPage(section, name, place), mapping: readMapping(section) })
    else if (kind === 'nginx' || kind === 'apache') lists[kind].push(readPage(section, name, place))
    else lists[kind].push(readServer(section, name, kind))
  }
  return { ...settings, ...lists }
}

function refuseUnknown(section: Section, known: readonly string[]): void {
  for (const [key, { place }] of section)
    if (!known.includes(key)) throw new ParseError(place, key, `Unknown key; known are: ${known.join(', ')}.`)
}

function readGeneral(section: Section): { readonly discover: boolean; readonly everyMs: number } {
  const every = section.get('every')
  return {
    discover: readSwitch(section.get('discover'), true),
    everyMs: every === undefined ? EVERY_MS : readEvery(every),
  }
}

function readEvery({ value, place }: Setting): number {
  const seconds = /^(\d{1,4})s$/.exec(value)?.[1]
  const everyMs = Number(seconds) * SECOND_MS
  if (everyMs >= SECOND_MS && everyMs <= 600 * SECOND_MS) return everyMs
  throw new ParseError(place, value, 'Expected seconds such as 15s, from 1s to 600s.')
}

function readOtlp(section: Section): { readonly otlp?: OtlpSettings } {
  if (!readSwitch(section.get('listen'), false)) return {}
  return { otlp: { port: readPort(section.get('port')) ?? OTLP_PORT, mapping: readMapping(section) } }
}

function readServer(section: Section, name: string, kind: 'postgresql' | 'mysql' | 'redis'): ServerSettings {
  const socket = section.get('socket')
  const host = section.get('host')
  const port = section.get('port')
  if (socket !== undefined && (host !== undefined || port !== undefined))
    throw new ParseError(socket.place, socket.value, 'A server is at a socket, or at a host and port; not both.')
  const usualPort = { postgresql: 5432, mysql: 3306, redis: 6379 }[kind]
  const network = { host: host?.value ?? '127.0.0.1', port: readPort(port) ?? usualPort }
  const isNetwork = host !== undefined || port !== undefined
  if (kind === 'redis' && host !== undefined && section.has('password-file') && !LOOPBACK.has(host.value))
    throw new ParseError(
      host.place,
      host.value,
      'Redis takes a password in clear: it is sent to 127.0.0.1, ::1 or localhost only.',
    )
  return {
    name,
    ...(socket === undefined ? {} : { address: { path: readPath(socket) } }),
    ...(isNetwork ? { address: network } : {}),
    ...text('user', section.get('user')),
    ...text('database', section.get('database')),
    ...credentials(section),
  }
}

function readPage(section: Section, name: string, place: string): PageSettings {
  const setting = section.get('url')
  if (setting === undefined) throw new ParseError(place, undefined, 'This section needs `url = http://...`.')
  const url = readUrl(setting, section.has('password-file'))
  return { name, url, ...text('user', section.get('user')), ...credentials(section) }
}

/** Plain HTTP: a password crosses no network by it. */
function readUrl({ value, place }: Setting, hasPassword: boolean): string {
  if (/^unix:\/[^:\s]+:\/\S*$/.test(value)) return value
  const url = URL.parse(value)
  if (url === null || url.protocol !== 'http:')
    throw new ParseError(place, value, 'Expected http://host:port/path or unix:/path/of/socket:/path.')
  if (url.username !== '' || url.password !== '')
    throw new ParseError(
      place,
      '(hidden)',
      'Write a password into a file of mode 0600, and name it by `password-file`.',
    )
  if (hasPassword && !LOOPBACK.has(url.hostname))
    throw new ParseError(place, value, 'A password is sent over plain HTTP only to 127.0.0.1, [::1] or localhost.')
  return value
}

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', '[::1]', 'localhost'])

function readMapping(section: Section): MetricMapping {
  const unit = section.get('latency-unit')
  if (unit !== undefined && unit.value !== 's' && unit.value !== 'ms')
    throw new ParseError(unit.place, unit.value, 'Expected s or ms.')
  const mapping: Record<string, readonly Selector[]> = {}
  for (const key of Object.keys(MAPPING_KEYS)) {
    const setting = section.get(key)
    if (setting !== undefined && key !== 'latency-unit')
      mapping[key.replace(/-[a-z]/g, (dash) => dash.slice(1).toUpperCase())] = parseSelectors(
        setting.value,
        setting.place,
      )
  }
  return unit === undefined ? mapping : { ...mapping, latencyUnit: unit.value as 's' | 'ms' }
}

function credentials(section: Section): { readonly passwordFile?: string } {
  const file = section.get('password-file')
  return file === undefined ? {} : { passwordFile: readPath(file) }
}

function text<Key extends string>(key: Key, setting: Setting | undefined): { readonly [K in Key]?: string } {
  if (setting === undefined) return {}
  // A NUL would end the name on the wire, and begin something else.
  if (setting.value === '' || setting.value.length > 128 || setting.value.includes('\0'))
    throw new ParseError(setting.place, setting.value, 'Expected a name of at most 128 characters.')
  return { [key]: setting.value } as { [K in Key]: string }
}

function readSwitch(setting: Setting | undefined, otherwise: boolean): boolean {
  if (setting === undefined) return otherwise
  if (setting.value === 'on' || setting.value === 'off') return setting.value === 'on'
  throw new ParseError(setting.place, setting.value, 'Expected on or off.')
}

function readPort(setting: Setting | undefined): number | undefined {
  if (setting === undefined) return undefined
  const port = Number(setting.value)
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port
  throw new ParseError(setting.place, setting.value, 'Expected a port from 1 to 65535.')
}

function readPath({ value, place }: Setting): string {
  if (value.startsWith('/') && value.length < 4096 && !value.includes('\0')) return value
  throw new ParseError(place, value, 'Expected a path that begins with /.')
}
