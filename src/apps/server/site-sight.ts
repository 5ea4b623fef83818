/** The site as it can be seen from the store: for turns, and for answers where nobody takes turns. */
import { mixOf } from '../../engine/profile/work-mix.ts'
import { outOfRange } from '../../engine/admission/ranges.ts'
import type { EngineState } from '../../engine/state.ts'
import { ReportedHypervisor, type SiteNotes } from '../../drivers/reported/reported-hypervisor.ts'
import { ReportedTelemetry } from '../../drivers/reported/reported-telemetry.ts'
import { observe } from '../../loop/run-loop.ts'
import type { Observation } from '../../terms/turn.ts'
import type { Clock } from '../../world/clock.ts'
import type { Hypervisor } from '../../world/hypervisor.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { rebuildState, recallNewcomers } from './rebuild.ts'
import { readSettings, type SiteSettings } from './site-settings.ts'
import { WishedHypervisor } from './wished-hypervisor.ts'

/** What was seen at one instant. */
export interface Sight {
  readonly observation: Observation
  readonly settings: SiteSettings
  readonly notes: SiteNotes
  /** When the newest good vector of each VM arrived, parallel to the inventory's VMs; NaN: never. */
  readonly heardAt: Float64Array
  /** What each VM's guest last said of the kind of its work. */
  readonly mixes: EngineState['mixes']
}

export class SiteSight {
  /** What runs where, as people want it seen, and with what is moved by us. */
  readonly hypervisor: Hypervisor
  readonly telemetry: ReportedTelemetry
  private readonly reported: ReportedHypervisor
  private readonly wished: WishedHypervisor
  private readonly store: SiteStore
  private readonly clock: Clock
  private settings: SiteSettings | undefined
  private mixes: EngineState['mixes'] = new Map()

  /** @param through who carries orders out, over what is seen. Absent: nobody does */
  constructor(store: SiteStore, clock: Clock, through: (seen: Hypervisor) => Hypervisor = (seen) => seen) {
    this.store = store
    this.clock = clock
    this.reported = new ReportedHypervisor(store, clock)
    this.wished = new WishedHypervisor(this.reported)
    this.hypervisor = through(this.wished)
    this.telemetry = new ReportedTelemetry(store, clock, {
      notes: () => this.reported.notes,
      isGood: (vector) => outOfRange(vector) === undefined,
    })
  }

  /** The clock was set forward by so much. */
  clockStepped(steppedMs: number): void {
    this.reported.clockStepped(steppedMs)
  }

  /** What operators want now. Rejects with a `StoreError`. */
  async readSettings(): Promise<SiteSettings> {
    this.settings = await readSettings(this.store, this.settings)
    return this.settings
  }

  /** What there is to see; a sentence where the store can't be read. */
  async look(settings: SiteSettings): Promise<Sight | string> {
    const { hypervisor, telemetry, clock } = this
    this.wished.wish(settings)
    const observation = await observe({ clock, telemetry, hypervisor })
    if (observation === 'exhausted') return 'There is nothing to see any more.'
    if (!('inventory' in observation)) return 'text' in observation ? observation.text : 'Nothing could be seen.'
    const { heardAt } = telemetry
    this.mixes = rememberMixes(this.mixes, observation)
    return {
      observation,
      settings,
      notes: this.reported.notes,
      heardAt: Float64Array.from(observation.inventory.vms, ({ id }) => heardAt.get(id) ?? NaN),
      mixes: this.mixes,
    }
  }

  /** What the engine would remember of what it saw until now. Rejects with a `StoreError`.
   *  @param everyMs between turns. Absent: as long as a slot */
  async remember({ observation, settings }: Sight, everyMs?: number): Promise<EngineState> {
    const about = { policy: settings.policy, now: this.clock.now() }
    return rebuildState(this.store, observation.inventory, everyMs === undefined ? about : { ...about, everyMs })
  }

  /** A state as it was before this sight, with the past of VMs that are new in it. Rejects with a `StoreError`. */
  async recall(state: EngineState, { observation: { inventory, samples } }: Sight): Promise<EngineState> {
    return recallNewcomers(this.store, state, { inventory, to: samples.at - samples.windowMs })
  }
}

/** The newest of each VM that is still there. */
function rememberMixes(was: EngineState['mixes'], { inventory, personalities }: Observation): EngineState['mixes'] {
  const told = new Map(personalities.map((vector) => [vector.vmId, mixOf(vector)]))
  return new Map(
    inventory.vms.flatMap(({ id }) => {
      const mix = told.get(id) ?? was.get(id)
      return mix === undefined ? [] : [[id, mix] as const]
    }),
  )
}
