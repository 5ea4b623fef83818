/** What the operators want: the policy, and how much the server may do by itself. */
import type { Static } from 'typebox'
import { mayAct } from '../../../terms/access.ts'
import { ParseError, parseFields, parseJson } from '../../../terms/parse.ts'
import { encodePolicy, parsePolicy, PRODUCTION_POLICY } from '../../../terms/policy.ts'
import type { Setting, SiteStore } from '../../../world/site-store.ts'
import {
  type Automation,
  AUTOMATION_DEFAULT,
  AUTOMATION_LEVELS,
  AUTOMATION_SETTING,
  isMoving,
  parseAutomation,
  POLICY_SETTING,
} from '../site-settings.ts'
import { hasDriver, LIBVIRT_SETTING } from '../libvirt-setting.ts'
import { AutomationBody, AutomationView, HISTORY_QUERY, PolicyBody, PolicyHistory, PolicyView } from '../views/site.ts'
import { whyUnconfirmed } from './confirmed.ts'
import { orDamaged } from './damaged.ts'
import type { Caller } from './doorman.ts'
import type { ApiParts } from './parts.ts'
import { conflict, invalid, type Refusal, type Reply, value } from './reply.ts'
import { type Route, route } from './route.ts'

const TAG = 'policy'

export function policyRoutes(parts: ApiParts): readonly Route[] {
  return [...ownRoutes(parts), ...automationRoutes(parts)]
}

function ownRoutes({ store, clock }: ApiParts): readonly Route[] {
  const base = { path: '/v1/policy', tag: TAG, answer: PolicyView } as const
  return [
    route({
      ...base,
      method: 'GET',
      access: 'viewer',
      summary: 'The policy that stands.',
      handle: async () => {
        const view = viewPolicy(await store.settings.get(POLICY_SETTING))
        return value(view, { etag: `"policy-${view.version}"` })
      },
    }),
    route({
      ...base,
      method: 'PUT',
      access: 'operator',
      summary: 'Sets the policy, if nobody else has set one since you looked.',
      description:
        'What is left out keeps its default. 409 with the current policy where `replaces` is not its version.',
      body: PolicyBody,
      handle: async ({ body, caller }) => {
        const policy = parsePolicy(body.policy)
        const at = clock.now()
        const by = { who: caller.name, at, expected: body.replaces }
        const isSet = await store.settings.set(POLICY_SETTING, encodePolicy(policy), by)
        const view = viewPolicy(await store.settings.get(POLICY_SETTING))
        if (!isSet) return versionConflict(body.replaces, view)
        const reason = `version ${body.replaces + 1}, named ${policy.name}`
        await store.audit.add({ at, what: 'policy set', from: caller.name, reason })
        return value(view, { etag: `"policy-${view.version}"` })
      },
    }),
    route({
      method: 'GET',
      path: '/v1/policy/history',
      access: 'viewer',
      tag: TAG,
      summary: 'Policies that stood before, newest first.',
      query: HISTORY_QUERY,
      answer: PolicyHistory,
      handle: async ({ query }) => {
        const settings = await store.settings.history(POLICY_SETTING, query.limit ?? 20)
        return value({ versions: settings.map(viewPolicy) })
      },
    }),
  ]
}

function automationRoutes(parts: ApiParts): readonly Route[] {
  const { store } = parts
  const base = { path: '/v1/automation', tag: TAG, answer: AutomationView } as const
  return [
    route({
      ...base,
      method: 'GET',
      access: 'viewer',
      summary: 'How much the server may do by itself.',
      handle: async () => value(await viewAutomation(store)),
    }),
    route({
      ...base,
      method: 'PUT',
      access: 'operator',
      summary: 'Pauses automation, or lets it go on. To raise the level needs the role admin.',
      description:
        'Once it is answered no move begins by what stood before. Where VMs are to be moved that were not before ' +
        '(`partial`, `full`, or the end of a pause there), `confirm` has to repeat the level. By session whatever is raised needs the token ' +
        'shown again: POST /v1/session/confirmation.',
      body: AutomationBody,
      handle: ({ body, caller }) => setAutomation(parts, body, caller),
    }),
  ]
}

