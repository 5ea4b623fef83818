/** What the judgement answers, as schemas: the text of an answer is made elsewhere and sent as it is. */
import { type Static, Type } from 'typebox'
import { WORKLOAD_TYPES } from '../../../terms/host.ts'
import { HOST_STATES } from '../../../terms/cluster.ts'
import { MOVE_CLASSES } from '../../../terms/move.ts'
import { LACKS, REMEDIES, SCORE_TERMS } from '../../../terms/ranking.ts'
import { STAY_REASONS } from '../../../terms/turn.ts'
import { ALERT_KINDS, SEVERITIES } from '../alerts.ts'

function words<W extends string>(list: readonly W[]) {
  return Type.Enum(list)
}

const Instant = Type.Number({ description: 'milliseconds since 1970' })
const Cores = Type.Number({ description: 'reference cores' })
const Bytes = Type.Number({ description: 'bytes' })
const Money = Type.Number({ description: "in the policy's currency, over its horizon" })
const Share = Type.Number({ minimum: 0, maximum: 1 })

/** At the head of every answer. */
export const ANSWER_HEAD = {
  asOf: Type.Number({ description: 'when what the answer rests on was seen, in milliseconds since 1970' }),
  degraded: Type.Array(Type.String(), {
    description: 'why the answer is worth less than it should be; while it is not empty, nothing is started',
  }),
}

/** Names change as models get better; fields do not. */
const Model = Type.Optional(Type.String({ description: 'by which this was worked out' }))

export const ScoreView = Type.Object({
  total: Money,
  terms: Type.Object({ performance: Money, energy: Money, load: Money, migration: Money }),
})

const Band = Type.Object({ p10: Type.Number(), p90: Type.Number() })

export const PerformanceView = Type.Object({
  latencyFactor: Type.Number({ description: 'mean slowdown of a request against an idle host: 1 is none' }),
  throughput: Share,
  addedWatts: Type.Number(),
  bands: Type.Optional(
    Type.Object(
      { latencyFactor: Band, throughput: Band, addedWatts: Band },
      { description: 'by the model, it lies between them in eight of ten cases' },
    ),
  ),
  speed: Type.Optional(
    Type.Object(
      {
        factor: Type.Number({ description: "of the VM's kind of work, against the cluster's median host" }),
        spread: Type.Number({ description: 'standard deviation of its logarithm' }),
        wattsPerRefCore: Type.Optional(Type.Number()),
        isMixAssumed: Type.Boolean({ description: "nobody measured the VM's kind of work" }),
        terms: Type.Array(
          Type.Object({ workloadType: words(WORKLOAD_TYPES), weight: Share, ratio: Type.Optional(Type.Number()) }),
        ),
      },
      { description: 'the benchmarks that mattered; absent: no host has any' },
    ),
  ),
})

export const EstimateView = Type.Object({
  copiedBytes: Bytes,
  durationMs: Type.Number(),
  downtimeMs: Type.Number(),
  rounds: Type.Integer(),
  converges: Type.Boolean(),
})

/** Which term keeps a host behind the best. */
export const BehindView = Type.Object(
  {
    total: Money,
    term: words(SCORE_TERMS),
    by: Type.Number({ description: 'what it is behind in that term, in money' }),
  },
  { description: 'why it is below the best: the term in which it is furthest behind; absent: it is the best' },
)

export const RankedHostView = Type.Object({
  host: Type.String(),
  rank: Type.Integer({ minimum: 1 }),
  score: ScoreView,
  behind: Type.Optional(BehindView),
  performance: PerformanceView,
  migration: Type.Optional(EstimateView),
})

export const RefusalView = Type.Object({
  lacking: words(LACKS),
  shortBy: Type.Number({ description: 'how much is missing' }),
  unit: Type.Optional(Type.String({ description: 'what `shortBy` counts; absent: it can not be counted' })),
  reason: Type.String(),
})

export const RefusedHostView = Type.Object({ host: Type.String(), verdict: RefusalView })
export type RankedHostView = Static<typeof RankedHostView>
export type RefusedHostView = Static<typeof RefusedHostView>

