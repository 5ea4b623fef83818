/** A VM's character: gathered from its vectors, from what it used in the last seven days, and from the ranker, each of which may be missing. */
import {
  bestKnown,
  CHARACTER_MODEL,
  type CharacterGrounds,
  describeCharacter,
  type Witness,
} from '../../../engine/profile/character.ts'
import { weekGrid, weekRhythm } from '../../../engine/profile/week.ts'
import type { VmId } from '../../../terms/ids.ts'
import { parsePersonality } from '../../../terms/personality-codec.ts'
import type { PersonalityVector } from '../../../terms/personality.ts'
import { DAY_MS, type EpochMs, HOUR_MS } from '../../../terms/units.ts'
import { SLOT_MS, type UsageSeries } from '../../../terms/usage.ts'
import { vmSizeRefCores } from '../../../terms/vm.ts'
import type { KeptVector } from '../../../world/site-store.ts'
import type { Likeness } from '../ranker-likeness.ts'
import type { Answer } from '../site-answers.ts'
import type { CharacterView } from '../views/character.ts'
import { absences, anomalies, axesOf, phasesOf, whyNoVector } from './character-parts.ts'
import type { ApiParts } from './parts.ts'
import { type Reply, UNKNOWN, value } from './reply.ts'
import type { SeenVm, SiteView } from './site-view.ts'

const WEEK_MS = 7 * DAY_MS
/** All of two days, one every 5 minutes or oftener, and one an hour of the days before. */
const VECTORS_MOST = 1000
/** A vector that is older says nothing of what a VM is like now. */
const VECTOR_AGE_MS_MAX = 6 * HOUR_MS

/** All that is known of one VM. */
export interface Gathered {
  readonly now: EpochMs
  readonly seen: SeenVm
  readonly usage: UsageSeries
  /** Of its agent, oldest first. */
  readonly heard: readonly KeptVector[]
  readonly likeness?: Partial<Likeness>
  /** Why there is no likeness. */
  readonly noLikeness?: string
  readonly grounds: CharacterGrounds
}

/** Rejects with a `StoreError`. */
export async function tellCharacter(parts: ApiParts, site: SiteView, vm: VmId): Promise<Reply> {
  const { vmByName, vms } = await site.read()
  const seen = vmByName.get(vm)
  if (seen === undefined) return UNKNOWN
  const gathered = await gather(parts, vm, seen)
  const { now, likeness, noLikeness, grounds } = gathered
  const { grid, toldBy } = grounds.week
  const phases = await phasesOf(gathered, parts.store)
  const degraded = [...(likeness?.degraded ?? []), ...(noLikeness === undefined ? [] : [noLikeness])]
  const named = phases.now === undefined ? {} : { phase: { ...phases.now, ageMs: phases.ageMs, toldBy: phases.toldBy } }
  const view: CharacterView = {
    asOf: now,
    degraded,
    vm,
    model: CHARACTER_MODEL,
    sentences: [...describeCharacter({ ...grounds, ...named })],
    radar: { ...(likeness?.class === undefined ? {} : { class: likeness.class }), axes: axesOf(gathered, vms) },
    week: {
      from: gathered.usage.firstSlotAt,
      to: gathered.usage.firstSlotAt + gathered.usage.slots * SLOT_MS,
      unit: 'reference cores',
      days: grid.days.map((row) => Array.from(row, roundCores)),
      measured: Math.round(grid.measured * 1000) / 1000,
      ...(grid.measured > 0 ? { toldBy } : {}),
    },
    phases: phases.view,
    rhythm: rhythmOf(gathered),
    anomalies: [...anomalies(gathered.usage)],
    absent: [...absences(gathered)],
  }
  return value(view)
}

function roundCores(cores: number): number | null {
  return Number.isNaN(cores) ? null : Math.round(cores * 1000) / 1000
}

async function gather({ store, answers, clock }: ApiParts, vm: VmId, seen: SeenVm): Promise<Gathered> {
  const now = clock.now()
  const span = { from: now - WEEK_MS, to: now + 1 }
  const [[usage], heard, answer] = await Promise.all([
    // A week is two thousand slots: they are read where nobody waits for the thread.
    store.usage.seriesOf([vm], span),
    store.vectors.history(vm, { ...span, most: VECTORS_MOST }),
    answers.likeness(vm),
  ])
  const { likeness, noLikeness } = readLikeness(answer)
  const own = likeness?.vector === undefined ? undefined : parsePersonality(likeness.vector)
  const newest = heard.at(-1)?.vector
  const vectors = [newest, own].filter((vector) => isFresh(vector, now))
  const on = seen.on?.reported
  return {
    now,
    seen,
    usage,
    heard,
    ...(likeness === undefined ? {} : { likeness }),
    ...(noLikeness === undefined ? {} : { noLikeness }),
    grounds: {
      now,
      vectors,
      ...(on === undefined ? {} : { size: { refCores: vmSizeRefCores(on.vm), memoryBytes: on.vm.memoryBytes } }),
      week: {
        usage,
        grid: weekGrid(usage.mean.cpu, usage.firstSlotAt),
        rhythm: weekRhythm(usage.mean.cpu),
        toldBy: witnessOfUsage(seen),
        ageMs: ageOf(usage, now),
      },
    },
  }
}

function isFresh(vector: PersonalityVector | undefined, now: EpochMs): vector is PersonalityVector {
  return vector !== undefined && now - vector.windowEnd <= VECTOR_AGE_MS_MAX
}

/** Whoever reports now reported before, as a rule: the word of hosts replaces that of guests. */
function witnessOfUsage({ on }: SeenVm): Witness {
  return on?.reported.mean.cpu === undefined ? 'guest' : 'host'
}

/** Since the newest slot that was measured; a week where none was. */
function ageOf({ mean, firstSlotAt, slots }: UsageSeries, now: EpochMs): number {
  const newest = mean.cpu?.findLastIndex((cores) => !Number.isNaN(cores)) ?? -1
  return newest < 0 ? slots * SLOT_MS : Math.max(0, now - (firstSlotAt + (newest + 1) * SLOT_MS))
}

/** The ranker's word is no part without which nothing can be told. */
function readLikeness(answer: Answer): Pick<Gathered, 'likeness' | 'noLikeness'> {
  if (answer.kind === 'json') {
    const text = typeof answer.text === 'string' ? answer.text : new TextDecoder().decode(answer.text)
    return { likeness: JSON.parse(text) as Partial<Likeness> }
  }
  if (answer.kind === 'unknown') return { noLikeness: 'No host reports it: it can not be compared with others.' }
  return { noLikeness: `It can not be compared with others: ${answer.reason}` }
}

function rhythmOf(gathered: Gathered): CharacterView['rhythm'] {
  const { grounds } = gathered
  const { rhythm, toldBy } = grounds.week
  if (rhythm?.periodMs !== undefined) return { periodMs: rhythm.periodMs, strength: rhythm.strength, toldBy }
  const period = bestKnown(grounds, 'rhythmPeriodMs')
  const strength = bestKnown(grounds, 'rhythmStrength')
  if (period !== undefined && strength !== undefined)
    return { periodMs: period.value, strength: strength.value, toldBy: period.toldBy }
  const known = rhythm?.strength ?? strength?.value
  if (known === undefined) return { absent: `too little history, and ${whyNoVector(gathered)}` }
  return {
    strength: known,
    toldBy: rhythm === undefined ? (strength?.toldBy ?? 'guest') : toldBy,
    absent: 'no period found',
  }
}
