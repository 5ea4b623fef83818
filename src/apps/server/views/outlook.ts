/** All hosts at once over time: what was, and what is ahead. Columns of few digits: a thousand hosts are drawn from one answer. */
import { type Static, Type } from 'typebox'
import { HOST_STATES } from '../../../terms/cluster.ts'
import { HOUR_MS } from '../../../terms/units.ts'
import { AskedInstant, Instant, Name } from './common.ts'
import { ANSWER_HEAD } from './judgement.ts'

/** Most hosts times steps of one answer: a thousand hosts over a day, in steps of 5 minutes. */
export const CELLS_MAX = 300_000

const Column = Type.Array(Type.Union([Type.Number(), Type.Null()]), {
  description: 'shares to three places, one a step; null where nobody measured',
})
const Cores = Type.Number({ description: 'reference cores' })
const Bytes = Type.Number({ description: 'bytes' })
const ShareOf = (what: string) => Type.Number({ minimum: 0, description: `share of its ${what}` })

/** Most hosts times slots of 5 minutes that are read for one answer: a thousand hosts over a week. */
export const SLOTS_READ_MAX = 2_100_000
/** What is shown where nobody says. */
export const PAST_MS = 6 * HOUR_MS

export const LOAD_HISTORY_QUERY = {
  host: Type.Optional(Name),
  isMaxShown: Type.Optional(Type.Boolean({ description: 'the highest of each step as well' })),
  from: Type.Optional(AskedInstant),
  to: Type.Optional(AskedInstant),
  stepMs: Type.Optional(
    Type.Integer({
      minimum: 300_000,
      maximum: 86_400_000,
      description:
        'length of a step, rounded up to whole slots of 5 minutes; default: 5 minutes, or as long as hosts times steps ask for',
    }),
  ),
} as const

const HostPastView = Type.Object({
  host: Type.String(),
  capacity: Type.Object({ cpuRefCores: Type.Optional(Cores), memoryBytes: Type.Optional(Bytes) }),
  lacking: Type.Optional(
    Type.String({ description: 'why there are no columns: shares need a capacity, and nobody told that' }),
  ),
  cpuFrom: Type.Enum(['host', 'vms'], {
    description: 'host: it measures itself; vms: it does not, and what its VMs used is added up',
  }),
  memoryFrom: Type.Enum(['host', 'vms'], { description: 'the same of memory' }),
  cpu: Type.Optional(Column),
  cpuMax: Type.Optional(Column),
  memory: Type.Optional(Column),
})
export type HostPastView = Static<typeof HostPastView>

/** `GET /v1/loads/history`: what hosts used of what they have. */
export const LoadHistoryView = Type.Object({
  asOf: Instant,
  from: Type.Number({ description: 'begin of the first step, ms since 1970' }),
  stepMs: Type.Integer(),
  steps: Type.Integer(),
  hosts: Type.Array(HostPastView, { description: 'by name' }),
})
export type LoadHistoryView = Static<typeof LoadHistoryView>

const Ahead = Type.Array(Type.Number({ minimum: 0, description: 'share of its CPU, to three places' }), {
  description: 'demand by step, as a share of its CPU; above 1: more than it has',
})

const HostOutlookView = Type.Object({
  host: Type.String(),
  state: Type.Enum(HOST_STATES),
  doubt: Type.Optional(Type.String({ description: 'why it is not counted on' })),
  vms: Type.Integer(),
  capacity: Type.Object({ cpuRefCores: Cores, memoryBytes: Bytes }),
  now: Type.Object(
    {
      reportedAt: Type.Optional(Instant),
      cpu: Type.Optional(ShareOf('CPU')),
      memory: Type.Optional(ShareOf('memory')),
    },
    { description: 'in use by its newest report' },
  ),
  allocated: Type.Object(
    { cpu: ShareOf('CPU'), memory: ShareOf('memory') },
    { description: 'what its VMs may want by their size; above 1: more than it has' },
  ),
  inFlight: Type.Object({ arriving: Type.Integer(), leaving: Type.Integer() }, { description: 'migrations under way' }),
  ordered: Type.Object(
    { arriving: Type.Integer(), leaving: Type.Integer() },
    { description: 'moves that the last turn decided on' },
  ),
  demand: Type.Optional(
    Type.Object(
      { p10: Ahead, p50: Ahead, p90: Ahead },
      { description: 'absent: it carries no VMs, or nobody measured yet' },
    ),
  ),
  contention: Type.Optional(
    Type.Object(
      {
        probability: Type.Number({ minimum: 0, maximum: 1, description: 'within the horizon' }),
        isAlarmed: Type.Boolean({ description: 'it is acted on' }),
        medianMs: Type.Optional(Type.Number({ description: 'as likely as not by then, from `asOf`' })),
        cumulative: Type.Array(Type.Number({ minimum: 0, maximum: 1 }), {
          description: 'probability that it has begun by the end of each step, up to the horizon',
        }),
      },
      { description: 'absent: it carries no VMs' },
    ),
  ),
})
export type HostOutlookView = Static<typeof HostOutlookView>

/** `outlook`: every host, now and next. */
export const OutlookView = Type.Object({
  ...ANSWER_HEAD,
  models: Type.Object(
    { demand: Type.String(), contention: Type.String() },
    { description: 'by which the numbers ahead were worked out: names may change, fields do not' },
  ),
  stepMs: Type.Number(),
  steps: Type.Integer({ description: 'of `demand`' }),
  horizonMs: Type.Number({ description: 'how far ahead contention is looked for' }),
  highFraction: Type.Number({ description: 'demand above this share of the CPU is contention' }),
  triggerProbability: Type.Number({ minimum: 0, maximum: 1, description: 'contention that is likelier is acted on' }),
  hosts: Type.Array(HostOutlookView, { description: 'by name' }),
})
export type OutlookView = Static<typeof OutlookView>
