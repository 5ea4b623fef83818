import type { HostId, VmId } from '../terms/ids.ts'
import type { MoveFigures, MoveProgress } from '../terms/intent.ts'
import type { EpochMs } from '../terms/units.ts'
import type { CallEnd } from '../world/migration-driver.ts'
import type { ImaginedMachines } from './imagined-machines.ts'
import type { StagedClock } from './staged-clock.ts'

/** How one migration goes if nothing goes wrong. */
export interface MigrationCourse {
  readonly bytes: number
  readonly copyMs: number
  readonly downtimeMs: number
  /** From running at the destination until the source has cleaned up. */
  readonly finishMs: number
  /** Never gets to the last step: the VM writes faster than the link. */
  readonly isStuck: boolean
  /** Memory follows after the switch, for this long. Absent: pre-copy. */
  readonly postCopyMs?: number
}

export type MigrationPhase = 'copying' | 'switching' | 'finishing' | 'post-copy' | 'over'

/** Steps in which a copy goes on. */
const STEP_MS = 200
/** A connection without an answer is given up after this. */
const LINK_TIMEOUT_MS = 30_000
/** What QEMU takes to notice that the other end is gone, and to let the source run on. */
const ROLLBACK_MS = 50

/** One migration as QEMU and libvirt carry it out between two hosts, peer to peer: nobody has to stay connected for it to go on. */
export class ImaginedMigration {
  readonly vm: VmId
  readonly from: HostId
  readonly to: HostId
  readonly startedAt: EpochMs
  phase: MigrationPhase = 'copying'
  private readonly machines: ImaginedMachines
  private readonly clock: StagedClock
  private readonly course: MigrationCourse
  private readonly onEnd: (end: CallEnd) => void
  private copiedMs = 0
  private unlinkedMs = 0

  constructor(
    way: { readonly vm: VmId; readonly from: HostId; readonly to: HostId },
    course: MigrationCourse,
    world: { readonly machines: ImaginedMachines; readonly clock: StagedClock; readonly onEnd: (end: CallEnd) => void },
  ) {
    this.vm = way.vm
    this.from = way.from
    this.to = way.to
    this.course = course
    this.machines = world.machines
    this.clock = world.clock
    this.onEnd = world.onEnd
    this.startedAt = this.clock.passed()
    this.machines.put(this.from, this.vm, 'running', true)
    this.machines.put(this.to, this.vm, 'incoming', true)
    this.later(STEP_MS, () => this.copy())
  }

  progress(): MoveProgress | undefined {
    if (this.phase === 'over') return undefined
    const share = Math.min(1, this.copiedMs / this.course.copyMs)
    // What is stuck gets down to a tenth and stays there.
    const left = this.course.isStuck ? Math.max(0.1, 1 - share) : 1 - share
    return {
      elapsedMs: this.clock.passed() - this.startedAt,
      copiedBytes: Math.round(this.course.bytes * (this.copiedMs / this.course.copyMs)),
      remainingBytes: Math.round(this.course.bytes * left),
      isPostCopy: this.phase === 'post-copy',
    }
  }

  /** As `virsh domjobabort`: refused from the moment the destination may run. */
  abort(): void {
    if (this.phase === 'copying') this.fallBack('failed', 'operation aborted: migration job: canceled by client')
  }

  /** Something happened to a host, a process or a daemon: what does QEMU do about it? */
  react(): void {
    if (this.phase === 'over') return
    const source = this.machines.at(this.from, this.vm)
    const destination = this.machines.at(this.to, this.vm)
    if (this.phase === 'post-copy') return this.reactInPostCopy(source !== undefined, destination !== undefined)
    if (this.phase === 'finishing') {
      if (source === undefined) this.end('unknown', 'the source went away')
      return
    }
    if (source === undefined) {
      // The destination has half a memory, and ends by itself: "load of migration failed".
      this.phase = 'over'
      this.later(ROLLBACK_MS, () => this.machines.remove(this.to, this.vm))
      this.end('unknown', 'the source went away')
      return
    }
    if (destination === undefined) this.fallBack('failed', 'the destination went away')
  }

