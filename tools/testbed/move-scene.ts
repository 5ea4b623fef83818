/** Two real hosts, a guest that is moved between them by the production path, and something that dies on the way: what became of the guest, as the
 *  kernel and the guest itself tell, against what the journal tells. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseHostId, parseOrderId, parseVmId } from '../../src/terms/ids.ts'
import type { MigrationIntent, PromisedMove } from '../../src/terms/intent.ts'
import type { MoveLine } from '../../src/terms/move-record.ts'
import { MINUTE_MS } from '../../src/terms/units.ts'
import { GuestLost } from './guest.ts'
import { checkStory, type MoveStory, readStory } from './move-story.ts'
import { MoverProcess } from './mover-process.ts'
import { SmallGuest, type Whereabouts } from './small-guest.ts'
import { type Disturbance, Testbed } from './testbed.ts'

export const HOSTS = ['host1', 'host2'] as const
/** What dies. `worker-intent`: the mover, before the platform has heard of the move. */
export const FAULTS = [
  'worker',
  'worker-intent',
  'source-daemon',
  'target-daemon',
  'target-power',
  'link',
  'source-qemu',
] as const
export type Fault = (typeof FAULTS)[number]

/** One move, and what is done to it. */
export interface Trial {
  /** Absent: nothing. */
  readonly fault?: Fault
  /** After this step is durable, and so long after that. */
  readonly after?: MoveLine['step']
  readonly delayMs?: number
  /** How long what was broken stays so. */
  readonly brokenMs?: number
  readonly bandwidthMibPerSec?: number
  readonly promise?: PromisedMove
  /** The mover is asked to cancel it once it is seen at work. */
  readonly isCancelled?: boolean
}

/** What became of one move. */
export interface Outcome {
  readonly vm: string
  readonly from: string
  readonly to: string
  readonly story: MoveStory
  readonly truth: Whereabouts
  /** Calls to migrate this VM that reached libvirtd, by its own log. */
  readonly calls: number
  /** When the fault was there. */
  readonly struckAt?: number
  /** Hosts on which a copy lies that does not execute. */
  readonly leftovers: readonly string[]
}

/** Nobody may be in the dark for longer. */
const UNKNOWN_MS_MAX = 10 * MINUTE_MS
const MOVE_MS_MAX = 6 * MINUTE_MS
const BROKEN_MS = 3000
const BANDWIDTH_MIB_PER_SEC = 16

export class MoveScene {
  readonly testbed: Testbed
  /** Guests that the emulator spoilt. */
  spoilt = 0
  private guest: SmallGuest | undefined
  private host: string = HOSTS[0]
  private guests = 0
  private moves = 0

  private constructor(testbed: Testbed) {
    this.testbed = testbed
  }

  static async up(): Promise<MoveScene> {
    return new MoveScene(await Testbed.up(HOSTS.length, 'small'))
  }

  down(): Promise<void> {
    return this.testbed.down()
  }

  /** Where the guest is, and where it would go. A guest is booted where none is. */
  async ready(): Promise<{ readonly vm: string; readonly from: string; readonly to: string }> {
    for (let tries = 0; this.guest === undefined; tries++) {
      const vm = `vm${++this.guests}`
      try {
        this.guest = await SmallGuest.boot(this.testbed, { vm, host: this.host, hosts: HOSTS })
      } catch (error) {
        this.spoilt++
        if (!(error instanceof GuestLost) || tries > 0) throw error
      }
    }
    const [from, to] = this.host === HOSTS[0] ? HOSTS : [HOSTS[1], HOSTS[0]]
    return { vm: this.guest.vm, from, to }
  }

  /** Moves the guest and does to it what is wanted. Throws where what must hold does not. */
  async run(trial: Trial): Promise<Outcome> {
    const { vm, from, to } = await this.ready()
    const guest = this.guest
    assert.ok(guest)
    guest.mark()
    const callsBefore = this.calls(vm)
    const journal = join(this.testbed.folder, `move-${++this.moves}.ndjson`)
    const struckAt = await this.move(trial, { vm, from, to, journal })
    const truth = await guest.whereabouts()
    const story = readStory(journal)
    const calls = this.calls(vm) - callsBefore
    const leftovers = truth.processes.filter((host) => !truth.beating.includes(host))
    const outcome = { vm, from, to, story, truth, calls, leftovers, ...(struckAt === undefined ? {} : { struckAt }) }
    await this.goOn(guest, outcome)
    check(outcome)
    return outcome
  }

  /** As `run`; where the emulator spoils the guest, once more with a fresh one. */
  async runOnceMore(trial: Trial): Promise<Outcome> {
    const outcome = await this.run(trial)
    return isSpoilt(outcome) ? this.run(trial) : outcome
  }

  /** The next move starts with this guest where it is, or with a fresh one. */
  private async goOn(guest: SmallGuest, outcome: Outcome): Promise<void> {
    if (isSpoilt(outcome)) this.spoilt++
    const [host] = outcome.truth.beating
    if (host !== undefined && outcome.truth.processes.length === 1 && !outcome.truth.isSpoilt) {
      this.host = host
      return
    }
    await guest.remove()
    this.guest = undefined
  }

