/** Soft judgement: what a VM's life on a host is worth, in the policy's currency, over its horizon. */
import { wattsAt } from '../../terms/host.ts'
import type { MigrationEstimate } from '../../terms/move.ts'
import type { MigrationScore, Performance } from '../../terms/ranking.ts'
import { clampFraction } from '../../terms/units.ts'
import { horizonHours, type TurnContext, vmAt } from '../context.ts'
import { FUTURE_MS, harmAtMost, type Passage, reliefAtLeast } from '../forecast/futures.ts'
import { estimateMigration, priceMigration } from '../migration/estimate.ts'
import { expectedExcess } from '../numbers.ts'
import { demandFactor, serviceFactor, speedWorth, tellSpeed } from './pace.ts'

/** Money per horizon that unserved demand of the host costs, as last measured: by the tail of a normal, or by what the look-back would
 *  have lacked, whichever is more. The normal knows of what has not happened yet, the look-back of peaks that coincide. */
function riskPrice(context: TurnContext, host: number): number {
  const { lastMean, lastSd, lastShortage } = context.loads
  const limit = context.fleet.capacity[host] * context.policy.contention.highFraction
  const shortage = Math.max(expectedExcess(lastMean, lastSd, limit), lastShortage)
  return shortagePrice(context, shortage)
}

/** What the host's demand as it stands is expected to cost over the horizon. */
export function riskAsIs(context: TurnContext, host: number): number {
  if (context.loads.count[host] === 0) return 0
  context.loads.bound(host)
  return riskPrice(context, host)
}

/** The same if `vm` came. */
export function riskWith(context: TurnContext, host: number, vm: number): number {
  context.loads.boundWith(host, vm)
  return riskPrice(context, host)
}

/** The same if `vm` left. */
export function riskWithout(context: TurnContext, host: number, vm: number): number {
  if (context.loads.count[host] <= 1) return 0
  context.loads.boundWithout(host, vm)
  return riskPrice(context, host)
}

/** Worth over the horizon of what leaving `from` takes from contention, in at least 95 of 100 futures. */
export function reliefForSure(context: TurnContext, vm: number, from: number): number {
  return context.loads.count[from] <= 1
    ? 0
    : shortagePrice(context, reliefAtLeast(context.loads, passage(context, vm, from)))
}

/** Worth over the horizon of what coming to `to` adds to contention, in at most 95 of 100 futures; no less than what is expected of it. */
export function harmAtWorst(context: TurnContext, vm: number, to: number): number {
  const expected = riskWith(context, to, vm) - riskAsIs(context, to)
  return Math.max(expected, shortagePrice(context, harmAtMost(context.loads, passage(context, vm, to))))
}

function passage({ fleet, policy, observation }: TurnContext, vm: number, host: number): Passage {
  const steps = Math.max(1, Math.round(FUTURE_MS / observation.samples.windowMs))
  const { highFraction, holdTurns } = policy.contention
  return { vm, host, limit: fleet.capacity[host] * highFraction, steps, nowWindows: holdTurns }
}

function shortagePrice(context: TurnContext, refCores: number): number {
  return refCores * context.policy.prices.perUnservedCoreHour * horizonHours(context)
}

/** Watts that the host draws for a demand in reference cores; an empty host is off. */
export function wattsFor(context: TurnContext, host: number, demand: number): number {
  return wattsAt(context.observation.inventory.hosts[host].powerWatts, demand / context.fleet.capacity[host])
}

/** Watts more on `host` when `vm` comes. */
export function addedWatts(context: TurnContext, host: number, vm: number): number {
  const before = context.loads.count[host] === 0 ? 0 : wattsFor(context, host, context.loads.mean[host])
  return wattsFor(context, host, context.loads.mean[host] + demandThere(context, vm, host)) - before
}

/** Watts less on its present host when `vm` leaves. */
export function savedWatts(context: TurnContext, host: number, vm: number): number {
  const after =
    context.loads.count[host] <= 1 ? 0 : wattsFor(context, host, context.loads.mean[host] - context.levels.mean[vm])
  return wattsFor(context, host, context.loads.mean[host]) - after
}

/** What so many watts cost over the horizon. */
export function energyPrice(context: TurnContext, watts: number): number {
  return (watts / 1000) * horizonHours(context) * context.policy.prices.perKwh
}

/** Estimate of moving `vm` from where it is to `host`. */
export function estimateMove(context: TurnContext, vm: number, host: number): MigrationEstimate {
  const { hosts } = context.observation.inventory
  const from = context.hostOf[vm]
  const link = Math.min(hosts[host].networkBytesPerSec, from < 0 ? Infinity : hosts[from].networkBytesPerSec)
  return estimateMigration({ memoryBytes: vmAt(context, vm).memoryBytes, busyRefCores: context.levels.last[vm] }, link)
}

