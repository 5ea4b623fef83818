/** What `ethos store` does. */
import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { backupSqliteSite } from '../../drivers/sqlite/backup.ts'
import { checkSqliteSite } from '../../drivers/sqlite/check.ts'
import { SCHEMA_VERSION } from '../../drivers/sqlite/migrations.ts'
import { migrateSqliteSite } from '../../drivers/sqlite/site-schema.ts'
import { fileSizes, tableSizes } from '../../drivers/sqlite/site-sizes.ts'
import { MiB } from '../../terms/units.ts'
import { StoreError } from '../../world/errors.ts'
import type { Finding, OnProgress } from '../../world/site-store.ts'
import { printable } from '../printable.ts'
import { Progress } from '../progress.ts'
import { openDataFolder, storePath } from '../server/data-folder.ts'
import { UsageError } from '../usage-error.ts'
import type { MigrateOptions } from './store-command.ts'
import { backupShared, checkShared, type Looked, migrateShared, sharedUrl, sizeShared } from './store-shared.ts'
import type { DataOption, ListOptions } from './data-options.ts'

const DAMAGED = 1

export async function check({ data, store, json }: ListOptions): Promise<void> {
  const url = sharedUrl(store)
  const { store: path, findings } = await withProgress('looking', (onProgress) =>
    url === undefined ? lookedAt(storeOf(data), onProgress) : checkShared(url, onProgress),
  )
  const isDamaged = findings.some(({ severity }) => severity === 'damage')
  if (isDamaged) process.exitCode = DAMAGED
  if (json === true) return print({ store: path, isWhole: !isDamaged, findings })
  for (const { severity, what, remedy } of findings) say(`${severity.padEnd(6)}  ${what} ${remedy}`)
  if (!isDamaged) say(`${path} is whole.`)
}

async function lookedAt(path: string, onProgress: OnProgress): Promise<Looked> {
  return { store: path, findings: await findingsOf(path, onProgress) }
}

/** A file that is no database at all is damaged, not beyond what can be asked. */
export async function findingsOf(path: string, onProgress: OnProgress): Promise<readonly Finding[]> {
  try {
    return await checkSqliteSite(path, onProgress)
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'corrupt') throw error
    return [{ severity: 'damage', what: error.message, remedy: 'Stop the server before you do.' }]
  }
}

export async function backup(file: string, { data, store }: DataOption): Promise<void> {
  const url = sharedUrl(store)
  if (url !== undefined) {
    const copy = await withProgress('copying', (onProgress) => backupShared(url, file, onProgress))
    return say(`${copy} is a copy of what was there when it began, for pg_restore.`)
  }
  const path = storeOf(data)
  const to = resolve(file)
  await withProgress('copying', (onProgress) => backupSqliteSite(path, to, onProgress))
  say(`${to} is a copy of what was there when it began: ${megabytes(fileSizes(to).fileBytes)}.`)
}

export async function migrate({ data, store, to, json }: MigrateOptions): Promise<void> {
  const url = sharedUrl(store)
  if (url !== undefined) {
    const { before, schema } = await migrateShared(url, to)
    return tellMigrated({ before, schema }, json)
  }
  const path = storeOf(data)
  const version = to === undefined ? SCHEMA_VERSION : Number(to)
  if (!Number.isInteger(version) || version < 0 || version > SCHEMA_VERSION)
    throw new UsageError('--to', to, `Expected a whole number from 0 to ${SCHEMA_VERSION}.`)
  const before = await withProgress('carrying over', async (onProgress) =>
    migrateSqliteSite(path, { to: version, onProgress }),
  )
  tellMigrated({ store: path, before, schema: version }, json)
}

function tellMigrated(
  told: { readonly store?: string; readonly before: number; readonly schema: number },
  json: boolean | undefined,
): void {
  if (json === true) return print(told)
  const { before, schema } = told
  say(before === schema ? `The schema is ${schema} already.` : `The schema was ${before} and is ${schema} now.`)
}

export async function size({ data, store, json }: ListOptions): Promise<void> {
  const url = sharedUrl(store)
  if (url !== undefined) {
    const { told, ...size } = await sizeShared(url)
    return json === true ? print(size) : say(told)
  }
  const path = storeOf(data)
  const tables = tableSizes(path)
  const files = fileSizes(path)
  if (json === true) return print({ store: path, ...files, tables })
  for (const { table, rows, bytes } of tables)
    say(`${table.padEnd(20)} ${String(rows).padStart(12)} rows ${megabytes(bytes).padStart(14)}`)
  say(`${'the file'.padEnd(38)} ${megabytes(files.fileBytes).padStart(14)}`)
  say(`${'its write-ahead log'.padEnd(38)} ${megabytes(files.walBytes).padStart(14)}`)
}

export function storeOf(data: string | undefined): string {
  if (data === undefined)
    throw new UsageError('--data', 'nothing', 'Expected the server’s data folder, or --store postgres://...')
  const path = storePath(openDataFolder(data, 'there'))
  if (!existsSync(path))
    throw new UsageError('--data', data, `There is no ${basename(path)} in it. Did a server ever run?`)
  return path
}

async function withProgress<T>(label: string, act: (onProgress: OnProgress) => Promise<T>): Promise<T> {
  const progress = new Progress(100)
  let done = 0
  try {
    return await act((share) => {
      for (; done < Math.floor(share * 100); done++) progress.step(label)
    })
  } finally {
    progress.stop()
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / MiB).toFixed(1)} MiB`
}

function say(line: string): void {
  process.stdout.write(printable(`${line}\n`))
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}
