/** An explanation in words, for a terminal. */
import { explainVm, type Explanation } from '../../engine/explain.ts'
import type { EngineState } from '../../engine/state.ts'
import { isPresent, PERSONALITY_SCHEMA } from '../../terms/personality.ts'
import type { Observation, StayReason } from '../../terms/turn.ts'
import { MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import { UsageError } from '../usage-error.ts'
import { runPolicy } from './run-policy.ts'
import type { BacktestSetup } from './setup.ts'

/** Hosts listed on each side before the rest is counted. */
const RANKED_SHOWN = 8

/** `VM@TIME`: TIME in seconds since the first sample, or HH:MM. */
export function parseQuestion(text: string, setup: BacktestSetup): { readonly vm: number; readonly atMs: number } {
  const at = text.lastIndexOf('@')
  if (at <= 0) throw new UsageError('--explain', text, 'Expected VM@TIME, for example web-3@14:05 or web-3@50700.')
  const name = text.slice(0, at)
  const { vmNames } = setup.trace
  const byName = vmNames.indexOf(name)
  const byId = setup.demand.vms.findIndex((vm) => vm.id === name)
  const row = byName >= 0 ? byName : byId >= 0 ? byId : /^\d+$/.test(name) ? Number(name) : -1
  if (row < 0 || row >= vmNames.length) {
    throw new UsageError(
      '--explain',
      name,
      `No such VM. The trace has ${vmNames.length}, from ${vmNames[0]} to ${vmNames.at(-1)}; a row number from 0 works too.`,
    )
  }
  return { vm: row, atMs: parseTime(text.slice(at + 1), setup) }
}

function parseTime(text: string, setup: BacktestSetup): number {
  const clock = /^(\d{1,3}):(\d{2})$/.exec(text)
  const ms =
    clock !== null
      ? (Number(clock[1]) * 60 + Number(clock[2])) * MINUTE_MS
      : /^\d+$/.test(text)
        ? Number(text) * SECOND_MS
        : NaN
  const endMs = (setup.demand.steps - 1) * setup.demand.stepMs
  if (Number.isNaN(ms))
    throw new UsageError('--explain', text, 'Expected a time as seconds since the first sample, or HH:MM.')
  if (ms > endMs)
    throw new UsageError('--explain', text, `The trace ends at ${formatTime(endMs)} (second ${endMs / SECOND_MS}).`)
  return ms
}

/** Runs our policy up to the last turn at or before the time asked, and says what it knew and why it did what it did. */
export async function explainAt(
  setup: BacktestSetup,
  question: { readonly vm: number; readonly atMs: number },
): Promise<string> {
  let seen: { state: EngineState; observation: Observation } | undefined
  await runPolicy(setup, 'ethos', {
    areLivesCloudsims: false,
    keepsDetail: false,
    spy: (state, observation) => {
      if (observation.at <= question.atMs) seen = { state: state as EngineState, observation }
    },
  })
  if (seen === undefined) return 'No turn was taken by then.'
  const vm = setup.demand.vms[question.vm]
  const explanation = explainVm(seen.state, seen.observation, setup.policy, vm.id)
  const name = setup.trace.vmNames[question.vm]
  if (explanation === undefined)
    return `${name} does not live at ${formatTime(question.atMs)}: it comes later or has gone.`
  return renderExplanation(explanation, { name, setup })
}

function renderExplanation(
  explanation: Explanation,
  about: { readonly name: string; readonly setup: BacktestSetup },
): string {
  return [
    decisionLine(explanation, about.name),
    ...whereLines(explanation, about.setup),
    ...personalityLines(explanation),
    ...rankingLines(explanation, about.setup),
    ...eventLines(explanation),
  ].join('\n')
}

const STAY_TEXT: Readonly<Record<StayReason, string>> = {
  moves: 'it moves',
  'host-comfortable': 'its host is not expected to be short of anything, and was not worth trying to empty',
  'host-not-worth-emptying': 'its host was looked at for emptying and kept on',
  'no-suitable-host': 'it should leave, but no host is suitable',
  'another-vm-relieves-host': 'its host is contended, and another VM’s leaving relieves it (or none could go)',
  cooldown: 'it moved lately and rests',
  'move-budget': 'its moves, or those of this turn, are used up',
  pinned: 'its owner pinned it',
  'in-flight': 'it is being migrated already',
  'location-unknown': 'nobody knows where it runs, and what is unknown is left alone',
  'no-sample': 'nothing was measured of it yet',
  'benefit-below-cost': 'moving it would cost more than it gains',
  'hold-not-reached': 'contention is forecast for its host, but not for long enough to act on it',
}

function decisionLine(explanation: Explanation, name: string): string {
  const { order } = explanation
  const time = formatTime(explanation.at)
  if (order === undefined) return `At ${time} ${name} stayed: ${STAY_TEXT[explanation.stayed]}.`
  const worth = order.move
  const money =
    worth === undefined
      ? ''
      : ` Gain ${worth.gain.toFixed(4)}, cost ${worth.cost.toFixed(4)}, worth it with probability ${worth.confidence.toFixed(2)}; copy of ${(worth.estimate.durationMs / 1000).toFixed(1)} s, downtime ${worth.estimate.downtimeMs.toFixed(0)} ms.`
  return `At ${time} ${name} moved from ${order.from} to ${order.to} (${order.class}). ${order.reason}${money}`
}

function whereLines(explanation: Explanation, setup: BacktestSetup): readonly string[] {
  const { host, hostDemand, timeUntilContention, performance } = explanation
  if (host < 0 || hostDemand === undefined || timeUntilContention === undefined) return []
  const lines = [
    '',
    `Its host ${setup.fleet.hosts[host].id}: ${hostDemand.members} VMs, expected ${hostDemand.mean.toFixed(2)} cores, upper bound ${hostDemand.bound.toFixed(2)}, capacity ${hostDemand.capacity.toFixed(2)}.`,
  ]
  const marks = timeUntilContention.cumulative
    .map(
      (probability, i) =>
        `${((i + 1) * timeUntilContention.stepMs) / MINUTE_MS} min ${(probability * 100).toFixed(1)} %`,
    )
    .filter((_, i, all) => i === 0 || i === 2 || i === 5 || i === all.length - 1)
  lines.push(
    `Contention begins within: ${marks.join(', ')}${timeUntilContention.medianMs === undefined ? '; probably not within the horizon' : `; as likely as not by ${timeUntilContention.medianMs / MINUTE_MS} min`}.`,
  )
  if (performance !== undefined) {
    lines.push(
      `There it feels: latency ${performance.latencyFactor.toFixed(2)} times that of an idle host, ${(performance.throughput * 100).toFixed(2)} % of its demand served, ${performance.addedWatts.toFixed(1)} W.`,
    )
  }
  if (explanation.gate !== undefined) lines.push(`Gate: ${explanation.gate}`)
  return lines
}

function personalityLines(explanation: Explanation): readonly string[] {
  const { personality } = explanation
  if (personality === undefined) return ['', 'No personality yet.']
  const present = PERSONALITY_SCHEMA.flatMap((dimension, i) =>
    isPresent(personality, i)
      ? [`  ${dimension.name.padEnd(26)} ${formatValue(personality.values[i])} ${dimension.unit}`]
      : [],
  )
  return [
    '',
    `Personality (window of ${personality.windowMs / MINUTE_MS} min to ${formatTime(personality.windowEnd)}; ${PERSONALITY_SCHEMA.length - present.length} of ${PERSONALITY_SCHEMA.length} dimensions are absent, most for want of an agent):`,
    ...present,
  ]
}

function rankingLines({ ranking }: Explanation, setup: BacktestSetup): readonly string[] {
  const { currency } = setup.policy.prices
  const lines = [
    '',
    `Hosts as they stood before the turn's own plan: ${ranking.ranked.length} suitable, ${ranking.refused.length} refused.`,
  ]
  for (const { hostId, score, performance } of ranking.ranked.slice(0, RANKED_SHOWN)) {
    const { terms } = score
    lines.push(
      `  ${hostId.padEnd(12)} score ${score.total.toFixed(5)} ${currency} = performance ${terms.performance.toFixed(5)} + energy ${terms.energy.toFixed(5)} + load ${terms.load.toFixed(5)} + migration ${terms.migration.toFixed(5)}; latency x${performance.latencyFactor.toFixed(2)}, served ${(performance.throughput * 100).toFixed(2)} %, ${performance.addedWatts.toFixed(1)} W more`,
    )
  }
  if (ranking.ranked.length > RANKED_SHOWN)
    lines.push(`  ... and ${ranking.ranked.length - RANKED_SHOWN} more, each below these`)
  const shown = new Set<string>()
  for (const { verdict } of ranking.refused) {
    if (shown.has(verdict.lacking)) continue
    shown.add(verdict.lacking)
    const count = ranking.refused.filter((other) => other.verdict.lacking === verdict.lacking).length
    lines.push(`  refused for ${verdict.lacking}: ${count}, for example: ${verdict.reason}`)
  }
  return lines
}

function eventLines(explanation: Explanation): readonly string[] {
  const lines = explanation.events.flatMap((event) => {
    if (event.kind === 'move-refused')
      return [`  not moved${event.to === undefined ? '' : ` to ${event.to}`}: ${event.reason}`]
    if (event.kind === 'host-kept') return [`  ${event.hostId}: ${event.reason}`]
    if (event.kind === 'no-suitable-host')
      return event.remediation.map(({ remedy, reason }) => `  remedy ${remedy}: ${reason}`)
    return []
  })
  return lines.length === 0 ? [] : ['', 'The turn said:', ...lines]
}

function formatTime(ms: number): string {
  const minutes = Math.floor(ms / MINUTE_MS)
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
}

function formatValue(value: number): string {
  const text = Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(4)
  return text.padStart(12)
}
