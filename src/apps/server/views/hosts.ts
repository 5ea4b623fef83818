import { type Static, type TProperties, Type } from 'typebox'
import { STORAGE_TYPES, WORKLOAD_TYPES } from '../../../terms/host.ts'
import { Instant, Next, PAGE_QUERY } from './common.ts'

/** One host in a list. What is not known is left out. */
const HOST_FIELDS = {
  host: Type.String(),
  isComplete: Type.Boolean({ description: 'enough is known of it to be judged as a place for VMs' }),
  lacking: Type.Optional(Type.String({ description: 'what is missing, and what to do' })),
  model: Type.Optional(Type.String()),
  cpuType: Type.Optional(Type.String()),
  cores: Type.Optional(Type.Integer()),
  refCoresPerCore: Type.Optional(Type.Number()),
  memoryBytes: Type.Optional(Type.Number()),
  storageType: Type.Optional(Type.Enum(STORAGE_TYPES)),
  changedAt: Type.Optional(Instant),
  state: Type.Optional(Type.Enum(['on', 'maintenance'], { description: 'as it says' })),
  reportedAt: Type.Optional(Instant),
  reportAgeMs: Type.Optional(Type.Number()),
  cpuRefCoresMean: Type.Optional(
    Type.Number({ description: 'busy reference cores in the window of its newest report' }),
  ),
  cpuRefCoresMax: Type.Optional(Type.Number()),
  memoryUsedBytes: Type.Optional(Type.Number()),
  watts: Type.Optional(Type.Number()),
  vmCount: Type.Optional(Type.Integer()),
} as const satisfies TProperties

export const HostView = Type.Object(HOST_FIELDS)
export type HostView = Static<typeof HostView>
export const HostsView = Type.Object({ asOf: Instant, hosts: Type.Array(HostView), next: Next })
export type HostsView = Static<typeof HostsView>
export const HOSTS_QUERY = {
  ...PAGE_QUERY,
  state: Type.Optional(Type.Enum(['on', 'maintenance'])),
  name: Type.Optional(Type.String({ maxLength: 64, description: 'part of its name' })),
  isComplete: Type.Optional(Type.Boolean()),
} as const

const Benchmark = Type.Object({
  score: Type.Number({ description: 'more is better' }),
  unit: Type.String(),
  spread: Type.Optional(Type.Number({ description: 'standard deviation over mean' })),
})
const Benchmarks = Type.Partial(Type.Record(Type.Enum(WORKLOAD_TYPES), Benchmark))

/** A host in the words of its platform. What that did not tell is left out. */
const PlatformView = Type.Object(
  {
    host: Type.String(),
    at: Type.Optional(Instant),
    isReached: Type.Boolean({ description: 'it could be asked' }),
    reason: Type.Optional(Type.String({ description: 'why it could not' })),
    hostname: Type.Optional(Type.String()),
    version: Type.Optional(Type.String({ description: 'of libvirt' })),
    hypervisorVersion: Type.Optional(Type.String()),
    architecture: Type.Optional(Type.String()),
    cpuModel: Type.Optional(Type.String({ description: 'of the CPU that a VM may get there' })),
    cpuVendor: Type.Optional(Type.String()),
    cpuFeatures: Type.Optional(Type.Integer({ description: 'how many features that CPU has' })),
    virtualisation: Type.Optional(Type.String()),
    threads: Type.Optional(Type.Integer()),
    memoryBytes: Type.Optional(Type.Number()),
    memoryFreeBytes: Type.Optional(Type.Number({ description: 'free, and what the kernel can give back' })),
    pools: Type.Optional(
      Type.Array(Type.Object({ name: Type.String(), type: Type.String(), source: Type.Optional(Type.String()) })),
    ),
    networks: Type.Optional(Type.Array(Type.String())),
    vms: Type.Optional(Type.Array(Type.String(), { description: 'that run' })),
    untold: Type.Optional(Type.Array(Type.String(), { description: 'what it did not tell, and why' })),
    barredFrom: Type.Optional(
      Type.Array(Type.Object({ to: Type.String(), lacking: Type.String(), reason: Type.String() }), {
        description: 'hosts to which no VM of this one can go; the first twenty',
      }),
    ),
    barredHosts: Type.Optional(Type.Integer({ description: 'how many they are' })),
  },
  { description: 'what its libvirt says of it, asked every five minutes' },
)

