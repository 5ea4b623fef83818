/** An explanation in words, for a terminal. */
import type { Explanation } from '../../engine/explain.ts'
import type { SimulatedMove } from '../../simulator/migrations.ts'
import { isPresent, PERSONALITY_SCHEMA } from '../../terms/personality.ts'
import type { RankedHost, RefusedHost } from '../../terms/ranking.ts'
import type { StayReason, TimeUntilContention } from '../../terms/turn.ts'
import { MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import type { BacktestSetup } from './setup.ts'

/** Hosts listed before the rest is counted. */
const RANKED_SHOWN = 8

export interface About {
  readonly name: string
  readonly setup: BacktestSetup
  /** All moves of the VM in the run. */
  readonly moves: readonly SimulatedMove[]
}

export function renderExplanation(explanation: Explanation, about: About): string {
  return [
    decisionLine(explanation, about.name),
    ...whereLines(explanation, about),
    ...personalityLines(explanation),
    ...rankingLines(explanation, about.setup),
    ...eventLines(explanation),
  ].join('\n')
}

const STAY_TEXT: Readonly<Record<StayReason, string>> = {
  moves: 'it moves',
  'host-comfortable': 'contention on its host is less likely than the policy acts on, and nobody tried to empty it',
  'host-not-worth-emptying': 'its host was looked at for emptying and kept on',
  'no-suitable-host': 'it should leave, but no host is suitable',
  'another-vm-relieves-host': 'contention is forecast for its host, but other VMs leave, or none is worth moving',
  cooldown: 'it moved lately and rests',
  'move-budget': 'its moves, or those of this turn, are used up',
  pinned: 'its owner pinned it',
  'in-flight': 'it is being migrated already',
  'location-unknown': 'nobody knows where it runs, and what is unknown is left alone',
  'no-sample': 'nothing was measured of it yet',
  'benefit-below-cost': 'moving it would cost more than it gains',
  'hold-not-reached': 'contention is forecast for its host, but not for long enough to act on it',
  objected: 'a person said no, or not yet, to a move of it',
}

function decisionLine({ order, at, stayed }: Explanation, name: string): string {
  const time = formatTime(at)
  if (order === undefined) return `At ${time} ${name} stayed: ${STAY_TEXT[stayed]}.`
  const { move } = order
  const said = `At ${time} ${name} moved from ${order.from} to ${order.to} (${order.class}). ${order.reason}`
  if (move === undefined) return said
  const { durationMs, downtimeMs } = move.estimate
  const worth = `Gain ${move.gain.toFixed(4)}, cost ${move.cost.toFixed(4)}, confidence ${move.confidence.toFixed(2)}`
  return `${said} ${worth}; the copy takes ${(durationMs / SECOND_MS).toFixed(1)} s with ${downtimeMs.toFixed(0)} ms of downtime.`
}

function whereLines(explanation: Explanation, { setup, moves }: About): readonly string[] {
  const { host, hostDemand, timeUntilContention, performance, gate } = explanation
  if (host < 0 || hostDemand === undefined || timeUntilContention === undefined) return []
  const { members, mean, bound, capacity } = hostDemand
  const ids = setup.fleet.hosts.map(({ id }) => id)
  const demand = `expected ${mean.toFixed(2)} cores, upper bound ${bound.toFixed(2)}, capacity ${capacity.toFixed(2)}`
  const lines = ['', `Its host ${ids[host]}: ${members} VMs, ${demand}.`, contentionLine(timeUntilContention)]
  if (performance !== undefined) {
    const served = `${(performance.throughput * 100).toFixed(2)} % of its demand served`
    const latency = `latency ${performance.latencyFactor.toFixed(2)} times that of an idle host`
    lines.push(`There it has ${latency}, ${served}, and costs ${performance.addedWatts.toFixed(1)} W.`)
  }
  if (gate !== undefined) lines.push(`Gate: ${gate}`)
  const course = moves.map(({ second, from, to }) => `${formatTime(second * SECOND_MS)} ${ids[from]} -> ${ids[to]}`)
  lines.push(course.length === 0 ? 'It never moves in this run.' : `Its moves in this run: ${course.join(', ')}.`)
  return lines
}

function contentionLine({ cumulative, stepMs, medianMs }: TimeUntilContention): string {
  const shown = new Set([0, 2, 5, cumulative.length - 1])
  const marks = cumulative.flatMap((probability, i) =>
    shown.has(i) ? [`${((i + 1) * stepMs) / MINUTE_MS} min ${(probability * 100).toFixed(1)} %`] : [],
  )
  const median = medianMs === undefined ? 'probably not within the horizon' : `likely by ${medianMs / MINUTE_MS} min`
  return `Contention there begins within ${marks.join(', ')}: ${median}.`
}

function personalityLines({ personality }: Explanation): readonly string[] {
  if (personality === undefined) return ['', 'No personality yet.']
  const lines = PERSONALITY_SCHEMA.flatMap(({ name, unit }, i) =>
    isPresent(personality, i) ? [`  ${name.padEnd(26)} ${formatValue(personality.values[i])} ${unit}`] : [],
  )
  const absent = `${PERSONALITY_SCHEMA.length - lines.length} of ${PERSONALITY_SCHEMA.length} dimensions are absent`
  const window = `window of ${personality.windowMs / MINUTE_MS} min to ${formatTime(personality.windowEnd)}`
  return ['', `Personality (${window}; ${absent}, most for want of an agent):`, ...lines]
}

function rankingLines({ ranking, order }: Explanation, setup: BacktestSetup): readonly string[] {
  const { ranked, refused } = ranking
  const chosen = ranked.findIndex(({ hostId }) => hostId === order?.to)
  const counts = `${ranked.length} suitable, ${refused.length} refused`
  const lines = [
    '',
    `Hosts as they stood before the turn's own plan, money in ${setup.policy.prices.currency} per horizon: ${counts}.`,
  ]
  const shown = ranked.slice(0, RANKED_SHOWN)
  if (chosen >= RANKED_SHOWN) shown.push(ranked[chosen])
  if (ranked.length > 0) lines.push(...tabulate([RANKED_TITLES, ...shown.map(rankedCells)]))
  if (ranked.length > shown.length)
    lines.push(`  ... and ${ranked.length - shown.length} more, none better than the first`)
  return [...lines, ...chosenLines(choiceOf(order, chosen, ranked.length)), ...refusalLines(refused)]
}

interface Choice {
  readonly to: string
  readonly isEmptying: boolean
  /** From 1; 0 where it was not suitable before the turn's own plan. */
  readonly rank: number
  readonly count: number
}

function choiceOf(order: Explanation['order'], chosen: number, count: number): Choice | undefined {
  return order && { to: order.to, isEmptying: order.class === 'energy', rank: chosen + 1, count }
}

/** Scores are of this VM alone; a move may be worth it for what it does for all the others. */
function chosenLines(choice: Choice | undefined): readonly string[] {
  if (choice === undefined) return []
  const { to, isEmptying, rank, count } = choice
  const place =
    rank > 0 ? `ranks ${rank} of ${count} by this VM's own score` : 'became suitable by other moves of the turn'
  const judged = isEmptying ? 'the emptying of its whole host' : 'the relief of its host'
  return [`  chosen: ${to}, which ${place}; the move was judged by ${judged}.`]
}

const RANKED_TITLES = [
  'host',
  'score',
  '= performance',
  '+ energy',
  '+ load',
  '+ migration',
  'latency',
  'served',
  'watts',
]

function rankedCells({ hostId, score, performance }: RankedHost): readonly string[] {
  const { terms } = score
  return [
    hostId,
    score.total.toFixed(5),
    ...[terms.performance, terms.energy, terms.load, terms.migration].map((money) => money.toFixed(5)),
    `x${performance.latencyFactor.toFixed(2)}`,
    `${(performance.throughput * 100).toFixed(2)} %`,
    performance.addedWatts.toFixed(1),
  ]
}

/** One line per kind of refusal, with the count and the first reason. */
function refusalLines(refused: readonly RefusedHost[]): readonly string[] {
  const byLack = new Map<string, RefusedHost[]>()
  for (const host of refused) byLack.set(host.verdict.lacking, [...(byLack.get(host.verdict.lacking) ?? []), host])
  return [...byLack].map(([lacking, hosts]) => {
    const count = hosts.length === 1 ? '1 host' : `${hosts.length} hosts`
    return `  refused for ${lacking}: ${count}${hosts.length === 1 ? '' : ', for example'}: ${hosts[0].verdict.reason}`
  })
}

function eventLines({ events }: Explanation): readonly string[] {
  const lines = events.flatMap((event) => {
    if (event.kind === 'move-refused')
      return [`  not moved${event.to === undefined ? '' : ` to ${event.to}`}: ${event.reason}`]
    if (event.kind === 'host-kept') return [`  ${event.hostId}: ${event.reason}`]
    if (event.kind === 'no-suitable-host')
      return event.remediation.map(({ remedy, reason }) => `  remedy ${remedy}: ${reason}`)
    return []
  })
  return lines.length === 0 ? [] : ['', 'The turn said:', ...lines]
}

function tabulate(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)))
  return rows.map(
    (row) => `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ')}`,
  )
}

export function formatTime(ms: number): string {
  const minutes = Math.floor(ms / MINUTE_MS)
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
}

function formatValue(value: number): string {
  const text = Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(4)
  return text.padStart(12)
}
