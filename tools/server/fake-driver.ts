/** A platform in memory: what runs where is a map, a move ends when a test says so, and every call that moves is on a list. */
import type { HostId, VmId } from '../../src/terms/ids.ts'
import type { MigrationIntent, Sighting } from '../../src/terms/intent.ts'
import type {
  CallEnd,
  HostListing,
  ListedVm,
  MigrationDriver,
  MoveCall,
  Preflight,
} from '../../src/world/migration-driver.ts'

interface UnderWay {
  readonly intent: MigrationIntent
  readonly end: (end: CallEnd) => void
}

export class FakeDriver implements MigrationDriver {
  readonly name = 'a platform in memory'
  /** Where each VM runs. */
  readonly hostOf = new Map<VmId, HostId>()
  /** What VMs say of themselves. */
  readonly optOuts = new Map<VmId, string>()
  /** Calls that left, in order, with the fence that they came with. */
  readonly calls: { readonly intent: MigrationIntent; readonly fence: number }[] = []
  readonly cancelled: VmId[] = []
  /** Waited for by each `preflight`, so that a test can stop a queue just before its calls. */
  gate: Promise<void> = Promise.resolve()
  /** Waited for by each `migrate` before its call, as a connection is. */
  connecting: Promise<void> = Promise.resolve()
  asked = 0
  begun = 0
  isClosed = false
  private readonly underWay = new Map<VmId, UnderWay>()
  private readonly now: () => number

  constructor(now: () => number) {
    this.now = now
  }

  list(): Promise<readonly HostListing[]> {
    const vmsOf = new Map<HostId, ListedVm[]>()
    for (const [vmId, hostId] of this.hostOf) {
      const optOut = this.optOuts.get(vmId)
      const seen = { kind: 'seen', at: this.now(), presence: 'running', hasJob: false, detail: 'running' } as const
      const vm: ListedVm = { vmId, sighting: seen, ...(optOut === undefined ? {} : { optOut }) }
      vmsOf.set(hostId, [...(vmsOf.get(hostId) ?? []), vm])
    }
    return Promise.resolve([...vmsOf].map(([hostId, vms]) => ({ kind: 'listed', hostId, vms })))
  }

  observe(vmId: VmId, hostId: HostId): Promise<Sighting> {
    const isHere = this.hostOf.get(vmId) === hostId
    const moving = this.underWay.get(vmId)
    const isTarget = moving?.intent.order.to === hostId
    const presence = isHere ? 'running' : isTarget ? 'incoming' : 'absent'
    const hasJob = moving !== undefined && (isHere || isTarget)
    return Promise.resolve({ kind: 'seen', at: this.now(), presence, hasJob, detail: presence })
  }

  async preflight(): Promise<Preflight> {
    this.asked++
    await this.gate
    return { refusals: [], warnings: [] }
  }

  async migrate(
    intent: MigrationIntent,
    fence: number,
    objection?: () => string | undefined,
    lookAgain?: () => Promise<void>,
  ): Promise<MoveCall> {
    this.begun++
    await this.connecting
    await lookAgain?.()
    const reason = objection?.()
    if (reason !== undefined) return { kind: 'never-sent', reason }
    this.calls.push({ intent, fence })
    const ended = new Promise<CallEnd>((end) => this.underWay.set(intent.order.vmId, { intent, end }))
    return { kind: 'sent', ended }
  }

  progress() {
    return Promise.resolve(undefined)
  }

  cancel(vmId: VmId): Promise<void> {
    this.cancelled.push(vmId)
    this.underWay.get(vmId)?.end({ kind: 'failed', reason: 'cancelled' })
    this.underWay.delete(vmId)
    return Promise.resolve()
  }

  close(): Promise<void> {
    this.isClosed = true
    return Promise.resolve()
  }

  /** All that is under way arrives. Returns what did. */
  arrive(): readonly MigrationIntent[] {
    const arrived = [...this.underWay.values()]
    this.underWay.clear()
    for (const { intent, end } of arrived) {
      this.hostOf.set(intent.order.vmId, intent.order.to)
      end({ kind: 'succeeded', reason: 'done', figures: { totalMs: 12_000, downtimeMs: 80, copiedBytes: 1e9 } })
    }
    return arrived.map(({ intent }) => intent)
  }
}
