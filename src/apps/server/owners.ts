/** What VMs say of themselves on their platform: that their owners want them left alone. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { VmId } from '../../terms/ids.ts'
import { type EpochMs, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import type { Clock } from '../../world/clock.ts'
import type { HostListing, MigrationDriver } from '../../world/migration-driver.ts'
import type { OptOuts, Wish } from './wishes.ts'

/** They are asked anew so often, and waited for so long. */
const EVERY_MS = 5 * MINUTE_MS
const WAIT_MS = 5 * SECOND_MS

export class Owners {
  private readonly driver: Pick<MigrationDriver, 'list'> | undefined
  private readonly clock: Clock
  private readonly wishes = new Map<VmId, Wish>()
  private askedAt = -Infinity

  /** @param driver absent: there is nobody to ask */
  constructor(clock: Clock, driver?: Pick<MigrationDriver, 'list'>) {
    this.clock = clock
    this.driver = driver
  }

  /** What people want left alone, with what VMs say themselves. What can't be asked now said what it said last. */
  async beside(optOuts: OptOuts): Promise<OptOuts> {
    const now = this.clock.now()
    if (this.driver !== undefined && now - this.askedAt >= EVERY_MS) {
      this.askedAt = now
      const listings = await Promise.race([this.driver.list(), sleep(WAIT_MS, [], { ref: false })]).catch(() => [])
      // Where all hosts told, VMs that are on none of them are gone.
      if (listings.length > 0 && listings.every(({ kind }) => kind === 'listed')) this.wishes.clear()
      for (const listing of listings) if (listing.kind === 'listed') this.noteHost(listing, now)
    }
    return this.wishes.size === 0 ? optOuts : new Map([...this.wishes, ...optOuts])
  }

  private noteHost({ hostId, vms }: Extract<HostListing, { kind: 'listed' }>, at: EpochMs): void {
    for (const { vmId, optOut } of vms)
      if (optOut === undefined) this.wishes.delete(vmId)
      else this.wishes.set(vmId, { who: `its description on ${hostId}`, at, reason: optOut })
  }
}
