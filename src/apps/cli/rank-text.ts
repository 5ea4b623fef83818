/** Rankings, placements and reasons as text for people. */
import type { Static } from 'typebox'
import {
  addedWattsNumber,
  bandText,
  behindText,
  coresNumber,
  coresText,
  hostCoresNumber,
  latencyText,
  moneyText,
  percentText,
  spanText,
  wattsText,
} from '../../terms/shown.ts'
import type {
  HostsForView,
  PairView,
  PlacementsView,
  RankedHostView,
  RefusedHostView,
  WhyView,
} from '../server/views/judgement.ts'
import { tableText, wrapText } from './table-text.ts'

type Ranked = Static<typeof RankedHostView>
type Refused = Static<typeof RefusedHostView>
type Pair = Static<typeof PairView>
type Why = Static<typeof WhyView>
type Placements = Static<typeof PlacementsView>

/** Most refusals that are shown without being asked for. */
const REASONS_MAX = 10

export interface RankShown {
  /** Ranked hosts to show; 0: all. */
  readonly top: number
  readonly isRefusedShown: boolean
}

/** The ranked list with the terms that make each score, then what was refused and why. */
export function rankText(answer: HostsForView, { top, isRefusedShown }: RankShown): string {
  const { vm, host, currency, horizonMs, ranked, refused, gate } = answer
  const at = host === undefined ? 'nobody knows for sure where it runs' : `on ${host}`
  const head = `${vm}, ${at}. Scores in ${currency} over ${spanText(horizonMs)}, against staying; more is better.\n`
  const shown = top === 0 ? ranked : ranked.slice(0, top)
  const left = ranked.length - shown.length
  return [
    head,
    ...(gate === undefined ? [] : [`It may not move now: ${gate}\n`]),
    '\n',
    ranked.length === 0 ? 'No host is suitable.\n' : rankedTable(shown),
    belowText(shown, currency),
    ...(left > 0 ? [`... and ${left} more (--top 0 shows all)\n`] : []),
    refusedText(refused, isRefusedShown ? 'reasons' : 'counts'),
    remediesText(answer.remediation),
  ].join('')
}

function rankedTable(list: readonly Ranked[]): string {
  const money =
    (valueOf: (row: Ranked) => number) =>
    (row: Ranked): string =>
      moneyText(valueOf(row))
  return tableText<Ranked>(
    [
      { head: '#', cell: ({ rank }) => String(rank), align: 'right' },
      { head: 'host', cell: ({ host }) => host },
      { head: 'score', cell: money(({ score }) => score.total), align: 'right' },
      { head: 'performance', cell: money(({ score }) => score.terms.performance), align: 'right' },
      { head: 'energy', cell: money(({ score }) => score.terms.energy), align: 'right' },
      { head: 'load', cell: money(({ score }) => score.terms.load), align: 'right' },
      { head: 'migration', cell: money(({ score }) => score.terms.migration), align: 'right' },
      { head: 'latency', cell: ({ performance }) => latencyText(performance.latencyFactor), align: 'right' },
      { head: 'served', cell: ({ performance }) => percentText(performance.throughput), align: 'right' },
      { head: 'watts', cell: ({ performance }) => addedWattsNumber(performance.addedWatts), align: 'right' },
    ],
    list,
  )
}

/** Why the first few are below the best, and in what band their latency lies. */
function belowText(list: readonly Ranked[], currency: string): string {
  const lines = list.slice(0, REASONS_MAX).flatMap(({ host, behind, performance: { bands } }) => {
    const why = behind === undefined ? [] : [behindText(behind, currency)]
    const band = bands === undefined ? [] : [`latency ${bandText(bands.latencyFactor, latencyText)} in 8 of 10 cases`]
    return why.length + band.length === 0 ? [] : [`  ${host}: ${[...why, ...band].join('; ')}\n`]
  })
  return lines.join('')
}

/** @param shown all with their reasons, or how many of each kind and by which option the reasons are to be had, if by any */
function refusedText(refused: readonly Refused[], shown: 'reasons' | 'counts' | 'counts alone'): string {
  if (refused.length === 0) return ''
  if (shown === 'reasons') return `\nRefused:\n${refused.map(reasonText).join('')}`
  const byLack: Record<string, number> = {}
  for (const { verdict } of refused) byLack[verdict.lacking] = (byLack[verdict.lacking] ?? 0) + 1
  return `\n${countsText(byLack)}${shown === 'counts' ? '; --refused shows why each' : ''}.\n`
}

function countsText(byLack: Readonly<Record<string, number>>): string {
  const counts = Object.entries(byLack)
  const all = counts.reduce((sum, [, number]) => sum + number, 0)
  return `${all} refused (${counts.map(([lack, number]) => `${number} ${lack}`).join(', ')})`
}

/** Most reasons begin with the host. */
function reasonText({ host, verdict: { reason } }: Refused): string {
  return reason.startsWith(`${host} `) ? `  ${reason}\n` : `  ${host}: ${reason}\n`
}

function remediesText(remediation: HostsForView['remediation']): string {
  if (remediation === undefined || remediation.length === 0) return ''
  return `\nWhat could be done:\n${remediation.map(({ reason }) => `  - ${reason}\n`).join('')}`
}

