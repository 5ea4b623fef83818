import { dimensionIndex } from '../../terms/personality.ts'
import type { Reading } from '../../terms/reading.ts'
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
  private faded: Float64Array
  private features: Float64Array
  private current = -1
  private since: EpochMs = 0
  private candidate = -1
  private candidateSince: EpochMs = 0

  constructor(model: PhaseModel, cores: number) {
    this.model = model
    this.cores = cores
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

  /** From now on phases are numbered by another model. */
  use(model: PhaseModel): void {
    this.model = model
    this.faded = new Float64Array(model.features.length).fill(Number.NaN)
    this.features = new Float64Array(model.features.length)
    this.current = -1
    this.candidate = -1
  }

  /** Takes up a phase that was known before a restart. */
  restore(phase: number, since: EpochMs): void {
    if (phase >= this.model.names.length) return
    this.current = phase
    this.since = since
  }

  /** True if by this reading the VM has passed into another phase. The first phase is no change. */
  add({ at, spanMs, values }: Reading): boolean {
    const kept = Math.exp(-spanMs / FADE_MS)
    this.model.features.forEach(({ dimension }, k) => {
      const value = values[dimensionIndex(dimension)]
      if (value !== value) return
      const was = this.faded[k]
      this.faded[k] = was === was ? was * kept + value * (1 - kept) : value
    })
    this.model.features.forEach((feature, k) => {
      this.features[k] = featureOf(feature, this.faded[k], this.cores)
    })
    const nearest = nearestPhase(this.model, this.features, this.current)
    if (nearest === undefined) return false
    if (this.current < 0) {
      this.current = nearest.phase
      this.since = at
      return false
    }
    if (nearest.phase === this.current || nearest.lead < LEAD_MIN) {
      this.candidate = -1
      return false
    }
    if (nearest.phase !== this.candidate) {
      this.candidate = nearest.phase
      this.candidateSince = at
    }
    if (at - this.candidateSince < DWELL_MS) return false
    this.current = nearest.phase
    this.since = this.candidateSince
    this.candidate = -1
    return true
  }
}
