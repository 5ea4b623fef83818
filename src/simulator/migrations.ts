import { HOST_UNKNOWN, type Inventory, type MigrationInFlight } from '../terms/cluster.ts'
import type { HostCharacteristics } from '../terms/host.ts'
import type { OrderId } from '../terms/ids.ts'
import { hashText, Luck } from '../terms/luck.ts'
import type { MigrationEnd, MigrationOrder, Move, MoveClass } from '../terms/move.ts'
import { clampFraction, type EpochMs, type Fraction } from '../terms/units.ts'
import type { Vm } from '../terms/vm.ts'
import type { Account, Figures } from './account.ts'
import type { EventQueue } from './event-queue.ts'
import type { HostPower } from './host-power.ts'
import { type Copy, type CopyActivity, copyAsCloudSim, copyInRounds } from './migration-physics.ts'
import type { Placement } from './placement.ts'
import type { SimulationRules } from './rules.ts'

/** A migration that counts, as the list of moves shows it. */
export interface SimulatedMove {
  /** Seconds since the start of the trace at which the order was accepted. */
  readonly second: number
  /** Row of the trace, from 0. */
  readonly vm: number
  /** Index of the host, from 0. */
  readonly from: number
  readonly to: number
  readonly orderId: OrderId
  readonly class: MoveClass
  readonly reason: string
  /** Absent for rivals, who do not reckon gain and cost. */
  readonly move?: Move
}

/** Told when a copy starts, for accounts that follow. VM and hosts are indices. */
export interface MigrationStart {
  readonly at: EpochMs
  readonly vm: number
  readonly from: number
  readonly to: number
  readonly orderId: OrderId
  readonly durationMs: number
  readonly downtimeMs: number
  readonly copiedBytes: number
}

interface MigrationsSetup {
  readonly vms: readonly Vm[]
  readonly hosts: readonly HostCharacteristics[]
  readonly rules: SimulationRules
  readonly seed: number
  readonly placement: Placement
  readonly power: HostPower
  readonly account: Account
  readonly events: EventQueue
  /** What a VM does at an instant. */
  readonly activityOf: (vm: number, at: EpochMs) => CopyActivity
  readonly onMigrationStart?: ((start: MigrationStart) => void) | undefined
}

/** VM and hosts as indices. */
export interface Route {
  readonly vm: number
  readonly from: number
  readonly to: number
}

interface Migration extends Route {
  readonly order: MigrationOrder
  readonly acceptedAt: EpochMs
  /** Absent while it waits for a link or for its target to come on. */
  copying?: { readonly at: EpochMs; readonly copy: Copy; readonly demand: number }
  isOver: boolean
}

/** Migrations from acceptance to their end: waiting for hosts and links, copying, done or given up. */
export class Migrations {
  /** Where each VM's demand counts: under CloudSim's copying it is on the target from the first sample after the
   *  start. */
  readonly countedOn: Int32Array
  private readonly setup: MigrationsSetup
  private readonly isCloudSim: boolean
  private readonly inFlight = new Map<number, Migration>()
  private readonly acceptedIds = new Set<OrderId>()
  private readonly isLinkBusy: Uint8Array
  /** Those that wait, by host on either side, in order of acceptance. */
  private readonly waitingAt = new Map<number, Migration[]>()
  /** Under CloudSim's copying: started since the last sample. */
  private uncounted: Migration[] = []
  private readonly counted: SimulatedMove[] = []
  private ended: MigrationEnd[] = []

  constructor(setup: MigrationsSetup) {
    this.setup = setup
    this.isCloudSim = setup.rules.copying === 'cloudsim'
    const { hostOf } = setup.placement
    this.countedOn = this.isCloudSim ? new Int32Array(hostOf.length).fill(HOST_UNKNOWN) : hostOf
    this.isLinkBusy = new Uint8Array(setup.hosts.length)
  }

  /** Those that count, in order. One given up after its copy began has cost what it cost, and is among them. */
  get moves(): readonly SimulatedMove[] {
    return this.counted
  }

  isMoving(vm: number): boolean {
    return this.inFlight.has(vm)
  }

  isAccepted(orderId: OrderId): boolean {
    return this.acceptedIds.has(orderId)
  }

  accept(order: MigrationOrder, route: Route, at: EpochMs): void {
    const migration: Migration = { order, ...route, acceptedAt: at, isOver: false }
    this.acceptedIds.add(order.id)
    this.inFlight.set(route.vm, migration)
    this.setup.placement.reserve(route.vm, route.to)
    this.setup.power.wake(route.to, at)
    if (this.isCloudSim) this.uncounted.push(migration)
    if (this.canCopy(migration)) this.startCopy(migration, at)
    else for (const host of [route.from, route.to]) this.waitAt(host, migration)
  }

  /** The VM stays, or has gone: either way it does not arrive. */
  giveUp(vm: number, result: 'cancelled' | 'failed', at: EpochMs): void {
    const migration = this.inFlight.get(vm)
    if (migration === undefined) return
    const { copying } = migration
    this.setup.placement.release(vm, migration.to)
    this.countedOn[vm] = this.setup.placement.hostOf[vm]
    const share = copying === undefined ? 0 : shareMade(copying, at)
    if (copying !== undefined && !this.isCloudSim) this.setup.account.chargeCopy(copying.copy, copying.demand, share)
    this.uncounted = this.uncounted.filter((other) => other !== migration)
    this.finish(migration, at, result, { copiedBytes: (copying?.copy.copiedBytes ?? 0) * share, downtimeMs: 0 })
  }

