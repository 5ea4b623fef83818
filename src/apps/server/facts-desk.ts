/** Facts of VMs that may be moved soon, read before anybody has to wait for them: few hosts at a time, one VM of a host at a time, kept while fresh. */
import type { HostId, VmId } from '../../terms/ids.ts'
import type { VmFacts } from '../../terms/move-facts.ts'
import { MINUTE_MS } from '../../terms/units.ts'
import type { Clock } from '../../world/clock.ts'
import type { VmFactsAnswer, VmFactsReader } from '../../world/vm-facts-reader.ts'

/** How fast a VM writes changes with what it does: older facts are not promised with. */
export const FACTS_FRESH_MS = 10 * MINUTE_MS
/** Facts of this age are read anew ahead of time, so that they are fresh when they are needed. */
const FACTS_RENEW_MS = 5 * MINUTE_MS
/** What could not be read is tried again after so long. */
const AGAIN_MS = MINUTE_MS
/** A reading takes six seconds and hardly any work: so 1500 VMs are read in the five minutes after which they are read anew. */
const HOSTS_AT_ONCE = 32
/** VMs of one host that wait; more would be stale before they are asked for. */
const WAITING_MAX = 64
const KEPT_MAX = 20_000

interface Known {
  readonly hostId: HostId
  readonly at: number
  readonly answer: VmFactsAnswer
}

export class FactsDesk {
  private readonly reader: VmFactsReader
  private readonly clock: Pick<Clock, 'now'>
  private readonly known = new Map<VmId, Known>()
  /** VMs to be read by host, the first next. */
  private readonly waiting = new Map<HostId, VmId[]>()
  private readonly atWork = new Map<HostId, { readonly vmId: VmId; readonly done: Promise<void> }>()
  private isClosed = false

  constructor(reader: VmFactsReader, clock: Pick<Clock, 'now'>) {
    this.reader = reader
    this.clock = clock
  }

  /** Undefined: none that are fresh. */
  fresh(vmId: VmId, hostId: HostId): VmFacts | undefined {
    const known = this.knownOf(vmId, hostId)
    return known?.answer.kind === 'read' && this.ageOf(known) <= FACTS_FRESH_MS ? known.answer.facts : undefined
  }

  /** Whether an answer is still to come; where it is not, `fresh` has facts or `whyNot` says why there are none. */
  isPending(vmId: VmId, hostId: HostId): boolean {
    return this.atWork.get(hostId)?.vmId === vmId || this.waiting.get(hostId)?.includes(vmId) === true
  }

  whyNot(vmId: VmId, hostId: HostId): string {
    const known = this.knownOf(vmId, hostId)
    return known?.answer.kind === 'unreadable' ? known.answer.reason : `${hostId} is being asked about ${vmId}.`
  }

  /** Has a VM read in the background, unless that is known or under way. @param isFirst before those that wait on its host */
  want(vmId: VmId, hostId: HostId, isFirst = false): void {
    const known = this.knownOf(vmId, hostId)
    const goodMs = known?.answer.kind === 'read' ? FACTS_RENEW_MS : AGAIN_MS
    if (this.isClosed || (known !== undefined && this.ageOf(known) < goodMs)) return
    if (this.atWork.get(hostId)?.vmId === vmId) return
    const queue = this.waiting.get(hostId) ?? []
    const at = queue.indexOf(vmId)
    if (at >= 0 && isFirst) queue.splice(at, 1)
    if (at < 0 || isFirst) {
      if (isFirst) queue.unshift(vmId)
      else queue.push(vmId)
    }
    this.waiting.set(hostId, queue.slice(0, WAITING_MAX))
    this.work()
  }

  /** The same for somebody who waits, so long at most. */
  async ask(vmId: VmId, hostId: HostId, waitMs: number): Promise<VmFacts | undefined> {
    this.want(vmId, hostId, true)
    const endsAt = performance.now() + waitMs
    while (this.isPending(vmId, hostId)) {
      const leftMs = endsAt - performance.now()
      if (leftMs <= 0 || !(await this.within(leftMs))) break
    }
    return this.fresh(vmId, hostId)
  }

  /** The clock was set forward by so much: facts are as old as they were. */
  clockStepped(steppedMs: number): void {
    for (const [vmId, known] of this.known) this.known.set(vmId, { ...known, at: known.at + steppedMs })
  }

  /** Nothing more is read. */
  close(): void {
    this.isClosed = true
    this.waiting.clear()
  }

  /** False: nothing ended in so long, or nothing is under way. */
  private async within(ms: number): Promise<boolean> {
    const under = [...this.atWork.values()].map(({ done }) => done.then(() => true))
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), ms)
    })
    try {
      return under.length > 0 && (await Promise.race([...under, late]))
    } finally {
      clearTimeout(timer)
    }
  }

  private work(): void {
    for (const [hostId, queue] of this.waiting) {
      if (this.isClosed || this.atWork.size >= HOSTS_AT_ONCE) return
      if (this.atWork.has(hostId)) continue
      const vmId = queue.shift()
      if (queue.length === 0) this.waiting.delete(hostId)
      if (vmId === undefined) continue
      this.atWork.set(hostId, { vmId, done: this.readOne(vmId, hostId) })
    }
  }

  private async readOne(vmId: VmId, hostId: HostId): Promise<void> {
    const answer = await this.reader.read(vmId, hostId)
    this.known.delete(vmId)
    this.known.set(vmId, { hostId, at: this.clock.now(), answer })
    for (const oldest of this.known.keys()) {
      if (this.known.size <= KEPT_MAX) break
      this.known.delete(oldest)
    }
    this.atWork.delete(hostId)
    this.work()
  }

  /** What was read of it on another host says nothing of it here. */
  private knownOf(vmId: VmId, hostId: HostId): Known | undefined {
    const known = this.known.get(vmId)
    return known?.hostId === hostId ? known : undefined
  }

  /** A clock that was put back makes everything old. */
  private ageOf({ at }: Known): number {
    const age = this.clock.now() - at
    return age < 0 ? Infinity : age
  }
}
