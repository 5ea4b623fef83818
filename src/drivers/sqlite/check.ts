import { setImmediate as turn } from 'node:timers/promises'
import type { VmId } from '../../terms/ids.ts'
import { MiB } from '../../terms/units.ts'
import { ParseError } from '../../terms/parse.ts'
import { personalityFromBytes } from '../../terms/personality-bytes.ts'
import { StoreError } from '../../world/errors.ts'
import type { Finding, OnProgress } from '../../world/site-store.ts'
import { Database, type Row } from './database.ts'
import { HourlyVectors } from './hourly-vectors.ts'
import { JournalTable } from './journal-table.ts'
import { SCHEMA_VERSION, schemaOf } from './migrations.ts'
import { fileSizes } from './site-sizes.ts'
import { UsageDays } from './usage-days.ts'
import { RECORD_BYTES } from './usage-slabs.ts'

const FROM_COPY = 'Stop the server and bring the file back from a copy; without one, what can be read is still served.'
const KEPT = 'Nothing is lost by it; `ethos store check` says it so that it is known.'
/** Findings of one kind that are told one by one. */
const TOLD_MAX = 10
/** Rows between two turns of the event loop. */
const ROWS_A_TURN = 500
/** A WAL beyond this says that something keeps it from being taken into the file. */
const WAL_BYTES_MAX = 256 * MiB
const FREE_SHARE_MAX = 0.5

/** Looks at everything in a file, over a connection of its own that only reads. Throws a `StoreError` where it can't be opened. */
export async function checkSqliteSite(
  path: string,
  onProgress: OnProgress = () => undefined,
): Promise<readonly Finding[]> {
  const database = new Database(path, '', 'read')
  try {
    return await new Check(database, onProgress).run()
  } catch (error) {
    if (error instanceof StoreError && error.code === 'corrupt')
      return [{ severity: 'damage', what: error.message, remedy: FROM_COPY }]
    throw error
  } finally {
    database.close()
  }
}

type Step = () => void | Promise<void>

class Check {
  private readonly database: Database
  private readonly onProgress: OnProgress
  private readonly findings: Finding[] = []
  private readonly told = new Map<string, number>()

  constructor(database: Database, onProgress: OnProgress) {
    this.database = database
    this.onProgress = onProgress
  }

  async run(): Promise<readonly Finding[]> {
    // One look: what others write meanwhile is not seen, and contradicts nothing.
    this.database.execute('BEGIN')
    const version = schemaOf(this.database)
    const steps: readonly Step[] = [() => this.pages(), ...(version === SCHEMA_VERSION ? this.contents() : [])]
    if (version !== SCHEMA_VERSION) {
      const remedy = 'A server brings it forward when it starts; or: ethos store migrate.'
      this.note(`The schema is ${version}, and this version of Ethos writes ${SCHEMA_VERSION}.`, remedy)
    }
    for (const [i, step] of steps.entries()) {
      this.onProgress(i / steps.length)
      await step()
      await turn()
    }
    this.onProgress(1)
    for (const [kind, number] of this.told)
      if (number > TOLD_MAX) this.damage('', `${number - TOLD_MAX} more of this kind: ${kind}.`)
    return this.findings
  }

  private contents(): readonly Step[] {
    return [
      () => this.journal(),
      () => this.contradictions(),
      () => this.each('full vectors', 'SELECT id, data FROM fullVectors', ({ data }) => read(data)),
      () => this.each('vectors of silent VMs', 'SELECT vm AS id, data FROM staleVectors', ({ data }) => read(data)),
      () => this.each('slots', 'SELECT key AS id, data FROM usageSlabs', ({ data }) => wholeRecords(data)),
      () => this.usageDays(),
      () => this.hourlyVectors(),
      () => this.sizes(),
    ]
  }

  private pages(): void {
    for (const row of this.database.all('PRAGMA integrity_check'))
      if (row['integrity_check'] !== 'ok') this.damage('pages', `SQLite: ${String(row['integrity_check'])}.`)
    for (const row of this.database.all('PRAGMA foreign_key_check'))
      this.damage(
        'rows without the one they belong to',
        `Row ${Number(row['rowid'])} of ${String(row['table'])} belongs to nobody.`,
      )
  }

