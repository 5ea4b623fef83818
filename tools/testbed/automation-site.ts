/** Real hosts, each with a reporter of its own in it, and the server as operators run it; and what the server, the journal, libvirt's logs and the kernel
 *  tell of a move there. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MigrationView, MigrationsView } from '../../src/apps/server/views/moves.ts'
import { parseVmId } from '../../src/terms/ids.ts'
import { type MoveLine, readMoveLine } from '../../src/terms/move-record.ts'
import { SLOT_MS, slotOf, type UsageSlot } from '../../src/terms/usage.ts'
import type { JournalLine } from '../../src/world/site-store.ts'
import { GuestLost } from './guest.ts'
import { migrateCalls } from './migrate-calls.ts'
import { OwnLoad } from './own-load.ts'
import { ReportedSite } from './reported-site.ts'
import { type BootOrder, SmallGuest, type Whereabouts } from './small-guest.ts'
import { IMAGES } from './testbed.ts'

export const HOSTS = ['host1', 'host2', 'host3'] as const
const BOOTS_MOST = 3
const PAST_SLOTS = 12
const JOURNAL_MOST = 10_000
/** A guest of 128 MiB takes some seconds over such a link: enough for something to happen meanwhile. */
const LINK_MBIT_PER_SEC = 80

/** What became of one move, by everybody who can know. */
export interface MoveTold {
  readonly view: MigrationView
  /** What the journal has of it. */
  readonly lines: readonly MoveLine[]
  /** The line of the turn that ordered it; undefined: none did. */
  readonly turn: JournalLine | undefined
  /** Number of the journal's line that holds its intent. */
  readonly intentNumber: number
  /** Calls to migrate the VM in all, by libvirt's logs. */
  readonly calls: number
  readonly truth: Whereabouts
}

export class AutomationSite {
  readonly reported: ReportedSite
  private readonly loads: OwnLoad[] = []
  private readonly guests = new Map<string, SmallGuest>()

  private constructor(reported: ReportedSite) {
    this.reported = reported
  }

  /** Hosts of one core each, a server and a login. No reporter runs yet.
   *  @param past what VMs used of a core in the last hour: nobody waits for it */
  static async up(past: Readonly<Record<string, number>>): Promise<AutomationSite> {
    const wish = { guests: 'small', reporters: 'within' } as const
    const site = new AutomationSite(await ReportedSite.up(HOSTS, wish, (server) => server.tellPast(slotsOf(past))))
    const { testbed } = site.reported
    for (const host of HOSTS) {
      await testbed.disturb('cpu-cap', host, '100')
      site.loads.push(await OwnLoad.of(testbed, host))
    }
    return site
  }

  async end(): Promise<void> {
    for (const load of this.loads) await load.end()
    await this.reported.end()
  }

  /** Boots a guest, again where the emulator loses it. @param options of `testbed.sh vm-start` */
  async boot(vm: string, host: string, ...options: readonly string[]): Promise<void> {
    const order: BootOrder = { vm, host, hosts: HOSTS, options }
    for (let boots = 1; ; boots++) {
      try {
        this.guests.set(vm, await SmallGuest.boot(this.reported.testbed, order))
        return
      } catch (error) {
        if (!(error instanceof GuestLost) || boots === BOOTS_MOST) throw error
        for (const verb of ['destroy', 'undefine'])
          await this.reported.testbed.virsh(host, verb, vm).catch(() => undefined)
      }
    }
  }

  /** A setting as an operator sets it, from a file. */
  async set(what: 'libvirt' | 'policy', setting: object): Promise<void> {
    const path = join(this.reported.testbed.folder, `${what}.json`)
    writeFileSync(path, JSON.stringify(setting))
    await this.reported.good([what, 'set', path])
  }

  /** The hosts as the server reaches them. The guests boot from files that are the same on all. */
  setLibvirt(): Promise<void> {
    const { testbed } = this.reported
    const networks = ['br0']
    const hosts = HOSTS.map((id) => ({ id, uri: testbed.networkUri(id), networks, linkMbitPerSec: LINK_MBIT_PER_SEC }))
    return this.set('libvirt', { hosts, sharedPaths: [IMAGES], lockManager: 'lockd' })
  }

  /** Undefined while the server does not answer. */
  async moves(): Promise<MigrationsView | undefined> {
    const told = await this.reported.api<MigrationsView>('/v1/migrations')
    return typeof told === 'number' ? undefined : told
  }

  /** The one that ended last, if it is such. */
  async endedMove(is: (move: MigrationView) => boolean): Promise<MigrationView | undefined> {
    return (await this.moves())?.ended.find(is)
  }

  journal(): Promise<readonly JournalLine[]> {
    return this.reported.site.journal(JOURNAL_MOST)
  }

  async toldOf(view: MigrationView): Promise<MoveTold> {
    const journal = await this.journal()
    const own = journal.filter(({ line }) => readMoveLine(line)?.orderId === view.id)
    const turn = journal.find((line) => ordersOf(line).includes(view.id))
    const guest = this.guests.get(view.vm)
    if (guest === undefined) throw new Error(`${view.vm} is no guest of this test`)
    return {
      view,
      lines: own.flatMap(({ line }) => readMoveLine(line) ?? []),
      turn,
      intentNumber: own.at(0)?.number ?? Number.NaN,
      calls: migrateCalls(this.reported.testbed, view.vm, HOSTS).length,
      truth: await guest.whereabouts(),
    }
  }

  whereaboutsOf(vm: string): Promise<Whereabouts> | undefined {
    return this.guests.get(vm)?.whereabouts()
  }
}

/** Ids of the orders of a turn; none of a line that is no turn. */
function ordersOf({ line }: JournalLine): readonly string[] {
  if (!line.startsWith('{"kind":"turn"')) return []
  return (JSON.parse(line) as { readonly orders: readonly { readonly id: string }[] }).orders.map(({ id }) => id)
}

/** The last hour of each VM, without the slot that ended last: of that hosts tell themselves. */
function slotsOf(past: Readonly<Record<string, number>>): readonly UsageSlot[] {
  const last = slotOf(Date.now()) - SLOT_MS
  return Object.entries(past).flatMap(([vm, cpu]) =>
    Array.from({ length: PAST_SLOTS }, (_, i) => {
      const used = { cpu }
      return { vmId: parseVmId(vm), slotAt: last - (i + 1) * SLOT_MS, mean: used, max: used }
    }),
  )
}
