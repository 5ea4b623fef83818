/** What the commands do by which operators tell a running server what to do. */
import type { Static } from 'typebox'
import { parseHostId } from '../../terms/ids.ts'
import { parseFields } from '../../terms/parse.ts'
import { zeroText } from '../../terms/policy.ts'
import { DAY_MS } from '../../terms/units.ts'
import { minuteText } from '../../terms/shown.ts'
import { printable, printableJson } from '../printable.ts'
import type { HostChanged } from '../server/views/hosts.ts'
import type {
  AutomationView,
  EnrolmentView,
  NewTokenView,
  PolicyHistory,
  PolicyView,
  TokensView,
  TokenView,
} from '../server/views/site.ts'
import { UsageError } from '../usage-error.ts'
import { ask, type AskOptions, findLogin, pathOf, readJson } from './api-client.ts'
import type {
  AddHostOptions,
  AutomationOptions,
  CorrectOptions,
  EnrollOptions,
  NewTokenOptions,
} from './manage-command.ts'
import { show } from './site-actions.ts'
import { tableText } from './table-text.ts'

export async function addHost(file: string, options: AddHostOptions): Promise<void> {
  const measurement = readJson('file', file)
  const fields = parseFields(measurement, file)
  const host = parseHostId(options.hostId ?? fields['hostId'], 'host id')
  const body = { ...fields, hostId: host }
  const question = { method: 'PUT', path: pathOf('v1', 'hosts', host, 'measurement'), body } as const
  await show<Static<typeof HostChanged>>(options, question, changedText)
}

function changedText({ host, isComplete, lacking }: Static<typeof HostChanged>): string {
  const rest = isComplete ? 'It can be judged as a place for VMs.' : `It can not be judged yet: ${lacking ?? ''}`
  return `${host} is registered. ${rest}\n`
}

/** What `--set` says is laid over the corrections that stand; `--file` replaces them. */
export async function correctHost(host: string, options: CorrectOptions): Promise<void> {
  const isPartial = options.file === undefined
  let body: unknown
  if (isPartial) {
    if (options.set.length === 0)
      throw new UsageError('--set', undefined, 'Say what to correct: --set FIELD=VALUE, or --file.')
    body = Object.fromEntries(options.set.map(parsePair))
  } else body = readJson('--file', options.file)
  const path = pathOf('v1', 'hosts', host, 'corrections')
  const query = isPartial ? { isPartial: 'true' } : {}
  await show<Static<typeof HostChanged>>(options, { method: 'PUT', path, query, body }, changedText)
}

/** `storageType=nvme`: the value is JSON where it can be read as such, else text. */
function parsePair(text: string): readonly [string, unknown] {
  const cut = text.indexOf('=')
  if (cut < 1) throw new UsageError('--set', text, 'Expected FIELD=VALUE, such as storageType=nvme.')
  const value = text.slice(cut + 1)
  try {
    return [text.slice(0, cut), JSON.parse(value) as unknown]
  } catch {
    return [text.slice(0, cut), value]
  }
}

export async function removeHost(host: string, options: AskOptions): Promise<void> {
  await show(options, { method: 'DELETE', path: pathOf('v1', 'hosts', host) }, () => `${host} is off the list.\n`)
}

export async function enroll(name: string, options: EnrollOptions): Promise<void> {
  const body = { [options.host === true ? 'host' : 'vm']: name, minutes: parseMinutes(options.minutes) }
  const question = { method: 'POST', path: '/v1/enrolments', body } as const
  await show<Static<typeof EnrolmentView>>(options, question, ({ token }) => `${token}\n`)
}

function parseMinutes(text: string): number {
  const minutes = Number(text)
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= 1440) return minutes
  throw new UsageError('--minutes', text, 'Expected a whole number from 1 to 1440.')
}

export async function showPolicy(options: AskOptions): Promise<void> {
  const answer = (await ask(findLogin(options), { path: '/v1/policy' })) as Static<typeof PolicyView>
  const { version, policy, who, at } = answer
  const whence =
    version === 0 ? 'the defaults: nobody has set one' : `version ${version}, by ${who ?? '?'}, ${dateText(at)} UTC`
  if (options.json !== true) process.stderr.write(printable(`${whence}\n${zeroLines(policy)}`))
  process.stdout.write(`${printableJson(policy)}\n`)
}

/** A line for each budget of 0, for somebody may have meant "no limit". */
function zeroLines(policy: object): string {
  return Object.entries(policy)
    .flatMap(([section, fields]) => Object.entries(Object(fields) as object).map((entry) => [section, ...entry]))
    .flatMap(([section, name, value]) => {
      const zero = value === 0 ? zeroText(`${section}.${name}`) : undefined
      return zero === undefined ? [] : [`${section}.${name} is 0: ${zero}.\n`]
    })
    .join('')
}

