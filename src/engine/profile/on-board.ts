/** The personality on board: one VM, reading by reading, in memory that does not grow. What an agent computes inside a guest, and the server for a
 *  guest without one from what the hypervisor tells. */
import type { VmId } from '../../terms/ids.ts'
import {
  type DimensionName,
  DIMENSIONS,
  dimensionIndex,
  MASK_BYTES,
  type PersonalityVector,
} from '../../terms/personality.ts'
import { type Reading, READING_LENGTH } from '../../terms/reading.ts'
import { type EpochMs, HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { PhaseTracker } from './phase-tracker.ts'
import type { PhaseModel } from './phases.ts'
import { autocorrelation, type Centred, centre, findRhythm, type Rhythm } from './rhythm.ts'
import { HORIZON_SLOTS, SlotForecast } from './slot-forecast.ts'
import { SlotHistory } from './slot-history.ts'
import { openSnapshot, sealSnapshot } from './snapshot.ts'
import { anomalyScore, changeScore } from './unusual.ts'
import { RollingWindow } from './window.ts'

export interface OnBoardOptions {
  readonly vmId: VmId
  readonly sender: string
  /** CPUs of the VM. */
  readonly cores: number
  /** Reference cores that one of them is worth; 1 where nobody said (decision 0005). */
  readonly refCoresPerCore: number
  readonly windowMs: number
  readonly phases: PhaseModel
  readonly slotMs?: number
  readonly historySlots?: number
}

/** What the agent's history is made of, unless somebody says otherwise: a day of five minutes each. */
export const SLOT_MS = 5 * MINUTE_MS
export const HISTORY_SLOTS = 288
/** Slots without which a correlation says nothing. */
const PERSISTENCE_SLOTS_MIN = 12

/** Latest instant: the year 5138, as on the wire. */
const AT_MS_MAX = 99_999_999_999_999
/** The horizon from which a change is told: what was not foreseen an hour before. */
const HOUR_AHEAD = 3

/** What a reading brought about. */
export interface Observed {
  /** The VM has passed into another phase: a vector is due sooner. */
  readonly phaseChanged: boolean
}
const CHANGED: Observed = { phaseChanged: true }
const UNCHANGED: Observed = { phaseChanged: false }

const at = (name: DimensionName): number => dimensionIndex(name)
const CPU_MEAN = at('cpuRefCoresMean')
const FORECAST = at('forecastCpu5MinP50')

/** Learns what a VM is like. */
export class OnBoard {
  private readonly options: OnBoardOptions
  private readonly window: RollingWindow
  private readonly history: SlotHistory
  private readonly tracker: PhaseTracker
  private forecast = new SlotForecast()
  private readonly scratch: Float64Array
  private rhythm: Rhythm | undefined
  private rhythmSlot = -Infinity
  /** Readings that were not newer than the last, and were left out: a clock was put back. */
  private droppedCount = 0

  constructor(options: OnBoardOptions) {
    this.options = options
    this.window = new RollingWindow(options.windowMs)
    this.history = new SlotHistory(options.slotMs ?? SLOT_MS, options.historySlots ?? HISTORY_SLOTS)
    this.tracker = new PhaseTracker(options.phases, options.cores)
    this.scratch = new Float64Array(this.history.slots)
  }

  get dropped(): number {
    return this.droppedCount
  }

  get phaseName(): string | undefined {
    return this.tracker.phaseName
  }

  /** Version of the phase model in use. */
  get phases(): number {
    return this.tracker.version
  }

  /** From now on the phase is numbered by another model, and assigned anew at once; the history knows no phases, and stays. No change is told. */
  usePhases(model: PhaseModel): void {
    this.tracker.use(model)
  }

  /** Takes in one reading. One that is not newer than the last is dropped and counted, unless the clock was put back by a slot or more: then the time
   *  told is the new truth, the window begins anew, and the history goes on. */
  observe(reading: Reading): Observed {
    const { at: instant, spanMs } = reading
    const backMs = this.window.latest - instant
    const isNewer = backMs < 0 || backMs >= this.history.slotMs
    if (!(instant >= 0 && instant <= AT_MS_MAX && spanMs > 0 && spanMs < Infinity && isNewer)) {
      this.droppedCount++
      return UNCHANGED
    }
    if (backMs > 0) this.window.clear()
    this.window.add(reading)
    for (let back = this.history.add(reading); back >= 1; back--)
      this.forecast.add(this.history.ago(0, back) / this.options.cores)
    return this.tracker.add(reading) ? CHANGED : UNCHANGED
  }

  /** The personality at `now`. Absent is what nobody measured or what too little is known of. */
  vector(now: EpochMs, sequence: number): PersonalityVector {
    const { vmId, sender, cores, refCoresPerCore } = this.options
    const writer = new Writer()
    this.window.roll(now)
    for (let i = 0; i < READING_LENGTH; i++) {
      writer.put(i, this.window.mean(i) * (i === CPU_MEAN ? refCoresPerCore : 1))
    }
    writer.put(at('cpuRefCoresP95'), this.window.cpuQuantile(0.95) * refCoresPerCore)
    writer.put(at('cpuRefCoresMax'), this.window.cpuMax() * refCoresPerCore)
    this.putBehaviour(writer, now)
    const size = cores * refCoresPerCore
    for (let h = 0; h < HORIZON_SLOTS.length; h++) {
      const middle = this.forecast.p50(h)
      writer.put(FORECAST + 2 * h, middle * size)
      // A bound is not below the middle, and not above what the VM can use.
      writer.put(FORECAST + 2 * h + 1, Math.max(middle, Math.min(this.forecast.p95(h), 1)) * size)
    }
    return {
      vmId,
      sender,
      sequence,
      windowEnd: Math.round(now),
      windowMs: Math.max(1, Math.min(24 * HOUR_MS, Math.round(this.window.lengthMs(now)))),
      coverage: this.window.coverage(now),
      phases: this.tracker.version,
      values: writer.values,
      mask: writer.mask,
    }
  }

  /** What must outlive a restart: the window, the history, what was learnt of it, and the phase. Text of at most 128 KiB. */
  snapshot(): string {
    const { history, forecast, tracker, rhythm, rhythmSlot } = this
    return sealSnapshot({
      slotMs: history.slotMs,
      slot: history.current,
      rows: history.savedRows(),
      part: history.savedPart(),
      forecast: forecast.save(),
      phase: tracker.save(),
      window: this.window.save(),
      rhythm: rhythm === undefined ? undefined : { ...rhythm, slot: rhythmSlot },
    })
  }

  /** Takes a snapshot back. Refused is one that is damaged or of another shape, that ended longer ago than it is long, or that is from the future. */
  restore(text: string, now: EpochMs): 'restored' | 'refused' {
    const saved = openSnapshot(text)
    if (saved === undefined || saved.slotMs !== this.history.slotMs) return 'refused'
    const passed = Math.floor(now / saved.slotMs) - saved.slot
    if (passed < 0 || passed > this.history.slots) return 'refused'
    const forecast = new SlotForecast()
    if (!forecast.load(saved.forecast) || !this.history.restore(saved)) return 'refused'
    this.forecast = forecast
    this.rhythm = saved.rhythm
    this.rhythmSlot = saved.rhythm?.slot ?? -Infinity
    this.tracker.restore(saved.phase)
    // A window of another length begins anew; so does one that a clock, put back since, has left in the future.
    if (saved.window !== undefined) this.window.restore(saved.window, now)
    return 'restored'
  }

  private putBehaviour(writer: Writer, now: EpochMs): void {
    const series = this.history.series(0, this.scratch)
    if (series.length >= PERSISTENCE_SLOTS_MIN) {
      const centred = centre(series)
      const persistence = Math.min(0.99, Math.max(0, autocorrelation(centred, 1)))
      writer.put(at('cpuPersistence'), persistence)
      writer.put(at('cpuBurstiness'), burstinessOf(series, centred))
      // Rhythms change slowly and cost most to find: once an hour.
      if (this.history.current - this.rhythmSlot >= HOUR_MS / this.history.slotMs) {
        this.rhythm = findRhythm(centred)
        this.rhythmSlot = this.history.current
      }
    }
    if (this.rhythm !== undefined) {
      writer.put(at('rhythmStrength'), this.rhythm.strength)
      if (this.rhythm.period !== undefined) writer.put(at('rhythmPeriodMs'), this.rhythm.period * this.history.slotMs)
    }
    writer.put(at('changeScore'), changeScore(this.forecast.pastErrors(HOUR_AHEAD)))
    writer.put(at('anomalyScore'), anomalyScore(this.history, this.scratch))
    if (this.tracker.phase === undefined) return
    writer.put(at('phase'), this.tracker.phase)
    writer.put(at('phaseAgeMs'), this.tracker.ageMs(now))
  }
}

/** Standard deviation over mean of the slots; NaN of a VM that did nothing. */
function burstinessOf(series: Float64Array, { power }: Centred): number {
  let sum = 0
  for (const value of series) sum += value
  return sum > 0 ? Math.sqrt(power / series.length) / (sum / series.length) : Number.NaN
}

/** A row of the vector; what is never put, or is not finite, stays absent. */
class Writer {
  readonly values = new Float32Array(DIMENSIONS)
  readonly mask = new Uint8Array(MASK_BYTES)

  put(index: number, value: number): void {
    const rounded = Math.fround(value)
    if (!Number.isFinite(rounded)) return
    this.values[index] = rounded
    this.mask[index >> 3] |= 1 << (index & 7)
  }
}
