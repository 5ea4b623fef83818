/** Judges and keeps what VMs told, many at a time, in one transaction. */
import { personalityToBytes } from '../../terms/personality-bytes.ts'
import { type EpochMs, HOUR_MS } from '../../terms/units.ts'
import type { AdmissionRule, ArrivalOutcome, Arrivals, Intake, KnownSenders } from '../../world/site-store.ts'
import { numbers, texts } from './arrays.ts'
import { numberIn } from './columns.ts'
import type { Queries, Row } from './database.ts'
import { keepApart } from './identities.ts'
import { keepTaken, type Taken } from './take-keep.ts'

/** A sender as it is kept: by its number within its VM; without a place once it is forgotten by the rule. */
export interface SenderRow {
  readonly number: number
  readonly sender: string
  place: number | undefined
  /** Newest that was taken, and the highest that ever was: they differ where a sender was forgotten and taken anew. */
  sequence: number
  highest: number
  sinceId: number
  isChanged: boolean
}

/** One VM under judgement: its locked row, and what becomes of it. */
export interface Subject {
  readonly vmId: number
  readonly arrivals: Arrivals
  readonly senders: Map<string, SenderRow>
  /** Bodies under numbers that were told before, by sender and sequence. */
  readonly bodies: Map<string, Uint8Array>
  readonly counts: Map<string, number>
  readonly taken: Taken[]
  isReleased: boolean
  lastId: number
  lastSender: number
  /** The hour that got a vector last, since 1970. */
  newestHour: number | undefined
}

/** Rows are locked in the order of their number: two processes that take of the same VMs wait for each other, and never both. */
const LOCK = `
  SELECT vms.vm, i.vm_id, i.is_banned, i.quarantine IS NOT NULL AS is_quarantined, i.is_released, i.last_id, i.last_sender,
    i.newest_hour
  FROM identities i JOIN vms ON vms.id = i.vm_id WHERE vms.vm = ANY ($1::text[]) ORDER BY i.vm_id FOR UPDATE OF i`
const SENDERS =
  'SELECT vm_id, number, sender, place, sequence, highest, since_id FROM senders WHERE vm_id = ANY ($1::int[])'
const BODIES = `
  SELECT v.vm_id, v.sender, v.sequence, v.body FROM vectors v
  JOIN unnest($1::int[], $2::int[], $3::bigint[]) AS told (vm_id, sender, sequence)
    ON v.vm_id = told.vm_id AND v.sender = told.sender AND v.sequence = told.sequence
  WHERE v.vm_id = ANY ($4::int[])`

/** Runs within a transaction. Parallel to the arrivals. */
export async function take(
  queries: Queries,
  admit: AdmissionRule,
  arrivals: readonly Arrivals[],
): Promise<readonly Intake[]> {
  const rows = new Map<string, Row>()
  for (const row of await queries.all(LOCK, texts(arrivals.map((one) => one.vm)))) rows.set(String(row['vm']), row)
  const subjects = new Map<Arrivals, Subject>()
  for (const one of arrivals) {
    const row = rows.get(one.vm)
    if (row !== undefined && shutOut(row) === undefined) subjects.set(one, subjectOf(one, row))
  }
  await readSenders(queries, [...subjects.values()])
  await readBodies(queries, [...subjects.values()])
  const intakes = arrivals.map((one): Intake => {
    const subject = subjects.get(one)
    return subject === undefined
      ? { kind: 'shut-out', because: shutOut(rows.get(one.vm)) ?? 'unknown' }
      : judge(subject, admit)
  })
  await keepTaken(queries, [...subjects.values()])
  for (const [i, intake] of intakes.entries()) {
    const subject = subjects.get(arrivals[i])
    if (subject === undefined || intake.kind !== 'heard' || intake.quarantine === undefined) continue
    await keepApart(queries, subject.vmId, { at: subject.arrivals.at, reason: intake.quarantine })
  }
  return intakes
}

function shutOut(row: Row | undefined): 'unknown' | 'banned' | 'quarantined' | undefined {
  if (row === undefined) return 'unknown'
  if (row['is_banned'] === true) return 'banned'
  return row['is_quarantined'] === true ? 'quarantined' : undefined
}

function subjectOf(arrivals: Arrivals, row: Row): Subject {
  return {
    vmId: Number(row['vm_id']),
    arrivals,
    senders: new Map(),
    bodies: new Map(),
    counts: new Map(Object.entries(arrivals.counts)),
    taken: [],
    isReleased: row['is_released'] === true,
    lastId: Number(row['last_id']),
    lastSender: Number(row['last_sender']),
    newestHour: numberIn(row, 'newest_hour'),
  }
}

async function readSenders(queries: Queries, subjects: readonly Subject[]): Promise<void> {
  const byId = new Map(subjects.map((subject) => [subject.vmId, subject]))
  if (byId.size === 0) return
  for (const row of await queries.all(SENDERS, numbers([...byId.keys()]))) {
    const sender = String(row['sender'])
    byId.get(Number(row['vm_id']))?.senders.set(sender, {
      number: Number(row['number']),
      sender,
      place: row['place'] === null ? undefined : Number(row['place']),
      sequence: Number(row['sequence']),
      highest: Number(row['highest']),
      sinceId: Number(row['since_id']),
      isChanged: false,
    })
  }
}

