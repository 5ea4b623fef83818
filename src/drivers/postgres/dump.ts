/** A copy of the database by PostgreSQL's own program, which reads one state while others write. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { StoreError } from '../../world/errors.ts'
import type { OnProgress } from '../../world/site-store.ts'
import type { Address } from './address.ts'

/** Names the program where it is neither on the path nor where Debian has it. */
const PROGRAM_VARIABLE = 'ETHOS_PG_DUMP'
const SAID_CHARACTERS_MAX = 2000

export interface DumpRequest {
  readonly name: string
  readonly address: Address
  readonly schema: string
  readonly path: string
  /** About how many bytes it will be, for progress. */
  readonly expectedBytes: number
}

/** Writes a file that `pg_restore` reads. It gets its name once it is whole and on disk. */
export async function dump(request: DumpRequest, onProgress: OnProgress = () => undefined): Promise<void> {
  const { name, path } = request
  if (existsSync(path)) throw new StoreError('invalid', `${path} is there already. Choose a path where nothing is.`)
  const partial = `${path}.partial`
  try {
    // Made by us, so that nobody else may read it: what is in it is worth as much as the database.
    const file = await open(partial, 'w', 0o600)
    try {
      await run(request, file.fd, async () => {
        const { size } = await file.stat()
        onProgress(Math.min(0.99, size / Math.max(1, request.expectedBytes)))
      })
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(partial, path)
    const folder = await open(dirname(path))
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
    onProgress(1)
  } catch (error) {
    await rm(partial, { force: true })
    throw asWritten(name, error)
  }
}

function asWritten(name: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof StoreError || !('code' in error)) return error
  const code = error.code === 'ENOSPC' || error.code === 'EDQUOT' ? 'full' : 'io'
  return new StoreError(code, `${name}: the backup could not be written: ${error.message}`, { cause: error })
}

async function run({ name, address, schema }: DumpRequest, output: number, look: () => Promise<void>): Promise<void> {
  const program = findProgram(name)
  // Where it connects to, and the password, go through the environment: a command line is read by everyone on the machine.
  const words = ['--format=custom', '--no-owner', '--no-privileges', `--schema=${schema}`]
  const child = spawn(program, words, { stdio: ['ignore', output, 'pipe'], env: environmentOf(address) })
  let said = ''
  child.stderr?.on('data', (part: Buffer) => {
    said = (said + part.toString()).slice(-SAID_CHARACTERS_MAX)
  })
  const timer = setInterval(() => void look().catch(() => undefined), 500)
  try {
    const code = await exitCodeOf(child)
    if (code === 0) return
    const kind = /could not connect|connection to server/.test(said)
      ? 'unreachable'
      : /No space/.test(said)
        ? 'full'
        : 'io'
    throw new StoreError(kind, `${name}: ${program} ended with ${code}: ${said.trim()}`)
  } finally {
    clearInterval(timer)
  }
}

async function exitCodeOf(child: ChildProcess): Promise<number | string> {
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return code ?? signal ?? 'nothing'
}

function environmentOf({ host, port, user, database, password, tlsWords }: Address): NodeJS.ProcessEnv {
  const tls = Object.entries(tlsWords).map(([word, value]) => [`PG${word.toUpperCase()}`, value])
  return {
    ...process.env,
    ...Object.fromEntries(tls),
    PGHOST: host,
    PGPORT: `${port}`,
    PGUSER: user,
    PGDATABASE: database,
    PGCONNECT_TIMEOUT: '10',
    LC_ALL: 'C.UTF-8',
    ...(password === undefined ? {} : { PGPASSWORD: password }),
  }
}

/** The newest that is there: an older one refuses a newer server. */
function findProgram(name: string): string {
  const named = process.env[PROGRAM_VARIABLE]
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'pg_dump'))
  const debian = globSync('/usr/lib/postgresql/*/bin/pg_dump').toSorted((a, b) => versionIn(b) - versionIn(a))
  const found = (named === undefined ? [...debian, ...onPath] : [named]).find((path) => existsSync(path))
  if (found !== undefined) return found
  const remedy = `apt install postgresql-client, or name it by ${PROGRAM_VARIABLE}, or run pg_dump -Fc where PostgreSQL is.`
  throw new StoreError('invalid', `${name}: a backup needs pg_dump, which is not installed here. ${remedy}`)
}

function versionIn(path: string): number {
  return Number(/postgresql\/(\d+)/.exec(path)?.[1] ?? 0)
}
