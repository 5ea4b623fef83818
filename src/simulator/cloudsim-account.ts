import { type HostCharacteristics, hostCapacityRefCores, wattsAt } from '../terms/host.ts'
import type { DemandSeries } from '../terms/trace.ts'
import { type Fraction, JOULES_PER_KWH, MiB, SECOND_MS } from '../terms/units.ts'
import type { Vm } from '../terms/vm.ts'

/** Everything happens this long after a sample: CloudSim's smallest time between events. */
const OFFSET_SECONDS = 0.1
/** CloudSim counts CPU in MIPS, of which a reference core has a thousand, and rounds shares down to whole ones. */
const MIPS_PER_REF_CORE = 1000
/** Share of its demand that a VM is given where it leaves, and where it arrives, while it is copied (VmSchedulerTimeShared). */
const LEAVING_SHARE = 0.9
const ARRIVING_SHARE = 0.1
const NO_HOST = -1

/** A finished run, by its list of moves: enough to account for it once more. */
export interface CloudsimRun {
  readonly hosts: readonly HostCharacteristics[]
  readonly demand: DemandSeries
  /** Index of each VM's first host, by row of the trace; -1 for a VM that has not lived. */
  readonly initialPlacement: Int32Array
  /** In order of time. */
  readonly moves: readonly CloudsimMove[]
}

export interface CloudsimMove {
  /** Seconds since the start of the trace at which the migration starts: for CloudSim's own policies 0.1 s after a sample, but any
   *  instant will do. */
  readonly second: number
  readonly vm: number
  readonly from: number
  readonly to: number
  /** A host to which CloudSim would have moved the VM at the same time, and from there on: it too gives the VM a tenth meanwhile. */
  readonly passedBy?: number
}

/** What CloudSim 3.0.3 would have printed of the run. */
export interface CloudsimFigures {
  /** Its SLATAH: share of active host time in which a host gave less than was asked of it. Counts hosts short of capacity, VMs
   *  that want more than one core gives, hosts towards which a VM is on its way (they give it a tenth), and, by the rounding of
   *  `x * 0.9 / 0.9`, many hosts that a VM is leaving. */
  readonly cloudsimSlatahFraction: Fraction
  /** Its energy: nothing before the first decision, and intervals split where a migration ends. */
  readonly cloudsimEnergyKwh: number
  readonly activeHostSeconds: number
}

/** Goes through a run as CloudSim does: a new state of every host at each sample, and where a migration starts or ends. */
export function accountAsCloudsim(run: CloudsimRun): CloudsimFigures {
  const account = new CloudsimAccount(run)
  for (let step = 1; step < run.demand.steps; step++) account.liveUntil(step)
  return account.figures()
}

/** What a VM is to a host. */
type Role = 'staying' | 'leaving' | 'arriving'

/** A copy under way. */
interface Copying {
  readonly move: CloudsimMove
  readonly endsAt: number
}

class CloudsimAccount {
  private readonly run: CloudsimRun
  private readonly stepSeconds: number
  private readonly hostOf: Int32Array
  /** Where each VM is being copied to; `NO_HOST` while it is not. */
  private readonly targetOf: Int32Array
  /** The host it passes by; `NO_HOST` if none. */
  private readonly passedBy: Int32Array
  private readonly capacity: Float64Array
  private readonly allocated: Float64Array
  private readonly requested: Float64Array
  private readonly claimed: Float64Array
  /** Load of each host after the latest change. */
  private readonly load: Float64Array
  private readonly isShort: Uint8Array
  private copying: Copying[] = []
  private nextMove = 0
  /** The first decision: what was before is not accounted for, and is an interval's end, so that none lies across it. */
  private readonly accountedFrom: number
  private lastAt = 0
  private activeSeconds = 0
  private shortSeconds = 0
  private joules = 0

  constructor(run: CloudsimRun) {
    const count = run.hosts.length
    this.run = run
    this.stepSeconds = run.demand.stepMs / SECOND_MS
    this.accountedFrom = this.stepSeconds + OFFSET_SECONDS
    this.hostOf = run.initialPlacement.slice()
    this.targetOf = new Int32Array(this.hostOf.length).fill(NO_HOST)
    this.passedBy = this.targetOf.slice()
    this.capacity = Float64Array.from(run.hosts, (host) => hostCapacityRefCores(host) * MIPS_PER_REF_CORE)
    this.allocated = new Float64Array(count)
    this.requested = new Float64Array(count)
    this.claimed = new Float64Array(count)
    this.load = new Float64Array(count)
    this.isShort = new Uint8Array(count)
  }

  /** Up to a sample: the starts and ends of migrations split the interval. */
  liveUntil(step: number): void {
    const sampleAt = step * this.stepSeconds + OFFSET_SECONDS
    for (let at = this.nextChangeAt(); at < sampleAt; at = this.nextChangeAt()) this.passTo(at)
    this.passTo(sampleAt)
  }

  figures(): CloudsimFigures {
    return {
      cloudsimSlatahFraction: this.activeSeconds > 0 ? this.shortSeconds / this.activeSeconds : 0,
      cloudsimEnergyKwh: this.joules / JOULES_PER_KWH,
      activeHostSeconds: this.activeSeconds,
    }
  }

