/** What is remembered, after the clock was set forward: each instant is as long ago as it was, so that no rest, budget or promise ends early. */
import type { EpochMs } from '../terms/units.ts'
import type { IntentRecord } from './migration/intent-record.ts'
import type { EngineState, OpenPromise } from './state.ts'

/** @param steppedMs by so much the clock was set forward */
export function stateAfterStep(state: EngineState, steppedMs: number): EngineState {
  const later = (at: EpochMs): EpochMs => at + steppedMs
  return {
    ...state,
    lastTurnAt: later(state.lastTurnAt),
    // Never and since ever stay what they are.
    movedAt: state.movedAt.map(later),
    busySince: state.busySince.map(later),
    moveLog: state.moveLog.map((entry) => ({
      ...entry,
      at: later(entry.at),
      ...(entry.end === undefined ? {} : { end: { ...entry.end, at: later(entry.end.at) } }),
    })),
    promises: promisesAfterStep(state.promises, steppedMs),
  }
}

/** The same of promises alone. */
export function promisesAfterStep(promises: readonly OpenPromise[], steppedMs: number): readonly OpenPromise[] {
  return promises.map((promise) => ({
    ...promise,
    settleAt: promise.settleAt + steppedMs,
    order: { ...promise.order, decidedAt: promise.order.decidedAt + steppedMs },
  }))
}

/** The order keeps the instant that it was decided at: one that has not left yet is too old then, and is not sent. */
export function recordAfterStep(record: IntentRecord, steppedMs: number): IntentRecord {
  const later = <T extends { readonly at: EpochMs }>(one: T): T => ({ ...one, at: one.at + steppedMs })
  const { recordedAt, sentAt, acceptedAt, seenAt, aborts, call, progress, frozen, closed } = record
  return {
    ...record,
    recordedAt: recordedAt + steppedMs,
    aborts: aborts.map(later),
    ...(sentAt === undefined ? {} : { sentAt: sentAt + steppedMs }),
    ...(acceptedAt === undefined ? {} : { acceptedAt: acceptedAt + steppedMs }),
    ...(seenAt === undefined ? {} : { seenAt: seenAt + steppedMs }),
    ...(call === undefined ? {} : { call: later(call) }),
    ...(progress === undefined ? {} : { progress: later(progress) }),
    ...(frozen === undefined ? {} : { frozen: later(frozen) }),
    ...(closed === undefined ? {} : { closed: later(closed) }),
  }
}
