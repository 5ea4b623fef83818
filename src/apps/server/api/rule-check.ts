/** A rule that people set is held against those that there are, before it counts (reliability test 45). */
import type { Rules } from '../rule-conflicts.ts'
import { readSettings } from '../site-settings.ts'
import type { ConflictView } from '../views/preview.ts'
import type { Wishes } from '../wished-hypervisor.ts'
import type { ApiParts } from './parts.ts'
import { conflict, type Refusal } from './reply.ts'

/** Conflicts told in one refusal. */
const TOLD_MAX = 3

type Parts = Pick<ApiParts, 'store' | 'answers'>

/** Why these wishes can't all be kept on what hosts report now, where those of before could; undefined: nothing speaks against them. Wishes that are left
 *  out stay as they are. */
export async function contradiction(parts: Parts, wished: Partial<Wishes>): Promise<Refusal | undefined> {
  const found = await conflictsWith(parts, wished)
  if (typeof found === 'string') return unchecked(found)
  const fresh = found.filter(({ isNew }) => isNew)
  if (fresh.length === 0) return undefined
  const told = fresh.slice(0, TOLD_MAX).map(({ text }) => text)
  const more = fresh.length > TOLD_MAX ? ` And ${fresh.length - TOLD_MAX} more like these.` : ''
  const message = `That contradicts what is set already. ${told.join(' ')}${more}`
  return conflict(message, `${fresh[0].remedy} Where it is meant all the same, ask with \`isForced\`.`)
}

/** Conflicts there would be under other rules, with those that stand already; a sentence where they can't be looked for. */
export async function conflictsWith(
  { store, answers }: Parts,
  changes: Partial<Rules>,
): Promise<readonly ConflictView[] | string> {
  const { optOuts, maintenances, policy } = await readSettings(store)
  const standing: Rules = { optOuts, maintenances, policy }
  const answer = await answers.conflicts({ standing, wished: { ...standing, ...changes } })
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
