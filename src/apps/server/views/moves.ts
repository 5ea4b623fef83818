/** Requests and answers about moves: those under way, proposals, hosts that are emptied, VMs that are left alone, and when moves may begin. */
import { type Static, Type } from 'typebox'
import { INTENT_STATES } from '../../../terms/intent.ts'
import { MOVE_CLASSES } from '../../../terms/move.ts'
import { MIGRATION_MODES } from '../../../terms/move-facts.ts'
import { WEEKDAYS } from '../move-times.ts'
import { AUTOMATION_LEVELS } from '../site-settings.ts'
import { WARNING_LENGTH_MAX } from '../wishes.ts'
import { AskedInstant, Instant } from './common.ts'
import { ObjectionView } from './proposals.ts'

const Reason = Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\p{Cc}]*$', description: 'for people' })

const ROUTE = {
  id: Type.String(),
  vm: Type.String(),
  from: Type.String(),
  to: Type.String(),
  class: Type.Enum(MOVE_CLASSES),
  reason: Type.String(),
}
const Progress = Type.Object({
  elapsedMs: Type.Number(),
  copiedBytes: Type.Optional(Type.Number()),
  remainingBytes: Type.Optional(Type.Number()),
  rounds: Type.Optional(Type.Number()),
  dirtyBytesPerSec: Type.Optional(Type.Number({ description: 'how fast the VM writes memory, by the platform' })),
  copiedBytesPerSec: Type.Optional(Type.Number({ description: 'how fast memory travels, by the platform' })),
  throttle: Type.Optional(
    Type.Number({ description: 'share of its CPU time that the VM is denied, so that it writes less' }),
  ),
  isPostCopy: Type.Boolean(),
})
const MigrationView = Type.Object({
  ...ROUTE,
  cause: Type.Object({
    kind: Type.Enum(['policy', 'operator', 'evacuation']),
    who: Type.Optional(Type.String()),
    host: Type.Optional(Type.String()),
  }),
  mode: Type.Enum(MIGRATION_MODES),
  state: Type.Enum(INTENT_STATES),
  recordedAt: Instant,
  sentAt: Type.Optional(Instant),
  acceptedAt: Type.Optional(Instant),
  seenAt: Type.Optional(Instant),
  frozen: Type.Optional(Type.Object({ since: Instant, reason: Type.String(), detail: Type.String() })),
  progress: Type.Optional(Progress),
  promiseModel: Type.Optional(Type.String({ description: 'by which it was promised' })),
  promise: Type.Optional(
    Type.Object({
      totalMs: Type.Number(),
      downtimeMs: Type.Number(),
      copiedBytes: Type.Number(),
      pConverge: Type.Number(),
    }),
  ),
  endedAt: Type.Optional(Instant),
  detail: Type.Optional(Type.String()),
  figures: Type.Optional(
    Type.Object(
      {
        totalMs: Type.Optional(Type.Number()),
        downtimeMs: Type.Optional(Type.Number()),
        copiedBytes: Type.Optional(Type.Number()),
        rounds: Type.Optional(Type.Number()),
      },
      { description: 'what the platform measured; what it did not tell is left out' },
    ),
  ),
})
export type MigrationView = Static<typeof MigrationView>

const AsKept = Type.Record(Type.String(), Type.Unknown(), { description: 'as the journal has it' })
export const MoveStoryView = Type.Object({
  id: Type.String(),
  turn: Type.Optional(
    Type.Object(
      { number: Type.Integer(), at: Instant, order: AsKept, events: Type.Array(AsKept) },
      {
        description: 'that ordered it, with what it said of this VM and both hosts',
      },
    ),
  ),
  held: Type.Optional(Type.String({ description: 'why it was proposed first' })),
  objections: Type.Optional(
    Type.Array(AsKept, { description: 'what people said against it, and what became of that' }),
  ),
  grounds: Type.Optional(AsKept),
  move: Type.Optional(MigrationView),
  steps: Type.Array(AsKept),
  outcome: Type.Optional(AsKept),
})
export type MoveStoryView = Static<typeof MoveStoryView>

