/** What must hold on each host that a turn's orders touch, with all that is under way and ordered counted on both hosts. */
import { isAskedFor } from '../suitability/budgets.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import type { SafetyPolicy } from '../../terms/policy.ts'
import { HOUR_MS } from '../../terms/units.ts'
import type { Say } from './invariants.ts'
import type { SeenWorld } from './seen-world.ts'

/** Sums of floats may be off by so much of a limit. */
const ROUNDING = 1e-4
/** A host that measures more than this share apart from its VMs, and more than noise, is not believed. */
const APART_MAX = 0.15
const NOISE = 0.05
/** 10 Gbit/s in bytes per second. */
const FAST_LINK = 1.25e9

/** Room on targets, and migrations at a time. */
export function checkHostLimits(world: SeenWorld, say: Say): void {
  for (const [id, orders] of Map.groupBy(world.orders, ({ to }) => to)) {
    const host = world.hostIndex.get(id)
    if (host === undefined) continue
    checkAllocation(world, host, say)
    checkDemand(world, host, orders, say)
    checkMeasured(world, host, orders, say)
  }
  const most = world.policy.limits.migrationsPerHostMax ?? Infinity
  for (const [id, { copies }] of countFlights(world)) {
    if (copies > most && isTouched(world, id))
      say('I9 concurrency', `${id} takes part in ${copies} migrations, of ${most}.`)
  }
}

function checkAllocation(world: SeenWorld, host: number, say: Say): void {
  const { memoryAllocationMax = Infinity, cpuAllocationMax = Infinity } = world.policy.limits
  const { id, memoryBytes } = world.observation.inventory.hosts[host]
  const memory = world.memoryAfter(host)
  if (memory > memoryBytes * memoryAllocationMax)
    say('I7 capacity', `${id} would be committed ${memory} of ${memoryBytes} bytes.`)
  const sizes = world.sizesAfter(host)
  if (sizes > world.capacity(host) * cpuAllocationMax * (1 + ROUNDING))
    say('I7 capacity', `${id} would carry ${sizes.toFixed(2)} cores of VM sizes.`)
}

function checkDemand(world: SeenWorld, host: number, orders: readonly MigrationOrder[], say: Say): void {
  const { contention, safety } = world.policy
  const isNeed = orders.some((order) => world.isInNeed(order))
  if (isNeed && safety === undefined) return
  const limit = world.capacity(host) * (isNeed ? contention.highFraction : contention.lowFraction)
  const peak = world.peakAfter(host)
  if (safety !== undefined && !isNeed) checkSwap(world, host, orders, say)
  if (peak > limit * (1 + ROUNDING)) {
    const { id } = world.observation.inventory.hosts[host]
    say(
      'I7 capacity',
      `${id} would have had to serve ${peak.toFixed(2)} cores, and may be filled to ${limit.toFixed(2)}.`,
    )
  }
}

/** Up to contention there must be as much as the VM that comes wanted at its most, or the two hosts could swap roles; and hosts that are filled for
 *  energy's sake stay emptier. */
function checkSwap(world: SeenWorld, host: number, orders: readonly MigrationOrder[], say: Say): void {
  const { contention, safety } = world.policy
  const { id } = world.observation.inventory.hosts[host]
  const peak = world.peakAfter(host)
  const isShared = world.membersAfter(host).length > orders.length
  for (const { vmId, class: moveClass } of orders) {
    const vm = world.vmIndex.get(vmId)
    const own = vm === undefined ? 0 : world.peakOf(vm)
    const most = world.capacity(host) * contention.highFraction - own
    if (isShared && peak > most * (1 + ROUNDING))
      say(
        'gate 3 hysteresis',
        `${id} would have had to serve ${peak.toFixed(2)} cores, with ${vmId} of ${own.toFixed(2)}.`,
      )
    const energyMost = world.capacity(host) * (safety?.energyLowFraction ?? Infinity)
    if (moveClass === 'energy' && peak > energyMost * (1 + ROUNDING))
      say('gate 3 hysteresis', `${id} would have had to serve ${peak.toFixed(2)} cores, for the sake of energy.`)
  }
}

/** A target that measures itself must agree with its VMs, and have the memory. */
function checkMeasured(world: SeenWorld, host: number, orders: readonly MigrationOrder[], say: Say): void {
  const { hostSamples, samples, inventory } = world.observation
  const { id, memoryBytes } = inventory.hosts[host]
  const measured = hostSamples?.cpuRefCores?.[host] ?? NaN
  const capacity = world.capacity(host)
  if (measured === measured) {
    const vms = Math.min(capacity, world.wantedNow(host))
    const isBeyond = measured < 0 || measured > capacity * (1 + APART_MAX + ROUNDING)
    if (isBeyond || vms - measured > Math.max(NOISE * capacity, APART_MAX * vms) * (1 + ROUNDING))
      say('I7 capacity', `${id} measures ${measured.toFixed(2)} cores and its VMs ${vms.toFixed(2)}.`)
  }
  const used = hostSamples?.memoryUsedBytes?.[host] ?? NaN
  if (used !== used || world.policy.limits.memoryAllocationMax === undefined) return
  const coming = orders.reduce((sum, { vmId }) => {
    const vm = world.vmIndex.get(vmId)
    if (vm === undefined) return sum
    const own = samples.columns.memory?.[vm] ?? 0
    return sum + Math.min(inventory.vms[vm].memoryBytes, own > 0 ? own : Infinity)
  }, 0)
  if (used + coming > memoryBytes)
    say('I7 capacity', `${id} uses ${used} of ${memoryBytes} bytes, and ${coming} would come.`)
}

