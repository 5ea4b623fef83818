/** Parts of a VM's character as answers have them: axes, phases, what was unusual, what is absent and why. */
import { bestKnown, type Witness } from '../../../engine/profile/character.ts'
import {
  AXIS_MEANINGS,
  LIKENESS_AXES,
  type LikenessAxis,
  likeVms,
  standingOf,
} from '../../../engine/profile/likeness.ts'
import { PHASES_1 } from '../../../engine/profile/phases-1.ts'
import {
  BAND_NAMES,
  type PhaseSegment,
  segmentsOfUse,
  segmentsOfVectors,
} from '../../../engine/profile/phase-segments.ts'
import { decodePhaseModel } from '../../../engine/profile/phases.ts'
import { oddities, type Oddity } from '../../../engine/profile/week.ts'
import { type Dimension, dimensionIndex, isPresent, PERSONALITY_SCHEMA } from '../../../terms/personality.ts'
import { instantText, quantityText, spanText } from '../../../terms/shown.ts'
import { DAY_MS, HOUR_MS } from '../../../terms/units.ts'
import { SLOT_MS, type UsageSeries } from '../../../terms/usage.ts'
import { vmSizeRefCores } from '../../../terms/vm.ts'
import type { SiteStore } from '../../../world/site-store.ts'
import type { AxisView, CharacterView } from '../views/character.ts'
import type { Gathered } from './character.ts'
import type { SeenVm } from './site-view.ts'
import { RESOURCE_UNITS } from './usage.ts'

/** A vector is due every 5 to 15 minutes: an agent that told none for so long is silent. */
const SILENT_MS = HOUR_MS
const ANOMALIES_MOST = 12

const NAME_OF: Readonly<Record<Oddity['resource'], string>> = {
  cpu: 'CPU',
  memory: 'Memory',
  diskRead: 'Reading from disk',
  diskWrite: 'Writing to disk',
  netReceive: 'Receiving',
  netSend: 'Sending',
}

/** Stretches in which it was unlike itself. */
export function anomalies(usage: UsageSeries): readonly CharacterView['anomalies'][number][] {
  return oddities(usage, ANOMALIES_MOST).map((odd) => {
    const unit = RESOURCE_UNITS[odd.resource]
    const told = `${quantityText(odd.value, unit)} where ${quantityText(odd.usual, unit)} are usual`
    const text = `${NAME_OF[odd.resource]}: ${told}, from ${instantText(odd.from)} for ${spanText(odd.to - odd.from)}.`
    return { ...odd, unit, text }
  })
}

/** Each axis as the ranker tells it, but for what only guests tell. */
export function axesOf({ likeness, noLikeness, grounds, ...rest }: Gathered, all: readonly SeenVm[]): AxisView[] {
  return LIKENESS_AXES.map((axis): AxisView => {
    const head = { axis, ...AXIS_MEANINGS[axis] }
    if (axis === 'dirtying') {
      const known = bestKnown(grounds, 'memoryDirtiedBytesPerSec')
      return known === undefined
        ? { ...head, absent: whyAbsent('memoryDirtiedBytesPerSec', rest) }
        : { ...head, ...dirtyingBeside(known.value, rest.seen, all), toldBy: known.toldBy }
    }
    const standing = likeness?.axes?.[axis]
    if (standing?.value !== undefined) return { ...head, ...standing, toldBy: witnessOfAxis(axis) }
    const absent = noLikeness ?? 'the server has worked out no personality of it yet, or nobody measures this'
    return { ...head, ...standing, absent }
  })
}

/** By the newest vectors of VMs of its size. Where no host reports it, only its rate is known. */
function dirtyingBeside(
  rate: number,
  { vm }: SeenVm,
  all: readonly SeenVm[],
): Pick<AxisView, 'value' | 'rank' | 'quartiles'> {
  const placed = all.filter(({ on }) => on !== undefined)
  const own = placed.findIndex((other) => other.vm === vm)
  if (own < 0) return { value: rate }
  const { members } = likeVms(
    placed.map(({ on }) => ({ vcpus: on?.reported.vm.vcpus ?? 0 })),
    own,
  )
  return standingOf(
    rate,
    members.map((member) => (member === own ? rate : (placed[member].dirtiedBytesPerSec ?? Number.NaN))),
  )
}

/** What is in use within a guest only the guest can tell; the rest hosts count from outside. */
function witnessOfAxis(axis: LikenessAxis): Witness {
  return axis === 'memory' ? 'guest' : 'host'
}

