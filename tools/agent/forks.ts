/** A guest that starts a short program hundreds of times a second: the hardest that a look at all processes can meet. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const COMPILER = '/usr/bin/gcc'
const SOURCE = join(import.meta.dirname, 'forks.c')

/** Why it can't be compiled; false if it can. */
export function whyNoForks(): string | false {
  return existsSync(COMPILER) ? false : 'there is no compiler: apt-get install gcc libc6-dev'
}

/** Compiles it into a folder, and starts it. Ended by SIGKILL, and with this process. */
export function startForks(folder: string, perSec: number): ChildProcess {
  const path = join(folder, 'forks')
  const { status, stderr } = spawnSync(COMPILER, ['-O1', '-o', path, SOURCE], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`gcc failed: ${stderr}`)
  return spawn(path, [String(perSec)], { stdio: 'ignore' })
}

/** Tasks that were born on this machine since it started. */
export function countForks(): number {
  return Number(/^processes (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1])
}
