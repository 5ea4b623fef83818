import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type HostCharacteristics, hostCapacityRefCores, parseHost } from '../terms/host.ts'
import type { HostId } from '../terms/ids.ts'
import {
  type Fields,
  ParseError,
  parseFields,
  parseJson,
  parseList,
  parseNumber,
  parseText,
  parseWord,
  refuseUnknownFields,
} from '../terms/parse.ts'
import { PROJECT_FOLDER } from './traces/data-folder.ts'
import { readTraceBytes } from './traces/trace-bytes.ts'

/** SPECpower's ssj_ops at full load that make one reference core, in the fleets shipped here: a round number below the
 *  slowest server cores of the last ten years (66,093 of a Xeon Silver 4210), so that a vCPU of one reference core runs
 *  on every host. */
export const SSJ_OPS_PER_REF_CORE = 60_000

/** Most hosts in one fleet. */
export const HOSTS_MAX = 100_000

/** A server without a name of its own: what every host of the kind has in common. */
export type Server = Omit<HostCharacteristics, 'id'>

/** Hosts by kind, as a fleet file tells them. */
export interface Fleet {
  readonly name: string
  /** What the fleet is, how it was made up, what is assumed in it. */
  readonly comment: string
  readonly seed: number
  readonly sources: readonly string[]
  /** `blocks`: all hosts of a kind, then the next kind. `alternate`: the kinds take turns, as CloudSim's do. */
  readonly arrangement: Arrangement
  readonly groups: readonly FleetGroup[]
  readonly hosts: readonly HostCharacteristics[]
}

export interface FleetGroup {
  readonly key: string
  readonly server: Server
  readonly count: number
}

export const ARRANGEMENTS = ['blocks', 'alternate'] as const
export type Arrangement = (typeof ARRANGEMENTS)[number]

const FLEET_FOLDER = join(PROJECT_FOLDER, 'scenarios', 'fleets')
const FLEET_FIELDS = ['name', 'comment', 'seed', 'sources', 'arrangement', 'hosts', 'servers']

/** The fleet that `--hosts` names: one of those shipped (`cloudsim`), a fleet file (`my-fleet.json`), or servers by the
 *  names they have in the shipped fleets, with counts (`dell-r940=4,lenovo-sr645=2`). Throws only `ParseError`. */
export function loadFleet(wanted: string): Fleet {
  if (wanted.endsWith('.json')) return readFleetFile(wanted, 'Check the path given with --hosts.')
  if (wanted.includes('=')) return fleetOfServers(wanted)
  if (!fleetNames().includes(wanted))
    throw new ParseError(
      '--hosts',
      wanted,
      `Expected ${fleetNames().join(', ')}, servers with counts such as dell-r940=4, or a fleet file that ends in .json.`,
    )
  return readFleetFile(join(FLEET_FOLDER, `${wanted}.json`))
}

/** Names of the fleets shipped in scenarios/fleets, sorted. */
export function fleetNames(): readonly string[] {
  if (!existsSync(FLEET_FOLDER)) return []
  return readdirSync(FLEET_FOLDER)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -5))
    .sort()
}

/** The named servers of all shipped fleets. */
export function serverCatalogue(): ReadonlyMap<string, Server> {
  const groups = fleetNames().flatMap((name) => readFleetFile(join(FLEET_FOLDER, `${name}.json`)).groups)
  return new Map(groups.map(({ key, server }) => [key, server]))
}

/** The same mix with another number of hosts, spread over the kinds by largest remainder. */
export function resizeFleet(fleet: Fleet, hostCount: number): Fleet {
  const total = fleet.hosts.length
  const shares = fleet.groups.map(({ count }) => (count * hostCount) / total)
  const counts = shares.map(Math.floor)
  const missing = hostCount - counts.reduce((sum, count) => sum + count, 0)
  const byRemainder = shares
    .map((share, i) => ({ i, remainder: share - counts[i] }))
    .sort((a, b) => b.remainder - a.remainder || a.i - b.i)
  for (const { i } of byRemainder.slice(0, missing)) counts[i]++
  const groups = fleet.groups.map((group, i) => ({ ...group, count: counts[i] }))
  return { ...fleet, groups, hosts: arrange(groups, fleet.arrangement) }
}

/** What one kind of host in the fleet is and draws, for tables. */
export interface FleetLine {
  readonly key: string
  readonly model: string
  readonly count: number
  readonly capacityRefCores: number
  readonly memoryBytes: number
  readonly idleWatts: number
  readonly fullWatts: number
}

export function describeFleet(fleet: Fleet): readonly FleetLine[] {
  return fleet.groups.map(({ key, server, count }) => ({
    key,
    model: server.model,
    count,
    capacityRefCores: hostCapacityRefCores({ ...server, id: key as HostId }),
    memoryBytes: server.memoryBytes,
    idleWatts: server.powerWatts[0],
    fullWatts: server.powerWatts[10],
  }))
}

/** Reads a fleet file: see docs/traces.md. */
export function readFleetFile(path: string, missingRemedy?: string): Fleet {
  const file = basename(path)
  return parseFleet(parseJson(new TextDecoder().decode(readTraceBytes(path, missingRemedy)), file), file)
}

