/** What a turn said, in sentences. Its moves and what was refused have places of their own. */
import type { Fields } from '../../../src/terms/parse.ts'
import { hostCoresNumber, threeDigits } from '../../../src/terms/shown.ts'
import { fieldsOf, listOf, numberOf, shownOf, textOf } from './told.ts'

/** A sentence for each event that is understood; one of a kind that is new is left out. */
export function eventTexts(events: readonly unknown[]): readonly string[] {
  return listOf(events).flatMap((event) => {
    const text = SENTENCES.get(textOf(event['kind']))?.(event)
    return text === undefined ? [] : [text]
  })
}

const SENTENCES: ReadonlyMap<string, (event: Fields) => string> = new Map(
  Object.entries({
    'contention-predicted': ({ hostId, demandP95, capacity }: Fields) =>
      `Contention is foreseen on ${textOf(hostId)}: demand up to ${cores(demandP95)} of ${cores(capacity)} reference cores.`,
    'host-kept': ({ hostId, reason }: Fields) => `${textOf(hostId)} is kept on: ${textOf(reason)}`,
    'no-suitable-host': ({ vmId, refusals, remediation }: Fields) =>
      `No host can take ${textOf(vmId)}${lackText(fieldsOf(refusals))}.${remedyText(remediation)}`,
    'threshold-adjusted': ({ from, to, reason }: Fields) =>
      `The threshold goes from ${shownOf(from, threeDigits)} to ${shownOf(to, threeDigits)}: ${textOf(reason)}`,
    note: ({ text }: Fields) => textOf(text),
  }),
)

function cores(value: unknown): string {
  return shownOf(value, hostCoresNumber)
}

function lackText(refusals: Fields): string {
  const lacks = Object.entries(refusals).flatMap(([lack, hosts]) => {
    const count = numberOf(hosts)
    return count === undefined ? [] : [`${count} for ${lack.replaceAll('-', ' ')}`]
  })
  return lacks.length === 0 ? '' : `; hosts were refused: ${lacks.join(', ')}`
}

function remedyText(remediation: unknown): string {
  const reasons = listOf(remediation).map(({ reason }) => textOf(reason))
  return reasons.length === 0 ? '' : ` ${reasons.join(' ')}`
}
