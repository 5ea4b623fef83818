/** `ethos policy preview` and `ethos vms opt-out VM preview`: what other wishes would have made of the last day. */
import { setTimeout as sleep } from 'node:timers/promises'
import { bytesText, factorText, instantText, minuteText, numberText, spanText } from '../../terms/shown.ts'
import { printableJson } from '../printable.ts'
import type { OptOutsView } from '../server/views/moves.ts'
import type { PolicyCheckView, PolicyPreviewView, PreviewResultView } from '../server/views/preview.ts'
import { ask, type AskOptions, findLogin, type Login, pathOf, readJson } from './api-client.ts'
import { EXIT } from './api-error.ts'
import type { PolicyPreviewOptions } from './manage-command.ts'
import { parseSpan } from './objection-actions.ts'
import { textFor } from './site-actions.ts'
import { tableText } from './table-text.ts'

/** Between two looks. */
const LOOK_MS = 700
const MOVES_SHOWN = 20
const HOSTS_SHOWN = 10

/** @param file the policy; absent: the one that stands */
export async function previewPolicy(file: string | undefined, options: PolicyPreviewOptions): Promise<void> {
  const { level, times, span, json } = options
  const login = findLogin(options)
  const body = {
    ...(file === undefined ? {} : { policy: readJson('file', file) }),
    ...(level === undefined ? {} : { automation: { level } }),
    ...(times === undefined ? {} : { moveTimes: readJson('--times', times) }),
    ...(span === undefined ? {} : { spanMs: parseSpan(span, '--span') }),
  }
  await preview(login, body, json === true)
}

/** What it would have made of the last day that a VM is left alone; of one that is: that it is no more. */
export async function previewOptOut(vm: string, { json, ...options }: AskOptions): Promise<void> {
  const login = findLogin(options)
  const { vms } = (await ask(login, { path: '/v1/opt-outs' })) as OptOutsView
  let isLeftAlone = false
  const said = textFor(login, () => {
    isLeftAlone = vms.some((one) => one.vm === vm)
    return `${vm}, as asked: ${isLeftAlone ? 'it may be moved again' : 'it is left alone'}.\n`
  })
  if (json !== true) process.stdout.write(said)
  await preview(login, { optOuts: { [isLeftAlone ? 'remove' : 'add']: [vm] } }, json === true)
}

async function preview(login: Login, body: object, isJson: boolean): Promise<void> {
  let view = (await ask(login, { method: 'POST', path: '/v1/policy/preview', body })) as PolicyPreviewView
  while (view.state === 'running') {
    if (process.stderr.isTTY) process.stderr.write(`\r${numberText(Math.floor(view.progress * 100))} % `)
    await sleep(LOOK_MS)
    view = (await ask(login, { path: pathOf('v1', 'policy', 'previews', view.id) })) as PolicyPreviewView
  }
  if (process.stderr.isTTY) process.stderr.write('\r')
  process.stdout.write(isJson ? `${printableJson(view)}\n` : textFor(login, () => previewText(view)))
  if (view.state === 'failed' || !view.check.isGood) process.exitCode = EXIT.no
}

type Replay = PreviewResultView['current']

/** The figures of the page, by the same names. */
const FIGURES: readonly { readonly title: string; readonly of: (replay: Replay) => string }[] = [
  { title: 'time in contention', of: ({ contentionMs }) => spanText(contentionMs) },
  { title: 'demand not served', of: ({ unservedCoreHours }) => `${factorText(unservedCoreHours)} core h` },
  { title: 'energy', of: ({ energyKwh }) => `${factorText(energyKwh)} kWh` },
  { title: 'moves', of: ({ moves }) => numberText(moves) },
  { title: 'proposals', of: ({ proposals }) => numberText(proposals) },
  { title: 'memory sent', of: ({ copiedBytes }) => bytesText(copiedBytes) },
]

/** Whole, as text for people. */
export function previewText({ check, result, failure }: PolicyPreviewView): string {
  const told = checkText(check)
  if (result === undefined) return `${told}There is no preview: ${failure ?? 'nobody told why.'}\n`
  const { from, to, turns, hosts, vms, current, proposed, happened, approximations } = result
  const figures = tableText(
    [
      { head: `replayed on ${hosts} hosts and ${vms} VMs`, cell: ({ title }) => title },
      { head: 'as it stands', cell: ({ of }) => of(current), align: 'right' },
      { head: 'as asked', cell: ({ of }) => of(proposed), align: 'right' },
    ],
    FIGURES,
  )
  return [
    told,
    `${minuteText(from)} to ${instantText(to)}, ${turns} turns each: ${sayWho(current)} against ${sayWho(proposed)}.\n`,
    `Really carried out: ${numberText(happened.moves)} moves. Nothing is changed by this.\n\n`,
    figures,
    movesText(result),
    contentionText(result),
    `\n${approximations.map((text) => `${text}\n`).join('')}`,
  ].join('')
}

function sayWho({ policy, level }: Replay): string {
  return `policy ${policy} at ${level}`
}

function checkText({ problems, conflicts, unchecked }: PolicyCheckView): string {
  return [
    ...problems.map(({ place, text }) => `Can't be understood, ${place}: ${text}\n`),
    ...conflicts.map(({ text, remedy, isNew }) => `${isNew ? 'Contradiction' : 'Stands already'}: ${text} ${remedy}\n`),
    ...(unchecked === undefined ? [] : [`Rules could not be looked at: ${unchecked}\n`]),
  ].join('')
}

/** Those that differ go first to whoever reads: what both make alike is no reason to choose. */
function movesText({ moves, movesLeftOut }: PreviewResultView): string {
  const differing = moves.filter(({ under }) => under !== 'both')
  if (differing.length === 0) return '\nBoth make the same moves.\n'
  const shown = differing.slice(0, MOVES_SHOWN)
  const table = tableText<PreviewResultView['moves'][number]>(
    [
      { head: 'when (UTC)', cell: ({ at }) => minuteText(at) },
      { head: 'under', cell: ({ under }) => (under === 'current' ? 'as it stands' : 'as asked') },
      { head: 'VM', cell: ({ vm }) => vm },
      { head: 'from > to', cell: ({ from, to }) => `${from} > ${to}` },
      { head: '', cell: ({ isCarriedOut }) => (isCarriedOut ? 'moved' : 'proposed') },
    ],
    shown,
  )
  const more = differing.length - shown.length + movesLeftOut
  return `\nMoves that one of them makes and the other does not:\n${table}${more > 0 ? `... and up to ${more} more; --json has them.\n` : ''}`
}

function contentionText({ contention }: PreviewResultView): string {
  const rows = contention.filter(({ currentMs, proposedMs }) => currentMs !== proposedMs).slice(0, HOSTS_SHOWN)
  if (rows.length === 0) return ''
  const table = tableText<PreviewResultView['contention'][number]>(
    [
      { head: 'host', cell: ({ host }) => host },
      { head: 'as it stands', cell: ({ currentMs }) => spanText(currentMs), align: 'right' },
      { head: 'as asked', cell: ({ proposedMs }) => spanText(proposedMs), align: 'right' },
    ],
    rows,
  )
  return `\nTime in contention where it differs:\n${table}`
}
