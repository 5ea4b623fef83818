/** What of a turn's forecasts goes into the journal, once a slot: so that what was foreseen can be set against what came. A bounded sample of hosts, in
 *  few digits. */
import { intervalsAhead } from '../../../engine/forecast/intervals.ts'
import { LEDGER_MODELS } from '../../../engine/learn/models.ts'
import { isTrusted } from '../../../engine/learn/coverage.ts'
import { sayDoubtInSelf } from '../../../engine/learn/self-doubt.ts'
import type { EngineState } from '../../../engine/state.ts'
import { hashText } from '../../../terms/luck.ts'
import type { Policy } from '../../../terms/policy.ts'
import { type HostForecast, type Observation, STAY_REASONS } from '../../../terms/turn.ts'
import { type EpochMs, MINUTE_MS } from '../../../terms/units.ts'

/** Begins each such line. */
export const FORESIGHT_LINES = '{"kind":"foresight"'
/** Hosts of which every slot is kept: all, where there are no more; else always the same, by a hash of their names. */
export const SAMPLED_HOSTS_MAX = 100
/** Hosts beyond the sample that are kept because contention was foreseen on them within the horizon. */
const WATCHED_HOSTS_MAX = 100
const DIGITS = 4
/** How far ahead forecasts are checked, and how often intervals step by step are kept: they are as long as the rest of a row. */
export const HORIZONS_MS = [5, 15, 30, 60].map((minutes) => minutes * MINUTE_MS)
const AHEAD_EVERY_MS = 15 * MINUTE_MS
const HOLD = STAY_REASONS.indexOf('hold-not-reached')

/** What a turn knew and foresaw. */
export interface Foreseen {
  /** After the turn. */
  readonly state: EngineState
  readonly observation: Observation
  readonly policy: Policy
  readonly hostForecast: HostForecast
  readonly stayed?: Uint8Array
}

/** Writes the lines; remembers which hosts are watched. */
export class ForesightKeeper {
  /** Hosts with contention foreseen, and until when they are kept. */
  private readonly watched = new Map<string, EpochMs>()

  line(foreseen: Foreseen): string {
    const { state, observation, policy, hostForecast } = foreseen
    const { samples, inventory } = observation
    const demand = demandOf(state, observation)
    const members = membersOf(observation)
    const { sampled, beyond } = this.choose(foreseen)
    const hosts = [...sampled, ...beyond]
    const ahead = aheadOf(foreseen, hosts)
    const row = (h: number, i: number): readonly (string | number | null | readonly number[])[] => [
      inventory.hosts[h].id,
      members.count[h],
      members.key[h],
      ...[state.fleet.capacity[h], demand[h], hostForecast.p50[h], hostForecast.p95[h], hostForecast.contention[h]].map(
        short,
      ),
      ...(ahead[i] === undefined ? [] : [ahead[i]]),
    ]
    return JSON.stringify({
      kind: 'foresight',
      at: samples.at,
      windowMs: samples.windowMs,
      models: {
        demand: LEDGER_MODELS.demand,
        ahead: LEDGER_MODELS.ahead,
        contention: LEDGER_MODELS.contention,
      },
      horizonMs: hostForecast.horizonMs,
      highFraction: policy.contention.highFraction,
      trigger: policy.contention.triggerProbability,
      hosts: hostForecast.p50.reduce((sum, value) => sum + (Number.isNaN(value) ? 0 : 1), 0),
      sampled: sampled.length,
      rows: hosts.map(row),
      waits: waitsOf(foreseen),
      trust: trustOf(state, policy),
    })
  }

  /** Hosts that carry VMs: the sample, and those beyond it that are watched. */
  private choose({ observation: { inventory, samples }, policy, hostForecast }: Foreseen): {
    readonly sampled: readonly number[]
    readonly beyond: readonly number[]
  } {
    const { p50, contention, horizonMs } = hostForecast
    const inUse = [...p50.keys()].filter((h) => !Number.isNaN(p50[h]))
    const nameOf = (h: number): string => inventory.hosts[h].id
    const order = new Map(inUse.map((h) => [h, hashText(nameOf(h))]))
    const byHash = inUse.toSorted((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0) || a - b)
    for (const [host, until] of this.watched) if (until < samples.at) this.watched.delete(host)
    for (const h of inUse)
      if (contention[h] >= policy.contention.triggerProbability) {
        this.watched.delete(nameOf(h))
        this.watched.set(nameOf(h), samples.at + 2 * horizonMs)
      }
    const beyond = byHash.slice(SAMPLED_HOSTS_MAX).filter((h) => this.watched.has(nameOf(h)))
    return { sampled: byHash.slice(0, SAMPLED_HOSTS_MAX), beyond: beyond.slice(0, WATCHED_HOSTS_MAX) }
  }
}

