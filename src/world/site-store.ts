import type { ApiToken } from '../terms/access.ts'
import type { KeptReport } from '../terms/host-report.ts'
import type { HostId, VmId } from '../terms/ids.ts'
import type { PersonalityVector } from '../terms/personality.ts'
import type { Resource } from '../terms/sample.ts'
import type { EpochMs } from '../terms/units.ts'
import type { HostUsageSeries, UsageSeries, UsageSlot } from '../terms/usage.ts'

/** All that the server remembers, for one process in SQLite, for several in PostgreSQL. Every change is durable when its promise resolves, and
 *  none of it is kept where the promise rejects. Rejects only with a `StoreError`. Who may write what is judged elsewhere. */
export interface SiteStore {
  /** For people and logs: `SQLite /var/lib/ethos/ethos.sqlite`. Never with a password. */
  readonly name: string
  readonly identities: Identities
  readonly joinTokens: JoinTokens
  readonly apiTokens: ApiTokens
  readonly vectors: Vectors
  readonly usage: Usage
  readonly hosts: Hosts
  readonly journal: Journal
  readonly audit: Audit
  readonly phases: PhaseModels
  readonly settings: Settings
  readonly leases: Leases
  readonly upkeep: Upkeep
  close(): Promise<void>
}

/** How a VM is heard: by its own certificate, over a channel of this server's host, or through a host that reports. */
export type Way = 'https' | 'channel' | { readonly host: HostId }

/** One identity: a VM. What is not known is left out. */
export interface Identity {
  readonly vm: VmId
  readonly joinedAt: EpochMs
  readonly heardAt?: EpochMs
  readonly certificateEndsAt?: EpochMs
  readonly via: Way
  readonly isBanned: boolean
  readonly quarantine?: { readonly at: EpochMs; readonly reason: string }
  /** Released from quarantine, and nothing new was heard since. */
  readonly isReleased: boolean
  /** Its clock was off when it was last heard. */
  readonly isClockOff: boolean
  /** Vectors that are kept of it at full detail, and how many of them out of all decisions. */
  readonly vectorsKept: number
  readonly vectorsKeptApart: number
  /** What was counted of it, by one of few words: `accepted`, `duplicates`, `refused: out of range`, ... */
  readonly counts: Readonly<Record<string, number>>
}

export interface Identities {
  find(vm: VmId): Promise<Identity | undefined>
  /** By name. */
  list(): Promise<readonly Identity[]>
  /** An identity begins or is given anew with a certificate. */
  certify(vm: VmId, at: EpochMs, certificateEndsAt: EpochMs): Promise<void>
  /** Uses a join token up and lets its VM or host in: both or neither. False if somebody was faster. */
  join(tokenId: string, at: EpochMs, certificateEndsAt: EpochMs): Promise<boolean>
  /** An identity by construction begins, or is heard another way now; one with a certificate that has not ended keeps that way. */
  admit(vm: VmId, at: EpochMs, via: Way): Promise<void>
  /** Shuts a VM out, whether it has joined or not. Its join tokens are worth nothing from then on. */
  ban(vm: VmId, at: EpochMs): Promise<void>
  /** Ends quarantine and ban. Whoever is heard first is then the current sender. */
  release(vm: VmId): Promise<void>
  /** Adds to what is counted. */
  count(vm: VmId, what: string, number: number): Promise<void>
}

export interface JoinToken {
  readonly id: string
  readonly secretDigest: string
  /** Whose it is: a VM, or a host that reports. */
  readonly for: { readonly vm: VmId } | { readonly host: HostId }
  readonly expiresAt: EpochMs
  readonly usedAt?: EpochMs
}

export interface JoinTokens {
  add(token: Omit<JoinToken, 'usedAt'>): Promise<void>
  find(id: string): Promise<JoinToken | undefined>
  /** By the time of their end. */
  list(): Promise<readonly JoinToken[]>
  /** Deletes one that was not used; false if there is none. */
  revoke(id: string): Promise<boolean>
}

export interface ApiTokens {
  /** False if there is a token already: for the one that the first start prints. */
  addFirst(token: ApiToken): Promise<boolean>
  add(token: ApiToken): Promise<void>
  find(id: string): Promise<ApiToken | undefined>
  /** By the time of their making, revoked ones too. */
  list(): Promise<readonly ApiToken[]>
  /** False if there is none of that id, or it was revoked before. */
  revoke(id: string, at: EpochMs): Promise<boolean>
  /** Used at least this late; need not be durable at once. */
  used(ids: readonly string[], at: EpochMs): Promise<void>
}

