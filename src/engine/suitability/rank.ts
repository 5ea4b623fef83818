/** The seed's `GetSuitableHosts` and `SelectBestHost`: every host of the cluster, ranked or refused, each with its reason. */
import type { Lack, RankedHost, Ranking, RefusedHost, Remediation } from '../../terms/ranking.ts'
import { type TurnContext, vmAt } from '../context.ts'
import { cpuShortBy, firstLack, refuse } from './rules.ts'
import { calculateMigrationScore, estimateMove, predictPerformance } from './score.ts'

/** All hosts for one VM, best first. Looks at every host: for answers to people, and for the VM that planning could not place. */
export function getSuitableHosts(context: TurnContext, vm: number): Ranking {
  const ranked: RankedHost[] = []
  const refused: RefusedHost[] = []
  context.observation.inventory.hosts.forEach((host, h) => {
    const lacking = lackOf(context, vm, h)
    if (lacking !== undefined) refused.push({ hostId: host.id, verdict: refuse(context, vm, h, lacking) })
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

/** The first rule that refuses `host`, the demand bound included. */
export function lackOf(context: TurnContext, vm: number, host: number): Lack | undefined {
  const lacking = firstLack(context, vm, host)
  if (lacking !== undefined) return lacking
  if (!estimateMove(context, vm, host).converges) return 'does-not-converge'
  if (cpuShortBy(context, vm, host) > 0) return 'cpu'
  return undefined
}

/** How often each rule said no. */
export function countRefusals(ranking: Ranking): Partial<Record<Lack, number>> {
  const counts: Partial<Record<Lack, number>> = {}
  for (const { verdict } of ranking.refused) counts[verdict.lacking] = (counts[verdict.lacking] ?? 0) + 1
  return counts
}

/** What could be done where no host is suitable, likeliest help first. Never empty. */
export function remediate(context: TurnContext, vm: number, ranking: Ranking): readonly Remediation[] {
  const { hosts, hostStates } = context.observation.inventory
  const remedies: Remediation[] = []
  const resting = hosts.findIndex((_, h) => hostStates[h] === 'maintenance')
  if (resting >= 0) {
    remedies.push({
      remedy: 'power-host-on',
      hostId: hosts[resting].id,
      reason: `${hosts[resting].id} is in maintenance; bringing it back adds ${context.fleet.capacity[resting].toFixed(1)} cores.`,
    })
  }
  const counts = countRefusals(ranking)
  const size = context.levels.size[vm]
  if (
    (counts.cpu ?? 0) > 0 &&
    !context.fleet.capacity.some((capacity) => capacity * context.policy.contention.lowFraction >= size)
  ) {
    remedies.push({
      remedy: 'scale-vm',
      reason: `At ${size.toFixed(1)} cores it is larger than any host may be filled to; a smaller VM, or several, would fit.`,
    })
  }
  const barred = (counts['anti-affinity'] ?? 0) + (counts['no-return'] ?? 0) + (counts.concurrency ?? 0)
  if (barred > 0) {
    remedies.push({
      remedy: 'relax-rule',
      reason: `${barred} hosts are refused by rules, not by lack of room; the record names them.`,
    })
  }
  remedies.push({
    remedy: 'ask-operator',
    reason: `All ${ranking.refused.length} hosts were refused; the cluster may need another host.`,
  })
  return remedies
}
