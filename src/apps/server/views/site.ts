/** Requests and answers about the site as a whole: policy, automation, journal, audit, tokens, identities, store. */
import { type Static, Type } from 'typebox'
import { ROLES } from '../../../terms/access.ts'
import { CONTROLLER_STATES } from '../site-answers.ts'
import { AUTOMATION_LEVELS } from '../site-settings.ts'
import { AskedInstant, Degraded, Instant, PAGE_MAX } from './common.ts'

const Policy = Type.Object({}, { additionalProperties: true, description: 'see docs/policy.md' })

export const PolicyView = Type.Object({
  version: Type.Integer({ description: '0: nobody has set one, and the defaults stand' }),
  policy: Policy,
  who: Type.Optional(Type.String()),
  at: Type.Optional(Instant),
})
export type PolicyView = Static<typeof PolicyView>

/** A policy as it is given: what is left out keeps its default. */
export const POLICY_FIELDS = Type.Object(
  {
    name: Type.Optional(Type.String({ maxLength: 64 })),
    comment: Type.Optional(Type.String({ maxLength: 2000 })),
    ...Object.fromEntries(
      ['prices', 'forecast', 'contention', 'consolidation', 'gates', 'limits'].map((section) => [
        section,
        Type.Optional(Type.Object({}, { additionalProperties: true })),
      ]),
    ),
    safety: Type.Optional(Type.Union([Type.Object({}, { additionalProperties: true }), Type.Null()])),
  },
  { additionalProperties: false, description: 'what is left out keeps its default; see docs/policy.md' },
)

export const PolicyBody = Type.Object(
  {
    replaces: Type.Integer({ minimum: 0, maximum: 2 ** 31, description: 'the version that it replaces' }),
    policy: POLICY_FIELDS,
  },
  { additionalProperties: false },
)

export const HISTORY_QUERY = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
} as const
export const PolicyHistory = Type.Object({ versions: Type.Array(PolicyView, { description: 'newest first' }) })

export const AutomationView = Type.Object({
  version: Type.Integer({ description: '0: nobody has chosen, and the default stands' }),
  level: Type.Enum(AUTOMATION_LEVELS),
  isPaused: Type.Boolean({ description: 'turns are taken and give no orders' }),
  areGuestsTrusted: Type.Boolean({
    description: 'what guests say of their work weighs in orders; false: in rankings alone',
  }),
  problem: Type.Optional(
    Type.String({ description: 'why what stands can not be understood: nothing is ordered until it is set anew' }),
  ),
  who: Type.Optional(Type.String()),
  at: Type.Optional(Instant),
})
export type AutomationView = Static<typeof AutomationView>
export const AutomationBody = Type.Object(
  {
    level: Type.Optional(Type.Enum(AUTOMATION_LEVELS)),
    isPaused: Type.Optional(Type.Boolean()),
    areGuestsTrusted: Type.Optional(Type.Boolean()),
    replaces: Type.Optional(Type.Integer({ minimum: 0, maximum: 2 ** 31 })),
    confirm: Type.Optional(
      Type.String({ maxLength: 32, description: 'the level once more, where VMs are then moved that were not before' }),
    ),
    reason: Type.Optional(Type.String({ maxLength: 200, description: 'for the audit' })),
  },
  { additionalProperties: false, description: 'what is left out stays as it is' },
)

/** Newest first, and on to what is older. */
export const JOURNAL_QUERY = {
  before: Type.Optional(
    Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: '`next` of the answer before' }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
} as const

const JOURNAL_NEXT = Type.Optional(
  Type.Integer({ description: 'ask for it as `before`; absent: this is the beginning of the journal' }),
)
const Anything = Type.Object({}, { additionalProperties: true })
export const PlansView = Type.Object({
  plans: Type.Array(
    Type.Object(
      { number: Type.Integer(), at: Instant, record: Anything },
      { description: 'a turn as the journal has it' },
    ),
  ),
  next: JOURNAL_NEXT,
})
const ofTurn = { number: Type.Integer({ description: 'line of the journal' }), at: Instant }
export const MovesView = Type.Object({
  moves: Type.Array(Type.Object({ ...ofTurn, order: Anything })),
  next: JOURNAL_NEXT,
})
export const OutcomesView = Type.Object({
  outcomes: Type.Array(Type.Object({ ...ofTurn, outcome: Anything })),
  next: JOURNAL_NEXT,
})

export const AUDIT_QUERY = {
  before: Type.Optional(
    Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: '`next` of the answer before' }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: PAGE_MAX, default: 100, description: 'the newest' })),
} as const
export const AuditView = Type.Object({
  next: Type.Optional(Type.Integer({ description: 'asks for those before, as `before`. Absent: that was all' })),
  records: Type.Array(
    Type.Object({
      number: Type.Integer(),
      at: Instant,
      what: Type.String(),
      about: Type.Optional(Type.String()),
      from: Type.String(),
      reason: Type.String(),
    }),
    { description: 'oldest first' },
  ),
})

