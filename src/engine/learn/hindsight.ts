/** What would have come of another decision, in the demand that came: every other VM as it was, one VM elsewhere. */
import type { Policy } from '../../terms/policy.ts'
import { HOUR_MS } from '../../terms/units.ts'

/** A host's demand and what it has, in one window, in reference cores. */
export interface HostWindow {
  readonly demand: number
  readonly capacity: number
}

/** One window after a move had ended: the VM is counted on its target. */
export interface MoveWindow {
  /** What the VM wanted; NaN: nobody measured it, and the window says nothing. */
  readonly wanted: number
  readonly from: HostWindow
  readonly to: HostWindow
  /** Parallel to the hosts that are compared. Absent within: it was not recorded. */
  readonly others: readonly (HostWindow | undefined)[]
}

/** Core-hours above capacity of the hosts that a decision touches. */
export interface MoveHindsight {
  readonly windows: number
  readonly withMove: number
  readonly hadItStayed: number
  /** Contention would have come on the source: demand above `highFraction` of it in one of the windows. */
  readonly wouldHaveCome: boolean
  /** By how much less would have been unserved with the VM on each of the other hosts than if it had stayed, in core-hours. Undefined: it was not recorded
   *  in every window. */
  readonly savedElsewhere: readonly (number | undefined)[]
}

/** Adds windows up; undefined where none says anything.
 *  @param about.windowMs length of each */
export function lookBackOn(
  windows: readonly MoveWindow[],
  about: { readonly windowMs: number; readonly highFraction: number },
): MoveHindsight | undefined {
  const told = windows.filter(({ wanted }) => !Number.isNaN(wanted))
  if (told.length === 0) return undefined
  const hours = about.windowMs / HOUR_MS
  let withMove = 0
  let hadItStayed = 0
  let wouldHaveCome = false
  for (const { wanted, from, to } of told) {
    withMove += (above(from) + above(to)) * hours
    hadItStayed += (above(from, wanted) + above(to, -wanted)) * hours
    wouldHaveCome ||= from.demand + wanted > about.highFraction * from.capacity
  }
  const savedElsewhere = told[0].others.map((_, i) => {
    let saved = 0
    for (const { wanted, from, others } of told) {
      const other = others[i]
      if (other === undefined) return undefined
      saved += (above(from, wanted) - above(from) - (above(other, wanted) - above(other))) * hours
    }
    return saved
  })
  return { windows: told.length, withMove, hadItStayed, wouldHaveCome, savedElsewhere }
}

export interface Regret {
  /** In the policy's currency; never below zero. */
  readonly value: number
  readonly best: 'this-move' | 'staying' | { readonly other: number }
  /** Other hosts that were compared. */
  readonly compared: number
}

/** Regret of a decision (Savage 1951): what the best of the alternatives would have been worth less what this one was, in the state of the world that came.
 *  The alternatives are staying, which is worth 0, and the other hosts; the copy to any of them is taken to have cost what this one did.
 *  @param cost what the move really took, in the policy's currency */
export function regretOf(
  { withMove, hadItStayed, savedElsewhere }: MoveHindsight,
  cost: number,
  { perUnservedCoreHour }: Pick<Policy['prices'], 'perUnservedCoreHour'>,
): Regret {
  const made = (hadItStayed - withMove) * perUnservedCoreHour - cost
  let most = made
  let best: Regret['best'] = 'this-move'
  if (most < 0) {
    most = 0
    best = 'staying'
  }
  let compared = 0
  for (const [other, saved] of savedElsewhere.entries()) {
    if (saved === undefined) continue
    compared++
    const worth = saved * perUnservedCoreHour - cost
    if (worth > most) {
      most = worth
      best = { other }
    }
  }
  return { value: most - made, best, compared }
}

/** Of what a host lacked in a window, what would have been served had a VM been elsewhere, in reference cores. */
export function avoidableBy(wanted: number, host: HostWindow): number {
  return above(host) - above(host, -wanted)
}

/** Demand above capacity with so much more of it, in reference cores. */
export function above({ demand, capacity }: HostWindow, more = 0): number {
  return Math.max(0, demand + more - capacity)
}
