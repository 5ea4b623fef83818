/** What the commands about moves print. */
import {
  bytesText,
  countText,
  factorText,
  minuteText,
  pauseText,
  percentTenthsText,
  spanText,
} from '../../terms/shown.ts'
import { UsageError } from '../usage-error.ts'
import type {
  BudgetView,
  DoneView,
  EvacuationView,
  LibvirtView,
  MigrationsView,
  MigrationView,
  MoveTimesView,
  ProposalView,
  WarningsView,
} from '../server/views/moves.ts'
import type { ObjectionView } from '../server/views/proposals.ts'
import { ask, type AskOptions, findLogin, pathOf, type Question, readJson } from './api-client.ts'
import type { AcceptOptions, MaintenanceOptions, MovesOptions, OptOutOptions, VouchOptions } from './moves-command.ts'
import { show } from './site-actions.ts'
import { tableText } from './table-text.ts'

const ENDED_SHOWN = 20

export async function moves({ ledger = false, ...options }: MovesOptions): Promise<void> {
  await show<MigrationsView>(options, { path: '/v1/migrations' }, ledger ? ledgerText : movesText)
}

/** The whole of it as text for people. */
export function movesText(answer: MigrationsView): string {
  const {
    open,
    ended,
    proposals,
    objections = [],
    budgets = [],
    evacuations,
    holds,
    driver,
    level,
    isPaused,
    asOf,
  } = answer
  const paused = isPaused === true ? ', paused' : ''
  const through = driver === undefined ? 'no driver is configured: nothing is moved' : `moves go through ${driver}`
  const parts = [
    `Automation is ${level ?? 'not known yet'}${paused}; ${through}.\n`,
    ...holds.map(({ reason }) => `Nothing is started: ${reason}\n`),
    ...budgets.map(budgetText),
    section('Under way', open, (list) => openText(list, asOf)),
    section('Proposed', proposals, (list) => proposalsText(list, asOf)),
    ...(objections.length === 0 ? [] : [section('Rejected or postponed', objections, objectionsText)]),
    section('Hosts that are emptied', evacuations, evacuationsText),
    section('Ended', ended.slice(0, ENDED_SHOWN), (list) => endedText(list, asOf)),
  ]
  return parts.join('')
}

function section<T>(title: string, list: readonly T[], textOf: (list: readonly T[]) => string): string {
  return list.length === 0 ? `\n${title}: none.\n` : `\n${title}:\n${textOf(list)}`
}

function causeText({ cause }: MigrationView): string {
  if (cause.kind === 'policy') return 'policy'
  return cause.kind === 'operator' ? `by ${cause.who ?? '?'}` : `emptying ${cause.host ?? '?'}, by ${cause.who ?? '?'}`
}

function openText(list: readonly MigrationView[], asOf: number): string {
  const table = tableText<MigrationView>(
    [
      { head: 'VM', cell: ({ vm }) => vm },
      { head: 'from > to', cell: ({ from, to }) => `${from} > ${to}` },
      { head: 'state', cell: ({ state, frozen }) => (frozen === undefined ? state : `${state}: ${frozen.reason}`) },
      { head: 'since', cell: ({ recordedAt }) => spanText(asOf - recordedAt), align: 'right' },
      { head: 'left', cell: ({ progress }) => bytesOrNothing(progress?.remainingBytes), align: 'right' },
      {
        head: 'promised',
        cell: ({ promise }) => (promise === undefined ? '' : spanText(promise.totalMs)),
        align: 'right',
      },
      { head: 'cause', cell: causeText },
    ],
    list,
  )
  const frozen = list.flatMap(({ vm, frozen: why }) => (why === undefined ? [] : [`${vm}: ${why.detail}\n`]))
  return `${table}${frozen.join('')}`
}

function endedText(list: readonly MigrationView[], asOf: number): string {
  return tableText<MigrationView>(
    [
      { head: 'VM', cell: ({ vm }) => vm },
      { head: 'from > to', cell: ({ from, to }) => `${from} > ${to}` },
      { head: 'end', cell: ({ state }) => state },
      { head: 'ago', cell: ({ endedAt }) => (endedAt === undefined ? '' : spanText(asOf - endedAt)), align: 'right' },
      { head: 'took (promised)', cell: tookText, align: 'right' },
      { head: 'copied (promised)', cell: copiedText, align: 'right' },
      { head: 'paused (promised)', cell: pausedText, align: 'right' },
      { head: 'cause', cell: causeText },
    ],
    list,
  )
}

function tookText({ figures, promise }: MigrationView): string {
  return beside(figures?.totalMs, promise?.totalMs, spanText)
}

function copiedText({ figures, promise }: MigrationView): string {
  return beside(figures?.copiedBytes, promise?.copiedBytes, bytesText)
}

function pausedText({ figures, promise }: MigrationView): string {
  return beside(figures?.downtimeMs, promise?.downtimeMs, pauseText)
}