  /** Returns when the fault struck. */
  private async move(trial: Trial, way: Way): Promise<number | undefined> {
    const { fault, after = 'accepted', delayMs = 0, brokenMs = BROKEN_MS } = trial
    const isIntentOnly = fault === 'worker-intent'
    const order = { journal: way.journal, hosts: this.uris(), intent: this.intentOf(trial, way) }
    const mover = new MoverProcess({ ...order, fence: 1, ...(isIntentOnly ? { killedAfter: 'intent' } : {}) })
    let struckAt: number | undefined
    if (isIntentOnly) {
      await mover.dies()
      struckAt = Date.now()
    } else if (fault !== undefined || trial.isCancelled === true) {
      await mover.reaches(after)
      await pause(delayMs)
      if (trial.isCancelled === true) mover.cancel()
      if (fault === 'worker') await mover.kill()
      else if (fault !== undefined) await this.testbed.disturb(...strike(fault, way))
      struckAt = Date.now()
      const mending = fault === undefined ? undefined : mend(fault, way)
      if (mending !== undefined) {
        await pause(brokenMs)
        await this.testbed.disturb(...mending)
      }
    }
    if (fault !== 'worker' && !isIntentOnly) await mover.ends(MOVE_MS_MAX)
    else await new MoverProcess({ journal: way.journal, hosts: this.uris(), fence: 2 }).ends(MOVE_MS_MAX)
    return struckAt
  }

  private uris(): Readonly<Record<string, string>> {
    return Object.fromEntries(HOSTS.map((host) => [host, this.testbed.networkUri(host)]))
  }

  private intentOf({ bandwidthMibPerSec = BANDWIDTH_MIB_PER_SEC, promise }: Trial, { vm, from, to }: Way): MigrationIntent {
    return {
      order: {
        id: parseOrderId(`live-${process.pid}-${this.moves}`),
        vmId: parseVmId(vm),
        from: parseHostId(from),
        to: parseHostId(to),
        decidedAt: Date.now(),
        class: 'operator',
        reason: 'live test',
      },
      cause: { kind: 'operator', who: 'live test' },
      terms: { mode: 'precopy', bandwidthMibPerSec, timeoutMs: 4 * MINUTE_MS, stalledMs: 2 * MINUTE_MS },
      ...(promise === undefined ? {} : { promise }),
    }
  }

  private calls(vm: string): number {
    const call = new RegExp(`virDomainMigratePerform3Params:.*name=${vm},`, 'g')
    return HOSTS.reduce((sum, host) => sum + (this.testbed.daemonLog(host).match(call)?.length ?? 0), 0)
  }
}

interface Way {
  readonly vm: string
  readonly from: string
  readonly to: string
  readonly journal: string
}

type Struck = Exclude<Fault, 'worker' | 'worker-intent'>

function strike(fault: Struck, { vm, from, to }: Way): Disturbance {
  switch (fault) {
    case 'source-daemon':
      return ['daemon', from, 'kill']
    case 'target-daemon':
      return ['daemon', to, 'kill']
    case 'target-power':
      return ['power-off', to]
    case 'link':
      return ['cut', to]
    case 'source-qemu':
      return ['vm-kill', from, vm]
  }
}

function mend(fault: Fault, { from, to }: Way): Disturbance | undefined {
  switch (fault) {
    case 'source-daemon':
      return ['daemon', from, 'start']
    case 'target-daemon':
      return ['daemon', to, 'start']
    case 'target-power':
      return ['host-up', to]
    case 'link':
      return ['mend', to]
    default:
      return undefined
  }
}

/** The emulator's doing: a process has it, libvirt takes it for running, and it executes no more. */
function isSpoilt({ truth }: Outcome): boolean {
  return truth.isSpoilt || (truth.beating.length === 0 && Object.values(truth.active).some((how) => how.startsWith('running')))
}

/** What must hold of every move, whatever died. */
function check(outcome: Outcome): void {
  const { story, truth, calls, from, to, struckAt } = outcome
  const told = JSON.stringify({ ...outcome, story: story.steps, closed: story.record.closed })
  checkStory(story)
  assert.ok(calls <= 1, `${calls} calls to migrate: ${told}`)
  assert.equal(truth.doubledBeats, 0, told)
  assert.ok(truth.beating.length <= 1, told)
  assert.ok(story.unknownMs <= UNKNOWN_MS_MAX, told)
  const running = Object.entries(truth.active).flatMap(([host, how]) => (how.startsWith('running') ? [host] : []))
  assert.ok(running.length <= 1, told)
  const { closed } = story.record
  assert.ok(closed, told)
  const expected = { done: [to], 'not-started': [from], failed: [from], aborted: [from], 'lost-by-fault': [] }[closed.state]
  // A host that lost its power after the move was over took the guest with it.
  const isLostLater = running.length === 0 && closed.state === 'done' && struckAt !== undefined && struckAt >= closed.at
  if (!isLostLater) assert.deepEqual(running, expected, told)
  if (!isSpoilt(outcome)) assert.deepEqual(truth.beating, running, told)
}