const TOKEN_FIELDS = {
  id: Type.String(),
  name: Type.String(),
  role: Type.Enum(ROLES),
  state: Type.Enum(['good', 'revoked', 'ended']),
  createdAt: Instant,
  expiresAt: Type.Optional(Instant),
  revokedAt: Type.Optional(Instant),
  usedAt: Type.Optional(Type.Number({ description: 'to the minute' })),
}
export const TokenView = Type.Object(TOKEN_FIELDS)
export type TokenView = Static<typeof TokenView>
export const TokensView = Type.Object({ tokens: Type.Array(TokenView) })
export const NewTokenView = Type.Object({
  ...TOKEN_FIELDS,
  token: Type.String({ description: 'the only time that it is told' }),
})
export const TokenBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 64, pattern: '^[^\\p{C}]*$', description: 'who or what it is for' }),
    role: Type.Enum(ROLES),
    /** Absent: never. */
    expiresAt: Type.Optional(AskedInstant),
  },
  { additionalProperties: false },
)

export const EnrolmentBody = Type.Object(
  {
    vm: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    host: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    minutes: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1440, default: 10, description: 'how long it is good' }),
    ),
  },
  { additionalProperties: false, description: 'either a VM or a host' },
)
const ENROLMENT_FIELDS = {
  id: Type.String(),
  vm: Type.Optional(Type.String()),
  host: Type.Optional(Type.String()),
  expiresAt: Instant,
}
export const EnrolmentView = Type.Object({
  ...ENROLMENT_FIELDS,
  token: Type.String({ description: 'the only time that it is told' }),
})
export const EnrolmentsView = Type.Object({
  enrolments: Type.Array(Type.Object({ ...ENROLMENT_FIELDS, usedAt: Type.Optional(Instant) })),
})

export const StoreView = Type.Object({
  name: Type.String(),
  schemaVersion: Type.Integer(),
  sizeBytes: Type.Number(),
  backups: Type.Array(Type.Object({ name: Type.String(), sizeBytes: Type.Number(), at: Instant })),
})
export const FindingsView = Type.Object({
  findings: Type.Array(
    Type.Object({ severity: Type.Enum(['note', 'damage']), what: Type.String(), remedy: Type.String() }),
  ),
  journal: Type.Object({}, { additionalProperties: true, description: 'whether its chain is whole' }),
})
export const BackupBody = Type.Object(
  {
    name: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$',
      description: 'letters, digits, _ and -; the server adds the ending and chooses the folder',
    }),
  },
  { additionalProperties: false },
)
export const BackupView = Type.Object({ name: Type.String(), sizeBytes: Type.Number(), tookMs: Type.Number() })

export const StatusView = Type.Object({
  version: Type.String(),
  asOf: Instant,
  clockSpeed: Type.Optional(
    Type.Number({
      description: 'how many times faster than the machine’s the site’s clock goes, as in a demo. Absent: as fast',
    }),
  ),
  upSince: Instant,
  you: Type.Object({ name: Type.String(), role: Type.Enum(ROLES) }),
  store: Type.String(),
  controller: Type.Enum(CONTROLLER_STATES, { description: '`standby`: another server takes the turns' }),
  automation: Type.Object({ level: Type.Enum(AUTOMATION_LEVELS), isPaused: Type.Boolean() }),
  turns: Type.Integer(),
  lastTurnAt: Type.Optional(Instant),
  vms: Type.Record(Type.String(), Type.Integer(), { description: 'by state' }),
  hosts: Type.Integer(),
  streams: Type.Integer(),
  degraded: Degraded,
})
export type StatusView = Static<typeof StatusView>

export const HealthView = Type.Object({ status: Type.Enum(['ok', 'degraded']), reasons: Type.Array(Type.String()) })

const WantedVm = Type.Object(
  {
    id: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'what the answer calls it' })),
    count: Type.Optional(Type.Integer({ minimum: 1, maximum: 256, description: 'so many alike' })),
    vcpus: Type.Optional(Type.Integer({ minimum: 1, maximum: 4096 })),
    refCoresPerVcpu: Type.Optional(Type.Number({ minimum: 1e-6, maximum: 1e6 })),
    memoryBytes: Type.Optional(Type.Number({ minimum: 0, maximum: 2 ** 53 - 1 })),
    antiAffinityGroup: Type.Optional(Type.String({ maxLength: 64 })),
    cpuFlags: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 1000 })),
    like: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'a VM that it will be like' })),
    personality: Type.Optional(
      Type.Union([Type.String({ maxLength: 600 }), Type.Object({}, { additionalProperties: true })], {
        description: 'how it behaved where it ran before: a vector in its wire form',
      }),
    ),
  },
  { additionalProperties: false },
)

/** Where would these go? `terms/placement.ts` judges the rest. */
export const PlacementBody = Type.Object(
  { vms: Type.Array(WantedVm, { minItems: 1, maxItems: 256 }) },
  { additionalProperties: false, description: 'VMs to come, all placed together' },
)
