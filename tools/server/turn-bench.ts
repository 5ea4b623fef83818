/** Turns of the live controller on an imagined site in memory, at instants that a test chooses. */
import { TurnTaker } from '../../src/apps/server/turn-taker.ts'
import type { TurnPacket } from '../../src/apps/server/turn-packet.ts'
import { openSqliteSite } from '../../src/drivers/sqlite/site-store.ts'
import { admit } from '../../src/engine/admission/senders.ts'
import type { MigrationOrder } from '../../src/terms/move.ts'
import { HOUR_MS } from '../../src/terms/units.ts'
import { SLOT_MS } from '../../src/terms/usage.ts'
import type { SiteStore } from '../../src/world/site-store.ts'
import { ImaginedSite, type ImaginedSiteOptions } from './imagined-site.ts'

export const BENCH_START = 1_800_000_000_000

export class TurnBench {
  now = BENCH_START
  readonly site: ImaginedSite
  store: SiteStore = openSqliteSite(':memory:', { admit })
  readonly clock = { now: () => this.now, sleepUntil: async () => undefined }
  readonly orders: MigrationOrder[] = []
  taker: TurnTaker
  /** Of the lease; the journal refuses one that is not held. */
  token = -1
  private sequence = 1_000_000

  constructor(options: Partial<ImaginedSiteOptions> = {}) {
    this.site = new ImaginedSite({ hosts: 3, vms: 18, seed: 1, cores: 16, ...options })
    this.taker = this.newTaker()
  }

  /** Hosts are registered, have told of the look-back, and report. */
  async open(pastMs = 6 * HOUR_MS): Promise<this> {
    await this.takeLease('bench')
    await this.site.register(this.store, this.now)
    await this.site.tellPast(this.store, { from: this.now - pastMs, to: this.now })
    await this.site.tellReports(this.store, this.now, SLOT_MS)
    return this
  }

  async takeLease(holder: string): Promise<void> {
    this.token = (await this.store.leases.take('controller', holder, this.now, 1000 * HOUR_MS))?.token ?? -1
  }

  /** One that remembers nothing, as after a crash. */
  newTaker(): TurnTaker {
    const { store, clock } = this
    return new TurnTaker({ store, clock, everyMs: SLOT_MS, token: () => this.token })
  }

  /** Five minutes pass, hosts report, and a turn is taken. */
  async step(tell: () => Promise<void> = async () => undefined): Promise<TurnPacket> {
    this.now += SLOT_MS
    await this.site.tellReports(this.store, this.now, SLOT_MS)
    await tell()
    return this.turn()
  }

  /** A turn on what is there. */
  async turn(): Promise<TurnPacket> {
    const taken = await this.taker.take()
    if (taken.kind === 'none') throw new Error(taken.reason)
    this.orders.push(...(taken.packet.result?.orders ?? []))
    return taken.packet
  }

  /** Numbers that rise, for vectors that a test makes itself. */
  nextSequence(): number {
    return this.sequence++
  }

  async close(): Promise<void> {
    await this.store.close()
  }
}