/** What is known of one VM's senders, in the order in which they followed each other. */
export interface KnownSenders {
  readonly senders: readonly { readonly sender: string; readonly sequence: number }[]
  readonly isReleased: boolean
}

/** What the rule of admission says of one arrival; `engine/admission/senders.ts` has the rule. Pure. */
export type AdmissionRule = (
  known: KnownSenders,
  arrival: { readonly sender: string; readonly sequence: number; readonly kept: 'nothing' | 'same' | 'other' },
) =>
  | { readonly kind: 'taken'; readonly next: KnownSenders }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'quarantine'; readonly reason: string }

/** Vectors of one VM that passed the gate, in the order in which they were told. */
export interface Arrivals {
  readonly vm: VmId
  readonly at: EpochMs
  readonly vectors: readonly PersonalityVector[]
  /** Parallel to `vectors`: its clock was off. */
  readonly isClockOff: readonly boolean[]
  /** What was counted before the gate: refused lines by word. */
  readonly counts: Readonly<Record<string, number>>
}

export type ArrivalOutcome = 'accepted' | 'duplicate'

/** What became of the arrivals of one VM. */
export type Intake =
  | { readonly kind: 'shut-out'; readonly because: 'unknown' | 'banned' | 'quarantined' }
  | {
      readonly kind: 'heard'
      /** Parallel to the vectors; shorter where one of them led to quarantine. */
      readonly outcomes: readonly ArrivalOutcome[]
      readonly quarantine?: string
    }

/** A vector as it is kept. */
export interface KeptVector {
  readonly vector: PersonalityVector
  readonly arrivedAt: EpochMs
  readonly isClockOff: boolean
}

export interface Vectors {
  /** Judges and keeps the arrivals of many VMs in one transaction, by the rule that the store was opened with. Each VM at most once. The usage that
   *  accepted vectors tell is kept as well, unless the host has told it. */
  take(arrivals: readonly Arrivals[]): Promise<readonly Intake[]>
  /** The newest good vector of each VM that is neither banned nor in quarantine, by name; those that arrived after an instant alone, if it is given. */
  latest(after?: EpochMs): Promise<readonly KeptVector[]>
  /** Of one VM, oldest first, those kept apart left out: all of the last 48 h, then one an hour. At most `most`, the newest. */
  history(
    vm: VmId,
    span: { readonly from: EpochMs; readonly to: EpochMs; readonly most: number },
  ): Promise<readonly KeptVector[]>
}

export interface Usage {
  /** Keeps what hosts told; it stands before what a guest told of the same slot. */
  put(slots: readonly UsageSlot[]): Promise<void>
  /** One VM's slots from `from` up to and without `to`. */
  series(vm: VmId, span: { readonly from: EpochMs; readonly to: EpochMs }): Promise<UsageSeries>
  /** The same of many VMs: for a start, and for a turn. Parallel to `vms`.
   *  @param span.meanOf this resource's mean alone is read, and all else is missing. Absent: all is read */
  seriesOf(
    vms: readonly VmId[],
    span: { readonly from: EpochMs; readonly to: EpochMs; readonly meanOf?: Resource },
  ): Promise<readonly UsageSeries[]>
  /** What hosts used, by what they reported; kept as long as that of VMs, also of hosts that were taken off the list. Parallel to `hosts`. */
  hostSeries(
    hosts: readonly HostId[],
    span: { readonly from: EpochMs; readonly to: EpochMs },
  ): Promise<readonly HostUsageSeries[]>
}

/** A host as it was registered: documents as JSON text, whose form is judged where they enter (`terms/host-record.ts`). */
export interface HostRow {
  readonly hostId: HostId
  /** What `ethos bench host` measured, newest. Absent: never. */
  readonly measurement?: string
  /** What an operator says instead. */
  readonly corrections?: string
  readonly changedAt: EpochMs
}

export interface Hosts {
  find(host: HostId): Promise<HostRow | undefined>
  /** By name. */
  list(): Promise<readonly HostRow[]>
  /** Puts a host on the list, or changes it: a document that is left out stays as it is.
   *  @param standing corrections that must be those that stand, or nothing is changed. False: others do */
  put(row: HostRow, standing?: Pick<HostRow, 'corrections'>): Promise<boolean>
  /** Measurements that were there before, newest first, at most `most`. */
  measurements(host: HostId, most: number): Promise<readonly { readonly at: EpochMs; readonly measurement: string }[]>
  /** Takes a host off the list; its reports go. False if there is none. */
  remove(host: HostId): Promise<boolean>
  /** Keeps the newest report of each host, its usage, and that of its VMs. */
  report(reports: readonly KeptReport[]): Promise<void>
  /** The newest report of each host, by name. */
  reports(): Promise<readonly KeptReport[]>
}

