/** One turn's plan in the making: the sheet, the index of room, and what was decided and refused so far. */
import type { Move } from '../../terms/move.ts'
import { STAY_REASONS, type StayReason, type TurnEvent } from '../../terms/turn.ts'
import { shift, type TurnContext, vmAt } from '../context.ts'
import { firstBroken, firstBrokenInNeed } from '../suitability/rules.ts'
import type { VoluntaryClass } from '../suitability/budgets.ts'
import { fillLimit, isTooFullForEnergy } from '../suitability/rules/demand.ts'
import { estimateMove, scoreTarget } from '../suitability/score.ts'
import { HeadroomIndex } from './headroom-index.ts'

export interface PlannedMove {
  readonly vm: number
  readonly from: number
  readonly to: number
  readonly move: Move
  /** VMs that leave the same host for the same reason, in this turn and others: 1 where it leaves for itself alone. */
  readonly companions: number
}

/** Refusals that are worked out host by host in one turn. A VM that finds no host costs a look at all of them; in a
 *  cluster that is full everywhere, as many VMs as hosts would. */
const RANKINGS_PER_TURN_MAX = 8

export class Planner {
  readonly context: TurnContext
  readonly moves: PlannedMove[] = []
  readonly events: TurnEvent[] = []
  /** Why each VM stays: index into `STAY_REASONS`. */
  readonly stayed: Uint8Array
  /** 1 for hosts that must not receive: contended, or being emptied. */
  readonly closed: Uint8Array
  private readonly index: HeadroomIndex
  /** Hosts without VMs, by kind; lowest first but for those that were emptied in this turn. */
  private readonly emptyByKind: readonly Set<number>[]
  private rankingsLeft = RANKINGS_PER_TURN_MAX

  constructor(context: TurnContext) {
    this.context = context
    const hosts = context.observation.inventory.hosts.length
    this.stayed = new Uint8Array(context.observation.inventory.vms.length).fill(stayCode('host-comfortable'))
    this.closed = new Uint8Array(hosts)
    const coresMax = context.fleet.capacity.reduce((a, b) => Math.max(a, b), 0)
    this.index = new HeadroomIndex(hosts, coresMax)
    this.emptyByKind = Array.from({ length: context.fleet.kinds }, () => new Set<number>())
    // Empty hosts lowest first; of hosts in use, the index asks the highest first among equals.
    for (let h = 0; h < hosts; h++) if (context.members[h].length === 0) this.refresh(h)
    for (let h = hosts - 1; h >= 0; h--) if (context.members[h].length > 0) this.refresh(h)
  }

  /** Moves that may still be planned in this turn. */
  movesLeft(moveClass: VoluntaryClass): number {
    const { policy, budgets } = this.context
    const ofTurn = (policy.gates.movesPerTurnMax ?? Infinity) - this.moves.length
    return Math.min(ofTurn, budgets?.left(moveClass) ?? Infinity)
  }

  /** The best host in use for `vm`, or an empty one of the best kind for one that leaves contention; -1 where none was found. */
  findTarget(vm: number, moveClass: VoluntaryClass): number {
    const { context } = this
    const judge = (host: number): number | undefined => {
      if (this.closed[host] === 1 || firstBroken(context, vm, host) !== undefined) return undefined
      if (moveClass === 'energy' && isTooFullForEnergy(context, vm, host)) return undefined
      return scoreTarget(context, vm, host)
    }
    const inUse = this.index.best(context.levels.mean[vm], judge)
    if (inUse >= 0 || moveClass === 'energy') return inUse
    return this.findEmpty(vm)
  }

  /** Where `vm` would suffer least, for one that suffers now and finds no host with room: the best of the roomiest, and of the empty ones.
   *  Whether it is worth it, only gain and cost can tell. -1 where hard rules leave none. */
  findLeastBad(vm: number): number {
    const { context } = this
    const judge = (host: number): number | undefined => {
      if (this.closed[host] === 1 || firstBrokenInNeed(context, vm, host) !== undefined) return undefined
      return scoreTarget(context, vm, host)
    }
    const inUse = this.index.roomiest(judge)
    const empties = this.emptyByKind.map((kind) => [...kind].find((host) => judge(host) !== undefined) ?? -1)
    return [inUse, ...empties].reduce((best, host) => {
      if (host < 0) return best
      return best < 0 || scoreTarget(context, vm, host) > scoreTarget(context, vm, best) ? host : best
    }, -1)
  }

