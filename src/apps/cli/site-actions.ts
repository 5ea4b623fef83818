/** What the commands that ask a server what it knows print. */
import type { Static } from 'typebox'
import { ageText, bytesText, hostCoresNumber, hostWattsNumber, percentText, spanText } from '../../terms/shown.ts'
import { printable, printableJson } from '../printable.ts'
import type { HostsView, HostView } from '../server/views/hosts.ts'
import type { AlertsView, HostLoadsView } from '../server/views/judgement.ts'
import type { StatusView } from '../server/views/site.ts'
import type { VmsView, VmView } from '../server/views/vms.ts'
import { ask, type AskOptions, findLogin, type Login, pathOf, type Question } from './api-client.ts'
import { ApiError, EXIT } from './api-error.ts'
import type { ListOptions, VmsOptions } from './site-command.ts'
import { tableText } from './table-text.ts'

const PAGE = 1000
/** A million: more is no list of ours. */
const PAGES_MAX = 1000
const UNAVAILABLE = 503
const NO_HOSTS =
  'No host is known yet. Measure each with `ethos bench host --out FILE`, then register it with `ethos hosts add FILE`.\n'

/** Asks, and prints: the answer as it came, or as text for people. Why an answer is worth less goes to standard error, so that no pipe loses it. */
export async function show<T>(options: AskOptions, question: Question, textOf: (answer: T) => string): Promise<T> {
  const login = findLogin(options)
  const answer = (await ask(login, question)) as T
  process.stdout.write(options.json === true ? `${printableJson(answer)}\n` : textFor(login, () => textOf(answer)))
  if (options.json !== true) warn(answer)
  return answer
}

/** Text of an answer for a terminal. Servers of other versions may leave out what ours tell: that is no fault of the command. Throws an `ApiError`. */
export function textFor(login: Pick<Login, 'server'>, make: () => string): string {
  try {
    return printable(make())
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw ApiError.notUnderstood(login.server, error)
    throw error
  }
}

function warn(answer: unknown): void {
  if (typeof answer !== 'object' || answer === null || !('degraded' in answer)) return
  const { degraded } = answer
  if (!Array.isArray(degraded)) return
  for (const reason of degraded) process.stderr.write(printable(`degraded: ${String(reason)}\n`))
}

/** All pages of a list. Throws an `ApiError` where it has no end, or is none. */
export async function all<T>(
  login: Login,
  question: Question,
  itemsOf: (answer: unknown) => readonly T[],
): Promise<readonly T[]> {
  const items: T[] = []
  let cursor: string | undefined
  for (let page = 0; page < PAGES_MAX; page++) {
    const answer = await ask(login, { ...question, query: { ...question.query, limit: PAGE, cursor } })
    const found: unknown = itemsOf(answer)
    if (!Array.isArray(found)) break
    items.push(...(found as readonly T[]))
    cursor = (answer as { readonly next?: string }).next
    if (cursor === undefined) return items
  }
  throw ApiError.notUnderstood(login.server, undefined)
}

export async function vms(vm: string | undefined, options: VmsOptions): Promise<void> {
  if (vm !== undefined) {
    const { showVm } = await import('./vm-text.ts')
    return showVm(vm, options)
  }
  const query = { host: options.host, name: options.find }
  const login = findLogin(options)
  const list = await all(login, { path: '/v1/vms', query }, (answer) => (answer as VmsView).vms)
  process.stdout.write(textFor(login, () => listText(list, options, ({ vm: name }) => name, vmsText)))
}

function listText<T>(
  list: readonly T[],
  { json, names }: ListOptions,
  nameOf: (item: T) => string,
  textOf: (list: readonly T[]) => string,
): string {
  if (names === true) return list.map((item) => `${nameOf(item)}\n`).join('')
  return json === true ? `${printableJson(list)}\n` : textOf(list)
}