export function placeText(answer: Placements, top: number): string {
  const { placements, currency, horizonMs, isComplete } = answer
  const head = `Scores in ${currency} over ${spanText(horizonMs)}; each sees those placed before it.\n`
  const parts = placements.map(({ vm, host, demand, ranked, refused, refusals, remediation }) => {
    // Where there is none, what stands against each is the answer; of many VMs and hosts only counts are told.
    const isTold = ranked.length === 0 && refused.length > 0 && refused.length <= REASONS_MAX
    const counts = Object.keys(refusals).length === 0 ? '' : `${countsText(refusals)}.\n`
    return [
      `\n${vm.id}: ${host ?? 'no host can take it'}\n`,
      `  demand: ${coresText(demand.mean)} at the mean, ${coresNumber(demand.p95)} at P95\n`,
      `  ${demand.reason}\n`,
      ranked.length === 0 ? '' : indent(rankedTable(ranked.slice(0, top))),
      indent(isTold ? refusedText(refused, 'reasons').trimStart() : counts),
      indent(remediesText(remediation).trimStart()),
    ].join('')
  })
  return `${head}${parts.join('')}${isComplete ? '' : '\nNot all of them find a host.\n'}`
}

export function whyText(answer: Why): string {
  const { sentence, held, gate, performance, demand, hostDemand, timeUntilContention, order, host } = answer
  const lines = [
    sentence,
    ...held.map((reason) => `No orders were given: ${reason}`),
    ...(gate === undefined ? [] : [`It may not move now: ${gate}`]),
    '',
    `demand       ${meanText(demand)} (${demand.samples} samples); its size is ${coresNumber(demand.size)}`,
    ...(performance === undefined
      ? []
      : [
          `here         latency ${latencyText(performance.latencyFactor)}, ${percentText(performance.throughput)} of its ` +
            `demand served, ${wattsText(performance.addedWatts)}`,
        ]),
    ...(hostDemand === undefined || host === undefined
      ? []
      : [
          `${host}: ${hostDemand.vms} VMs want ${hostCoresNumber(hostDemand.mean)} of ${hostCoresNumber(hostDemand.capacity)} ` +
            `reference cores, at most ${hostCoresNumber(hostDemand.bound)}`,
        ]),
    ...(timeUntilContention === undefined ? [] : [contentionLine(timeUntilContention)]),
    ...(order === undefined
      ? []
      : ['', `order ${order.id}: ${order.from} > ${order.to} (${order.class}, ${order.state})`]),
  ]
  return `${lines.join('\n')}\n`
}

function meanText({ mean, sd }: Why['demand']): string {
  return `${coresText(mean)} at the mean, give or take ${coresNumber(sd)}`
}

function contentionLine({ cumulative, stepMs, medianMs }: NonNullable<Why['timeUntilContention']>): string {
  const within = spanText(cumulative.length * stepMs)
  const chance = percentText(cumulative.at(-1) ?? 0)
  return `contention   ${chance} within ${within}${medianMs === undefined ? '' : `, as likely as not by ${spanText(medianMs)}`}`
}

export function pairText(answer: Pair): string {
  const { sentence, rules, gates, there, here, best, currency, horizonMs, worth } = answer
  const broken = [...gates, ...rules].flatMap(({ rule, verdict, remedy }) =>
    'lacking' in verdict ? [`  no   ${rule}: ${verdict.reason}${remedy === undefined ? '' : ` ${remedy}`}\n`] : [],
  )
  const kept = rules.filter(({ verdict }) => !('lacking' in verdict)).map(({ rule }) => rule)
  const sides = [
    { name: 'there', side: there },
    ...(here === undefined ? [] : [{ name: 'here', side: here }]),
    ...(best === undefined || best.host === there.host ? [] : [{ name: 'best', side: best }]),
  ]
  const table = tableText<(typeof sides)[number]>(
    [
      { head: '', cell: ({ name }) => name },
      { head: 'host', cell: ({ side }) => side.host },
      { head: 'score', cell: ({ side }) => moneyText(side.score.total), align: 'right' },
      { head: 'performance', cell: ({ side }) => moneyText(side.score.terms.performance), align: 'right' },
      { head: 'energy', cell: ({ side }) => moneyText(side.score.terms.energy), align: 'right' },
      { head: 'load', cell: ({ side }) => moneyText(side.score.terms.load), align: 'right' },
      { head: 'migration', cell: ({ side }) => moneyText(side.score.terms.migration), align: 'right' },
      { head: 'latency', cell: ({ side }) => latencyText(side.performance.latencyFactor), align: 'right' },
      {
        head: 'CPU bound',
        cell: ({ side }) => percentText(side.outlook.bound / side.outlook.capacity),
        align: 'right',
      },
    ],
    sides,
  )
  return [
    `${sentence}\n`,
    broken.length === 0 ? '' : `\n${broken.join('')}`,
    kept.length === 0 ? '' : wrapText(kept, '  yes  '),
    `\nIn ${currency} over ${spanText(horizonMs)}, against staying:\n${table}`,
    worth === undefined
      ? ''
      : `\nGain ${moneyText(worth.gain)}, cost ${moneyText(worth.cost)}, needed ${moneyText(worth.needed)}: ${worth.isEnough ? 'worth it' : 'not worth it'}.\n`,
  ].join('')
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ')
}
