/** Files of our own, as Node and Bun write them. Part of the machine, kept apart for length. */
import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { type Files, MachineError } from './machine.ts'

/** Files through `node:fs`, each call synchronous: they are small and few. */
export function nodeFiles(): Files {
  return {
    makeFolder: (path, mode) => attempt(path, () => makeFolder(path, mode)),
    readBytes: (path) => attempt(path, () => readFileSync(path)),
    writeWhole: (path, bytes, mode) => attempt(path, () => writeWhole(path, bytes, mode)),
    openAppend: (path, mode) => {
      const file = attempt(path, () =>
        openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, mode),
      )
      return {
        append: (bytes) => attempt(path, () => writeAll(file, bytes)),
        sync: () => attempt(path, () => fsyncSync(file)),
        close: () => attempt(path, () => closeSync(file)),
      }
    },
    truncate: (path, length) =>
      attempt(path, () => {
        withFile(path, constants.O_WRONLY, (file) => {
          ftruncateSync(file, length)
          fsyncSync(file)
        })
      }),
    remove: (path) => attempt(path, () => removeOne(path)),
    sizeOf: (path) => {
      try {
        return statSync(path).size
      } catch {
        return undefined
      }
    },
  }
}

/** The error of a system call as ours, with the system's code. */
export function machineError(place: string, error: unknown): MachineError {
  if (error instanceof MachineError) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'EUNKNOWN'
  const message = error instanceof Error ? error.message : String(error)
  return new MachineError(code, `${place}: ${message}`, { cause: error })
}

function attempt<T>(path: string, call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw machineError(path, error)
  }
}

/** Not `recursive`: Node tries for ever where a folder is there and takes no other, as /proc does. */
function makeFolder(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    const code = machineError(path, error).code
    if (code === 'EEXIST' && statSync(path).isDirectory()) return
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    makeFolder(dirname(path), mode)
    mkdirSync(path, { mode })
  }
}

function removeOne(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true) rmdirSync(path)
  else rmSync(path, { force: true })
}

/** Durable as a whole: the folder is synced too, else the new name may be lost with the power. */
function writeWhole(path: string, bytes: Uint8Array | string, mode: number): void {
  const beside = `${path}.new`
  rmSync(beside, { force: true })
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
  try {
    const file = openSync(beside, flags, mode)
    try {
      fchmodSync(file, mode)
      writeAll(file, typeof bytes === 'string' ? Buffer.from(bytes) : bytes)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(beside, path)
  } catch (error) {
    rmSync(beside, { force: true })
    throw error
  }
  withFile(dirname(path), constants.O_RDONLY, fsyncSync)
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(file, bytes, written, bytes.length - written)
  }
}

function withFile(path: string, flags: number, use: (file: number) => void): void {
  const file = openSync(path, flags)
  try {
    use(file)
  } finally {
    closeSync(file)
  }
}