const ProposalView = Type.Object({
  ...ROUTE,
  gain: Type.Optional(Type.Number()),
  cost: Type.Optional(Type.Number()),
  confidence: Type.Optional(Type.Number()),
  held: Type.Optional(Type.String({ description: 'why it was not carried out at once' })),
  decidedAt: Instant,
  endsAt: Instant,
})
export type ProposalView = Static<typeof ProposalView>

const EvacuationView = Type.Object({
  host: Type.String(),
  who: Type.Optional(Type.String()),
  since: Type.Optional(Instant),
  reason: Type.Optional(Type.String()),
  isForced: Type.Optional(Type.Boolean()),
  vms: Type.Integer({ description: 'on it as of the last turn' }),
  leaving: Type.Integer({ description: 'of these, on their way' }),
  stuck: Type.Array(Type.Object({ vm: Type.String(), reason: Type.String() })),
})
export type EvacuationView = Static<typeof EvacuationView>

const FigureView = Type.Optional(
  Type.Object({
    moves: Type.Integer(),
    medianError: Type.Number({ description: 'median of |came / promised - 1|' }),
    coverage: Type.Number({ description: 'share within the range that was promised for eight of ten' }),
  }),
)
const Factor = Type.Object(
  { moves: Type.Optional(Type.Number()), factor: Type.Optional(Type.Number()) },
  { description: 'came over what the model alone promised, learnt from so many moves, old ones counted for less' },
)
const MoveLedgerView = Type.Object({
  moves: Type.Integer({ description: 'ended moves that had a promise, the newest thousand' }),
  open: Type.Integer({ description: 'promises whose move has not ended' }),
  total: FigureView,
  downtime: FigureView,
  bytes: FigureView,
  wrongVerdicts: Type.Integer({ description: 'moves that ended in time or not, against an even chance promised' }),
  pairs: Type.Array(
    Type.Object({
      from: Type.String(),
      to: Type.String(),
      total: Factor,
      downtime: Factor,
      bytes: Factor,
      verdicts: Type.Object({ moves: Type.Number(), shift: Type.Number({ description: 'of the log-odds' }) }),
    }),
  ),
})
export type MoveLedgerView = Static<typeof MoveLedgerView>

const BudgetView = Type.Object({
  what: Type.String({ description: 'what is counted, in words' }),
  classes: Type.Array(Type.Enum(MOVE_CLASSES)),
  spanMs: Type.Number(),
  used: Type.Integer(),
  most: Type.Integer({ description: 'in the cluster, within the span' }),
  freesAt: Type.Optional(
    Type.Number({ description: 'when the oldest of them counts no more, in milliseconds since 1970' }),
  ),
  perHostMost: Type.Integer(),
  hosts: Type.Array(Type.Object({ host: Type.String(), used: Type.Integer() }), {
    description: 'hosts that took part in any, the busiest twenty',
  }),
})
export type BudgetView = Static<typeof BudgetView>

export const MigrationsView = Type.Object({
  asOf: Instant,
  driver: Type.Optional(Type.String({ description: 'absent: none is configured, and nothing is moved' })),
  level: Type.Optional(Type.Enum(AUTOMATION_LEVELS)),
  isPaused: Type.Optional(Type.Boolean()),
  holds: Type.Array(Type.Object({ name: Type.String(), since: Instant, reason: Type.String() }), {
    description: 'why nothing is started at all',
  }),
  open: Type.Array(MigrationView),
  ended: Type.Array(MigrationView, { description: 'newest first, the last hundred' }),
  proposals: Type.Array(ProposalView, { description: 'newest first' }),
  objections: Type.Optional(
    Type.Array(ObjectionView, { description: 'what people rejected or postponed and has not ended, newest first' }),
  ),
  evacuations: Type.Array(EvacuationView),
  budgets: Type.Optional(
    Type.Array(BudgetView, { description: 'moves that began within the hour against those that may' }),
  ),
  frozenVms: Type.Record(Type.String(), Type.String(), { description: 'left alone until they are seen, and why' }),
  frozenHosts: Type.Record(Type.String(), Type.String()),
  leftAlone: Type.Record(Type.String(), Type.Number(), {
    description: 'VMs that somebody else moves back, and until when they are left to it',
  }),
  alerts: Type.Array(Type.Object({}, { additionalProperties: true })),
  ledger: Type.Optional(MoveLedgerView),
})
export type MigrationsView = Static<typeof MigrationsView>

