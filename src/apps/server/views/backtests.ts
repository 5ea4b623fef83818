/** Backtests as jobs: what may be asked, how far one is, and what came of it. */
import { type Static, Type } from 'typebox'
import { POLICY_NAMES } from '../../backtest/policy-names.ts'
import { AskedInstant, Instant } from './common.ts'

const Share = Type.Number({ minimum: 0, maximum: 1 })

/** Where demand may come from: the site's own past, or a trace that ships. Never a path. */
export const BACKTEST_SOURCES = ['own', 'azure', 'azure-max'] as const
export type BacktestSource = (typeof BACKTEST_SOURCES)[number]
/** Fleets that ship; `own`: the hosts of the site as they are registered. */
export const BACKTEST_FLEETS = [
  'own',
  'virtualisation-2022-1tb',
  'virtualisation-2022',
  'generations-2013-2021',
] as const
export const BACKTEST_STATES = ['running', 'done', 'failed', 'cancelled', 'interrupted'] as const
export type BacktestState = (typeof BACKTEST_STATES)[number]
export const BACKTEST_POLICIES_MAX = 6

const PolicyWord = Type.Enum(POLICY_NAMES)

export const BacktestBody = Type.Object(
  {
    source: Type.Enum(BACKTEST_SOURCES),
    day: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 1000, description: 'of a trace that has several; absent: the default' }),
    ),
    from: Type.Optional(AskedInstant),
    to: Type.Optional(AskedInstant),
    policies: Type.Optional(
      Type.Array(PolicyWord, {
        minItems: 1,
        maxItems: BACKTEST_POLICIES_MAX,
        uniqueItems: true,
        description: 'whom to compare; absent: those of `ethos backtest`',
      }),
    ),
    fleet: Type.Optional(Type.Enum(BACKTEST_FLEETS)),
    vms: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
    hosts: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    seed: Type.Optional(Type.Integer({ minimum: 0, maximum: 0xffffffff, default: 1 })),
  },
  {
    additionalProperties: false,
    description: '`from` and `to` go with source `own` alone: absent, the last day; `day` and `vms` with a trace',
  },
)
export type BacktestBody = Static<typeof BacktestBody>

export const BacktestSourcesView = Type.Object({
  sources: Type.Array(
    Type.Object({
      source: Type.Enum(BACKTEST_SOURCES),
      description: Type.String(),
      from: Type.Optional(Type.Number({ description: 'of source `own`: what is older is not kept' })),
      to: Type.Optional(Instant),
      days: Type.Optional(Type.Array(Type.Integer())),
      vms: Type.Optional(Type.Integer({ description: 'VMs that there are' })),
      vmsDefault: Type.Optional(Type.Integer()),
    }),
  ),
  fleets: Type.Array(
    Type.Object({
      fleet: Type.Enum(BACKTEST_FLEETS),
      description: Type.String(),
      hosts: Type.Optional(Type.Integer()),
    }),
  ),
  policies: Type.Array(Type.Object({ policy: PolicyWord, isDefault: Type.Boolean() })),
  policiesMax: Type.Integer(),
  vmStepsMax: Type.Integer({ description: 'VMs times steps of five minutes that one backtest may have' }),
  stepMs: Type.Number(),
  kept: Type.Integer({ description: 'so many of the last are kept' }),
})
export type BacktestSourcesView = Static<typeof BacktestSourcesView>

/** A line of the scoreboard, as `ethos backtest --json` writes it: docs/backtest.md. */
export const BacktestRow = Type.Object({
  policy: Type.String(),
  energyKwh: Type.Number(),
  overloadTimeFraction: Share,
  unservedFraction: Share,
  migrationDegradationFraction: Type.Number(),
  migrations: Type.Integer(),
  migrationsPerVmDay: Type.Number(),
  copiedBytes: Type.Number(),
  hostsOnMean: Type.Number(),
  cpuSeconds: Type.Number(),
  cloudsimSlatahFraction: Type.Optional(Type.Number()),
  account: Type.Optional(Type.Literal('cloudsim')),
})
export type BacktestRow = Static<typeof BacktestRow>

