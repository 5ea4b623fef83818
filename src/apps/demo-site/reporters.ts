/** The demo's hosts tell the server what runs on them, once a minute of the site's time: straight into its store, past the door that real reporters take. */
import type { Logger } from 'pino'
import { PacedClock } from '../../drivers/paced-clock.ts'
import { type EpochMs, MINUTE_MS } from '../../terms/units.ts'
import { SLOT_MS } from '../../terms/usage.ts'
import type { SiteStore } from '../../world/site-store.ts'
import type { DemoWorld } from './world.ts'

/** The cluster's copies go on at least this often, by the machine's clock. */
const TICK_MS = 100

export interface ReportersOptions {
  readonly store: SiteStore
  readonly clock: PacedClock
  readonly log: Logger
}

export class Reporters {
  private readonly world: DemoWorld
  private readonly options: ReportersOptions
  private readonly stop = new AbortController()
  private timer: NodeJS.Timeout | undefined
  private telling: Promise<void> | undefined

  constructor(world: DemoWorld, options: ReportersOptions) {
    this.world = world
    this.options = options
  }

  start(): void {
    this.timer = setInterval(() => this.world.copies.tick(this.options.clock.now()), TICK_MS)
    this.telling = this.tellAll()
  }

  async close(): Promise<void> {
    clearInterval(this.timer)
    this.stop.abort()
    await this.telling
  }

  private async tellAll(): Promise<void> {
    const clock = new PacedClock(this.options.clock.pace, this.stop.signal)
    let told = minuteOf(clock.now())
    while (await isThere(clock.sleepUntil(told + MINUTE_MS))) {
      // Whoever comes late tells of the whole time since.
      const at = minuteOf(clock.now())
      try {
        await this.tell(at, Math.min(SLOT_MS, at - told))
      } catch (error) {
        this.options.log.error({ reason: String(error) }, 'the demo’s hosts could not report')
      }
      told = at
    }
  }

  private async tell(at: EpochMs, windowMs: number): Promise<void> {
    const { store, clock } = this.options
    this.world.copies.tick(clock.now())
    const told = { at, windowMs, arrivedAt: clock.now() }
    await store.hosts.report(this.world.cluster.hosts.map((_, host) => this.world.report(host, told)))
  }
}

function minuteOf(at: EpochMs): EpochMs {
  return Math.floor(at / MINUTE_MS) * MINUTE_MS
}

/** False: it was stopped meanwhile. */
async function isThere(sleeping: Promise<void>): Promise<boolean> {
  return sleeping.then(
    () => true,
    () => false,
  )
}
