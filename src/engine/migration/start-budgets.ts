/** Which budgets of the hour a start has to pass. Each class has its own: evacuation, what people order, and the policy's, of which what is for energy may
 *  take a part. */
import type { MoveClass } from '../../terms/move.ts'
import { HOUR_MS } from '../../terms/units.ts'
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
