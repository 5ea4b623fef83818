/** Answers about one turn's sheet, as JSON text. Pure but for the sheet, which is left as it was found. */
import { horizonSteps, type TurnContext } from '../../engine/context.ts'
import { CONTENTION_MODEL, contentionWithin, LOAD_MODEL, predictContention } from '../../engine/forecast/contention.ts'
import { isAlarmed, raiseAlarm } from '../../engine/plan/relieve.ts'
import { AHEAD_MODEL, getPersonalityVector } from '../../engine/profile/profiles.ts'
import { PERFORMANCE_MODEL } from '../../engine/suitability/bands.ts'
import { explainPair } from '../../engine/suitability/pair.ts'
import { findPlacements, type NotAnswerable } from '../../engine/suitability/placements.ts'
import { getSuitableHosts, remediate } from '../../engine/suitability/rank.ts'
import { firstShut } from '../../engine/suitability/rules.ts'
import { predictPerformance } from '../../engine/suitability/score.ts'
import { prepare } from '../../engine/turn.ts'
import { wattsAt } from '../../terms/host.ts'
import type { HostId, VmId } from '../../terms/ids.ts'
import { ParseError } from '../../terms/parse.ts'
import { parsePlacementQuestion } from '../../terms/placement.ts'
import { type DimensionName, readDimension } from '../../terms/personality.ts'
import type { Lack } from '../../terms/ranking.ts'
import { STAY_REASONS, type TimeUntilContention } from '../../terms/turn.ts'
import { clampFraction } from '../../terms/units.ts'
import { previewEvacuation } from './evacuation-preview.ts'
import type { TurnQuestion } from './ranker-questions.ts'
import { fragment, JsonBytes } from './json-bytes.ts'
import { likenessBody } from './ranker-likeness.ts'
import { planOf } from './ranker-plan.ts'
import { hostField, orderRow, refusalRow, sideRow } from './ranker-rows.ts'
import { writeOutlook } from './ranker-outlook.ts'
import { concerns, pairSentence, SENTENCE_OF } from './ranker-sentences.ts'
import { writeRankingLists } from './ranking-bytes.ts'
import type { Answer } from './site-answers.ts'
import type { TurnPacket } from './turn-packet.ts'

/** Pairs of a VM to come and a host that one question may be about, each some 20 µs, and up to eight times a part of that where room is scarce: in
 *  all, less than what a thread that hangs is given. */
const PAIRS_ASKED_MAX = 64_000
/** Pairs that an answer tells of in full: 64 VMs on 1,000 hosts would be 30 MB. Of each VM so many hosts at least. */
const PAIRS_TOLD_MAX = 10_000
const HOSTS_TOLD_MIN = 5
const MINUTES_AHEAD = [5, 15, 30, 60] as const

/** Rankings differ by so much, as a rule. */
const SPARE_BYTES = 16 * 1024
const OBJECT_END = fragment('}')

type HostsQuestion = Extract<TurnQuestion, { readonly what: 'hosts-for' }>
/** Those whose answers are written as bytes. */
type LongQuestion = Extract<TurnQuestion, { readonly what: 'hosts-for' | 'outlook' }>
type Body = Readonly<Record<string, unknown>>

function isNotAnswerable(body: Body | NotAnswerable): body is NotAnswerable {
  return body.kind === 'invalid'
}

/** One turn's sheet, opened once and asked many times. */
export class TurnAnswers {
  readonly packet: TurnPacket
  private readonly context: TurnContext
  private alarm: ReturnType<typeof raiseAlarm> | undefined
  /** All but the head: it holds for the turn. */
  private outlookRest: Uint8Array | undefined
  /** Asked for by everybody who watches, and the same until the next turn. */
  private planned: Body | undefined
  /** Of the longest ranking so far: the next is about as long. */
  private rankingBytes = SPARE_BYTES

  constructor(packet: TurnPacket) {
    this.packet = packet
    this.context = prepare(packet.before, packet.observation, packet.policy).context
  }

