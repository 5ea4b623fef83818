/** The course of QEMU's pre-copy, round by round in closed form: what is sent, how long it takes, how long the VM stands, whether it ends.
 *
 *  QEMU 7.2 (`migration_iteration_run`, `ram_state_pending`, `migration_update_counters`) does not send whole rounds. It asks after each
 *  slice of sending what is left; once that is below what the link carries within the downtime limit it looks at the dirty bitmap again,
 *  and stops the VM only if the rest is still below. So a round ends with a rest of nearly the limit, and even a VM that writes nothing
 *  stands for about as long as the limit allows. */
import type { MigrationMode } from '../../terms/move-facts.ts'
import type { Fraction } from '../../terms/units.ts'

/** Bytes of distinct pages written within `seconds` after a clean start: concave, and level once the working set is written. */
export type DirtyCurve = (seconds: number) => number

export interface CopySubject {
  /** All pages, of zeros too: QEMU counts them in the rest. */
  readonly ramBytes: number
  /** Pages that hold something, which are sent. At most `ramBytes`. */
  readonly usedBytes: number
  /** Share of the last pages in address order that hold something: they are what is left when QEMU stops a VM that writes nothing. */
  readonly tailUsed: Fraction
  readonly dirtied: DirtyCurve
  /** What `dirtied` levels off at; Infinity where it does not. */
  readonly workingSetBytes: number
}

export interface CopyTerms {
  readonly bytesPerSec: number
  readonly downtimeLimitMs: number
  readonly mode: MigrationMode
  /** When the caller gives up. Absent: never. */
  readonly timeoutMs?: number
}

export interface CopyCourse {
  readonly totalMs: number
  /** NaN where the VM never stood: given up, or it would never end. */
  readonly downtimeMs: number
  readonly sentBytes: number
  readonly rounds: number
  /** Done, and within the time allowed. */
  readonly converges: boolean
  /** Bytes left when it was given up, or moved by post-copy. */
  readonly restBytes: number
}

/** What differs between platforms and hosts. Defaults fit QEMU 7.2 under libvirt 9. */
export interface CopyConstants {
  /** Connecting, handshakes and the end of the job: part of the total, not of the bandwidth. */
  readonly setUpMs: number
  /** Device state, start on the target. */
  readonly switchOverMs: number
  /** What the sockets and the shaper hold when the VM stops and must drain first. */
  readonly queuedBytes: number
  /** Longest sending between two looks at the rest (`MAX_WAIT` of QEMU's ram.c). */
  readonly sliceMs: number
  /** What a slice sends beyond its time: the last write waits until the socket takes it. */
  readonly blockedBytes: number
  /** The bandwidth is unknown, and with it the stop rule, during the first window (`BUFFER_DELAY`). */
  readonly windowMs: number
  /** Post-copy begins when a poll sees the second round: so often it looks. */
  readonly pollMs: number
  /** Auto-converge: first throttle, step, highest (libvirt's parameters). */
  readonly throttleFirst: Fraction
  readonly throttleStep: Fraction
  readonly throttleMost: Fraction
  /** Share of its CPU that a VM needs to write at its pace: until less is left to it, a throttle changes nothing. Measured: moves ended
   *  well after the first throttle. */
  readonly paceNeeds: Fraction
  /** Rounds after which a course counts as one that never ends. */
  readonly roundsMax: number
}

export const QEMU_CONSTANTS: CopyConstants = {
  setUpMs: 420,
  switchOverMs: 45,
  queuedBytes: 1.5 * 1024 * 1024,
  sliceMs: 50,
  blockedBytes: 0.6 * 1024 * 1024,
  windowMs: 100,
  pollMs: 100,
  throttleFirst: 0.5,
  throttleStep: 0.2,
  throttleMost: 0.99,
  paceNeeds: 0.25,
  roundsMax: 2000,
}

interface Course {
  seconds: number
  sent: number
  /** Bytes of pages that QEMU takes to be left. */
  pending: number
  /** Of those, what is to be sent: the others are zeros. */
  pendingUsed: number
  rounds: number
  throttle: number
  busyPeriods: number
  periodStart: number
  periodDirtied: number
  periodSent: number
}

/** Follows the course to its end. Rounds are jumped over whole, so it costs some microseconds. */
export function courseOfCopy(
  subject: CopySubject,
  terms: CopyTerms,
  constants: CopyConstants = QEMU_CONSTANTS,
): CopyCourse {
  const { bytesPerSec } = terms
  const slice = constants.sliceMs / 1000 + constants.blockedBytes / bytesPerSec
  const limit = (bytesPerSec * terms.downtimeLimitMs) / 1000
  const timeout = ((terms.timeoutMs ?? Infinity) - constants.setUpMs) / 1000
  const course = firstPass(subject, terms, constants, limit)
  let before = { pending: Infinity, sinceSync: 0 }
  let sinceSync = course.seconds
  while (course.seconds <= timeout) {
    const dirtied = written(subject, sinceSync, course, constants.paceNeeds)
    course.pending += dirtied
    course.pendingUsed += dirtied
    if (course.pending < limit || course.pending <= 0) return stopVm(course, terms, constants, timeout)
    course.rounds++
    if (terms.mode === 'autoconverge') throttleUp(course, dirtied, constants)
    // Slices until what is left is below the limit; the last one is sent whole. Pages of zeros cost nothing.
    const slices = Math.max(0, Math.floor((course.pendingUsed - limit) / (bytesPerSec * slice))) + 1
    const sent = Math.min(course.pendingUsed, slices * slice * bytesPerSec)
    if (terms.mode === 'postcopy' && sent / bytesPerSec > constants.pollMs / 1000) {
      return switchToPostCopy(course, terms, constants, timeout)
    }
    sinceSync = Math.max(slice, sent / bytesPerSec)
    course.seconds += sinceSync
    course.sent += sent
    course.pendingUsed -= sent
    course.pending = course.pendingUsed
    // The same rest after the same time: from here on every round is like this one.
    const isSame = Math.abs(course.pending - before.pending) < 1 && sinceSync === before.sinceSync
    before = { pending: course.pending, sinceSync }
    const isStuck = isSame && (terms.mode !== 'autoconverge' || course.throttle >= constants.throttleMost)
    if (isStuck || course.rounds >= constants.roundsMax) return neverEnds(course, terms, timeout)
  }
  return giveUp(course, terms, timeout)
}

