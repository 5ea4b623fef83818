/** What the agent is to do here. Every value has a default; a file changes some. */
import {
  APPLICATION_KEYS,
  type ApplicationSettings,
  isApplicationSection,
  parseApplicationSettings,
} from '../../drivers/guest/applications/settings.ts'
import type { Machine } from '../../drivers/guest/machine.ts'
import { SAMPLER_NAMES, type SamplerName } from '../../drivers/guest/sampler.ts'
import { parseVmId, type VmId } from '../../terms/ids.ts'
import { ParseError, parseWord, show } from '../../terms/parse.ts'
import { HOUR_MS, KiB, MiB, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import {
  parseAmountOf,
  parseConfigFile,
  parseDuration,
  parseSize,
  parseSwitch,
  refuseUnknownKeys,
  type Sections,
  type Setting,
} from './config-file.ts'
import { parseProbes, type ProbesAsked } from './probe-settings.ts'

/** Where the file is sought when nobody names one. */
export const CONFIG_PATH = '/etc/ethos/agent.conf'
const STATE_FOLDER = '/var/lib/ethos-agent'
const TOKEN_FILE = '/etc/ethos/join-token'
/** Name of the channel that libvirt is asked to give a guest. */
const VIRTIO_PORT = '/dev/virtio-ports/org.ethos.agent.0'

/** By which way vectors leave. `auto`: by the channel where there is one, else by the network where a server is named. */
const UPLINKS = ['auto', 'https', 'virtio', 'none'] as const
export type UplinkChoice = (typeof UPLINKS)[number]

export interface AgentConfig {
  /** Absent: made of the machine's own id, or told by the channel. */
  readonly vmId?: VmId
  /** Base URL of the server, `https://host:port`. Absent: nothing is sent over the network. */
  readonly server?: string
  readonly uplink: UplinkChoice
  readonly virtioPort: string
  readonly tokenFile: string
  readonly stateFolder: string
  readonly sampleEveryMs: number
  /** How often what is cheap is looked at; absent: as often as all. */
  readonly cheapEveryMs?: number
  readonly vectorEveryMs: number
  readonly windowMs: number
  readonly refCoresPerCore: number
  readonly samplers: ReadonlySet<SamplerName>
  readonly spoolBytesMax: number
  readonly probes: ProbesAsked
  readonly applications: ApplicationSettings
}

const KEYS = [
  'vm',
  'server',
  'uplink',
  'virtio-port',
  'token-file',
  'state',
  'sample-every',
  'cheap-every',
  'vector-every',
  'window',
  'reference-cores-per-core',
  'spool-size',
] as const
type Key = (typeof KEYS)[number]

/** Reads the file at `path`, or the usual one if there is any. Throws `ParseError` for what can't be meant. */
export function readConfig(machine: Machine, path: string | undefined): AgentConfig {
  const text = readFile(machine, path)
  return parseConfig(machine, parseConfigFile(text, path ?? CONFIG_PATH))
}

function readFile(machine: Machine, path: string | undefined): string {
  const wanted = path ?? CONFIG_PATH
  const access = machine.access(wanted)
  if (access === 'missing' && path === undefined) return ''
  const text = access === 'readable' ? machine.readText(wanted, 128 * KiB) : undefined
  if (text !== undefined) return text
  const why = access === 'missing' ? 'There is no such file.' : 'It can not be read. Does its mode allow this user?'
  throw new ParseError('configuration', wanted, why)
}

/** The configuration as values. Keys and sections that nobody knows are refused. */
export function parseConfig(machine: Machine, sections: Sections): AgentConfig {
  refuseUnknownSections(sections)
  const top = sections.get('') ?? new Map<string, Setting>()
  refuseUnknownKeys(top, KEYS)
  const read = <T>(key: Key, parse: (setting: Setting) => T): T | undefined => {
    const setting = top.get(key)
    return setting === undefined ? undefined : parse(setting)
  }
  const vmId = read('vm', ({ value, place }) => parseVmId(value, place))
  const server = read('server', parseServer)
  const sampleEveryMs = read('sample-every', duration(SECOND_MS, MINUTE_MS)) ?? 5 * SECOND_MS
  const cheapEveryMs = read('cheap-every', duration(SECOND_MS, sampleEveryMs))
  const windowMs = read('window', duration(MINUTE_MS, 24 * HOUR_MS)) ?? HOUR_MS
  return {
    ...(vmId === undefined ? {} : { vmId }),
    ...(server === undefined ? {} : { server }),
    uplink: read('uplink', ({ value, place }) => parseWord(value, place, UPLINKS)) ?? 'auto',
    virtioPort: read('virtio-port', parsePath) ?? VIRTIO_PORT,
    tokenFile: read('token-file', parsePath) ?? TOKEN_FILE,
    stateFolder: read('state', parsePath) ?? machine.self.environment('STATE_DIRECTORY') ?? STATE_FOLDER,
    sampleEveryMs,
    ...(cheapEveryMs === undefined ? {} : { cheapEveryMs }),
    vectorEveryMs: read('vector-every', duration(MINUTE_MS, 15 * MINUTE_MS)) ?? 5 * MINUTE_MS,
    windowMs,
    refCoresPerCore:
      read('reference-cores-per-core', (setting) => parseAmountOf(setting, { min: 0.01, max: 100 })) ?? 1,
    samplers: parseSamplers(sections.get('samplers') ?? new Map<string, Setting>()),
    spoolBytesMax: read('spool-size', (setting) => parseSize(setting, { min: 64 * KiB, max: 64 * MiB })) ?? MiB,
    probes: parseProbes(sections.get('probes')),
    applications: parseApplicationSettings(sections),
  }
}

function refuseUnknownSections(sections: Sections): void {
  for (const name of sections.keys()) {
    if (['', 'samplers', 'probes'].includes(name) || isApplicationSection(name)) continue
    const known = ['samplers', 'probes', ...Object.keys(APPLICATION_KEYS)]
    throw new ParseError('section', name, `Unknown section; known are: ${known.join(', ')}.`)
  }
}

function duration(minMs: number, maxMs: number): (setting: Setting) => number {
  return (setting) => parseDuration(setting, { minMs, maxMs })
}

function parsePath({ value, place }: Setting): string {
  if (value.startsWith('/') && value.length < 4096 && !value.includes('\0')) return value
  throw new ParseError(place, value, 'Expected a path that begins with /.')
}

/** Only https: what a guest tells about itself is nobody else's business. */
function parseServer({ value, place }: Setting): string {
  let url: URL
  try {
    url = new URL(value)
  } catch {
    throw new ParseError(place, value, 'Expected a URL such as https://ethos.example:8470.')
  }
  if (url.protocol !== 'https:') throw new ParseError(place, value, 'Only https is spoken. Expected https://host:port.')
  if (url.username !== '' || url.password !== '')
    throw new ParseError(place, '(hidden)', 'A name or password in the URL is not used; the agent joins with a token.')
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
    throw new ParseError(place, value, `Expected host and port only: ${url.origin}`)
  return url.origin
}

/** All samplers are on unless the file says `off`. */
function parseSamplers(settings: ReadonlyMap<string, Setting>): ReadonlySet<SamplerName> {
  refuseUnknownKeys(settings, SAMPLER_NAMES)
  return new Set(
    SAMPLER_NAMES.filter((name) => {
      const setting = settings.get(name)
      return setting === undefined || parseSwitch(setting)
    }),
  )
}

/** The VM's id: as configured; else the hardware's, which a clone does not share but only root may read; else made of the machine id.
 *  Undefined where a machine has neither, and nobody said. */
export function vmIdOf(machine: Machine, config: AgentConfig): VmId | undefined {
  if (config.vmId !== undefined) return config.vmId
  const hardware = machine.readText('/sys/class/dmi/id/product_uuid')?.trim().toLowerCase()
  if (hardware !== undefined && /^[0-9a-f-]{36}$/.test(hardware)) return parseVmId(hardware)
  const machineId = machine.readText('/etc/machine-id')?.trim()
  if (machineId === undefined || !/^[0-9a-f]{32}$/.test(machineId)) return undefined
  // machine-id(5) asks that the id itself is not shown over a network: a keyed hash of it is.
  const bytes = machine.secrets.hmacSha256(latin1('ethos vm id'), latin1(machineId))
  return parseVmId(`vm-${hex(bytes).slice(0, 24)}`)
}

/** Text of Latin-1 as bytes. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

/** Bytes as lower-case hexadecimal digits. */
export function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}

/** For messages: which file, or that there is none. */
export function showSource(path: string | undefined): string {
  return path === undefined ? `${CONFIG_PATH}, or the defaults where there is none` : show(path)
}
