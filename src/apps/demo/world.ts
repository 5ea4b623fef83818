/** The demo's hosts and guests as a balancer's world: what the meter saw. Moves are the mover's, as in production. */
import { HOST_UNKNOWN, type Inventory } from '../../terms/cluster.ts'
import { cpuDemand } from '../../terms/cpu-demand.ts'
import type { HostCharacteristics } from '../../terms/host.ts'
import type { VmId } from '../../terms/ids.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import type { Verdict } from '../../terms/ranking.ts'
import { type EpochMs, SECOND_MS } from '../../terms/units.ts'
import type { Vm } from '../../terms/vm.ts'
import { HypervisorError, TelemetryError } from '../../world/errors.ts'
import type { Hypervisor } from '../../world/hypervisor.ts'
import type { Telemetry, TelemetrySource } from '../../world/telemetry-source.ts'
import type { FastClock } from './fast-clock.ts'
import type { Meter } from './meter.ts'
import { SLOT_MS } from './scenario.ts'

/** Where guests run, as their hosts tell. Instants are the machine's; it moves nothing. */
export class MeterHypervisor implements Hypervisor {
  readonly name = 'libvirt'
  private readonly meter: Meter
  private readonly hosts: readonly HostCharacteristics[]
  private readonly vms: readonly Vm[]
  private readonly hostIndex: ReadonlyMap<string, number>
  private readonly lastHostOf: Int32Array

  constructor(meter: Meter, hosts: readonly HostCharacteristics[], vms: readonly Vm[]) {
    this.meter = meter
    this.hosts = hosts
    this.vms = vms
    this.hostIndex = new Map(hosts.map(({ id }, h) => [id, h]))
    this.lastHostOf = new Int32Array(vms.length).fill(HOST_UNKNOWN)
  }

  async inventory(): Promise<Inventory> {
    const seen = this.meter.latest
    this.vms.forEach(({ id }, v) => {
      // Between two hosts for a moment: it was seen on one of them, and the mover knows to which it goes.
      const host = seen?.guests.get(id)?.host
      if (host !== undefined) this.lastHostOf[v] = this.hostIndex.get(host) ?? HOST_UNKNOWN
    })
    return {
      at: Date.now(),
      hosts: this.hosts,
      hostStates: this.hosts.map(() => 'on'),
      vms: this.vms,
      hostOf: this.lastHostOf.slice(),
      migrations: [],
      ended: [],
    }
  }

  async preflight(): Promise<Verdict> {
    return { kind: 'refused', lacking: 'host-state', shortBy: 1, reason: 'The meter only looks.' }
  }

  async begin(): Promise<void> {
    throw new HypervisorError('refused', 'The meter only looks.')
  }

  async cancel(): Promise<void> {}
}

/** The same platform in the demo's time. */
export class InDemoTime implements Hypervisor {
  readonly name: string
  private readonly inner: Hypervisor
  private readonly clock: FastClock
  private readonly onRefused: (order: MigrationOrder, reason: string) => void

  /** @param onRefused is told of each order that the platform does not take */
  constructor(inner: Hypervisor, clock: FastClock, onRefused: (order: MigrationOrder, reason: string) => void) {
    this.inner = inner
    this.onRefused = onRefused
    this.clock = clock
    this.name = inner.name
  }

  async inventory(): Promise<Inventory> {
    const told = await this.inner.inventory()
    const at = (realMs: EpochMs): EpochMs => this.clock.at(realMs)
    return {
      ...told,
      at: at(told.at),
      migrations: told.migrations.map((move) => ({ ...move, startedAt: at(move.startedAt) })),
      ended: told.ended.map((move) => ({ ...move, startedAt: at(move.startedAt), endedAt: at(move.endedAt) })),
    }
  }

  async preflight(order: MigrationOrder): Promise<Verdict> {
    const verdict = await this.inner.preflight(order)
    if (verdict.kind === 'refused') this.onRefused(order, verdict.reason)
    return verdict
  }

  async begin(order: MigrationOrder): Promise<void> {
    try {
      await this.inner.begin(order)
    } catch (error) {
      this.onRefused(order, error instanceof Error ? error.message : String(error))
      throw error
    }
  }

  cancel(vmId: VmId): Promise<void> {
    return this.inner.cancel(vmId)
  }
}

/** What guests used and waited for in the last window, as their hosts tell: nobody asks within a guest. */
export class MeterTelemetry implements TelemetrySource {
  readonly name = 'libvirt statistics'
  private readonly meter: Pick<Meter, 'latest' | 'lookAt'>
  private readonly clock: Pick<FastClock, 'speed'>

  constructor(meter: Pick<Meter, 'latest' | 'lookAt'>, clock: Pick<FastClock, 'speed'>) {
    this.meter = meter
    this.clock = clock
  }

  async read({ vms }: Inventory): Promise<Telemetry> {
    const is = this.meter.latest
    const was = is === undefined ? undefined : this.meter.lookAt(is.at - SLOT_MS)
    if (is === undefined || was === undefined) throw new TelemetryError('unreachable', 'No host was asked yet.')
    const spanSec = (is.at - was.at) / this.clock.speed / SECOND_MS
    // A moment's use says nothing of a window's: at the first turn nothing was measured yet.
    const isShort = is.at - was.at < SLOT_MS / 2
    const cpu = Float32Array.from(vms, ({ id }) => {
      const [from, to] = [was.guests.get(id), is.guests.get(id)]
      if (from === undefined || to === undefined || isShort) return NaN
      // Guests have one CPU each.
      return cpuDemand({ ran: (to.usedSec - from.usedSec) / spanSec, waited: (to.delaySec - from.delaySec) / spanSec })
    })
    return { samples: { at: is.at, windowMs: SLOT_MS, columns: { cpu } }, personalities: [] }
  }
}
