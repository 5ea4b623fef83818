import {
  ParseError,
  parseBoolean,
  parseFields,
  parseNumber,
  parseOptional,
  parseText,
  refuseUnknownFields,
} from './parse.ts'
import { type Fraction, HOUR_MS, MINUTE_MS } from './units.ts'

/** What the operator wants. Files of this shape live in `scenarios/policies`; `docs/policy.md` explains each field. */
export interface Policy {
  readonly name: string
  /** What things are worth, in one currency: this is what gain and cost are reckoned in. */
  readonly prices: Prices
  readonly forecast: ForecastPolicy
  readonly contention: ContentionPolicy
  readonly consolidation: ConsolidationPolicy
  readonly gates: GatePolicy
  readonly limits: LimitPolicy
  /** What binds where moves are real. Absent: nothing of it does (backtests, and other rules than ours). */
  readonly safety?: SafetyPolicy
}

export interface Prices {
  readonly currency: string
  readonly perKwh: number
  /** One reference core wanted and not given, for an hour. */
  readonly perUnservedCoreHour: number
  readonly perCopiedGiB: number
  readonly perDowntimeSecond: number
  /** Risk and disturbance of any migration, however small. */
  readonly perMigration: number
}

export interface ForecastPolicy {
  /** How much of the past the forecast looks at. */
  readonly lookBackMs: number
  /** How far ahead contention is forecast and gain is reckoned. */
  readonly horizonMs: number
  /** Quantile of demand that a target host must hold: .99 leaves one step in a hundred. */
  readonly quantile: Fraction
}

export interface ContentionPolicy {
  /** Contention is demand above this share of capacity. */
  readonly highFraction: Fraction
  /** A target must stay below this share after the move, at the forecast quantile: hysteresis is the gap between the two. */
  readonly lowFraction: Fraction
  /** Act when contention within the horizon is at least this likely ... */
  readonly triggerProbability: Fraction
  /** ... in this many of the last `ofTurns` turns. */
  readonly holdTurns: number
  readonly ofTurns: number
  /** Contention that is so likely within a move's own duration and this is acted on at once, without hold: later is too late. Absent: never. */
  readonly atOnceMarginMs?: number
}

export interface ConsolidationPolicy {
  readonly isEnabled: boolean
  /** Hosts emptied at most in one turn. */
  readonly hostsPerTurnMax: number
  /** Hosts are kept for at least this long once on. */
  readonly hostOnMsMin: number
  /** How long an emptied host is expected to stay off: the span its saving is reckoned over. */
  readonly expectedOffMs: number
}

export interface GatePolicy {
  /** A VM that moved stays for at least this long; doubled for each further move within a day, up to six hours. */
  readonly cooldownMs: number
  /** A VM does not return to a host it left within this time. */
  readonly noReturnMs: number
  readonly movesPerVmDayMax: number
  /** Gain must exceed cost by this share ... */
  readonly marginFraction: number
  /** ... with this probability. */
  readonly confidenceMin: Fraction
  /** Moves per turn in the whole cluster. Absent: no limit (benchmark rules only). */
  readonly movesPerTurnMax?: number
}

export interface LimitPolicy {
  /** Sum of VM sizes over capacity that a host may carry. Absent: not limited (benchmark rules only). */
  readonly cpuAllocationMax?: number
  /** Sum of VM memory over host memory. Absent: memory is not enforced (CloudSim's rules only). */
  readonly memoryAllocationMax?: number
  /** Concurrent migrations of one host, those out of it and into it together. Absent: no limit (benchmark rules only). */
  readonly migrationsPerHostMax?: number
}

/** Concurrency, budgets per sliding hour and safeguards of a site whose VMs really move. What people and emptied hosts ask for has a budget of its own
 *  by the hour, and the same limits on what goes on at a time. */
