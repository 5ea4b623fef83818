/** Backtests as jobs: started and deleted by operators, read by everybody. */
import { AZURE_FULL_DAYS, AZURE_VM_COUNT_DEFAULT, AZURE_VM_COUNT_MAX } from '../../../drivers/traces/azure.ts'
import { SLOT_MS, slotOf } from '../../../terms/usage.ts'
import { POLICIES_DEFAULT, POLICY_NAMES } from '../../backtest/policy-names.ts'
import { jobOf, KEPT_MAX, oldestKept, VM_STEPS_MAX } from '../backtests/job.ts'
import {
  BACKTEST_LOADS_QUERY,
  BACKTEST_POLICIES_MAX,
  BacktestBody,
  BacktestLoadsView,
  type BacktestSourcesView as Sources,
  BacktestSourcesView,
  BacktestsView,
  BacktestSummary,
  BacktestView,
} from '../views/backtests.ts'
import { DoneView } from '../views/moves.ts'
import type { ApiParts } from './parts.ts'
import { conflict, invalid, JSON_TYPE, type Reply, UNKNOWN, value } from './reply.ts'
import { type Route, route } from './route.ts'

const TAG = 'backtests'
const COMPARED = 2

export function backtestRoutes(parts: ApiParts): readonly Route[] {
  return [...lookRoutes(parts), ...askRoutes(parts)]
}

function lookRoutes({ backtests, clock }: ApiParts): readonly Route[] {
  const base = { method: 'GET', access: 'viewer', tag: TAG } as const
  return [
    route({
      ...base,
      path: '/v1/backtests',
      summary: `The last ${KEPT_MAX} backtests, newest first, without their results.`,
      answer: BacktestsView,
      handle: async () => value({ backtests: await backtests.list() }),
    }),
    route({
      ...base,
      path: '/v1/backtests/sources',
      summary: 'What may be asked: where demand may come from, fleets, policies, bounds.',
      answer: BacktestSourcesView,
      handle: () => value(sourcesAt(clock.now())),
    }),
    route({
      ...base,
      path: '/v1/backtests/:id',
      summary: 'One backtest: how far it is; once it is done, its scoreboard and the course of each policy.',
      answer: BacktestView,
      handle: async ({ id }): Promise<Reply> => {
        const summary = await backtests.find(id)
        if (summary === undefined) return UNKNOWN
        const kept = summary.state === 'done' ? await backtests.folder.read(summary.id, 'run.json') : undefined
        if (kept === undefined) return value(summary)
        // Two objects as texts become one: results are not read here to be written again.
        const text = `${JSON.stringify(summary).slice(0, -1)},${kept.slice(1)}`
        return { kind: 'text', text, type: JSON_TYPE }
      },
    }),
    route({
      ...base,
      path: '/v1/backtests/:id/loads',
      summary: 'Demand of each host under two of the policies, side by side.',
      query: BACKTEST_LOADS_QUERY,
      answer: BacktestLoadsView,
      handle: async ({ id, query }): Promise<Reply> => {
        const summary = await backtests.find(id)
        if (summary?.state !== 'done') return UNKNOWN
        const kept = await backtests.folder.read(summary.id, 'loads.json')
        if (kept === undefined) return UNKNOWN
        const wanted = query.policies?.split(',') ?? summary.policies.slice(0, COMPARED)
        const unknown = wanted.find((policy) => !summary.policies.includes(policy))
        if (unknown !== undefined || wanted.length > COMPARED)
          return invalid(`policies is ${wanted.join(',')}.`, `Expected two of: ${summary.policies.join(', ')}.`)
        const loads = await Promise.all(
          wanted.map((policy) => backtests.folder.read(summary.id, `loads-${policy}.json`)),
        )
        const policies = loads.filter((text) => text !== undefined).join(',')
        const text = `{"id":${JSON.stringify(summary.id)},${kept.slice(1, -1)},"policies":[${policies}]}`
        return { kind: 'text', text, type: JSON_TYPE }
      },
    }),
  ]
}

function askRoutes({ backtests, clock, store }: ApiParts): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/backtests',
      access: 'operator',
      tag: TAG,
      summary: 'Begins a backtest in a process of its own, of low priority. One runs at a time.',
      body: BacktestBody,
      answer: BacktestSummary,
      status: 201,
      handle: async ({ body, caller }) => {
        const job = jobOf(body, clock.now())
        if (typeof job === 'string') return invalid(job, 'GET /v1/backtests/sources says what may be asked.')
        const { kind, summary } = await backtests.start(job, caller.name)
        if (kind === 'busy') {
          const remedy = 'Wait for it, or end it: DELETE /v1/backtests/{id}.'
          return conflict(`Backtest ${summary.id} runs, and one runs at a time.`, remedy, summary)
        }
        const about = { at: clock.now(), about: summary.id, from: caller.name }
        await store.audit.add({
          ...about,
          what: 'backtest started',
          reason: `${job.source}: ${job.policies.join(', ')}`,
        })
        return value(summary, { status: 201 })
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/backtests/:id',
      access: 'operator',
      tag: TAG,
      summary: 'Ends a backtest that runs, which stays on the list as cancelled; deletes one that is over.',
      answer: DoneView,
      handle: async ({ id, caller }) => {
        const result = await backtests.remove(id, caller.name)
        if (result === undefined) return UNKNOWN
        const about = { at: clock.now(), about: id, from: caller.name }
        await store.audit.add({ ...about, what: `backtest ${result}`, reason: 'asked for' })
        return value({ text: result === 'deleted' ? 'It is deleted.' : 'It is cancelled.' })
      },
    }),
  ]
}

function sourcesAt(now: number): Sources {
  const days = Array.from({ length: AZURE_FULL_DAYS }, (_, day) => day)
  const azure = { days, vms: AZURE_VM_COUNT_MAX, vmsDefault: AZURE_VM_COUNT_DEFAULT }
  return {
    sources: [
      {
        source: 'own',
        description: 'What the VMs of this site used, as the server keeps it; by default the last day.',
        from: oldestKept(now),
        to: slotOf(now),
      },
      { source: 'azure', description: 'Azure VMs of 2017: the mean CPU of each five minutes.', ...azure },
      { source: 'azure-max', description: 'The same VMs: the highest CPU within each five minutes.', ...azure },
    ],
    fleets: [
      { fleet: 'own', description: 'The hosts of this site as they are registered.' },
      { fleet: 'virtualisation-2022-1tb', description: 'Hosts of 2021 and 2022 with 1 TB of memory.', hosts: 30 },
      { fleet: 'virtualisation-2022', description: 'Hosts of 2021 and 2022 as they were measured.', hosts: 22 },
      { fleet: 'generations-2013-2021', description: 'Five generations of hosts side by side.', hosts: 16 },
    ],
    policies: POLICY_NAMES.map((policy) => ({
      policy,
      isDefault: POLICIES_DEFAULT.some((one) => one === policy),
    })),
    policiesMax: BACKTEST_POLICIES_MAX,
    vmStepsMax: VM_STEPS_MAX,
    stepMs: SLOT_MS,
    kept: KEPT_MAX,
  }
}
