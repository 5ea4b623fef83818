/** Writes what was taken of many VMs: each table once, whatever the number of vectors. */
import type { PersonalityVector } from '../../terms/personality.ts'
import { flags, numbers, numbersOrNull, pieces, texts } from './arrays.ts'
import type { Queries } from './database.ts'
import type { Subject } from './take.ts'
import { tellUsage } from './usage-write.ts'

/** A vector that the rule took. */
export interface Taken {
  /** Its number among those of its VM. */
  readonly id: number
  /** Number of its sender within its VM. */
  readonly sender: number
  readonly vector: PersonalityVector
  readonly isClockOff: boolean
  /** The first of its hour, which outlives the others. */
  readonly isHourly: boolean
  readonly body: Uint8Array
}

const SENDERS = `
  INSERT INTO senders (vm_id, number, sender, place, sequence, highest, since_id)
  SELECT * FROM unnest($1::int[], $2::int[], $3::text[], $4::int[], $5::bigint[], $6::bigint[], $7::int[])
  ON CONFLICT (vm_id, number) DO UPDATE SET
    place = excluded.place, sequence = excluded.sequence, highest = excluded.highest, since_id = excluded.since_id`
const VECTORS = `
  INSERT INTO vectors (vm_id, id, sender, sequence, arrived_at, is_clock_off, is_hourly, body)
  SELECT vm_id, id, sender, sequence, arrived_at, is_clock_off, is_hourly, substring($10::bytea FROM place FOR length)
  FROM unnest($1::int[], $2::int[], $3::int[], $4::bigint[], $5::float8[], $6::boolean[], $7::boolean[], $8::int[], $9::int[])
    AS taken (vm_id, id, sender, sequence, arrived_at, is_clock_off, is_hourly, place, length)`
/** Only the rows that are locked by this transaction, in which the counts are not read: they are added up here, word by word. */
const IDENTITIES = `
  UPDATE identities i SET heard_at = told.at, is_clock_off = coalesce(told.is_clock_off, i.is_clock_off), is_released = told.is_released,
    last_id = told.last_id, last_sender = told.last_sender, kept = i.kept + told.taken,
    newest_id = CASE WHEN told.taken > 0 THEN told.last_id ELSE i.newest_id END,
    newest_at = CASE WHEN told.taken > 0 THEN told.at ELSE i.newest_at END,
    newest_hour = told.newest_hour, counts = ethos_added(i.counts, told.counts::jsonb)
  FROM unnest($1::int[], $2::float8[], $3::boolean[], $4::boolean[], $5::int[], $6::int[], $7::int[], $8::int[], $9::text[])
    AS told (vm_id, at, is_clock_off, is_released, last_id, last_sender, taken, newest_hour, counts)
  WHERE i.vm_id = told.vm_id`

export async function keepTaken(queries: Queries, subjects: readonly Subject[]): Promise<void> {
  if (subjects.length === 0) return
  await keepSenders(queries, subjects)
  await keepVectors(queries, subjects)
  await keepIdentities(queries, subjects)
  await tellUsage(
    queries,
    subjects.flatMap(({ vmId, arrivals, taken }) =>
      taken.map(({ vector, isClockOff }) => ({ vmId, vector, isClockOff, arrivedAt: arrivals.at })),
    ),
  )
}

async function keepSenders(queries: Queries, subjects: readonly Subject[]): Promise<void> {
  const changed = subjects.flatMap(({ vmId, senders }) =>
    [...senders.values()].filter((row) => row.isChanged).map((row) => ({ vmId, ...row })),
  )
  if (changed.length === 0) return
  await queries.run(
    SENDERS,
    numbers(changed.map((row) => row.vmId)),
    numbers(changed.map((row) => row.number)),
    texts(changed.map((row) => row.sender)),
    numbersOrNull(changed.map((row) => row.place)),
    numbers(changed.map((row) => row.sequence)),
    numbers(changed.map((row) => row.highest)),
    numbers(changed.map((row) => row.sinceId)),
  )
}

async function keepVectors(queries: Queries, subjects: readonly Subject[]): Promise<void> {
  const taken = subjects.flatMap((subject) => subject.taken.map((one) => ({ ...one, subject })))
  if (taken.length === 0) return
  const bodies = pieces(taken.map(({ body }) => body))
  await queries.run(
    VECTORS,
    numbers(taken.map(({ subject }) => subject.vmId)),
    numbers(taken.map(({ id }) => id)),
    numbers(taken.map(({ sender }) => sender)),
    numbers(taken.map(({ vector }) => vector.sequence)),
    numbers(taken.map(({ subject }) => subject.arrivals.at)),
    flags(taken.map(({ isClockOff }) => isClockOff)),
    flags(taken.map(({ isHourly }) => isHourly)),
    bodies.places,
    bodies.lengths,
    bodies.bytes,
  )
}

async function keepIdentities(queries: Queries, subjects: readonly Subject[]): Promise<void> {
  await queries.run(
    IDENTITIES,
    numbers(subjects.map(({ vmId }) => vmId)),
    numbers(subjects.map(({ arrivals }) => arrivals.at)),
    `{${subjects.map(({ taken }) => taken.at(-1)?.isClockOff ?? 'NULL').join(',')}}`,
    flags(subjects.map(({ isReleased }) => isReleased)),
    numbers(subjects.map(({ lastId }) => lastId)),
    numbers(subjects.map(({ lastSender }) => lastSender)),
    numbers(subjects.map(({ taken }) => taken.length)),
    numbersOrNull(subjects.map(({ newestHour }) => newestHour)),
    texts(subjects.map(({ counts }) => JSON.stringify(Object.fromEntries(counts)))),
  )
}
