/** The seed's `GetSuitableHosts` and `SelectBestHost`: every host of the cluster, ranked or refused, each with its reason. */
import type { Lack, RankedHost, Ranking, RefusedHost, Remediation } from '../../terms/ranking.ts'
import { type TurnContext, vmAt } from '../context.ts'
import { firstBroken, refuse } from './rules.ts'
import { calculateMigrationScore, predictPerformance } from './score.ts'

/** All hosts for one VM, best first. Looks at every host: for answers to people, and for the VM that planning could not place. */
export function getSuitableHosts(context: TurnContext, vm: number): Ranking {
  const ranked: RankedHost[] = []
  const refused: RefusedHost[] = []
  context.observation.inventory.hosts.forEach((host, h) => {
    const broken = firstBroken(context, vm, h)
    if (broken !== undefined) refused.push({ hostId: host.id, verdict: refuse(context, broken, vm, h) })
    else
      ranked.push({
        hostId: host.id,
        score: calculateMigrationScore(context, vm, h),
        performance: predictPerformance(context, vm, h),
      })
  })
  ranked.sort((a, b) => b.score.total - a.score.total || (a.hostId < b.hostId ? -1 : 1))
  return { vmId: vmAt(context, vm).id, ranked, refused }
}

/** The best of a ranking, or undefined where no host is suitable. */
export function selectBestHost(ranking: Ranking): RankedHost | undefined {
  return ranking.ranked[0]
}

/** What could be done where no host is suitable, likeliest help first. Never empty. */
export function remediate(
  context: TurnContext,
  vm: number,
  refusals: Readonly<Partial<Record<Lack, number>>>,
): readonly Remediation[] {
  const remedies = [returnHost(context), scaleVm(context, vm, refusals), relaxRule(refusals)]
  const refused = Object.values(refusals).reduce((sum, count) => sum + count, 0)
  const reason =
    refused > 0
      ? `All ${refused} hosts were refused; the cluster may need another host.`
      : 'None of the hosts asked in this turn could take it, and not all were asked; a later turn asks again.'
  return [...remedies.filter((remedy) => remedy !== undefined), { remedy: 'ask-operator', reason }]
}

function returnHost(context: TurnContext): Remediation | undefined {
  const { hosts, hostStates } = context.observation.inventory
  const resting = hostStates.indexOf('maintenance')
  if (resting < 0) return undefined
  const hostId = hosts[resting].id
  const added = context.fleet.capacity[resting].toFixed(1)
  return {
    remedy: 'power-host-on',
    hostId,
    reason: `${hostId} is in maintenance; bringing it back adds ${added} cores.`,
  }
}

function scaleVm(context: TurnContext, vm: number, refusals: Partial<Record<Lack, number>>): Remediation | undefined {
  const size = context.levels.size[vm]
  const holds = (capacity: number): boolean => capacity * context.policy.contention.lowFraction >= size
  if ((refusals.cpu ?? 0) === 0 || context.fleet.capacity.some(holds)) return undefined
  const reason = `At ${size.toFixed(1)} cores it is larger than any host may be filled to; a smaller VM, or several, would fit.`
  return { remedy: 'scale-vm', reason }
}

function relaxRule(refusals: Partial<Record<Lack, number>>): Remediation | undefined {
  const barred = (refusals['anti-affinity'] ?? 0) + (refusals['no-return'] ?? 0) + (refusals.concurrency ?? 0)
  if (barred === 0) return undefined
  const reason = `${barred} hosts are refused by rules, not by lack of room; the record names them.`
  return { remedy: 'relax-rule', reason }
}
