/** A rule that people set is held against those that there are, before it counts (reliability test 45). */
import type { RulesQuestion } from '../ranker-questions.ts'
import { answerConflicts, type Rules } from '../rule-conflicts.ts'
import type { Answer } from '../site-answers.ts'
import { readSettings } from '../site-settings.ts'
import type { ConflictView } from '../views/preview.ts'
import type { Wishes } from '../wished-hypervisor.ts'
import type { ApiParts } from './parts.ts'
import { conflict, type Refusal } from './reply.ts'

/** Conflicts told in one refusal. */
const TOLD_MAX = 3

type Parts = Pick<ApiParts, 'store' | 'answers'>
type WishParts = Parts & Pick<ApiParts, 'clock'>

/** Why these wishes can't all be kept on what hosts report now, where those of before could; undefined: nothing speaks against them. Wishes that are left
 *  out stay as they are. */
export async function contradiction(parts: WishParts, wished: Partial<Wishes>): Promise<Refusal | undefined> {
  const question = await questionOf(parts, wished)
  const answer = await parts.answers.conflicts(question)
  // That a VM be left alone is not refused for want of a ranker: then all requests wait while this thread looks.
  const found = conflictsIn(answer.kind === 'json' ? answer : await answerConflicts(parts, question))
  if (typeof found === 'string') return unchecked(found)
  const fresh = found.filter(({ isNew }) => isNew)
  if (fresh.length === 0) return undefined
  const told = fresh.slice(0, TOLD_MAX).map(({ text }) => text)
  const more = fresh.length > TOLD_MAX ? ` And ${fresh.length - TOLD_MAX} more like these.` : ''
  const message = `That contradicts what is set already. ${told.join(' ')}${more}`
  return conflict(message, `${fresh[0].remedy} Where it is meant all the same, ask with \`isForced\`.`)
}

/** Conflicts there would be under other rules, with those that stand already; a sentence where they can't be looked for. */
export async function conflictsWith(parts: Parts, changes: Partial<Rules>): Promise<readonly ConflictView[] | string> {
  return conflictsIn(await parts.answers.conflicts(await questionOf(parts, changes)))
}

async function questionOf({ store }: Parts, changes: Partial<Rules>): Promise<RulesQuestion> {
  const { optOuts, maintenances, policy } = await readSettings(store)
  const standing: Rules = { optOuts, maintenances, policy }
  return { what: 'conflicts', standing, wished: { ...standing, ...changes } }
}

function conflictsIn(answer: Answer): readonly ConflictView[] | string {
  if (answer.kind === 'unknown') return `Nobody knows of ${answer.what}.`
  if (answer.kind !== 'json') return answer.reason
  const text = typeof answer.text === 'string' ? answer.text : new TextDecoder().decode(answer.text)
  return JSON.parse(text) as readonly ConflictView[]
}

function unchecked(why: string): Refusal {
  return {
    kind: 'refused',
    status: 503,
    code: 'unavailable',
    message: `Whether that can be kept beside the rules there are can't be told: ${why}`,
    remedy: 'Ask again soon. Does GET /healthz say what is wrong? Where it can not wait, ask with `isForced`.',
  }
}
