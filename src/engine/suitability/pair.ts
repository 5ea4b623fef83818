/** One VM and one host: why this one, or why not that one; all that speaks for and against it, not only what is found first. */
import type { HostId, VmId } from '../../terms/ids.ts'
import type { MigrationEstimate } from '../../terms/move.ts'
import type { MigrationScore, Performance, RankedHost, Verdict } from '../../terms/ranking.ts'
import type { EpochMs } from '../../terms/units.ts'
import { type TurnContext, vmAt } from '../context.ts'
import { type Behind, behindBest, type PerformanceBands, performanceBands } from './bands.ts'
import { getSuitableHosts, selectBestHost } from './rank.ts'
import { HOST_RULES, refuse, VM_GATES } from './rules.ts'
import { whatWouldHelp } from './what-would-help.ts'
import { calculateMigrationScore, estimateMove, predictPerformance } from './score.ts'

/** What one rule, or one gate, says. */
export interface RuleVerdict {
  readonly rule: string
  readonly verdict: Verdict
  /** What would have to change for it to agree. Absent: it does agree. */
  readonly remedy?: string
}

/** Demand of a host over the horizon, in reference cores. */
export interface HostOutlook {
  readonly mean: number
  readonly bound: number
  readonly capacity: number
  /** What a target may be filled to. */
  readonly fillLimit: number
  readonly members: number
}

/** The VM's life on one host. */
export interface PairSide {
  readonly hostId: HostId
  /** Against staying, which is 0. */
  readonly score: MigrationScore
  readonly performance: Performance
  readonly bands: PerformanceBands
  /** In what it is behind the best suitable host. Absent: it is that, or none is suitable. */
  readonly behind?: Behind
  /** With the VM there. */
  readonly outlook: HostOutlook
}

export interface PairAnswer {
  readonly vmId: VmId
  readonly hostId: HostId
  readonly at: EpochMs
  /** The VM runs on this host already. */
  readonly isThere: boolean
  /** No rule refuses the host. */
  readonly isSuitable: boolean
  /** Its place among the suitable hosts, 1 is the best, and how many those are. */
  readonly rank?: number
  readonly suitableHosts: number
  readonly rules: readonly RuleVerdict[]
  /** Gates keep the VM from moving anywhere, now. */
  readonly gates: readonly RuleVerdict[]
  readonly here?: PairSide
  readonly there: PairSide
  /** The best suitable host, where that is another one. */
  readonly best?: PairSide
  /** What moving it there takes. Absent: it runs nowhere, or there. */
  readonly migration?: MigrationEstimate
  /** Gain against cost: a move must earn more than it costs and a margin on top. Absent: it runs nowhere, or there. */
  readonly worth?: { readonly gain: number; readonly cost: number; readonly needed: number; readonly isEnough: boolean }
}

/** @param vm and `host`: places in the rosters */
export function explainPair(context: TurnContext, vm: number, host: number): PairAnswer {
  const { hosts } = context.observation.inventory
  const from = context.hostOf[vm]
  const isThere = from === host
  const ranking = getSuitableHosts(context, vm)
  const best = selectBestHost(ranking)
  const rank = ranking.ranked.findIndex(({ hostId }) => hostId === hosts[host].id)
  const rules = HOST_RULES.map((rule): RuleVerdict => {
    if (!(rule.shortBy(context, vm, host) > 0)) return { rule: rule.name, verdict: { kind: 'fits' } }
    const verdict = refuse(context, rule, vm, host)
    return { rule: rule.name, verdict, remedy: whatWouldHelp(context, { vm, host }, rule.name, verdict) }
  })
  const isMove = from >= 0 && !isThere
  return {
    vmId: vmAt(context, vm).id,
    hostId: hosts[host].id,
    at: context.observation.at,
    isThere,
    isSuitable: rank >= 0,
    ...(rank < 0 ? {} : { rank: rank + 1 }),
    suitableHosts: ranking.ranked.length,
    rules,
    gates: VM_GATES.map((gate): RuleVerdict => judgeGate(context, vm, gate)),
    ...(from < 0 ? {} : { here: behind(lookAt(context, vm, from), best) }),
    there: behind(lookAt(context, vm, host), best),
    ...(best === undefined || best.hostId === hosts[host].id
      ? {}
      : { best: lookAt(context, vm, context.state.hostIndex.get(best.hostId) as number) }),
    ...(isMove ? { migration: estimateMove(context, vm, host), worth: worthOf(context, vm, host) } : {}),
  }
}

function judgeGate(context: TurnContext, vm: number, gate: (typeof VM_GATES)[number]): RuleVerdict {
  const { lacking } = gate
  if (!gate.isShut(context, vm)) return { rule: lacking, verdict: { kind: 'fits' } }
  const reason = gate.reason(context, vm)
  return {
    rule: lacking,
    verdict: { kind: 'refused', lacking, shortBy: 1, reason },
    remedy: GATE_REMEDIES[lacking],
  }
}

const GATE_REMEDIES: Readonly<Record<(typeof VM_GATES)[number]['lacking'], string>> = {
  'location-unknown': 'A report of the host it runs on, or of the host that should know.',
  'in-flight': 'Its present migration has to end.',
  pinned: 'Its owner has to take the pin away.',
  objected: 'Time; or whoever objected takes it back: `ethos moves`.',
  cooldown: 'Time; or a shorter cooldownMs in the policy.',
  'move-budget': 'Time; or a larger movesPerVmDayMax in the policy.',
}

/** Where the VM is, its score against staying is 0 by definition. */
function lookAt(context: TurnContext, vm: number, host: number): PairSide {
  const isThere = context.hostOf[vm] === host
  const bound = isThere ? context.loads.bound(host) : context.loads.boundWith(host, vm)
  const mean = context.loads.lastMean
  const capacity = context.fleet.capacity[host]
  const performance = predictPerformance(context, vm, host)
  return {
    hostId: context.observation.inventory.hosts[host].id,
    score: isThere ? STAYING : calculateMigrationScore(context, vm, host),
    performance,
    bands: performanceBands(context, { vm, host }, performance),
    outlook: {
      mean,
      bound,
      capacity,
      fillLimit: capacity * context.policy.contention.lowFraction,
      members: context.loads.count[host] + (isThere ? 0 : 1),
    },
  }
}

function behind(side: PairSide, best: RankedHost | undefined): PairSide {
  if (best === undefined || best.hostId === side.hostId) return side
  const found = behindBest(side.score, best.score)
  return found === undefined ? side : { ...side, behind: found }
}

const STAYING: MigrationScore = { total: 0, terms: { performance: 0, energy: 0, load: 0, migration: 0 } }

/** As planning asks before it orders a move for contention's sake. */
function worthOf(context: TurnContext, vm: number, host: number): NonNullable<PairAnswer['worth']> {
  const { total, terms } = calculateMigrationScore(context, vm, host)
  const cost = 0 - terms.migration
  const gain = total + cost
  const needed = cost * (1 + context.marginFraction)
  return { gain, cost, needed, isEnough: gain > needed }
}
