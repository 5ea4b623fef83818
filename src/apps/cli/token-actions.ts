/** What `ethos token` and `ethos agents` do. They work on the data folder, whether the server runs or not. */
import type { AgentStore } from '../../drivers/sqlite/agent-store.ts'
import { WallClock } from '../../drivers/wall-clock.ts'
import { parseVmId } from '../../terms/ids.ts'
import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { printable } from '../printable.ts'
import { type AgentView, viewAgents } from '../server/agents-view.ts'
import { Authority } from '../server/authority.ts'
import { openDataFolder, withStore } from '../server/data-folder.ts'
import { createToken } from '../server/join-token.ts'
import { UsageError } from '../usage-error.ts'
import type { AuditOptions, DataOption, ListOptions, TokenOptions } from './token-command.ts'

const MINUTES_MAX = 1440
const RECORDS_SHOWN_MAX = 100_000

export async function createForVm({ data, vm, minutes }: TokenOptions): Promise<void> {
  const vmId = parseVmId(vm, '--vm')
  const forMinutes = Number(minutes)
  if (!(forMinutes > 0 && forMinutes <= MINUTES_MAX))
    throw new UsageError('--minutes', minutes, `Expected more than 0, and at most ${MINUTES_MAX}.`)
  const clock = new WallClock()
  const folder = openDataFolder(data)
  const hasAgents = withStore(data, (store) => store.agents().length > 0)
  const { pin } = await Authority.open(folder, clock, hasAgents ? 'there' : 'made')
  const made = withStore(data, (store) => {
    if (store.agent(vmId)?.banned === 1)
      throw new UsageError('--vm', vm, `It is banned. Maybe: ethos agents release ${vm} --data ${data}`)
    const token = createToken(store, { vm: vmId, pin, at: clock.now(), forMs: forMinutes * MINUTE_MS })
    note(store, 'token created', { vm: vmId, reason: `token ${token.split('.')[1]}, ${forMinutes} minutes` })
    return token
  })
  process.stdout.write(`${made}\n`)
}

export function listTokens({ data, json }: ListOptions): void {
  const now = new WallClock().now()
  const tokens = withStore(data, (store) => store.tokens.list()).map(({ id, vm, expiresAt, usedAt }) => ({
    id,
    vm,
    state: usedAt !== null ? 'used' : expiresAt <= now ? 'expired' : 'good',
    expiresAt,
    ...(usedAt === null ? {} : { usedAt }),
  }))
  if (json === true) {
    process.stdout.write(`${JSON.stringify({ tokens }, null, 2)}\n`)
    return
  }
  if (tokens.length === 0) process.stdout.write('No tokens.\n')
  for (const { id, vm, state, expiresAt } of tokens) {
    const rest = state === 'good' ? `for ${spanOf(expiresAt - now)} more` : ''
    process.stdout.write(`${`${id}  ${vm.padEnd(24)} ${state.padEnd(8)} ${rest}`.trimEnd()}\n`)
  }
}

export function revokeToken(id: string, { data }: DataOption): void {
  withStore(data, (store) => {
    if (!store.tokens.revoke(id)) throw new UsageError('token', id, 'There is no such token that could still be used.')
    note(store, 'token revoked', { vm: null, reason: `token ${id}` })
  })
  process.stdout.write(`Token ${id} is worth nothing now.\n`)
}

export function listAgents({ data, json }: ListOptions): void {
  const agents = withStore(data, viewAgents)
  const text = json === true ? `${JSON.stringify({ agents }, null, 2)}\n` : textOf(agents, new WallClock().now())
  process.stdout.write(text)
}

export function listAudit({ data, json, last }: AuditOptions): void {
  const most = Number(last)
  if (!(Number.isInteger(most) && most > 0 && most <= RECORDS_SHOWN_MAX))
    throw new UsageError('--last', last, `Expected a whole number from 1 to ${RECORDS_SHOWN_MAX}.`)
  const records = withStore(data, (store) => store.audit.list(most))
  if (json === true) {
    process.stdout.write(`${JSON.stringify({ records }, null, 2)}\n`)
    return
  }
  if (records.length === 0) process.stdout.write('Nothing was refused or done.\n')
  for (const { at, what, vm, from, reason } of records) {
    const about = vm === null ? '' : ` ${vm}`
    process.stdout.write(printable(`${new Date(at).toISOString()}  ${what}${about} (${from}): ${reason}\n`))
  }
}

export function banOrRelease(what: 'ban' | 'release', name: string, { data }: DataOption): void {
  const vm = parseVmId(name, 'vm')
  withStore(data, (store) => {
    const agent = store.agent(vm)
    if (what === 'release' && (agent === undefined || (agent.quarantine === null && agent.banned === 0)))
      throw new UsageError('vm', vm, 'It is neither banned nor in quarantine. `ethos agents list` shows who is.')
    if (what === 'ban') store.ban(vm, new WallClock().now())
    else store.release(vm)
    note(store, what === 'ban' ? 'banned' : 'released', { vm, reason: 'by an operator' })
  })
  const done = what === 'ban' ? 'is shut out now' : 'may report again; whoever is heard first is taken for the real one'
  process.stdout.write(`${vm} ${done}.\n`)
}

function note(store: AgentStore, what: string, { vm, reason }: { vm: string | null; reason: string }): void {
  store.audit.add({ at: new WallClock().now(), what, vm, from: 'command line', reason })
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