/** What was not told is left out. */
function beside(came: number | undefined, promised: number | undefined, textOf: (value: number) => string): string {
  const told = came === undefined ? '?' : textOf(came)
  if (promised === undefined) return came === undefined ? '' : told
  return `${told} (${textOf(promised)})`
}

function bytesOrNothing(bytes: number | undefined): string {
  return bytes === undefined ? '' : bytesText(bytes)
}

function proposalsText(list: readonly ProposalView[], asOf: number): string {
  return tableText<ProposalView>(
    [
      { head: 'id', cell: ({ id }) => id },
      { head: 'VM', cell: ({ vm }) => vm },
      { head: 'from > to', cell: ({ from, to }) => `${from} > ${to}` },
      { head: 'good for', cell: ({ endsAt }) => spanText(endsAt - asOf), align: 'right' },
      { head: 'why', cell: ({ reason }) => reason },
      { head: 'not done because', cell: ({ held }) => held ?? '' },
    ],
    list,
  )
}

/** What has been used tells how much may still come. */
function budgetText({ what, used, most, spanMs }: BudgetView): string {
  return used === 0 ? '' : `${used} of ${most} ${what} within ${spanText(spanMs)}.\n`
}

function objectionsText(list: readonly ObjectionView[]): string {
  return tableText<ObjectionView>(
    [
      { head: 'id', cell: ({ id }) => id },
      { head: 'VM', cell: ({ vm }) => vm },
      { head: 'from > to', cell: ({ from, to }) => `${from} > ${to}` },
      { head: 'what', cell: ({ what, who }) => `${what} by ${who}` },
      { head: 'until', cell: ({ until }) => `${minuteText(until)} UTC` },
      { head: 'because', cell: ({ because }) => because ?? '' },
    ],
    list,
  )
}

function evacuationsText(list: readonly EvacuationView[]): string {
  return list
    .map(({ host, who, reason, vms, leaving, stuck }) => {
      const by = who === undefined ? '' : ` (${who}: ${reason ?? ''})`
      const head = vms === 0 ? `${host} is empty${by}.\n` : `${host}${by}: ${vms} VMs left, ${leaving} on their way.\n`
      return `${head}${stuck.map(({ vm, reason: why }) => `  ${vm}: ${why}\n`).join('')}`
    })
    .join('')
}

/** How good promises were, and by what each pair of hosts corrects them. */
export function ledgerText({ ledger }: MigrationsView): string {
  if (ledger === undefined) return 'Nothing is promised: no driver is configured that facts can be read with.\n'
  const { moves: number, wrongVerdicts, open, pairs } = ledger
  const figures = (['total', 'downtime', 'bytes'] as const).flatMap((name) => {
    const sums = ledger[name]
    return sums === undefined ? [] : [{ name, ...sums }]
  })
  const head = `Of moves with a promise ${number} ended and ${open} did not; ${countText(wrongVerdicts, 'verdict was', 'verdicts were')} wrong.\n`
  const good = tableText<(typeof figures)[number]>(
    [
      { head: 'figure', cell: ({ name }) => name },
      { head: 'moves', cell: (one) => String(one.moves), align: 'right' },
      { head: 'median error', cell: ({ medianError }) => percentTenthsText(medianError), align: 'right' },
      { head: 'in the range for 80 %', cell: ({ coverage }) => percentTenthsText(coverage), align: 'right' },
    ],
    figures,
  )
  const byPair = tableText<(typeof pairs)[number]>(
    [
      { head: 'from > to', cell: ({ from, to }) => `${from} > ${to}` },
      { head: 'moves', cell: ({ verdicts }) => verdicts.moves.toFixed(1), align: 'right' },
      { head: 'total x', cell: ({ total }) => learntText(total), align: 'right' },
      { head: 'downtime x', cell: ({ downtime }) => learntText(downtime), align: 'right' },
      { head: 'bytes x', cell: ({ bytes }) => learntText(bytes), align: 'right' },
    ],
    pairs,
  )
  return `${head}${figures.length === 0 ? '' : good}${section('What pairs of hosts taught', pairs, () => byPair)}`
}

function learntText({ factor }: { readonly factor?: number }): string {
  return factor === undefined ? '' : factorText(factor)
}

export async function acceptWarning(
  warning: string | undefined,
  { list = false, undo = false, reason, ...options }: AcceptOptions,
): Promise<void> {
  const path = '/v1/accepted-warnings'
  if (list) return void (await show<WarningsView>(options, { path }, warningsText))
  if (warning === undefined) throw new UsageError('warning', undefined, 'Name one, or list them: --list.')
  const body = { warning, ...(undo ? { isAccepted: false } : {}), ...(reason === undefined ? {} : { reason }) }
  const text = undo ? 'It holds the policy again.\n' : 'It holds the policy no more.\n'
  await show(options, { method: 'PUT', path, body }, () => text)
}

function warningsText({ accepted }: WarningsView): string {
  if (accepted.length === 0) return 'No warning is accepted: each holds the policy.\n'
  return accepted
    .map(({ warning, who, at, reason }) => `${warning}\n  ${who}, ${minuteText(at)} UTC: ${reason}\n`)
    .join('')
}