interface Counts {
  copies: number
  outbound: number
  inbound: number
}

/** Migrations by host, under way and ordered. */
function countFlights({ flights, orders }: SeenWorld): ReadonlyMap<string, Counts> {
  const counts = new Map<string, Counts>()
  const of = (host: string): Counts => {
    const known = counts.get(host) ?? { copies: 0, outbound: 0, inbound: 0 }
    counts.set(host, known)
    return known
  }
  for (const { from, to } of [...flights.values(), ...orders]) {
    of(from).copies++
    of(from).outbound++
    of(to).copies++
    of(to).inbound++
  }
  return counts
}

function isTouched({ orders }: SeenWorld, host: string): boolean {
  return orders.some(({ from, to }) => from === host || to === host)
}

/** What a site's safety policy says, where there is one. */
export function checkSiteLimits(world: SeenWorld, say: Say): void {
  const { safety } = world.policy
  if (safety === undefined) return
  const { flights, orders } = world
  const under = flights.size + orders.length
  if (under > safety.migrationsPerClusterMax) say('I9 concurrency', `${under} migrations in the cluster.`)
  for (const [id, { copies, outbound, inbound }] of countFlights(world)) {
    const host = world.hostIndex.get(id)
    if (host === undefined || !isTouched(world, id)) continue
    const link = world.observation.inventory.hosts[host].networkBytesPerSec
    if (outbound > safety.outboundPerHostMax) say('I9 concurrency', `${outbound} migrations out of ${id}.`)
    if (link < FAST_LINK && copies > safety.migrationsPerSlowLinkMax)
      say('I9 concurrency', `${copies} migrations on the link of ${id}.`)
    const isReceiving = orders.some(({ to }) => to === id)
    if (isReceiving && inbound > 1) say('gate 3 settling', `${inbound} VMs are on their way to ${id}.`)
  }
  checkHour(world, safety, say)
  checkSettled(world, safety, say)
}

function checkHour(world: SeenWorld, safety: SafetyPolicy, say: Say): void {
  const { orders, past, observation } = world
  const recent = [...past.values()]
    .flat()
    .filter((entry) => observation.at - entry.at < HOUR_MS && !isAskedFor(entry.class))
  const all = [...recent, ...orders]
  const share = Math.max(1, Math.floor(safety.movesShareHourMax * observation.inventory.vms.length))
  const most = Math.min(safety.movesPerClusterHourMax, share)
  const energy = all.filter((move) => move.class === 'energy')
  // Of one class one always may, where the hour holds any.
  const many = all.length - energy.length > Math.min(1, most) ? all.length : all.length - energy.length
  if (many > most) say('I10 budgets', `${many} moves within an hour, of ${most}.`)
  const energyMost = Math.min(safety.energyMovesPerClusterHourMax, Math.max(1, Math.floor(most / 2)))
  if (energy.length > energyMost && orders.some((order) => order.class === 'energy'))
    say('I10 budgets', `${energy.length} moves for energy within an hour, of ${energyMost}.`)
  for (const host of new Set(orders.flatMap(({ from, to }) => [from, to]))) {
    const count = all.filter(({ from, to }) => from === host || to === host).length
    if (count > safety.movesPerHostHourMax) say('I10 budgets', `${host} takes part in ${count} moves within an hour.`)
    const takesPart = ({ from, to }: { readonly from: string; readonly to?: string }): boolean =>
      from === host || to === host
    const ofEnergy = energy.filter(takesPart).length
    const isOrdered = orders.some((order) => order.class === 'energy' && takesPart(order))
    if (isOrdered && ofEnergy > safety.energyMovesPerHostHourMax)
      say('I10 budgets', `${host} takes part in ${ofEnergy} moves for energy within an hour.`)
  }
}

function checkSettled(world: SeenWorld, safety: SafetyPolicy, say: Say): void {
  const { orders, past, observation } = world
  const { windowMs } = observation.samples
  const { ended } = observation.inventory
  const arrivals = [...past.values()].flat().flatMap(({ to, end, vmId, from }) => {
    const now = ended.find((one) => one.vmId === vmId && one.from === from && one.result === 'done')
    const at = end === undefined ? now?.endedAt : end.isDone ? end.at : undefined
    return to === undefined || at === undefined ? [] : [{ to, at }]
  })
  for (const { to } of orders) {
    const last = arrivals
      .filter((arrival) => arrival.to === to)
      .reduce((latest, { at }) => Math.max(latest, at), -Infinity)
    if (observation.at < last + safety.settleWindows * windowMs)
      say('gate 3 settling', `${to} received a VM at ${last}.`)
  }
}