function vmsText(list: readonly VmView[]): string {
  if (list.length === 0)
    return 'No VM is known yet. `ethos enroll VM` lets one in; hosts tell of theirs once they report.\n'
  return tableText<VmView>(
    [
      { head: 'VM', cell: ({ vm }) => vm },
      { head: 'state', cell: ({ state }) => state },
      {
        head: 'host',
        cell: ({ host, leavingTo }) => (leavingTo === undefined ? (host ?? '?') : `${host} > ${leavingTo}`),
      },
      { head: 'vCPUs', cell: ({ vcpus }) => (vcpus === undefined ? '' : String(vcpus)), align: 'right' },
      {
        head: 'memory',
        cell: ({ memoryBytes }) => (memoryBytes === undefined ? '' : bytesText(memoryBytes)),
        align: 'right',
      },
      {
        head: 'vector',
        cell: ({ vectorAgeMs }) => ageText(vectorAgeMs),
        align: 'right',
      },
      { head: 'via', cell: ({ via }) => via ?? '' },
      { head: 'note', cell: noteOf },
    ],
    list,
  )
}

function noteOf({ isPinned, antiAffinityGroup, isClockOff, runs }: VmView): string {
  return [
    ...(isPinned === true ? ['pinned'] : []),
    ...(antiAffinityGroup === undefined ? [] : [`kept apart: ${antiAffinityGroup}`]),
    ...(isClockOff === true ? ['its clock is off'] : []),
    ...(runs === undefined || runs === 'running' ? [] : [runs]),
  ].join(', ')
}

export async function hosts(host: string | undefined, options: ListOptions): Promise<void> {
  if (host !== undefined) {
    const { showHost } = await import('./host-text.ts')
    return showHost(host, options)
  }
  if (options.names === true) {
    const list = await all(findLogin(options), { path: '/v1/hosts' }, hostsOf)
    process.stdout.write(printable(list.map(({ host: name }) => `${name}\n`).join('')))
    return
  }
  try {
    await show<HostLoadsView>(options, { path: '/v1/loads' }, hostsText)
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== UNAVAILABLE) throw error
    const login = findLogin(options)
    const list = await all(login, { path: '/v1/hosts' }, hostsOf)
    // Where there is no host, that is the whole answer, and nothing is degraded.
    if (list.length > 0) process.stderr.write(printable(`degraded: ${error.message}\n`))
    process.stdout.write(textFor(login, () => listText(list, options, ({ host: name }) => name, plainHostsText)))
  }
}

/** What is known without any judgement. */
function plainHostsText(list: readonly HostView[]): string {
  if (list.length === 0) return NO_HOSTS
  return tableText<HostView>(
    [
      { head: 'host', cell: ({ host }) => host },
      { head: 'state', cell: ({ state }) => state ?? '?' },
      { head: 'cores', cell: ({ cores }) => String(cores ?? '?'), align: 'right' },
      {
        head: 'memory',
        cell: ({ memoryBytes }) => (memoryBytes === undefined ? '?' : bytesText(memoryBytes)),
        align: 'right',
      },
      { head: 'VMs', cell: ({ vmCount }) => String(vmCount ?? '?'), align: 'right' },
      {
        head: 'report',
        cell: ({ reportAgeMs }) => ageText(reportAgeMs),
        align: 'right',
      },
      { head: 'note', cell: ({ lacking }) => lacking ?? '' },
    ],
    list,
  )
}

function hostsOf(answer: unknown): readonly HostView[] {
  return (answer as Static<typeof HostsView>).hosts
}

type HostLoad = HostLoadsView['hosts'][number]

