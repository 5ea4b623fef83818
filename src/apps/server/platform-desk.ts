/** What the platform itself says of its hosts, read in the background: for people, for plans, and against what the hosts' reporters say. */
import { showGib } from '../../engine/suitability/rules/rule.ts'
import type { Inventory } from '../../terms/cluster.ts'
import type { HostId } from '../../terms/ids.ts'
import { MINUTE_MS } from '../../terms/units.ts'
import type { Hypervisor } from '../../world/hypervisor.ts'
import type { PlatformLook, PlatformReader, ToldPlatformHost } from '../../world/platform-reader.ts'

/** It is asked anew so long after it was asked last. */
const EVERY_MS = 5 * MINUTE_MS
/** What was told longer ago bars nothing any more: the preflight asks each host itself. */
const GOOD_MS = 3 * EVERY_MS
/** A kernel keeps a little of a host's memory to itself, and counts what is left. */
const MEMORY_SLACK = 0.05
const NAMES_SHOWN = 10
/** So much of what a host tells is passed on. What all tell together has to fit into one message: a host that tells too much would hide the others. */
const BARRED_SHOWN = 20
const LIST_SHOWN = 1000
const CHARACTERS_SHOWN = 1000

/** Where two who should know say different things. */
export interface PlatformDifference {
  /** Absent: the whole site. */
  readonly host?: HostId
  readonly what: 'platform-differs' | 'platform-unreachable' | 'platform-untold'
  readonly text: string
}

export interface PlatformNews {
  /** Told after each look, and when what was told bars nothing any more. */
  changed(): void
  /** Told of a look that failed, in a sentence. */
  failed(reason: string): void
}

export class PlatformDesk {
  private readonly reader: PlatformReader
  private readonly news: PlatformNews
  private readonly elapsed: () => number
  private askedAt = -Infinity
  /** When it told last; before it did, when it was first asked. */
  private goodFrom: number | undefined
  private isLapsed = false
  private failure: string | undefined
  private last: PlatformLook | undefined
  private looking: Promise<void> | undefined
  private found: readonly PlatformDifference[] = []
  /** Differences in where VMs run, as the look before showed them: a move between two reports is none. */
  private before: ReadonlySet<string> = new Set()
  private compared: PlatformLook | undefined
  private isClosed = false

  /** @param elapsed a clock in ms that is never set. Absent: the machine's */
  constructor(reader: PlatformReader, news: PlatformNews, elapsed: () => number = () => performance.now()) {
    this.reader = reader
    this.news = news
    this.elapsed = elapsed
  }

  /** Asks, if that was long ago and nobody is asking. Returns at once; what is told comes later. */
  tick(): void {
    const now = this.elapsed()
    if (this.isClosed) return
    this.goodFrom ??= now
    if (!this.isLapsed && now - this.goodFrom > GOOD_MS) {
      this.isLapsed = true
      this.news.changed()
    }
    if (this.looking !== undefined || now - this.askedAt < EVERY_MS) return
    this.askedAt = now
    this.looking = this.look().finally(() => {
      this.looking = undefined
    })
  }

  /** Resolves once what is being asked has been told. For tests. */
  async settled(): Promise<void> {
    await this.looking
  }

  close(): void {
    this.isClosed = true
  }

  /** The platform as it is seen, with what it says against moves. */
  over(seen: Hypervisor): Hypervisor {
    return {
      name: seen.name,
      inventory: async () => this.barred(await seen.inventory()),
      preflight: (order) => seen.preflight(order),
      begin: (order) => seen.begin(order),
      cancel: (vmId) => seen.cancel(vmId),
    }
  }

  /** Sets what it told against what hosts report, once for each look; that both are of one instant is not to be had, so what a move explains is no
   *  difference until the next look shows it again. */
  compare(inventory: Inventory): void {
    const { last } = this
    if (last === undefined || last === this.compared) return
    this.compared = last
    const places = placesOf(last, inventory)
    const lasting = places.filter(({ key }) => this.before.has(key))
    this.before = new Set(places.map(({ key }) => key))
    this.found = [...last.hosts.flatMap((host) => differenceOf(host, inventory)), ...sumUp(lasting)]
    this.news.changed()
  }

  /** As JSON, for whoever asks. Undefined: nothing was told yet. */
  text(): string | undefined {
    const differences = [...(this.isLapsed ? [this.lapsed()] : []), ...this.found].map(bounded)
    if (this.last === undefined) return this.isLapsed ? JSON.stringify({ hosts: [], differences }) : undefined
    const { at, hosts, barriers } = this.last
    const shown = hosts.map(({ kind, hostId, ...host }) => {
      const barred = [...(barriers.pairs.get(hostId) ?? [])]
      const to = barred.slice(0, BARRED_SHOWN).map(([other, barrier]) => ({ to: other, ...barrier }))
      const from = barred.length === 0 ? {} : { barredFrom: to, barredHosts: barred.length }
      return { host: hostId, isReached: kind === 'told', ...bounded(host), ...from }
    })
    return JSON.stringify({ at, hosts: shown, differences })
  }

