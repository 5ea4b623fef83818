import { type HostId, type OrderId, parseHostId, parseOrderId, parseVmId, type VmId } from './ids.ts'
import { parseBoolean, parseFields, parseNumber, parseOptional, parseText, parseWord } from './parse.ts'
import type { EpochMs, Fraction } from './units.ts'

/** Why we would move a VM, in the order in which budgets are granted. */
export const MOVE_CLASSES = ['evacuation', 'operator', 'contention', 'energy'] as const
export type MoveClass = (typeof MOVE_CLASSES)[number]

/** What a migration is expected to take. */
export interface MigrationEstimate {
  /** Bytes over the wire, all rounds together. */
  readonly copiedBytes: number
  readonly durationMs: number
  readonly downtimeMs: number
  readonly rounds: number
  /** False: the VM dirties memory faster than the link takes it; do not start. */
  readonly converges: boolean
}

/** A move we would make: what, why, and what it is worth. Money is in the policy's currency. */
export interface Move {
  readonly vmId: VmId
  readonly from: HostId
  readonly to: HostId
  readonly class: MoveClass
  readonly reason: string
  /** Expected worth of contention avoided, energy saved and performance won. */
  readonly gain: number
  /** What it is worth in at least 95 of 100 possible futures. Absent: it was not asked, for no site's safety policy binds. */
  readonly gainAtLeast?: number
  /** Expected worth of what the migration takes: copying, slowdown, downtime, risk. */
  readonly cost: number
  /** Probability that gain exceeds cost. */
  readonly confidence: Fraction
  readonly estimate: MigrationEstimate
}

/** A move that was decided, on its way to the platform. */
export interface MigrationOrder {
  readonly id: OrderId
  readonly vmId: VmId
  readonly from: HostId
  readonly to: HostId
  readonly decidedAt: EpochMs
  readonly class: MoveClass
  readonly reason: string
  /** The move behind the order. Rivals, who do not reckon gain and cost, have none. */
  readonly move?: Move
}

export const MIGRATION_RESULTS = ['done', 'failed', 'cancelled', 'lost'] as const

/** How a migration ended, by observation of where the VM runs, not by the platform's word alone. */
export interface MigrationEnd {
  readonly orderId: OrderId
  readonly vmId: VmId
  readonly from: HostId
  readonly to: HostId
  readonly result: (typeof MIGRATION_RESULTS)[number]
  readonly startedAt: EpochMs
  readonly endedAt: EpochMs
  readonly copiedBytes: number
  readonly downtimeMs: number
}

/** What was promised against what came: settled when the migration ended, and again once the VM has lived at its new place. */
export interface Outcome {
  readonly orderId: OrderId
  readonly vmId: VmId
  readonly settledAt: EpochMs
  readonly promisedGain: number
  readonly promisedCost: number
  /** Absent until the span the gain was promised for has passed. */
  readonly realisedGain?: number
  readonly realisedCost: number
}

export function parseMigrationOrder(value: unknown, place = 'order'): MigrationOrder {
  const fields = parseFields(value, place)
  const move = parseOptional(fields['move'], (nested) => parseMove(nested, `${place}.move`))
  return {
    id: parseOrderId(fields['id'], `${place}.id`),
    vmId: parseVmId(fields['vmId'], `${place}.vmId`),
    from: parseHostId(fields['from'], `${place}.from`),
    to: parseHostId(fields['to'], `${place}.to`),
    decidedAt: parseNumber(fields['decidedAt'], `${place}.decidedAt`),
    class: parseWord(fields['class'], `${place}.class`, MOVE_CLASSES),
    reason: parseText(fields['reason'], `${place}.reason`),
    ...(move === undefined ? {} : { move }),
  }
}

export function encodeMigrationOrder(order: MigrationOrder): string {
  return JSON.stringify(order)
}

export function parseMove(value: unknown, place = 'move'): Move {
  const fields = parseFields(value, place)
  const gainAtLeast = parseOptional(fields['gainAtLeast'], (n) => parseNumber(n, `${place}.gainAtLeast`))
  return {
    vmId: parseVmId(fields['vmId'], `${place}.vmId`),
    from: parseHostId(fields['from'], `${place}.from`),
    to: parseHostId(fields['to'], `${place}.to`),
    class: parseWord(fields['class'], `${place}.class`, MOVE_CLASSES),
    reason: parseText(fields['reason'], `${place}.reason`),
    gain: parseNumber(fields['gain'], `${place}.gain`),
    ...(gainAtLeast === undefined ? {} : { gainAtLeast }),
    cost: parseNumber(fields['cost'], `${place}.cost`),
    confidence: parseNumber(fields['confidence'], `${place}.confidence`, { min: 0, max: 1 }),
    estimate: parseMigrationEstimate(fields['estimate'], `${place}.estimate`),
  }
}

export function encodeMove(move: Move): string {
  return JSON.stringify(move)
}

export function parseMigrationEstimate(value: unknown, place = 'estimate'): MigrationEstimate {
  const fields = parseFields(value, place)
  return {
    copiedBytes: parseNumber(fields['copiedBytes'], `${place}.copiedBytes`, { min: 0 }),
    durationMs: parseNumber(fields['durationMs'], `${place}.durationMs`, { min: 0 }),
    downtimeMs: parseNumber(fields['downtimeMs'], `${place}.downtimeMs`, { min: 0 }),
    rounds: parseNumber(fields['rounds'], `${place}.rounds`, { min: 0, integer: true }),
    converges: parseBoolean(fields['converges'], `${place}.converges`),
  }
}

export function parseOutcome(value: unknown, place = 'outcome'): Outcome {
  const fields = parseFields(value, place)
  const realisedGain = parseOptional(fields['realisedGain'], (n) => parseNumber(n, `${place}.realisedGain`))
  return {
    orderId: parseOrderId(fields['orderId'], `${place}.orderId`),
    vmId: parseVmId(fields['vmId'], `${place}.vmId`),
    settledAt: parseNumber(fields['settledAt'], `${place}.settledAt`),
    promisedGain: parseNumber(fields['promisedGain'], `${place}.promisedGain`),
    promisedCost: parseNumber(fields['promisedCost'], `${place}.promisedCost`),
    ...(realisedGain === undefined ? {} : { realisedGain }),
    realisedCost: parseNumber(fields['realisedCost'], `${place}.realisedCost`),
  }
}

export function encodeOutcome(outcome: Outcome): string {
  return JSON.stringify(outcome)
}
