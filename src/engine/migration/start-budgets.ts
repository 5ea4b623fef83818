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

/** One budget of the hour, whoever uses it. */
interface BudgetKind {
  readonly what: string
  readonly classes: readonly MoveClass[]
  readonly hostMost: number
  readonly clusterMost: number
}

/** All that there are: of the policy's, those for energy are a part. */
function budgetKinds(limits: MoveLimits, site: MoveSite | undefined) {
  const { hostPerHour: hostMost, clusterPerHour } = limits
  const clusterMost = policyHourMax(limits, site)
  return {
    policy: { what: 'moves of the policy', classes: ['contention', 'energy'], hostMost, clusterMost },
    energy: {
      what: 'moves for energy',
      classes: ['energy'],
      hostMost: limits.energyHostPerHour,
      clusterMost: energyPartMax(limits.energyClusterPerHour, clusterMost),
    },
    people: { what: 'moves that people ordered', classes: ['operator'], hostMost, clusterMost: clusterPerHour },
    evacuation: {
      what: 'moves off emptied hosts',
      classes: ['evacuation'],
      hostMost: limits.evacuationHostPerHour,
      clusterMost: limits.evacuationClusterPerHour,
    },
  } as const satisfies Readonly<Record<string, BudgetKind>>
}

function recentOf({ starts, now }: Pick<StartFacts, 'starts' | 'now'>, { classes }: BudgetKind): readonly PastStart[] {
  return starts.filter((start) => now - start.at < HOUR_MS && classes.includes(start.class))
}

/** All of them have to have something left. */
export function hourBudgets(facts: StartFacts): readonly HourBudget[] {
  const { intent, limits, site } = facts
  const { policy, energy, people, evacuation } = budgetKinds(limits, site)
  const budget = (kind: BudgetKind): HourBudget => ({ ...kind, recent: recentOf(facts, kind) })
  if (intent.order.class === 'evacuation') return [budget(evacuation)]
  if (intent.order.class === 'operator') return [budget(people)]
  if (intent.order.class === 'energy') return [budget(policy), budget(energy)]
  const all = budget(policy)
  return [sparesOne(policy, all.recent) ? { ...all, recent: [] } : all]
}

/** Where the hour holds a single move, one for energy does not take it from a host that suffers. */
function sparesOne({ clusterMost }: BudgetKind, recent: readonly PastStart[]): boolean {
  return clusterMost === 1 && recent.length === 1 && recent[0].class === 'energy'
}

/** As the plan counts it, where the cluster's VMs and their share are known. */
function policyHourMax({ clusterPerHour }: MoveLimits, { vms, hourShareMax }: MoveSite = {}): number {
  if (vms === undefined || hourShareMax === undefined) return clusterPerHour
  return clusterHourMax({ movesPerClusterHourMax: clusterPerHour, movesShareHourMax: hourShareMax }, vms)
}

/** A budget of the hour as it stands, for people. */
export interface BudgetNow {
  readonly what: string
  readonly classes: readonly MoveClass[]
  readonly used: number
  /** In the cluster; with the one that is spared for hosts that suffer. */
  readonly most: number
  /** When the oldest start counts no more. Absent: none counts. */
  readonly freesAt?: EpochMs
  readonly perHostMost: number
  /** Hosts that took part in any, the busiest first. */
  readonly hosts: readonly { readonly host: HostId; readonly used: number }[]
}

/** All budgets by which a start is judged. */
export function budgetsNow(facts: Pick<StartFacts, 'starts' | 'now' | 'limits' | 'site'>): readonly BudgetNow[] {
  const { policy, energy, people, evacuation } = budgetKinds(facts.limits, facts.site)
  return [policy, { ...energy, what: 'of these, for energy' }, people, evacuation].map((kind: BudgetKind) => {
    const { what, classes, hostMost, clusterMost } = kind
    const recent = recentOf(facts, kind)
    const oldest = recent.reduce((least, { at }) => Math.min(least, at), Infinity)
    const ends = recent.flatMap(({ from, to }) => [from, to])
    const hosts = [...Map.groupBy(ends, (host) => host)].map(([host, { length: used }]) => ({ host, used }))
    hosts.sort((a, b) => b.used - a.used || (a.host < b.host ? -1 : 1))
    const frees = recent.length === 0 ? {} : { freesAt: oldest + HOUR_MS }
    // A single one that went for energy leaves one more to hosts that suffer.
    const isSpared = kind === policy && clusterMost === 1 && recent.some((start) => start.class === 'energy')
    const most = isSpared ? 2 : clusterMost
    return { what, classes, used: recent.length, most, ...frees, perHostMost: hostMost, hosts }
  })
}
