/** One backtest in a process of its own: started by `BacktestDesk`. It writes what came of it into the folder that it is given, and says so. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { runBacktest } from '../../backtest/backtest.ts'
import { type BacktestRequest, type BacktestSetup, fleetOf, prepareBacktest } from '../../backtest/setup.ts'
import { type JobRefused, runAsJob, type Tell } from '../job-child.ts'
import { type StorePlace, withSite } from '../open-site.ts'
import { type BacktestJob, traceOf } from './job.ts'
import { ownFleet, ownSetup, ownSite, refuseTooMany } from './own-span.ts'
import { keptResults } from './results.ts'

export interface ChildTask {
  readonly job: BacktestJob
  readonly place: StorePlace
  readonly now: number
  /** Where results go. It is there. */
  readonly folder: string
}

export type FromChild =
  | { readonly kind: 'progress'; readonly share: number; readonly policy: string }
  | { readonly kind: 'done' }
  | JobRefused

runAsJob(constants.priority.PRIORITY_BELOW_NORMAL, run)

async function run({ job, place, now, folder }: ChildTask, tell: Tell<FromChild>): Promise<FromChild> {
  const setup = await setupFor(job, place, now)
  refuseTooMany(setup.demand.vms.length, setup.demand.steps)
  const { policies } = job
  const backtest = await runBacktest(setup, {
    policies,
    lives: 'auto',
    keepsDetail: true,
    onStep: (policy, step) =>
      tell(() => {
        const done = policies.indexOf(policy) + (step + 1) / setup.demand.steps
        return { kind: 'progress', share: done / policies.length, policy }
      }),
  })
  const { run: about, series, loads, demand } = keptResults(backtest, job.from)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const write = (name: string, value: object): void =>
    writeFileSync(join(folder, name), JSON.stringify(value), { mode: 0o600 })
  for (const one of demand) write(`loads-${one.policy}.json`, one)
  write('loads.json', loads)
  write('run.json', { run: about, series })
  return { kind: 'done' }
}

async function setupFor(job: BacktestJob, place: StorePlace, now: number): Promise<BacktestSetup> {
  const { source, fleet, from, to, seed } = job
  if (source !== 'own' && fleet !== 'own') return prepareBacktest({ ...requestOf(job), hosts: fleet })
  return withSite(place, async (store) => {
    const site = await ownSite(store, now)
    // With a trace, the hosts of the site take the place of those that it would be given.
    if (from === undefined || to === undefined) return { ...prepareBacktest(requestOf(job)), fleet: ownFleet(site) }
    const setup = await ownSetup(store, site, { from, to, seed })
    return fleet === 'own' ? setup : { ...setup, fleet: fleetOf(fleet, job.hosts) }
  })
}

function requestOf(job: BacktestJob): BacktestRequest {
  const { seed, vms, hosts } = job
  return {
    trace: traceOf(job),
    seed,
    ...(vms === undefined ? {} : { vmCount: vms }),
    ...(hosts === undefined ? {} : { hostCount: hosts }),
  }
}
