import type { Search } from '../engine/migration/intent.ts'
import type { HostId, VmId } from '../terms/ids.ts'
import type { MigrationIntent, MoveFigures, MoveProgress, Sighting } from '../terms/intent.ts'
import type { Clock } from '../world/clock.ts'
import type { MigrationDriver, MoveCall, Preflight } from '../world/migration-driver.ts'

export type Answered<T> =
  | { readonly kind: 'answered'; readonly value: T }
  | { readonly kind: 'unanswered'; readonly reason: string }

/** A driver whose answers are waited for so long and no longer. Nothing here rejects: no answer is an answer. */
export class PatientDriver {
  readonly name: string
  private readonly driver: MigrationDriver
  private readonly clock: Clock
  private readonly deadlineMs: number

  constructor(driver: MigrationDriver, clock: Clock, deadlineMs: number) {
    this.name = driver.name
    this.driver = driver
    this.clock = clock
    this.deadlineMs = deadlineMs
  }

  async observe(vmId: VmId, hostId: HostId): Promise<Sighting> {
    const told = await this.inTime(() => this.driver.observe(vmId, hostId))
    if (told.kind === 'answered') return told.value
    return { kind: 'unreachable', at: this.clock.now(), reason: told.reason }
  }

  /** Undefined: none is under way there, or nobody says how far it is. */
  async progress(vmId: VmId, hostId: HostId): Promise<MoveProgress | undefined> {
    const told = await this.inTime(() => this.driver.progress(vmId, hostId))
    return told.kind === 'answered' && told.value !== undefined ? usableProgress(told.value) : undefined
  }

  /** Asks all hosts for one VM. Undefined: the platform as a whole gave no answer. */
  async search(vmId: VmId): Promise<Search | undefined> {
    const told = await this.inTime(() => this.driver.list())
    if (told.kind === 'unanswered') return undefined
    const silent: HostId[] = []
    const lying: HostId[] = []
    let foundAt: HostId | undefined
    for (const host of told.value) {
      if (host.kind === 'unreachable') silent.push(host.hostId)
      else {
        const presence = host.vms.find((vm) => vm.vmId === vmId)?.sighting.presence ?? 'absent'
        if (presence === 'running') foundAt ??= host.hostId
        else if (presence !== 'absent' && presence !== 'left') lying.push(host.hostId)
      }
    }
    return { silent, ...(foundAt === undefined ? {} : { foundAt }), ...(lying.length === 0 ? {} : { lying }) }
  }

  preflight(intent: MigrationIntent): Promise<Answered<Preflight>> {
    return this.inTime(() => this.driver.preflight(intent))
  }

  cancel(vmId: VmId, hostId: HostId): Promise<Answered<void>> {
    return this.inTime(() => this.driver.cancel(vmId, hostId))
  }

  /** The one call. What comes of it later than it is waited for is told to `onTold` all the same. */
  migrate(
    intent: MigrationIntent,
    fence: number,
    objection: () => string | undefined,
    onTold: (told: Answered<MoveCall>) => void,
  ): Promise<Answered<MoveCall>> {
    return this.inTime(() => {
      const sent = this.driver.migrate(intent, fence, objection)
      sent.then(
        (value) => onTold({ kind: 'answered', value }),
        (error: unknown) => onTold({ kind: 'unanswered', reason: reasonOf(error) }),
      )
      return sent
    })
  }

  private async inTime<T>(ask: () => Promise<T>): Promise<Answered<T>> {
    const late: Answered<T> = { kind: 'unanswered', reason: `No answer within ${this.deadlineMs} ms.` }
    const timer = this.clock.sleepUntil(this.clock.now() + this.deadlineMs).then(
      () => late,
      () => late,
    )
    const answer = ask().then(
      (value): Answered<T> => ({ kind: 'answered', value }),
      (error: unknown): Answered<T> => ({ kind: 'unanswered', reason: reasonOf(error) }),
    )
    return Promise.race([answer, timer])
  }
}

/** What a platform measured, but for what can't be: a figure below zero would make the journal unreadable. */
export function usableFigures(figures: MoveFigures): MoveFigures {
  const { totalMs, downtimeMs, copiedBytes, rounds } = figures
  return {
    ...(isUsable(totalMs) ? { totalMs } : {}),
    ...(isUsable(downtimeMs) ? { downtimeMs } : {}),
    ...(isUsable(copiedBytes) ? { copiedBytes } : {}),
    ...(isUsable(rounds) ? { rounds } : {}),
  }
}

function usableProgress({ elapsedMs, isPostCopy, throttle, ...told }: MoveProgress): MoveProgress {
  const { copiedBytes, remainingBytes, rounds, dirtyBytesPerSec, copiedBytesPerSec } = told
  return {
    elapsedMs: isUsable(elapsedMs) ? elapsedMs : 0,
    ...usableFigures({
      ...(copiedBytes === undefined ? {} : { copiedBytes }),
      ...(rounds === undefined ? {} : { rounds }),
    }),
    ...(isUsable(remainingBytes) ? { remainingBytes } : {}),
    ...(isUsable(dirtyBytesPerSec) ? { dirtyBytesPerSec } : {}),
    ...(isUsable(copiedBytesPerSec) ? { copiedBytesPerSec } : {}),
    ...(isUsable(throttle) && throttle <= 1 ? { throttle } : {}),
    isPostCopy,
  }
}

function isUsable(figure: number | undefined): figure is number {
  return figure !== undefined && Number.isFinite(figure) && figure >= 0
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
