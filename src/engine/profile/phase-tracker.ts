import { dimensionIndex } from '../../terms/personality.ts'
import { type Reading, stretchOf } from '../../terms/reading.ts'
import { type EpochMs, MINUTE_MS } from '../../terms/units.ts'
import { featureOf, nearestPhase, type PhaseModel } from './phases.ts'

/** Readings fade with this time constant: a phase is what the last minutes were like, not one burst. */
const FADE_MS = MINUTE_MS
/** A new phase must be nearer by this share of the distance to the old one, */
const LEAD_MIN = 0.1
/** and for so long, before it counts: what flutters on an edge stays where it is. */
const DWELL_MS = MINUTE_MS

/** Follows the phase of one VM from reading to reading. */
export class PhaseTracker {
  private model: PhaseModel
  private readonly cores: number
  private places: Int32Array
  private faded: Float64Array
  private features: Float64Array
  private lastAt: EpochMs = -Infinity
  private current = -1
  private since: EpochMs = 0
  private candidate = -1
  private candidateSince: EpochMs = 0
  /** Until then phases are assigned anew without being called a change: what a new model looks at is only just being learnt. */
  private settlesUntil: EpochMs = -Infinity

  constructor(model: PhaseModel, cores: number) {
    this.model = model
    this.cores = cores
    this.places = placesOf(model)
    this.faded = new Float64Array(model.features.length).fill(Number.NaN)
    this.features = new Float64Array(model.features.length)
  }

  get version(): number {
    return this.model.version
  }

  /** Number of the phase; undefined before it is known. */
  get phase(): number | undefined {
    return this.current < 0 ? undefined : this.current
  }

  get phaseName(): string | undefined {
    return this.model.names[this.current]
  }

  ageMs(now: EpochMs): number {
    return Math.max(0, now - this.since)
  }

  /** From now on phases are numbered by another model. What the last minutes were like is kept, and the phase assigned anew by it at once: a
   *  number of the old model never stands beside the version of the new. The VM goes on as it did, so that its age goes on too. */
  use(model: PhaseModel): void {
    const places = placesOf(model)
    const faded = Float64Array.from(places, (place) => this.faded[this.places.indexOf(place)] ?? Number.NaN)
    const isSeen = this.current >= 0
    const knows = new Set(this.places)
    this.model = model
    this.places = places
    this.faded = faded
    this.features = new Float64Array(model.features.length)
    this.candidate = -1
    this.current = -1
    if (!isSeen) return
    if (places.some((place) => !knows.has(place))) this.settlesUntil = this.lastAt + DWELL_MS
    this.place()
    this.current = nearestPhase(model, this.features, -1)?.phase ?? -1
  }

  save(): SavedPhase {
    const { model, lastAt, current, since, candidate, candidateSince } = this
    return { version: model.version, lastAt, current, since, candidate, candidateSince, faded: [...this.faded] }
  }

  /** Takes up what was known before a restart, if it was known by the same model. */
  restore(saved: SavedPhase): void {
    const { length } = this.model.names
    if (saved.version !== this.model.version || saved.faded.length !== this.faded.length) return
    if (!(saved.current < length) || !(saved.candidate < length)) return
    this.lastAt = saved.lastAt
    this.current = saved.current
    this.since = saved.since
    this.candidate = saved.candidate
    this.candidateSince = saved.candidateSince
    this.faded.set(saved.faded)
  }

  /** True if by this reading the VM has passed into another phase. The first phase is no change. */
  add(reading: Reading): boolean {
    const { at, spanMs, values } = reading
    const { features } = this.model
    // After a gap the past has faded by the whole of it.
    const passedMs = Math.max(spanMs, at - this.lastAt)
    this.lastAt = at
    for (let k = 0; k < features.length; k++) {
      const value = values[this.places[k]]
      const was = this.faded[k]
      const kept = Math.exp(-Math.max(passedMs, spanMs * stretchOf(reading, this.places[k])) / FADE_MS)
      if (Number.isFinite(value)) this.faded[k] = was === was ? was * kept + value * (1 - kept) : value
    }
    this.place()
    const nearest = nearestPhase(this.model, this.features, this.current)
    if (nearest === undefined) return false
    const isSettling = at <= this.settlesUntil
    if (this.current < 0 || isSettling) {
      if (!isSettling) this.since = at
      this.current = nearest.phase
      this.candidate = -1
      return false
    }
    if (nearest.phase === this.current || nearest.lead < LEAD_MIN) {
      this.candidate = -1
      return false
    }
    if (nearest.phase !== this.candidate) {
      this.candidate = nearest.phase
      this.candidateSince = at - spanMs
    }
    if (at - this.candidateSince < DWELL_MS) return false
    this.current = nearest.phase
    this.since = this.candidateSince
    this.candidate = -1
    return true
  }

  /** Puts what is faded on the axes of the model. */
  private place(): void {
    const { features } = this.model
    for (let k = 0; k < features.length; k++) this.features[k] = featureOf(features[k], this.faded[k], this.cores)
  }
}

/** What must be kept of a phase over a restart. Numbers are -1 where there is none. */
export interface SavedPhase {
  readonly version: number
  readonly lastAt: EpochMs
  readonly current: number
  readonly since: EpochMs
  readonly candidate: number
  readonly candidateSince: EpochMs
  readonly faded: readonly number[]
}

function placesOf(model: PhaseModel): Int32Array {
  return Int32Array.from(model.features, ({ dimension }) => dimensionIndex(dimension))
}
