/** Every host now and next, as JSON: columns of three places, written once for a turn. */
import { horizonSteps, type TurnContext } from '../../engine/context.ts'
import { CONTENTION_MODEL } from '../../engine/forecast/contention.ts'
import { DEMAND_MODEL, demandAhead, FUTURE_MS } from '../../engine/forecast/futures.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import type { TimeUntilContention } from '../../terms/turn.ts'
import { fragment, JsonBytes } from './json-bytes.ts'
import type { TurnPacket } from './turn-packet.ts'

/** Most steps that are told of each host: four hours of five minutes. */
const STEPS_MAX = 48
const QUANTILES = [0.1, 0.5, 0.9] as const
const DEMAND = fragment(',"demand":{"p10":')
const P50 = fragment(',"p50":')
const P90 = fragment(',"p90":')
const CUMULATIVE = fragment(',"cumulative":')
const END = fragment('}')
const COMMA = fragment(',')
const TWO_ENDS = fragment(']}')

/** What of a host's contention the judgement knows. */
export interface Foreseen {
  readonly probability: number
  readonly isAlarmed: boolean
  readonly until: TimeUntilContention
}

/** Steps of the outlook: of one window each, or of as many as keep the answer short. */
function stepsOf(context: TurnContext): { readonly steps: number; readonly windowsPerStep: number } {
  const windows = Math.max(1, Math.round(FUTURE_MS / context.observation.samples.windowMs))
  const windowsPerStep = Math.ceil(windows / STEPS_MAX)
  return { steps: Math.ceil(windows / windowsPerStep), windowsPerStep }
}

/** `"models":{...},...,"hosts":[...]}`: all that follows the head of the answer.
 *  @param foresee for a host that carries VMs */
export function writeOutlook(
  packet: TurnPacket,
  context: TurnContext,
  foresee: (host: number) => Foreseen,
): Uint8Array {
  const { policy, observation } = context
  const ahead = stepsOf(context)
  const fields = JSON.stringify({
    models: { demand: DEMAND_MODEL, contention: CONTENTION_MODEL },
    stepMs: ahead.windowsPerStep * observation.samples.windowMs,
    steps: ahead.steps,
    horizonMs: policy.forecast.horizonMs,
    highFraction: policy.contention.highFraction,
    triggerProbability: policy.contention.triggerProbability,
  })
  const { hosts } = observation.inventory
  const json = new JsonBytes(1024 + hosts.length * (700 + ahead.steps * QUANTILES.length * 6))
  json.raw(fragment(`${fields.slice(1, -1)},"hosts":[`))
  const moves = movesByHost(packet)
  const order = hosts.map((_, h) => h).sort((a, b) => (hosts[a].id < hosts[b].id ? -1 : 1))
  order.forEach((h, i) => {
    if (i > 0) json.raw(COMMA)
    const head = JSON.stringify(headOf(packet, context, { h, moves }))
    json.raw(fragment(head.slice(0, -1)))
    if (context.loads.count[h] > 0) writeAhead(json, context, { h, ahead, foreseen: foresee(h) })
    json.raw(END)
  })
  return json.raw(TWO_ENDS).take()
}

interface HostAhead {
  readonly h: number
  readonly ahead: ReturnType<typeof stepsOf>
  readonly foreseen: Foreseen
}

function writeAhead(json: JsonBytes, context: TurnContext, { h, ahead, foreseen }: HostAhead): void {
  const demand = demandAhead(context.loads, h, { ...ahead, quantiles: QUANTILES })
  if (demand !== undefined) {
    const shares = demand.map((column) => column.map((refCores) => refCores / context.fleet.capacity[h]))
    json.raw(DEMAND).shares(shares[0]).raw(P50).shares(shares[1]).raw(P90).shares(shares[2]).raw(END)
  }
  const { probability, isAlarmed, until } = foreseen
  const { medianMs, cumulative } = until
  const fields = { probability, isAlarmed, ...(medianMs === undefined ? {} : { medianMs }) }
  json.raw(fragment(`,"contention":${JSON.stringify(fields).slice(0, -1)}`))
  // A window within the horizon ends each of them; where steps are longer, so do theirs.
  const { windowsPerStep } = ahead
  const steps = Math.ceil(horizonSteps(context) / windowsPerStep)
  const told = Float64Array.from(
    { length: steps },
    (_, s) => cumulative[Math.min(cumulative.length, (s + 1) * windowsPerStep) - 1],
  )
  json.raw(CUMULATIVE).shares(told).raw(END)
}

interface HostMoves {
  readonly arriving: number
  readonly leaving: number
}

function headOf(
  packet: TurnPacket,
  context: TurnContext,
  { h, moves }: { readonly h: number; readonly moves: ReturnType<typeof movesByHost> },
): object {
  const { inventory } = packet.observation
  const { id, memoryBytes } = inventory.hosts[h]
  const capacity = context.fleet.capacity[h]
  const report = packet.notes.reports.get(id)
  const doubt = packet.notes.doubts.get(id)
  const busy = report?.cpuRefCoresMean
  const used = report?.memoryUsedBytes
  return {
    host: id,
    state: inventory.hostStates[h],
    ...(doubt === undefined ? {} : { doubt }),
    vms: context.loads.count[h],
    capacity: { cpuRefCores: capacity, memoryBytes },
    now: {
      ...(report === undefined ? {} : { reportedAt: report.arrivedAt }),
      ...(busy === undefined ? {} : { cpu: busy / capacity }),
      ...(used === undefined ? {} : { memory: used / memoryBytes }),
    },
    allocated: {
      cpu: context.sizes[h] / capacity,
      memory: context.memoryBytes[h] / memoryBytes,
    },
    inFlight: moves.inFlight.get(id) ?? NO_MOVES,
    ordered: moves.ordered.get(id) ?? NO_MOVES,
  }
}

const NO_MOVES: HostMoves = { arriving: 0, leaving: 0 }

function movesByHost({ observation, result }: TurnPacket) {
  return { inFlight: countMoves(observation.inventory.migrations), ordered: countMoves(result?.orders ?? []) }
}

function countMoves(moves: readonly Pick<MigrationOrder, 'from' | 'to'>[]): ReadonlyMap<string, HostMoves> {
  const counts = new Map<string, HostMoves>()
  const add = (host: string, arriving: number, leaving: number): void => {
    const known = counts.get(host) ?? NO_MOVES
    counts.set(host, { arriving: known.arriving + arriving, leaving: known.leaving + leaving })
  }
  for (const { from, to } of moves) {
    add(from, 0, 1)
    add(to, 1, 0)
  }
  return counts
}