  private nextChangeAt(): number {
    const { moves } = this.run
    let at = this.nextMove < moves.length ? moves[this.nextMove].second : Infinity
    for (const { endsAt } of this.copying) at = Math.min(at, endsAt)
    return at
  }

  /** Charges the interval that ends at `at`, then ends the copies that are over and starts those that begin. */
  private passTo(at: number): void {
    this.share(at)
    if (at > this.accountedFrom) this.charge(at - this.lastAt)
    this.lastAt = at
    this.finish(at)
    this.start(at)
    this.remember(at)
  }

  /** The interval counts by the state it began with; power is the mean of both ends. */
  private charge(seconds: number): void {
    this.run.hosts.forEach((host, i) => {
      if (this.load[i] === 0) return
      this.activeSeconds += seconds
      if (this.isShort[i] === 1) this.shortSeconds += seconds
      const watts = (wattsAt(host.powerWatts, this.load[i]) + wattsAt(host.powerWatts, this.loadNow(i))) / 2
      this.joules += watts * seconds
    })
  }

  /** Keeps the state of every host with which the next interval begins. */
  private remember(at: number): void {
    this.share(at)
    for (let host = 0; host < this.load.length; host++) {
      this.load[host] = this.loadNow(host)
      this.isShort[host] = Number(this.allocated[host] < this.requested[host])
    }
  }

  private loadNow(host: number): Fraction {
    return this.allocated[host] / this.capacity[host]
  }

  private finish(at: number): void {
    for (const { move, endsAt } of this.copying) {
      if (endsAt > at) continue
      this.hostOf[move.vm] = move.to
      this.targetOf[move.vm] = NO_HOST
      this.passedBy[move.vm] = NO_HOST
    }
    this.copying = this.copying.filter(({ endsAt }) => endsAt > at)
  }

  private start(at: number): void {
    const { moves, demand, hosts } = this.run
    for (; this.nextMove < moves.length && moves[this.nextMove].second <= at; this.nextMove++) {
      const move = moves[this.nextMove]
      this.targetOf[move.vm] = move.to
      this.passedBy[move.vm] = move.passedBy ?? NO_HOST
      this.copying.push({ move, endsAt: move.second + copySeconds(demand.vms[move.vm], hosts[move.to]) })
    }
  }

  /** Works out what each host gives and what is asked of it at an instant. */
  private share(at: number): void {
    this.claimed.fill(0)
    this.allocated.fill(0)
    this.requested.fill(0)
    this.forEachDemand(at, (host, capped, _mips, role) => {
      this.claimed[host] += role === 'arriving' ? capped * ARRIVING_SHARE : capped
    })
    this.forEachDemand(at, (host, capped, mips, role) => {
      const scale = this.claimed[host] > this.capacity[host] ? this.capacity[host] / this.claimed[host] : 1
      const given = sharedOut(capped, scale, role)
      // A leaving VM's tenth less is its own loss: the host counts what it would have given.
      this.allocated[host] += role === 'leaving' ? given / LEAVING_SHARE : given
      this.requested[host] += mips
    })
  }

  private forEachDemand(at: number, take: (host: number, capped: number, mips: number, role: Role) => void): void {
    const { vms } = this.run.demand
    for (let vm = 0; vm < vms.length; vm++) {
      const from = this.hostOf[vm]
      const mips = from === NO_HOST ? 0 : this.demandAt(vm, at)
      if (mips <= 0) continue
      const to = this.targetOf[vm]
      take(from, this.capped(vm, from, mips), mips, to === NO_HOST ? 'staying' : 'leaving')
      for (const host of [to, this.passedBy[vm]]) {
        if (host !== NO_HOST) take(host, this.capped(vm, host, mips), mips, 'arriving')
      }
    }
  }

  /** No vCPU is given more than one core. */
  private capped(vm: number, host: number, mips: number): number {
    const { demand, hosts } = this.run
    return Math.min(mips, demand.vms[vm].vcpus * hosts[host].refCoresPerCore * MIPS_PER_REF_CORE)
  }

  /** CloudSim draws a line from each sample to the next; after the last it stays level. Absent counts as nothing. */
  private demandAt(vm: number, at: number): number {
    const { columns, vms, steps } = this.run.demand
    const step = Math.floor(at / this.stepSeconds)
    const low = columns.cpu[Math.min(steps - 1, step) * vms.length + vm]
    const high = columns.cpu[Math.min(steps - 1, step + 1) * vms.length + vm]
    if (Number.isNaN(low)) return 0
    const slope = Number.isNaN(high) ? 0 : (high - low) / this.stepSeconds
    return (low + slope * (at - step * this.stepSeconds)) * MIPS_PER_REF_CORE
  }
}

/** A full host gives every VM the same share of what it wants, rounded down to whole MIPS. */
function sharedOut(capped: number, scale: number, role: Role): number {
  const part = role === 'leaving' ? LEAVING_SHARE : role === 'arriving' ? ARRIVING_SHARE : 1
  return scale < 1 ? Math.floor(capped * scale * part) : capped * part
}

/** Memory over half of the target's link, with CloudSim's megabyte of 8,000 kilobits. */
function copySeconds(vm: Vm, target: HostCharacteristics): number {
  const linkKilobitsPerSec = (target.networkBytesPerSec * 8) / 1000
  return ((vm.memoryBytes / MiB) * 8000) / (linkKilobitsPerSec / 2)
}