  /** The daemon of the source starts anew: it breaks off what has not been handed over, as libvirt does. */
  daemonRestarted(host: HostId): void {
    if (this.phase === 'over' || host !== this.from) return
    if (this.phase === 'copying') this.fallBack('unknown', 'the daemon was restarted')
    // Past the switch it finds a paused process, and leaves it for a person.
    else if (this.phase === 'finishing') {
      this.machines.put(this.from, this.vm, 'handing-over', false)
      this.end('unknown', 'the daemon was restarted')
    }
  }

  private copy(): void {
    if (this.phase !== 'copying') return
    if (!this.machines.areLinked(this.from, this.to)) {
      this.unlinkedMs += STEP_MS
      if (this.unlinkedMs >= LINK_TIMEOUT_MS) return this.fallBack('failed', 'connection timed out')
    } else {
      this.unlinkedMs = 0
      this.copiedMs += STEP_MS
    }
    if (this.copiedMs >= this.course.copyMs && !this.course.isStuck) return this.switchOver()
    this.later(STEP_MS, () => this.copy())
  }

  private switchOver(): void {
    this.phase = 'switching'
    this.machines.put(this.from, this.vm, 'handing-over', true)
    this.later(this.course.downtimeMs, () => {
      if (this.phase !== 'switching') return
      // With a return path the destination runs only if it can still say so.
      if (!this.machines.areLinked(this.from, this.to)) return this.fallBack('failed', 'connection lost at the switch')
      if (this.course.postCopyMs === undefined) this.handOver()
      else this.goPostCopy(this.course.postCopyMs)
    })
  }

  private goPostCopy(postCopyMs: number): void {
    this.phase = 'post-copy'
    this.machines.put(this.to, this.vm, 'post-copy', true)
    this.later(postCopyMs, () => {
      if (this.phase !== 'post-copy') return
      if (this.machines.areLinked(this.from, this.to)) return this.handOver()
      this.breakPostCopy()
    })
  }

  private handOver(): void {
    this.phase = 'finishing'
    this.machines.put(this.to, this.vm, 'running', false)
    this.finishLater()
  }

  private finishLater(): void {
    this.later(this.course.finishMs, () => {
      if (this.phase !== 'finishing') return
      if (!this.machines.areLinked(this.from, this.to) && this.machines.isUp(this.from)) return this.finishLater()
      this.machines.put(this.from, this.vm, 'left')
      this.end('succeeded', '', {
        totalMs: this.clock.passed() - this.startedAt,
        downtimeMs: this.course.downtimeMs,
        copiedBytes: this.course.bytes,
      })
    })
  }

  private reactInPostCopy(hasSource: boolean, hasDestination: boolean): void {
    if (hasSource && hasDestination) return
    if (hasSource) this.machines.put(this.from, this.vm, 'post-copy-broken')
    if (hasDestination) this.machines.put(this.to, this.vm, 'post-copy-broken')
    this.end('unknown', 'post-copy lost its other half')
  }

  private breakPostCopy(): void {
    this.machines.put(this.from, this.vm, 'post-copy-broken')
    this.machines.put(this.to, this.vm, 'post-copy-broken')
    this.end('unknown', 'post-copy lost its link')
  }

  /** QEMU's own way back: the source runs on, and the destination's half goes. Nobody of ours has a part in it. */
  private fallBack(kind: CallEnd['kind'], reason: string): void {
    this.phase = 'over'
    this.later(ROLLBACK_MS, () => {
      if (this.machines.at(this.from, this.vm) !== undefined) this.machines.put(this.from, this.vm, 'running')
      if (this.machines.at(this.to, this.vm)?.presence === 'incoming') this.machines.remove(this.to, this.vm)
      this.end(kind, reason)
    })
  }

  private end(kind: CallEnd['kind'], reason: string, figures?: MoveFigures): void {
    this.phase = 'over'
    this.onEnd({ kind, reason, ...(figures === undefined ? {} : { figures }) })
  }

  private later(delayMs: number, happen: () => void): void {
    this.clock.in(delayMs, happen)
  }
}