/** Low and high of each horizon, of each host; none where they are not kept in this slot. */
function aheadOf(foreseen: Foreseen, hosts: readonly number[]): readonly (readonly number[] | undefined)[] {
  const { at, windowMs } = foreseen.observation.samples
  if (at % AHEAD_EVERY_MS !== 0) return []
  const windows = HORIZONS_MS.map((horizonMs) => Math.max(1, Math.round(horizonMs / windowMs)))
  return intervalsAhead(foreseen, hosts, windows).map((intervals) =>
    intervals?.flatMap(({ low, high }) => [low, high].map((value) => Number(value.toPrecision(DIGITS)))),
  )
}

/** Demand of each host in the newest window: its VMs', or what it measured of itself where that is more. */
function demandOf({ cpuHistory, fleet }: EngineState, { inventory, hostSamples }: Observation): Float64Array {
  const newest = cpuHistory.at(-1)
  const demand = new Float64Array(inventory.hosts.length)
  for (let v = 0; v < inventory.hostOf.length; v++) {
    const host = inventory.hostOf[v]
    const wanted = newest?.[v] ?? NaN
    if (host >= 0 && !Number.isNaN(wanted)) demand[host] += wanted
  }
  const measured = hostSamples?.cpuRefCores
  if (measured !== undefined)
    for (let h = 0; h < demand.length; h++) {
      const own = Math.min(measured[h] - demand[h], fleet.capacity[h])
      if (own > 0) demand[h] += own
    }
  return demand
}

/** How many VMs each host has, and a key of which they are; `-` while one is on its way there or away: such a forecast is for another set of VMs than the
 *  demand that comes. */
function membersOf({ inventory: { hosts, hostOf, vms, migrations } }: Observation): {
  readonly count: Int32Array
  readonly key: readonly string[]
} {
  const count = new Int32Array(hosts.length)
  const sums = new Uint32Array(hosts.length)
  for (let v = 0; v < hostOf.length; v++) {
    const host = hostOf[v]
    if (host < 0) continue
    count[host]++
    sums[host] = (sums[host] + hashText(vms[v].id)) >>> 0
  }
  const onTheWay = new Set<string>(migrations.flatMap(({ from, to }) => [from, to]))
  return { count, key: Array.from(sums, (sum, h) => (onTheWay.has(hosts[h].id) ? '-' : sum.toString(36))) }
}

/** Hosts that waited for the next turn though contention was foreseen, with how many VMs. */
function waitsOf({ stayed, observation: { inventory } }: Foreseen): readonly (readonly [string, number])[] {
  if (stayed === undefined) return []
  const waiting = new Map<number, number>()
  stayed.forEach((code, v) => {
    const host = inventory.hostOf[v]
    if (code === HOLD && host >= 0) waiting.set(host, (waiting.get(host) ?? 0) + 1)
  })
  return [...waiting].slice(0, SAMPLED_HOSTS_MAX).map(([host, vms]) => [inventory.hosts[host].id, vms] as const)
}

/** What the engine keeps of how far it trusts itself. */
function trustOf({ threshold }: EngineState, policy: Policy): object {
  const { bandSd, checked, exceeded, coverage, marginFactor, netGain, outcomes, strikes } = threshold
  return {
    isTrusted: isTrusted(coverage, policy),
    ...(Number.isNaN(bandSd) ? {} : { bandSd: short(bandSd) }),
    checked,
    exceeded,
    coverageShare: short(coverage.share),
    coverageChecked: coverage.checked,
    marginFactor,
    ...(outcomes === 0 ? {} : { netPerMove: netGain }),
    outcomes,
    strikes,
    isDemoted: sayDoubtInSelf(threshold, policy) !== undefined,
    ...(policy.safety === undefined
      ? {}
      : {
          coverageMin: policy.safety.coverageMin,
          coverageMax: policy.safety.coverageMax,
          strikesMax: policy.safety.strikesMax,
        }),
  }
}

function short(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(DIGITS)) : null
}
