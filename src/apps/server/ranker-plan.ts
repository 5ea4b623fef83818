/** The last turn's plan as people are shown it: each move with why now, by when, and why not elsewhere and why not another VM. */
import { horizonSteps, type TurnContext } from '../../engine/context.ts'
import { boundsOf, refusedByLack } from '../../engine/explain-order.ts'
import { predictContention } from '../../engine/forecast/contention.ts'
import { isOverwhelmed } from '../../engine/plan/relieve.ts'
import { getSuitableHosts } from '../../engine/suitability/rank.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import { instantText, percentText, spanText } from '../../terms/shown.ts'
import { STAY_REASONS, type StayReason, type TurnEvent } from '../../terms/turn.ts'
import { clampFraction } from '../../terms/units.ts'
import { PLAN_MODELS } from './answer-models.ts'
import { orderRow } from './ranker-rows.ts'
import { SENTENCE_OF } from './ranker-sentences.ts'
import type { TurnPacket } from './turn-packet.ts'

/** Events of a plan that are told: a cluster in need has thousands of refused moves. */
const EVENTS_SHOWN = 500
const REFUSED_SHOWN = 100
/** A turn orders so many at most; where the policy lifts that, the rest go without their reasons. */
const REASONED_MOST = 48
const HOSTS_SHOWN = 5
const VMS_SHOWN = 8

type Refusal = Extract<TurnEvent, { readonly kind: 'move-refused' }>

/** @param context the sheet that the turn planned on */
export function planOf(context: TurnContext, packet: TurnPacket): Readonly<Record<string, unknown>> {
  const { number, automation, held, result, policy, observation, durationMs } = packet
  const events = result?.events ?? []
  const refusals = new Map(events.flatMap((event) => (event.kind === 'move-refused' ? [[event.vmId, event]] : [])))
  const moving = new Set<string>((result?.orders ?? []).map(({ vmId }) => vmId))
  return {
    ...(number === undefined ? {} : { turn: number }),
    ...automation,
    policy: policy.name,
    currency: policy.prices.currency,
    horizonMs: policy.forecast.horizonMs,
    models: PLAN_MODELS,
    ...(durationMs === undefined ? {} : { takenAt: observation.at }),
    held,
    adviceOnly: result?.adviceOnly ?? [],
    moves: (result?.orders ?? []).map((order, i) => ({
      place: i + 1,
      ...moveRow(order),
      ...(i < REASONED_MOST ? reasonsOf(context, packet, { order, refusals, moving }) : BARE),
    })),
    notDone: [...refusals.values()].slice(0, REFUSED_SHOWN).map(refusedRow),
    stayed: countStays(result?.stayed),
    events: events.slice(0, EVENTS_SHOWN),
    eventsLeftOut: Math.max(0, events.length - EVENTS_SHOWN),
  }
}

const BARE = { whyNow: '', otherVms: [], otherVmsLeftOut: 0 }

function moveRow(order: MigrationOrder) {
  const gainAtLeast = order.move?.gainAtLeast
  return { ...orderRow(order), ...(gainAtLeast === undefined ? {} : { gainAtLeast }) }
}

function refusedRow({ vmId: vm, from, to, lacking, reason }: Refusal) {
  return { vm, from, ...(to === undefined ? {} : { to }), lacking, reason }
}

function countStays(codes: Uint8Array | undefined): Readonly<Partial<Record<StayReason, number>>> {
  const stayed: Partial<Record<StayReason, number>> = {}
  for (const code of codes ?? []) {
    const reason = STAY_REASONS[code]
    if (reason !== 'moves') stayed[reason] = (stayed[reason] ?? 0) + 1
  }
  return stayed
}

interface About {
  readonly order: MigrationOrder
  readonly refusals: ReadonlyMap<string, Refusal>
  readonly moving: ReadonlySet<string>
}

