/** Copies of running VMs in the demo's cluster: begun by order, carried on as time passes, over when the VM runs on its new host. */
import type { OrderId } from '../../terms/ids.ts'
import type { MigrationIntent, MoveProgress } from '../../terms/intent.ts'
import { type EpochMs, MiB, SECOND_MS } from '../../terms/units.ts'
import { vmSizeRefCores } from '../../terms/vm.ts'
import type { CallEnd } from '../../world/migration-driver.ts'
import { type CopyPace, LiveCopy } from '../../simulator/live-copy.ts'
import {
  HOT_SHARE_AT_REST,
  HOT_SHARE_OF_LOAD,
  IDLE_DIRTY_BYTES_PER_SEC,
  LINK_EFFICIENCY,
} from '../../simulator/migration-physics.ts'
import { MIGRATION_MBIT_PER_SEC } from './fleet.ts'
import type { DemoWorld } from './world.ts'

const LINK_BYTES_PER_SEC = ((MIGRATION_MBIT_PER_SEC * 1e6) / 8) * LINK_EFFICIENCY

export interface Copy {
  readonly orderId: OrderId
  readonly vm: number
  readonly from: number
  readonly to: number
  readonly live: LiveCopy
  /** Set by whoever ordered it; absent: as much as the link takes. */
  readonly bytesPerSecMax: number
  readonly onEnd: (end: CallEnd) => void
}

export class Copies {
  private readonly world: DemoWorld
  private readonly underWay = new Map<number, Copy>()
  private at: EpochMs = NaN

  constructor(world: DemoWorld) {
    this.world = world
  }

  ofVm(vm: number): Copy | undefined {
    return this.underWay.get(vm)
  }

  /** To a host and away from it. */
  of(host: number): readonly Copy[] {
    if (this.underWay.size === 0) return []
    return [...this.underWay.values()].filter(({ from, to }) => from === host || to === host)
  }

  progress(vm: number): MoveProgress | undefined {
    return this.underWay.get(vm)?.live.progress()
  }

  begin({ order, terms }: MigrationIntent, at: EpochMs, onEnd: (end: CallEnd) => void): void {
    this.tick(at)
    const vm = this.world.vmIndex(order.vmId)
    const live = new LiveCopy({
      usedBytes: this.world.activity(vm, at).memoryBytes,
      isThrottling: terms.mode === 'autoconverge',
    })
    const mib = terms.bandwidthMibPerSec ?? 0
    const bytesPerSecMax = mib > 0 ? mib * MiB : Infinity
    const [from, to] = [this.world.hostIndex(order.from), this.world.hostIndex(order.to)]
    this.underWay.set(vm, { orderId: order.id, vm, from, to, live, bytesPerSecMax, onEnd })
  }

  /** Nothing is done once the VM has left its host. */
  cancel(vm: number, at: EpochMs): void {
    this.tick(at)
    const copy = this.underWay.get(vm)
    if (copy === undefined || copy.live.phase === 'switching') return
    this.underWay.delete(vm)
    copy.onEnd({ kind: 'failed', reason: 'operation aborted: migration out: canceled by client' })
  }

  /** Lets time pass until an instant, a second at a time: who else copies, and how busy a VM is, changes meanwhile. */
  tick(at: EpochMs): void {
    if (this.underWay.size === 0 || Number.isNaN(this.at)) this.at = at
    for (; this.at < at && this.underWay.size > 0; this.at = Math.min(at, this.at + SECOND_MS)) {
      const ms = Math.min(SECOND_MS, at - this.at)
      for (const copy of this.underWay.values()) {
        copy.live.advance(ms, this.paceOf(copy))
        if (copy.live.phase === 'over') this.end(copy)
      }
    }
    this.at = at
  }

  private end(copy: Copy): void {
    this.underWay.delete(copy.vm)
    this.world.settle(copy.vm, copy.to)
    copy.onEnd({ kind: 'succeeded', reason: '', figures: copy.live.figures() })
  }

  /** Copies share each host's link. */
  private paceOf({ vm, from, to, bytesPerSecMax }: Copy): CopyPace {
    const sharing = Math.max(this.of(from).length, this.of(to).length)
    const { dirtyBytesPerSec, hotBytes } = this.writing(vm, this.at)
    return { bytesPerSec: Math.min(bytesPerSecMax, LINK_BYTES_PER_SEC / sharing), dirtyBytesPerSec, hotBytes }
  }

  /** How fast a VM writes to its memory, and to how much of it. */
  writing(vm: number, at: EpochMs): Omit<CopyPace, 'bytesPerSec'> {
    const { given, memoryBytes, work, netReceiveBytesPerSec } = this.world.activity(vm, at)
    const { vm: own, habits } = this.world.about(vm)
    const load = Math.min(1, given / vmSizeRefCores(own))
    return {
      dirtyBytesPerSec: IDLE_DIRTY_BYTES_PER_SEC + work * habits.dirtiedBytes + netReceiveBytesPerSec,
      hotBytes: memoryBytes * (HOT_SHARE_AT_REST + HOT_SHARE_OF_LOAD * load),
    }
  }
}
