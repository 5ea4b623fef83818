/** Parts of answers: values of the engine as the views have them. */
import type { Band, PerformanceBands } from '../../engine/suitability/bands.ts'
import type { PairSide } from '../../engine/suitability/pair.ts'
import { hostName } from '../../engine/suitability/rules/rule.ts'
import type { TurnContext } from '../../engine/context.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import type { Lack, Refused } from '../../terms/ranking.ts'

/** What `shortBy` counts; those that are missing here can't be counted. */
const UNIT_OF: Readonly<Partial<Record<Lack, string>>> = {
  cpu: 'reference cores',
  'cpu-per-core': 'reference cores',
  memory: 'bytes',
  network: 'bytes/s',
  'no-return': 'milliseconds',
  cooldown: 'milliseconds',
  concurrency: 'migrations',
  benefit: 'money',
}

export function refusalRow({ lacking, shortBy, reason }: Refused) {
  const unit = UNIT_OF[lacking]
  return { lacking, shortBy, ...(unit === undefined ? {} : { unit }), reason }
}

export function sideRow({ hostId, performance, bands, ...side }: PairSide) {
  return { host: hostId, ...side, performance: { ...performance, bands: bandsRow(bands) } }
}

/** Bands are told to places that say something: factors and shares to four, watts to two. */
export function bandsRow({ latencyFactor, throughput, addedWatts }: PerformanceBands): PerformanceBands {
  return {
    latencyFactor: bandRow(latencyFactor, 1e4),
    throughput: bandRow(throughput, 1e4),
    addedWatts: bandRow(addedWatts, 100),
  }
}

function bandRow({ p10, p90 }: Band, scale: number): Band {
  return { p10: Math.floor(p10 * scale) / scale, p90: Math.ceil(p90 * scale) / scale }
}

export function orderRow({ id, vmId, from, to, decidedAt, class: kind, reason, move }: MigrationOrder) {
  const order = { id, vm: vmId, from, to, decidedAt, class: kind, reason, state: 'proposed' as const }
  if (move === undefined) return order
  return { ...order, gain: move.gain, cost: move.cost, confidence: move.confidence, estimate: move.estimate }
}

/** The VM's host by name, as a field; none where nobody knows. */
export function hostField(context: TurnContext, vm: number): { readonly host?: string } {
  const host = context.hostOf[vm]
  return host < 0 ? {} : { host: hostName(context, host) }
}