export const OneHostView = Type.Object({
  ...HOST_FIELDS,
  characteristics: Type.Optional(
    Type.Object({}, { additionalProperties: true, description: 'what counts: corrections over what was measured' }),
  ),
  corrections: Type.Optional(
    Type.Object({}, { additionalProperties: true, description: 'what an operator says instead' }),
  ),
  vms: Type.Optional(
    Type.Array(Type.Object({ vm: Type.String(), runs: Type.Enum(['running', 'paused', 'incoming']) })),
  ),
  platform: Type.Optional(PlatformView),
})

export type OneHostView = Static<typeof OneHostView>
export const BenchmarksView = Type.Object({
  host: Type.String(),
  benchmarks: Type.Optional(Benchmarks),
  measurement: Type.Optional(Type.Object({}, { additionalProperties: true, description: 'the newest, as it was put' })),
  history: Type.Array(Type.Object({ at: Instant, measurement: Type.Object({}, { additionalProperties: true }) }), {
    description: 'those before, newest first',
  }),
})
export type BenchmarksView = Static<typeof BenchmarksView>
export const BENCHMARKS_QUERY = {
  history: Type.Optional(Type.Integer({ minimum: 0, maximum: 20, default: 0, description: 'how many earlier ones' })),
} as const

/** A document of `ethos bench host`; its fields are judged by the parser of `HostMeasurement`. */
export const MeasurementBody = Type.Object(
  {
    schema: Type.Integer(),
    hostId: Type.String({ minLength: 1, maxLength: 64 }),
    measuredAt: Type.Number({ minimum: 0 }),
    durationMs: Type.Number({ minimum: 0 }),
    suite: Type.Enum(['quick', 'whole']),
    interrupted: Type.Boolean(),
    host: Type.Object({}, { additionalProperties: true }),
    facts: Type.Array(Type.Unknown(), { maxItems: 1000 }),
    runs: Type.Array(Type.Unknown(), { maxItems: 1000 }),
    missing: Type.Array(Type.Unknown(), { maxItems: 500 }),
    power: Type.Unknown(),
    quiet: Type.Unknown(),
  },
  { additionalProperties: false, description: 'what `ethos bench host` wrote' },
)

export const CORRECTIONS_QUERY = {
  isPartial: Type.Optional(Type.Boolean({ description: 'what is left out stays as it was said' })),
} as const

export const CorrectionsBody = Type.Object(
  {
    model: Type.Optional(Type.String({ maxLength: 200 })),
    cpuType: Type.Optional(Type.String({ maxLength: 200 })),
    cpuFlags: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 1000 })),
    cores: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_536 })),
    refCoresPerCore: Type.Optional(Type.Number({ minimum: 1e-6, maximum: 1e6 })),
    memoryBytes: Type.Optional(Type.Number({ minimum: 1 })),
    storageType: Type.Optional(Type.Enum(STORAGE_TYPES)),
    networkBytesPerSec: Type.Optional(Type.Number({ minimum: 1, maximum: 1e15 })),
    powerWatts: Type.Optional(Type.Array(Type.Number({ minimum: 0, maximum: 1e6 }), { minItems: 11, maxItems: 11 })),
    pricePerHour: Type.Optional(Type.Number({ minimum: 0, maximum: 1e6 })),
    benchmarks: Type.Optional(
      Type.Object(Object.fromEntries(WORKLOAD_TYPES.map((type) => [type, Type.Optional(Benchmark)])), {
        additionalProperties: false,
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'all that an operator says instead of what was measured; `{}` takes it back',
  },
)

export const HostChanged = Type.Object({
  host: Type.String(),
  isComplete: Type.Boolean(),
  lacking: Type.Optional(Type.String()),
})
