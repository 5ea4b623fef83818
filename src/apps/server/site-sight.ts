/** The site as it can be seen from the store: for turns, and for answers where nobody takes turns. */
import { outOfRange } from '../../engine/admission/ranges.ts'
import type { EngineState } from '../../engine/state.ts'
import { ReportedHypervisor, type SiteNotes } from '../../drivers/reported/reported-hypervisor.ts'
import { ReportedTelemetry } from '../../drivers/reported/reported-telemetry.ts'
import { observe } from '../../loop/run-loop.ts'
import type { Observation } from '../../terms/turn.ts'
import type { Clock } from '../../world/clock.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { rebuildState } from './rebuild.ts'
import { readSettings, type SiteSettings } from './site-settings.ts'

/** What was seen at one instant. */
export interface Sight {
  readonly observation: Observation
  readonly settings: SiteSettings
  readonly notes: SiteNotes
  /** When the newest good vector of each VM arrived, parallel to the inventory's VMs; NaN: never. */
  readonly heardAt: Float64Array
}

export class SiteSight {
  readonly hypervisor: ReportedHypervisor
  readonly telemetry: ReportedTelemetry
  private readonly store: SiteStore
  private readonly clock: Clock
  private settings: SiteSettings | undefined

  constructor(store: SiteStore, clock: Clock) {
    this.store = store
    this.clock = clock
    this.hypervisor = new ReportedHypervisor(store, clock)
    this.telemetry = new ReportedTelemetry(store, clock, (vector) => outOfRange(vector) === undefined)
  }

  /** What operators want now. Rejects with a `StoreError`. */
  async readSettings(): Promise<SiteSettings> {
    this.settings = await readSettings(this.store, this.settings)
    return this.settings
  }

  /** What there is to see; a sentence where the store can't be read. */
  async look(settings: SiteSettings): Promise<Sight | string> {
    const { hypervisor, telemetry, clock } = this
    const observation = await observe({ clock, telemetry, hypervisor })
    if (observation === 'exhausted') return 'There is nothing to see any more.'
    if (!('inventory' in observation)) return 'text' in observation ? observation.text : 'Nothing could be seen.'
    const { heardAt } = telemetry
    return {
      observation,
      settings,
      notes: hypervisor.notes,
      heardAt: Float64Array.from(observation.inventory.vms, ({ id }) => heardAt.get(id) ?? NaN),
    }
  }

  /** What the engine would remember of what it saw until now. Rejects with a `StoreError`. */
  async remember({ observation, settings }: Sight): Promise<EngineState> {
    return rebuildState(this.store, observation.inventory, { policy: settings.policy, now: this.clock.now() })
  }
}
