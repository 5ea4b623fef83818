/** What the ledger answers: promised against realised, and what was not done and whether that was right. Amounts that can't be known are left out, and
 *  `unknown` says why. Each quantity that a model gave stands beside the model's name. */
import { type Static, Type } from 'typebox'
import { INTENT_STATES } from '../../../terms/intent.ts'
import { MOVE_CLASSES } from '../../../terms/move.ts'
import { Instant } from './common.ts'
import { VERDICTS } from './ledger-words.ts'

const Money = Type.Number({ description: "in the policy's currency" })
const CoreHours = Type.Number({ description: 'reference core-hours' })
const Count = Type.Integer({ minimum: 0 })
const Share = Type.Number({ minimum: 0, maximum: 1 })
const Model = Type.String({ description: 'name of the model that the figures come from' })
const Unknown = Type.Array(Type.String(), { description: 'what is left out, and why, a sentence each' })

/** Demand above capacity over the span that a move was promised for, in the two worlds. */
const Unserved = Type.Object({
  model: Model,
  withMove: CoreHours,
  hadItStayed: CoreHours,
  slots: Type.Integer({ description: 'windows of five minutes that both hosts were recorded in' }),
})

/** One figure that was promised before the start, beside what the platform measured. */
const Figure = Type.Object({
  promised: Type.Optional(Type.Number()),
  range: Type.Optional(Type.Array(Type.Number(), { description: 'low and high: eight of ten such moves lie between' })),
  realised: Type.Optional(Type.Number()),
})

export const LedgerMoveView = Type.Object({
  id: Type.String(),
  vm: Type.String(),
  from: Type.String(),
  to: Type.String(),
  class: Type.Enum(MOVE_CLASSES),
  reason: Type.String(),
  decidedAt: Instant,
  state: Type.Enum(['not-carried-out', ...INTENT_STATES], {
    description: '`not-carried-out`: proposed or advised, and nobody carried it out',
  }),
  settlesAt: Type.Optional(Type.Number({ description: 'when the span that the gain was promised for ends' })),
  settledAt: Type.Optional(Instant),
  confidence: Type.Optional(Share),
  gain: Type.Optional(
    Type.Object(
      { model: Model, promised: Type.Optional(Money), realised: Type.Optional(Money) },
      {
        description: 'contention avoided, and for class energy watts saved, as forecast and as it came',
      },
    ),
  ),
  cost: Type.Optional(Type.Object({ model: Model, promised: Type.Optional(Money), realised: Type.Optional(Money) })),
  migration: Type.Object(
    {
      model: Type.Optional(Model),
      totalMs: Type.Optional(Figure),
      downtimeMs: Type.Optional(Figure),
      copiedBytes: Type.Optional(Figure),
    },
    { description: 'what the copying was promised to take, and what it took' },
  ),
  contention: Type.Optional(
    Type.Object(
      {
        model: Model,
        foreseen: Type.Optional(Share),
        came: Type.Optional(Type.Boolean({ description: 'it would have come on the source, had the VM stayed' })),
      },
      { description: 'on the host that the VM left' },
    ),
  ),
  unserved: Type.Optional(Unserved),
  regret: Type.Optional(
    Type.Object({
      model: Model,
      value: Type.Number({ minimum: 0, description: "in the policy's currency: the best in hindsight less this move" }),
      best: Type.Enum(['this-move', 'staying', 'another-host']),
      host: Type.Optional(Type.String({ description: 'the better host, where it was another' })),
      compared: Type.Integer({ description: 'other hosts that were compared' }),
    }),
  ),
  unknown: Unknown,
})
export type LedgerMoveView = Static<typeof LedgerMoveView>

/** A VM, or a host with its VMs, that was left as it was for one reason over a span of turns. */
export const LedgerStayView = Type.Object({
  id: Type.String(),
  vm: Type.Optional(Type.String({ description: 'absent: it is about the whole host' })),
  host: Type.String(),
  reason: Type.String({ description: 'one of the words for what was lacking, or of those for why a VM stays' }),
  text: Type.Optional(Type.String({ description: 'the last sentence that the turn said of it' })),
  firstAt: Instant,
  lastAt: Instant,
  turns: Count,
  vms: Type.Optional(Type.Integer({ description: 'how many VMs of the host, where it is about the whole host' })),
  foreseen: Type.Optional(
    Type.Object({ model: Model, contention: Type.Number({ minimum: 0, maximum: 1, description: 'the highest' }) }),
  ),
  came: Type.Optional(
    Type.Object(
      {
        contention: Type.Boolean(),
        at: Type.Optional(Type.Number({ description: 'when it began' })),
        demandMost: Type.Number({ description: 'of its host, in reference cores' }),
        capacity: Type.Number({ description: 'of its host, in reference cores' }),
        unserved: CoreHours,
        avoidable: Type.Optional(
          Type.Number({ description: 'of it, what would have been served had the VM been elsewhere; core-hours' }),
        ),
      },
      { description: 'on the host, from the first turn until the forecast of the last had run out' },
    ),
  ),
  verdict: Type.Enum(VERDICTS, {
    description: '`wrong`: contention came, whether or not anything better could be done',
  }),
  why: Type.String({ description: 'the verdict in a sentence' }),
})
export type LedgerStayView = Static<typeof LedgerStayView>

