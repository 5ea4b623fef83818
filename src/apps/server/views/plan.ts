/** The last turn's plan, as a schema: moves in order, with what each rests on. The text of the answer is made elsewhere and sent as it is. */
import { type Static, Type } from 'typebox'
import { LACKS } from '../../../terms/ranking.ts'
import { STAY_REASONS } from '../../../terms/turn.ts'
import { AUTOMATION_LEVELS } from '../site-settings.ts'
import { Instant } from './common.ts'
import { ANSWER_HEAD, ORDER_FIELDS } from './judgement.ts'
import { ModelsView } from './models.ts'

const Money = Type.Number({ description: "in the policy's currency, over its horizon" })
const RefCores = Type.Number({ description: 'reference cores' })

const DeadlineView = Type.Object(
  {
    at: Type.Optional(
      Type.Number({
        description:
          'when contention has begun on its host as likely as not, in milliseconds since 1970; absent: later than the horizon',
      }),
    ),
    earliestAt: Type.Optional(
      Type.Number({
        description:
          'when it has begun with the probability on which the policy acts, in milliseconds since 1970; absent: later than the horizon',
      }),
    ),
    probability: Type.Number({ minimum: 0, maximum: 1, description: 'that it begins within the horizon' }),
  },
  { description: 'absent: nothing presses, as for moves for energy and off emptied hosts' },
)

const OtherHostsView = Type.Object({
  suitable: Type.Integer({ description: 'hosts that would have done, the chosen one included' }),
  best: Type.Array(Type.Object({ host: Type.String(), score: Money, isChosen: Type.Boolean() }), {
    description: 'of these, the best five by score',
  }),
  refused: Type.Array(Type.Object({ lacking: Type.Enum(LACKS), hosts: Type.Integer(), example: Type.String() }), {
    description: 'how many hosts lack what, and one of them in words',
  }),
})

const OtherVmView = Type.Object({
  vm: Type.String(),
  stayed: Type.Optional(Type.Enum(STAY_REASONS)),
  reason: Type.String({ description: 'why it was not the one to move' }),
})

/** One move of the plan. What can not be told any more, for its VM or host has gone, is left out. */
export const PlanMoveView = Type.Object({
  ...ORDER_FIELDS,
  place: Type.Integer({ description: 'in the order in which the turn decided them, from 1' }),
  gainAtLeast: Type.Optional(Type.Number({ description: 'what it is worth in 95 of 100 futures' })),
  deadline: Type.Optional(DeadlineView),
  whyNow: Type.String({ description: 'one sentence with the values' }),
  bounds: Type.Optional(
    Type.Array(Type.Object({ host: Type.String(), bound: RefCores, moved: RefCores, capacity: RefCores }), {
      description: 'both hosts: upper bound of demand within the horizon, with the VM where it is and as `moved`',
    }),
  ),
  otherHosts: Type.Optional(OtherHostsView),
  otherVms: Type.Array(OtherVmView, { description: 'of its host, the busiest eight that stayed' }),
  otherVmsLeftOut: Type.Integer(),
})
export type PlanMoveView = Static<typeof PlanMoveView>

/** What was looked at and not done. */
const NotDoneView = Type.Object({
  vm: Type.String(),
  from: Type.String(),
  to: Type.Optional(Type.String()),
  lacking: Type.Enum(LACKS),
  reason: Type.String(),
})

/** `plan`: the last turn. */
export const PlanView = Type.Object({
  ...ANSWER_HEAD,
  turn: Type.Optional(Type.Integer()),
  level: Type.Enum(AUTOMATION_LEVELS),
  isPaused: Type.Boolean(),
  areGuestsTrusted: Type.Boolean(),
  policy: Type.String({ description: 'its name' }),
  currency: Type.String(),
  horizonMs: Type.Number(),
  models: ModelsView,
  takenAt: Type.Optional(Instant),
  held: Type.Array(Type.String(), { description: 'why the turn could give no orders' }),
  adviceOnly: Type.Array(Type.String(), { description: 'why its orders are advice; empty: they are not' }),
  moves: Type.Array(PlanMoveView, { description: 'in order' }),
  notDone: Type.Array(NotDoneView, { description: 'moves that were looked at and refused, a hundred at most' }),
  stayed: Type.Record(Type.String(), Type.Integer(), { description: 'how many VMs stayed, by reason' }),
  events: Type.Array(Type.Unknown()),
  eventsLeftOut: Type.Integer(),
})
export type PlanView = Static<typeof PlanView>
