/** What the journal holds of a move: one line per step, from the intent to its end. Whoever reads them in order knows what the next process has to. */
import { parseHostId, parseOrderId, parseVmId, type HostId, type OrderId, type VmId } from './ids.ts'
import {
  type CallEndKind,
  CALL_END_KINDS,
  FREEZE_REASONS,
  type FreezeReason,
  type IntentEnd,
  INTENT_ENDS,
  type MigrationIntent,
  type MigrationTerms,
  type MoveCause,
  type MoveFigures,
  type MoveProgress,
  type PromisedMove,
} from './intent.ts'
import { parseMigrationOrder } from './move.ts'
import { MIGRATION_MODES } from './move-facts.ts'
import {
  type Fields,
  ParseError,
  parseBoolean,
  parseFields,
  parseJson,
  parseNumber,
  parseOptional,
  parseText,
  parseWord,
} from './parse.ts'
import type { EpochMs } from './units.ts'

/** One step of one move. `intent`: decided, and nobody outside knows. `sending`: written just before the one call, so that without it the call surely never
 *  left. `accepted`: seen at work, or queued by the platform's word. `seen`: for the first time where it should be. */
export type MoveStep =
  | { readonly step: 'intent'; readonly intent: MigrationIntent }
  | { readonly step: 'sending'; readonly fence: number }
  | { readonly step: 'accepted'; readonly detail: string }
  | { readonly step: 'progress'; readonly progress: MoveProgress }
  | { readonly step: 'abort-asked'; readonly by: string; readonly reason: string }
  | {
      readonly step: 'call-ended'
      readonly end: CallEndKind
      readonly reason: string
      readonly figures?: MoveFigures
    }
  | { readonly step: 'seen'; readonly source: string; readonly destination: string }
  | { readonly step: 'frozen'; readonly reason: FreezeReason; readonly detail: string }
  | { readonly step: 'thawed'; readonly detail: string }
  | { readonly step: 'vouched'; readonly hostId: HostId; readonly by: string }
  | {
      readonly step: 'closed'
      readonly state: IntentEnd
      readonly detail: string
      readonly figures?: MoveFigures
    }

/** A step, whose it is and when it was taken. */
export type MoveLine = MoveStep & { readonly orderId: OrderId; readonly at: EpochMs }

export const MOVE_STEPS = [
  'intent',
  'sending',
  'accepted',
  'progress',
  'abort-asked',
  'call-ended',
  'seen',
  'frozen',
  'thawed',
  'vouched',
  'closed',
] as const satisfies readonly MoveStep['step'][]

/** A detail is cut to this, so that a platform's long answer does not fill the journal. */
export const MOVE_DETAIL_LENGTH_MAX = 1000

export function encodeMoveLine(line: MoveLine): string {
  return JSON.stringify({ kind: 'move', ...line })
}

/** A line of whoever moves that is about no one move. */
export function encodeMoverLine(at: EpochMs, text: string): string {
  return JSON.stringify({ kind: 'mover', at, text })
}

/** A VM that is left to whoever takes it back, until an instant: what the next process has to know as well. */
export interface YieldLine {
  readonly at: EpochMs
  readonly vmId: VmId
  readonly until: EpochMs
}

export function encodeYieldLine({ at, vmId, until }: YieldLine): string {
  return JSON.stringify({ kind: 'mover', what: 'yielded', at, vmId, until })
}

/** Undefined: the line tells of something else. A line of this kind that can't be read is a `ParseError`. */
export function readYieldLine(text: string, place = 'journal'): YieldLine | undefined {
  if (!text.startsWith('{"kind":"mover","what":"yielded"')) return undefined
  const fields = parseFields(parseJson(text, place), place)
  return {
    at: parseNumber(fields['at'], `${place}.at`),
    vmId: parseVmId(fields['vmId'], `${place}.vmId`),
    until: parseNumber(fields['until'], `${place}.until`),
  }
}

/** The clock was set forward: lines before this one were written by the clock as it was, so much behind. */
export interface ClockLine {
  readonly at: EpochMs
  readonly steppedMs: number
}

export function encodeClockLine({ at, steppedMs }: ClockLine): string {
  return JSON.stringify({ kind: 'mover', what: 'clock', at, steppedMs })
}

/** Undefined: the line tells of something else. A line of this kind that can't be read is a `ParseError`. */
export function readClockLine(text: string, place = 'journal'): ClockLine | undefined {
  if (!text.startsWith('{"kind":"mover","what":"clock"')) return undefined
  const fields = parseFields(parseJson(text, place), place)
  const steppedMs = parseNumber(fields['steppedMs'], `${place}.steppedMs`, { min: 0 })
  return { at: parseNumber(fields['at'], `${place}.at`), steppedMs }
}

/** Undefined: the line tells of something else than a move. A line of a move that can't be read is a `ParseError`. */
export function readMoveLine(text: string, place = 'journal'): MoveLine | undefined {
  // Turns are long and many: they are told apart by their first characters.
  if (!text.startsWith('{"kind":"move"')) return undefined
  return parseMoveLine(parseJson(text, place), place)
}

export function parseMoveLine(value: unknown, place = 'move'): MoveLine {
  const fields = parseFields(value, place)
  parseWord(fields['kind'], `${place}.kind`, ['move'])
  const step = parseStep(fields, place)
  const orderId = parseOrderId(fields['orderId'], `${place}.orderId`)
  if (step.step === 'intent' && step.intent.order.id !== orderId)
    throw new ParseError(`${place}.orderId`, orderId, `Expected the intent's own order, ${step.intent.order.id}.`)
  return { ...step, orderId, at: parseNumber(fields['at'], `${place}.at`) }
}