  private journal(): void {
    const verified = new JournalTable(this.database).verify()
    if (verified.kind === 'whole') return
    const what = `The journal was changed: line ${verified.number} is not what was written, or is missing.`
    this.damage(
      'journal',
      what,
      'Compare it with a copy: ethos store check on the copy’s folder says whether that one is whole.',
    )
  }

  private contradictions(): void {
    const counted = `
      SELECT name, kept, keptApart, count(v.id) AS found, coalesce(sum((v.flags & 2) <> 0), 0) AS apart FROM identities
        JOIN vms ON vms.id = identities.vm LEFT JOIN fullVectors AS v ON v.vm = identities.vm GROUP BY identities.vm
        HAVING kept <> found OR keptApart <> apart`
    for (const { name, kept, found } of this.database.all(counted))
      this.damage('counts', `${String(name)} should have ${Number(kept)} vectors, and ${Number(found)} are there.`)
    const newest =
      'SELECT name FROM identities JOIN vms ON vms.id = identities.vm WHERE newest > 0 AND newest NOT IN (SELECT id FROM fullVectors)'
    for (const { name } of this.database.all(newest))
      this.damage('newest', `The newest vector of ${String(name)} is missing.`)
    const strangers = 'SELECT count(*) AS number FROM fullVectors WHERE vm NOT IN (SELECT vm FROM identities)'
    const number = Number(this.database.first(strangers)?.['number'])
    if (number > 0) this.damage('strangers', `${number} vectors are of VMs that nobody let in.`)
    const unread = this.database.first(`SELECT value FROM facts WHERE name = 'unreadLines'`)?.['value']
    if (unread !== undefined)
      this.note(`${Number(unread)} lines of the schema before could not be read and were left out.`, KEPT)
  }

  private async usageDays(): Promise<void> {
    const days = new UsageDays(this.database)
    await this.each('days of usage', 'SELECT key AS id, data FROM usageDays', ({ id, data }) => days.codes(data, id))
  }

  private async hourlyVectors(): Promise<void> {
    const hourly = new HourlyVectors(this.database)
    await this.each('days of hourly vectors', 'SELECT key AS id FROM hourlyVectors', ({ id }) => {
      for (const { data } of hourly.read(id)) read(data)
    })
  }

  private sizes(): void {
    const { walBytes } = fileSizes(this.database.path)
    const free = Number(this.database.first('PRAGMA freelist_count')?.['freelist_count'])
    const pages = Number(this.database.first('PRAGMA page_count')?.['page_count'])
    if (walBytes > WAL_BYTES_MAX)
      this.note(
        `The write-ahead log has ${Math.round(walBytes / MiB)} MiB.`,
        'Does a long copy or check run beside the server?',
      )
    if (pages > 1000 && free / pages > FREE_SHARE_MAX)
      this.note(
        `${Math.round((100 * free) / pages)} % of the file are free pages.`,
        'They are used again; a backup has them too.',
      )
  }

  /** Looks at each row; what can't be read is a finding. */
  private async each(
    kind: string,
    sql: string,
    look: (row: { readonly id: number; readonly data: Uint8Array }) => unknown,
  ): Promise<void> {
    let seen = 0
    for (const row of this.database.each(sql) as Generator<Row & { id: number; data: Uint8Array }>) {
      try {
        look(row)
      } catch (error) {
        if (!(error instanceof ParseError || error instanceof StoreError)) throw error
        this.damage(kind, `Row ${row.id} of the ${kind} is damaged: ${error.message}`)
      }
      if (++seen % ROWS_A_TURN === 0) await turn()
    }
  }

  private damage(kind: string, what: string, remedy = FROM_COPY): void {
    const number = (this.told.get(kind) ?? 0) + 1
    if (kind !== '') this.told.set(kind, number)
    if (number <= TOLD_MAX) this.findings.push({ severity: 'damage', what, remedy })
  }

  private note(what: string, remedy: string): void {
    this.findings.push({ severity: 'note', what, remedy })
  }
}

function read(data: Uint8Array): void {
  personalityFromBytes(data, 'somebody' as VmId)
}

function wholeRecords(data: Uint8Array): void {
  if (data.length % RECORD_BYTES !== 0)
    throw new ParseError('slots', data.length, `Expected records of ${RECORD_BYTES} bytes.`)
}