export interface SafetyPolicy {
  /** Migrations out of one host at a time. */
  readonly outboundPerHostMax: number
  /** Migrations of a host with a link below 10 Gbit/s at a time, in and out together; with a faster link `limits.migrationsPerHostMax` holds. */
  readonly migrationsPerSlowLinkMax: number
  readonly migrationsPerClusterMax: number
  /** Moves that one host takes part in within an hour. */
  readonly movesPerHostHourMax: number
  readonly movesPerClusterHourMax: number
  /** The same as a share of the cluster's VMs: the smaller of the two holds, and one move always may. */
  readonly movesShareHourMax: Fraction
  /** Emptying hosts for energy comes last: of the moves above so many of a host, and so many of the cluster but no more than half (one always may). */
  readonly energyMovesPerHostHourMax: number
  readonly energyMovesPerClusterHourMax: number
  /** A target of such a move must stay below this share, or `contention.lowFraction` where that is less. */
  readonly energyLowFraction: Fraction
  /** The budget of evacuations; and another as large of what people order, which the mover binds first: it lets 4 and 12 of those begin within an hour. */
  readonly evacuationsPerHostHourMax: number
  readonly evacuationsPerClusterHourMax: number
  /** After an arrival a host receives no other VM until it was measured in so many windows. */
  readonly settleWindows: number
  /** An order older than this is not begun. */
  readonly planAgeMsMax: number
  /** A forecast whose interval of 90 % holds a smaller share of what comes, or a larger one, is not trusted. */
  readonly coverageMin: Fraction
  readonly coverageMax: Fraction
  /** Automation only advises after moves have so often, twenty in a row, earned less than they cost. */
  readonly strikesMax: number
}

/** Sources: cost units of vSphere vMotion, KubeVirt's limits, and the numbers of decisions/0004-gates-and-prices.md. */
export const SITE_SAFETY: SafetyPolicy = {
  outboundPerHostMax: 2,
  migrationsPerSlowLinkMax: 4,
  migrationsPerClusterMax: 5,
  movesPerHostHourMax: 4,
  movesPerClusterHourMax: 12,
  movesShareHourMax: 0.05,
  energyMovesPerHostHourMax: 2,
  energyMovesPerClusterHourMax: 6,
  energyLowFraction: 0.75,
  evacuationsPerHostHourMax: 60,
  evacuationsPerClusterHourMax: 120,
  settleWindows: 2,
  planAgeMsMax: MINUTE_MS,
  coverageMin: 0.8,
  coverageMax: 0.98,
  strikesMax: 3,
}

/** Defaults of a production site. Sources: the seven gates and budgets of VMware, KubeVirt, Nova and the Kubernetes descheduler as
 *  gathered in decisions/0004-gates-and-prices.md. */
export const PRODUCTION_POLICY: Policy = {
  name: 'production',
  prices: {
    currency: 'EUR',
    perKwh: 0.25,
    perUnservedCoreHour: 7,
    perCopiedGiB: 0.0001,
    perDowntimeSecond: 0.0001,
    perMigration: 0.001,
  },
  forecast: { lookBackMs: 6 * HOUR_MS, horizonMs: HOUR_MS, quantile: 0.99 },
  contention: { highFraction: 0.95, lowFraction: 0.85, triggerProbability: 0.2, holdTurns: 2, ofTurns: 3 },
  consolidation: { isEnabled: true, hostsPerTurnMax: 4, hostOnMsMin: HOUR_MS, expectedOffMs: 2 * HOUR_MS },
  gates: {
    cooldownMs: 30 * MINUTE_MS,
    noReturnMs: 6 * HOUR_MS,
    movesPerVmDayMax: 4,
    marginFraction: 0.1,
    confidenceMin: 0.1,
    movesPerTurnMax: 48,
  },
  limits: { cpuAllocationMax: 4, memoryAllocationMax: 1, migrationsPerHostMax: 8 },
}

/** Production's policy for a site whose moves are real. */
export const SITE_POLICY: Policy = {
  ...PRODUCTION_POLICY,
  name: 'site',
  contention: { ...PRODUCTION_POLICY.contention, atOnceMarginMs: 5 * MINUTE_MS },
  safety: SITE_SAFETY,
}

/** The policy as it binds whoever begins moves: without a safety section of its own it has the site's. */
export function withSafety(policy: Policy): Policy {
  return policy.safety === undefined ? { ...policy, safety: SITE_SAFETY } : policy
}

/** Reads a policy. Every part may be left out and then keeps the production default; unknown fields are refused.
 *  In `limits`, for `movesPerTurnMax` and for `safety` as a whole, an explicit null means "no limit". */