/** Newest first; `before` is `next` of the answer before. */
export const LEDGER_QUERY = {
  before: Type.Optional(Type.String({ maxLength: 160, description: '`next` of the answer before' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
} as const
export const LEDGER_STAYS_QUERY = { ...LEDGER_QUERY, verdict: Type.Optional(Type.Enum(VERDICTS)) } as const
const Next = Type.Optional(Type.String({ description: 'ask for it as `before`; absent: this was the last page' }))

const PAGE_HEAD = {
  asOf: Instant,
  since: Type.Number({ description: 'what is older is in no ledger; the journal has it' }),
  currency: Type.String(),
}
export const LedgerMovesView = Type.Object({ ...PAGE_HEAD, moves: Type.Array(LedgerMoveView), next: Next })
export type LedgerMovesView = Static<typeof LedgerMovesView>
export const LedgerStaysView = Type.Object({ ...PAGE_HEAD, stays: Type.Array(LedgerStayView), next: Next })
export type LedgerStaysView = Static<typeof LedgerStaysView>

const Both = Type.Object({
  moves: Type.Integer({ description: 'of which both are known' }),
  promised: Money,
  realised: Money,
})

export const CoverageRow = Type.Object({
  model: Model,
  horizonMs: Type.Number({ description: 'so long before it came the forecast was made' }),
  nominal: Type.Number({ description: 'share that the interval is to hold' }),
  checks: Count,
  held: Count,
  share: Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: 'held over checks; absent: no check yet' })),
})
export type CoverageRow = Static<typeof CoverageRow>

const LedgerSpan = Type.Object({
  from: Instant,
  moves: Type.Object({
    ordered: Count,
    carriedOut: Type.Integer({ description: 'of which a migration began' }),
    done: Count,
    settled: Type.Integer({ description: 'of which the span of the gain is over' }),
    paid: Type.Integer({ description: 'settled ones that gained more than they cost' }),
  }),
  gain: Both,
  cost: Both,
  unserved: Type.Object({ model: Model, moves: Count, withMoves: CoreHours, hadTheyStayed: CoreHours }),
  regret: Type.Object({
    model: Model,
    moves: Type.Integer({ description: 'of which it is known' }),
    sum: Money,
    most: Type.Optional(Money),
    mostId: Type.Optional(Type.String()),
  }),
  stays: Type.Object({ right: Count, wrong: Count, notYetKnown: Count, unknown: Count }),
  foresight: Type.Object(
    {
      model: Model,
      foreseenCame: Count,
      foreseenNotCame: Count,
      missed: Type.Integer({ description: 'came, and was not foreseen' }),
      quiet: Type.Integer({ description: 'neither foreseen nor came' }),
    },
    {
      description:
        'forecasts of contention of a host within the horizon, against what came; foreseen: at least the trigger',
    },
  ),
  coverage: Type.Array(CoverageRow, { description: 'how much of what came lay in the interval of 90 %' }),
})
export type LedgerSpan = Static<typeof LedgerSpan>

const PromiseCheck = Type.Optional(
  Type.Object({
    medianError: Type.Number({ description: 'median of |came / promised - 1|' }),
    coverage: Type.Number({ description: 'share within the range that was promised for eight of ten' }),
  }),
)

/** How far the engine trusts itself. */
export const TrustView = Type.Object({
  model: Model,
  at: Type.Number({ description: 'of the turn that knew it' }),
  isTrusted: Type.Boolean({
    description: 'false: moves must promise twice as much more, and no host is emptied for energy',
  }),
  bandSd: Type.Optional(Type.Number({ description: 'standard deviations between expected demand and upper bound' })),
  bounds: Type.Object({ checked: Count, exceeded: Count }, { description: 'upper bounds, one turn ahead' }),
  coverage: Type.Object({
    share: Share,
    checked: Count,
    least: Type.Optional(Type.Number({ description: 'below it forecasts are not trusted' })),
    most: Type.Optional(Type.Number({ description: 'above it they say nothing, and are not trusted either' })),
  }),
  marginFactor: Type.Number({ description: 'gain over cost must be this many times what the policy asks' }),
  netPerMove: Type.Optional(Type.Number({ description: 'moving mean of gain less cost; absent: no move is settled' })),
  outcomes: Count,
  strikes: Type.Integer({ description: 'verdicts in a row against our own judgement' }),
  strikesMax: Type.Optional(
    Type.Integer({ description: 'with so many, orders are advice until an operator forgives' }),
  ),
  isDemoted: Type.Boolean({ description: 'orders are advice, for moves did not pay' }),
})
export type TrustView = Static<typeof TrustView>

export const LedgerView = Type.Object({
  ...PAGE_HEAD,
  recordedHosts: Type.Integer({ description: 'hosts whose forecasts were kept at the newest turn that kept any' }),
  hosts: Type.Integer({ description: 'hosts that carried VMs then' }),
  day: LedgerSpan,
  week: LedgerSpan,
  trust: Type.Optional(TrustView),
  promises: Type.Object(
    { model: Model, total: PromiseCheck, downtime: PromiseCheck, bytes: PromiseCheck },
    { description: 'how good promises of single moves were; `GET /v1/migrations` has more' },
  ),
  unknown: Unknown,
})
export type LedgerView = Static<typeof LedgerView>
