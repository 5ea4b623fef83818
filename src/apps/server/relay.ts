/** Hosts that speak for VMs without a certificate of their own (decision 0013): batches of many VMs, taken in at once. */
import { type BucketLimits, Buckets } from '../../engine/admission/buckets.ts'
import { isSkewed } from '../../engine/admission/skew.ts'
import type { HostId, VmId } from '../../terms/ids.ts'
import { ValueRoom } from '../../terms/personality-scan.ts'
import type { PersonalityVector } from '../../terms/personality.ts'
import { type EpochMs, KiB, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import type { Arrivals, Identity, Intake } from '../../world/site-store.ts'
import type { Desk } from './desk.ts'
import { readVector } from './read-vector.ts'
import { REPORT_VMS_MAX } from './reporter-run.ts'

/** Lines and bytes of one request of a host. */
export const RELAY_LINES_MAX = 500
export const RELAY_BYTES_MAX = 512 * KiB

export interface RelayLimits {
  /** Requests of one host. */
  readonly hostRequests: BucketLimits
  /** Vectors of one host: two days of 500 VMs come back in less than an hour, and 200 such hosts fill one core of ours. */
  readonly hostVectors: BucketLimits
  /** Vectors of one VM, whichever host speaks for it. */
  readonly relayedVectors: BucketLimits
  /** VMs of one host that nobody knew before: as many at once as a host may report. */
  readonly newVms: BucketLimits
}

/** VMs of which is remembered who speaks for them, and how much they said. */
const NAMES_MAX = 200_000
/** VMs of one host of which is remembered that it named them. */
const NAMED_MAX = 20_000

const RELAY_LIMITS: RelayLimits = {
  hostRequests: { everyMs: SECOND_MS / 4, burst: 40 },
  hostVectors: { everyMs: 10, burst: 20_000 },
  relayedVectors: { everyMs: 10 * SECOND_MS, burst: 600, namesMax: NAMES_MAX },
  newVms: { everyMs: 10 * SECOND_MS, burst: REPORT_VMS_MAX },
}

/** How long what was found out about a VM or a host is believed: a VM that joins elsewhere by a certificate of its own is its own from then on,
 *  at this server at once. */
const BELIEVED_MS = 15 * MINUTE_MS
const REGISTERED_MS = 10 * SECOND_MS

/** Whether a host may speak now. */
export type HostHearing =
  | { readonly kind: 'heard' | 'unregistered' }
  | { readonly kind: 'later'; readonly waitMs: number }

/** What became of a batch: every line that is in neither list is on disk. */
export interface RelayAnswer {
  readonly accepted: number
  readonly duplicates: number
  /** Lines that can never be taken. */
  readonly refused: readonly { readonly line: number; readonly reason: string }[]
  /** Lines that are not taken now: of a VM that said too much, or is shut out. */
  readonly later: readonly { readonly line: number; readonly reason: string }[]
}

/** What was found out about a VM. */
interface Known {
  /** One text that is held, whatever batch it is found in. */
  readonly vm: VmId
  readonly host: HostId
  readonly at: EpochMs
}

/** Lines of one VM in a batch. */
interface OfVm {
  readonly vm: VmId
  readonly vectors: PersonalityVector[]
  readonly isClockOff: boolean[]
  readonly counts: Record<string, number>
  /** Parallel to the vectors: which line each is. */
  readonly lines: number[]
}

export interface Batch {
  readonly text: string
  /** The host's clock when it sent, if it said so. */
  readonly clock?: EpochMs
}

export class Relay {
  private readonly desk: Desk
  private readonly requests: Buckets
  private readonly ofHost: Buckets
  private readonly ofVm: Buckets
  private readonly ofNew: Buckets
  private readonly ofNamed: Buckets
  /** VMs that each host named in its reports. */
  private readonly named = new Map<HostId, Set<VmId>>()
  private readonly known = new Map<string, Known>()
  private readonly registered = new Map<HostId, EpochMs>()

  constructor(desk: Desk, limits: Partial<RelayLimits> = {}) {
    this.desk = desk
    this.requests = new Buckets(limits.hostRequests ?? RELAY_LIMITS.hostRequests)
    this.ofHost = new Buckets(limits.hostVectors ?? RELAY_LIMITS.hostVectors)
    this.ofVm = new Buckets(limits.relayedVectors ?? RELAY_LIMITS.relayedVectors)
    this.ofNew = new Buckets(limits.newVms ?? RELAY_LIMITS.newVms)
    this.ofNamed = new Buckets(limits.newVms ?? RELAY_LIMITS.newVms)
  }

  /** Whether a host may send a request, which is then counted. */
  async hear(host: HostId): Promise<HostHearing> {
    const waitMs = this.requests.take(host, this.desk.now())
    if (waitMs > 0) return { kind: 'later', waitMs }
    return { kind: (await this.isRegistered(host)) ? 'heard' : 'unregistered' }
  }

  /** A report names VMs: a host may bring so many that it did not name before, for each takes room in the store for a month. How long it has to
   *  wait before it may say so; 0: it may. */
  name(host: HostId, vms: readonly VmId[]): number {
    const before = this.named.get(host) ?? new Set()
    const fresh = vms.filter((vm) => !before.has(vm))
    if (fresh.length === 0) return 0
    const waitMs = this.ofNamed.take(host, this.desk.now(), fresh.length)
    if (waitMs > 0) return waitMs
    if (before.size > NAMED_MAX) before.clear()
    for (const vm of fresh) before.add(vm)
    this.named.set(host, before)
    return 0
  }

  /** A VM has a certificate of its own from now on, or a new one. */
  isItsOwn(vm: string): void {
    this.known.delete(vm)
  }

  /** Takes in lines of many VMs. Resolves once all that is in neither list of the answer is on disk. */
  async take(host: HostId, { text, clock }: Batch): Promise<RelayAnswer | HostHearing | { readonly kind: 'too many' }> {
    const at = this.desk.now()
    const places = linesOf(text)
    if (places === undefined) return { kind: 'too many' }
    const waitMs = this.ofHost.take(host, at, places.length)
    if (waitMs > 0) return { kind: 'later', waitMs }
    const answer = new Answer()
    const ofVms = this.read(text, places, { at, answer, ...(clock === undefined ? {} : { clock }) })
    const admitted: OfVm[] = []
    const withVectors = [...ofVms.values()].filter((of) => of.vectors.length > 0)
    await this.countRefused([...ofVms.values()].filter((of) => of.vectors.length === 0))
    for (const [of, refusal] of await this.judge(host, withVectors, at)) {
      if (refusal === undefined) admitted.push(of)
      else if (refusal.isForGood) answer.refuse(of.lines, refusal.reason)
      else answer.postpone(of.lines, refusal.reason)
    }
    await this.keep(host, admitted, { at, answer })
    await this.desk.noteRefused(host, 'a relaying host', answer.reasons, places.length)
    return answer.told
  }

  private async keep(host: HostId, admitted: readonly OfVm[], { at, answer }: { at: EpochMs; answer: Answer }) {
    if (admitted.length === 0) return
    const arrivals = admitted.map(({ vm, vectors, isClockOff, counts }): Arrivals => {
      return { vm, at, vectors, isClockOff, counts }
    })
    const intakes = await this.desk.write(() => this.desk.store.vectors.take(arrivals))
    for (const [i, intake] of intakes.entries()) {
      answer.settle(admitted[i], intake)
      if (intake.kind === 'shut-out') this.known.delete(admitted[i].vm)
      else if (intake.quarantine !== undefined) await this.desk.noteQuarantine(admitted[i].vm, intake, `host ${host}`)
    }
  }

  /** Reads all lines, and puts those of one VM together. */
  private read(text: string, places: Places, { at, clock, answer }: { at: EpochMs; clock?: EpochMs; answer: Answer }) {
    const ofVms = new Map<string, OfVm>()
    const room = new ValueRoom(places.length)
    for (let line = 0; line < places.length; line++) {
      const vector = readVector({ text, from: places.from[line], to: places.to[line], room })
      if ('word' in vector) answer.refuse([line], vector.reason)
      const vm = 'word' in vector ? vector.vm : vector.vmId
      if (vm === undefined) {
        if ('word' in vector) this.desk.countLater(undefined, `refused: ${vector.word}`)
        continue
      }
      let of = ofVms.get(vm)
      if (of === undefined) {
        const held = this.known.get(vm)?.vm ?? (copyOf(vm) as VmId)
        of = { vm: held, vectors: [], isClockOff: [], counts: {}, lines: [] }
        ofVms.set(held, of)
      }
      if ('word' in vector) {
        const what = `refused: ${vector.word}`
        of.counts[what] = (of.counts[what] ?? 0) + 1
        continue
      }
      const { windowEnd } = vector
      of.vectors.push(vector)
      of.isClockOff.push(isSkewed(clock === undefined ? { windowEnd } : { windowEnd, guestClock: clock }, at))
      of.lines.push(line)
    }
    return ofVms
  }

  /** Counts what was refused of VMs that said nothing else: for that nobody is let in. */
  private async countRefused(ofVms: readonly OfVm[]): Promise<void> {
    const counted = ofVms.map(async ({ vm, counts }) => {
      const known = await this.knownOf(vm)
      for (const [what, number] of Object.entries(counts)) this.desk.countLater(known, what, number)
    })
    await Promise.all(counted)
  }

  /** A name, if it is one of a VM that was let in: a host may invent as many others as it likes. */
  private async knownOf(vm: VmId): Promise<VmId | undefined> {
    return this.known.has(vm) || (await this.desk.store.identities.find(vm)) !== undefined ? vm : undefined
  }

  /** What stands against each VM, if anything does. */
  private async judge(host: HostId, ofVms: readonly OfVm[], at: EpochMs): Promise<readonly Judged[]> {
    return Promise.all(
      ofVms.map(async (of): Promise<Judged> => {
        const waitMs = this.ofVm.take(of.vm, at, of.lines.length)
        if (waitMs > 0) {
          this.desk.countLater(await this.knownOf(of.vm), 'too many requests')
          return [of, { reason: `it may say more in ${Math.ceil(waitMs / SECOND_MS)} s`, isForGood: false }]
        }
        const known = this.known.get(of.vm)
        if (known?.host === host && at >= known.at && at - known.at < BELIEVED_MS) return [of, undefined]
        return [of, await this.findOut(host, of.vm, at)]
      }),
    )
  }

  /** Whether a host may speak for a VM: for one that nobody knows, or that is heard without a certificate of its own. From then on it is heard
   *  through that host; one that has moved is heard through the next. */
  private async findOut(host: HostId, vm: VmId, at: EpochMs): Promise<Against | undefined> {
    const { store } = this.desk
    const identity = await store.identities.find(vm)
    const shutOut = identity === undefined ? undefined : standsAgainst(identity, at)
    if (shutOut !== undefined) {
      if (shutOut.isForGood) this.desk.countLater(vm, 'refused: relayed, with a certificate of its own')
      return shutOut
    }
    const newWaitMs = identity === undefined ? this.ofNew.take(host, at) : 0
    if (newWaitMs > 0) return { reason: 'its host has brought too many that nobody knows', isForGood: false }
    const via = identity?.via
    if (typeof via !== 'object' || via.host !== host)
      await this.desk.write(() => store.identities.admit(vm, at, { host }))
    if (this.known.size >= NAMES_MAX) this.known.clear()
    this.known.set(vm, { vm, host, at })
    return undefined
  }

  private async isRegistered(host: HostId): Promise<boolean> {
    const now = this.desk.now()
    const seenAt = this.registered.get(host)
    return seenAt !== undefined && now >= seenAt && now - seenAt < REGISTERED_MS ? true : this.isListed(host)
  }

  /** Whether a host is on the list now: of one that was taken off, nothing is kept that would show it again. */
  async isListed(host: HostId): Promise<boolean> {
    const isThere = (await this.desk.store.hosts.find(host)) !== undefined
    if (isThere) this.registered.set(host, this.desk.now())
    else this.registered.delete(host)
    return isThere
  }
}

interface Against {
  readonly reason: string
  readonly isForGood: boolean
}
type Judged = readonly [OfVm, Against | undefined]

function standsAgainst(
  { certificateEndsAt = -Infinity, isBanned, quarantine }: Identity,
  at: EpochMs,
): Against | undefined {
  if (isBanned) return { reason: 'banned', isForGood: false }
  if (certificateEndsAt > at) {
    const until = new Date(certificateEndsAt).toISOString()
    return { reason: `it has a certificate of its own until ${until}, and is heard by that alone`, isForGood: true }
  }
  return quarantine === undefined ? undefined : { reason: 'quarantined', isForGood: false }
}

/** Where lines begin and end. */
interface Places {
  readonly from: Uint32Array
  readonly to: Uint32Array
  readonly length: number
}

/** Lines that are not empty; undefined where there are more than may be. */
function linesOf(text: string): Places | undefined {
  const from = new Uint32Array(RELAY_LINES_MAX)
  const to = new Uint32Array(RELAY_LINES_MAX)
  let length = 0
  for (let begin = 0; begin < text.length; ) {
    const feed = text.indexOf('\n', begin)
    const end = feed < 0 ? text.length : feed
    if (end > begin) {
      if (length === RELAY_LINES_MAX) return undefined
      from[length] = begin
      to[length++] = end
    }
    begin = end + 1
  }
  return { from, to, length }
}

/** A part of a text holds the whole: what is kept for long is a text of its own. */
function copyOf(part: string): string {
  return Buffer.from(part, 'latin1').toString('latin1')
}

/** What a host is answered, as it comes together. */
class Answer {
  private accepted = 0
  private duplicates = 0
  private readonly refused: { line: number; reason: string }[] = []
  private readonly later: { line: number; reason: string }[] = []

  get told(): RelayAnswer {
    const { accepted, duplicates, refused, later } = this
    return { accepted, duplicates, refused: refused.toSorted(byLine), later: later.toSorted(byLine) }
  }

  get reasons(): readonly string[] {
    return this.refused.map(({ reason }) => reason)
  }

  refuse(lines: readonly number[], reason: string): void {
    for (const line of lines) this.refused.push({ line, reason })
  }

  postpone(lines: readonly number[], reason: string): void {
    for (const line of lines) this.later.push({ line, reason })
  }

  /** What the store says of the vectors of one VM. */
  settle({ lines }: OfVm, intake: Intake): void {
    if (intake.kind === 'shut-out') return this.postpone(lines, intake.because)
    const accepted = intake.outcomes.filter((outcome) => outcome === 'accepted').length
    this.accepted += accepted
    this.duplicates += intake.outcomes.length - accepted
    if (intake.quarantine !== undefined) this.postpone(lines.slice(intake.outcomes.length), 'quarantined')
  }
}

function byLine(a: { readonly line: number }, b: { readonly line: number }): number {
  return a.line - b.line
}
