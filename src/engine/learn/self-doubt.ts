/** A balancer whose moves do not pay must notice that by itself, and stop acting. */
import type { Policy } from '../../terms/policy.ts'
import type { TurnEvent } from '../../terms/turn.ts'
import type { ThresholdState } from '../state.ts'

/** Settled moves to a verdict. */
const MOVES_PER_VERDICT = 20

/** Takes settled moves in, each by what it earned less what it cost. Twenty that lost money on the whole are a strike; twenty that did not take all
 *  strikes back. (The margin doubles by itself: `learnMargin`.) */
export function learnDoubt(
  was: ThresholdState,
  nets: readonly number[],
): { threshold: ThresholdState; events: TurnEvent[] } {
  if (nets.length === 0) return { threshold: was, events: [] }
  let { doubt, strikes } = was
  const events: TurnEvent[] = []
  for (const net of nets) {
    doubt = { moves: doubt.moves + 1, net: doubt.net + net }
    if (doubt.moves < MOVES_PER_VERDICT) continue
    const mean = doubt.net / doubt.moves
    strikes = mean < 0 ? strikes + 1 : 0
    if (mean < 0) {
      const text = `${MOVES_PER_VERDICT} moves earned ${mean.toFixed(4)} each, net of cost: strike ${strikes} against our own judgement.`
      events.push({ kind: 'note', text })
    }
    doubt = { moves: 0, net: 0 }
  }
  return { threshold: { ...was, doubt, strikes }, events }
}

/** Why automation may only advise; undefined: it may act. */
export function sayDoubtInSelf({ strikes }: ThresholdState, { safety }: Policy): string | undefined {
  if (safety === undefined || strikes < safety.strikesMax) return undefined
  const lost = `${strikes} times in a row ${MOVES_PER_VERDICT} moves earned less than they cost`
  return `Moves do not pay: ${lost}. Orders are advice until an operator forgives that and raises automation again.`
}

/** What was learnt, with nothing held against us: for an operator who raises automation again. */
export function forgiven(was: ThresholdState): ThresholdState {
  return { ...was, doubt: { moves: 0, net: 0 }, strikes: 0 }
}