export function parsePolicy(value: unknown, place = 'policy', defaults: Policy = PRODUCTION_POLICY): Policy {
  const fields = parseFields(value, place)
  refuseUnknownFields(
    fields,
    ['name', 'comment', 'prices', 'forecast', 'contention', 'consolidation', 'gates', 'limits', 'safety'],
    place,
  )
  const safety = parseSafety(fields['safety'], `${place}.safety`, defaults.safety)
  const policy: Policy = {
    name: parseOptional(fields['name'], (text) => parseText(text, `${place}.name`, 64)) ?? defaults.name,
    prices: parseSection(fields['prices'], `${place}.prices`, defaults.prices, [], PRICE_MAX),
    forecast: parseSection(fields['forecast'], `${place}.forecast`, defaults.forecast),
    contention: parseSection(fields['contention'], `${place}.contention`, defaults.contention, LIFTABLE_CONTENTION),
    consolidation: parseSection(fields['consolidation'], `${place}.consolidation`, defaults.consolidation),
    gates: parseSection(fields['gates'], `${place}.gates`, defaults.gates, LIFTABLE_GATES),
    limits: parseSection(fields['limits'], `${place}.limits`, defaults.limits, LIFTABLE_LIMITS, ALLOCATION_MAX),
    ...(safety === undefined ? {} : { safety }),
  }
  refuseContradictions(policy, place)
  return policy
}

/** As it is kept: a limit that was lifted is written as null, for one that is left out is the default when it is read. */
export function encodePolicy(policy: Policy): string {
  return JSON.stringify({
    ...policy,
    gates: { ...policy.gates, ...lifted(policy.gates, LIFTABLE_GATES) },
    limits: { ...policy.limits, ...lifted(policy.limits, LIFTABLE_LIMITS) },
  })
}

function lifted(section: object, names: readonly string[]): Record<string, null> {
  return Object.fromEntries(
    names.filter((name) => Reflect.get(section, name) === undefined).map((name) => [name, null]),
  )
}

/** A part of it is overlaid on the site's; null: nothing of it binds. */
function parseSafety(value: unknown, place: string, defaults: SafetyPolicy | undefined): SafetyPolicy | undefined {
  if (value === null) return undefined
  return value === undefined ? defaults : parseSection(value, place, defaults ?? SITE_SAFETY)
}

/** Limits that may be switched off by an explicit null. */
const LIFTABLE_CONTENTION = ['atOnceMarginMs']
const LIFTABLE_GATES = ['movesPerTurnMax']
const LIFTABLE_LIMITS = ['cpuAllocationMax', 'memoryAllocationMax', 'migrationsPerHostMax']

/** Shares and probabilities: 30 where .3 is meant would silently never come true. */
const AT_MOST_ONE = new Set([
  'highFraction',
  'lowFraction',
  'triggerProbability',
  'confidenceMin',
  'movesShareHourMax',
  'energyLowFraction',
  'coverageMin',
  'coverageMax',
])

/** Of any currency. What is dearer outweighs every other term, or sums to no finite number; a million a kWh is no price of anything. */
const PRICE_MAX = 1e6

interface Most {
  readonly max: number
  /** What nobody needs more of: the reason for the bound. */
  readonly why: string
  /** What 0 comes to, in words: some would take it for "no limit". */
  readonly zero: string
}

const NOTHING_MOVED = 'nothing is moved by it'
const NOTHING_STARTED = 'no migration is begun under it'
const HOST_AT_A_TIME = { max: 100, why: 'no link carries more at a time', zero: NOTHING_STARTED }
const HOST_HOUR = { max: 1000, why: 'no host takes part in more within an hour', zero: NOTHING_MOVED }
const CLUSTER_HOUR = { max: 10_000, why: 'that is each VM of a large cluster, every hour', zero: NOTHING_MOVED }

/** Whole numbers that bound what is done, by section and name. A budget of a thousand million is none: it is a slip of the hand, or somebody who
 *  wanted no limit and would believe that there is one. */
const COUNTS: ReadonlyMap<string, Most> = new Map([
  ['consolidation.hostsPerTurnMax', { max: 1000, why: 'that is a whole cluster', zero: 'no host is emptied by it' }],
  ['gates.movesPerVmDayMax', { max: 100, why: 'that is one each quarter of an hour', zero: NOTHING_MOVED }],
  ['gates.movesPerTurnMax', { max: 10_000, why: 'that is each VM of a large cluster', zero: NOTHING_MOVED }],
  ['limits.migrationsPerHostMax', HOST_AT_A_TIME],
  ['safety.outboundPerHostMax', HOST_AT_A_TIME],
  ['safety.migrationsPerSlowLinkMax', HOST_AT_A_TIME],
  ['safety.migrationsPerClusterMax', { max: 1000, why: 'no cluster carries more at a time', zero: NOTHING_STARTED }],
  ['safety.movesPerHostHourMax', HOST_HOUR],
  ['safety.movesPerClusterHourMax', CLUSTER_HOUR],
  ['safety.energyMovesPerHostHourMax', HOST_HOUR],
  ['safety.energyMovesPerClusterHourMax', CLUSTER_HOUR],
  ['safety.evacuationsPerHostHourMax', HOST_HOUR],
  ['safety.evacuationsPerClusterHourMax', CLUSTER_HOUR],
  ['safety.settleWindows', { max: 288, why: 'that is a day of windows', zero: 'an arrival is not waited for' }],
  ['safety.strikesMax', { max: 100, why: 'that is 2000 moves that lost money', zero: 'orders are always advice' }],
])