/** The seed's `CalculateMigrationScore`: performance, energy, load and cost of `vm` on `host` against staying where it is. Higher is better. */
export function calculateMigrationScore(context: TurnContext, vm: number, host: number): MigrationScore {
  const from = context.hostOf[vm]
  const relief = from < 0 ? 0 : riskAsIs(context, from) - riskWithout(context, from, vm)
  const harm = riskWith(context, host, vm) - riskAsIs(context, host)
  const saved = from < 0 ? 0 : savedWatts(context, from, vm)
  const migration = priceMigration(estimateMove(context, vm, host), context.levels.last[vm], context.policy.prices)
  const terms = {
    performance: relief - harm + coreSpeedWorth(context, vm, host) + speedWorth(context, vm, host),
    energy: energyPrice(context, saved - addedWatts(context, host, vm)),
    load: fillWorth(context, vm, host),
    migration: from < 0 ? 0 : -migration,
  }
  return { total: terms.performance + terms.energy + terms.load + terms.migration, terms }
}

/** The part of the score that differs between targets, without objects: what planning ranks by. */
export function scoreTarget(context: TurnContext, vm: number, host: number): number {
  const harm = riskWith(context, host, vm) - riskAsIs(context, host)
  return (
    coreSpeedWorth(context, vm, host) +
    speedWorth(context, vm, host) -
    harm -
    energyPrice(context, addedWatts(context, host, vm)) +
    fillWorth(context, vm, host)
  )
}

/** The most that `scoreTarget` can be, without a look at the past: harm can't take away more risk than there is. */
export function scoreTargetAtMost(context: TurnContext, vm: number, host: number): number {
  return (
    coreSpeedWorth(context, vm, host) +
    speedWorth(context, vm, host) +
    riskAsIs(context, host) -
    energyPrice(context, addedWatts(context, host, vm)) +
    fillWorth(context, vm, host)
  )
}

/** Predicted performance of `vm` on `host` beside its neighbours. */
export function predictPerformance(context: TurnContext, vm: number, host: number): Performance {
  const isThere = context.hostOf[vm] === host
  if (isThere) context.loads.bound(host)
  else context.loads.boundWith(host, vm)
  const mean = context.loads.lastMean + (isThere ? 0 : demandThere(context, vm, host) - context.levels.mean[vm])
  const capacity = context.fleet.capacity[host]
  const unserved = expectedExcess(mean, context.loads.lastSd, capacity)
  const { cores, refCoresPerCore } = context.observation.inventory.hosts[host]
  const coreSpeed = Math.min(1, refCoresPerCore / vmAt(context, vm).refCoresPerVcpu)
  const watts = isThere ? savedWatts(context, host, vm) : addedWatts(context, host, vm)
  return {
    latencyFactor: queueingFactor(mean / capacity, cores) / (coreSpeed * serviceFactor(context, vm, host)),
    throughput: clampFraction((1 - unserved / Math.max(mean, 1e-9)) * (1 - coreShortShare(context, vm, host))),
    addedWatts: watts,
    ...tellSpeed(context, vm, host, watts),
  }
}

/** What the VM would want of this host, in its reference cores. */
function demandThere(context: TurnContext, vm: number, host: number): number {
  return context.levels.mean[vm] * demandFactor(context, vm, host)
}

/** Mean time in system over mean service time of an M/M/c queue. Sakasegawa (1977): waiting = rho^(sqrt(2(c+1)) - 1) / (c (1 - rho)). */
export function queueingFactor(load: number, servers: number): number {
  const rho = Math.min(0.99, Math.max(0, load))
  return 1 + rho ** (Math.sqrt(2 * (servers + 1)) - 1) / (servers * (1 - rho))
}

/** Share of the VM's demand that one core of this host is too slow to give to one vCPU. */
export function coreShortShare(context: TurnContext, vm: number, host: number): number {
  const cap = coreCap(context, vm, host)
  const mean = context.levels.mean[vm]
  if (cap >= context.levels.size[vm] || mean <= 0) return 0
  return clampFraction(expectedExcess(mean, Math.sqrt(context.levels.variance[vm]), cap) / mean)
}

/** Worth of faster cores: demand that a single core here can serve and one at home can't, or the reverse. */
function coreSpeedWorth(context: TurnContext, vm: number, host: number): number {
  const from = context.hostOf[vm]
  const size = context.levels.size[vm]
  const there = coreCap(context, vm, host)
  const here = from < 0 ? size : coreCap(context, vm, from)
  if (there >= size && here >= size) return 0
  const sd = Math.sqrt(context.levels.variance[vm])
  const mean = context.levels.mean[vm]
  const lost = expectedExcess(mean, sd, Math.min(here, size)) - expectedExcess(mean, sd, Math.min(there, size))
  return lost * context.policy.prices.perUnservedCoreHour * horizonHours(context)
}

/** Most reference cores the VM can get here: its vCPUs times the speed of one core. */
function coreCap(context: TurnContext, vm: number, host: number): number {
  return vmAt(context, vm).vcpus * context.observation.inventory.hosts[host].refCoresPerCore
}

/** Worth of filling the fuller of two hosts, so that the emptier one can be emptied: convex in fullness, and as much as a
 *  host's idle watts over the whole way from empty to full. */
function fillWorth(context: TurnContext, vm: number, host: number): number {
  if (!context.policy.consolidation.isEnabled) return 0
  const capacity = context.fleet.capacity[host]
  const before = context.loads.mean[host] / capacity
  const after = (context.loads.mean[host] + demandThere(context, vm, host)) / capacity
  return energyPrice(context, context.fleet.idleWatts[host]) * (after * after - before * before)
}
