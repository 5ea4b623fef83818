/** A VM's character in words and figures. What is absent says why. */
import { type Static, Type } from 'typebox'
import { CHARACTER_TOPICS } from '../../../engine/profile/character.ts'
import { LIKENESS_AXES } from '../../../engine/profile/likeness.ts'
import { RESOURCES } from '../../../terms/sample.ts'
import { Degraded, Instant } from './common.ts'

const Witness = Type.Enum(['guest', 'host'], {
  description: 'guest: told by the VM itself, which may lie; host: counted from outside',
})
const Absent = Type.Object({
  what: Type.String(),
  why: Type.String({ description: 'such as: no agent, too young, not measured by this kernel' }),
})

/** What a sentence or a figure rests on. */
const GROUNDS = {
  toldBy: Witness,
  coverage: Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: 'share of the time that was measured' })),
  ageMs: Type.Number({ description: 'since the end of what was looked at' }),
}

const SentenceView = Type.Object({
  about: Type.Enum(CHARACTER_TOPICS),
  text: Type.String(),
  ...GROUNDS,
})
export type SentenceView = Static<typeof SentenceView>

const AxisView = Type.Object({
  axis: Type.Enum(LIKENESS_AXES),
  meaning: Type.String(),
  unit: Type.String(),
  value: Type.Optional(Type.Number({ description: 'of this VM' })),
  rank: Type.Optional(
    Type.Number({ minimum: 0, maximum: 1, description: 'share of its class that has less: where a radar draws it' }),
  ),
  toldBy: Type.Optional(Witness),
  quartiles: Type.Optional(
    Type.Object(
      { p25: Type.Number(), p50: Type.Number(), p75: Type.Number(), vms: Type.Integer() },
      { description: 'of those of its class that have it' },
    ),
  ),
  absent: Type.Optional(Type.String({ description: 'why there is no value' })),
})
export type AxisView = Static<typeof AxisView>

const SegmentView = Type.Object({
  from: Instant,
  to: Instant,
  phase: Type.Integer(),
  name: Type.String(),
})

export const CharacterView = Type.Object({
  asOf: Instant,
  degraded: Degraded,
  vm: Type.String(),
  model: Type.String({ description: 'by which sentences and figures were worked out' }),
  sentences: Type.Array(SentenceView, { description: 'what it is like, in plain words; the most telling first' }),
  radar: Type.Object({
    class: Type.Optional(
      Type.Object({
        text: Type.String({ description: 'which VMs these are' }),
        vms: Type.Integer({ description: 'how many, itself included' }),
      }),
    ),
    axes: Type.Array(AxisView),
  }),
  week: Type.Object(
    {
      from: Instant,
      to: Instant,
      unit: Type.String(),
      days: Type.Array(Type.Array(Type.Union([Type.Number(), Type.Null()])), {
        description:
          '7 rows from Monday, each 24 hours of UTC: mean CPU in reference cores; null where nobody measured',
      }),
      measured: Type.Number({ minimum: 0, maximum: 1, description: 'share of the week that was measured' }),
      toldBy: Type.Optional(Witness),
    },
    { description: 'the last seven days by weekday and hour' },
  ),
  phases: Type.Object({
    version: Type.Optional(Type.Integer({ description: 'of the phase model; 0: four bands of the CPU' })),
    now: Type.Optional(
      Type.Object({ phase: Type.Integer(), name: Type.String(), sinceMs: Type.Optional(Type.Number()) }),
    ),
    segments: Type.Array(SegmentView, { description: 'of the last seven days, oldest first' }),
    toldBy: Type.Optional(Witness),
    absent: Type.Optional(Type.String()),
  }),
  rhythm: Type.Object({
    periodMs: Type.Optional(Type.Number()),
    strength: Type.Optional(Type.Number({ description: 'share of the variance' })),
    toldBy: Type.Optional(Witness),
    absent: Type.Optional(Type.String()),
  }),
  anomalies: Type.Array(
    Type.Object({
      from: Instant,
      to: Instant,
      resource: Type.Enum(RESOURCES),
      unit: Type.String(),
      value: Type.Number({ description: 'where it was furthest from its usual' }),
      usual: Type.Number({ description: 'median of the week' }),
      multiple: Type.Number({ description: 'distance from the median, over the distance that 98 of 100 slots keep' }),
      text: Type.String(),
    }),
    { description: 'of the last seven days, the furthest first, at most 12' },
  ),
  absent: Type.Array(Absent, { description: 'what nobody knows of it, and why' }),
})
export type CharacterView = Static<typeof CharacterView>
