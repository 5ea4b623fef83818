import { type Static, Type } from 'typebox'
import { RESOURCES } from '../../../terms/sample.ts'
import { AskedInstant, Instant, Name, Next, PAGE_QUERY } from './common.ts'

export const VM_STATES = ['good', 'silent', 'quarantined', 'banned', 'seen'] as const

/** One VM. What is not known is left out. */
export const VmView = Type.Object({
  vm: Type.String(),
  state: Type.Enum(VM_STATES, {
    description:
      'good: heard; silent: has joined, and no vector is there; seen: a host told of it, and it never spoke; quarantined; banned',
  }),
  host: Type.Optional(Type.String({ description: 'where it runs, as that host says' })),
  runs: Type.Optional(Type.Enum(['running', 'paused', 'incoming'])),
  vcpus: Type.Optional(Type.Integer()),
  memoryBytes: Type.Optional(Type.Number()),
  isPinned: Type.Optional(Type.Boolean()),
  antiAffinityGroup: Type.Optional(Type.String({ description: 'as its host says; no two VMs of it share a host' })),
  groupMates: Type.Optional(
    Type.Array(Type.String(), {
      description: 'of one VM, not in lists: the others of its group by name, a hundred at most',
    }),
  ),
  groupMatesLeftOut: Type.Optional(Type.Integer({ description: 'so many more than are named' })),
  leavingTo: Type.Optional(Type.String()),
  via: Type.Optional(Type.String({ description: 'https, channel, or the host that relays for it' })),
  joinedAt: Type.Optional(Instant),
  heardAt: Type.Optional(Instant),
  vectorAt: Type.Optional(Type.Number({ description: 'when its newest good vector arrived, ms since 1970' })),
  vectorAgeMs: Type.Optional(Type.Number()),
  isClockOff: Type.Optional(Type.Boolean()),
})
export type VmView = Static<typeof VmView>

/** Most of a group that are named beside one VM. */
export const GROUP_MATES_MAX = 100

export const VmsView = Type.Object({
  asOf: Instant,
  vms: Type.Array(VmView),
  next: Next,
})
export type VmsView = Static<typeof VmsView>

export const VMS_QUERY = {
  ...PAGE_QUERY,
  state: Type.Optional(Type.Enum(VM_STATES)),
  host: Type.Optional(Name),
  name: Type.Optional(Type.String({ maxLength: 64, description: 'part of its name' })),
  vectorAgeMsMin: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 1e12, description: 'newest vector at least so old, or none at all' }),
  ),
} as const

const Dimension = Type.Object({
  name: Type.String(),
  unit: Type.String(),
  source: Type.String(),
  absentMeans: Type.String(),
})

export const VectorView = Type.Object({
  windowEnd: Instant,
  windowMs: Type.Number(),
  arrivedAt: Instant,
  coverage: Type.Number({ description: 'share of the window that was measured' }),
  phases: Type.Integer(),
  sender: Type.String(),
  sequence: Type.Integer(),
  isClockOff: Type.Boolean(),
  values: Type.Record(Type.String(), Type.Number(), { description: 'by dimension; what is absent is left out' }),
})
export type VectorView = Static<typeof VectorView>

export const VectorsView = Type.Object({
  vm: Type.String(),
  schema: Type.Integer(),
  dimensions: Type.Array(Dimension, { description: 'what the values mean, in the order of the schema' }),
  vectors: Type.Array(VectorView, { description: 'oldest first' }),
})
export type VectorsView = Static<typeof VectorsView>

/** Most vectors of one answer: two days of one every 5 minutes. */
export const VECTORS_MAX = 576
export const VECTORS_QUERY = {
  from: Type.Optional(AskedInstant),
  to: Type.Optional(AskedInstant),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: VECTORS_MAX, default: 12, description: 'the newest' })),
} as const

const Column = Type.Array(Type.Union([Type.Number(), Type.Null()]))
const Columns = Type.Object({ unit: Type.String(), mean: Column, max: Column })

export const UsageView = Type.Object({
  vm: Type.String(),
  from: Instant,
  stepMs: Type.Integer(),
  steps: Type.Integer(),
  resources: Type.Partial(Type.Record(Type.Enum(RESOURCES), Columns), {
    description: 'one number a step, null where nobody measured; a resource that was never measured is left out',
  }),
})
export type UsageView = Static<typeof UsageView>

/** Most steps of one answer, and the default. */
export const STEPS_MAX = 10_000
export const STEPS_WISHED = 600
export const USAGE_QUERY = {
  from: Type.Optional(AskedInstant),
  to: Type.Optional(AskedInstant),
  stepMs: Type.Optional(
    Type.Integer({
      minimum: 300_000,
      maximum: 86_400_000,
      description: 'length of a step, rounded up to whole slots of 5 minutes; default: so that there are some 600',
    }),
  ),
} as const
