/** The folder in which a server keeps its keys and its store: its owner's alone. */
import {
  accessSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { dirname, join, resolve } from 'node:path'
import { lockFile } from '../../drivers/sqlite/folder-lock.ts'
import { UsageError } from '../usage-error.ts'

const FOLDER_MODE = 0o700
const SECRET_MODE = 0o600
const STORE_NAME = 'ethos.sqlite'
/** What it was called by the first servers: such a folder goes on with that file. */
const FORMER_STORE_NAME = 'agents.sqlite'
const LOCK_NAME = 'server.lock'

/** Opens the folder; makes it if it is missing, unless it must be there. Refuses one that others may look into: it holds the authority's key. */
export function openDataFolder(path: string, wanted: 'made' | 'there' = 'made'): string {
  const folder = resolve(path)
  try {
    if (wanted === 'made') makeFolder(folder)
    const { mode } = statSync(folder)
    if ((mode & 0o077) !== 0)
      throw new UsageError('--data', path, `Others may open it, and it holds keys. Try: chmod 700 ${path}`)
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    if (error instanceof UsageError) throw error
    const isMissing = codeOf(error) === 'ENOENT' && wanted === 'there'
    const remedy = isMissing ? 'There is no such folder. Did a server ever run with it?' : 'May this user write there?'
    throw new UsageError('--data', path, `It can not be used (${codeOf(error)}). ${remedy}`)
  }
  return folder
}

/** Path of the store within, whether it is there or not. */
export function storePath(folder: string): string {
  const former = join(folder, FORMER_STORE_NAME)
  return existsSync(former) ? former : join(folder, STORE_NAME)
}

/** The same; the file is made where it is missing, its owner's alone. */
export function storeFile(folder: string): string {
  const path = storePath(folder)
  closeSync(openSync(path, 'a', SECRET_MODE))
  giveToOwner(path)
  return path
}

/** Says that this process is the folder's server, until `close`. Throws a `UsageError` if another is. */
export function lockDataFolder(folder: string): { close(): void } {
  const path = join(folder, LOCK_NAME)
  closeSync(openSync(path, 'a', SECRET_MODE))
  giveToOwner(path)
  const lock = lockFile(path)
  if (lock === undefined) throw new UsageError('--data', folder, 'Another server runs with it.')
  return lock
}

/** Node's own `recursive` tries for ever where a folder is there and takes no other, as /proc does. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: FOLDER_MODE })
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error
    makeFolder(dirname(path))
    mkdirSync(path, { mode: FOLDER_MODE })
  }
}

/** What root makes on the command line is the server's to read, whose folder it is. */
function giveToOwner(path: string): void {
  const { uid, gid } = statSync(dirname(path))
  if (process.getuid?.() === 0 && uid !== 0) chownSync(path, uid, gid)
}

/** Writes a file that its owner alone may read, whole and durable or not at all. False if there is one of that name already. */
export function writeSecretOnce(folder: string, name: string, text: string): boolean {
  const path = join(folder, name)
  const beside = `${path}.${randomBytes(4).toString('hex')}`
  try {
    writeDurably(beside, text)
    giveToOwner(beside)
    linkSync(beside, path)
    const directory = openSync(folder, 'r')
    fsyncSync(directory)
    closeSync(directory)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  } finally {
    rmSync(beside, { force: true })
  }
}

/** Files whose name fits, by name. */
export function readSecrets(
  folder: string,
  pattern: RegExp,
): readonly { readonly name: string; readonly text: string }[] {
  const names = readdirSync(folder).filter((name) => pattern.test(name))
  return names.map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }))
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, 'wx', SECRET_MODE)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
