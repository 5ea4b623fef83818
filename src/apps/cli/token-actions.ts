/** What `ethos token` and `ethos agents` do. They work on the store, whether the server runs or not. */
import { WallClock } from '../../drivers/wall-clock.ts'
import { parseHostId, parseVmId } from '../../terms/ids.ts'
import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import type { JoinToken, SiteStore } from '../../world/site-store.ts'
import { printable } from '../printable.ts'
import { type AgentView, viewAgents } from '../server/agents-view.ts'
import { Authority } from '../server/authority.ts'
import { openDataFolder } from '../server/data-folder.ts'
import { createToken } from '../server/join-token.ts'
import { withSite } from '../server/open-site.ts'
import { UsageError } from '../usage-error.ts'
import type { DataOption, ListOptions } from './data-options.ts'
import type { AuditOptions, TokenOptions } from './token-command.ts'

const MINUTES_MAX = 1440
const RECORDS_SHOWN_MAX = 100_000

export async function createForOne(options: TokenOptions): Promise<void> {
  const { data, minutes } = options
  const bearer = bearerOf(options)
  const forMinutes = Number(minutes)
  if (!(forMinutes > 0 && forMinutes <= MINUTES_MAX))
    throw new UsageError('--minutes', minutes, `Expected more than 0, and at most ${MINUTES_MAX}.`)
  const clock = new WallClock()
  const folder = openDataFolder(data)
  const { token, note: remark } = await withSite(options, async (store) => {
    const hasAgents = (await store.identities.list()).length > 0
    const { pin } = await Authority.open(folder, clock, hasAgents ? 'there' : 'made')
    const note = await judgeBearer(store, bearer, data)
    const made = await createToken(store, { for: bearer, pin, at: clock.now(), forMs: forMinutes * MINUTE_MS })
    const about = 'vm' in bearer ? bearer.vm : bearer.host
    await record(store, 'token created', { about, reason: `token ${made.split('.')[1]}, ${forMinutes} minutes` })
    return { token: made, note }
  })
  process.stdout.write(`${token}\n`)
  if (remark !== undefined) process.stderr.write(`${remark}\n`)
}

function bearerOf({ vm, host }: TokenOptions): JoinToken['for'] {
  if (vm !== undefined && host === undefined) return { vm: parseVmId(vm, '--vm') }
  if (host !== undefined && vm === undefined) return { host: parseHostId(host, '--host') }
  throw new UsageError('--vm', vm ?? 'nothing', 'Expected either --vm or --host: a token is for one of them.')
}

/** Throws for a VM that is banned; what there is to say of a host that would not be heard. */
async function judgeBearer(store: SiteStore, bearer: JoinToken['for'], data: string): Promise<string | undefined> {
  if ('host' in bearer) {
    if ((await store.hosts.find(bearer.host)) !== undefined) return undefined
    return `${bearer.host} is not on the list of hosts yet, and is not heard until it is: ethos hosts add HOST.json`
  }
  const identity = await store.identities.find(bearer.vm)
  if (identity?.isBanned !== true) return undefined
  throw new UsageError('--vm', bearer.vm, `It is banned. Maybe: ethos agents release ${bearer.vm} --data ${data}`)
}

export async function listTokens(options: ListOptions): Promise<void> {
  const now = new WallClock().now()
  const known = await withSite(options, (store) => store.joinTokens.list())
  const tokens = known.map(({ id, for: bearer, expiresAt, usedAt }) => ({
    id,
    ...bearer,
    state: usedAt !== undefined ? 'used' : expiresAt <= now ? 'expired' : 'good',
    expiresAt,
    ...(usedAt === undefined ? {} : { usedAt }),
  }))
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ tokens }, null, 2)}\n`)
    return
  }
  if (tokens.length === 0) process.stdout.write('No tokens.\n')
  for (const token of tokens) {
    const { id, state, expiresAt } = token
    const name = 'vm' in token ? token.vm : `host ${token.host}`
    const rest = state === 'good' ? `for ${spanOf(expiresAt - now)} more` : ''
    process.stdout.write(`${`${id}  ${name.padEnd(24)} ${state.padEnd(8)} ${rest}`.trimEnd()}\n`)
  }
}

export async function revokeToken(id: string, options: DataOption): Promise<void> {
  await withSite(options, async (store) => {
    if (!(await store.joinTokens.revoke(id)))
      throw new UsageError('token', id, 'There is no such token that could still be used.')
    await record(store, 'token revoked', { reason: `token ${id}` })
  })
  process.stdout.write(`Token ${id} is worth nothing now.\n`)
}

export async function listAgents(options: ListOptions): Promise<void> {
  const agents = await withSite(options, viewAgents)
  const text =
    options.json === true ? `${JSON.stringify({ agents }, null, 2)}\n` : textOf(agents, new WallClock().now())
  process.stdout.write(text)
}

export async function listAudit(options: AuditOptions): Promise<void> {
  const most = Number(options.last)
  if (!(Number.isInteger(most) && most > 0 && most <= RECORDS_SHOWN_MAX))
    throw new UsageError('--last', options.last, `Expected a whole number from 1 to ${RECORDS_SHOWN_MAX}.`)
  const records = await withSite(options, (store) => store.audit.last(most))
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ records }, null, 2)}\n`)
    return
  }
  if (records.length === 0) process.stdout.write('Nothing was refused or done.\n')
  for (const { at, what, about, from, reason } of records) {
    const whom = about === undefined ? '' : ` ${about}`
    process.stdout.write(printable(`${new Date(at).toISOString()}  ${what}${whom} (${from}): ${reason}\n`))
  }
}