export async function approve(id: string, options: AskOptions): Promise<void> {
  await showDone(options, { method: 'POST', path: pathOf('v1', 'proposals', id, 'approval') })
}

export async function cancel(vm: string, options: AskOptions): Promise<void> {
  await showDone(options, { method: 'DELETE', path: pathOf('v1', 'vms', vm, 'migration') })
}

export async function vouch(host: string, { isOff, ...options }: VouchOptions): Promise<void> {
  if (isOff !== true)
    throw new UsageError('--is-off', undefined, 'Say that you have made sure: a host that runs on has its VMs twice.')
  await showDone(options, { method: 'PUT', path: pathOf('v1', 'hosts', host, 'vouch'), body: { isOff: true } })
}

function showDone(options: AskOptions, question: Question): Promise<unknown> {
  return show<DoneView>(options, question, ({ text }) => `${text}\n`)
}

/** True for `on`. Throws a `UsageError` for what is neither. */
function parseOnOff(word: string): boolean {
  if (word === 'on' || word === 'off') return word === 'on'
  throw new UsageError('on-or-off', word, 'Expected on or off.')
}

export async function optOut(
  { vm, word }: { readonly vm: string; readonly word: string },
  { reason, force, ...options }: OptOutOptions,
): Promise<void> {
  if (word === 'preview') return (await import('./policy-preview.ts')).previewOptOut(vm, options)
  const isOn = parseOnOff(word)
  const path = pathOf('v1', 'vms', vm, 'opt-out')
  if (!isOn) return void (await show(options, { method: 'DELETE', path }, () => `${vm} may be moved again.\n`))
  if (reason === undefined) throw new UsageError('--reason', undefined, 'Say why: whoever wonders later will read it.')
  const body = { reason, ...(force === true ? { isForced: true } : {}) }
  await show(options, { method: 'PUT', path, body }, () => `${vm} is left alone.\n`)
}

export async function maintenance(
  { host, word }: { readonly host: string; readonly word: string },
  { reason, force, ...options }: MaintenanceOptions,
): Promise<void> {
  if (word === 'preview') return (await import('./evacuation-text.ts')).previewEvacuation(host, options)
  const isOn = parseOnOff(word)
  const path = pathOf('v1', 'hosts', host, 'maintenance')
  if (!isOn) return void (await show(options, { method: 'DELETE', path }, () => `${host} may have VMs again.\n`))
  if (reason === undefined) throw new UsageError('--reason', undefined, 'Say why: whoever wonders later will read it.')
  const body = { reason, ...(force === true ? { isForced: true } : {}) }
  const text = `${host} takes no VM any more. \`ethos moves\` tells how far it is emptied, and what can't leave.\n`
  await show(options, { method: 'PUT', path, body }, () => text)
}

export async function moveTimes(options: AskOptions): Promise<void> {
  await show<MoveTimesView>(options, { path: '/v1/move-times' }, timesText)
}

export async function setMoveTimes(file: string, options: AskOptions): Promise<void> {
  const { timeZone, windows, blackouts } = readJson('file', file) as Partial<MoveTimesView>
  const { version } = (await ask(findLogin(options), { path: '/v1/move-times' })) as MoveTimesView
  const body = { replaces: version, timeZone, windows, blackouts }
  await show<MoveTimesView>(options, { method: 'PUT', path: '/v1/move-times', body }, timesText)
}

function timesText({ timeZone, windows, blackouts, now }: MoveTimesView): string {
  const lines = [
    windows.length === 0
      ? 'The policy may begin moves at any time.'
      : `The policy may begin moves (${timeZone}): ${windows.map(({ days, from, to }) => `${days.join(' ')} ${from}-${to}`).join('; ')}.`,
    ...blackouts.map(
      ({ from, to, reason }) => `Blackout ${minuteText(from)} to ${minuteText(to)} UTC: ${reason ?? ''}`,
    ),
    ...(now === undefined ? [] : [`Now: ${now}`]),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

export async function libvirt(options: AskOptions): Promise<void> {
  await show<LibvirtView>(options, { path: '/v1/libvirt' }, libvirtText)
}

export async function setLibvirt(file: string, options: AskOptions): Promise<void> {
  const given = readJson('file', file) as { readonly site?: unknown }
  const { version } = (await ask(findLogin(options), { path: '/v1/libvirt' })) as LibvirtView
  const body = { replaces: version, site: given.site ?? given }
  await show<LibvirtView>(options, { method: 'PUT', path: '/v1/libvirt', body }, libvirtText)
}

function libvirtText({ site }: LibvirtView): string {
  const { hosts = [] } = site as { readonly hosts?: readonly { readonly id: string; readonly uri: string }[] }
  if (hosts.length === 0) return 'None: nothing is moved. Tell which there are: ethos libvirt set FILE\n'
  return hosts.map(({ id, uri }) => `${id} ${uri}\n`).join('')
}
