/** Real servers for tests, from Debian's packages: each with its own folder, on a free port of loopback or a socket, as its package's user
 *  where we are root, and stopped at the end of the test file. */
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** Why a test that needs a program is skipped; false where it is not. */
export function skipWithout(...files: readonly string[]): string | false {
  const missing = files.filter((file) => !existsSync(file))
  return missing.length > 0 && `not installed: ${missing.join(', ')}`
}

/** A folder of a server's own, which its user may write to and everyone may look into. */
export interface ServerFolder {
  readonly path: string
  /** Writes a file there that belongs to the server's user. */
  write(name: string, text: string, mode?: number): string
  remove(): void
}

interface UserIds {
  readonly uid: number
  readonly gid: number
}

/** The user of a package where we are root and it exists; else none, and everything runs as ourselves. */
export function userIds(user: string): UserIds | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (option: string): number => Number(spawnSync('id', [option, user], { encoding: 'utf8' }).stdout)
  const ids = { uid: id('-u'), gid: id('-g') }
  return ids.uid > 0 ? ids : undefined
}

/** @param below a folder that is there; by default that of temporary files */
export function serverFolder(user: string, below = tmpdir()): ServerFolder {
  const path = mkdtempSync(join(below, 'ethos-server-'))
  const ids = userIds(user)
  chmodSync(path, 0o755)
  const give = (file: string): void => {
    if (ids !== undefined) chownSync(file, ids.uid, ids.gid)
  }
  give(path)
  return {
    path,
    write: (name, text, mode = 0o644) => {
      const file = join(path, name)
      mkdirSync(join(file, '..'), { recursive: true })
      writeFileSync(file, text, { mode })
      give(file)
      return file
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  await new Promise((resolve) => {
    server.close(resolve)
  })
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Runs a program to its end as a user. Throws with what it said unless it succeeds. */
export function runAs(user: string, program: string, words: readonly string[], input: string | Buffer = ''): string {
  const { status, stdout, stderr, error } = spawnSync(program, words, {
    ...userIds(user),
    encoding: 'utf8',
    input,
    cwd: '/',
    maxBuffer: 16 * 1024 * 1024,
  })
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${error?.message ?? ''}\n${stdout}\n${stderr}`)
  return stdout
}

export interface RunningServer {
  readonly pid: number
  stop(): Promise<void>
}

/** Starts a server in the foreground and waits until it is ready. Throws with what it said if it ends before, or is not ready in 60 s. */
export async function startServer(
  user: string,
  program: string,
  words: readonly string[],
  isReady: () => boolean | Promise<boolean>,
): Promise<RunningServer> {
  const child = spawn(program, words, { ...userIds(user), cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  const keep = (part: Buffer): void => {
    said = (said + part.toString()).slice(-4000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  child.on('error', (error) => {
    said += error.message
  })
  const ended = new Promise<void>((resolve) => {
    child.on('close', () => resolve())
  })
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
    await ended
    clearTimeout(timer)
  }
  for (let tries = 0; tries < 600; tries++) {
    if (child.exitCode !== null || child.pid === undefined) break
    try {
      if (await isReady()) return { pid: child.pid, stop }
    } catch {
      // Not yet.
    }
    await pause(100)
  }
  await stop()
  throw new Error(`${program} ${words.join(' ')} was not ready: ${said}`)
}
