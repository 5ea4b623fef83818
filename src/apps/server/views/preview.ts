/** Requests and answers about what would be: another policy over the last day, a host that is emptied. Nothing is changed by any of them. */
import { type Static, Type } from 'typebox'
import { MOVE_CLASSES } from '../../../terms/move.ts'
import { AUTOMATION_LEVELS } from '../site-settings.ts'
import { Instant, Name } from './common.ts'
import { ANSWER_HEAD } from './judgement.ts'
import { ModelsView } from './models.ts'
import { MOVE_TIMES } from './moves.ts'
import { POLICY_FIELDS } from './site.ts'

const Bytes = Type.Number({ description: 'bytes' })
const Ms = Type.Number({ description: 'milliseconds' })
const RefCores = Type.Number({ description: 'reference cores' })

export const ConflictView = Type.Object({
  text: Type.String({ description: 'one sentence with the values' }),
  remedy: Type.String(),
  isNew: Type.Boolean({ description: 'false: it stands already, whatever is changed' }),
})
export type ConflictView = Static<typeof ConflictView>

const VM_NAMES = Type.Array(Name, { maxItems: 100 })

/** What is asked about: what is left out is as it stands. */
const WISHED = {
  policy: Type.Optional(POLICY_FIELDS),
  automation: Type.Optional(
    Type.Object(
      { level: Type.Optional(Type.Enum(AUTOMATION_LEVELS)), isPaused: Type.Optional(Type.Boolean()) },
      { additionalProperties: false },
    ),
  ),
  moveTimes: Type.Optional(Type.Object(MOVE_TIMES, { additionalProperties: false })),
  optOuts: Type.Optional(
    Type.Object(
      { add: Type.Optional(VM_NAMES), remove: Type.Optional(VM_NAMES) },
      { additionalProperties: false, description: 'VMs that are left alone beside those that are, or no more' },
    ),
  ),
}

export const PolicyCheckBody = Type.Object(WISHED, { additionalProperties: false })
export const PolicyCheckView = Type.Object({
  isGood: Type.Boolean({ description: 'it can be set, and every rule can be kept' }),
  problems: Type.Array(Type.Object({ place: Type.String(), text: Type.String() }), {
    description: 'fields that can not be understood, or contradict each other',
  }),
  conflicts: Type.Array(ConflictView, { description: 'rules that can not all be kept on what hosts report now' }),
  unchecked: Type.Optional(Type.String({ description: 'why rules could not be looked at' })),
})
export type PolicyCheckView = Static<typeof PolicyCheckView>

export const PolicyPreviewBody = Type.Object(
  {
    ...WISHED,
    spanMs: Type.Optional(
      Type.Integer({ minimum: 3_600_000, maximum: 86_400_000, default: 86_400_000, description: 'up to now' }),
    ),
  },
  { additionalProperties: false },
)

/** What one policy makes of the span. */
const ReplayView = Type.Object({
  policy: Type.String({ description: 'its name' }),
  level: Type.Enum(AUTOMATION_LEVELS),
  moves: Type.Integer({ description: 'carried out by themselves' }),
  proposals: Type.Integer({ description: 'ordered, and left to people by the level or the times' }),
  contentionMs: Type.Number({ description: 'time in contention, of all hosts together' }),
  unservedCoreHours: Type.Number({ description: 'reference-core hours that were wanted and not given' }),
  energyKwh: Type.Number(),
  copiedBytes: Bytes,
})

const PreviewMoveView = Type.Object({
  at: Instant,
  vm: Type.String(),
  from: Type.String(),
  to: Type.String(),
  class: Type.Enum(MOVE_CLASSES),
  reason: Type.String(),
  isCarriedOut: Type.Boolean({ description: 'false: a proposal, for `held`' }),
  held: Type.Optional(Type.String()),
  under: Type.Enum(['both', 'current', 'proposed'], {
    description: '`both`: the same VM leaves the same host within the same hour under either',
  }),
})

export const PreviewResultView = Type.Object({
  from: Instant,
  to: Instant,
  turns: Type.Integer({ description: 'of each replay' }),
  hosts: Type.Integer(),
  vms: Type.Integer(),
  current: ReplayView,
  proposed: ReplayView,
  happened: Type.Object({
    moves: Type.Integer({ description: 'that really ended on their target within the span' }),
  }),
  moves: Type.Array(PreviewMoveView, { description: 'by time, a thousand at most' }),
  movesLeftOut: Type.Integer(),
  contention: Type.Array(Type.Object({ host: Type.String(), currentMs: Ms, proposedMs: Ms }), {
    description: 'hosts that were in contention under either, the longest first',
  }),
  models: ModelsView,
  approximations: Type.Array(Type.String(), { description: 'where the replay is not what was, a sentence each' }),
})
export type PreviewResultView = Static<typeof PreviewResultView>

export const PREVIEW_STATES = ['running', 'done', 'failed'] as const
/** A preview is a piece of work: asked for again by its id while it runs. */
export const PolicyPreviewView = Type.Object({
  id: Type.String(),
  state: Type.Enum(PREVIEW_STATES),
  progress: Type.Number({ minimum: 0, maximum: 1 }),
  startedAt: Instant,
  check: PolicyCheckView,
  result: Type.Optional(PreviewResultView),
  failure: Type.Optional(Type.String()),
})
export type PolicyPreviewView = Static<typeof PolicyPreviewView>

/** How full a host is, before and after. */
const FullnessView = Type.Object({
  host: Type.String(),
  vms: Type.Object({ before: Type.Integer(), after: Type.Integer() }),
  cpu: Type.Object({
    capacity: RefCores,
    meanBefore: RefCores,
    meanAfter: RefCores,
    boundBefore: RefCores,
    boundAfter: RefCores,
  }),
  memory: Type.Object({ bytes: Bytes, allocatedBefore: Bytes, allocatedAfter: Bytes }),
})

/** `evacuation`: what it would take to empty a host now. */
export const EvacuationPreviewView = Type.Object({
  ...ANSWER_HEAD,
  host: Type.String(),
  vms: Type.Integer({ description: 'on it now' }),
  isComplete: Type.Boolean({ description: 'each of them has a host to go to' }),
  conflicts: Type.Array(ConflictView, { description: 'with rules there are: `PUT` would be a 409 without `isForced`' }),
  moves: Type.Array(
    Type.Object({
      place: Type.Integer({ description: 'in the order in which they would begin, from 1' }),
      round: Type.Integer({ description: 'those of one round go at a time, as far as limits let them; from 1' }),
      vm: Type.String(),
      to: Type.String(),
      startsInMs: Ms,
      durationMs: Ms,
      downtimeMs: Ms,
      copiedBytes: Bytes,
      memoryBytes: Bytes,
    }),
  ),
  stuck: Type.Array(Type.Object({ vm: Type.String(), reason: Type.String() })),
  hosts: Type.Array(FullnessView, { description: 'those that would take VMs, and the host itself' }),
  totalMs: Type.Number({ description: 'until the last has arrived' }),
  copiedBytes: Bytes,
  models: ModelsView,
  approximations: Type.Array(Type.String()),
})
export type EvacuationPreviewView = Static<typeof EvacuationPreviewView>