  /** True as often in a turn as all hosts may be ranked for one VM. */
  takeRanking(): boolean {
    return this.rankingsLeft-- > 0
  }

  /** Puts the VM elsewhere on the sheet. Shifting it back undoes that, until the move is decided. */
  shift(vm: number, to: number): void {
    const from = this.context.hostOf[vm]
    shift(this.context, vm, to)
    this.refresh(from)
    this.refresh(to)
  }

  /** Makes a move on the sheet final. */
  decide(move: PlannedMove): void {
    this.moves.push(move)
    this.context.copies[move.from]++
    this.context.copies[move.to]++
    this.context.budgets?.count(move.from, move.to, move.move.class)
    this.context.inFlight[move.vm] = 1
    this.stayed[move.vm] = stayCode('moves')
  }

  /** Moves that may still be planned off the host, by what goes on at a time and within the hour. */
  movesLeftFrom(host: number, moveClass: VoluntaryClass): number {
    const { policy, copies, budgets } = this.context
    const copiesLeft = (policy.limits.migrationsPerHostMax ?? Infinity) - copies[host]
    return Math.min(copiesLeft, budgets?.leftFrom(host, moveClass) ?? Infinity)
  }

  /** The same towards it. */
  mayReceive(host: number, moveClass: VoluntaryClass): boolean {
    const { policy, copies, budgets } = this.context
    if (copies[host] >= (policy.limits.migrationsPerHostMax ?? Infinity)) return false
    return budgets === undefined || (budgets.leftTo(host, moveClass) > 0 && budgets.settlesInMs(host) <= 0)
  }

  describeMove(
    route: { readonly vm: number; readonly from: number; readonly to: number },
    about: Pick<Move, 'class' | 'reason' | 'gain' | 'gainAtLeast' | 'cost' | 'confidence'>,
  ): Move {
    const { hosts } = this.context.observation.inventory
    return {
      vmId: vmAt(this.context, route.vm).id,
      from: hosts[route.from].id,
      to: hosts[route.to].id,
      ...about,
      estimate: estimateMove(this.context, route.vm, route.to),
    }
  }

  /** Notes why a VM stays, unless it moves. The last reason counts. */
  stay(vm: number, reason: StayReason): void {
    if (this.stayed[vm] !== stayCode('moves')) this.stayed[vm] = stayCode(reason)
  }

  /** Among kinds of empty hosts, the one that can do work with the fewest watts. Its idle watts would mislead: a small old
   *  host draws less than a large new one, until the work comes that it was started for. */
  private findEmpty(vm: number): number {
    const { fleet } = this.context
    let best = -1
    for (const empties of this.emptyByKind) {
      const host = this.firstSuitable(empties, vm)
      if (host >= 0 && (best < 0 || fleet.bestWattsPerCore[host] < fleet.bestWattsPerCore[best])) best = host
    }
    return best
  }

  private firstSuitable(empties: ReadonlySet<number>, vm: number): number {
    for (const host of empties) {
      if (this.closed[host] === 1) continue
      const broken = firstBroken(this.context, vm, host)
      if (broken === undefined) return host
      // What an empty host lacks in room, its equals lack too.
      if (broken.lacking === 'memory' || broken.lacking === 'cpu' || broken.lacking === 'does-not-converge') return -1
    }
    return -1
  }

  /** Brings the index up to date with the sheet. */
  private refresh(host: number): void {
    const { context } = this
    const empties = this.emptyByKind[context.fleet.kind[host]]
    if (context.members[host].length > 0) {
      this.index.place(host, fillLimit(context, host) - context.loads.bound(host))
      empties.delete(host)
    } else {
      this.index.remove(host)
      empties.add(host)
    }
  }
}

export function stayCode(reason: StayReason): number {
  return STAY_REASONS.indexOf(reason)
}