  /** A sample is about to be taken: under CloudSim's copying, what started before it counts on its target. */
  countStarted(): void {
    for (const migration of this.uncounted) {
      const { copying } = migration
      this.countedOn[migration.vm] = migration.to
      this.count(migration)
      if (copying !== undefined) this.setup.account.chargeCopy(copying.copy, copying.demand)
    }
    this.uncounted = []
  }

  /** A host has come on, or a link of it has come free. */
  startWaiting(host: number, at: EpochMs): void {
    const waiting = this.waitingAt.get(host)
    if (waiting === undefined) return
    const still = waiting.filter((migration) => !migration.isOver && migration.copying === undefined)
    if (still.length === 0) this.waitingAt.delete(host)
    else this.waitingAt.set(host, still)
    const next = still.find((migration) => this.canCopy(migration))
    if (next !== undefined) this.startCopy(next, at)
  }

  list(): readonly MigrationInFlight[] {
    return Array.from(this.inFlight.values(), ({ order, acceptedAt }) => ({
      orderId: order.id,
      vmId: order.vmId,
      from: order.from,
      to: order.to,
      startedAt: acceptedAt,
    }))
  }

  /** Ended since this was last asked. */
  takeEnded(): Inventory['ended'] {
    const { ended } = this
    this.ended = []
    return ended
  }

  figures(now: EpochMs): Figures {
    const underWay = []
    for (const { copying } of this.isCloudSim ? [] : this.inFlight.values()) {
      if (copying !== undefined) underWay.push({ ...copying, share: shareMade(copying, now) })
    }
    return this.setup.account.figures(underWay)
  }

  private canCopy({ from, to }: Migration): boolean {
    if (this.isCloudSim) return true
    const { power } = this.setup
    return power.isReady(from) && power.isReady(to) && this.isLinkBusy[from] === 0 && this.isLinkBusy[to] === 0
  }

  private waitAt(host: number, migration: Migration): void {
    const waiting = this.waitingAt.get(host)
    if (waiting === undefined) this.waitingAt.set(host, [migration])
    else waiting.push(migration)
  }

  private startCopy(migration: Migration, at: EpochMs): void {
    const { events, activityOf, onMigrationStart } = this.setup
    const { order, vm, from, to } = migration
    const activity = activityOf(vm, at)
    const copy = this.copyOf(migration, activity)
    migration.copying = { at, copy, demand: activity.cpuRefCores }
    if (!this.isCloudSim) {
      this.isLinkBusy[from] = this.isLinkBusy[to] = 1
      this.count(migration)
    }
    events.schedule(at + copy.durationMs, (endAt) => this.arrive(migration, endAt))
    const { durationMs, downtimeMs, copiedBytes } = copy
    onMigrationStart?.({ at, vm, from, to, orderId: order.id, durationMs, downtimeMs, copiedBytes })
  }

  /** Luck is keyed by the order's id, so that one migration's luck does not depend on what else happens. */
  private copyOf({ order, vm, from, to }: Migration, activity: CopyActivity): Copy {
    const { vms, hosts, rules, seed } = this.setup
    if (this.isCloudSim) return copyAsCloudSim(vms[vm])
    const bytesPerSec = Math.min(hosts[from].networkBytesPerSec, hosts[to].networkBytesPerSec)
    const luck = new Luck(hashText(order.id, seed))
    return copyInRounds(vms[vm], activity, { bytesPerSec, jitterFraction: rules.jitterFraction, luck })
  }

  private arrive(migration: Migration, at: EpochMs): void {
    const { copying } = migration
    if (migration.isOver || copying === undefined) return
    this.setup.placement.settle(migration.vm, migration.to)
    if (!this.isCloudSim) this.setup.account.chargeCopy(copying.copy, copying.demand)
    this.finish(migration, at, 'done', copying.copy)
  }

  private finish(
    migration: Migration,
    at: EpochMs,
    result: MigrationEnd['result'],
    sent: { readonly copiedBytes: number; readonly downtimeMs: number },
  ): void {
    const { order, vm, from, to, acceptedAt, copying } = migration
    migration.isOver = true
    this.inFlight.delete(vm)
    this.ended.push({
      orderId: order.id,
      vmId: order.vmId,
      from: order.from,
      to: order.to,
      result,
      startedAt: copying?.at ?? acceptedAt,
      endedAt: at,
      copiedBytes: sent.copiedBytes,
      downtimeMs: sent.downtimeMs,
    })
    if (copying !== undefined) this.isLinkBusy[from] = this.isLinkBusy[to] = 0
    this.startWaiting(from, at)
    this.startWaiting(to, at)
  }

  private count({ order, vm, from, to, acceptedAt }: Migration): void {
    this.setup.account.countMigration()
    this.counted.push({
      second: acceptedAt / 1000,
      vm,
      from,
      to,
      orderId: order.id,
      class: order.class,
      reason: order.reason,
      ...(order.move === undefined ? {} : { move: order.move }),
    })
  }
}

function shareMade(copying: { readonly at: EpochMs; readonly copy: Copy }, now: EpochMs): Fraction {
  const { durationMs } = copying.copy
  return durationMs > 0 ? clampFraction((now - copying.at) / durationMs) : 1
}
