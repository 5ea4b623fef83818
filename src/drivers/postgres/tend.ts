/** What time takes away: a bounded part a call, so that nothing waits long for a lock. */
import { type EpochMs, HOUR_MS } from '../../terms/units.ts'
import type { Retention } from '../../world/site-store.ts'
import { numbers } from './arrays.ts'
import type { Queries } from './database.ts'

/** What one step did. */
export interface Step {
  readonly packed: number
  readonly deleted: number
  readonly isDone: boolean
}

export const NOTHING: Step = { packed: 0, deleted: 0, isDone: true }

/** VMs whose vectors are thinned in one transaction. */
const VMS_AT_ONCE = 200
const ROWS_AT_ONCE = 5000
/** How long a join token that is past is still listed. */
const TOKENS_LISTED_MS = 7 * 24 * HOUR_MS

/** Locks VMs of which an hour more is due, in the order in which all lock them. */
const DUE = `
  SELECT i.vm_id FROM identities i
  WHERE i.vm_id IN (SELECT vm_id FROM identities WHERE tended_to < $1 ORDER BY tended_to, vm_id LIMIT ${VMS_AT_ONCE})
  ORDER BY i.vm_id FOR UPDATE`
/** Of what is beyond full detail, the first of each hour stays; what was kept apart goes. What is the newest stays until it is too old for that. */
const THIN = `
  DELETE FROM vectors v USING identities i
  WHERE i.vm_id = v.vm_id AND v.vm_id = ANY ($1::int[]) AND (v.arrived_at < $3
    OR v.arrived_at < $2 AND (NOT v.is_hourly OR v.is_apart) AND v.id IS DISTINCT FROM i.newest_id)`
/** The newest of a VM that is silent is no history, unless it is also its hour's, but still the last that is known of it. */
const STALE = `
  UPDATE vectors v SET is_stale = true FROM identities i
  WHERE i.vm_id = v.vm_id AND v.vm_id = ANY ($1::int[]) AND v.id = i.newest_id AND v.arrived_at < $2 AND NOT v.is_hourly AND NOT v.is_stale`
const COUNT = `
  UPDATE identities i SET tended_to = $2, kept = counted.kept, kept_apart = counted.apart,
    newest_id = CASE WHEN i.newest_at >= $3 THEN i.newest_id END, newest_at = CASE WHEN i.newest_at >= $3 THEN i.newest_at END
  FROM (SELECT id.vm_id, count(v.id) AS kept, count(v.id) FILTER (WHERE v.is_apart) AS apart
    FROM unnest($1::int[]) AS id (vm_id) LEFT JOIN vectors v ON v.vm_id = id.vm_id AND v.arrived_at >= $2 GROUP BY id.vm_id) AS counted
  WHERE counted.vm_id = i.vm_id`

/** Thins out the vectors of some VMs, an hour's worth at least. */
export async function thinVectors(queries: Queries, at: EpochMs, retention: Retention): Promise<Step> {
  const fullFrom = Math.floor((at - retention.vectorsMs) / HOUR_MS) * HOUR_MS
  const hourlyFrom = at - retention.hourlyVectorsMs
  const due = (await queries.all(DUE, fullFrom)).map((row) => Number(row['vm_id']))
  if (due.length === 0) return NOTHING
  const vms = numbers(due)
  const deleted = await queries.run(THIN, vms, fullFrom, hourlyFrom)
  await queries.run(STALE, vms, fullFrom)
  await queries.run(COUNT, vms, fullFrom, hourlyFrom)
  return { packed: 0, deleted, isDone: due.length < VMS_AT_ONCE }
}

/** Senders that the rule has forgotten and of which no vector is left, tokens long past, marks of transactions that ended, audit beyond its number. */
export async function pruneSmall(queries: Queries, at: EpochMs, { auditMost }: Retention): Promise<Step> {
  const counts = [
    await queries.run('DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - $1', auditMost),
    await queries.run('DELETE FROM join_tokens WHERE expires_at < $1', at - TOKENS_LISTED_MS),
    // By the server's clock, which wrote them.
    await queries.run("DELETE FROM commits WHERE at < now() - interval '1 hour'"),
    await queries.run(
      `DELETE FROM senders s WHERE s.place IS NULL
       AND NOT EXISTS (SELECT FROM vectors v WHERE v.vm_id = s.vm_id AND v.sender = s.number)`,
    ),
  ]
  return { packed: 0, deleted: counts[0] + counts[1] + counts[3], isDone: true }
}

/** Lines of the journal that are old enough, the oldest first; the newest stays. What is left is chained to the last that went. */
export async function pruneJournal(queries: Queries, before: EpochMs): Promise<Step> {
  const head = await queries.first('SELECT number FROM journal_ends WHERE is_head FOR UPDATE')
  const oldest = await queries.all('SELECT number, at, digest FROM journal ORDER BY number LIMIT $1', ROWS_AT_ONCE)
  const young = oldest.findIndex((row) => Number(row['at']) >= before)
  const due = (young < 0 ? oldest : oldest.slice(0, young)).filter(
    (row) => Number(row['number']) < Number(head?.['number']),
  )
  const last = due.at(-1)
  if (last === undefined) return NOTHING
  const number = Number(last['number'])
  const sql = 'UPDATE journal_ends SET number = $1, digest = $2 WHERE NOT is_head'
  await queries.run(sql, number, last['digest'] as Uint8Array)
  const deleted = await queries.run('DELETE FROM journal WHERE number <= $1', number)
  return { packed: 0, deleted, isDone: due.length < ROWS_AT_ONCE }
}