/** `hostsFor`: every host is in exactly one of the two lists. */
export const HostsForView = Type.Object({
  ...ANSWER_HEAD,
  vm: Type.String(),
  host: Type.Optional(Type.String({ description: 'where it runs; absent: nobody knows for sure' })),
  policy: Type.String(),
  currency: Type.String(),
  horizonMs: Type.Number(),
  model: Type.Optional(Type.String({ description: 'by which performance is predicted' })),
  gate: Type.Optional(Type.String({ description: 'why it may not move anywhere now' })),
  ranked: Type.Array(RankedHostView),
  refused: Type.Array(RefusedHostView),
  remediation: Type.Optional(
    Type.Array(Type.Object({ remedy: words(REMEDIES), hostId: Type.Optional(Type.String()), reason: Type.String() }), {
      description: 'where no host is suitable',
    }),
  ),
})
export type HostsForView = Static<typeof HostsForView>

const RuleVerdictView = Type.Object({
  rule: Type.String(),
  verdict: Type.Union([Type.Object({ kind: Type.Literal('fits') }), RefusalView]),
  remedy: Type.Optional(Type.String({ description: 'what would have to change' })),
})

const SideView = Type.Object({
  host: Type.String(),
  score: ScoreView,
  behind: Type.Optional(BehindView),
  performance: PerformanceView,
  outlook: Type.Object(
    { mean: Cores, bound: Cores, capacity: Cores, fillLimit: Cores, members: Type.Integer() },
    { description: 'the host with the VM there' },
  ),
})

/** `pair`: one VM and one host. Scores are against staying, which is 0. */
export const PairView = Type.Object({
  ...ANSWER_HEAD,
  vm: Type.String(),
  host: Type.String(),
  policy: Type.String(),
  currency: Type.String(),
  horizonMs: Type.Number(),
  model: Type.Optional(Type.String({ description: 'by which performance is predicted' })),
  sentence: Type.String(),
  isThere: Type.Boolean(),
  isSuitable: Type.Boolean(),
  rank: Type.Optional(Type.Integer()),
  suitableHosts: Type.Integer(),
  rules: Type.Array(RuleVerdictView, { description: 'what each rule says of this host' }),
  gates: Type.Array(RuleVerdictView, { description: 'what keeps the VM from moving anywhere now' }),
  here: Type.Optional(SideView),
  there: SideView,
  best: Type.Optional(SideView),
  migration: Type.Optional(EstimateView),
  worth: Type.Optional(Type.Object({ gain: Money, cost: Money, needed: Money, isEnough: Type.Boolean() })),
})
export type PairView = Static<typeof PairView>
export type SideView = Static<typeof SideView>

/** Of an order, whoever tells of it. */
export const ORDER_FIELDS = {
  id: Type.String(),
  vm: Type.String(),
  from: Type.String(),
  to: Type.String(),
  decidedAt: Instant,
  class: words(MOVE_CLASSES),
  reason: Type.String(),
  state: words(['proposed']),
  gain: Type.Optional(Money),
  cost: Type.Optional(Money),
  confidence: Type.Optional(Share),
  estimate: Type.Optional(EstimateView),
}
const OrderView = Type.Object(ORDER_FIELDS)

const ContentionView = Type.Object({
  stepMs: Type.Number(),
  cumulative: Type.Array(Share, { description: 'probability that it has begun by the end of each step' }),
  medianMs: Type.Optional(Type.Number()),
})

/** `why`: why a VM moved or stayed at the last turn. */
export const WhyView = Type.Object({
  ...ANSWER_HEAD,
  vm: Type.String(),
  turn: Type.Optional(Type.Integer()),
  host: Type.Optional(Type.String()),
  stayed: Type.Optional(words(STAY_REASONS)),
  sentence: Type.String(),
  order: Type.Optional(OrderView),
  gate: Type.Optional(Type.String()),
  held: Type.Array(Type.String()),
  performance: Type.Optional(PerformanceView),
  demand: Type.Object({ mean: Cores, sd: Cores, size: Cores, samples: Type.Integer() }),
  hostDemand: Type.Optional(Type.Object({ mean: Cores, bound: Cores, capacity: Cores, vms: Type.Integer() })),
  timeUntilContention: Type.Optional(ContentionView),
  events: Type.Array(Type.Unknown(), { description: 'what the turn said about the VM or its host' }),
})
export type WhyView = Static<typeof WhyView>

const HostForecastView = Type.Object({
  host: Type.String(),
  vms: Type.Integer(),
  capacity: Cores,
  mean: Cores,
  p50: Cores,
  p95: Cores,
  bound: Cores,
  contention: Share,
})

/** `forecasts`: hosts that carry VMs. */
export const ForecastsView = Type.Object({
  ...ANSWER_HEAD,
  model: Model,
  horizonMs: Type.Number(),
  quantile: Share,
  hosts: Type.Array(HostForecastView),
})