async function setAutomation(parts: ApiParts, body: Static<typeof AutomationBody>, caller: Caller): Promise<Reply> {
  const { store, clock, answers } = parts
  const before = await viewAutomation(store)
  const { level = before.level, isPaused = before.isPaused, areGuestsTrusted = before.areGuestsTrusted } = body
  const after: Automation = { level, isPaused, areGuestsTrusted }
  const at = clock.now()
  const change = `from ${say(before)} to ${say(after)}`
  const isTrusting = areGuestsTrusted && !before.areGuestsTrusted
  const isRaised = allowed(after) > allowed(before) || rank(after) > rank(before) || isTrusting
  if (isRaised && !mayAct(caller.role, 'admin')) return refuseRaise(store, caller, { at, change })
  const unconfirmed = isRaised ? whyUnconfirmed(parts, caller) : undefined
  if (unconfirmed !== undefined) return unconfirmed
  const refusal = isRaised ? await whyNotRaise(parts, { before, after, confirm: body.confirm }) : undefined
  if (refusal !== undefined) return refusal
  // What was compared is what is replaced: between the two, nobody pauses unseen.
  const expected = body.replaces ?? before.version
  const by = { who: caller.name, at, expected }
  if (expected !== before.version || !(await store.settings.set(AUTOMATION_SETTING, JSON.stringify(after), by)))
    return versionConflict(expected, await viewAutomation(store))
  // Nothing that stands in the way of writing it down keeps a pause from being heard.
  await answers.moves.heed()
  const why = body.reason === undefined ? '' : `: ${body.reason}`
  const what = isRaised ? 'automation raised' : 'automation set'
  const shownAt = isRaised ? caller.session?.confirmedAt : undefined
  const shown = shownAt === undefined ? '' : `, token shown again at ${new Date(shownAt).toISOString()}`
  await store.audit.add({ at, what, from: caller.name, reason: `${change}${shown}${why}` })
  const confirmed = shownAt === undefined ? {} : { confirmedAt: shownAt }
  const line = {
    kind: 'automation',
    what,
    who: caller.name,
    from: before.level,
    to: level,
    isPaused,
    areGuestsTrusted,
    ...confirmed,
  }
  await store.journal.append(JSON.stringify(line), at)
  return value(await viewAutomation(store))
}

/** What more it takes where VMs may be moved that were not before. */
async function whyNotRaise(
  { store: { settings }, hasMover = false }: Pick<ApiParts, 'store' | 'hasMover'>,
  about: { readonly before: Automation; readonly after: Automation; readonly confirm: string | undefined },
): Promise<Refusal | undefined> {
  const { before, after, confirm } = about
  const { level } = after
  if (!isMoving(level)) return undefined
  if (!hasMover && !hasDriver((await settings.get(LIBVIRT_SETTING))?.text)) {
    const message = `At ${level} VMs are moved, and no driver is configured that could.`
    const remedy = 'Tell which libvirts there are first: `ethos libvirt set FILE`, or PUT /v1/libvirt.'
    return { kind: 'refused', status: 409, code: 'no-driver', message, remedy }
  }
  const isMore = allowed(after) > allowed(before) || rank(after) > rank(before)
  if (!isMore || confirm === level) return undefined
  const message = `At ${level} VMs are moved that were not before; \`confirm\` is ${confirm === undefined ? 'missing' : `"${confirm.slice(0, 32)}"`}.`
  return invalid(
    message,
    `Repeat the level to say that you mean it: \`"confirm":"${level}"\`, or \`--confirm ${level}\`.`,
  )
}

function rank({ level }: Automation): number {
  return AUTOMATION_LEVELS.indexOf(level)
}

/** What comes of a level: paused, nothing does. */
function allowed(automation: Automation): number {
  return automation.isPaused ? 0 : rank(automation)
}

function say({ level, isPaused, areGuestsTrusted }: Automation): string {
  return `${level}${isPaused ? ', paused' : ''}${areGuestsTrusted ? ', guests trusted' : ''}`
}

async function refuseRaise(
  store: SiteStore,
  caller: Caller,
  { at, change }: { readonly at: number; readonly change: string },
): Promise<Refusal> {
  const reason = `automation ${change} needs admin, and ${caller.name} is ${caller.role}`
  await store.audit.add({ at, what: 'request refused', from: caller.name, reason })
  return {
    kind: 'refused',
    status: 403,
    code: 'forbidden',
    message: `To raise automation ${change} needs the role admin.`,
    remedy: 'Ask an admin to do it. Operators may pause it, or lower the level, at any time.',
  }
}

function versionConflict(replaces: number, current: { readonly version: number }): Refusal {
  return conflict(
    `Version ${replaces} was to be replaced, and ${current.version} stands.`,
    'Look at `current`: does your change still hold? Then send it with its version as `replaces`.',
    current,
  )
}

function viewPolicy(setting: Setting | undefined): PolicyView {
  if (setting === undefined) return { version: 0, policy: PRODUCTION_POLICY }
  const { version, text, who, at } = setting
  const policy = orDamaged(`Version ${version} of the policy`, () =>
    parseFields(parseJson(text, POLICY_SETTING), POLICY_SETTING),
  )
  return { version, policy, who, at }
}

/** What stands, and whose choice it was. Of a setting that can't be understood, as a later version may have left it, nothing is allowed. */
export async function viewAutomation({ settings }: Pick<SiteStore, 'settings'>): Promise<AutomationView> {
  const setting = await settings.get(AUTOMATION_SETTING)
  if (setting === undefined) return { version: 0, ...AUTOMATION_DEFAULT }
  const { version, text, who, at } = setting
  try {
    return { version, ...parseAutomation(text), who, at }
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    return { version, level: 'off', isPaused: true, areGuestsTrusted: false, problem: error.message, who, at }
  }
}
