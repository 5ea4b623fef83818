/** `ethos doctor`: everything that can be wrong between an operator, the server, its hosts and its VMs, in the order in which one thing hides the next. */
import type { Static } from 'typebox'
import { MINUTE_MS } from '../../terms/units.ts'
import { spanText } from '../../terms/shown.ts'
import { printable, printableJson } from '../printable.ts'
import type { HostView } from '../server/views/hosts.ts'
import type { AlertsView } from '../server/views/judgement.ts'
import type { AgentView } from '../server/agents-view.ts'
import type { StatusView } from '../server/views/site.ts'
import type { VmView } from '../server/views/vms.ts'
import { UsageError } from '../usage-error.ts'
import { ask, findLogin, type Login } from './api-client.ts'
import { ApiError, EXIT } from './api-error.ts'
import type { DoctorOptions } from './manage-command.ts'
import { all } from './site-actions.ts'

/** One thing that was looked at. */
export interface Finding {
  readonly verdict: 'good' | 'note' | 'wrong'
  readonly what: string
  /** What to do. Absent where it is good. */
  readonly remedy?: string
}

/** A VM that told nothing for so long has missed three of its reports. */
const SILENT_MS = 15 * MINUTE_MS
const HOST_SILENT_MS = 15 * MINUTE_MS
/** Certificates and tokens are judged by the clock. */
const CLOCK_MS = 30_000
/** Names that one finding lists. */
const NAMED_MAX = 5

export async function doctor(options: DoctorOptions): Promise<void> {
  const findings = [...(await lookAtServer(options)), ...(await lookAtFolder(options.data))]
  process.stdout.write(options.json === true ? `${printableJson({ findings })}\n` : printable(findingsText(findings)))
  if (findings.some(({ verdict }) => verdict === 'wrong')) process.exitCode = EXIT.no
}

/** A line each, the remedy below; a sentence at the end. */
function findingsText(findings: readonly Finding[]): string {
  const lines = findings.map(
    ({ verdict, what, remedy }) => `${verdict.padEnd(5)}  ${what}\n${remedy === undefined ? '' : `       ${remedy}\n`}`,
  )
  const wrong = findings.filter(({ verdict }) => verdict === 'wrong').length
  const end = wrong === 0 ? 'Nothing is wrong.' : `${wrong} ${wrong === 1 ? 'thing is' : 'things are'} wrong.`
  return `${lines.join('')}\n${end}\n`
}

async function lookAtServer(options: DoctorOptions): Promise<readonly Finding[]> {
  const login = findLoginIfAsked(options)
  if (login === undefined)
    return [
      { verdict: 'note', what: 'No server is asked: nobody has logged in here.', remedy: 'See: ethos login --help' },
    ]
  try {
    const status = (await ask(login, { path: '/v1/status' })) as StatusView
    const parts = [
      lookAtStatus(status, login),
      lookAtHosts(await all(login, { path: '/v1/hosts' }, (answer) => (answer as { hosts: HostView[] }).hosts)),
      lookAtVms(await all(login, { path: '/v1/vms' }, (answer) => (answer as { vms: VmView[] }).vms)),
      lookAtAgents(await all(login, { path: '/v1/agents' }, (answer) => (answer as { agents: AgentView[] }).agents)),
      lookAtAlerts((await ask(login, { path: '/v1/alerts' })) as Static<typeof AlertsView>),
    ]
    return parts.flat()
  } catch (cause) {
    const error = cause instanceof TypeError ? ApiError.notUnderstood(login.server, cause) : cause
    if (!(error instanceof ApiError)) throw error
    const remedy = error.exitCode === EXIT.unreachable ? 'Nothing else can be looked at before that.' : 'See above.'
    return [{ verdict: 'wrong', what: error.message, remedy }]
  }
}

/** Who names a folder may have no login: then the folder alone is looked at. */
function findLoginIfAsked(options: DoctorOptions): Login | undefined {
  try {
    return findLogin(options)
  } catch (error) {
    if (options.data !== undefined && error instanceof UsageError) return undefined
    throw error
  }
}

function lookAtStatus(status: StatusView, { server }: Login): readonly Finding[] {
  const { you, version, asOf, degraded, controller, turns, lastTurnAt, automation, store } = status
  const offMs = Math.abs(Date.now() - asOf)
  const turn =
    lastTurnAt === undefined
      ? 'no turn yet'
      : `${turns} ${turns === 1 ? 'turn' : 'turns'}, the last ${spanText(asOf - lastTurnAt)} ago`
  return [
    { verdict: 'good', what: `${server} answers (Ethos ${version}), and knows you as ${you.name} (${you.role}).` },
    offMs <= CLOCK_MS
      ? { verdict: 'good', what: 'Its clock and yours agree.' }
      : {
          verdict: 'wrong',
          what: `Its clock and yours are ${spanText(offMs)} apart.`,
          remedy: 'Certificates and cooldowns go by the clock: look at NTP on both.',
        },
    { verdict: 'good', what: `It keeps what it knows in ${store}.` },
    lookAtController(controller, turn),
    automation.isPaused
      ? { verdict: 'note', what: 'Automation is paused.', remedy: 'When that is over: ethos automation --resume' }
      : { verdict: 'good', what: `Automation is at ${automation.level}.` },
    ...degraded.map((what): Finding => ({ verdict: 'wrong', what, remedy: 'Until that ends nothing is started.' })),
  ]
}