/** What is kept under numbers that were told before. A number that is higher than its sender's newest was never kept: mostly nothing is asked. */
async function readBodies(queries: Queries, subjects: readonly Subject[]): Promise<void> {
  const asked = subjects.flatMap((subject) =>
    subject.arrivals.vectors.flatMap(({ sender, sequence }) => {
      const known = subject.senders.get(sender)
      return known === undefined || sequence > known.highest ? [] : [{ subject, known, sequence }]
    }),
  )
  if (asked.length === 0) return
  const rows = await queries.all(
    BODIES,
    numbers(asked.map(({ subject }) => subject.vmId)),
    numbers(asked.map(({ known }) => known.number)),
    numbers(asked.map(({ sequence }) => sequence)),
    numbers([...new Set(asked.map(({ subject }) => subject.vmId))]),
  )
  const found = new Map(
    rows.map((row) => [keyOf(Number(row['vm_id']), Number(row['sender']), Number(row['sequence'])), row]),
  )
  for (const { subject, known, sequence } of asked) {
    const row = found.get(keyOf(subject.vmId, known.number, sequence))
    if (row !== undefined) subject.bodies.set(`${known.sender} ${sequence}`, row['body'] as Uint8Array)
  }
}

function keyOf(vmId: number, sender: number, sequence: number): string {
  return `${vmId} ${sender} ${sequence}`
}

function judge(subject: Subject, admit: AdmissionRule): Intake {
  const outcomes: ArrivalOutcome[] = []
  let known = knownOf(subject)
  for (const [i, vector] of subject.arrivals.vectors.entries()) {
    const { sender, sequence } = vector
    const body = personalityToBytes(vector)
    const before = subject.bodies.get(`${sender} ${sequence}`)
    const kept = before === undefined ? 'nothing' : Buffer.compare(before, body) === 0 ? 'same' : 'other'
    const admission = admit(known, { sender, sequence, kept })
    if (admission.kind === 'quarantine') return { kind: 'heard', outcomes, quarantine: admission.reason }
    if (admission.kind === 'taken') {
      const id = ++subject.lastId
      const number = noteSenders(subject, known, admission.next, id)
      known = admission.next
      subject.isReleased = known.isReleased
      subject.bodies.set(`${sender} ${sequence}`, body)
      const isClockOff = subject.arrivals.isClockOff[i]
      const hour = hourOf(isClockOff ? subject.arrivals.at : vector.windowEnd)
      subject.taken.push({ id, sender: number, vector, isClockOff, isHourly: hour !== subject.newestHour, body })
      subject.newestHour = hour
    }
    const isTaken = admission.kind === 'taken'
    const word = isTaken ? 'accepted' : 'duplicates'
    subject.counts.set(word, (subject.counts.get(word) ?? 0) + 1)
    outcomes.push(isTaken ? 'accepted' : 'duplicate')
  }
  return { kind: 'heard', outcomes }
}

function knownOf(subject: Subject): KnownSenders {
  const placed = [...subject.senders.values()].filter((row) => row.place !== undefined)
  const senders = placed.toSorted((a, b) => (a.place ?? 0) - (b.place ?? 0))
  return { senders: senders.map(({ sender, sequence }) => ({ sender, sequence })), isReleased: subject.isReleased }
}

/** Brings the rows of senders to what the rule says is known next. Returns the number of the current sender. */
function noteSenders(subject: Subject, before: KnownSenders, next: KnownSenders, id: number): number {
  const remembered = new Set(next.senders.map(({ sender }) => sender))
  for (const { sender } of before.senders) {
    const row = subject.senders.get(sender)
    if (row === undefined || remembered.has(sender)) continue
    row.place = undefined
    row.isChanged = true
  }
  const current = next.senders.at(-1)
  if (current === undefined) throw new RangeError('The rule takes a vector and knows no sender.')
  const isSameAsBefore = before.senders.at(-1)?.sender === current.sender
  let row = subject.senders.get(current.sender)
  if (row === undefined) {
    row = { number: ++subject.lastSender, ...current, highest: 0, place: undefined, sinceId: id, isChanged: true }
    subject.senders.set(current.sender, row)
  }
  if (!isSameAsBefore) {
    const newest = before.senders.at(-1)
    row.place = (newest === undefined ? 0 : (subject.senders.get(newest.sender)?.place ?? 0)) + 1
    row.sinceId = id
  }
  row.sequence = current.sequence
  row.highest = Math.max(row.highest, current.sequence)
  row.isChanged = true
  return row.number
}

/** The hour of which a vector is: of a window that ends with it. */
function hourOf(end: EpochMs): number {
  return Math.floor(end / HOUR_MS)
}