  answer(question: TurnQuestion, degraded: readonly string[]): Answer {
    try {
      const head = { asOf: this.packet.observation.at, degraded }
      if (question.what === 'hosts-for') return this.hostsFor(question, head)
      if (question.what === 'outlook') return this.outlook(head)
      const body = this.bodyOf(question)
      if (body === undefined) return { kind: 'unknown', what: whatOf(question) }
      if (isNotAnswerable(body)) return body
      return { kind: 'json', text: JSON.stringify({ ...head, ...body }) }
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      return { kind: 'invalid', reason: error.message }
    }
  }

  private bodyOf(question: Exclude<TurnQuestion, LongQuestion>): Body | NotAnswerable | undefined {
    if ('vm' in question) return this.ofVm(question)
    if (question.what === 'place') return this.place(question.question)
    if (question.what === 'forecasts') return this.forecasts()
    if (question.what === 'contention') return this.contention()
    if (question.what === 'evacuation') return previewEvacuation(this.packet, question.host)
    return question.what === 'plan' ? this.plan() : this.hostLoads()
  }

  private ofVm(question: Exclude<Extract<TurnQuestion, { readonly vm: VmId }>, HostsQuestion>): Body | undefined {
    const vm = this.context.state.vmIndex.get(question.vm)
    if (vm === undefined) return undefined
    if (question.what === 'pair') return this.pair(vm, question.host)
    if (question.what === 'likeness') return likenessBody(this.context, vm)
    return question.what === 'why' ? this.why(vm) : this.forecastOf(vm)
  }

  private hostsFor(question: HostsQuestion, head: Body): Answer {
    const { context } = this
    const vm = context.state.vmIndex.get(question.vm)
    if (vm === undefined) return { kind: 'unknown', what: whatOf(question) }
    const ranking = getSuitableHosts(context, vm)
    const refusals: Partial<Record<Lack, number>> = {}
    for (const { verdict } of ranking.refused) refusals[verdict.lacking] = (refusals[verdict.lacking] ?? 0) + 1
    const fields = JSON.stringify({
      ...head,
      vm: ranking.vmId,
      ...hostField(context, vm),
      ...this.terms(),
      model: PERFORMANCE_MODEL,
      ...this.gateOf(vm),
      ...(ranking.ranked.length > 0 ? {} : { remediation: remediate(context, vm, refusals) }),
    })
    const json = new JsonBytes(this.rankingBytes)
    json.raw(fragment(`${fields.slice(0, -1)},`))
    writeRankingLists(json, context, vm, ranking)
    const text = json.raw(OBJECT_END).take()
    this.rankingBytes = Math.max(this.rankingBytes, text.length + SPARE_BYTES)
    return { kind: 'json', text }
  }

  private outlook(head: Body): Answer {
    this.alarm ??= raiseAlarm(this.context)
    const { context, alarm } = this
    this.outlookRest ??= writeOutlook(this.packet, context, (h) => ({
      probability: clampFraction(alarm.contention[h]),
      isAlarmed: isAlarmed(context, alarm, h),
      until: this.untilContention(h),
    }))
    const begin = fragment(`${JSON.stringify(head).slice(0, -1)},`)
    const json = new JsonBytes(begin.length + this.outlookRest.length)
    return { kind: 'json', text: json.raw(begin).raw(this.outlookRest).take() }
  }

  private pair(vm: number, hostId: HostId): Body | undefined {
    const host = this.context.state.hostIndex.get(hostId)
    if (host === undefined) return undefined
    const { vmId: id, hostId: _, at: __, here, there, best, ...rest } = explainPair(this.context, vm, host)
    return {
      vm: id,
      host: hostId,
      ...this.terms(),
      model: PERFORMANCE_MODEL,
      sentence: pairSentence({ vmId: id, hostId, ...rest, ...(best === undefined ? {} : { best }) }),
      ...rest,
      ...(here === undefined ? {} : { here: sideRow(here) }),
      there: sideRow(there),
      ...(best === undefined ? {} : { best: sideRow(best) }),
    }
  }