function lookAtController(controller: StatusView['controller'], turn: string): Finding {
  if (controller === 'running') return { verdict: 'good', what: `The controller runs: ${turn}.` }
  if (controller === 'standby')
    return { verdict: 'good', what: 'The controller stands by: another server takes the turns.' }
  return {
    verdict: controller === 'starting' ? 'note' : 'wrong',
    what: `The controller is ${controller}: ${turn}.`,
    remedy: "It is started again by itself; the server's log says why it ended.",
  }
}

function lookAtHosts(hosts: readonly HostView[]): readonly Finding[] {
  if (hosts.length === 0)
    return [
      {
        verdict: 'wrong',
        what: 'No host is registered, so no VM can be placed.',
        remedy: 'On each host: ethos bench host --out HOST.json; then: ethos hosts add HOST.json',
      },
    ]
  return [
    { verdict: 'good', what: `${hosts.length} hosts are registered.` },
    ...some('host', hosts, ({ isComplete }) => !isComplete, {
      verdict: 'wrong',
      text: 'can not be judged, for something about them is not known',
      remedy: `${hosts.find(({ isComplete }) => !isComplete)?.lacking ?? ''} See: ethos hosts HOST`,
    }),
    ...some('host', hosts, ({ reportAgeMs }) => reportAgeMs === undefined || reportAgeMs > HOST_SILENT_MS, {
      verdict: 'wrong',
      text: `did not report for ${spanText(HOST_SILENT_MS)} or ever: what runs there is frozen`,
      remedy: 'Does their reporter run, and can it reach this server? To let one in: ethos enroll HOST --host',
    }),
  ]
}

function lookAtVms(vms: readonly VmView[]): readonly Finding[] {
  if (vms.length === 0)
    return [
      { verdict: 'note', what: 'No VM is known yet.', remedy: 'Hosts tell of theirs; agents join: ethos enroll VM' },
    ]
  return [
    { verdict: 'good', what: `${vms.length} VMs are known.` },
    ...some(
      'VM',
      vms.filter(({ state }) => state !== 'banned'),
      ({ host }) => host === undefined,
      {
        verdict: 'note',
        text: 'run nobody knows where: they are left alone',
        remedy: 'Do the hosts on which they run report? Do two hosts claim one of them?',
      },
    ),
    ...some('VM', vms, ({ state, vectorAgeMs }) => state === 'good' && (vectorAgeMs ?? Infinity) > SILENT_MS, {
      verdict: 'note',
      text: `told nothing for ${spanText(SILENT_MS)}: the last good vector ages`,
      remedy: 'In the guest: ethos agent doctor; systemctl status ethos-agent',
    }),
    ...some('VM', vms, ({ isClockOff }) => isClockOff === true, {
      verdict: 'note',
      text: 'have a clock that is more than 5 minutes off',
      remedy: 'The time of arrival counts; look at NTP in the guest all the same.',
    }),
  ]
}

function lookAtAgents(agents: readonly AgentView[]): readonly Finding[] {
  return some('VM', agents, ({ state }) => state === 'quarantined', {
    verdict: 'wrong',
    text: 'in quarantine: two machines used one identity',
    remedy: 'Take the state folder off the wrong one, then: ethos agents release VM',
  })
}

function lookAtAlerts({ alerts }: Static<typeof AlertsView>): readonly Finding[] {
  if (alerts.length === 0) return [{ verdict: 'good', what: 'No alerts.' }]
  return alerts.map(({ severity, what, remedy }) => ({
    verdict: severity === 'note' ? ('note' as const) : ('wrong' as const),
    what,
    remedy,
  }))
}

interface Told {
  readonly verdict: 'note' | 'wrong'
  readonly text: string
  readonly remedy: string
}

/** One finding for all that a condition holds of, with some of their names. */
function some<T extends { readonly vm?: string; readonly host?: string }>(
  kind: 'VM' | 'host',
  list: readonly T[],
  isSo: (item: T) => boolean,
  { verdict, text, remedy }: Told,
): readonly Finding[] {
  const found = list.filter(isSo).map(({ vm, host }) => (kind === 'VM' ? vm : host) ?? '?')
  if (found.length === 0) return []
  const rest = found.length > NAMED_MAX ? ` and ${found.length - NAMED_MAX} more` : ''
  const names = `${found.slice(0, NAMED_MAX).join(', ')}${rest}`
  return [{ verdict, what: `${found.length} of ${list.length} ${kind}s ${text}: ${names}.`, remedy }]
}

/** The store of a folder on this machine, whether a server runs with it or not. */
async function lookAtFolder(data: string | undefined): Promise<readonly Finding[]> {
  if (data === undefined) return []
  const { findingsOf, storeOf } = await import('./store-actions.ts')
  const path = storeOf(data)
  const findings = await findingsOf(path, () => undefined)
  const told = findings.map(({ severity, what, remedy }): Finding => {
    return { verdict: severity === 'damage' ? 'wrong' : 'note', what, remedy }
  })
  return findings.length === 0 ? [{ verdict: 'good', what: `${path} is whole.` }] : told
}