const Column = Type.Array(Type.Union([Type.Number(), Type.Null()]))

/** One policy's course, a number for each step of the series. */
export const BacktestCourse = Type.Object({
  policy: Type.String(),
  overloadShare: Type.Array(Type.Number(), { description: 'hosts with demand above capacity over hosts with demand' }),
  watts: Type.Array(Type.Number(), { description: 'mean over the step' }),
  moves: Type.Array(Type.Number(), { description: 'migrations that were ordered in it' }),
  unserved: Type.Array(Type.Number(), { description: 'demand above capacity, mean over the step, in reference cores' }),
})
export type BacktestCourse = Static<typeof BacktestCourse>

const SUMMARY = {
  id: Type.String(),
  state: Type.Enum(BACKTEST_STATES, { description: '`interrupted`: the server ended while it ran' }),
  reason: Type.Optional(Type.String({ description: 'why there is no result, and what helps' })),
  progress: Type.Object({ share: Share, policy: Type.Optional(Type.String({ description: 'that runs now' })) }),
  who: Type.String(),
  startedAt: Instant,
  endedAt: Type.Optional(Instant),
  source: Type.Enum(BACKTEST_SOURCES),
  day: Type.Optional(Type.Integer()),
  from: Type.Optional(Instant),
  to: Type.Optional(Instant),
  policies: Type.Array(Type.String()),
  fleet: Type.Enum(BACKTEST_FLEETS),
  seed: Type.Integer(),
}
export const BacktestSummary = Type.Object(SUMMARY)
export type BacktestSummary = Static<typeof BacktestSummary>

/** What was run, as `ethos backtest --json` says it. */
const RUN = {
  trace: Type.String(),
  rules: Type.String(),
  fleet: Type.String(),
  hosts: Type.Integer(),
  seed: Type.Integer(),
  steps: Type.Integer(),
  stepMs: Type.Number(),
  vms: Type.Integer(),
  synthetic: Type.Array(Type.String(), { description: 'generated and not measured' }),
  notes: Type.Array(Type.String()),
  results: Type.Array(BacktestRow),
}
export const BacktestRunView = Type.Object(RUN)
export type BacktestRunView = Static<typeof BacktestRunView>

export const BacktestView = Type.Object({
  ...SUMMARY,
  run: Type.Optional(BacktestRunView),
  series: Type.Optional(
    Type.Object({
      firstAt: Type.Optional(
        Type.Number({ description: 'of source `own`; otherwise steps count from the first sample' }),
      ),
      stepMs: Type.Number({
        description: 'of the series: longer than the run’s where it has more steps than are told',
      }),
      courses: Type.Array(BacktestCourse),
    }),
  ),
})
export type BacktestView = Static<typeof BacktestView>

export const BacktestsView = Type.Object({ backtests: Type.Array(BacktestSummary, { description: 'newest first' }) })
export type BacktestsView = Static<typeof BacktestsView>

export const BACKTEST_LOADS_QUERY = {
  policies: Type.Optional(
    Type.String({ maxLength: 100, description: 'two of them, with a comma between; absent: the first two' }),
  ),
} as const

/** Two futures, host by host. */
export const BacktestLoadsView = Type.Object({
  id: Type.String(),
  stepMs: Type.Number(),
  firstAt: Type.Optional(Instant),
  hosts: Type.Array(Type.String()),
  hostsLeftOut: Type.Integer({ description: 'hosts that are not told: those with the least demand' }),
  capacity: Type.Array(Type.Number(), { description: 'in reference cores, parallel to `hosts`' }),
  policies: Type.Array(
    Type.Object({
      policy: Type.String(),
      demand: Type.Array(Column, {
        description: 'of each host, a column of reference cores by step, the highest within it; null: it carried no VM',
      }),
    }),
  ),
})
export type BacktestLoadsView = Static<typeof BacktestLoadsView>
