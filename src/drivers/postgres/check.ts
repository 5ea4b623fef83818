/** Looks at all that can be looked at, in one state of the database, and says what is amiss. Nothing is changed. */
import type { VmId } from '../../terms/ids.ts'
import { ParseError } from '../../terms/parse.ts'
import { personalityFromBytes } from '../../terms/personality-bytes.ts'
import { StoreError } from '../../world/errors.ts'
import type { Finding, OnProgress } from '../../world/site-store.ts'
import { unpackHours } from '../site-store/hourly-packing.ts'
import { unpackDay } from '../site-store/usage-day.ts'
import type { Database, Queries, Row } from './database.ts'
import { verifyChain } from './journal.ts'
import { versionOf } from './migrate.ts'
import { twelveOf } from './usage-write.ts'

const FROM_COPY = 'Bring the data back from a copy (pg_restore); without one, what can be read is still served.'
/** Findings of one kind that are told one by one. */
const TOLD_MAX = 10
const ROWS_AT_ONCE = 2000
/** One statement of a check may take long on a slow disk. */
const STATEMENT_MS = 600_000

/** Tables with bytes, by their key of two numbers; how a row is read, which throws where it can't be. */
const BYTES: readonly { readonly what: string; readonly sql: string; readonly read: (body: Uint8Array) => void }[] = [
  { what: 'vector', sql: keyed('vectors', 'id'), read: readVector },
  { what: 'slot of usage', sql: keyed('usage_slots', 'slot'), read: (body) => insist(twelveOf(body)) },
  { what: 'day of usage', sql: keyed('usage_days', 'day'), read: (body) => insist(unpackDay(body)) },
  {
    what: 'day of hourly vectors',
    sql: keyed('vector_days', 'day'),
    read: (body) => insist(unpackHours(body)).forEach(({ data }) => readVector(data)),
  },
]

/** Rows that belong to nobody, and numbers that contradict rows; each with the VM as `who`. */
const CONTRADICTIONS: readonly { readonly what: string; readonly sql: string }[] = [
  {
    what: 'has another number of vectors than is counted',
    sql: `SELECT vms.vm AS who FROM identities i JOIN vms ON vms.id = i.vm_id LEFT JOIN LATERAL (
        SELECT count(*) AS kept, count(*) FILTER (WHERE is_apart) AS apart FROM vectors v
        WHERE v.vm_id = i.vm_id AND v.arrived_at >= i.tended_to) AS found ON true
      WHERE found.kept <> i.kept OR found.apart <> i.kept_apart`,
  },
  {
    what: 'lacks its newest vector',
    sql: `SELECT vms.vm AS who FROM identities i JOIN vms ON vms.id = i.vm_id WHERE i.newest_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM vectors v WHERE v.vm_id = i.vm_id AND v.id = i.newest_id)`,
  },
  {
    what: 'has vectors, and nobody let it in',
    sql: `SELECT DISTINCT coalesce(vms.vm, 'number ' || v.vm_id) AS who FROM vectors v LEFT JOIN vms ON vms.id = v.vm_id
      WHERE NOT EXISTS (SELECT FROM identities i WHERE i.vm_id = v.vm_id)`,
  },
  {
    what: 'has one vector twice',
    sql: `SELECT vms.vm AS who FROM vectors v JOIN vms ON vms.id = v.vm_id GROUP BY vms.vm, v.sender, v.sequence HAVING count(*) > 1`,
  },
  {
    what: 'has usage, and its name is gone',
    sql: `SELECT DISTINCT 'number ' || vm_id AS who FROM (SELECT vm_id FROM usage_days UNION SELECT vm_id FROM usage_slots) AS u
      WHERE NOT EXISTS (SELECT FROM vms WHERE id = u.vm_id)`,
  },
]

/** What the server is set to, that acknowledged things outlive a loss of power only if it is on. */
const SAFETY = `SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off' ORDER BY name`

