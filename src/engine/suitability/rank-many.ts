/** The best few hosts of many VMs: the same as the head of each VM's ranking, without looking at every pair in full. */
import type { RankedHost } from '../../terms/ranking.ts'
import type { TurnContext } from '../context.ts'
import { priceMigration } from '../migration/estimate.ts'
import { DEMAND } from './rules/demand.ts'
import { calculateMigrationScore, estimateMove, predictPerformance, scoreTargetAtMost } from './score.ts'
import { energyPrice, riskAsIs, riskWithout, savedWatts } from './score.ts'
import { Screen, type ScreenRow } from './screen.ts'

/** Sums of money in another order may differ by so much. */
const ROUNDING = 1e-9

/** For each of the VMs at most `count` hosts, best first, ties by id. */
export function rankMany(
  context: TurnContext,
  vms: ArrayLike<number>,
  count: number,
): readonly (readonly RankedHost[])[] {
  const hosts = context.fleet.capacity.length
  const screen = new Screen(context)
  const row = { scores: new Float32Array(hosts), masks: new Uint16Array(hosts) }
  const queue = new HostQueue(hosts)
  return Array.from(vms, (vm) => {
    screen.screenVm(vm, row)
    return bestOf(context, { vm, count }, row, queue)
  })
}

/** Hosts in the order of the most they can be worth, until none left can be among the best. */
function bestOf(
  context: TurnContext,
  { vm, count }: { readonly vm: number; readonly count: number },
  { masks }: ScreenRow,
  queue: HostQueue,
): readonly RankedHost[] {
  const { hosts } = context.observation.inventory
  const migrationPrice = migrationPrices(context, vm)
  const leaving = worthOfLeaving(context, vm)
  queue.clear()
  for (let h = 0; h < masks.length; h++) {
    if (masks[h] === 0) queue.add(h, leaving + scoreTargetAtMost(context, vm, h) - migrationPrice(h))
  }
  const best: { readonly host: number; readonly total: number }[] = []
  const isBefore = (host: number, total: number, other: { readonly host: number; readonly total: number }): boolean =>
    total > other.total || (total === other.total && hosts[host].id < hosts[other.host].id)
  for (let host = queue.heapify().take(); host >= 0; host = queue.take()) {
    const worst = best.at(-1)
    if (best.length === count && worst !== undefined && queue.taken + ROUNDING < worst.total) break
    if (DEMAND.shortBy(context, vm, host) > 0) continue
    const { total } = calculateMigrationScore(context, vm, host)
    const place = best.findIndex((other) => isBefore(host, total, other))
    best.splice(place < 0 ? best.length : place, 0, { host, total })
    if (best.length > count) best.pop()
  }
  return best.map(({ host }) => ({
    hostId: hosts[host].id,
    score: calculateMigrationScore(context, vm, host),
    performance: predictPerformance(context, vm, host),
  }))
}

/** What it is worth that the VM leaves home, wherever it goes. */
function worthOfLeaving(context: TurnContext, vm: number): number {
  const from = context.hostOf[vm]
  if (from < 0) return 0
  const relief = riskAsIs(context, from) - riskWithout(context, from, vm)
  return relief + energyPrice(context, savedWatts(context, from, vm))
}

/** Prices of moving the VM, one per speed of link. */
function migrationPrices(context: TurnContext, vm: number): (host: number) => number {
  if (context.hostOf[vm] < 0) return () => 0
  const { hosts } = context.observation.inventory
  const byLink = new Map<number, number>()
  return (host) => {
    const link = hosts[host].networkBytesPerSec
    const known = byLink.get(link)
    if (known !== undefined) return known
    const price = priceMigration(estimateMove(context, vm, host), context.levels.last[vm], context.policy.prices)
    byLink.set(link, price)
    return price
  }
}

/** Hosts by falling worth: a binary heap, for most of them are never taken. */
class HostQueue {
  /** Worth of the host taken last. */
  taken = 0
  private length = 0
  private readonly host: Int32Array
  private readonly worth: Float64Array

  constructor(hosts: number) {
    this.host = new Int32Array(hosts)
    this.worth = new Float64Array(hosts)
  }

  clear(): void {
    this.length = 0
  }

  add(host: number, worth: number): void {
    this.host[this.length] = host
    this.worth[this.length++] = worth
  }

  heapify(): this {
    for (let i = (this.length >> 1) - 1; i >= 0; i--) this.sink(i)
    return this
  }

  /** The host worth most of those left; -1: none is. */
  take(): number {
    if (this.length === 0) return -1
    const [host] = this.host
    this.taken = this.worth[0]
    this.length--
    this.host[0] = this.host[this.length]
    this.worth[0] = this.worth[this.length]
    this.sink(0)
    return host
  }

  private sink(from: number): void {
    const { host, worth, length } = this
    let i = from
    for (let child = 2 * i + 1; child < length; child = 2 * i + 1) {
      if (child + 1 < length && worth[child + 1] > worth[child]) child++
      if (worth[child] <= worth[i]) return
      ;[host[i], host[child]] = [host[child], host[i]]
      ;[worth[i], worth[child]] = [worth[child], worth[i]]
      i = child
    }
  }
}