/** One line of the journal. */
export interface JournalLine {
  readonly number: number
  readonly at: EpochMs
  readonly line: string
}

/** Append-only: turns, orders and their ends, each line chained to the one before by its digest. */
export interface Journal {
  /** @param token of the lease under which it is written: a lease that another process has taken since is refused with `StoreError` `fenced` */
  append(line: string, at: EpochMs, token?: number): Promise<number>
  /** From a number on, oldest first. */
  from(number: number, most: number): Promise<readonly JournalLine[]>
  /** The newest, oldest of them first. */
  last(most: number): Promise<readonly JournalLine[]>
  /** The first line whose digest is not what the chain says. */
  verify(): Promise<
    { readonly kind: 'whole'; readonly lines: number } | { readonly kind: 'broken'; readonly number: number }
  >
}

/** One thing that was refused, or that somebody did. */
export interface AuditRecord {
  readonly at: EpochMs
  /** One of few words. */
  readonly what: string
  /** Whom it is about, where that is known for sure. */
  readonly about?: string
  /** Who did it, or where it came from: an address, a channel, a token's name, the command line. */
  readonly from: string
  readonly reason: string
}

/** As it is kept: numbers rise. */
export interface KeptAuditRecord extends AuditRecord {
  readonly number: number
}

export interface Audit {
  add(record: AuditRecord): Promise<void>
  /** The newest, oldest of them first; of those before a number alone, if it is given. */
  last(most: number, before?: number): Promise<readonly KeptAuditRecord[]>
}

export interface PhaseRow {
  readonly version: number
  readonly model: string
  readonly digest: string
  readonly installedAt: EpochMs
  readonly isCurrent: boolean
}

export interface PhaseModels {
  /** Adds a model and makes it the current. */
  add(row: Omit<PhaseRow, 'isCurrent'>): Promise<void>
  list(): Promise<readonly PhaseRow[]>
  current(): Promise<PhaseRow | undefined>
  /** Makes one the current; none, where there is no such version. */
  use(version: number): Promise<void>
}

/** Small documents with their history: the policy, the site's name, whether automation is paused. */
export interface Settings {
  get(name: string): Promise<Setting | undefined>
  /** False, and nothing changed, where `expected` is given and is not the current version (0: there is none yet). */
  set(
    name: string,
    text: string,
    by: { readonly who: string; readonly at: EpochMs; readonly expected?: number },
  ): Promise<boolean>
  history(name: string, most: number): Promise<readonly Setting[]>
}

export interface Setting {
  readonly version: number
  readonly text: string
  readonly who: string
  readonly at: EpochMs
}

/** Who of several processes does what only one may do. */
export interface Leases {
  /** Takes or prolongs a lease; undefined while another holder's has not ended. The token rises with each new holder. An end that lies further ahead
   *  than twice `forMs`, and stays as it is for longer than `forMs` while it is asked for, counts no longer: it was reckoned by a clock that was off. */
  take(
    name: string,
    holder: string,
    at: EpochMs,
    forMs: number,
  ): Promise<{ readonly token: number; readonly endsAt: EpochMs } | undefined>
  release(name: string, holder: string): Promise<void>
}

/** How long what is kept. */
export interface Retention {
  readonly vectorsMs: number
  readonly hourlyVectorsMs: number
  readonly usageMs: number
  readonly auditMost: number
  readonly journalMs: number
}

export const RETENTION: Retention = {
  vectorsMs: 48 * 3_600_000,
  hourlyVectorsMs: 30 * 86_400_000,
  usageMs: 30 * 86_400_000,
  auditMost: 100_000,
  journalMs: 400 * 86_400_000,
}

export interface Tended {
  /** Rows that were packed into longer spans, and rows that were deleted. */
  readonly packed: number
  readonly deleted: number
  /** False: there is more to do, ask again soon. */
  readonly isDone: boolean
}

/** One finding of a check, for people. */
export interface Finding {
  readonly severity: 'note' | 'damage'
  readonly what: string
  readonly remedy: string
}

/** Reports how far a long work has come, from 0 to 1. */
export type OnProgress = (share: number) => void

export interface Upkeep {
  /** Packs and deletes a bounded part of what is due. */
  tend(at: EpochMs, retention: Retention): Promise<Tended>
  /** Looks at everything that can be looked at. Nothing is changed. */
  check(onProgress?: OnProgress): Promise<readonly Finding[]>
  /** A consistent copy while others write. @param path a file that does not exist */
  backup(path: string, onProgress?: OnProgress): Promise<void>
  /** Version of the schema that is there. */
  schemaVersion(): Promise<number>
  /** Bytes on disk. */
  sizeBytes(): Promise<number>
}
