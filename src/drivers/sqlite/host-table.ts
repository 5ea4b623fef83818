import type { KeptReport } from '../../terms/host-report.ts'
import { type HostId, parseHostId } from '../../terms/ids.ts'
import type { EpochMs } from '../../terms/units.ts'
import type { HostRow } from '../../world/site-store.ts'
import { StoreError } from '../../world/errors.ts'
import type { Database, Row } from './database.ts'

/** Measurements of one host that are kept beside the newest. */
const MEASUREMENTS_MAX = 100

/** Hosts as they were registered, what was measured on them before, and what each said last. Changes are made within a transaction. */
export class HostTable {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  find(host: HostId): HostRow | undefined {
    const row = this.database.first('SELECT * FROM hosts WHERE host = ?', host)
    return row === undefined ? undefined : hostOf(row)
  }

  list(): readonly HostRow[] {
    return this.database.all('SELECT * FROM hosts ORDER BY host').map(hostOf)
  }

  /** A measurement that is replaced is kept beside, with the instant at which it came. */
  put({ hostId, measurement, corrections, changedAt }: HostRow, standing?: Pick<HostRow, 'corrections'>): boolean {
    const known = this.database.first('SELECT * FROM hosts WHERE host = ?', hostId)
    if (standing !== undefined && (known?.['corrections'] ?? null) !== (standing.corrections ?? null)) return false
    const before = known?.['measurement']
    const isNew = measurement !== undefined && before !== measurement
    if (typeof before === 'string' && isNew) this.keepMeasurement(hostId, Number(known?.['measuredAt']), before)
    const sql =
      'INSERT INTO hosts AS known (host, measurement, measuredAt, corrections, changedAt) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET ' +
      'measurement = coalesce(excluded.measurement, known.measurement), measuredAt = coalesce(excluded.measuredAt, known.measuredAt), ' +
      'corrections = coalesce(excluded.corrections, known.corrections), changedAt = excluded.changedAt'
    this.database.run(sql, hostId, measurement ?? null, isNew ? changedAt : null, corrections ?? null, changedAt)
    return true
  }

  measurements(host: HostId, most: number): readonly { readonly at: EpochMs; readonly measurement: string }[] {
    const sql = 'SELECT at, measurement FROM measurements WHERE host = ? ORDER BY id DESC LIMIT ?'
    return this.database.all(sql, host, most).map((row) => ({
      at: Number(row['at']),
      measurement: String(row['measurement']),
    }))
  }

  remove(host: HostId): boolean {
    this.database.run('DELETE FROM reports WHERE host = ?', host)
    this.database.run('DELETE FROM measurements WHERE host = ?', host)
    return this.database.run('DELETE FROM hosts WHERE host = ?', host) === 1
  }

  /** Keeps a report as its host's newest. False if it is the one that is there: its usage was counted. */
  report(report: KeptReport): boolean {
    const known = this.database.first('SELECT report FROM reports WHERE host = ?', report.hostId)
    if (known !== undefined) {
      const { windowEnd, windowMs } = this.parse(known)
      if (windowEnd === report.windowEnd && windowMs === report.windowMs) return false
    }
    const sql =
      'INSERT INTO reports VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET arrivedAt = excluded.arrivedAt, report = excluded.report'
    this.database.run(sql, report.hostId, report.arrivedAt, JSON.stringify(report))
    return true
  }

  reports(): readonly KeptReport[] {
    return this.database.all('SELECT report FROM reports ORDER BY host').map((row) => this.parse(row))
  }

  private keepMeasurement(host: HostId, at: EpochMs, measurement: string): void {
    this.database.run('INSERT INTO measurements (host, at, measurement) VALUES (?, ?, ?)', host, at, measurement)
    const excess =
      'DELETE FROM measurements WHERE host = ?1 AND id NOT IN (SELECT id FROM measurements WHERE host = ?1 ORDER BY id DESC LIMIT ?2)'
    this.database.run(excess, host, MEASUREMENTS_MAX)
  }

  /** What we wrote ourselves, unless the file was changed. */
  private parse(row: Row): KeptReport {
    try {
      return JSON.parse(String(row['report'])) as KeptReport
    } catch (cause) {
      const message = `${this.database.path}: a host's report is damaged. Bring the file back from a copy.`
      throw new StoreError('corrupt', message, { cause })
    }
  }
}

function hostOf(row: Row): HostRow {
  const { measurement, corrections } = row
  return {
    hostId: parseHostId(row['host']),
    ...(typeof measurement === 'string' ? { measurement } : {}),
    ...(typeof corrections === 'string' ? { corrections } : {}),
    changedAt: Number(row['changedAt']),
  }
}