/** The pages in address order, until the rest is below the limit. */
function firstPass(subject: CopySubject, terms: CopyTerms, constants: CopyConstants, limit: number): Course {
  const { ramBytes, usedBytes } = subject
  const tail = Math.min(limit, ramBytes)
  const tailUsed = Math.min(usedBytes, tail * subject.tailUsed)
  const slice = (constants.sliceMs / 1000) * terms.bytesPerSec + constants.blockedBytes
  const least = Math.min(usedBytes, (constants.windowMs / 1000) * terms.bytesPerSec)
  // Slices are sent whole, so some is sent beyond the point where the rest falls below the limit.
  const wanted = Math.min(usedBytes, Math.max(least, usedBytes - tailUsed))
  const sent = Math.min(usedBytes, Math.ceil(wanted / slice) * slice)
  const left = usedBytes - sent
  const pending = usedBytes - tailUsed >= least ? Math.max(left, tail - (sent - (usedBytes - tailUsed))) : left
  return {
    seconds: sent / terms.bytesPerSec,
    sent,
    pending: Math.max(0, Math.min(pending, tail)),
    pendingUsed: left,
    rounds: 1,
    throttle: 0,
    busyPeriods: 0,
    periodStart: 0,
    periodDirtied: 0,
    periodSent: 0,
  }
}

/** Pages newly in the bitmap: those that still wait to be sent are in it already. */
function written(subject: CopySubject, seconds: number, course: Course, paceNeeds: Fraction): number {
  const all = subject.dirtied(seconds * Math.min(1, (1 - course.throttle) / paceNeeds))
  // The first pass leaves pages from all of the memory; later ones leave pages of the working set.
  const waiting = course.pending / (course.rounds === 1 ? subject.ramBytes : subject.workingSetBytes)
  return all * (1 - Math.min(1, waiting))
}

/** `migration_trigger_throttle`: twice in periods of at least a second more than half of what was sent was dirtied. */
function throttleUp(course: Course, dirtied: number, constants: CopyConstants): void {
  course.periodDirtied += dirtied
  if (course.seconds - course.periodStart < 1) return
  const isBusy = course.periodDirtied > 0.5 * (course.sent - course.periodSent)
  course.periodStart = course.seconds
  course.periodDirtied = 0
  course.periodSent = course.sent
  if (!isBusy) return
  if (++course.busyPeriods < 2) return
  course.busyPeriods = 0
  course.throttle =
    course.throttle === 0
      ? constants.throttleFirst
      : Math.min(constants.throttleMost, course.throttle + constants.throttleStep)
}

function stopVm(course: Course, terms: CopyTerms, constants: CopyConstants, timeout: number): CopyCourse {
  const rest = course.pendingUsed
  // What sockets and the shaper hold has to drain first when the VM stops.
  const downtimeMs = ((rest + constants.queuedBytes) / terms.bytesPerSec) * 1000 + constants.switchOverMs
  const seconds = course.seconds + rest / terms.bytesPerSec
  return {
    totalMs: seconds * 1000 + constants.setUpMs + constants.switchOverMs,
    downtimeMs,
    sentBytes: course.sent + rest,
    rounds: course.rounds + 1,
    converges: seconds <= timeout,
    restBytes: 0,
  }
}

/** The VM goes over with its devices alone; what is left follows while it runs there. */
function switchToPostCopy(course: Course, terms: CopyTerms, constants: CopyConstants, timeout: number): CopyCourse {
  const seconds = course.seconds + course.pendingUsed / terms.bytesPerSec
  return {
    totalMs: seconds * 1000 + constants.setUpMs + constants.switchOverMs,
    downtimeMs: POSTCOPY_DOWNTIME_MS,
    sentBytes: course.sent + course.pendingUsed,
    rounds: course.rounds,
    converges: seconds <= timeout,
    restBytes: course.pendingUsed,
  }
}

/** Device state alone: 6 to 8 ms in the moves measured. */
const POSTCOPY_DOWNTIME_MS = 7

function giveUp(course: Course, terms: CopyTerms, timeout: number): CopyCourse {
  const over = Math.max(0, course.seconds - timeout)
  return {
    totalMs: terms.timeoutMs ?? Infinity,
    downtimeMs: Number.NaN,
    sentBytes: Math.max(0, course.sent - over * terms.bytesPerSec),
    rounds: course.rounds,
    converges: false,
    restBytes: course.pending,
  }
}

function neverEnds(course: Course, terms: CopyTerms, timeout: number): CopyCourse {
  const left = timeout - course.seconds
  return {
    totalMs: terms.timeoutMs ?? Infinity,
    downtimeMs: Number.NaN,
    sentBytes: Number.isFinite(left) ? course.sent + left * terms.bytesPerSec : Infinity,
    rounds: course.rounds,
    converges: false,
    restBytes: course.pending,
  }
}
