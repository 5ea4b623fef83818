/** Files that a command writes: checked before the work begins, written whole or not at all. */
import { accessSync, constants, realpathSync, renameSync, rmSync, type Stats, statSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { FileStore } from '../drivers/file-store.ts'
import type { Store } from '../world/store.ts'
import { UsageError } from './usage-error.ts'

/** Standard output instead of a file. */
export const STANDARD_OUTPUT = '-'

export interface OutputFile {
  /** The option that names it, for complaints. */
  readonly option: string
  readonly path: string
  readonly mayBeStandardOutput?: boolean
}

/** Complains before anything runs, so that nobody waits for a run whose results have nowhere to go.
 *  @param inputs what the command reads: never written over */
export function checkOutputs(outputs: readonly OutputFile[], inputs: readonly (string | undefined)[]): void {
  const taken = new Map<string, string>()
  for (const input of inputs) if (input !== undefined) taken.set(resolve(input), 'the command reads it')
  for (const output of outputs) {
    const { option, path } = output
    if (path === STANDARD_OUTPUT && output.mayBeStandardOutput === true) continue
    const complaint = complaintAbout(path)
    if (complaint !== undefined) throw new UsageError(option, path, complaint)
    if (isSpecial(path)) continue
    const user = taken.get(resolve(path))
    if (user !== undefined) throw new UsageError(option, path, `Name another file: ${user}.`)
    taken.set(resolve(path), `${option} writes it`)
  }
}

/** Writes all of `text`, or leaves what was there before. */
export function writeOutput(option: string, path: string, text: string): void {
  if (path === STANDARD_OUTPUT) {
    process.stdout.write(text)
    return
  }
  const goal = look(path) === undefined ? path : realpathSync(path)
  const unfinished = isSpecial(goal) ? goal : unfinishedPath(goal)
  try {
    writeFileSync(unfinished, text)
    if (unfinished !== goal) renameSync(unfinished, goal)
  } catch (error) {
    if (unfinished !== goal) rmSync(unfinished, { force: true })
    throw new UsageError(option, path, `It can not be written (${messageOf(error)}). Is there room on the disk?`)
  }
}

/** A journal that grows while the work runs, in `FILE.unfinished`. */
export interface GrowingJournal {
  readonly store: Store
  /** The run is over: the journal takes its name. */
  finish(): Promise<void>
  /** Nothing came of it. */
  discard(): Promise<void>
}

/** An older journal of that name is replaced at the end, not before. */
export async function beginJournal(option: string, path: string): Promise<GrowingJournal> {
  if (isSpecial(path)) throw new UsageError(option, path, 'A journal needs a file of its own.')
  const unfinished = unfinishedPath(path)
  rmSync(unfinished, { force: true })
  const store = await FileStore.open(unfinished)
  return {
    store,
    finish: async () => {
      await store.close()
      renameSync(unfinished, path)
    },
    discard: async () => {
      await store.close()
      rmSync(unfinished, { force: true })
    },
  }
}

function unfinishedPath(path: string): string {
  return `${path}.unfinished`
}

function complaintAbout(path: string): string | undefined {
  if (path === '' || path === STANDARD_OUTPUT) return 'Expected the path of a file.'
  const there = look(path)
  if (there?.isDirectory() === true) return 'It is a folder. Name a file in it.'
  const folder = dirname(path)
  if (look(folder)?.isDirectory() !== true) return `There is no folder ${folder}. Create it first?`
  if (!isWritable(there === undefined ? folder : path)) return 'It can not be written. Who owns it?'
  if (there?.isFile() === true && !isWritable(folder)) return `Nothing can be written into ${folder}. Who owns it?`
  return undefined
}

/** A device or a pipe, say /dev/null: written to as it is. */
function isSpecial(path: string): boolean {
  const there = look(path)
  return there !== undefined && !there.isFile()
}

function look(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
