/** What `ethos store` does. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { backupSqliteSite } from '../../drivers/sqlite/backup.ts'
import { checkSqliteSite } from '../../drivers/sqlite/check.ts'
import { SCHEMA_VERSION } from '../../drivers/sqlite/migrations.ts'
import { migrateSqliteSite, STORE_NAME } from '../../drivers/sqlite/site-schema.ts'
import { fileSizes, tableSizes } from '../../drivers/sqlite/site-sizes.ts'
import { MiB } from '../../terms/units.ts'
import { StoreError } from '../../world/errors.ts'
import type { Finding, OnProgress } from '../../world/site-store.ts'
import { printable } from '../printable.ts'
import { Progress } from '../progress.ts'
import { openDataFolder } from '../server/data-folder.ts'
import { UsageError } from '../usage-error.ts'
import type { MigrateOptions } from './store-command.ts'
import type { DataOption, ListOptions } from './token-command.ts'

const DAMAGED = 1

export async function check({ data, json }: ListOptions): Promise<void> {
  const path = storeOf(data)
  const findings = await withProgress('looking', (onProgress) => findingsOf(path, onProgress))
  const isDamaged = findings.some(({ severity }) => severity === 'damage')
  if (isDamaged) process.exitCode = DAMAGED
  if (json === true) return print({ store: path, isWhole: !isDamaged, findings })
  for (const { severity, what, remedy } of findings) say(`${severity.padEnd(6)}  ${what} ${remedy}`)
  if (!isDamaged) say(`${path} is whole.`)
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

export async function backup(file: string, { data }: DataOption): Promise<void> {
  const path = storeOf(data)
  const to = resolve(file)
  await withProgress('copying', (onProgress) => backupSqliteSite(path, to, onProgress))
  say(`${to} is a copy of what was there when it began: ${megabytes(fileSizes(to).fileBytes)}.`)
}

export async function migrate({ data, to, json }: MigrateOptions): Promise<void> {
  const path = storeOf(data)
  const version = to === undefined ? SCHEMA_VERSION : Number(to)
  if (!Number.isInteger(version) || version < 0 || version > SCHEMA_VERSION)
    throw new UsageError('--to', to, `Expected a whole number from 0 to ${SCHEMA_VERSION}.`)
  const before = await withProgress('carrying over', async (onProgress) =>
    migrateSqliteSite(path, { to: version, onProgress }),
  )
  if (json === true) return print({ store: path, before, schema: version })
  say(before === version ? `The schema is ${version} already.` : `The schema was ${before} and is ${version} now.`)
}

export async function size({ data, json }: ListOptions): Promise<void> {
  const path = storeOf(data)
  const tables = tableSizes(path)
  const files = fileSizes(path)
  if (json === true) return print({ store: path, ...files, tables })
  for (const { table, rows, bytes } of tables)
    say(`${table.padEnd(20)} ${String(rows).padStart(12)} rows ${megabytes(bytes).padStart(14)}`)
  say(`${'the file'.padEnd(38)} ${megabytes(files.fileBytes).padStart(14)}`)
  say(`${'its write-ahead log'.padEnd(38)} ${megabytes(files.walBytes).padStart(14)}`)
}

export function storeOf(data: string): string {
  const path = join(openDataFolder(data, 'there'), STORE_NAME)
  if (!existsSync(path)) throw new UsageError('--data', data, `There is no ${STORE_NAME} in it. Did a server ever run?`)
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
