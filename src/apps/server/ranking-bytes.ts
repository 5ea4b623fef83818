/** The two lists of a ranking as JSON. */
import type { TurnContext } from '../../engine/context.ts'
import { type Behind, behindBest, type PerformanceBands, performanceBands } from '../../engine/suitability/bands.ts'
import { estimateMove } from '../../engine/suitability/score.ts'
import type { MigrationEstimate } from '../../terms/move.ts'
import type { MigrationScore, Performance, Ranking, Speed } from '../../terms/ranking.ts'
import { fragment, JsonBytes } from './json-bytes.ts'
import { bandsRow, refusalRow } from './ranker-rows.ts'

const RANKED = fragment('"ranked":[')
const REFUSED = fragment('],"refused":[')
const HOST = fragment('{"host":')
const NEXT_HOST = fragment(',{"host":')
const RANK = fragment(',"rank":')
const TOTAL = fragment(',"score":{"total":')
const PERFORMANCE_TERM = fragment(',"terms":{"performance":')
const ENERGY = fragment(',"energy":')
const LOAD = fragment(',"load":')
const MIGRATION_TERM = fragment(',"migration":')
const SCORE_END = fragment('}}')
const BEHIND = fragment(',"behind":{"total":')
const TERM = fragment(',"term":')
const BY = fragment(',"by":')
const LATENCY = fragment(',"performance":{"latencyFactor":')
const BANDS = fragment(',"bands":{"latencyFactor":{"p10":')
const P90 = fragment(',"p90":')
const THROUGHPUT_BAND = fragment('},"throughput":{"p10":')
const WATTS_BAND = fragment('},"addedWatts":{"p10":')
const THROUGHPUT = fragment(',"throughput":')
const WATTS = fragment(',"addedWatts":')
const FACTOR = fragment(',"speed":{"factor":')
const SPREAD = fragment(',"spread":')
const WATTS_PER_CORE = fragment(',"wattsPerRefCore":')
const MIX_ASSUMED = fragment(',"isMixAssumed":true,"terms":[')
const MIX_KNOWN = fragment(',"isMixAssumed":false,"terms":[')
const TYPE = fragment('{"workloadType":')
const NEXT_TYPE = fragment(',{"workloadType":')
const WEIGHT = fragment(',"weight":')
const RATIO = fragment(',"ratio":')
const TERMS_END = fragment(']}')
const COPIED = fragment('},"migration":{"copiedBytes":')
const DURATION = fragment(',"durationMs":')
const DOWNTIME = fragment(',"downtimeMs":')
const ROUNDS = fragment(',"rounds":')
const CONVERGES = fragment(',"converges":true')
const DIVERGES = fragment(',"converges":false')
const TWO_ENDS = fragment('}}')
const LACKING = fragment(',"verdict":{"lacking":')
const SHORT_BY = fragment(',"shortBy":')
const UNIT = fragment(',"unit":')
const REASON = fragment(',"reason":')
const LIST_END = fragment(']')
const END = fragment('}')

/** `"ranked":[...],"refused":[...]`, to stand among an object's other fields. */
export function writeRankingLists(to: JsonBytes, context: TurnContext, vm: number, ranking: Ranking): void {
  const estimateOf = estimates(context, vm)
  to.raw(RANKED)
  const best = ranking.ranked[0]?.score
  ranking.ranked.forEach(({ hostId, score, performance }, i) => {
    to.raw(i === 0 ? HOST : NEXT_HOST).text(hostId)
    to.raw(RANK).number(i + 1)
    const host = context.state.hostIndex.get(hostId)
    writeScore(to, score)
    writeBehind(to, behindBest(score, best))
    writePerformance(to, performance)
    if (host !== undefined) writeBands(to, bandsRow(performanceBands(context, { vm, host }, performance)))
    const estimate = estimateOf(host)
    if (estimate !== undefined) to.raw(estimate)
    to.raw(TWO_ENDS)
  })
  to.raw(REFUSED)
  ranking.refused.forEach(({ hostId, verdict }, i) => {
    const { lacking, shortBy, unit, reason } = refusalRow(verdict)
    to.raw(i === 0 ? HOST : NEXT_HOST).text(hostId)
    to.raw(LACKING).text(lacking)
    to.raw(SHORT_BY).number(shortBy)
    if (unit !== undefined) to.raw(UNIT).text(unit)
    to.raw(REASON).text(reason).raw(TWO_ENDS)
  })
  to.raw(LIST_END)
}

