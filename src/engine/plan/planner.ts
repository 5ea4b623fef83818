/** One turn's plan in the making: the sheet, the index of room, and what was decided and refused so far. */
import type { MoveClass, Move } from '../../terms/move.ts'
import { STAY_REASONS, type StayReason, type TurnEvent } from '../../terms/turn.ts'
import { shift, type TurnContext, vmAt } from '../context.ts'
import { lackOf } from '../suitability/rank.ts'
import { fillLimit } from '../suitability/rules.ts'
import { estimateMove, scoreTarget } from '../suitability/score.ts'
import { HeadroomIndex } from './headroom-index.ts'

export interface PlannedMove {
  readonly vm: number
  readonly from: number
  readonly to: number
  readonly move: Move
}

export class Planner {
  readonly context: TurnContext
  readonly moves: PlannedMove[] = []
  readonly events: TurnEvent[] = []
  /** Why each VM stays: index into `STAY_REASONS`. */
  readonly stayed: Uint8Array
  /** Hosts that must not receive: contended, or being emptied. */
  readonly closed: Uint8Array
  private readonly index: HeadroomIndex
  private readonly emptyByKind: number[][]

  constructor(context: TurnContext) {
    this.context = context
    const hosts = context.observation.inventory.hosts.length
    this.stayed = new Uint8Array(context.observation.inventory.vms.length).fill(stayCode('host-comfortable'))
    this.closed = new Uint8Array(hosts)
    this.index = new HeadroomIndex(
      hosts,
      context.fleet.capacity.reduce((a, b) => Math.max(a, b), 0),
    )
    this.emptyByKind = Array.from({ length: context.fleet.kinds }, () => [])
    for (let h = hosts - 1; h >= 0; h--) this.refresh(h)
  }

  /** Moves that may still be planned in this turn. */
  get movesLeft(): number {
    return (this.context.policy.gates.movesPerTurnMax ?? Infinity) - this.moves.length
  }

  /** The best host in use for `vm`, or an empty one of the best kind if `mayStart`; -1 where none is suitable. */
  findTarget(vm: number, mayStart: boolean): number {
    const { context } = this
    const judge = (host: number): number | undefined => {
      if (this.closed[host] === 1 || lackOf(context, vm, host) !== undefined) return undefined
      return scoreTarget(context, vm, host)
    }
    const inUse = this.index.best(context.levels.mean[vm], judge)
    if (inUse >= 0 || !mayStart) return inUse
    return this.findEmpty(vm)
  }

  /** Plans the move on the sheet. It can be taken back by `undo` until the turn is over. */
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
    this.context.inFlight[move.vm] = 1
    this.stayed[move.vm] = stayCode('moves')
  }

  describeMove(
    vm: number,
    to: number,
    about: { class: MoveClass; reason: string; gain: number; cost: number; confidence: number },
  ): Move {
    const { hosts } = this.context.observation.inventory
    return {
      vmId: vmAt(this.context, vm).id,
      from: hosts[this.context.hostOf[vm]].id,
      to: hosts[to].id,
      ...about,
      estimate: estimateMove(this.context, vm, to),
    }
  }

  stay(vm: number, reason: StayReason): void {
    if (this.stayed[vm] !== stayCode('moves')) this.stayed[vm] = stayCode(reason)
  }

  /** Among kinds of empty hosts, the one that can do work with the fewest watts. Its idle watts would mislead: a small old host draws less than
   *  a large new one, until the work comes that it was started for. */
  private findEmpty(vm: number): number {
    const { context } = this
    let best = -1
    for (const empties of this.emptyByKind) {
      const host = empties.findLast((h) => this.closed[h] === 0 && lackOf(context, vm, h) === undefined)
      if (host === undefined) continue
      if (best < 0 || context.fleet.bestWattsPerCore[host] < context.fleet.bestWattsPerCore[best]) best = host
    }
    return best
  }

  /** Brings the index up to date with the sheet. */
  private refresh(host: number): void {
    const { context } = this
    if (context.members[host].length > 0) this.index.place(host, fillLimit(context, host) - context.loads.bound(host))
    else {
      this.index.remove(host)
      const empties = this.emptyByKind[context.fleet.kind[host]]
      if (!empties.includes(host)) empties.push(host)
      return
    }
    const empties = this.emptyByKind[context.fleet.kind[host]]
    const at = empties.indexOf(host)
    if (at >= 0) empties.splice(at, 1)
  }
}

export function stayCode(reason: StayReason): number {
  return STAY_REASONS.indexOf(reason)
}
