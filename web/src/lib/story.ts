/** One move's story, from its cause to what came of it: what the journal has, in the words of `ethos moves explain`. */
import type { MoveStoryView } from '../../../src/apps/server/views/moves.ts'
import type { Fields } from '../../../src/terms/parse.ts'
import {
  bytesText,
  hostCoresNumber,
  moneyText,
  nearlySureText,
  pauseText,
  percentText,
  spanText,
} from '../../../src/terms/shown.ts'
import { fieldsOf, listOf, numberOf, secondText, shownOf, textOf } from './told.ts'

export interface Story {
  readonly vm: string
  readonly from: string
  readonly to: string
  readonly class: string
  readonly state: string
  /** Facts before the start, in order: what it is, and what is told. */
  readonly facts: readonly Fact[]
  readonly otherHosts: readonly OtherHost[]
  readonly refused: readonly Fact[]
  readonly bounds: readonly Bound[]
  readonly budgets: readonly string[]
  /** Promised before the start beside what the platform measured. */
  readonly figures: readonly Figure[]
  /** Gain and cost, promised and realised. Empty: none was reckoned. */
  readonly worth: readonly Figure[]
  readonly steps: readonly Step[]
}

export interface Fact {
  readonly what: string
  readonly text: string
}
export interface OtherHost {
  readonly host: string
  readonly score: number | undefined
  readonly isChosen: boolean
}
/** Demand that a host may come to, reference cores. */
export interface Bound {
  readonly host: string
  readonly bound: number | undefined
  readonly moved: number | undefined
  readonly capacity: number | undefined
}
export interface Figure {
  readonly what: string
  readonly promised: number | undefined
  readonly came: number | undefined
  readonly show: (value: number) => string
}
export interface Step {
  readonly at: string
  readonly step: string
  readonly text: string
}

export function storyOf(view: MoveStoryView): Story {
  const { turn, move } = view
  const order = fieldsOf(turn?.order)
  const grounds = fieldsOf(view.grounds)
  const to = textOf(move?.to ?? order['to'])
  return {
    vm: textOf(move?.vm ?? order['vmId']),
    from: textOf(move?.from ?? order['from']),
    to,
    class: textOf(move?.class ?? order['class']),
    state: move?.state ?? 'not carried out',
    facts: factsOf(view, order),
    otherHosts: listOf(grounds['alternatives']).map(({ host, score }) => ({
      host: textOf(host),
      score: numberOf(score),
      isChosen: host === to,
    })),
    refused: listOf(grounds['refused']).map(({ lacking, hosts, example }) => ({
      what: `${textOf(hosts)} for ${textOf(lacking)}`,
      text: textOf(example),
    })),
    bounds: listOf(grounds['bounds']).map(({ host, bound, moved, capacity }) => ({
      host: textOf(host),
      bound: numberOf(bound),
      moved: numberOf(moved),
      capacity: numberOf(capacity),
    })),
    budgets: budgetsOf(grounds),
    figures: figuresOf(move),
    worth: worthOf(order, fieldsOf(view.outcome)),
    steps: view.steps.map(stepOf),
  }
}

