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
import { autocorrelation, centre, findRhythm, type Rhythm } from './rhythm.ts'
import { HORIZON_SLOTS, SlotForecast } from './slot-forecast.ts'
import { SlotHistory } from './slot-history.ts'
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
const SNAPSHOT_VERSION = 1

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

  /** From now on the phase is numbered by another model; the history stays. */
  usePhases(model: PhaseModel): void {
    this.tracker.use(model)
  }

  /** Takes in one reading. One that is not newer than the last is dropped and counted, unless the clock was put back by more than a window: then
   *  the time told is the new truth, and the old window is let go by and by. */
  observe(reading: Reading): { readonly phaseChanged: boolean } {
    const backMs = this.window.latest - reading.at
    if (!(reading.spanMs > 0) || (backMs >= 0 && backMs < this.options.windowMs)) {
      this.droppedCount++
      return { phaseChanged: false }
    }
    this.window.add(reading)
    for (let back = this.history.add(reading); back >= 1; back--) this.forecast.add(this.history.ago(0, back))
    return { phaseChanged: this.tracker.add(reading) }
  }

  /** The personality at `now`. Absent is what nobody measured or what too little is known of. */
  vector(now: EpochMs, sequence: number): PersonalityVector {
    const { vmId, sender, refCoresPerCore } = this.options
    const writer = new Writer()
    for (let i = 0; i < READING_LENGTH; i++) {
      writer.put(i, this.window.mean(i) * (i === CPU_MEAN ? refCoresPerCore : 1))
    }
    writer.put(at('cpuRefCoresP95'), this.window.cpuQuantile(0.95) * refCoresPerCore)
    writer.put(at('cpuRefCoresMax'), this.window.cpuMax() * refCoresPerCore)
    const mean = this.window.mean(CPU_MEAN)
    if (mean > 0) writer.put(at('cpuBurstiness'), this.window.cpuDeviation() / mean)
    this.putBehaviour(writer, now)
    HORIZON_SLOTS.forEach((_, h) => {
      const middle = this.forecast.p50(h) * refCoresPerCore
      writer.put(FORECAST + 2 * h, middle)
      writer.put(FORECAST + 2 * h + 1, this.capped(this.forecast.p95(h), middle))
    })
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

  /** What must outlive a restart: the history and the phase. Text of some 20 KiB. */
  snapshot(): string {
    return JSON.stringify({
      version: SNAPSHOT_VERSION,
      slotMs: this.history.slotMs,
      slot: this.history.current - 1,
      rows: this.history
        .rowsInOrder()
        .map((row) => row.map((value) => (Number.isFinite(value) ? Number(value.toPrecision(5)) : null))),
      phases: this.tracker.version,
      phase: this.tracker.phase ?? null,
      phaseSince: this.tracker.phase === undefined ? null : this.lastAt() - this.tracker.ageMs(this.lastAt()),
    })
  }

  /** Takes a snapshot back; says why not, if it is none of ours. A history that ended more than its own length ago, or in the future, is let go. */
  restore(text: string, now: EpochMs): 'restored' | 'refused' {
    const saved = parseSnapshot(text, this.history)
    if (saved === undefined) return 'refused'
    const passed = Math.floor(now / this.history.slotMs) - saved.slot
    if (passed < 0 || passed > this.history.slots) return 'refused'
    this.history.restore(saved.rows, saved.slot)
    this.forecast = new SlotForecast()
    for (const value of saved.rows[0]) this.forecast.add(value)
    if (saved.phase !== undefined && saved.phases === this.tracker.version && saved.phaseSince <= now)
      this.tracker.restore(saved.phase, saved.phaseSince)
    return 'restored'
  }

  private lastAt(): EpochMs {
    return Math.max(0, this.window.latest)
  }

  private putBehaviour(writer: Writer, now: EpochMs): void {
    const series = this.history.series(0, this.scratch)
    if (series.length >= PERSISTENCE_SLOTS_MIN) {
      const centred = centre(series)
      const persistence = Math.min(0.99, Math.max(0, autocorrelation(centred, 1)))
      writer.put(at('cpuPersistence'), persistence)
      writer.put(at('changeScore'), changeScore(this.history, persistence, this.scratch))
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
    writer.put(at('anomalyScore'), anomalyScore(this.history, this.scratch))
    if (this.tracker.phase === undefined) return
    writer.put(at('phase'), this.tracker.phase)
    writer.put(at('phaseAgeMs'), this.tracker.ageMs(now))
  }

  /** A bound is not below the middle, and not above what the VM can use. */
  private capped(p95: number, middle: number): number {
    const { cores, refCoresPerCore } = this.options
    return Math.max(middle, Math.min(p95 * refCoresPerCore, Math.max(middle, cores * refCoresPerCore)))
  }
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

interface Snapshot {
  readonly slot: number
  readonly rows: readonly (readonly number[])[]
  readonly phases: number
  readonly phase?: number
  readonly phaseSince: EpochMs
}

/** Undefined for anything that `snapshot` could not have written for such a history. */
function parseSnapshot(text: string, history: SlotHistory): Snapshot | undefined {
  let saved: Partial<Record<string, unknown>>
  try {
    saved = JSON.parse(text) as Partial<Record<string, unknown>>
  } catch {
    return undefined
  }
  if (typeof saved !== 'object' || saved === null) return undefined
  const { version, slotMs, slot, rows, phases, phase, phaseSince } = saved
  if (version !== SNAPSHOT_VERSION || slotMs !== history.slotMs || !Number.isSafeInteger(slot)) return undefined
  const expected = history.rowsInOrder().length
  if (!Array.isArray(rows) || rows.length !== expected) return undefined
  const lists = rows.map((row: unknown) => parseRow(row, history.slots))
  if (lists.some((row) => row === undefined || row.length !== lists[0]?.length)) return undefined
  return {
    slot: slot as number,
    rows: lists as readonly (readonly number[])[],
    phases: Number(phases),
    ...(Number.isSafeInteger(phase) && (phase as number) >= 0 ? { phase: phase as number } : {}),
    phaseSince: typeof phaseSince === 'number' ? phaseSince : Infinity,
  }
}

function parseRow(row: unknown, lengthMax: number): readonly number[] | undefined {
  if (!Array.isArray(row) || row.length > lengthMax) return undefined
  const numbers = row.map((value: unknown) => (value === null ? Number.NaN : value))
  return numbers.every((value) => typeof value === 'number') ? numbers : undefined
}
