/** What an evening came to: seconds in which a guest was ready to run and had to wait, and when VMs moved. */
import { type Fraction, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import type { Look } from './meter.ts'
import type { DemoMove, EveningRun } from './run.ts'
import { SLOT_MS } from './scenario.ts'

/** A host is contended where its guests, all together, wait for more than this share of the time: half a core, of which three guests at rest need a tenth. */
export const CONTENDED_SHARE = 0.5
/** Goals of the demo. */
export const GOALS = { againstReactive: 0.8, againstNothing: 0.95 } as const

export interface EveningFigures {
  readonly policy: string
  /** Growth of `vcpu.delay` of all guests over the evening, in seconds: the contention-seconds. */
  readonly delaySec: number
  /** The same over its quiet beginning, per second: what guests wait for without any peak. Absent: nothing was looked at then. */
  readonly quietShare?: number
  /** When a host first was contended, in the demo's time. Absent: none was. */
  readonly contendedAt?: number
  readonly moves: readonly MoveFigures[]
}

export interface MoveFigures extends DemoMove {
  /** Waiting of the guests on the host that it left, per second over the window before the order. */
  readonly waitedShare: number
}

export interface DemoFigures {
  readonly evenings: readonly EveningFigures[]
  /** Share of the contention-seconds of another policy that the first one avoided, by name. */
  readonly avoided: readonly { readonly against: string; readonly fraction: Fraction }[]
  /** Real milliseconds of an evening are this many times as many of the demo's. */
  readonly speed: number
}

/** @param quietUntilMs in the demo's time: before it nothing rises */
export function measureEvening(
  run: EveningRun,
  about: { readonly speed: number; readonly quietUntilMs: number },
): EveningFigures {
  const { policy, looks, moves } = run
  const perSec = about.speed * SECOND_MS
  const first = looks[0]
  const quiet = looks.findLast((look) => look.at <= about.quietUntilMs)
  const quietShare =
    quiet === undefined || quiet.at <= first.at
      ? undefined
      : (delayOf(quiet) - delayOf(first)) / ((quiet.at - first.at) / perSec)
  const contendedAt = whenContended(looks, perSec)
  return {
    policy,
    delaySec: delayOf(looks[looks.length - 1]) - delayOf(first),
    ...(quietShare === undefined ? {} : { quietShare }),
    ...(contendedAt === undefined ? {} : { contendedAt }),
    moves: moves.map((move) => ({ ...move, waitedShare: waitedOn(looks, move.from, move.orderedAt, perSec) })),
  }
}

/** @param evenings the first is compared with each of the others */
export function compareEvenings(evenings: readonly EveningFigures[], speed: number): DemoFigures {
  const [ours, ...others] = evenings
  return {
    evenings,
    speed,
    avoided: others.map(({ policy, delaySec }) => ({ against: policy, fraction: 1 - ours.delaySec / delaySec })),
  }
}

/** What guests wait for on this machine without any peak and without a move: seconds per second, in the quietest of the quiet beginnings. Absent: nobody
 *  looked then. */
export function quietest({ evenings }: DemoFigures): number | undefined {
  const shares = evenings.flatMap(({ quietShare }) => (quietShare === undefined ? [] : [quietShare]))
  return shares.length === 0 ? undefined : Math.min(...shares)
}

/** Waiting of all guests together, in seconds since the first look. */
export function delayOf({ guests }: Look): number {
  let sum = 0
  for (const { delaySec } of guests.values()) sum += delaySec
  return sum
}

/** Waiting per second in each minute of the demo's time; NaN where nobody looked. */
export function waitingByMinute(looks: readonly Look[], minutes: number, speed: number): readonly number[] {
  return Array.from({ length: minutes }, (_, minute) => {
    const from = delayAt(looks, minute * MINUTE_MS)
    const to = delayAt(looks, (minute + 1) * MINUTE_MS)
    return ((to - from) / MINUTE_MS) * speed * SECOND_MS
  })
}

/** Between two looks it grew evenly; NaN before the first and after the last. */
function delayAt(looks: readonly Look[], at: number): number {
  const next = looks.findIndex((look) => look.at >= at)
  if (next < 0) return NaN
  if (next === 0) return looks[0].at === at ? delayOf(looks[0]) : NaN
  const [before, after] = [looks[next - 1], looks[next]]
  const [was, is] = [delayOf(before), delayOf(after)]
  return was + ((is - was) * (at - before.at)) / (after.at - before.at)
}

function whenContended(looks: readonly Look[], perSec: number): number | undefined {
  for (const look of looks) {
    const hosts = new Set([...look.guests.values()].flatMap(({ host }) => (host === undefined ? [] : [host])))
    if (look.at < SLOT_MS) continue
    for (const host of hosts) if (waitedOn(looks, host, look.at, perSec) > CONTENDED_SHARE) return look.at
  }
  return undefined
}

/** Waiting of the guests that were on a host at an instant, per second over the window before it. */
function waitedOn(looks: readonly Look[], host: string, at: number, perSec: number): number {
  const is = looks.findLast((look) => look.at <= at) ?? looks[0]
  const was = looks.findLast((look) => look.at <= is.at - SLOT_MS) ?? looks[0]
  if (is.at <= was.at) return 0
  let sum = 0
  for (const [name, guest] of is.guests)
    if (guest.host === host) sum += guest.delaySec - (was.guests.get(name)?.delaySec ?? 0)
  return sum / ((is.at - was.at) / perSec)
}
