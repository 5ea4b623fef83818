/** `ethos moves explain ID`: one move in sentences, from its cause to what came of it. */
import {
  bytesText,
  hostCoresNumber,
  isoText,
  moneyText,
  nearlySureText,
  NOT_KNOWN,
  pauseText,
  percentText,
  spanText,
} from '../../terms/shown.ts'
import type { MoveStoryView } from '../server/views/moves.ts'
import { type AskOptions, pathOf } from './api-client.ts'
import { show } from './site-actions.ts'

export async function explainMove(id: string, options: AskOptions): Promise<void> {
  await show<MoveStoryView>(options, { path: pathOf('v1', 'migrations', id) }, storyText)
}

/** What the journal does not tell is left out. */
export function storyText({ id, turn, held, objections, grounds, move, steps, outcome }: MoveStoryView): string {
  const order = (turn?.order ?? {}) as Told
  const worth = (order['move'] ?? {}) as Told
  const lines: readonly (string | undefined)[] = [
    `${id}: ${text(move?.vm ?? order['vmId'])} from ${text(move?.from ?? order['from'])} to ${text(move?.to ?? order['to'])}`,
    `why       ${text(move?.reason ?? order['reason'])}`,
    turn === undefined ? undefined : `decided   turn ${turn.number}, ${instant(turn.at)}`,
    worth['gain'] === undefined ? undefined : worthText(worth, text(move?.class ?? order['class'])),
    ...(turn?.events ?? []).map((event) => `seen      ${text(event['kind'])} ${eventText(event)}`),
    held === undefined ? undefined : `held      ${held}`,
    ...(objections ?? []).map(objectionText),
    move === undefined ? 'begun     not yet, or never' : `cause     ${causeText(move.cause)}`,
    ...groundsText(grounds ?? {}),
    promiseText(move?.promise),
    ...steps.map(({ step, at, ...rest }) => `${instant(Number(at))}  ${text(step)} ${detailOf(rest)}`),
    move?.figures === undefined ? undefined : `came      ${figuresText(move.figures)}`,
    outcome === undefined ? undefined : outcomeText(outcome),
  ]
  return lines.flatMap((line) => (line === undefined ? [] : [`${line.trimEnd()}\n`])).join('')
}

function objectionText({ what, at, who, because, reason, until }: Told): string {
  const end = until === undefined ? '' : `, until ${instant(Number(until))}`
  const why = because ?? reason
  const by = who === undefined ? '' : ` by ${text(who)}`
  return `${text(what).padEnd(9)} ${instant(Number(at))}${by}${end}${why === undefined ? '' : `: ${text(why)}`}`
}

type Told = Readonly<Record<string, unknown>>

function worthText({ gain, gainAtLeast, cost, confidence }: Told, kind: string): string {
  const sure = gainAtLeast === undefined ? '' : `, ${nearlySureText(money(gainAtLeast), kind)}`
  return `worth     gain ${money(gain)}${sure}, cost ${money(cost)}, confidence ${share(confidence)}`
}

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
        `bound     ${text(host)}: up to ${cores(bound)} of ${cores(capacity)} reference cores, ${cores(moved)} after the move`,
    ),
    ...listOf('budgets').map(({ host, left }) => `budget    ${text(host)} may take part in ${text(left)} more moves`),
    ...(grounds['clusterLeft'] === undefined
      ? []
      : [`budget    the cluster may take ${text(grounds['clusterLeft'])} more moves of its class`]),
  ]
}

function causeText({ kind, who, host }: NonNullable<MoveStoryView['move']>['cause']): string {
  if (kind === 'policy') return 'the policy'
  return kind === 'operator' ? `${who ?? '?'} approved it` : `${host ?? '?'} is emptied, by ${who ?? '?'}`
}

function promiseText(promise: NonNullable<MoveStoryView['move']>['promise']): string | undefined {
  if (promise === undefined) return undefined
  const { totalMs, copiedBytes, downtimeMs, pConverge } = promise
  const figures = figuresText({ totalMs, copiedBytes, downtimeMs })
  return `promised  ${figures}; ends in time with ${percentText(pConverge)}`
}

function outcomeText({ realisedGain, promisedGain, realisedCost, promisedCost }: Told): string {
  const gain = `gain ${money(realisedGain)} of ${money(promisedGain)}`
  return `settled   ${gain}, cost ${money(realisedCost)} of ${money(promisedCost)}`
}

function eventText(event: Told): string {
  const { hostId, vmId, reason, demandP95, capacity } = event
  const bound = demandP95 === undefined ? '' : ` up to ${cores(demandP95)} of ${cores(capacity)} reference cores`
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
    downtimeMs === undefined ? undefined : `${pauseText(downtimeMs)} paused`,
  ]
  return parts.filter((part) => part !== undefined).join(', ')
}

function instant(at: number): string {
  return isoText(at)
}

/** In the policy's currency. */
function money(value: unknown): string {
  return typeof value === 'number' ? moneyText(value) : NOT_KNOWN
}

function cores(value: unknown): string {
  return typeof value === 'number' ? hostCoresNumber(value) : NOT_KNOWN
}

function share(value: unknown): string {
  return typeof value === 'number' ? percentText(value) : NOT_KNOWN
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '?'
}