export const DoneView = Type.Object({ text: Type.String() })
export type DoneView = Static<typeof DoneView>

export const OptOutBody = Type.Object(
  {
    reason: Reason,
    isForced: Type.Optional(Type.Boolean({ description: 'also where another rule wants it moved' })),
  },
  { additionalProperties: false },
)
export const MaintenanceBody = Type.Object(
  {
    reason: Reason,
    isForced: Type.Optional(
      Type.Boolean({ description: 'blackouts do not hold it up, nor rules that keep VMs from leaving it' }),
    ),
  },
  { additionalProperties: false },
)
export const VouchBody = Type.Object(
  { isOff: Type.Literal(true, { description: 'it is off for good, and will not come back by itself' }) },
  { additionalProperties: false },
)
export const WarningBody = Type.Object(
  {
    warning: Type.String({
      minLength: 1,
      maxLength: WARNING_LENGTH_MAX,
      pattern: '^[^\\p{Cc}]*$',
      description: 'in its own words, as a proposal that it holds tells them',
    }),
    reason: Type.Optional(Reason),
    isAccepted: Type.Optional(Type.Boolean({ description: 'false: it is taken back' })),
  },
  { additionalProperties: false },
)
const WISH = { who: Type.String(), at: Instant, reason: Type.String() }
export const OptOutsView = Type.Object({ vms: Type.Array(Type.Object({ vm: Type.String(), ...WISH })) })
export const WarningsView = Type.Object({
  accepted: Type.Array(Type.Object({ warning: Type.String(), ...WISH })),
})
export type WarningsView = Static<typeof WarningsView>
export type OptOutsView = Static<typeof OptOutsView>
export const MaintenancesView = Type.Object({
  hosts: Type.Array(Type.Object({ host: Type.String(), ...WISH, isForced: Type.Boolean() })),
})
export type MaintenancesView = Static<typeof MaintenancesView>

const Hour = Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', description: 'such as 22:00' })
export const MOVE_TIMES = {
  timeZone: Type.String({ maxLength: 64, description: 'such as Europe/Berlin' }),
  windows: Type.Array(
    Type.Object(
      { days: Type.Array(Type.Enum(WEEKDAYS), { minItems: 1, maxItems: 7 }), from: Hour, to: Hour },
      { additionalProperties: false },
    ),
    { maxItems: 100, description: 'when the policy may begin moves; empty: at any time' },
  ),
  blackouts: Type.Array(
    Type.Object(
      { from: AskedInstant, to: AskedInstant, reason: Type.Optional(Reason) },
      { additionalProperties: false },
    ),
    { maxItems: 1000, description: 'when nobody may, but a host that is emptied by force' },
  ),
}
const VERSION = { version: Type.Integer({ description: '0: nobody has set it' }) }
export const MoveTimesView = Type.Object({
  ...VERSION,
  ...MOVE_TIMES,
  now: Type.Optional(Type.String({ description: 'why the policy may begin no move now; absent: it may' })),
  who: Type.Optional(Type.String()),
  at: Type.Optional(Instant),
})
export type MoveTimesView = Static<typeof MoveTimesView>
export const MoveTimesBody = Type.Object(
  { replaces: Type.Optional(Type.Integer({ minimum: 0, maximum: 2 ** 31 })), ...MOVE_TIMES },
  { additionalProperties: false },
)

export const LibvirtView = Type.Object({
  ...VERSION,
  site: Type.Object({}, { additionalProperties: true, description: 'see docs/automation.md' }),
  who: Type.Optional(Type.String()),
  at: Type.Optional(Instant),
})
export type LibvirtView = Static<typeof LibvirtView>
export const LibvirtBody = Type.Object(
  {
    replaces: Type.Optional(Type.Integer({ minimum: 0, maximum: 2 ** 31 })),
    site: Type.Object({}, { additionalProperties: true }),
  },
  { additionalProperties: false },
)