function hostsText({ hosts: list, boundProbability }: HostLoadsView): string {
  if (list.length === 0) return NO_HOSTS
  const share = (cores: number | undefined, { capacity }: HostLoad): string =>
    cores === undefined ? '?' : percentText(cores / capacity.cpuRefCores)
  const table = tableText<HostLoad>(
    [
      { head: 'host', cell: ({ host }) => host },
      { head: 'state', cell: ({ state }) => state },
      { head: 'cores', cell: ({ capacity }) => hostCoresNumber(capacity.cpuRefCores), align: 'right' },
      { head: 'now', cell: (row) => share(row.current.cpuRefCoresMean, row), align: 'right' },
      { head: 'expected', cell: (row) => share(row.predicted.cpuRefCoresMean, row), align: 'right' },
      { head: 'bound', cell: (row) => share(row.predicted.cpuRefCoresBound, row), align: 'right' },
      { head: 'sold', cell: (row) => share(row.allocated.cpuRefCores, row), align: 'right' },
      {
        head: 'memory sold',
        cell: ({ allocated, capacity }) => percentText(allocated.memoryBytes / capacity.memoryBytes),
        align: 'right',
      },
      {
        head: 'contention',
        cell: ({ predicted }) => (predicted.contention === undefined ? '' : percentText(predicted.contention)),
        align: 'right',
      },
      { head: 'VMs', cell: ({ vms: number }) => String(number), align: 'right' },
      { head: 'moving', cell: ({ inFlight }) => movingText(inFlight), align: 'right' },
      { head: 'watts', cell: ({ current }) => wattsText(current), align: 'right' },
      { head: 'note', cell: ({ doubt }) => doubt ?? '' },
    ],
    list,
  )
  const bound = percentText(boundProbability)
  return (
    `${table}\nCPU of the host: now as it says; expected and bound over the horizon (demand stays below the bound\n` +
    `in ${bound} of cases); sold: sizes of its VMs. Watts with ~ are estimated. Cores are reference cores.\n`
  )
}

function movingText({ arriving, leaving }: HostLoad['inFlight']): string {
  return arriving + leaving === 0 ? '' : `${arriving} in, ${leaving} out`
}

function wattsText({ watts, wattsAreEstimated }: HostLoad['current']): string {
  return watts === undefined ? '' : hostWattsNumber(watts, wattsAreEstimated)
}

export async function status(options: AskOptions): Promise<void> {
  await show<StatusView>(options, { path: '/v1/status' }, (answer) => {
    const { version, upSince, asOf, you, store, controller, automation, turns, lastTurnAt } = answer
    const paused = automation.isPaused ? ', paused' : ''
    const none = controller === 'standby' ? "none here; the other server's are in `GET /v1/plans`" : 'none yet'
    const last = lastTurnAt === undefined ? none : `${turns}, the last ${spanText(asOf - lastTurnAt)} ago`
    const byState = Object.entries(answer.vms).map(([state, number]) => `${number} ${state}`)
    const rows: readonly (readonly [string, string])[] = [
      ['server', `Ethos ${version}, up for ${spanText(asOf - upSince)}`],
      ['you', `${you.name} (${you.role})`],
      ['store', store],
      ['controller', controller === 'standby' ? 'stands by: another server takes the turns' : controller],
      ['automation', `${automation.level}${paused}`],
      ['turns', last],
      ['VMs', byState.length === 0 ? 'none' : byState.join(', ')],
      ['hosts', String(answer.hosts)],
      ['state', answer.degraded.length === 0 ? 'all is well' : 'degraded, see below'],
    ]
    return rows.map(([name, text]) => `${name.padEnd(11)} ${text}\n`).join('')
  })
}

export async function alerts(options: AskOptions): Promise<void> {
  const { alerts: list } = await show<AlertsView>(options, { path: '/v1/alerts' }, ({ alerts: found, asOf }) =>
    found.length === 0
      ? 'No alerts.\n'
      : found
          .map(
            ({ severity, since, what, remedy }) =>
              `${severity.padEnd(8)} for ${spanText(asOf - since)}: ${what}\n${' '.repeat(9)}${remedy}\n`,
          )
          .join(''),
  )
  if (list.length > 0) process.exitCode = EXIT.no
}

/** Path of something below a VM. */
export function vmPath(vm: string, ...rest: readonly string[]): string {
  return pathOf('v1', 'vms', vm, ...rest)
}