/** What a 0 of this field comes to, as `nothing is moved by it`. Undefined: it is no count. */
export function zeroText(field: string): string | undefined {
  return COUNTS.get(field)?.zero
}

/** Sizes over capacity that a host may carry: nobody promises out a hundred times what is there. */
const ALLOCATION_MAX = 100

/** Turns whose triggers the engine remembers: one bit each of a byte per host. */
const TRIGGER_TURNS_MAX = 8

/** Overlays the numbers, flags and words of one section onto its defaults. */
function parseSection<T extends object>(
  value: unknown,
  place: string,
  defaults: T,
  liftable: readonly string[] = [],
  mostOfAll = Number.MAX_VALUE,
): T {
  if (value === undefined) return defaults
  const fields = parseFields(value, place)
  const section: Record<string, unknown> = Object.fromEntries(Object.entries(defaults))
  refuseUnknownFields(fields, [...new Set([...Object.keys(defaults), ...liftable])], place)
  for (const [name, entry] of Object.entries(fields)) {
    const was: unknown = Reflect.get(defaults, name)
    const max = AT_MOST_ONE.has(name) ? 1 : mostOfAll
    const isLiftable = liftable.includes(name)
    const most = COUNTS.get(`${place.slice(place.lastIndexOf('.') + 1)}.${name}`)
    if (entry === null && isLiftable) delete section[name]
    else if (most !== undefined) section[name] = parseCount(entry, `${place}.${name}`, { ...most, isLiftable })
    else if (typeof was === 'boolean') section[name] = parseBoolean(entry, `${place}.${name}`)
    else if (typeof was === 'string') section[name] = parseText(entry, `${place}.${name}`, 8)
    else section[name] = parseNumber(entry, `${place}.${name}`, { min: 0, max })
  }
  return section as T
}

function parseCount(value: unknown, place: string, most: Most & { readonly isLiftable: boolean }): number {
  const { max, why, zero, isLiftable } = most
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value
  const without = isLiftable ? ', null: no limit' : ''
  throw new ParseError(place, value, `Expected a whole number from 0 to ${max}: ${why}. 0: ${zero}${without}.`)
}

function refuseContradictions(policy: Policy, place: string): void {
  const { contention, forecast } = policy
  const refuse = (field: string, value: number, remedy: string): never => {
    throw new ParseError(`${place}.${field}`, value, remedy)
  }
  for (const name of ['lookBackMs', 'horizonMs'] as const)
    if (forecast[name] < MINUTE_MS)
      refuse(`forecast.${name}`, forecast[name], `Expected milliseconds, at least one minute (${MINUTE_MS}).`)
  if (forecast.quantile <= 0.5 || forecast.quantile >= 1)
    refuse('forecast.quantile', forecast.quantile, 'Expected a number between 0.5 and 1.')

  const { highFraction, lowFraction, holdTurns, ofTurns } = contention
  if (highFraction <= 0)
    refuse(
      'contention.highFraction',
      highFraction,
      'Expected a share above 0, or every host is contended at all times.',
    )
  if (lowFraction >= highFraction)
    refuse(
      'contention.lowFraction',
      lowFraction,
      `It must lie below highFraction (${highFraction}), or targets become sources at once.`,
    )
  if (ofTurns < 1 || ofTurns > TRIGGER_TURNS_MAX)
    refuse('contention.ofTurns', ofTurns, `Expected 1 to ${TRIGGER_TURNS_MAX} turns: no more are remembered.`)
  if (holdTurns < 1) refuse('contention.holdTurns', holdTurns, 'Expected at least 1: this turn counts.')
  if (holdTurns > ofTurns) refuse('contention.holdTurns', holdTurns, `It can't exceed ofTurns (${ofTurns}).`)
}