  private place(value: unknown): Body | NotAnswerable {
    const question = parsePlacementQuestion(value)
    const pairs = question.vms.length * this.context.fleet.capacity.length
    if (pairs > PAIRS_ASKED_MAX) {
      const most = Math.max(1, Math.floor(PAIRS_ASKED_MAX / this.context.fleet.capacity.length))
      return { kind: 'invalid', reason: `Of so many hosts at most ${most} VMs may be asked about at once.` }
    }
    const found = findPlacements(this.context, question)
    if (found.kind === 'invalid') return found
    const most = Math.max(HOSTS_TOLD_MIN, Math.floor(PAIRS_TOLD_MAX / found.vms.length))
    const placements = found.vms.map(({ vm, demand, step, hostId, ranking, refusals, remediation }) => ({
      vm,
      demand,
      step,
      ...(hostId === undefined ? { remediation } : { host: hostId }),
      suitableHosts: ranking.ranked.length,
      refusals,
      ranked: ranking.ranked.slice(0, most).map(({ hostId: host, score, performance }, i) => ({
        host,
        rank: i + 1,
        score,
        performance,
      })),
      refused: ranking.refused
        .slice(0, most)
        .map(({ hostId: host, verdict }) => ({ host, verdict: refusalRow(verdict) })),
    }))
    return { ...this.terms(), isComplete: found.isComplete, placements }
  }

  private why(vm: number): Body {
    const { context, packet } = this
    const { result, held, number } = packet
    const { id } = packet.observation.inventory.vms[vm]
    const host = context.hostOf[vm]
    const hostId = hostField(context, vm).host
    const order = result?.orders.find(({ vmId }) => vmId === id)
    const events = (result?.events ?? []).filter((event) => concerns(event, id, hostId))
    const stayed = result?.stayed === undefined || order !== undefined ? undefined : STAY_REASONS[result.stayed[vm]]
    const own = events.findLast((event) => event.kind === 'move-refused' && event.vmId === id)
    return {
      vm: id,
      ...(number === undefined ? {} : { turn: number }),
      ...hostField(context, vm),
      ...(stayed === undefined ? {} : { stayed }),
      sentence: order?.reason ?? (own?.kind === 'move-refused' ? own.reason : (SENTENCE_OF[stayed ?? 'none'] ?? '')),
      ...(order === undefined ? {} : { order: orderRow(order) }),
      ...this.gateOf(vm),
      held,
      ...(host < 0 ? {} : { performance: predictPerformance(context, vm, host) }),
      demand: this.demandOf(vm),
      ...(host < 0 ? {} : { hostDemand: this.hostDemand(host), timeUntilContention: this.untilContention(host) }),
      events,
    }
  }

  private forecasts(): Body {
    const { context } = this
    const { horizonMs, quantile } = context.policy.forecast
    return {
      model: LOAD_MODEL,
      horizonMs,
      quantile,
      hosts: this.usedHosts().map((h) => {
        const { mean, bound, capacity, vms } = this.hostDemand(h)
        const p95 = mean + 1.645 * context.loads.sd(h)
        return { host: this.nameOf(h), vms, capacity, mean, p50: mean, p95, bound, contention: this.contentionOf(h) }
      }),
    }
  }

  private forecastOf(vm: number): Body {
    const { context } = this
    const { samples } = context.observation
    const { id } = context.observation.inventory.vms[vm]
    const vector = getPersonalityVector(context.state, id)
    const ahead = MINUTES_AHEAD.flatMap((minutes) => {
      const at = (quantile: 'P50' | 'P95'): DimensionName => `forecastCpu${minutes}Min${quantile}`
      const p50 = vector === undefined ? undefined : readDimension(vector, at('P50'))
      const p95 = vector === undefined ? undefined : readDimension(vector, at('P95'))
      return p50 === undefined || p95 === undefined ? [] : [{ minutes, p50, p95 }]
    })
    const newest = context.state.cpuHistory.at(-1)?.[vm] ?? NaN
    return {
      vm: id,
      ...this.demandOf(vm),
      model: AHEAD_MODEL,
      ...(Number.isNaN(newest) ? {} : { last: newest }),
      ahead,
      recent: {
        endAt: samples.at,
        windowMs: samples.windowMs,
        cpuRefCores: context.state.cpuHistory.map((column) => (Number.isNaN(column[vm]) ? null : column[vm])),
      },
    }
  }