export async function banOrRelease(what: 'ban' | 'release', name: string, options: DataOption): Promise<void> {
  const vm = parseVmId(name, 'vm')
  await withSite(options, async (store) => {
    const identity = await store.identities.find(vm)
    if (what === 'release' && (identity === undefined || (identity.quarantine === undefined && !identity.isBanned)))
      throw new UsageError('vm', vm, 'It is neither banned nor in quarantine. `ethos agents list` shows who is.')
    if (what === 'ban') await store.identities.ban(vm, new WallClock().now())
    else await store.identities.release(vm)
    await record(store, what === 'ban' ? 'banned' : 'released', { about: vm, reason: 'by an operator' })
  })
  const done = what === 'ban' ? 'is shut out now' : 'may report again; whoever is heard first is taken for the real one'
  process.stdout.write(`${vm} ${done}.\n`)
}

async function record(
  store: SiteStore,
  what: string,
  { about, reason }: { about?: string; reason: string },
): Promise<void> {
  const rest = about === undefined ? {} : { about }
  await store.audit.add({ at: new WallClock().now(), what, ...rest, from: 'command line', reason })
}

const ORDER = ['quarantined', 'banned', 'good']

/** What needs somebody comes first. */
function textOf(agents: readonly AgentView[], now: EpochMs): string {
  if (agents.length === 0) return 'No VM has joined yet. `ethos token create` makes a token for one.\n'
  const width = Math.max(2, ...agents.map(({ vm }) => vm.length))
  const rows = agents
    .toSorted((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state))
    .flatMap((agent) => rowsOf(agent, now, width))
  const head = `${'VM'.padEnd(width)}  state        heard             vectors  duplicates  refused`
  return printable(`${[head, ...rows].map((row) => row.trimEnd()).join('\n')}\n`)
}

function rowsOf(agent: AgentView, now: EpochMs, width: number): readonly string[] {
  const { vm, state, heardAt, counts, quarantine } = agent
  const heard = heardAt === undefined ? 'never' : `${spanOf(Math.max(0, now - heardAt))} ago`
  const refused = Object.entries(counts).filter(([what]) => what.startsWith('refused: '))
  const numbers = [
    counts['accepted'] ?? 0,
    counts['duplicates'] ?? 0,
    refused.reduce((sum, [, number]) => sum + number, 0),
  ]
  const [accepted, duplicates, refusedCount] = numbers.map(String)
  const row = `${vm.padEnd(width)}  ${state.padEnd(11)}  ${heard.padEnd(16)}  ${accepted.padStart(7)}  ${duplicates.padStart(10)}  ${refusedCount.padStart(7)}`
  const notes = [
    ...(quarantine === undefined ? [] : [`${quarantine.reason}; ${agent.vectorsKeptApart} vectors kept apart`]),
    ...(agent.isClockOff ? ['its clock is more than 5 minutes off'] : []),
    ...refused.map(([what, number]) => `${what} (${number})`),
  ]
  return [row, ...notes.map((text) => `${' '.repeat(width)}  ${text}`)]
}

/** `3 min`, `5 h`, `2 d`: one unit is enough to read. */
function spanOf(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.round(ms / 1000)} s`
  if (ms < HOUR_MS) return `${Math.round(ms / MINUTE_MS)} min`
  return ms < 2 * DAY_MS ? `${Math.round(ms / HOUR_MS)} h` : `${Math.round(ms / DAY_MS)} d`
}
