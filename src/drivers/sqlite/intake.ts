import type { PersonalityVector } from '../../terms/personality.ts'
import type { AdmissionRule, ArrivalOutcome, Arrivals, Intake, KnownSenders } from '../../world/site-store.ts'
import { FLAG_CLOCK_OFF, FLAG_HOURLY } from '../site-store/vector-flags.ts'
import { attempt, type Database } from './database.ts'
import { bytesOf, type FullVectors, hourOf } from './full-vectors.ts'
import type { Standing, Standings } from './standings.ts'
import type { UsageSlabs } from './usage-slabs.ts'

export interface IntakeParts {
  readonly database: Database
  readonly admit: AdmissionRule
  readonly standings: Standings
  readonly vectors: FullVectors
  readonly usage: UsageSlabs
}

/** Judges and keeps what VMs told. It runs within a transaction: what it answers is true once that is durable. */
export class VectorIntake {
  private readonly parts: IntakeParts
  private nextId = 0

  constructor(parts: IntakeParts) {
    this.parts = parts
  }

  take(arrivals: readonly Arrivals[]): readonly Intake[] {
    const { database, standings, vectors, usage } = this.parts
    return attempt(database.path, () => {
      standings.refresh()
      this.nextId = vectors.nextId()
      const intakes = arrivals.map((arrived) => this.one(arrived))
      usage.flush()
      return intakes
    })
  }

  private one(arrivals: Arrivals): Intake {
    const standing = this.parts.standings.of(arrivals.vm)
    if (standing === undefined) return { kind: 'shut-out', because: 'unknown' }
    if (standing.isBanned) return { kind: 'shut-out', because: 'banned' }
    if (standing.isQuarantined) return { kind: 'shut-out', because: 'quarantined' }
    return this.heard(standing, arrivals)
  }

  private heard(standing: Standing, { at, vectors, isClockOff, counts }: Arrivals): Intake {
    const round = new Round(this.parts, standing)
    const outcomes: ArrivalOutcome[] = []
    let isOff: boolean | undefined
    for (const [i, vector] of vectors.entries()) {
      const data = bytesOf(vector)
      const admission = round.judge(vector, data)
      if (admission.kind === 'quarantine') {
        round.quarantine = admission.reason
        break
      }
      if (admission.kind === 'taken') {
        isOff = isClockOff[i]
        round.keep(vector, data, { id: this.nextId++, at, isClockOff: isOff, next: admission.next })
      }
      outcomes.push(admission.kind === 'taken' ? 'accepted' : 'duplicate')
    }
    const accepted = round.accepted
    const heard = { at, accepted, duplicates: outcomes.length - accepted }
    this.parts.standings.write(
      standing,
      isOff === undefined ? heard : { ...heard, isClockOff: isOff },
      round.isNewSender,
    )
    for (const what in counts) addCount(this.parts.database, standing.vm, what, counts[what])
    if (round.quarantine === undefined) return { kind: 'heard', outcomes }
    quarantine(this.parts, standing, { at, reason: round.quarantine })
    return { kind: 'heard', outcomes, quarantine: round.quarantine }
  }
}

/** The arrivals of one VM, one after the other. */
class Round {
  accepted = 0
  isNewSender = false
  quarantine: string | undefined
  private readonly parts: IntakeParts
  private readonly standing: Standing
  private kept: Map<string, Uint8Array> | undefined

  constructor(parts: IntakeParts, standing: Standing) {
    this.parts = parts
    this.standing = standing
  }

  judge({ sender, sequence }: PersonalityVector, data: Uint8Array): ReturnType<AdmissionRule> {
    const { standing } = this
    return this.parts.admit(standing, { sender, sequence, kept: this.keptUnder(sender, sequence, data) })
  }

  keep(
    vector: PersonalityVector,
    data: Uint8Array,
    {
      id,
      at,
      isClockOff,
      next,
    }: { readonly id: number; readonly at: number; readonly isClockOff: boolean; readonly next: KnownSenders },
  ): void {
    const { standing } = this
    const clock = isClockOff ? FLAG_CLOCK_OFF : 0
    const hour = hourOf(vector.windowEnd, at, clock)
    const flags = clock | (hour === standing.hour ? 0 : FLAG_HOURLY)
    this.parts.vectors.add(standing.vm, { id, before: standing.head, arrivedAt: at, flags, data })
    this.parts.usage.tell(standing.vm, vector, { arrivedAt: at, isClockOff })
    if (next.senders.at(-1)?.sender !== standing.senders.at(-1)?.sender) {
      standing.since = id
      this.isNewSender = true
      const isKnown = standing.senders.some(({ sender }) => sender === vector.sender)
      if (next.senders.length < standing.senders.length + (isKnown ? 0 : 1)) standing.hasForgotten = true
    }
    standing.senders = next.senders
    standing.isReleased = next.isReleased
    standing.head = id
    standing.newest = id
    standing.hour = hour
    this.kept?.set(`${vector.sequence} ${vector.sender}`, data)
    this.accepted++
  }

  /** A number above the newest of its sender was never kept, and none of a sender that was never heard: then nothing has to be looked up, and that is
   *  nearly always. */
  private keptUnder(sender: string, sequence: number, data: Uint8Array): 'nothing' | 'same' | 'other' {
    const { senders, head, hasForgotten } = this.standing
    const known = senders.findLast((one) => one.sender === sender)
    if (known !== undefined && sequence > known.sequence) return 'nothing'
    if (known === undefined && !hasForgotten) return 'nothing'
    this.kept ??= new Map(this.parts.vectors.bytesByNumber(head))
    const before = this.kept.get(`${sequence} ${sender}`)
    return before === undefined ? 'nothing' : Buffer.compare(before, data) === 0 ? 'same' : 'other'
  }
}

/** Puts a VM into quarantine, with all that was heard since its newest sender was. */
function quarantine(
  { database, standings, vectors }: IntakeParts,
  { vm, head, since }: Standing,
  { at, reason }: { readonly at: number; readonly reason: string },
): void {
  const { apart, newest } = vectors.keepApart(head, since)
  const sql = `UPDATE identities SET quarantine = ?, quarantinedAt = ?, isReleased = 0, newest = ?, keptApart = keptApart + ? WHERE vm = ?`
  database.run(sql, reason, at, newest, apart, vm)
  standings.changed()
}

export function addCount(database: Database, vm: number, what: string, number: number): void {
  const sql = 'INSERT INTO wordCounts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET number = number + excluded.number'
  database.run(sql, vm, what, number)
}
