import type { HostId } from '../../terms/ids.ts'
import type { KeptReport } from '../../terms/host-report.ts'
import type { EpochMs } from '../../terms/units.ts'
import type { HostRow, Hosts } from '../../world/site-store.ts'
import { numbers, texts } from './arrays.ts'
import { textIn } from './columns.ts'
import type { Database, Queries, Row } from './database.ts'
import { reportUsage } from './usage-write.ts'

/** Measurements of one host that are kept beside the newest. */
const MEASUREMENTS_MAX = 100

/** The instant of a measurement is that at which it came, and stays while it is put again. What is left out stays as it is. */
const PUT = `
  INSERT INTO hosts AS known (host, measurement, measured_at, corrections, changed_at)
  VALUES ($1, $2::text, CASE WHEN $2::text IS NULL THEN NULL ELSE $4::float8 END, $3, $4::float8)
  ON CONFLICT (host) DO UPDATE SET measurement = coalesce(excluded.measurement, known.measurement),
    corrections = coalesce(excluded.corrections, known.corrections), changed_at = excluded.changed_at,
    measured_at = CASE WHEN coalesce(excluded.measurement, known.measurement) IS NOT DISTINCT FROM known.measurement THEN known.measured_at
      ELSE excluded.measured_at END
  WHERE NOT $5::boolean OR known.corrections IS NOT DISTINCT FROM $6::text`
const REPLACED = `
  INSERT INTO measurements (host, at, measurement)
  SELECT host, measured_at, measurement FROM hosts WHERE host = $1 AND measurement IS NOT NULL AND $2::text <> measurement`
const EXCESS = `
  DELETE FROM measurements WHERE host = $1
    AND id NOT IN (SELECT id FROM measurements WHERE host = $1 ORDER BY id DESC LIMIT ${MEASUREMENTS_MAX})`
const REPORT = `
  INSERT INTO reports SELECT * FROM unnest($1::text[], $2::float8[], $3::float8[], $4::text[])
  ON CONFLICT (host) DO UPDATE SET window_end = excluded.window_end, window_ms = excluded.window_ms, report = excluded.report`
const KNOWN = 'SELECT host, window_end, window_ms FROM reports WHERE host = ANY ($1::text[]) ORDER BY host FOR UPDATE'

export class PostgresHosts implements Hosts {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  async find(host: HostId): Promise<HostRow | undefined> {
    const row = await this.database.first('SELECT * FROM hosts WHERE host = $1', host)
    return row === undefined ? undefined : hostOf(row)
  }

  async list(): Promise<readonly HostRow[]> {
    return (await this.database.all('SELECT * FROM hosts ORDER BY host')).map(hostOf)
  }

  /** A measurement that is replaced is kept beside. */
  put(
    { hostId, measurement, corrections, changedAt }: HostRow,
    standing?: Pick<HostRow, 'corrections'>,
  ): Promise<boolean> {
    const expected = standing?.corrections ?? null
    return this.database.write(async (queries) => {
      const known = await queries.first('SELECT corrections FROM hosts WHERE host = $1 FOR UPDATE', hostId)
      if (standing !== undefined && (known?.['corrections'] ?? null) !== expected) return false
      const replaced = await queries.run(REPLACED, hostId, measurement ?? null)
      if (replaced > 0) await queries.run(EXCESS, hostId)
      // Between the two another may have put a host that was not there.
      const told = [hostId, measurement ?? null, corrections ?? null, changedAt] as const
      return (await queries.run(PUT, ...told, standing !== undefined, expected)) === 1
    })
  }

  async measurements(
    host: HostId,
    most: number,
  ): Promise<readonly { readonly at: EpochMs; readonly measurement: string }[]> {
    const sql = 'SELECT at, measurement FROM measurements WHERE host = $1 ORDER BY id DESC LIMIT $2'
    return (await this.database.all(sql, host, most)).map((row) => ({
      at: Number(row['at']),
      measurement: String(row['measurement']),
    }))
  }

  remove(host: HostId): Promise<boolean> {
    return this.database.write(async (queries) => {
      await queries.run('DELETE FROM reports WHERE host = $1', host)
      await queries.run('DELETE FROM measurements WHERE host = $1', host)
      return (await queries.run('DELETE FROM hosts WHERE host = $1', host)) === 1
    })
  }

  /** A report that is there already is not counted again. */
  async report(reports: readonly KeptReport[]): Promise<void> {
    if (reports.length === 0) return
    await this.database.write(async (queries) => {
      const hosts = [...new Set(reports.map(({ hostId }) => hostId))]
      const windows = new Map<unknown, string>()
      for (const row of await queries.all(KNOWN, texts(hosts)))
        windows.set(row['host'], `${Number(row['window_end'])} ${Number(row['window_ms'])}`)
      const fresh = reports.filter(({ hostId, windowEnd, windowMs }) => {
        const isKnown = windows.get(hostId) === `${windowEnd} ${windowMs}`
        windows.set(hostId, `${windowEnd} ${windowMs}`)
        return !isKnown
      })
      await reportUsage(queries, fresh)
      await keepReports(queries, fresh)
    })
  }

  async reports(): Promise<readonly KeptReport[]> {
    const rows = await this.database.all('SELECT report FROM reports ORDER BY host')
    return rows.map((row) => JSON.parse(String(row['report'])) as KeptReport)
  }
}

function hostOf(row: Row): HostRow {
  const measurement = textIn(row, 'measurement')
  const corrections = textIn(row, 'corrections')
  return {
    hostId: row['host'] as HostId,
    ...(measurement === undefined ? {} : { measurement }),
    ...(corrections === undefined ? {} : { corrections }),
    changedAt: Number(row['changed_at']),
  }
}

async function keepReports(queries: Queries, reports: readonly KeptReport[]): Promise<void> {
  // One statement may touch a row once: the last of each host.
  const newest = new Map(reports.map((one) => [one.hostId, one]))
  const rows = [...newest.values()].toSorted((a, b) => (a.hostId < b.hostId ? -1 : 1))
  await queries.run(
    REPORT,
    texts(rows.map(({ hostId }) => hostId)),
    numbers(rows.map(({ windowEnd }) => windowEnd)),
    numbers(rows.map(({ windowMs }) => windowMs)),
    texts(rows.map((report) => JSON.stringify(report))),
  )
}
