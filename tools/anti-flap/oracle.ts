/** What the moves of a run must never show, counted from the moves alone. */
import type { MigrationOrder } from '../../src/terms/move.ts'
import { clusterHourMax } from '../../src/engine/suitability/budgets.ts'
import { SITE_SAFETY } from '../../src/terms/policy.ts'
import { DAY_MS, HOUR_MS } from '../../src/terms/units.ts'

const NO_RETURN_MS = 6 * HOUR_MS

export interface FlapCount {
  readonly moves: number
  /** A VM back on a host it left within six hours. */
  readonly returns: number
  readonly perVmDay: number
  readonly perHostHour: number
  readonly perClusterHour: number
  /** Moves after the first hour without one. */
  readonly afterSettled: number
}

export function countFlaps(orders: readonly MigrationOrder[], untilMs: number): FlapCount {
  const returns = orders.filter((order, i) =>
    orders
      .slice(0, i)
      .some(
        ({ vmId, from, decidedAt }) =>
          vmId === order.vmId && from === order.to && order.decidedAt - decidedAt < NO_RETURN_MS,
      ),
  ).length
  const settledAt = firstQuietHour(orders, untilMs)
  return {
    moves: orders.length,
    returns,
    perVmDay: mostWithin(orders, DAY_MS, ({ vmId }) => [vmId]),
    perHostHour: mostWithin(orders, HOUR_MS, ({ from, to }) => [from, to]),
    perClusterHour: mostWithin(orders, HOUR_MS, () => ['all']),
    afterSettled: orders.filter(({ decidedAt }) => decidedAt > settledAt).length,
  }
}

/** What is amiss; empty: nothing. */
export function judgeFlaps(count: FlapCount, vms: number): readonly string[] {
  const limits: readonly (readonly [keyof FlapCount, number])[] = [
    ['returns', 0],
    ['perVmDay', 4],
    ['perHostHour', SITE_SAFETY.movesPerHostHourMax],
    ['perClusterHour', clusterHourMax(SITE_SAFETY, vms)],
  ]
  return limits.flatMap(([name, most]) => (count[name] > most ? [`${name}: ${count[name]}, of ${most}`] : []))
}

/** End of the first hour in which nobody moved. */
function firstQuietHour(orders: readonly MigrationOrder[], untilMs: number): number {
  let last = 0
  for (const { decidedAt } of orders) {
    if (decidedAt - last >= HOUR_MS) break
    last = decidedAt
  }
  return Math.min(untilMs, last + HOUR_MS)
}

/** The most moves of one subject in any window of so long. */
function mostWithin(
  orders: readonly MigrationOrder[],
  windowMs: number,
  subjects: (order: MigrationOrder) => readonly string[],
): number {
  const times = new Map<string, number[]>()
  for (const order of orders) {
    for (const subject of subjects(order)) times.set(subject, [...(times.get(subject) ?? []), order.decidedAt])
  }
  let most = 0
  for (const list of times.values()) {
    let first = 0
    list.forEach((at, i) => {
      while (at - list[first] >= windowMs) first++
      most = Math.max(most, i - first + 1)
    })
  }
  return most
}
