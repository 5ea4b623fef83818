/** Where VMs are, by what hosts tell. Hosts do not report at the same instant, so for a while two may claim a VM, or none. */
import { HOST_UNKNOWN, type MigrationInFlight } from '../../terms/cluster.ts'
import type { KeptReport } from '../../terms/host-report.ts'
import type { HostId, OrderId, VmId } from '../../terms/ids.ts'
import { type EpochMs, MINUTE_MS } from '../../terms/units.ts'
import type { Vm } from '../../terms/vm.ts'

/** A VM that no host tells of any more is missing for so long, and then it is gone: reliability test 36 bounds the wait by it. */
const MISSING_MS = 10 * MINUTE_MS

/** What hosts say of one VM. */
interface Claims {
  /** As the newest report that holds it describes it. */
  vm: Vm
  newestAt: EpochMs
  readonly running: { readonly host: HostId; readonly leavingTo?: HostId }[]
  readonly incoming: HostId[]
}

interface Known {
  readonly vm: Vm
  /** Where it was last told running. */
  readonly host?: HostId
  /** When a host last told of it. */
  readonly toldAt: EpochMs
  /** A migration that was under way when it was last told of. */
  readonly flight?: MigrationInFlight
  /** Since when its place is in doubt. */
  readonly doubtAt?: EpochMs
}

/** A VM whose place nobody knows for sure. */
export interface DoubtfulVm {
  readonly vmId: VmId
  readonly since: EpochMs
  readonly claimedBy: readonly HostId[]
}

export interface Places {
  /** By id; the same list and the same objects while nothing came, went or changed its size. */
  readonly vms: readonly Vm[]
  readonly hostOf: Int32Array
  readonly migrations: readonly MigrationInFlight[]
  readonly doubtful: readonly DoubtfulVm[]
}

/** Follows VMs from report to report. */
export class VmPlaces {
  private known = new Map<VmId, Known>()
  private list: readonly Vm[] = []

  /** @param hostIndex place of each registered host; a VM on any other is nowhere we know */
  update(reports: readonly KeptReport[], hostIndex: ReadonlyMap<string, number>, now: EpochMs): Places {
    const claims = gatherClaims(reports)
    const next = new Map<VmId, Known>()
    for (const [vmId, claim] of claims) next.set(vmId, follow(this.known.get(vmId), claim, now))
    for (const [vmId, was] of this.known) {
      if (!claims.has(vmId) && now - was.toldAt < MISSING_MS) next.set(vmId, { ...was, doubtAt: was.doubtAt ?? now })
    }
    this.known = next
    this.refreshList()
    return this.tell(claims, hostIndex)
  }

  /** The clock was set forward by so much: a VM is not missing for longer than it was. */
  clockStepped(steppedMs: number): void {
    for (const [vmId, { toldAt, doubtAt, ...known }] of this.known) {
      const doubt = doubtAt === undefined ? {} : { doubtAt: doubtAt + steppedMs }
      this.known.set(vmId, { ...known, toldAt: toldAt + steppedMs, ...doubt })
    }
  }

  private refreshList(): void {
    const all = [...this.known.values()].map(({ vm }) => vm).sort((a, b) => (a.id < b.id ? -1 : 1))
    if (all.length !== this.list.length || all.some((vm, v) => vm !== this.list[v])) this.list = all
  }

  private tell(claims: ReadonlyMap<VmId, Claims>, hostIndex: ReadonlyMap<string, number>): Places {
    const hostOf = new Int32Array(this.list.length).fill(HOST_UNKNOWN)
    const migrations: MigrationInFlight[] = []
    const doubtful: DoubtfulVm[] = []
    this.list.forEach((vm, v) => {
      const known = this.known.get(vm.id) as Known
      const claim = claims.get(vm.id)
      if (known.doubtAt === undefined) hostOf[v] = hostIndex.get(known.host as HostId) ?? HOST_UNKNOWN
      else doubtful.push({ vmId: vm.id, since: known.doubtAt, claimedBy: claimantsOf(claim) })
      if (known.flight !== undefined) migrations.push(known.flight)
      else if (known.doubtAt !== undefined) migrations.push(...betweenClaimants(known, claimantsOf(claim)))
    })
    return { vms: this.list, hostOf, migrations, doubtful }
  }
}

