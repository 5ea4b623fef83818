/** What another policy would make of the last day, before it is set; and whether it can be set at all. */
import type { Static } from 'typebox'
import { parseVmId } from '../../../terms/ids.ts'
import { ParseError } from '../../../terms/parse.ts'
import { encodePolicy, parsePolicy } from '../../../terms/policy.ts'
import { DAY_MS } from '../../../terms/units.ts'
import { parseMoveTimes } from '../move-times.ts'
import type { Preview } from '../previews/preview-desk.ts'
import type { WishedTexts } from '../previews/job.ts'
import { readSettings, type SiteSettings } from '../site-settings.ts'
import type { OptOuts } from '../wishes.ts'
import { PolicyCheckBody, PolicyCheckView, PolicyPreviewBody, PolicyPreviewView } from '../views/preview.ts'
import type { Caller } from './doorman.ts'
import type { ApiParts } from './parts.ts'
import { invalid, type Reply, UNKNOWN, value } from './reply.ts'
import { type Route, route } from './route.ts'
import { conflictsWith } from './rule-check.ts'

const TAG = 'policy'
/** Who asks waits so long for the whole answer; then it is asked for by its id. */
const WAIT_MS = 2000

export function previewRoutes(parts: ApiParts): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/policy/check',
      access: 'viewer',
      tag: TAG,
      summary:
        'Whether this can be set, and whether every rule can be kept on what hosts report now. Nothing is changed.',
      body: PolicyCheckBody,
      answer: PolicyCheckView,
      handle: async ({ body }) => value((await checked(parts, body)).check),
    }),
    route({
      method: 'POST',
      path: '/v1/policy/preview',
      access: 'operator',
      tag: TAG,
      summary: 'What this would have made of the last day, beside what stands. Nothing is changed.',
      description:
        'The last day is lived through twice, from what the store keeps; `approximations` says where that is not what was. It is answered within ' +
        'two seconds: where it takes longer it is `running`, and asked for by its id. A new one of the same caller ends the one before.',
      body: PolicyPreviewBody,
      answer: PolicyPreviewView,
      handle: ({ body, caller }) => preview(parts, body, caller),
    }),
    route({
      method: 'GET',
      path: '/v1/policy/previews/:id',
      access: 'operator',
      tag: TAG,
      summary: 'A preview of one’s own: how far it is, and what came of it.',
      answer: PolicyPreviewView,
      handle: async ({ id, caller }) => {
        const found = parts.previews.find(id, caller.name)
        return found === undefined ? UNKNOWN : value(view(found))
      },
    }),
  ]
}

type Asked = Static<typeof PolicyCheckBody>

async function preview(parts: ApiParts, body: Static<typeof PolicyPreviewBody>, caller: Caller): Promise<Reply> {
  const { spanMs = DAY_MS, ...asked } = body
  const { check, settings, wished } = await checked(parts, asked)
  if (wished === undefined) {
    const [{ place, text }] = check.problems
    return invalid(`${place}: ${text}`, 'POST /v1/policy/check lists all that is wrong with it.')
  }
  const task = { check, spanMs, current: textsOf(settings), proposed: textsOf(wished) }
  const started = parts.previews.start(task, caller.name)
  if (started === undefined)
    return {
      kind: 'refused',
      status: 429,
      code: 'too-many',
      message: 'As many previews run for others as may.',
      remedy: 'Ask again in a minute.',
      retryAfterSec: 60,
    }
  await parts.previews.wait(started.id, WAIT_MS)
  return value(view(parts.previews.find(started.id, caller.name) ?? started))
}

function view({ id, state, progress, startedAt, check, result, failure }: Preview): PolicyPreviewView {
  const end = { ...(result === undefined ? {} : { result }), ...(failure === undefined ? {} : { failure }) }
  return { id, state, progress, startedAt, check, ...end }
}

function textsOf({ policy, automation: { level, isPaused }, moveTimes, optOuts }: Wishes): WishedTexts {
  const { windows, ...times } = moveTimes
  const texts = JSON.stringify({
    ...times,
    windows: windows.map(({ days, ...hours }) => ({ days: [...days], ...hours })),
  })
  return {
    policy: encodePolicy(policy),
    automation: { level, isPaused },
    moveTimes: texts,
    optOuts: [...optOuts.keys()],
  }
}

type Wishes = Pick<SiteSettings, 'policy' | 'automation' | 'moveTimes' | 'optOuts'>

/** What stands with what is asked about in its place; `wished` is undefined where that can't be understood. */
async function checked(
  parts: ApiParts,
  asked: Asked,
): Promise<{ readonly check: PolicyCheckView; readonly settings: SiteSettings; readonly wished?: Wishes }> {
  const settings = await readSettings(parts.store)
  const problems: { place: string; text: string }[] = []
  const parsed = <T>(place: string, parse: () => T): T | undefined => {
    try {
      return parse()
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      problems.push({ place, text: error.message })
      return undefined
    }
  }
  const policy = asked.policy === undefined ? settings.policy : parsed('policy', () => parsePolicy(asked.policy))
  const moveTimes =
    asked.moveTimes === undefined ? settings.moveTimes : parsed('moveTimes', () => parseMoveTimes(asked.moveTimes))
  const automation = { ...settings.automation, ...asked.automation }
  const optOuts = parsed('optOuts', () => optOutsWith(settings.optOuts, asked.optOuts))
  if (policy === undefined || moveTimes === undefined || optOuts === undefined)
    return { settings, check: { isGood: false, problems, conflicts: [] } }
  const check = { problems, ...(await conflicts(parts, { policy, optOuts })) }
  const isGood = check.conflicts.length === 0 && check.unchecked === undefined
  return { settings, wished: { policy, automation, moveTimes, optOuts }, check: { isGood, ...check } }
}

/** Those that stand, changed as asked. Throws a `ParseError` for what is no name. */
function optOutsWith(standing: OptOuts, { add = [], remove = [] }: NonNullable<Asked['optOuts']> = {}): OptOuts {
  const all = new Map(standing)
  for (const name of remove) all.delete(parseVmId(name, 'optOuts.remove'))
  for (const name of add) all.set(parseVmId(name, 'optOuts.add'), { who: '', at: 0, reason: 'asked about' })
  return all
}

async function conflicts(
  parts: ApiParts,
  changes: Pick<Wishes, 'policy' | 'optOuts'>,
): Promise<Pick<PolicyCheckView, 'conflicts' | 'unchecked'>> {
  const found = await conflictsWith(parts, changes)
  return typeof found === 'string' ? { conflicts: [], unchecked: found } : { conflicts: [...found] }
}