/** @param version that this program writes */
export async function checkPostgresSite(
  database: Database,
  version: number,
  onProgress: OnProgress = () => undefined,
): Promise<readonly Finding[]> {
  return database.look(async (queries) => {
    const found = await versionOf(queries, database.schema)
    const findings = new Findings()
    await safety(queries, findings)
    if (found !== version) {
      const remedy = 'A server brings it forward when it starts; or: ethos store migrate.'
      findings.note(`The schema has version ${found}, and this program writes ${version}.`, remedy)
      return findings.list
    }
    const steps = [
      () => journal(queries, findings),
      ...CONTRADICTIONS.map((one) => () => contradiction(queries, findings, one)),
      ...BYTES.map((one) => () => bytes(queries, findings, one)),
    ]
    for (const [i, step] of steps.entries()) {
      onProgress(i / steps.length)
      await step()
    }
    onProgress(1)
    return findings.list
  }, STATEMENT_MS)
}

class Findings {
  readonly list: Finding[] = []

  damage(what: string, remedy = FROM_COPY): void {
    this.list.push({ severity: 'damage', what, remedy })
  }

  note(what: string, remedy: string): void {
    this.list.push({ severity: 'note', what, remedy })
  }
}

async function safety(queries: Queries, findings: Findings): Promise<void> {
  for (const row of await queries.all(SAFETY)) {
    const remedy = 'Turn it on in postgresql.conf: a loss of power may damage everything.'
    findings.note(`PostgreSQL runs with ${String(row['name'])} = off.`, remedy)
  }
}

async function journal(queries: Queries, findings: Findings): Promise<void> {
  const verified = await verifyChain(queries)
  if (verified.kind === 'whole') return
  const what = `The journal was changed: line ${verified.number} is not what was written, or is missing.`
  findings.damage(what, 'Compare it with a copy.')
}

async function contradiction(
  queries: Queries,
  findings: Findings,
  { what, sql }: { readonly what: string; readonly sql: string },
): Promise<void> {
  const rows = await queries.all(sql)
  for (const row of rows.slice(0, TOLD_MAX)) findings.damage(`VM ${String(row['who'])} ${what}.`)
  if (rows.length > TOLD_MAX) findings.damage(`${rows.length - TOLD_MAX} more of this kind: ${what}.`)
}

/** Row by row in the order of their keys. */
async function bytes(queries: Queries, findings: Findings, { what, sql, read }: (typeof BYTES)[number]): Promise<void> {
  let [vmId, second] = [-1, -1]
  let damaged = 0
  for (;;) {
    const rows = await queries.all(sql, vmId, second)
    for (const row of rows) {
      const why = trouble(row, read)
      if (why !== undefined && ++damaged <= TOLD_MAX)
        findings.damage(`${what} ${Number(row['second'])} of VM number ${Number(row['vm_id'])} is damaged: ${why}`)
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < ROWS_AT_ONCE) break
    ;[vmId, second] = [Number(last['vm_id']), Number(last['second'])]
  }
  if (damaged > TOLD_MAX) findings.damage(`${damaged - TOLD_MAX} more of this kind: ${what}.`)
}

function keyed(table: string, second: string): string {
  return `SELECT vm_id, ${second} AS second, body FROM ${table} WHERE (vm_id, ${second}) > ($1::int, $2::int)
    ORDER BY vm_id, ${second} LIMIT ${ROWS_AT_ONCE}`
}

function trouble(row: Row, read: (body: Uint8Array) => void): string | undefined {
  try {
    read(row['body'] as Uint8Array)
    return undefined
  } catch (error) {
    if (error instanceof ParseError || error instanceof StoreError) return error.message
    throw error
  }
}

function readVector(body: Uint8Array): void {
  personalityFromBytes(body, 'somebody' as VmId)
}

function insist<T>(read: T | undefined): T {
  if (read === undefined) throw new ParseError('bytes', undefined, 'They are not what was written.')
  return read
}
