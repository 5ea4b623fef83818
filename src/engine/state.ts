import type { HostCharacteristics } from '../terms/host.ts'
import type { VmId } from '../terms/ids.ts'
import type { MigrationOrder, MoveClass } from '../terms/move.ts'
import type { EpochMs } from '../terms/units.ts'
import type { Vm } from '../terms/vm.ts'
import type { Profiles } from './profile/profiles.ts'
import type { WorkMix } from './profile/work-mix.ts'
import type { Fleet } from './suitability/fleet.ts'

/** All that the engine remembers from turn to turn. Never changed in place: a turn returns a new one that shares what
 *  stayed the same. */
export interface EngineState {
  readonly turns: number
  /** When the last turn was taken; -Infinity before the first. */
  readonly lastTurnAt: EpochMs
  /** The rosters that the columns below run parallel to. */
  readonly vms: readonly Vm[]
  readonly hosts: readonly HostCharacteristics[]
  /** Place of each id in the rosters. */
  readonly vmIndex: ReadonlyMap<string, number>
  readonly hostIndex: ReadonlyMap<string, number>
  /** CPU demand of every VM per past window, in reference cores, oldest first; NaN is absent. */
  readonly cpuHistory: readonly Float32Array[]
  readonly profiles: Profiles
  /** What kind of work each VM does, of those whose vectors tell. */
  readonly mixes: ReadonlyMap<VmId, WorkMix>
  readonly fleet: Fleet
  /** When we last ordered each VM to move; -Infinity: never. */
  readonly movedAt: Float64Array
  /** Our orders of the last day, oldest first. */
  readonly moveLog: readonly MoveLogEntry[]
  /** Since when each host carries VMs; -Infinity: since before we looked; NaN: it carries none. */
  readonly busySince: Float64Array
  /** Trigger of each host in the last turns, newest in the lowest bit. */
  readonly triggerHistory: Uint8Array
  /** Hosts that we began to empty and have not finished. */
  readonly draining: readonly Draining[]
  readonly threshold: ThresholdState
  /** Orders whose gain is not settled yet. */
  readonly promises: readonly OpenPromise[]
}

/** A host being emptied over several turns, because limits let only some of its VMs go at a time. */
export interface Draining {
  readonly host: number
  /** VMs it had when that began: each earns its share of what the host's going dark saves. */
  readonly vms: number
}

export interface MoveLogEntry {
  readonly vmId: VmId
  readonly from: string
  readonly at: EpochMs
  /** Absent: written down by a version that did not say. */
  readonly to?: string
  readonly class?: MoveClass
  /** How it ended. Absent: it has not, or nobody told. */
  readonly end?: { readonly at: EpochMs; readonly tookMs: number; readonly isDone: boolean }
}

/** How wide the demand band is drawn, learnt from how often demand broke out of it. */
export interface ThresholdState {
  /** Standard deviations above the mean that the upper bound stands. */
  readonly bandSd: number
  /** Upper bound of each host as forecast in the last turn, in reference cores; NaN where it can't be checked. */
  readonly lastBound: Float32Array
  /** Key of the set of VMs on each host that the bound was drawn for. */
  readonly lastMembers: Float64Array
  /** Bounds checked, and of these exceeded, since the start. */
  readonly checked: number
  readonly exceeded: number
  /** Moving average of realised gain less cost per move, in the policy's currency, over `outcomes` settled moves. */
  readonly netGain: number
  readonly outcomes: number
  /** What gain over cost must at least be, times the policy's margin: doubled when moves do not pay. */
  readonly marginFactor: number
  /** Settled moves since the last verdict on our own judgement, and what they earned less what they cost. */
  readonly doubt: { readonly moves: number; readonly net: number }
  /** Verdicts in a row that were against us. */
  readonly strikes: number
  /** How often the forecast interval of 90 % held what came. */
  readonly coverage: CoverageState
}

/** The last turn's forecast of each host, and what became of such forecasts. */
export interface CoverageState {
  /** Expected demand and spread per host as forecast in the last turn, in reference cores; NaN where it can't be checked. */
  readonly lastMean: Float32Array
  readonly lastSd: Float32Array
  /** Moving average of how many held. */
  readonly share: number
  readonly checked: number
}

/** What an order promised, and what has come of it so far. */
export interface OpenPromise {
  readonly order: MigrationOrder
  readonly gain: number
  readonly cost: number
  /** VMs that leave the same host for the same reason: each earns its share of what the host's going dark saves. */
  readonly companions: number
  readonly settleAt: EpochMs
  /** Money earned so far against the world in which the VM had stayed. */
  readonly realised: number
  /** Money that the migration took, known once it has ended; 0 for one that never began. */
  readonly realisedCost: number
}
