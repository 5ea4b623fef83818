/** Personalities of VMs that have no agent, worked out from the series the hypervisor gives. The same dimensions as an
 *  agent fills, fewer of them. */
import type { VmId } from '../../terms/ids.ts'
import { DIMENSIONS, dimensionIndex, MASK_BYTES, type PersonalityVector } from '../../terms/personality.ts'
import type { SampleBatch } from '../../terms/sample.ts'
import { type EpochMs, HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import type { EngineState } from '../state.ts'
import type { Levels } from './levels.ts'
import { Highest } from './highest.ts'
import { autocorrelation, type Centred, centre, findRhythm } from './rhythm.ts'

/** A personality is worked out this often: the seed asks for every 5 to 15 minutes. */
export const PERSONALITY_EVERY_MS = 15 * MINUTE_MS
/** Rhythms change slowly and cost most to find. */
const RHYTHM_EVERY_MS = HOUR_MS
/** How a VM's demand ahead is worked out, for answers. */
export const AHEAD_MODEL = 'autoregression-1'
/** Sender of vectors that the server computed itself. */
export const SERVER_SENDER = 'server'

/** Share of a VM's size at which one phase passes into the next, and by which share of that it must pass it: Schmitt's
 *  trigger, so that it does not flutter. */
const PHASE_EDGES = [0.05, 0.3, 0.8] as const
const PHASE_SLACK = 0.2

/** Columns parallel to the roster; `values` and `mask` hold one row a VM. */
export interface Profiles {
  readonly at: EpochMs
  readonly windowMs: number
  readonly rhythmAt: EpochMs
  readonly sequence: number
  readonly values: Float32Array
  readonly mask: Uint8Array
  readonly phase: Uint8Array
  readonly phaseSince: Float64Array
}

/** Nothing is known of anybody. */
export function emptyProfiles(vms: number): Profiles {
  return {
    at: -Infinity,
    windowMs: 0,
    rhythmAt: -Infinity,
    sequence: 0,
    values: new Float32Array(vms * DIMENSIONS),
    mask: new Uint8Array(vms * MASK_BYTES),
    phase: new Uint8Array(vms),
    phaseSince: new Float64Array(vms).fill(-Infinity),
  }
}

/** The seed's `GetPersonalityVector`: the latest vector of one VM; undefined before the first, or for a stranger. Views,
 *  not copies. */
export function getPersonalityVector(state: EngineState, vmId: VmId): PersonalityVector | undefined {
  const { profiles } = state
  const vm = state.vmIndex.get(vmId)
  if (vm === undefined || profiles.at === -Infinity) return undefined
  return {
    vmId,
    sender: SERVER_SENDER,
    sequence: profiles.sequence,
    windowEnd: profiles.at,
    windowMs: profiles.windowMs,
    coverage: state.cpuHistory.length === 0 ? 0 : coverageOf(state, vm),
    phases: 0,
    values: profiles.values.subarray(vm * DIMENSIONS, (vm + 1) * DIMENSIONS),
    mask: profiles.mask.subarray(vm * MASK_BYTES, (vm + 1) * MASK_BYTES),
  }
}

/** New profiles where they are due, else the old ones. */
export function updateProfiles(
  was: Profiles,
  history: readonly Float32Array[],
  levels: Levels,
  samples: SampleBatch,
): Profiles {
  if (samples.at - was.at < PERSONALITY_EVERY_MS) return was
  const vms = levels.mean.length
  const isRhythmDue = samples.at - was.rhythmAt >= RHYTHM_EVERY_MS
  const next: Profiles = {
    at: samples.at,
    windowMs: samples.windowMs,
    rhythmAt: isRhythmDue ? samples.at : was.rhythmAt,
    sequence: was.sequence + 1,
    values: new Float32Array(vms * DIMENSIONS),
    mask: new Uint8Array(vms * MASK_BYTES),
    phase: Uint8Array.from(was.phase),
    phaseSince: Float64Array.from(was.phaseSince),
  }
  const scratch = new Scratch(history.length)
  for (let vm = 0; vm < vms; vm++) {
    const writer = new VectorWriter(next, vm)
    writeUse(writer, samples, vm, levels)
    if (levels.samples[vm] === 0) continue
    const series = gather(history, vm, scratch.series)
    const centred = centre(series, scratch.centred)
    writeExtremes(writer, series, scratch.highest)
    if (series.length >= BEHAVIOUR_SAMPLES_MIN) writeBehaviour(writer, { series, centred, levels, vm, samples })
    writePhase(writer, next, { share: levels.last[vm] / levels.size[vm], at: samples.at, vm })
    if (isRhythmDue) writeRhythm(writer, centred, samples.windowMs)
    else writer.copy(was, RHYTHM)
  }
  return next
}

/** Room that is used again for each VM. */
class Scratch {
  readonly series: Float64Array
  readonly centred: Float64Array
  readonly highest: Highest

  constructor(windows: number) {
    this.series = new Float64Array(windows)
    this.centred = new Float64Array(windows)
    this.highest = new Highest(windows)
  }
}

/** Writes one row; what is never put stays absent. */
class VectorWriter {
  private readonly profiles: Profiles
  private readonly row: number
  private readonly maskRow: number

  constructor(profiles: Profiles, vm: number) {
    this.profiles = profiles
    this.row = vm * DIMENSIONS
    this.maskRow = vm * MASK_BYTES
  }

  /** A number that is not finite is absent. */
  put(index: number, value: number): void {
    if (!Number.isFinite(value)) return
    this.profiles.values[this.row + index] = value
    this.profiles.mask[this.maskRow + (index >> 3)] |= 1 << (index & 7)
  }

  copy(from: Profiles, indices: readonly number[]): void {
    for (const index of indices) {
      if (((from.mask[this.maskRow + (index >> 3)] >> (index & 7)) & 1) === 1)
        this.put(index, from.values[this.row + index])
    }
  }
}

const AT = {
  cpuMean: dimensionIndex('cpuRefCoresMean'),
  cpuP95: dimensionIndex('cpuRefCoresP95'),
  cpuMax: dimensionIndex('cpuRefCoresMax'),
  memory: dimensionIndex('memoryUsedBytes'),
  diskRead: dimensionIndex('diskReadBytesPerSec'),
  diskWrite: dimensionIndex('diskWriteBytesPerSec'),
  netReceive: dimensionIndex('netReceiveBytesPerSec'),
  netSend: dimensionIndex('netSendBytesPerSec'),
  burstiness: dimensionIndex('cpuBurstiness'),
  persistence: dimensionIndex('cpuPersistence'),
  rhythmPeriod: dimensionIndex('rhythmPeriodMs'),
  rhythmStrength: dimensionIndex('rhythmStrength'),
  phase: dimensionIndex('phase'),
  phaseAge: dimensionIndex('phaseAgeMs'),
  change: dimensionIndex('changeScore'),
  anomaly: dimensionIndex('anomalyScore'),
  forecast: dimensionIndex('forecastCpu5MinP50'),
}

const RHYTHM = [AT.rhythmPeriod, AT.rhythmStrength]

function writeUse(writer: VectorWriter, samples: SampleBatch, vm: number, levels: Levels): void {
  const { columns } = samples
  if (levels.samples[vm] > 0) writer.put(AT.cpuMean, levels.last[vm])
  writer.put(AT.memory, columns.memory?.[vm] ?? NaN)
  writer.put(AT.diskRead, columns.diskRead?.[vm] ?? NaN)
  writer.put(AT.diskWrite, columns.diskWrite?.[vm] ?? NaN)
  writer.put(AT.netReceive, columns.netReceive?.[vm] ?? NaN)
  writer.put(AT.netSend, columns.netSend?.[vm] ?? NaN)
}

function writeExtremes(writer: VectorWriter, series: Float64Array, highest: Highest): void {
  const below = Math.min(series.length - 1, Math.floor(series.length * 0.95))
  const top = highest.of(series, series.length - below)
  writer.put(AT.cpuP95, top[0])
  writer.put(AT.cpuMax, top[top.length - 1])
}

interface Behaviour {
  readonly series: Float64Array
  readonly centred: Centred
  readonly levels: Levels
  readonly vm: number
  readonly samples: SampleBatch
}

/** Samples that make up "lately" for change detection: a quarter of an hour at five minutes each. */
const LATELY = 3
/** With fewer samples, a spread says nothing. */
const BEHAVIOUR_SAMPLES_MIN = 4

function writeBehaviour(writer: VectorWriter, { series, centred, levels, vm, samples }: Behaviour): void {
  const mean = levels.mean[vm]
  const sd = Math.sqrt(levels.variance[vm])
  const persistence = Math.min(0.99, Math.max(0, autocorrelation(centred, 1)))
  writer.put(AT.burstiness, mean > 0 ? sd / mean : NaN)
  writer.put(AT.persistence, persistence)
  let lately = 0
  for (let k = series.length - LATELY; k < series.length; k++) lately += series[k] / LATELY
  writer.put(AT.change, sd > 0 ? (lately - mean) / (sd / Math.sqrt(LATELY)) : 0)
  writer.put(AT.anomaly, anomalyOf(sd > 0 ? (levels.last[vm] - mean) / sd : 0))
  writeForecast(writer, {
    mean,
    sd,
    persistence,
    last: levels.last[vm],
    size: levels.size[vm],
    windowMs: samples.windowMs,
  })
}

/** Two standard deviations are ordinary; from there the score nears 1 as Gaussian tails would, at half speed because real
 *  tails are heavier. */
function anomalyOf(deviations: number): number {
  const beyond = Math.max(0, Math.abs(deviations) - 2)
  return 1 - Math.exp(-0.25 * beyond * beyond)
}

interface Ahead {
  readonly mean: number
  readonly sd: number
  readonly persistence: number
  readonly last: number
  readonly size: number
  readonly windowMs: number
}

const MINUTES_AHEAD = [5, 15, 30, 60]

/** First-order autoregression: the last value fades into the mean, the band widens as it does. Box and Jenkins (1970). */
function writeForecast(writer: VectorWriter, ahead: Ahead): void {
  MINUTES_AHEAD.forEach((minutes, i) => {
    const fade = ahead.persistence ** Math.max(1, (minutes * MINUTE_MS) / ahead.windowMs)
    const p50 = Math.max(0, ahead.mean + fade * (ahead.last - ahead.mean))
    writer.put(AT.forecast + 2 * i, p50)
    writer.put(
      AT.forecast + 2 * i + 1,
      Math.max(p50, Math.min(p50 + 1.645 * ahead.sd * Math.sqrt(1 - fade * fade), Math.max(ahead.size, ahead.last))),
    )
  })
}

/** The band of the CPU's share that a VM is in. @param was the band that it was in: its edges must be passed by more. Undefined: nobody knows */
export function nextBand(share: number, was: number | undefined): number {
  let phase = 0
  PHASE_EDGES.forEach((edge, i) => {
    const slack = was === undefined ? 0 : was > i ? -PHASE_SLACK * edge : PHASE_SLACK * edge
    if (share >= edge + slack) phase = i + 1
  })
  return phase
}

function writePhase(writer: VectorWriter, profiles: Profiles, now: { share: number; at: EpochMs; vm: number }): void {
  const was = profiles.phase[now.vm]
  const isNew = profiles.phaseSince[now.vm] === -Infinity
  const phase = nextBand(now.share, isNew ? undefined : was)
  if (isNew || phase !== was) {
    profiles.phase[now.vm] = phase
    profiles.phaseSince[now.vm] = now.at
  }
  writer.put(AT.phase, phase)
  writer.put(AT.phaseAge, now.at - profiles.phaseSince[now.vm])
}

function writeRhythm(writer: VectorWriter, series: Centred, windowMs: number): void {
  const rhythm = findRhythm(series)
  if (rhythm === undefined) return
  writer.put(AT.rhythmStrength, rhythm.strength)
  if (rhythm.period !== undefined) writer.put(AT.rhythmPeriod, rhythm.period * windowMs)
}

/** Present samples of one VM, oldest first. */
function gather(history: readonly Float32Array[], vm: number, into: Float64Array): Float64Array {
  let length = 0
  for (const column of history) if (column[vm] === column[vm]) into[length++] = column[vm]
  return into.subarray(0, length)
}

function coverageOf(state: EngineState, vm: number): number {
  let present = 0
  for (const column of state.cpuHistory) if (column[vm] === column[vm]) present++
  return present / state.cpuHistory.length
}