function factsOf(view: MoveStoryView, order: Fields): readonly Fact[] {
  const { turn, held, move } = view
  const worth = fieldsOf(order['move'])
  const money = (name: string): string => shownOf(worth[name], moneyText)
  const kind = textOf(move?.class ?? order['class'])
  const sure = worth['gainAtLeast'] === undefined ? '' : `, ${nearlySureText(money('gainAtLeast'), kind)}`
  // Told since people may object to proposals; a server of before does not have it.
  const objections = listOf(fieldsOf(view)['objections'])
  return [
    { what: 'Why', text: textOf(move?.reason ?? order['reason']) },
    ...(turn === undefined ? [] : [{ what: 'Decided', text: `turn ${turn.number}, ${secondText(turn.at)}` }]),
    ...(worth['gain'] === undefined
      ? []
      : [
          {
            what: 'Worth',
            text: `gain ${money('gain')}${sure}, cost ${money('cost')}, confidence ${shownOf(worth['confidence'], percentText)}`,
          },
        ]),
    ...(turn?.events ?? []).map((event) => ({ what: 'Seen', text: eventText(event) })),
    ...(held === undefined ? [] : [{ what: 'Held', text: held }]),
    ...objections.map(({ what, at, who, because }) => ({
      what: capital(textOf(what)),
      text: `${secondText(at)}${who === undefined ? '' : ` by ${textOf(who)}`}${because === undefined ? '' : `: ${textOf(because)}`}`,
    })),
    { what: 'Cause', text: move === undefined ? 'Not begun yet, or never.' : causeSentence(move.cause) },
    ...(move?.promise === undefined
      ? []
      : [{ what: 'Promise', text: `It ends in time with ${percentText(move.promise.pConverge)}.` }]),
    ...(move?.promiseModel === undefined ? [] : [{ what: 'Model', text: move.promiseModel }]),
    ...(move?.detail === undefined ? [] : [{ what: 'Ended', text: move.detail }]),
  ]
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`
}

function causeSentence({ kind, who, host }: NonNullable<MoveStoryView['move']>['cause']): string {
  if (kind === 'policy') return 'The policy.'
  return kind === 'operator' ? `${who ?? '?'} approved it.` : `${host ?? '?'} is emptied, by ${who ?? '?'}.`
}

function cores(value: unknown): string {
  return shownOf(value, hostCoresNumber)
}

function eventText(event: Fields): string {
  const { kind, hostId, vmId, reason, demandP95, capacity } = event
  const bound = demandP95 === undefined ? '' : `, up to ${cores(demandP95)} of ${cores(capacity)} reference cores`
  return `${textOf(kind).replaceAll('-', ' ')}: ${textOf(hostId ?? vmId)}${bound}${reason === undefined ? '' : `: ${textOf(reason)}`}`
}

function budgetsOf(grounds: Fields): readonly string[] {
  return [
    ...listOf(grounds['budgets']).map(
      ({ host, left }) => `${textOf(host)} may take part in ${textOf(left)} more moves.`,
    ),
    ...(grounds['clusterLeft'] === undefined
      ? []
      : [`The cluster may take ${textOf(grounds['clusterLeft'])} more moves of its class.`]),
  ]
}

function figuresOf(move: MoveStoryView['move']): readonly Figure[] {
  const { promise, figures } = move ?? {}
  const all: readonly Figure[] = [
    { what: 'Duration', promised: promise?.totalMs, came: figures?.totalMs, show: spanText },
    { what: 'Pause', promised: promise?.downtimeMs, came: figures?.downtimeMs, show: pauseText },
    { what: 'Copied', promised: promise?.copiedBytes, came: figures?.copiedBytes, show: bytesText },
  ]
  return all.filter(({ promised, came }) => promised !== undefined || came !== undefined)
}

function worthOf(order: Fields, outcome: Fields): readonly Figure[] {
  const worth = fieldsOf(order['move'])
  const all: readonly Figure[] = [
    {
      what: 'Gain',
      promised: numberOf(outcome['promisedGain'] ?? worth['gain']),
      came: numberOf(outcome['realisedGain']),
      show: moneyText,
    },
    {
      what: 'Cost',
      promised: numberOf(outcome['promisedCost'] ?? worth['cost']),
      came: numberOf(outcome['realisedCost']),
      show: moneyText,
    },
  ]
  return all.filter(({ promised, came }) => promised !== undefined || came !== undefined)
}

function stepOf({ step, at, ...rest }: Fields): Step {
  const { detail, reason, end, state, by, progress } = rest
  const parts = [state, end, by === undefined ? undefined : `by ${textOf(by)}`, detail ?? reason]
  return {
    at: secondText(at),
    step: textOf(step).replaceAll('-', ' '),
    text: [
      ...parts.flatMap((part) => (part === undefined ? [] : [textOf(part)])),
      ...progressText(fieldsOf(progress)),
    ].join(': '),
  }
}

function progressText(progress: Fields): readonly string[] {
  const copied = numberOf(progress['copiedBytes'])
  const left = numberOf(progress['remainingBytes'])
  const rounds = numberOf(progress['rounds'])
  const parts = [
    ...(copied === undefined ? [] : [`${bytesText(copied)} copied`]),
    ...(left === undefined ? [] : [`${bytesText(left)} left`]),
    ...(rounds === undefined ? [] : [`round ${rounds}`]),
  ]
  return parts.length === 0 ? [] : [parts.join(', ')]
}