/** Phases of the week, and the one that it is in. */
export async function phasesOf(
  { heard, usage, seen, now, grounds, ...rest }: Gathered,
  store: Pick<SiteStore, 'phases'>,
): Promise<{
  readonly view: CharacterView['phases']
  readonly now?: { readonly name: string; readonly sinceMs?: number }
  readonly toldBy: Witness
  readonly ageMs: number
}> {
  const ofVectors = segmentsOfVectors(heard.map(({ vector }) => vector))
  const size = seen.on === undefined ? undefined : vmSizeRefCores(seen.on.reported.vm)
  const column = usage.mean.cpu
  const isTold = ofVectors.length > 0
  const segments = isTold
    ? ofVectors
    : column === undefined || size === undefined
      ? []
      : segmentsOfUse(column, { firstSlotAt: usage.firstSlotAt, sizeRefCores: size })
  const toldBy = isTold ? 'guest' : grounds.week.toldBy
  const last = segments.at(-1)
  if (last === undefined)
    return { view: { segments: [], absent: whyAbsent('phase', { heard, seen, now, ...rest }) }, toldBy, ageMs: 0 }
  const names = await namesOf(segments, store)
  const told = segments.map(({ from, to, phase, version }) => ({
    from,
    to,
    phase,
    name: nameOf(names, version, phase),
  }))
  const ageMs = Math.max(0, now - last.to)
  const current = {
    phase: last.phase,
    name: nameOf(names, last.version, last.phase),
    sinceMs: Math.max(0, last.to - last.from),
  }
  const isNow = ageMs <= SILENT_MS
  return {
    view: { version: last.version, ...(isNow ? { now: current } : {}), segments: told, toldBy },
    ...(isNow ? { now: current } : {}),
    toldBy,
    ageMs,
  }
}

type Names = ReadonlyMap<number, readonly string[]>

/** Names of the models that number the segments. */
async function namesOf(segments: readonly PhaseSegment[], store: Pick<SiteStore, 'phases'>): Promise<Names> {
  const names = new Map<number, readonly string[]>([
    [0, BAND_NAMES],
    [PHASES_1.version, PHASES_1.names],
  ])
  if (segments.every(({ version }) => names.has(version))) return names
  for (const { version, model } of await store.phases.list()) names.set(version, decodePhaseModel(model).names)
  return names
}

function nameOf(names: Names, version: number, phase: number): string {
  return names.get(version)?.[phase] ?? `phase ${phase}`
}

type About = Pick<Gathered, 'seen' | 'heard' | 'now'>

/** Whether it has an agent, and whether that speaks. */
export function whyNoVector({ seen, heard, now }: About): string {
  const newest = heard.at(-1)
  if (seen.identity === undefined) return 'no agent in the guest'
  if (newest === undefined) return 'its agent has told nothing in the last seven days'
  const ageMs = now - newest.vector.windowEnd
  return ageMs > SILENT_MS ? `its agent has told nothing for ${spanText(ageMs)}` : 'its agent can not tell it'
}

/** Why a dimension is absent, as far as it can be told for this VM. */
function whyAbsent(name: (typeof PERSONALITY_SCHEMA)[number]['name'], about: About): string {
  return reasonOf(PERSONALITY_SCHEMA[dimensionIndex(name)], about)
}

/** The schema says what absence may mean; where an agent speaks, that it lacks one is no reason. */
function reasonOf({ source, absentMeans }: Dimension, about: About): string {
  const why = whyNoVector(about)
  const isSpeaking = why === 'its agent can not tell it'
  if (source === 'guest') return isSpeaking ? absentMeans.replace(/^no agent(?: in the guest)?, (?:or )?/, '') : why
  if (source === 'either') return isSpeaking ? absentMeans : `${absentMeans}; ${why}`
  return absentMeans
}

/** What nobody knows of it, by reason: dimensions that neither its agent nor its host tell, and a week that is too young. */
export function absences(gathered: Gathered): readonly { readonly what: string; readonly why: string }[] {
  const { grounds, usage } = gathered
  const byReason = new Map<string, string[]>()
  for (const [index, dimension] of PERSONALITY_SCHEMA.entries()) {
    if (grounds.vectors.some((vector) => isPresent(vector, index))) continue
    const why = reasonOf(dimension, gathered)
    byReason.set(why, [...(byReason.get(why) ?? []), dimension.name])
  }
  const { measured } = grounds.week.grid
  const days = (measured * usage.slots * SLOT_MS) / DAY_MS
  return [
    ...(measured > 0.9 ? [] : [{ what: 'week', why: `${days.toFixed(1)} of the last 7 days were measured` }]),
    ...[...byReason].map(([why, names]) => ({ what: names.join(', '), why })),
  ]
}