function writeScore(to: JsonBytes, { total, terms }: MigrationScore): void {
  to.raw(TOTAL).number(total)
  to.raw(PERFORMANCE_TERM).number(terms.performance)
  to.raw(ENERGY).number(terms.energy)
  to.raw(LOAD).number(terms.load)
  to.raw(MIGRATION_TERM).number(terms.migration).raw(SCORE_END)
}

function writeBehind(to: JsonBytes, behind: Behind | undefined): void {
  if (behind === undefined) return
  to.raw(BEHIND).number(behind.total)
  to.raw(TERM).text(behind.term)
  to.raw(BY).number(behind.by).raw(END)
}

function writeBands(to: JsonBytes, { latencyFactor, throughput, addedWatts }: PerformanceBands): void {
  to.raw(BANDS).number(latencyFactor.p10)
  to.raw(P90).number(latencyFactor.p90)
  to.raw(THROUGHPUT_BAND).number(throughput.p10)
  to.raw(P90).number(throughput.p90)
  to.raw(WATTS_BAND).number(addedWatts.p10)
  to.raw(P90).number(addedWatts.p90).raw(TWO_ENDS)
}

function writePerformance(to: JsonBytes, { latencyFactor, throughput, addedWatts, speed }: Performance): void {
  to.raw(LATENCY).number(latencyFactor)
  to.raw(THROUGHPUT).number(throughput)
  to.raw(WATTS).number(addedWatts)
  if (speed !== undefined) writeSpeed(to, speed)
}

function writeSpeed(to: JsonBytes, { factor, spread, wattsPerRefCore, isMixAssumed, terms }: Speed): void {
  to.raw(FACTOR).number(factor)
  to.raw(SPREAD).number(spread)
  if (wattsPerRefCore !== undefined) to.raw(WATTS_PER_CORE).number(wattsPerRefCore)
  to.raw(isMixAssumed ? MIX_ASSUMED : MIX_KNOWN)
  terms.forEach(({ workloadType, weight, ratio }, i) => {
    to.raw(i === 0 ? TYPE : NEXT_TYPE).text(workloadType)
    to.raw(WEIGHT).number(weight)
    if (ratio !== undefined) to.raw(RATIO).number(ratio)
    to.raw(END)
  })
  to.raw(TERMS_END)
}

/** Ends the performance, and is ended by what follows. */
function estimateBytes(estimate: MigrationEstimate): Uint8Array {
  const to = new JsonBytes(256)
  to.raw(COPIED).number(estimate.copiedBytes)
  to.raw(DURATION).number(estimate.durationMs)
  to.raw(DOWNTIME).number(estimate.downtimeMs)
  to.raw(ROUNDS).number(estimate.rounds)
  return to.raw(estimate.converges ? CONVERGES : DIVERGES).take()
}

/** What moving to a host takes; undefined for a VM that is nowhere. Worked out once for each speed of link, on which alone it hangs. */
function estimates(context: TurnContext, vm: number): (host: number | undefined) => Uint8Array | undefined {
  if (context.hostOf[vm] < 0) return () => undefined
  const { hosts } = context.observation.inventory
  const byLink = new Map<number, Uint8Array>()
  return (host) => {
    if (host === undefined) return undefined
    const link = hosts[host].networkBytesPerSec
    const known = byLink.get(link)
    if (known !== undefined) return known
    const estimate = estimateBytes(estimateMove(context, vm, host))
    byLink.set(link, estimate)
    return estimate
  }
}