  private contention(): Body {
    const { context } = this
    this.alarm ??= raiseAlarm(context)
    const { alarm } = this
    const hosts = this.usedHosts().map((h) => ({
      host: this.nameOf(h),
      probability: clampFraction(alarm.contention[h]),
      isAlarmed: isAlarmed(context, alarm, h),
      timeUntilContention: this.untilContention(h),
    }))
    hosts.sort((a, b) => b.probability - a.probability || (a.host < b.host ? -1 : 1))
    const { horizonMs } = context.policy.forecast
    return {
      model: CONTENTION_MODEL,
      horizonMs,
      triggerProbability: context.policy.contention.triggerProbability,
      hosts,
    }
  }

  private plan(): Body {
    this.planned ??= planOf(this.context, this.packet)
    return this.planned
  }

  private hostLoads(): Body {
    const { context } = this
    const { hosts } = context.observation.inventory
    return { boundProbability: context.policy.forecast.quantile, hosts: hosts.map((_, h) => this.hostLoad(h)) }
  }

  private hostLoad(h: number): Body {
    const { context, packet } = this
    const { inventory } = packet.observation
    const host = inventory.hosts[h]
    const told = packet.notes.reports.get(host.id)
    const doubt = packet.notes.doubts.get(host.id)
    const { mean, bound, capacity, vms } = this.hostDemand(h)
    const busy = told?.cpuRefCoresMean
    const watts = told?.watts ?? (busy === undefined ? undefined : wattsAt(host.powerWatts, busy / capacity))
    return {
      host: host.id,
      state: inventory.hostStates[h],
      ...(doubt === undefined ? {} : { doubt }),
      ...(told === undefined ? {} : { reportedAt: told.arrivedAt }),
      vms,
      capacity: { cpuRefCores: capacity, memoryBytes: host.memoryBytes },
      current: {
        cpuRefCoresMean: busy,
        cpuRefCoresMax: told?.cpuRefCoresMax,
        memoryUsedBytes: told?.memoryUsedBytes,
        watts,
        wattsAreEstimated: watts !== undefined && told?.watts === undefined,
      },
      predicted: {
        cpuRefCoresMean: mean,
        cpuRefCoresBound: bound,
        ...(vms === 0 ? {} : { contention: this.contentionOf(h) }),
      },
      allocated: { cpuRefCores: context.sizes[h], memoryBytes: context.memoryBytes[h] },
      inFlight: {
        arriving: inventory.migrations.filter(({ to }) => to === host.id).length,
        leaving: inventory.migrations.filter(({ from }) => from === host.id).length,
      },
    }
  }

  private terms(): Body {
    const { policy } = this.packet
    return { policy: policy.name, currency: policy.prices.currency, horizonMs: policy.forecast.horizonMs }
  }

  private gateOf(vm: number): { readonly gate?: string } {
    const gate = firstShut(this.context, vm)?.reason(this.context, vm)
    return gate === undefined ? {} : { gate }
  }

  private demandOf(vm: number) {
    const { mean, variance, size, samples } = this.context.levels
    return { mean: mean[vm], sd: Math.sqrt(variance[vm]), size: size[vm], samples: samples[vm] }
  }

  private hostDemand(h: number) {
    const { loads, fleet } = this.context
    return { mean: Math.max(0, loads.mean[h]), bound: loads.bound(h), capacity: fleet.capacity[h], vms: loads.count[h] }
  }

  private limitOf(h: number): number {
    return this.context.fleet.capacity[h] * this.context.policy.contention.highFraction
  }

  private untilContention(h: number): TimeUntilContention {
    const { context } = this
    const ahead = { steps: horizonSteps(context), stepMs: context.observation.samples.windowMs }
    const told = predictContention(context.loads, h, this.limitOf(h), ahead)
    return { ...told, cumulative: told.cumulative.map(clampFraction) }
  }

  private contentionOf(h: number): number {
    return clampFraction(contentionWithin(this.context.loads, h, this.limitOf(h), horizonSteps(this.context)))
  }

  private usedHosts(): readonly number[] {
    return [...this.context.loads.count.keys()].filter((h) => this.context.loads.count[h] > 0)
  }

  private nameOf(h: number): HostId {
    return this.context.observation.inventory.hosts[h].id
  }
}

function whatOf(question: TurnQuestion): string {
  if (question.what === 'pair') return `VM ${question.vm} or host ${question.host}`
  if (question.what === 'evacuation') return `host ${question.host}`
  return 'vm' in question ? `VM ${question.vm}` : question.what
}
