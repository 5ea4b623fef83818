/** Which budgets of the hour a start has to pass. Each class has its own: evacuation, what people order, and the policy's, of which what is for energy may
 *  take a part. */
import type { MoveClass } from '../../terms/move.ts'
import type { HostId } from '../../terms/ids.ts'
import { type EpochMs, HOUR_MS } from '../../terms/units.ts'
import { clusterHourMax, energyPartMax } from '../suitability/budgets.ts'
import type { MoveLimits, MoveSite, PastStart, StartFacts } from './start-guards.ts'

export interface HourBudget {
  /** What is counted, in words. */
  readonly what: string
  /** Starts of the last hour that count. */
  readonly recent: readonly PastStart[]
  readonly hostMost: number
  readonly clusterMost: number
}

/** All of them have to have something left. */
export function hourBudgets({ intent, starts, now, limits, site }: StartFacts): readonly HourBudget[] {
  const recent = starts.filter(({ at }) => now - at < HOUR_MS)
  const of = (...classes: readonly MoveClass[]): readonly PastStart[] =>
    recent.filter((start) => classes.includes(start.class))
  const { hostPerHour: hostMost, clusterPerHour } = limits
  if (intent.order.class === 'evacuation')
    return [
      {
        what: 'moves off emptied hosts',
        recent: of('evacuation'),
        hostMost: limits.evacuationHostPerHour,
        clusterMost: limits.evacuationClusterPerHour,
      },
    ]
  if (intent.order.class === 'operator')
    return [{ what: 'moves that people ordered', recent: of('operator'), hostMost, clusterMost: clusterPerHour }]
  const clusterMost = policyHourMax(limits, site)
  const all = { what: 'moves of the policy', recent: of('contention', 'energy'), hostMost, clusterMost }
  if (intent.order.class === 'contention') return [withOneFor(of('contention'), all)]
  const energyMost = energyPartMax(limits.energyClusterPerHour, clusterMost)
  const energy = { what: 'moves for energy', recent: of('energy'), hostMost: limits.energyHostPerHour }
  return [all, { ...energy, clusterMost: energyMost }]
}

/** As the plan counts it, where the cluster's VMs and their share are known. */
function policyHourMax({ clusterPerHour }: MoveLimits, { vms, hourShareMax }: MoveSite = {}): number {
  if (vms === undefined || hourShareMax === undefined) return clusterPerHour
  return clusterHourMax({ movesPerClusterHourMax: clusterPerHour, movesShareHourMax: hourShareMax }, vms)
}

/** Where the hour holds a single move, one for energy does not take it from a host that suffers. */
function withOneFor(contention: readonly PastStart[], all: HourBudget): HourBudget {
  return contention.length === 0 && all.clusterMost === 1 && all.recent.length === 1 ? { ...all, recent: [] } : all
}

/** A budget of the hour as it stands, for people. */
export interface BudgetNow {
  readonly what: string
  readonly classes: readonly MoveClass[]
  readonly used: number
  /** In the cluster. */
  readonly most: number
  /** When the oldest start counts no more. Absent: none counts. */
  readonly freesAt?: EpochMs
  readonly perHostMost: number
  /** Hosts that took part in any, the busiest first. */
  readonly hosts: readonly { readonly host: HostId; readonly used: number }[]
}

/** All budgets by which a start is judged. */
export function budgetsNow(facts: Pick<StartFacts, 'starts' | 'now' | 'limits' | 'site'>): readonly BudgetNow[] {
  const { starts, now, limits, site } = facts
  const policyMost = policyHourMax(limits, site)
  const budgets: readonly Pick<BudgetNow, 'what' | 'classes' | 'most' | 'perHostMost'>[] = [
    {
      what: 'moves of the policy',
      classes: ['contention', 'energy'],
      most: policyMost,
      perHostMost: limits.hostPerHour,
    },
    {
      what: 'of these, for energy',
      classes: ['energy'],
      most: energyPartMax(limits.energyClusterPerHour, policyMost),
      perHostMost: limits.energyHostPerHour,
    },
    {
      what: 'moves that people ordered',
      classes: ['operator'],
      most: limits.clusterPerHour,
      perHostMost: limits.hostPerHour,
    },
    {
      what: 'moves off emptied hosts',
      classes: ['evacuation'],
      most: limits.evacuationClusterPerHour,
      perHostMost: limits.evacuationHostPerHour,
    },
  ]
  return budgets.map((budget) => {
    const recent = starts.filter((start) => now - start.at < HOUR_MS && budget.classes.includes(start.class))
    const oldest = recent.reduce((least, { at }) => Math.min(least, at), Infinity)
    const ends = recent.flatMap(({ from, to }) => [from, to])
    const hosts = [...Map.groupBy(ends, (host) => host)].map(([host, { length: used }]) => ({ host, used }))
    hosts.sort((a, b) => b.used - a.used || (a.host < b.host ? -1 : 1))
    const frees = recent.length === 0 ? {} : { freesAt: oldest + HOUR_MS }
    return { ...budget, used: recent.length, ...frees, hosts }
  })
}
