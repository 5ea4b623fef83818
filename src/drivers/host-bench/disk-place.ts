/** The file that disk benchmarks work on: of bounded size, in a folder that the operator named, gone when we are. */
import {
  closeSync,
  constants,
  lstatSync,
  openSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { join } from 'node:path'
import { MiB } from '../../terms/units.ts'
import { BenchmarkError } from './benchmark-error.ts'
import { type DiskPlace, fioWords } from './benchmarks.ts'
import { runTool } from './run-tool.ts'

const FILE_BYTES = { wanted: 256 * MiB, least: 32 * MiB }
/** We leave at least as much free as we take: a full disk stops other people's work. */
const FREE_FACTOR = 2
/** A disk of 10 MiB/s writes the least file in 3 s, and the largest in 26. */
const LAYOUT_LIMIT_MS = 30_000
const FILE_NAME = /^ethos-bench-(?<pid>\d{1,10})\.tmp$/

/** Makes the file. Rejects with a `BenchmarkError`; leaves nothing behind then.
 *  @param fioPath the program that fills it */
export async function openDiskPlace(folder: string, fioPath: string, stop: AbortSignal): Promise<DiskPlace> {
  removeLeftovers(folder)
  const fileBytes = chooseSize(folder)
  const file = join(folder, `ethos-bench-${process.pid}.tmp`)
  create(file, folder, fileBytes)
  try {
    const isDirect = takesDirect(file)
    const place = { file, fileBytes, isDirect }
    const words = [...fioWords(place), '--rw=write', '--bs=1M', '--iodepth=8', '--refill_buffers', '--end_fsync=1']
    await runTool({ tool: 'fio', path: fioPath, words, limitMs: LAYOUT_LIMIT_MS, folder }, stop)
    return place
  } catch (error) {
    closeDiskPlace({ file })
    throw error
  }
}

export function closeDiskPlace({ file }: Pick<DiskPlace, 'file'>): void {
  rmSync(file, { force: true })
}

/** Removes files of earlier suites that were killed: those whose process is gone. Returns their names.
 *  A folder that can't be read has none; the complaint comes when the file is made. */
export function removeLeftovers(folder: string): readonly string[] {
  let names: readonly string[]
  try {
    names = readdirSync(folder)
  } catch {
    return []
  }
  return names.filter((name) => {
    const pid = FILE_NAME.exec(name)?.groups?.['pid']
    if (pid === undefined || isRunning(Number(pid)) || !lstatSync(join(folder, name)).isFile()) return false
    rmSync(join(folder, name), { force: true })
    return true
  })
}

/** Whether a process of that number lives, of whichever user. */
export function isRunning(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function chooseSize(folder: string): number {
  const where = statOf(folder)
  if (where === undefined) throw new BenchmarkError('no-place', 'fio', `${folder} is not there, or is no folder.`)
  const { bavail, bsize } = statfsSync(folder)
  const freeBytes = bavail * bsize
  const most = Math.floor(freeBytes / FREE_FACTOR / MiB) * MiB
  if (most >= FILE_BYTES.least) return Math.min(FILE_BYTES.wanted, most)
  const wanted = (FREE_FACTOR * FILE_BYTES.least) / MiB
  const message = `${folder} has ${Math.floor(freeBytes / MiB)} MiB free; the disk benchmarks need ${wanted}, and leave half of it.`
  throw new BenchmarkError('no-space', 'fio', message)
}

function statOf(folder: string): true | undefined {
  try {
    return statSync(folder).isDirectory() ? true : undefined
  } catch {
    return undefined
  }
}

/** Fails where anything has that name already: nobody's file is written over, no link followed. */
function create(file: string, folder: string, fileBytes: number): void {
  try {
    closeSync(openSync(file, 'wx', 0o600))
    truncateSync(file, fileBytes)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new BenchmarkError('no-permission', 'fio', `No file can be made in ${folder} (${why}).`, { cause })
  }
}

function takesDirect(file: string): boolean {
  try {
    closeSync(openSync(file, constants.O_RDWR | constants.O_DIRECT))
    return true
  } catch {
    return false
  }
}