export function parseMigrationIntent(value: unknown, place = 'intent'): MigrationIntent {
  const fields = parseFields(value, place)
  const promise = parseOptional(fields['promise'], (nested) => parsePromise(nested, `${place}.promise`))
  return {
    order: parseMigrationOrder(fields['order'], `${place}.order`),
    cause: parseCause(fields['cause'], `${place}.cause`),
    terms: parseTerms(fields['terms'], `${place}.terms`),
    ...(promise === undefined ? {} : { promise }),
  }
}

function parseStep(fields: Fields, place: string): MoveStep {
  const step = parseWord(fields['step'], `${place}.step`, MOVE_STEPS)
  const text = (name: string): string => parseText(fields[name], `${place}.${name}`)
  const figures = parseOptional(fields['figures'], (nested) => parseFigures(nested, `${place}.figures`))
  const withFigures = figures === undefined ? {} : { figures }
  switch (step) {
    case 'intent':
      return { step, intent: parseMigrationIntent(fields['intent'], `${place}.intent`) }
    case 'sending':
      return { step, fence: parseNumber(fields['fence'], `${place}.fence`, { min: 0, integer: true }) }
    case 'accepted':
    case 'thawed':
      return { step, detail: text('detail') }
    case 'progress':
      return { step, progress: parseProgress(fields['progress'], `${place}.progress`) }
    case 'abort-asked':
      return { step, by: text('by'), reason: text('reason') }
    case 'call-ended': {
      const end = parseWord(fields['end'], `${place}.end`, CALL_END_KINDS)
      return { step, end, reason: text('reason'), ...withFigures }
    }
    case 'seen':
      return { step, source: text('source'), destination: text('destination') }
    case 'frozen':
      return { step, reason: parseWord(fields['reason'], `${place}.reason`, FREEZE_REASONS), detail: text('detail') }
    case 'vouched':
      return { step, hostId: parseHostId(fields['hostId'], `${place}.hostId`), by: text('by') }
    case 'closed':
      break
  }
  const state = parseWord(fields['state'], `${place}.state`, INTENT_ENDS)
  return { step, state, detail: text('detail'), ...withFigures }
}

function parseCause(value: unknown, place: string): MoveCause {
  const fields = parseFields(value, place)
  const kind = parseWord(fields['kind'], `${place}.kind`, ['policy', 'operator', 'evacuation'])
  if (kind === 'policy') return { kind }
  const who = parseText(fields['who'], `${place}.who`)
  return kind === 'operator' ? { kind, who } : { kind, hostId: parseHostId(fields['hostId'], `${place}.hostId`), who }
}

function parseTerms(value: unknown, place: string): MigrationTerms {
  const fields = parseFields(value, place)
  const bandwidth = parseAtLeastZero(fields, 'bandwidthMibPerSec', place)
  return {
    mode: parseWord(fields['mode'], `${place}.mode`, MIGRATION_MODES),
    ...(bandwidth === undefined ? {} : { bandwidthMibPerSec: bandwidth }),
    timeoutMs: parseNumber(fields['timeoutMs'], `${place}.timeoutMs`, { min: 0 }),
    stalledMs: parseNumber(fields['stalledMs'], `${place}.stalledMs`, { min: 0 }),
  }
}

function parsePromise(value: unknown, place: string): PromisedMove {
  const fields = parseFields(value, place)
  return {
    totalMs: parseNumber(fields['totalMs'], `${place}.totalMs`, { min: 0 }),
    downtimeMs: parseNumber(fields['downtimeMs'], `${place}.downtimeMs`, { min: 0 }),
    copiedBytes: parseNumber(fields['copiedBytes'], `${place}.copiedBytes`, { min: 0 }),
    pConverge: parseNumber(fields['pConverge'], `${place}.pConverge`, { min: 0, max: 1 }),
  }
}

function parseFigures(value: unknown, place: string): MoveFigures {
  const fields = parseFields(value, place)
  return onlyPresent({
    totalMs: parseAtLeastZero(fields, 'totalMs', place),
    downtimeMs: parseAtLeastZero(fields, 'downtimeMs', place),
    copiedBytes: parseAtLeastZero(fields, 'copiedBytes', place),
    rounds: parseAtLeastZero(fields, 'rounds', place),
  })
}

function parseProgress(value: unknown, place: string): MoveProgress {
  const fields = parseFields(value, place)
  const throttle = parseOptional(fields['throttle'], (n) => parseNumber(n, `${place}.throttle`, { min: 0, max: 1 }))
  return {
    elapsedMs: parseNumber(fields['elapsedMs'], `${place}.elapsedMs`, { min: 0 }),
    ...onlyPresent({
      copiedBytes: parseAtLeastZero(fields, 'copiedBytes', place),
      remainingBytes: parseAtLeastZero(fields, 'remainingBytes', place),
      rounds: parseAtLeastZero(fields, 'rounds', place),
      dirtyBytesPerSec: parseAtLeastZero(fields, 'dirtyBytesPerSec', place),
      copiedBytesPerSec: parseAtLeastZero(fields, 'copiedBytesPerSec', place),
    }),
    ...(throttle === undefined ? {} : { throttle }),
    isPostCopy: parseBoolean(fields['isPostCopy'], `${place}.isPostCopy`),
  }
}

function parseAtLeastZero(fields: Fields, name: string, place: string): number | undefined {
  return parseOptional(fields[name], (number) => parseNumber(number, `${place}.${name}`, { min: 0 }))
}

function onlyPresent<Name extends string>(
  values: Readonly<Record<Name, number | undefined>>,
): { readonly [N in Name]?: number } {
  const present: { [N in Name]?: number } = {}
  for (const name of Object.keys(values) as Name[]) if (values[name] !== undefined) present[name] = values[name]
  return present
}