/** What the sheet says of it. VMs and hosts that have gone since say nothing. */
function reasonsOf(context: TurnContext, packet: TurnPacket, about: About) {
  const { order } = about
  const vm = context.state.vmIndex.get(order.vmId)
  const from = context.state.hostIndex.get(order.from)
  const to = context.state.hostIndex.get(order.to)
  if (vm === undefined || from === undefined || to === undefined) return { ...BARE, whyNow: order.reason }
  const deadline = order.class === 'contention' ? deadlineOf(context, from) : undefined
  return {
    ...(deadline === undefined ? {} : { deadline }),
    whyNow: sayWhyNow(context, order, deadline),
    bounds: boundsOf(context, order, { vm, from, to }),
    otherHosts: otherHosts(context, vm, order.to),
    ...otherVms(context, packet, { ...about, from }),
  }
}

interface Deadline {
  readonly at?: number
  readonly earliestAt?: number
  readonly probability: number
}

/** As the turn saw it, before anything moved. */
function deadlineOf(context: TurnContext, host: number): Deadline {
  const { policy, observation, fleet, loads } = context
  const stepMs = observation.samples.windowMs
  const limit = fleet.capacity[host] * policy.contention.highFraction
  const { cumulative, medianMs } = predictContention(loads, host, limit, { steps: horizonSteps(context), stepMs })
  const first = cumulative.findIndex((probability) => probability >= policy.contention.triggerProbability)
  return {
    ...(medianMs === undefined ? {} : { at: observation.at + medianMs }),
    ...(first < 0 ? {} : { earliestAt: observation.at + (first + 1) * stepMs }),
    probability: clampFraction(cumulative.at(-1) ?? 0),
  }
}

function sayWhyNow(context: TurnContext, order: MigrationOrder, deadline: Deadline | undefined): string {
  if (order.class === 'evacuation') return order.reason
  const from = context.state.hostIndex.get(order.from)
  if (deadline !== undefined && from !== undefined && isOverwhelmed(context, from))
    return `VMs on ${order.from} want more than it has already: that is no forecast.`
  if (deadline !== undefined) {
    const { probability, earliestAt } = deadline
    const { policy } = context
    const { triggerProbability, holdTurns, ofTurns } = policy.contention
    const acts = `${percentText(triggerProbability)} on which the policy acts`
    const when =
      earliestAt === undefined
        ? `and the policy acts on ${percentText(triggerProbability)} in ${holdTurns} of ${ofTurns} turns`
        : `with the ${acts} by ${instantText(earliestAt)}`
    return `Contention on ${order.from} begins within ${spanText(policy.forecast.horizonMs)} with ${percentText(probability)}, ${when}.`
  }
  return `Nothing presses: it saves energy for as long as ${order.from} stays empty.`
}

function otherHosts(context: TurnContext, vm: number, chosen: string) {
  const { ranked, refused } = getSuitableHosts(context, vm)
  return {
    suitable: ranked.length,
    best: ranked
      .slice(0, HOSTS_SHOWN)
      .map(({ hostId: host, score }) => ({ host, score: score.total, isChosen: host === chosen })),
    refused: refusedByLack(refused),
  }
}

/** VMs of the same host that stayed, the busiest first. */
function otherVms(
  context: TurnContext,
  { result }: TurnPacket,
  { refusals, moving, from }: About & { readonly from: number },
) {
  const { vms } = context.observation.inventory
  const others = [...context.members[from]].filter((v) => !moving.has(vms[v].id))
  others.sort((a, b) => context.levels.mean[b] - context.levels.mean[a] || a - b)
  return {
    otherVms: others.slice(0, VMS_SHOWN).map((v) => {
      const { id } = vms[v]
      const stayed = result?.stayed === undefined ? undefined : STAY_REASONS[result.stayed[v]]
      const reason = refusals.get(id)?.reason ?? SENTENCE_OF[stayed ?? 'none'] ?? ''
      return { vm: id, ...(stayed === undefined ? {} : { stayed }), reason }
    }),
    otherVmsLeftOut: Math.max(0, others.length - VMS_SHOWN),
  }
}