export async function setPolicy(file: string, options: AskOptions): Promise<void> {
  const policy = readJson('file', file)
  const { version } = (await ask(findLogin(options), { path: '/v1/policy' })) as Static<typeof PolicyView>
  const question = { method: 'PUT', path: '/v1/policy', body: { replaces: version, policy } } as const
  await show<Static<typeof PolicyView>>(
    options,
    question,
    (answer) =>
      `Version ${answer.version} stands from the next turn on. \`ethos policy history\` has those before.\n${zeroLines(answer.policy)}`,
  )
}

export async function policyHistory(options: AskOptions): Promise<void> {
  await show<Static<typeof PolicyHistory>>(options, { path: '/v1/policy/history' }, ({ versions }) =>
    versions.length === 0
      ? 'Nobody has set a policy yet.\n'
      : tableText<Static<typeof PolicyView>>(
          [
            { head: 'version', cell: ({ version }) => String(version), align: 'right' },
            { head: 'when (UTC)', cell: ({ at }) => dateText(at) },
            { head: 'who', cell: ({ who }) => who ?? '' },
            { head: 'name', cell: ({ policy }) => ('name' in policy ? String(policy.name) : '') },
          ],
          versions,
        ),
  )
}

export async function automation({
  level,
  confirm,
  pause,
  resume,
  trustGuests,
  reason,
  ...options
}: AutomationOptions): Promise<void> {
  if (pause === true && resume === true) throw new UsageError('--pause', '--resume', 'One of the two.')
  const isPaused = pause === true ? true : resume === true ? false : undefined
  const path = '/v1/automation'
  const isChange = level !== undefined || isPaused !== undefined || trustGuests !== undefined
  if (reason !== undefined && !isChange)
    throw new UsageError('--reason', reason, 'It goes with a change: --level, --pause, --resume, --trust-guests.')
  const body = {
    ...(level === undefined ? {} : { level }),
    ...(confirm === undefined ? {} : { confirm }),
    ...(isPaused === undefined ? {} : { isPaused }),
    ...(trustGuests === undefined ? {} : { areGuestsTrusted: trustGuests }),
    ...(reason === undefined ? {} : { reason }),
  }
  await show<Static<typeof AutomationView>>(options, isChange ? { method: 'PUT', path, body } : { path }, (answer) => {
    const by = answer.who === undefined ? 'the default' : `by ${answer.who}, ${dateText(answer.at)} UTC`
    const paused = answer.isPaused ? ', paused: turns are taken and nothing begins' : ''
    if (answer.problem !== undefined)
      return `It can't be understood, so nothing is ordered: ${answer.problem}\nSet it anew: ethos automation --level shadow --resume\n`
    const trust = answer.areGuestsTrusted ? 'weighs in orders too' : 'weighs in rankings alone'
    return `${answer.level}${paused} (${by})\nWhat guests say of the kind of their work ${trust}.\n`
  })
}

export async function listApiTokens(options: AskOptions): Promise<void> {
  await show<Static<typeof TokensView>>(options, { path: '/v1/tokens' }, ({ tokens }) =>
    tableText<Static<typeof TokenView>>(
      [
        { head: 'id', cell: ({ id }) => id },
        { head: 'name', cell: ({ name }) => name },
        { head: 'role', cell: ({ role }) => role },
        { head: 'state', cell: ({ state }) => state },
        { head: 'made (UTC)', cell: ({ createdAt }) => dateText(createdAt) },
        { head: 'ends (UTC)', cell: ({ expiresAt }) => (expiresAt === undefined ? 'never' : dateText(expiresAt)) },
        { head: 'used (UTC)', cell: ({ usedAt }) => (usedAt === undefined ? 'never' : dateText(usedAt)) },
      ],
      tokens,
    ),
  )
}

export async function createApiToken({ role, name, days, ...options }: NewTokenOptions): Promise<void> {
  const expiry = days === undefined ? {} : { expiresAt: Date.now() + parseDays(days) * DAY_MS }
  const question = { method: 'POST', path: '/v1/tokens', body: { role, name, ...expiry } } as const
  await show<Static<typeof NewTokenView>>(options, question, ({ token }) => `${token}\n`)
}

function parseDays(text: string): number {
  const days = Number(text)
  if (Number.isInteger(days) && days >= 1 && days <= 3650) return days
  throw new UsageError('--days', text, 'Expected a whole number from 1 to 3650.')
}

export async function revokeApiToken(id: string, options: AskOptions): Promise<void> {
  await show(
    options,
    { method: 'DELETE', path: pathOf('v1', 'tokens', id) },
    () => `Token ${id} is worth nothing now.\n`,
  )
}

function dateText(at: number | undefined): string {
  return at === undefined ? '' : minuteText(at)
}
