/** Where VMs to come would go: each ranked over all hosts, and a group together, each later one beside those placed before it. */
import type { HostId } from '../../terms/ids.ts'
import type { PlacementQuestion, WantedVm } from '../../terms/placement.ts'
import type { Lack, Ranking, Remediation } from '../../terms/ranking.ts'
import type { EpochMs } from '../../terms/units.ts'
import type { Vm } from '../../terms/vm.ts'
import { commit, type TurnContext } from '../context.ts'
import { mixOf } from '../profile/work-mix.ts'
import { type AssumedDemand, assumeDemand, varianceOf } from './assumed-demand.ts'
import { getSuitableHosts, remediate, selectBestHost } from './rank.ts'
import { firstBroken } from './rules.ts'
import { calculateMigrationScore } from './score.ts'
import { screenAll } from './screen.ts'
import { branchContext, type Newcomer } from './what-if.ts'

/** One VM to come, and where it would go. */
export interface PlacedVm {
  readonly vm: Vm
  readonly demand: AssumedDemand
  /** Its turn among those asked for: the ones with a lower number were on their hosts when it was ranked. */
  readonly step: number
  /** Absent: no host is suitable. */
  readonly hostId?: HostId
  readonly ranking: Ranking
  /** How many hosts lack what. */
  readonly refusals: Readonly<Partial<Record<Lack, number>>>
  /** What could be done where it has no host; empty where it has one. */
  readonly remediation: readonly Remediation[]
}

/** Where all of them would go, in the order of the question. */
export interface Placements {
  readonly kind: 'placements'
  readonly at: EpochMs
  /** True: each has a host. */
  readonly isComplete: boolean
  readonly vms: readonly PlacedVm[]
}

/** The question can't be answered as it stands. */
export interface NotAnswerable {
  readonly kind: 'invalid'
  readonly reason: string
}

/** Orders tried before some of a group are left without a host. */
const ORDERS_MAX = 8

/** Answers on a sheet of its own; the context stays as it is. */
export function findPlacements(context: TurnContext, question: PlacementQuestion): Placements | NotAnswerable {
  const coming: Coming[] = []
  for (const wanted of question.vms) {
    const described = describe(context, wanted)
    if ('kind' in described) return described
    coming.push(described)
  }
  const ranked = rankInOrder(branchContext(context, coming), chooseOrder(context, coming))
  const first = context.hostOf.length
  const vms = coming.map(({ vm, demand }, i) => ({ vm, demand, ...(ranked.get(first + i) as RankedInTurn) }))
  return {
    kind: 'placements',
    at: context.observation.at,
    isComplete: vms.every(({ hostId }) => hostId !== undefined),
    vms,
  }
}

/** The order by which most of them find a host: hardest first; where one finds none, it is tried first in the next. */
function chooseOrder(context: TurnContext, coming: readonly Coming[]): readonly number[] {
  const first = context.hostOf.length
  if (coming.length === 1) return [first]
  let order = byDifficulty(branchContext(context, coming), first, coming.length)
  let best = order
  let fewest = Infinity
  const seen = new Set<string>()
  while (seen.size < ORDERS_MAX && !seen.has(order.join())) {
    seen.add(order.join())
    const homeless = assign(branchContext(context, coming), order)
    if (homeless.length < fewest) {
      fewest = homeless.length
      best = order
    }
    if (homeless.length === 0) break
    order = [...homeless, ...order.filter((vm) => !homeless.includes(vm))]
  }
  return best
}

/** Puts each on its best host in the order given; returns those that find none. */
function assign(sheet: TurnContext, order: readonly number[]): readonly number[] {
  return order.filter((vm) => {
    const host = bestHost(sheet, vm)
    if (host < 0) return true
    settle(sheet, vm, host)
    return false
  })
}

/** As `selectBestHost` would choose; -1: none is suitable. */
function bestHost(sheet: TurnContext, vm: number): number {
  const { hosts } = sheet.observation.inventory
  let best = -1
  let bestTotal = -Infinity
  for (let h = 0; h < hosts.length; h++) {
    if (firstBroken(sheet, vm, h) !== undefined) continue
    const { total } = calculateMigrationScore(sheet, vm, h)
    if (best >= 0 && (total < bestTotal || (total === bestTotal && hosts[h].id > hosts[best].id))) continue
    best = h
    bestTotal = total
  }
  return best
}

function settle(sheet: TurnContext, vm: number, host: number): void {
  commit(sheet, vm, host)
  sheet.hostOf[vm] = host
}