/** A fleet from its JSON; `place` begins every complaint. */
export function parseFleet(value: unknown, place: string): Fleet {
  const fields = parseFields(value, place)
  refuseUnknownFields(fields, FLEET_FIELDS, place)
  const servers = parseServers(fields['servers'], `${place} servers`)
  const groups = parseList(fields['hosts'], `${place} hosts`, 1000).map((entry, i) =>
    parseGroup(entry, `${place} hosts[${i}]`, servers),
  )
  const hostCount = groups.reduce((sum, { count }) => sum + count, 0)
  if (hostCount === 0) throw new ParseError(`${place} hosts`, 'an empty fleet', 'Give at least one host.')
  if (hostCount > HOSTS_MAX) throw new ParseError(`${place} hosts`, hostCount, `Expected at most ${HOSTS_MAX} hosts.`)
  const arrangement = parseWord(fields['arrangement'] ?? 'blocks', `${place} arrangement`, ARRANGEMENTS)
  return {
    name: parseText(fields['name'] ?? place.replace(/\.json$/, ''), `${place} name`, 200),
    comment: parseText(fields['comment'] ?? '', `${place} comment`),
    seed: parseNumber(fields['seed'] ?? 1, `${place} seed`, { min: 0, max: 2 ** 32 - 1, integer: true }),
    sources: parseList(fields['sources'] ?? [], `${place} sources`, 1000).map((source, i) =>
      parseText(source, `${place} sources[${i}]`),
    ),
    arrangement,
    groups,
    hosts: arrange(groups, arrangement),
  }
}

const KEY_PATTERN = /^[A-Za-z0-9._-]{1,48}$/

function parseServers(value: unknown, place: string): ReadonlyMap<string, Server> {
  const servers = new Map<string, Server>()
  for (const [key, server] of Object.entries(parseFields(value, place))) {
    if (!KEY_PATTERN.test(key))
      throw new ParseError(
        place,
        key,
        'A server is named with at most 48 letters, digits, dots, dashes and underscores.',
      )
    const { id: _, ...common } = parseHost({ ...parseFields(server, `${place}.${key}`), id: key }, `${place}.${key}`)
    servers.set(key, common)
  }
  return servers
}

function parseGroup(value: unknown, place: string, servers: ReadonlyMap<string, Server>): FleetGroup {
  const fields: Fields = parseFields(value, place)
  refuseUnknownFields(fields, ['server', 'count'], place)
  const key = parseText(fields['server'], `${place}.server`, 48)
  const server = servers.get(key)
  if (server === undefined)
    throw new ParseError(`${place}.server`, key, `Expected one of the servers: ${[...servers.keys()].join(', ')}.`)
  return {
    key,
    server,
    count: parseNumber(fields['count'], `${place}.count`, { min: 1, max: HOSTS_MAX, integer: true }),
  }
}

/** `name=count,name=count` from the servers of the shipped fleets. */
function fleetOfServers(wanted: string): Fleet {
  const catalogue = serverCatalogue()
  const groups = wanted.split(',').map((part) => {
    const [key, ...counts] = part.split('=')
    const server = catalogue.get(key)
    if (server === undefined)
      throw new ParseError('--hosts', key, `Expected one of the servers: ${[...catalogue.keys()].join(', ')}.`)
    return { key, server, count: parseCount(counts.length === 0 ? undefined : counts.join('='), key) }
  })
  const repeated = groups.find(({ key }, i) => groups.findIndex((group) => group.key === key) !== i)
  if (repeated !== undefined) throw new ParseError('--hosts', repeated.key, 'Name each server once, with its count.')
  const hosts = arrange(groups, 'blocks')
  const comment = 'Servers named on the command line.'
  return { name: wanted, comment, seed: 1, sources: [], arrangement: 'blocks', groups, hosts }
}

/** The count as it was typed behind the server `key`. */
function parseCount(typed: string | undefined, key: string): number {
  const count = typed !== undefined && /^\d{1,6}$/.test(typed) ? Number(typed) : 0
  if (count >= 1 && count <= HOSTS_MAX) return count
  throw new ParseError(`--hosts ${key}`, typed, `Expected a whole number from 1 to ${HOSTS_MAX}, as in ${key}=4.`)
}

/** Hosts in their order, with ids of the kind and the running number: `g4-000`, `g5-001`. */
function arrange(groups: readonly FleetGroup[], arrangement: Arrangement): readonly HostCharacteristics[] {
  const kinds = arrangement === 'blocks' ? inBlocks(groups) : inTurns(groups)
  const digits = Math.max(2, String(kinds.length - 1).length)
  return kinds.map(({ key, server }, i) => ({ id: `${key}-${String(i).padStart(digits, '0')}` as HostId, ...server }))
}

function inBlocks(groups: readonly FleetGroup[]): readonly FleetGroup[] {
  return groups.flatMap((group) => Array.from({ length: group.count }, () => group))
}

function inTurns(groups: readonly FleetGroup[]): readonly FleetGroup[] {
  const rounds = groups.reduce((most, { count }) => Math.max(most, count), 0)
  return Array.from({ length: rounds }, (_, round) => groups.filter(({ count }) => count > round)).flat()
}
