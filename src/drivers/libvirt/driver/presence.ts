/** What libvirt's state, reason and job of a domain say of where a VM executes. Numbers: virDomainState and its reasons, virDomainJobOperation. */
import type { Presence } from '../../../terms/intent.ts'
import type { JobStats } from '../rpc/libvirt.ts'

const STATE = { running: 1, blocked: 2, paused: 3, shuttingDown: 4, off: 5, crashed: 6, suspended: 7 } as const
const STATE_NAMES = ['no state', 'running', 'blocked', 'paused', 'shutting down', 'shut off', 'crashed', 'suspended']
const RUNNING = { migrated: 2, postCopy: 10, postCopyFailed: 11 } as const
const PAUSED = { migration: 2, startingUp: 11, postCopy: 12, postCopyFailed: 13 } as const
const OFF_MIGRATED = 4

/** Words of reasons by state, in the order of their numbers. */
const REASONS: ReadonlyMap<number, readonly string[]> = new Map(
  [
    [
      STATE.running,
      'unknown|booted|migrated|restored|from snapshot|unpaused|migration cancelled|save cancelled|woken up|crashed|post-copy|post-copy failed',
    ] as const,
    [
      STATE.paused,
      'unknown|user|migration|save|dump|I/O error|watchdog|from snapshot|shutting down|snapshot|crashed|starting up|post-copy|post-copy failed|API error',
    ] as const,
    [STATE.off, 'unknown|shutdown|destroyed|crashed|migrated|saved|failed|from snapshot|daemon'] as const,
  ].map(([state, words]) => [state, words.split('|')]),
)

/** virDomainJobOperation. */
export const OPERATION = { migrationIn: 4, migrationOut: 5 } as const

/** The job of a domain. `unknown`: it could not be told. */
export type DomainJob =
  | { readonly kind: 'none' }
  | { readonly kind: 'migration-out'; readonly stats: JobStats }
  /** As a target: figures are with the source. */
  | { readonly kind: 'migration-in' }
  | { readonly kind: 'other'; readonly operation: number }
  | { readonly kind: 'unknown'; readonly reason: string }

/** virDomainJobOperation, those that are no migration. */
const OPERATION_NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'start'],
  [2, 'save'],
  [3, 'restore'],
  [6, 'snapshot'],
  [7, 'revert to a snapshot'],
  [8, 'dump'],
  [9, 'backup'],
  [10, 'deletion of a snapshot'],
])

export interface StateOf {
  readonly state: number
  readonly reason: number
  /** It has a process. */
  readonly isActive: boolean
}

/** It runs there, and a move brought it: nothing has happened to it since. */
export function hasArrived({ state, reason, isActive }: StateOf): boolean {
  return isActive && state === STATE.running && reason === RUNNING.migrated
}

export function presenceOf({ state, reason, isActive }: StateOf, job: DomainJob): Presence {
  switch (state) {
    case STATE.running:
    case STATE.blocked:
      if (reason === RUNNING.postCopy && state === STATE.running) return 'post-copy'
      return reason === RUNNING.postCopyFailed && state === STATE.running ? 'post-copy-broken' : 'running'
    case STATE.shuttingDown:
      return 'running'
    case STATE.paused:
      return pausedFor(reason, job)
    case STATE.off:
      return reason === OFF_MIGRATED ? 'left' : 'absent'
    default:
      return isActive ? 'paused' : 'absent'
  }
}

/** The target of a migration says "starting up" and then "migration" until the VM runs there; the source says "migration" in the last step, and
 *  "post-copy" once the VM runs on the target. */
function pausedFor(reason: number, job: DomainJob): Presence {
  if (reason === PAUSED.postCopyFailed) return 'post-copy-broken'
  if (reason === PAUSED.startingUp) return 'incoming'
  if (job.kind === 'migration-in') return 'incoming'
  return reason === PAUSED.migration || reason === PAUSED.postCopy ? 'handing-over' : 'paused'
}

/** Whether a source has handed the VM over to post-copy: to end the job then would lose the guest. */
export function isPostCopySource({ state, reason }: Pick<StateOf, 'state' | 'reason'>): boolean {
  return state === STATE.paused && (reason === PAUSED.postCopy || reason === PAUSED.postCopyFailed)
}

export function isRunning({ state }: Pick<StateOf, 'state'>): boolean {
  return state === STATE.running || state === STATE.blocked
}

/** As `virsh domstate --reason` has it, and the job. */
export function describeState({ state, reason }: Pick<StateOf, 'state' | 'reason'>, job: DomainJob): string {
  const name = STATE_NAMES[state] ?? `state ${state}`
  const why = REASONS.get(state)?.[reason]
  return `${name} (${why ?? `reason ${reason}`})${describeJob(job)}`
}

function describeJob(job: DomainJob): string {
  if (job.kind === 'none') return ''
  if (job.kind === 'migration-out') return ', migrating away'
  if (job.kind === 'migration-in') return ', migrating here'
  if (job.kind === 'unknown') return `; its job is not known: ${job.reason}`
  return `, with a job (${OPERATION_NAMES.get(job.operation) ?? `operation ${job.operation}`})`
}

/** Whether a migration is to be reckoned with: what can't be told is. */
export function mayMigrate({ kind }: DomainJob): boolean {
  return kind === 'migration-out' || kind === 'migration-in' || kind === 'unknown'
}