type RankedInTurn = Omit<PlacedVm, 'vm' | 'demand'>

function rankInOrder(sheet: TurnContext, order: readonly number[]): ReadonlyMap<number, RankedInTurn> {
  const results = new Map<number, RankedInTurn>()
  order.forEach((vm, i) => {
    const ranking = getSuitableHosts(sheet, vm)
    const best = selectBestHost(ranking)
    const refusals = countRefusals(ranking)
    if (best === undefined) {
      results.set(vm, { step: i + 1, ranking, refusals, remediation: remediate(sheet, vm, refusals) })
      return
    }
    results.set(vm, { step: i + 1, hostId: best.hostId, ranking, refusals, remediation: [] })
    settle(sheet, vm, sheet.state.hostIndex.get(best.hostId) as number)
  })
  return results
}

function countRefusals({ refused }: Ranking): Partial<Record<Lack, number>> {
  const counts: Partial<Record<Lack, number>> = {}
  for (const { verdict } of refused) counts[verdict.lacking] = (counts[verdict.lacking] ?? 0) + 1
  return counts
}

/** A VM to come with what it is taken to want. */
interface Coming extends Newcomer {
  readonly demand: AssumedDemand
}

function describe(context: TurnContext, wanted: WantedVm): Coming | NotAnswerable {
  const { vms } = context.observation.inventory
  if (context.state.vmIndex.has(wanted.id)) {
    return {
      kind: 'invalid',
      reason: `${wanted.id} exists already: ask for the hosts of that VM, or choose another id.`,
    }
  }
  const likeVm = wanted.like === undefined ? undefined : context.state.vmIndex.get(wanted.like)
  if (wanted.like !== undefined && likeVm === undefined) {
    return { kind: 'invalid', reason: `${wanted.like}, which ${wanted.id} is said to be like, is not known here.` }
  }
  const like = likeVm === undefined ? undefined : vms[likeVm]
  const group = wanted.antiAffinityGroup ?? like?.antiAffinityGroup
  const cpuFlags = wanted.cpuFlags ?? like?.cpuFlags
  const vm: Vm = {
    id: wanted.id,
    vcpus: wanted.vcpus ?? like?.vcpus ?? 1,
    refCoresPerVcpu: wanted.refCoresPerVcpu ?? like?.refCoresPerVcpu ?? commonSpeed(vms),
    memoryBytes: wanted.memoryBytes ?? like?.memoryBytes ?? 0,
    ...(group === undefined ? {} : { antiAffinityGroup: group }),
    ...(cpuFlags === undefined ? {} : { cpuFlags }),
  }
  const demand = assumeDemand(context, vm, wanted, likeVm)
  const mix = wanted.personality === undefined ? undefined : mixOf(wanted.personality)
  const known = {
    vm,
    demand,
    mean: demand.mean,
    variance: varianceOf(demand),
    ...(mix === undefined ? {} : { mix }),
  }
  return likeVm === undefined ? known : { ...known, likeVm }
}

/** Reference cores of a vCPU as most VMs have them; 1 where there are none. */
function commonSpeed(vms: readonly Vm[]): number {
  const counts = new Map<number, number>()
  for (const { refCoresPerVcpu } of vms) counts.set(refCoresPerVcpu, (counts.get(refCoresPerVcpu) ?? 0) + 1)
  let common = 1
  for (const [speed, count] of counts) if (count > (counts.get(common) ?? 0)) common = speed
  return common
}

/** Those first that the fewest hosts can take by screening, of equals the largest. */
function byDifficulty(sheet: TurnContext, first: number, count: number): readonly number[] {
  const hosts = sheet.fleet.capacity.length
  const vms = Array.from({ length: count }, (_, i) => first + i)
  const { masks } = screenAll(sheet, vms)
  const choices = new Map<number, number>()
  vms.forEach((vm, i) => {
    const own = masks.subarray(i * hosts, (i + 1) * hosts)
    choices.set(
      vm,
      own.reduce((passed, mask) => passed + (mask === 0 ? 1 : 0), 0),
    )
  })
  const { size } = sheet.levels
  const memory = (vm: number): number => sheet.observation.inventory.vms[vm].memoryBytes
  return vms.sort(
    (a, b) => (choices.get(a) ?? 0) - (choices.get(b) ?? 0) || size[b] - size[a] || memory(b) - memory(a) || a - b,
  )
}
