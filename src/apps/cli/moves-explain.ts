/** `ethos moves explain ID`: one move in sentences, from its cause to what came of it. */
import type { MoveStoryView } from '../server/views/moves.ts'
import { type AskOptions, pathOf } from './api-client.ts'
import { show } from './site-actions.ts'
import { bytesText, spanText } from './table-text.ts'

export async function explainMove(id: string, options: AskOptions): Promise<void> {
  await show<MoveStoryView>(options, { path: pathOf('v1', 'migrations', id) }, storyText)
}

/** What the journal does not tell is left out. */
export function storyText({ id, turn, held, grounds, move, steps, outcome }: MoveStoryView): string {
  const order = (turn?.order ?? {}) as Told
  const worth = (order['move'] ?? {}) as Told
  const lines: readonly (string | undefined)[] = [
    `${id}: ${text(move?.vm ?? order['vmId'])} from ${text(move?.from ?? order['from'])} to ${text(move?.to ?? order['to'])}`,
    `why       ${text(move?.reason ?? order['reason'])}`,
    turn === undefined ? undefined : `decided   turn ${turn.number}, ${instant(turn.at)}`,
    worth['gain'] === undefined
      ? undefined
      : `worth     gain ${money(worth['gain'])}, cost ${money(worth['cost'])}, confidence ${money(worth['confidence'])}`,
    ...(turn?.events ?? []).map((event) => `seen      ${text(event['kind'])} ${eventText(event)}`),
    held === undefined ? undefined : `held      ${held}`,
    move === undefined ? 'begun     not yet, or never' : `cause     ${causeText(move.cause)}`,
    ...groundsText((grounds ?? {}) as Told),
    move?.promise === undefined
      ? undefined
      : `promised  ${spanText(move.promise.totalMs)}, ${bytesText(move.promise.copiedBytes)}, ${move.promise.downtimeMs.toFixed(0)} ms paused; ends in time with ${(100 * move.promise.pConverge).toFixed(0)} %`,
    ...steps.map(({ step, at, ...rest }) => `${instant(Number(at))}  ${text(step)} ${detailOf(rest)}`),
    move?.figures === undefined ? undefined : `came      ${figuresText(move.figures)}`,
    outcome === undefined
      ? undefined
      : `settled   gain ${money(outcome['realisedGain'])} of ${money(outcome['promisedGain'])}, cost ${money(outcome['realisedCost'])} of ${money(outcome['promisedCost'])}`,
  ]
  return lines.flatMap((line) => (line === undefined ? [] : [`${line.trimEnd()}\n`])).join('')
}

type Told = Readonly<Record<string, unknown>>

function groundsText(grounds: Told): readonly string[] {
  const listOf = (name: string): readonly Told[] => (Array.isArray(grounds[name]) ? (grounds[name] as Told[]) : [])
  const best = listOf('alternatives').map(({ host, score }) => `${text(host)} ${money(score)}`)
  return [
    ...(best.length === 0
      ? []
      : [`hosts     ${text(grounds['suitableHosts'])} would do; by score: ${best.join(', ')}`]),
    ...listOf('refused').map(
      ({ lacking, hosts, example }) => `refused   ${text(hosts)} for ${text(lacking)}: ${text(example)}`,
    ),
    ...listOf('bounds').map(
      ({ host, bound, moved, capacity }) =>
        `bound     ${text(host)}: up to ${money(bound)} of ${money(capacity)} reference cores, ${money(moved)} after the move`,
    ),
    ...listOf('budgets').map(({ host, left }) => `budget    ${text(host)} may take part in ${text(left)} more moves`),
  ]
}

function causeText({ kind, who, host }: NonNullable<MoveStoryView['move']>['cause']): string {
  if (kind === 'policy') return 'the policy'
  return kind === 'operator' ? `${who ?? '?'} approved it` : `${host ?? '?'} is emptied, by ${who ?? '?'}`
}

function eventText(event: Told): string {
  const { hostId, vmId, reason, demandP95, capacity } = event
  const bound = demandP95 === undefined ? '' : ` up to ${money(demandP95)} of ${money(capacity)} reference cores`
  return `${text(hostId ?? vmId)}${bound}${reason === undefined ? '' : `: ${text(reason)}`}`
}

function detailOf(rest: Told): string {
  const { detail, reason, end, state, by } = rest
  return [state, end, by === undefined ? undefined : `by ${text(by)}`, detail ?? reason]
    .flatMap((part) => (part === undefined ? [] : [text(part)]))
    .join(': ')
}

function figuresText({
  totalMs,
  copiedBytes,
  downtimeMs,
}: NonNullable<NonNullable<MoveStoryView['move']>['figures']>): string {
  const parts = [
    totalMs === undefined ? undefined : spanText(totalMs),
    copiedBytes === undefined ? undefined : bytesText(copiedBytes),
    downtimeMs === undefined ? undefined : `${downtimeMs.toFixed(0)} ms paused`,
  ]
  return parts.filter((part) => part !== undefined).join(', ')
}

function instant(at: number): string {
  return Number.isFinite(at) ? new Date(at).toISOString() : '?'
}

function money(value: unknown): string {
  return typeof value === 'number' ? value.toPrecision(3) : '?'
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '?'
}