  private async look(): Promise<void> {
    try {
      this.last = await this.reader.look()
    } catch (error) {
      // What it told before stays good for a while, and bars nothing any more then. Nobody waits for this promise: to throw would end the turns.
      this.failure = `The look at what hosts are failed: ${String(error)}`
      if (!this.isClosed) this.news.failed(this.failure)
      return
    }
    this.goodFrom = this.elapsed()
    this.isLapsed = false
    this.failure = undefined
    if (!this.isClosed) this.news.changed()
  }

  private lapsed(): PlatformDifference {
    const why = this.failure === undefined ? '' : ` ${this.failure}`
    const text = `For ${GOOD_MS / MINUTE_MS} minutes the platform has not told what its hosts are and which moves they would refuse.${why}`
    return { what: 'platform-untold', text }
  }

  private barred(inventory: Inventory): Inventory {
    if (this.last === undefined || this.elapsed() - (this.goodFrom ?? -Infinity) > GOOD_MS) return inventory
    return { ...inventory, barriers: this.last.barriers }
  }
}

function differenceOf(host: PlatformLook['hosts'][number], inventory: Inventory): readonly PlatformDifference[] {
  const { hostId } = host
  const h = inventory.hosts.findIndex(({ id }) => id === hostId)
  if (h < 0) return []
  if (host.kind === 'unreachable') {
    if (inventory.hostStates[h] === 'unreachable') return []
    const text = `${hostId} reports, and its platform can't be asked: ${host.reason}`
    return [{ host: hostId, what: 'platform-unreachable', text }]
  }
  return sizesOf(host, inventory.hosts[h]).map((text) => ({ host: hostId, what: 'platform-differs', text }))
}

/** Cores are counted by the host's registration without their threads, so that only fewer threads than cores is a contradiction. */
function sizesOf(told: ToldPlatformHost, known: Inventory['hosts'][number]): readonly string[] {
  const { memoryBytes, threads, hostId } = told
  const texts: string[] = []
  if (memoryBytes !== undefined && Math.abs(memoryBytes / known.memoryBytes - 1) > MEMORY_SLACK)
    texts.push(
      `${hostId} is registered with ${showGib(known.memoryBytes, 1)} GiB of memory, and its platform tells ${showGib(memoryBytes, 1)}.`,
    )
  if (threads !== undefined && threads < known.cores)
    texts.push(
      `${hostId} is registered with ${known.cores} cores, and its platform tells ${threads} processors that are on.`,
    )
  return texts
}

interface Place {
  readonly key: string
  readonly host: HostId
  readonly vm: string
  readonly isReported: boolean
}

/** VMs that one side has on a host and the other has not. VMs under way are on both. */
function placesOf(look: PlatformLook, { hosts, hostStates, vms, hostOf, migrations }: Inventory): readonly Place[] {
  const moving = new Set<string>(migrations.map(({ vmId }) => vmId))
  const reported = new Map(hosts.map(({ id }) => [id, new Set<string>()] as const))
  vms.forEach(({ id }, v) => hostOf[v] >= 0 && reported.get(hosts[hostOf[v]].id)?.add(id))
  return look.hosts.flatMap((host): readonly Place[] => {
    const h = hosts.findIndex(({ id }) => id === host.hostId)
    if (host.kind !== 'told' || host.vms === undefined || h < 0 || hostStates[h] === 'unreachable') return []
    const told = new Set(host.vms)
    const known = reported.get(host.hostId) ?? new Set<string>()
    const only = (some: ReadonlySet<string>, others: ReadonlySet<string>, isReported: boolean): readonly Place[] =>
      [...some]
        .filter((vm) => !others.has(vm) && !moving.has(vm))
        .map((vm) => ({ key: `${host.hostId} ${isReported} ${vm}`, host: host.hostId, vm, isReported }))
    return [...only(known, told, true), ...only(told, known, false)]
  })
}

function sumUp(places: readonly Place[]): readonly PlatformDifference[] {
  return [...Map.groupBy(places, ({ host, isReported }) => `${host} ${isReported}`).values()].map((some) => {
    const [{ host, isReported }] = some
    const names = some.map(({ vm }) => vm).sort()
    const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : ''
    const listed = `${names.slice(0, NAMES_SHOWN).join(', ')}${more}`
    const text = isReported
      ? `${host} reports VMs that its platform does not run: ${listed}.`
      : `The platform of ${host} runs VMs that its reporter does not tell of: ${listed}.`
    return { host, what: 'platform-differs', text }
  })
}

function bounded<Told extends object>(told: Told): Told {
  const cut = (value: unknown): unknown => {
    if (typeof value === 'string') return value.slice(0, CHARACTERS_SHOWN)
    if (Array.isArray(value)) return value.slice(0, LIST_SHOWN).map(cut)
    return typeof value === 'object' && value !== null ? bounded(value) : value
  }
  return Object.fromEntries(Object.entries(told).map(([name, value]) => [name, cut(value)])) as Told
}
