/** Watches all guests from outside: what libvirt tells of every guest on every host, once a second and in one call a host. */
import { DOMAIN_STATS, type Libvirt, openLibvirt } from '../../drivers/libvirt/rpc/libvirt.ts'
import { coresOf } from '../../drivers/libvirt/domstats-reading.ts'
import { type DomainStats, domainStats } from '../../drivers/libvirt/domstats.ts'
import type { EpochMs } from '../../terms/units.ts'

const GROUPS = DOMAIN_STATS.state | DOMAIN_STATS.vcpu
const NS_PER_SEC = 1e9
/** libvirt's virDomainState. */
const RUNNING = 1

/** Running totals of one guest over the whole run, wherever it was. */
export interface GuestTotals {
  /** CPU time that its CPUs got. What QEMU does beside them is not counted: taking a guest in would look as if the guest wanted it. */
  readonly usedSec: number
  /** Time in which its CPU was ready to run and had to wait: the growth of `vcpu.N.delay`. */
  readonly delaySec: number
  /** Name of the host on which it runs. Absent: on none, or handed over in this moment. */
  readonly host?: string
}

/** One look at all guests, by name. */
export interface Look {
  readonly at: EpochMs
  readonly guests: ReadonlyMap<string, GuestTotals>
}

/** One process of a guest: it has a new one on each host, whose counters begin at 0. */
interface Counters {
  readonly usedNs: number
  readonly delayNs: number
}

/** Adds up what the counters of a guest's processes grew by. */
export class Totals {
  private readonly last = new Map<string, Counters>()
  private readonly sums = new Map<string, GuestTotals>()
  private isFirst = true

  /** Takes in what all hosts told at one time. At the first look counters are only noted: what was before is not of the run.
   *  @param told `counters` are absent where a host was too busy with a guest to tell them: they go on from those of before when they come again */
  add(
    told: readonly {
      readonly host: string
      readonly vm: string
      readonly isRunning: boolean
      readonly counters?: Counters
    }[],
  ): ReadonlyMap<string, GuestTotals> {
    const hosts = new Map<string, string>()
    for (const { host, vm, isRunning, counters } of told) {
      if (isRunning) hosts.set(vm, host)
      if (counters === undefined) continue
      const key = `${host} ${vm}`
      const before = this.last.get(key) ?? (this.isFirst ? counters : { usedNs: 0, delayNs: 0 })
      this.last.set(key, counters)
      const sum = this.sums.get(vm) ?? { usedSec: 0, delaySec: 0 }
      this.sums.set(vm, {
        usedSec: sum.usedSec + grownSec(before.usedNs, counters.usedNs),
        delaySec: sum.delaySec + grownSec(before.delayNs, counters.delayNs),
      })
    }
    this.isFirst = false
    return new Map(
      [...this.sums].map(([vm, sum]) => {
        const host = hosts.get(vm)
        return [vm, host === undefined ? sum : { ...sum, host }]
      }),
    )
  }
}

/** A counter that went back is of a new process: a guest that comes back to a host has one there. */
function grownSec(fromNs: number, toNs: number): number {
  return (toNs >= fromNs ? toNs - fromNs : toNs) / NS_PER_SEC
}

export class Meter {
  readonly looks: Look[] = []
  private readonly totals = new Totals()
  private readonly hosts: readonly { readonly name: string; readonly libvirt: Libvirt }[]

  private constructor(hosts: Meter['hosts']) {
    this.hosts = hosts
  }

  static async open(uris: ReadonlyMap<string, string>): Promise<Meter> {
    return new Meter(
      await Promise.all(
        [...uris].map(async ([name, uri]) => ({ name, libvirt: await openLibvirt(uri, { isReadOnly: false }) })),
      ),
    )
  }

  get latest(): Look | undefined {
    return this.looks.at(-1)
  }

  /** The newest look at or before an instant; the first one where none is. */
  lookAt(at: EpochMs): Look | undefined {
    return this.looks.findLast((look) => look.at <= at) ?? this.looks[0]
  }

  async look(at: EpochMs): Promise<Look> {
    const told = await Promise.all(
      this.hosts.map(async ({ name, libvirt }) =>
        (await libvirt.domainStats(GROUPS, { isNoWait: true })).map(({ domain, parameters }) => {
          const stats = domainStats(domain.name, at, parameters)
          const { fields } = stats
          const isRunning = fields.get('state.state') === RUNNING
          const counters = countersOf(stats)
          return { host: name, vm: domain.name, isRunning, ...(counters === undefined ? {} : { counters }) }
        }),
      ),
    )
    const look = { at, guests: this.totals.add(told.flat()) }
    this.looks.push(look)
    return look
  }

  async close(): Promise<void> {
    await Promise.all(this.hosts.map(({ libvirt }) => libvirt.close()))
  }
}

/** Undefined: not told of each CPU. libvirt leaves out what it would have to wait for. */
function countersOf(stats: DomainStats): Counters | undefined {
  let [usedNs, delayNs] = [0, 0]
  for (let cpu = 0; cpu < coresOf(stats); cpu++) {
    usedNs += stats.fields.get(`vcpu.${cpu}.time`) ?? Number.NaN
    delayNs += stats.fields.get(`vcpu.${cpu}.delay`) ?? Number.NaN
  }
  return Number.isFinite(usedNs) && Number.isFinite(delayNs) ? { usedNs, delayNs } : undefined
}
