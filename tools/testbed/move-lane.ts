/** One guest that is moved between two real hosts, again and again, each time by a mover of its own process with a journal of its own. */
import { join } from 'node:path'
import { parseHostId, parseOrderId, parseVmId } from '../../src/terms/ids.ts'
import type { MigrationIntent, PromisedMove } from '../../src/terms/intent.ts'
import type { MoveLine } from '../../src/terms/move-record.ts'
import { MINUTE_MS } from '../../src/terms/units.ts'
import { GuestLost } from './guest.ts'
import { migrateCalls } from './migrate-calls.ts'
import { isSpoilt, type Outcome } from './move-check.ts'
import { readStory } from './move-story.ts'
import type { WorkerOrder } from './move-worker.ts'
import { MoverProcess } from './mover-process.ts'
import { SmallGuest } from './small-guest.ts'
import type { Testbed } from './testbed.ts'

export const HOSTS = ['host1', 'host2'] as const

/** How a move is ordered. */
export interface Wish {
  readonly bandwidthMibPerSec?: number
  readonly promise?: PromisedMove
  /** Hosts are asked, and memory travels, by TLS. */
  readonly isEncrypted?: boolean
  /** The mover kills itself once this step is durable. */
  readonly killedAfter?: MoveLine['step']
}

/** A move under way. */
export interface Way {
  readonly vm: string
  readonly from: string
  readonly to: string
  readonly journal: string
  readonly mover: MoverProcess
  /** How long each host's log of calls was. */
  readonly logsBefore: readonly number[]
}

const MOVE_MS_MAX = 6 * MINUTE_MS
/** 128 MiB of which some 90 hold something: five seconds, in which much can happen. */
const BANDWIDTH_MIB_PER_SEC = 16
const BOOTS_MOST = 3

export class MoveLane {
  /** Guests that the emulator spoilt. */
  spoilt = 0
  private readonly testbed: Testbed
  private readonly nextVm: () => string
  private guest: SmallGuest | undefined
  private host: string
  private fence = 1

  /** @param nextVm a name that no guest had before */
  constructor(testbed: Testbed, host: string, nextVm: () => string) {
    this.testbed = testbed
    this.host = host
    this.nextVm = nextVm
  }

  /** Where the guest is, and where it would go. One is booted where none is. */
  async ready(): Promise<Pick<Way, 'vm' | 'from' | 'to'>> {
    const { vm } = await this.living()
    const [from, to] = this.host === HOSTS[0] ? HOSTS : [HOSTS[1], HOSTS[0]]
    return { vm, from, to }
  }

  /** Orders the move. */
  async begin(wish: Wish): Promise<Way> {
    const { vm, from, to } = await this.ready()
    const guest = await this.living()
    guest.mark()
    const logsBefore = HOSTS.map((name) => this.testbed.daemonLog(name).length)
    const journal = join(this.testbed.folder, `move-${vm}-${++this.fence}.ndjson`)
    const { killedAfter, isEncrypted = false } = wish
    const intent = this.intentOf(wish, { vm, from, to })
    const order = { journal, hosts: this.uris(isEncrypted), fence: this.fence, intent, isEncrypted }
    const mover = new MoverProcess({ ...order, ...(killedAfter === undefined ? {} : { killedAfter }) })
    return { vm, from, to, journal, mover, logsBefore }
  }

  /** Waits for the end of it, and tells what is true then. @param hasDied its mover has: another goes on from the journal */
  async end(
    way: Way,
    { hasDied, struckAt }: { readonly hasDied: boolean; readonly struckAt?: number },
  ): Promise<Outcome> {
    const { vm, from, to, journal, logsBefore } = way
    if (hasDied) await new MoverProcess({ journal, hosts: this.uris(), fence: ++this.fence }).ends(MOVE_MS_MAX)
    else await way.mover.ends(MOVE_MS_MAX)
    const guest = await this.living()
    const truth = await guest.whereabouts()
    const calls = migrateCalls(this.testbed, vm, HOSTS, logsBefore)
    const pictures = way.mover.said.flatMap((line) => (line.startsWith('picture ') ? [line.slice(8)] : []))
    const outcome = { vm, from, to, story: readStory(journal), truth, calls, pictures }
    await this.goOn(guest, outcome)
    return struckAt === undefined ? outcome : { ...outcome, struckAt }
  }

  /** The next move starts with this guest where it is, or with a fresh one. */
  private async goOn(guest: SmallGuest, outcome: Outcome): Promise<void> {
    const { beating, processes } = outcome.truth
    if (isSpoilt(outcome)) this.spoilt++
    else if (beating.length === 1 && processes.length === 1) {
      this.host = beating[0]
      return
    }
    await guest.remove()
    this.guest = undefined
  }

  private async living(): Promise<SmallGuest> {
    for (let boots = 1; this.guest === undefined; boots++) {
      try {
        this.guest = await SmallGuest.boot(this.testbed, { vm: this.nextVm(), host: this.host, hosts: HOSTS })
      } catch (error) {
        if (!(error instanceof GuestLost) || boots === BOOTS_MOST) throw error
        this.spoilt++
      }
    }
    return this.guest
  }

  private uris(isSecure = false): WorkerOrder['hosts'] {
    const of = (host: string): string => (isSecure ? this.testbed.secureUri(host) : this.testbed.networkUri(host))
    return Object.fromEntries(HOSTS.map((host) => [host, of(host)]))
  }

  private intentOf(
    { bandwidthMibPerSec = BANDWIDTH_MIB_PER_SEC, promise }: Wish,
    way: Pick<Way, 'vm' | 'from' | 'to'>,
  ): MigrationIntent {
    return {
      order: {
        id: parseOrderId(`live-${way.vm}-${this.fence}`),
        vmId: parseVmId(way.vm),
        from: parseHostId(way.from),
        to: parseHostId(way.to),
        decidedAt: Date.now(),
        class: 'operator',
        reason: 'live test',
      },
      cause: { kind: 'operator', who: 'live test' },
      terms: { mode: 'precopy', bandwidthMibPerSec, timeoutMs: 4 * MINUTE_MS, stalledMs: 2 * MINUTE_MS },
      ...(promise === undefined ? {} : { promise }),
    }
  }
}