/** `forecastOf`: one VM. */
export const VmForecastView = Type.Object({
  ...ANSWER_HEAD,
  vm: Type.String(),
  model: Type.String({ description: 'by which `ahead` was worked out: the name may change, fields do not' }),
  size: Cores,
  mean: Cores,
  sd: Cores,
  last: Type.Optional(Cores),
  samples: Type.Integer(),
  ahead: Type.Array(Type.Object({ minutes: Type.Integer(), p50: Cores, p95: Cores })),
  recent: Type.Object({
    endAt: Instant,
    windowMs: Type.Number(),
    cpuRefCores: Type.Array(Type.Union([Type.Number(), Type.Null()]), { description: 'oldest first; null: absent' }),
  }),
})
export type VmForecastView = Static<typeof VmForecastView>

/** `contention`: hosts that carry VMs, the likeliest first. */
export const ContentionsView = Type.Object({
  ...ANSWER_HEAD,
  model: Model,
  horizonMs: Type.Number(),
  triggerProbability: Share,
  hosts: Type.Array(
    Type.Object({
      host: Type.String(),
      probability: Share,
      isAlarmed: Type.Boolean(),
      timeUntilContention: ContentionView,
    }),
  ),
})

/** `hostLoads`. */
export const HostLoadsView = Type.Object({
  ...ANSWER_HEAD,
  boundProbability: Share,
  hosts: Type.Array(
    Type.Object({
      host: Type.String(),
      state: words(HOST_STATES),
      doubt: Type.Optional(Type.String({ description: 'why it is not counted on' })),
      reportedAt: Type.Optional(Instant),
      vms: Type.Integer(),
      capacity: Type.Object({ cpuRefCores: Cores, memoryBytes: Bytes }),
      current: Type.Object({
        cpuRefCoresMean: Type.Optional(Cores),
        cpuRefCoresMax: Type.Optional(Cores),
        memoryUsedBytes: Type.Optional(Bytes),
        watts: Type.Optional(Type.Number()),
        wattsAreEstimated: Type.Boolean(),
      }),
      predicted: Type.Object({
        cpuRefCoresMean: Cores,
        cpuRefCoresBound: Cores,
        contention: Type.Optional(Share),
      }),
      allocated: Type.Object({ cpuRefCores: Cores, memoryBytes: Bytes }),
      inFlight: Type.Object({ arriving: Type.Integer(), leaving: Type.Integer() }),
    }),
  ),
})
export type HostLoadsView = Static<typeof HostLoadsView>

export const AlertView = Type.Object({
  kind: words(ALERT_KINDS),
  severity: words(SEVERITIES),
  about: Type.Optional(Type.String()),
  since: Instant,
  what: Type.String(),
  remedy: Type.String(),
})

/** `alerts`: those that stand, the worst first. */
export const AlertsView = Type.Object({ ...ANSWER_HEAD, alerts: Type.Array(AlertView) })

/** `place`: one entry for each VM asked about, in the order of the question. */
export const PlacementsView = Type.Object({
  ...ANSWER_HEAD,
  policy: Type.String(),
  currency: Type.String(),
  horizonMs: Type.Number(),
  isComplete: Type.Boolean({ description: 'each has a host' }),
  placements: Type.Array(
    Type.Object({
      vm: Type.Object({ id: Type.String(), vcpus: Type.Integer(), memoryBytes: Bytes }),
      demand: Type.Object({ basis: Type.String(), mean: Cores, p95: Cores, reason: Type.String() }),
      step: Type.Integer({ description: 'those with a lower number were on their hosts when it was ranked' }),
      host: Type.Optional(Type.String({ description: 'absent: no host can take it' })),
      suitableHosts: Type.Integer({ description: 'how many can take it' }),
      refusals: Type.Record(Type.String(), Type.Integer(), { description: 'how many hosts lack what' }),
      ranked: Type.Array(RankedHostView, {
        description: 'the best; of a group on many hosts not all: 10,000 pairs in all, 5 hosts for each VM at least',
      }),
      refused: Type.Array(RefusedHostView, { description: 'the same number at most' }),
      remediation: Type.Optional(
        Type.Array(
          Type.Object({ remedy: words(REMEDIES), hostId: Type.Optional(Type.String()), reason: Type.String() }),
        ),
      ),
    }),
  ),
})
export type AlertsView = Static<typeof AlertsView>