function gatherClaims(reports: readonly KeptReport[]): ReadonlyMap<VmId, Claims> {
  const claims = new Map<VmId, Claims>()
  for (const report of reports) {
    for (const { vm, state, leavingTo } of report.vms) {
      const claim = claims.get(vm.id) ?? { vm, newestAt: report.arrivedAt, running: [], incoming: [] }
      claims.set(vm.id, claim)
      if (report.arrivedAt > claim.newestAt) {
        claim.vm = vm
        claim.newestAt = report.arrivedAt
      }
      if (state === 'incoming') claim.incoming.push(report.hostId)
      else claim.running.push({ host: report.hostId, ...(leavingTo === undefined ? {} : { leavingTo }) })
    }
  }
  return claims
}

function follow(was: Known | undefined, claim: Claims, now: EpochMs): Known {
  const vm = was !== undefined && isSameVm(was.vm, claim.vm) ? was.vm : claim.vm
  // Reports of before a clock that was set forward are older by the clock than they are.
  const toldAt = Math.max(claim.newestAt, was?.toldAt ?? -Infinity)
  if (claim.running.length === 1) {
    const [{ host, leavingTo }] = claim.running
    const to = leavingTo ?? claim.incoming.find((other) => other !== host)
    return { vm, host, toldAt, ...(to === undefined ? {} : { flight: flightOf(was, vm, host, to, now) }) }
  }
  const host = was?.host
  // Nobody runs it and somebody waits for it: it is between the two, or comes from where nobody looks.
  const [to] = claim.incoming
  const flight = claim.running.length === 0 && to !== undefined ? flightOf(was, vm, host ?? to, to, now) : was?.flight
  return {
    vm,
    toldAt,
    ...(host === undefined ? {} : { host }),
    ...(flight === undefined ? {} : { flight }),
    doubtAt: was?.doubtAt ?? now,
  }
}

/** The migration that was under way already, or one that was just seen to be. */
function flightOf(was: Known | undefined, vm: Vm, from: HostId, to: HostId, now: EpochMs): MigrationInFlight {
  const known = was?.flight
  if (known !== undefined && known.from === from && known.to === to) return known
  return { orderId: `seen-${vm.id}-${now}`.slice(0, 64) as OrderId, vmId: vm.id, from, to, startedAt: now }
}

/** A VM that two hosts claim counts on both until one of them is right. */
function betweenClaimants({ vm, doubtAt = 0 }: Known, claimants: readonly HostId[]): readonly MigrationInFlight[] {
  return claimants.slice(1).map((to, i) => ({
    orderId: `doubt-${vm.id}`.slice(0, 64) as OrderId,
    vmId: vm.id,
    // Each claimant once: the first with the second, others by themselves.
    from: i === 0 ? claimants[0] : to,
    to,
    startedAt: doubtAt,
  }))
}

function claimantsOf(claim: Claims | undefined): readonly HostId[] {
  return claim === undefined ? [] : [...new Set([...claim.running.map(({ host }) => host), ...claim.incoming])]
}

/** Asked of every VM in every turn. */
function isSameVm(a: Vm, b: Vm): boolean {
  if (a === b) return true
  return (
    a.vcpus === b.vcpus &&
    a.refCoresPerVcpu === b.refCoresPerVcpu &&
    a.memoryBytes === b.memoryBytes &&
    a.antiAffinityGroup === b.antiAffinityGroup &&
    a.isPinned === b.isPinned &&
    a.isHostPassthrough === b.isHostPassthrough &&
    isSameList(a.cpuFlags, b.cpuFlags)
  )
}

function isSameList(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.length === b.length && a.every((value, i) => value === b[i])
}
