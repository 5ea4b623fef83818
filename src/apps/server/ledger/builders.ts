/** For tests of the ledger: lines of a journal, with the unremarkable filled in. */
import { parseHostId, parseOrderId, parseVmId } from '../../../terms/ids.ts'
import type { MigrationOrder } from '../../../terms/move.ts'
import { encodeMoveLine, type MoveStep } from '../../../terms/move-record.ts'
import { type EpochMs, GiB, HOUR_MS } from '../../../terms/units.ts'
import { SLOT_MS } from '../../../terms/usage.ts'
import type { JournalLine } from '../../../world/site-store.ts'

/** A host in a slot; what is left out is a quiet host of 10 cores with the same VMs throughout. */
export interface ARow {
  readonly demand: number
  readonly capacity?: number
  readonly members?: string
  readonly vms?: number
  readonly p50?: number
  readonly p95?: number
  readonly contention?: number
  readonly ahead?: readonly number[]
}

export function aForesightLine(
  at: EpochMs,
  rows: Readonly<Record<string, ARow>>,
  rest: {
    readonly hosts?: number
    readonly sampled?: number
    readonly waits?: readonly (readonly [string, number])[]
  } = {},
): string {
  const count = Object.keys(rows).length
  return JSON.stringify({
    kind: 'foresight',
    at,
    windowMs: SLOT_MS,
    models: { demand: 'demand-1', ahead: 'ahead-1', contention: 'contention-1' },
    horizonMs: HOUR_MS,
    highFraction: 0.95,
    trigger: 0.2,
    hosts: count,
    sampled: count,
    waits: [],
    trust: {
      isTrusted: true,
      checked: 0,
      exceeded: 0,
      coverageShare: 1,
      coverageChecked: 0,
      marginFactor: 1,
      outcomes: 0,
      strikes: 0,
      isDemoted: false,
    },
    ...rest,
    rows: Object.entries(rows).map(
      ([host, { demand, capacity = 10, members = 'a', vms = 3, p50 = 5, p95 = 6, contention = 0, ahead }]) => [
        host,
        vms,
        members,
        capacity,
        demand,
        p50,
        p95,
        contention,
        ...(ahead === undefined ? [] : [ahead]),
      ],
    ),
  })
}

/** A move of web-1 from host-1 to host-2, against contention. */
export function anOrder(decidedAt: EpochMs, changes: Partial<MigrationOrder> = {}): MigrationOrder {
  const route = { vmId: parseVmId('web-1'), from: parseHostId('host-1'), to: parseHostId('host-2') }
  const about = { ...route, class: 'contention' as const, reason: 'Contention is likely.' }
  const estimate = { copiedBytes: GiB, durationMs: 10_000, downtimeMs: 100, rounds: 3, converges: true }
  const move = { ...about, gain: 0.5, cost: 0.1, confidence: 0.8, estimate }
  return { id: parseOrderId('order-1'), ...about, decidedAt, move, ...changes }
}

export function aTurnLine(
  at: EpochMs,
  told: {
    readonly orders?: readonly MigrationOrder[]
    readonly events?: readonly object[]
    readonly settleAt?: EpochMs
  } = {},
): string {
  const { orders = [], events = [], settleAt = at + HOUR_MS } = told
  const promises = orders.map((order) => ({ order, gain: 0.5, cost: 0.1, companions: 1, settleAt }))
  return JSON.stringify({ kind: 'turn', turn: 0, at, refused: [], events, orders, kept: { promises } })
}

/** From its intent to its end. */
export function moveLines(
  order: MigrationOrder,
  at: EpochMs,
  end: Partial<Extract<MoveStep, { step: 'closed' }>> = {},
) {
  const terms = { mode: 'precopy', timeoutMs: 60_000, stalledMs: 30_000 } as const
  const promise = { totalMs: 10_000, downtimeMs: 100, copiedBytes: GiB, pConverge: 0.99 }
  const figures = { totalMs: 12_000, downtimeMs: 80, copiedBytes: 1.1 * GiB }
  const steps: readonly MoveStep[] = [
    { step: 'intent', intent: { order, cause: { kind: 'policy' }, terms, promise } },
    { step: 'sending', fence: 1 },
    { step: 'accepted', detail: 'at work' },
    { step: 'closed', state: 'done', detail: 'seen', figures, ...end },
  ]
  return steps.map((step) => encodeMoveLine({ orderId: order.id, at, ...step }))
}

export function groundsLine(order: MigrationOrder, hosts: readonly string[]): string {
  const alternatives = hosts.map((host) => ({ host, score: 1 }))
  return JSON.stringify({ kind: 'why', at: order.decidedAt, orderId: order.id, grounds: { alternatives } })
}

export function settledEvent(order: MigrationOrder, settledAt: EpochMs, realisedGain: number, realisedCost: number) {
  const { id: orderId, vmId } = order
  const promised = { promisedGain: 0.5, promisedCost: 0.1 }
  return { kind: 'outcome-settled', outcome: { orderId, vmId, settledAt, ...promised, realisedGain, realisedCost } }
}

/** As a store has them. */
export function journalOf(lines: readonly string[]): readonly JournalLine[] {
  return lines.map((line, number) => ({ number, at: 0, line }))
}
