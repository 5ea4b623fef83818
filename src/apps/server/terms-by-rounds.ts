import { termsWithoutFacts } from '../../engine/migration/terms.ts'
import type { TermsOf } from './moves-desk-options.ts'

/** How a move is carried out where nobody measured how fast a VM writes: the estimate by rounds decides the way, nothing is promised, and only a person
 *  may want it. */
export const termsByRounds: TermsOf = (order, { by, memoryBytes }) => {
  const estimate = order.move?.estimate
  if (estimate === undefined)
    return { kind: 'refused', lacking: 'does-not-converge', shortBy: 1, reason: 'Nothing is known of how it would go.' }
  const verdict = termsWithoutFacts({ memoryBytes }, estimate, { by, mayPostCopy: false })
  if (verdict.kind === 'refused') return verdict
  const { terms, promise } = verdict
  return { terms, ...(promise === undefined ? {} : { promise }) }
}
